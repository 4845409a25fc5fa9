"""Any torch module as a regressor."""

from __future__ import annotations

from typing import Any, Self

from dovetail.data.batches import Batch
from dovetail.deep._any_module import ModuleNet
from dovetail.deep._numbers import NumbersNet

__all__ = ["NetRegressor"]


class NetRegressor(ModuleNet, NumbersNet):
    """Numbers from any torch module.

    The module maps a batch to predictions, (n, n_outputs); (n, 1) and (n,) are the same. All
    parameters but `class_weight` are those of `NetClassifier`; the default loss is the squared
    error. Scale y, too, where its numbers are far from 1 (`TransformedTargetRegressor` does).

    Attributes
    ----------
    history_ : dict of lists, an entry an epoch
    n_iter_ : int, epochs of this fit
    program_ : the trained module, without gradients, in evaluation mode

    Examples
    --------
    >>> from dovetail.deep import NetRegressor
    >>> X, y = [[i / 10] for i in range(-10, 11)], [abs(i / 10) for i in range(-10, 11)]
    >>> model = NetRegressor(lr=0.01, max_epochs=300, random_state=0).fit(X, y)
    >>> model.predict([[-0.7], [0.3]]).round(1).tolist()
    [0.699999988079071, 0.30000001192092896]
    """

    @classmethod
    def _examples(cls) -> list[Self]:
        quick: dict[str, Any] = {"max_epochs": 30, "random_state": 0, "lr": 0.01}
        return [cls(dtype="float64", module__hidden=(16,), **quick)]

    def _sizes(self, rows: Batch) -> dict[str, Any]:
        assert rows.y is not None
        return super()._sizes(rows) | {"n_outputs": 1 if rows.y.ndim == 1 else rows.y.shape[1]}

    def _compares_numbers(self) -> bool:
        return self.loss is None

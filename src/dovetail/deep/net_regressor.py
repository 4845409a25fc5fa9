"""Any torch module as a regressor."""

from __future__ import annotations

from typing import Any, Self

from torch import Tensor, nn

from dovetail.base import Accepts, WeightedRegressor
from dovetail.data.batches import Batch
from dovetail.data.door import flat_if_single
from dovetail.deep._net import Net
from dovetail.nn.criteria import SquaredDistance

__all__ = ["NetRegressor"]


class NetRegressor(Net, WeightedRegressor):
    """Numbers from any torch module.

    The module maps a batch to predictions, (n, n_outputs); (n, 1) and (n,) are the same. All
    parameters but `class_weight` are those of `NetClassifier`; the default loss is the squared
    error. Scale y, too, where its numbers are far from 1 (`TransformedTargetRegressor` does).

    Attributes
    ----------
    history_ : list of dict, one an epoch, as `pandas.DataFrame` takes it
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

    accepts = Accepts(multi_output=True)

    @classmethod
    def _examples(cls) -> list[Self]:
        quick: dict[str, Any] = {"max_epochs": 30, "random_state": 0, "lr": 0.01}
        return [cls(dtype="float64", module__hidden=(16,), **quick)]

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one more epoch, on these rows; arguments as in `fit`.

        Returns
        -------
        self
        """
        return self._go_on(X, y, sample_weight, incremental=True)

    def _open_y(self, y: Any, X: Any) -> Tensor | None:
        target = super()._open_y(y, X)
        return None if target is None else flat_if_single(target)

    def _targets(self, rows: Batch) -> Batch:
        assert rows.y is not None
        self._flat_target = rows.y.ndim == 1
        return rows

    def _sizes(self, rows: Batch) -> dict[str, Any]:
        assert rows.y is not None
        return super()._sizes(rows) | {"n_outputs": 1 if rows.y.ndim == 1 else rows.y.shape[1]}

    def _default_loss(self) -> type[nn.Module]:
        return SquaredDistance

    def _fitting(self, outputs: Any, rows: Batch) -> Any:
        if not isinstance(outputs, Tensor):
            return outputs
        assert rows.y is not None
        if self._flat_target and outputs.ndim == 2 and outputs.shape[1] == 1:
            outputs = outputs[:, 0]
        if self.loss is None and outputs.shape != rows.y.shape:
            raise ValueError(
                f"The module's output has shape {tuple(outputs.shape)}, but the targets have "
                f"{tuple(rows.y.shape)}. Have the module take n_outputs."
            )
        return outputs

    def _program_fields(self, module: nn.Module) -> dict[str, Any]:
        return {"flat": self._flat_target, "method": ""}

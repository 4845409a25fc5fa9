"""Any torch module as a transformer."""

from __future__ import annotations

from typing import Any, Self

import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils import Tags
from torch import Tensor, nn

from dovetail.base import WeightedTransformer
from dovetail.data.batches import Batch, Batches
from dovetail.data.door import open_targets
from dovetail.deep._any_module import ModuleNet
from dovetail.deep._program import NetOutputs
from dovetail.nn.criteria import SquaredDistance
from dovetail.nn.reconstruction import Reconstruction

__all__ = ["NetTransformer"]


class NetTransformer(ClassNamePrefixFeaturesOutMixin, ModuleNet, WeightedTransformer):
    """New columns from any torch module.

    The module learns to give back its input, and `transform` calls its `encode`; where it has none,
    the module itself. With a `loss` of your own and y, numbers, it learns these. All parameters but
    `class_weight` are those of `NetClassifier`. A module's constructor is told `n_features`, and
    `n_outputs`, as many as there are targets.

    Parameters
    ----------
    module : default=Reconstruction
        `dovetail.nn.reconstruction.Reconstruction` squeezes rows through `module__n_components`
        numbers.

    Attributes
    ----------
    history_ : dict of lists, an entry an epoch
    n_iter_ : int, epochs of this fit
    program_ : the trained module as a map of rows to the new columns

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from dovetail.deep import NetTransformer
    >>> X, _ = load_iris(return_X_y=True)
    >>> model = NetTransformer(module__n_components=2, random_state=0, max_epochs=5)
    >>> model.fit_transform(X).shape
    (150, 2)
    """

    module: Any = Reconstruction

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(dtype="float64", module__n_components=2, max_epochs=5, random_state=0)]

    def _open_y(self, y: Any, X: Any) -> Tensor | None:
        if y is None or self.loss is None:  # pipelines give y to every step
            return None
        return open_targets(y, X, self, multi_output=True).to(X.dtype)

    def _targets(self, rows: Batch) -> Batch:
        return rows if rows.y is not None else Batch(rows.X, rows.X, rows.w)

    def _sizes(self, rows: Batch) -> dict[str, Any]:
        assert rows.y is not None
        width = rows.y.shape[1] if rows.y.ndim > 1 else 1
        return super()._sizes(rows) | {"n_outputs": width}

    def _default_loss(self) -> type[nn.Module]:
        return SquaredDistance

    def _program_fields(self, module: nn.Module) -> dict[str, Any]:
        return {"flat": False, "method": "encode" if hasattr(module, "encode") else ""}

    def _train(self, batches: Batches, before: Any, *, incremental: bool) -> NetOutputs:
        program = super()._train(batches, before, incremental=incremental).eval()
        with torch.no_grad():
            self._n_features_out = program(batches.head.rows(0, 1).X).flatten(1).shape[1]
        return program

    def _transform(self, X: Any) -> Tensor:
        out: Tensor = self._program(X)
        return out.flatten(1)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = [self.dtype]
        return tags

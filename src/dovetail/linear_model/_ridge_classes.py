"""Classes as targets of least squares: 1 for a row's own, −1 for the others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from sklearn.utils import Tags
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import type_of_target
from torch import Tensor

from dovetail.base import Accepts, Decisions, WeightedClassifier
from dovetail.data.batches import Batch, Batches
from dovetail.data.columns import Columns
from dovetail.data.sparse import Matrix
from dovetail.data.tensors import as_numpy
from dovetail.linear_model._roles import Coefficients, shape_of
from dovetail.linear_scores import Linear

__all__ = ["RidgeClasses"]


class RidgeClasses(Coefficients, Decisions, WeightedClassifier):
    """Role of ridge classifiers; y may also be a matrix of zeros and ones, several labels a row."""

    accepts = Accepts(sparse=("csr", "csc"), negative_weights=False)
    _labels = 0  # that y has beside one another, 0 where it is one column of classes
    _flat_target = False

    def _open_y(self, y: Any, X: Matrix | Columns) -> Tensor | None:
        shape = shape_of(y)
        if len(shape) != 2 or shape[1] < 2 or not type_of_target(y).startswith("multilabel"):
            self._labels = 0
            return super()._open_y(y, X)
        labels: Any = np.asarray(y)
        self._labels = labels.shape[1]
        self.classes_ = np.arange(self._labels)
        if len(labels) != len(X):
            raise ValueError(
                "Found input variables with inconsistent numbers of samples: "
                f"{[len(X), len(labels)]}"
            )
        return torch.from_numpy(np.ascontiguousarray(labels != 0)).long().to(X.device)

    def _receive(self, X: Any, y: Any, sample_weight: Any, *, reset: bool = True) -> Batches:
        me: Any = self
        if len(shape_of(y)) != 2 or me.class_weight is None:
            return super()._receive(X, y, sample_weight, reset=reset)
        kept, me.class_weight = me.class_weight, None
        try:
            batches = super()._receive(X, y, sample_weight, reset=reset)
        finally:
            me.class_weight = kept
        by_row = compute_sample_weight(kept, as_numpy(batches.y))
        w = torch.from_numpy(by_row).to(device=batches.device, dtype=batches.dtype)
        w = w if batches.w is None else w * batches.w
        return Batches(Batch(batches.X, batches.whole.y, w))

    def _targets(self, batches: Batches) -> Batches:
        """The rows with targets 1 and −1, of shape (n, t)."""
        k = len(self.classes_)

        def signs(b: Batch) -> Batch:
            y = b.y
            assert y is not None
            if self._labels:
                on = y.bool()
            elif k <= 2:
                on = (y == 1)[:, None]
            else:
                on = y[:, None] == torch.arange(k, device=y.device)
            return replace(b, y=on.to(b.X.dtype) * 2 - 1)

        return batches.mapped(signs)

    def _truth(self, batches: Batches) -> Any:
        """What a scorer compares predictions with."""
        codes = as_numpy(batches.targets())
        return codes if self._labels else self.classes_[codes]

    def _decide(self, F: Any) -> Any:
        """Labels from scores (n,) or (n, k)."""
        if self._labels:
            return (F > 0).astype(np.int64)
        return self.classes_[(F > 0).astype(np.int64) if F.ndim == 1 else F.argmax(1)]

    def predict(self, X: Any) -> Any:
        """Predicted labels, shape (n_samples,), or (n_samples, n_labels) where y was a matrix."""
        if not self._labels:
            return super().predict(X)
        return self._run(lambda opened: (self._scores(opened) > 0).long(), X)

    def _as_program(self, coef: Tensor, offset: Tensor, dtype: torch.dtype) -> Linear:
        return Linear(coef.to(dtype), offset.to(dtype), "logistic", len(coef) == 1)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

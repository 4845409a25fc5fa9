"""Gradient boosting of histogram trees, for classes."""

from collections.abc import Iterator
from dataclasses import KW_ONLY
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.base import Decisions, Probabilities, WeightedClassifier
from dovetail.data.door import column_of
from dovetail.data.tensors import as_numpy
from dovetail.ensemble._hist_gradient_boosting import HistGradientBoosting
from dovetail.objective.losses import BinaryLogLoss, Loss, MultinomialLogLoss

__all__ = ["HistGradientBoostingClassifier"]


class HistGradientBoostingClassifier(
    HistGradientBoosting, Probabilities, Decisions, WeightedClassifier
):
    """..."""

    keeps_shares: ClassVar[bool] = True

    loss: Literal["log_loss"] = "log_loss"
    _: KW_ONLY
    class_weight: dict[Any, float] | Literal["balanced"] | None = None

    @classmethod
    def _examples(cls) -> list[Self]:
        # `min_samples_leaf` counts rows: only with 1 are weights repetitions
        small: dict[str, Any] = {"max_iter": 10, "min_samples_leaf": 1, "max_leaf_nodes": 8}
        return [cls(**small), cls(**small, max_depth=2, max_bins=7, l2_regularization=1.0)]

    def _objective(self, y: Tensor) -> tuple[Tensor, Loss, int]:
        k = len(self.classes_)
        return (y.double(), BinaryLogLoss(), 1) if k <= 2 else (y, MultinomialLogLoss(k), k)

    def _open_further_y(self, y: Any, X: Tensor) -> Tensor:
        labels = column_of(y, self)
        codes = np.searchsorted(self.classes_, labels).clip(max=len(self.classes_) - 1)
        unseen = labels[self.classes_[codes] != labels]
        if len(unseen):
            raise ValueError(f"y contains previously unseen labels: {np.unique(unseen).tolist()}")
        return torch.from_numpy(codes)

    def _labels(self, y: Tensor) -> npt.NDArray[Any]:
        return self.classes_[as_numpy(y).astype(np.int64)]

    def staged_predict(self, X: Any) -> Iterator[npt.NDArray[Any]]:
        """Predicted labels after each iteration, each of shape (n_samples,)."""
        return (self._decoded(codes) for codes in self._staged(X, self._codes))

    def staged_predict_proba(self, X: Any) -> Iterator[Any]:
        """Probabilities after each iteration, each of shape (n_samples, n_classes)."""
        return self._staged(X, lambda F: self._program.link(F))

    def staged_decision_function(self, X: Any) -> Iterator[Any]:
        """Scores after each iteration, shape (n_samples,) for two classes, else (n_samples,
        n_classes).
        """
        return self._staged(X, lambda F: F)

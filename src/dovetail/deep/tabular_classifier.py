"""A modern net for tables, for classes."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any, Literal, Self

import numpy as np
from torch import Tensor
from torch.nn import functional

from dovetail.base import Decisions, Probabilities, WeightedClassifier
from dovetail.data.batches import Batch
from dovetail.data.tensors import as_numpy
from dovetail.deep._tabular import TabularNet
from dovetail.deep._tabular_program import TabularScores, log_mean_probabilities

__all__ = ["TabularClassifier"]


class TabularClassifier(TabularNet, Probabilities, Decisions, WeightedClassifier):
    """A modern net for tables, for classes."""

    program_type = TabularScores

    _: KW_ONLY
    class_weight: dict[Any, float] | Literal["balanced"] | None = None

    def _targets(self, rows: Batch) -> Batch:
        return Batch(rows.X, rows.y, None if rows.w is None else rows.w.float(), rows.start)

    def _sizes(self, rows: Batch) -> dict[str, Any]:
        return super()._sizes(rows) | {"n_outputs": len(self.classes_)}

    def _together(self, outputs: Tensor) -> Tensor:
        return log_mean_probabilities(outputs)

    def _losses(self, outputs: Tensor, y: Any) -> Tensor:
        m, k, classes = outputs.shape
        flat = outputs.reshape(m * k, classes)
        targets = y.repeat_interleave(k)
        return functional.cross_entropy(flat, targets, reduction="none").view(m, k)

    def _strata(self, rows: Batch) -> Any:
        assert rows.y is not None
        y = as_numpy(rows.y)
        return y if np.bincount(y).min() > 1 else None

    def _program_fields(self, module: Any) -> dict[str, Any]:
        return {"flat": False, "method": ""}

    def _codes(self, scores: Tensor) -> Tensor:
        return super()._codes(scores).clamp(max=len(self.classes_) - 1)

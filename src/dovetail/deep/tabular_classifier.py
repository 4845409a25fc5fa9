"""A modern net for tables, for classes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

from torch import Tensor
from torch.nn import functional

from dovetail.data.batches import Batch
from dovetail.deep._classes import ClassesNet
from dovetail.deep._tabular import TabularNet
from dovetail.deep._tabular_program import TabularScores, log_mean_probabilities

__all__ = ["TabularClassifier"]


class TabularClassifier(TabularNet, ClassesNet):
    """A modern net for tables, for classes."""

    program_type = TabularScores

    @classmethod
    def _examples(cls) -> list[Self]:
        quick: dict[str, Any] = {"n_members": 3, "width": 8, "max_epochs": 4, "lr": 0.01}
        return [cls(dtype="float64", random_state=0, **quick)]

    def _targets(self, rows: Batch) -> Batch:
        return replace(rows, w=None if rows.w is None else rows.w.to(self._dtype))

    def _n_outputs(self, rows: Batch) -> int:
        return len(self.classes_)

    def _together(self, outputs: Tensor) -> Tensor:
        return log_mean_probabilities(outputs)

    def _losses(self, outputs: Tensor, y: Any) -> Tensor:
        m, k, classes = outputs.shape
        flat = outputs.reshape(m * k, classes)
        targets = y.repeat_interleave(k)
        return functional.cross_entropy(flat, targets, reduction="none").view(m, k)

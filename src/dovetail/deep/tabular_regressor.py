"""A modern net for tables, for numbers."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor

from dovetail.base import Accepts, WeightedRegressor
from dovetail.data.batches import Batch, Batches
from dovetail.data.door import flat_if_single
from dovetail.deep._tabular import TabularNet
from dovetail.deep._tabular_program import TabularNumbers

__all__ = ["TabularRegressor"]


class TabularRegressor(TabularNet, WeightedRegressor):
    """A modern net for tables, for numbers."""

    accepts = Accepts(missing=True, multi_output=True)
    program_type = TabularNumbers

    def _open_y(self, y: Any, X: Any) -> Tensor | None:
        target = super()._open_y(y, X)
        return None if target is None else flat_if_single(target)

    def _train(self, batches: Batches, before: Any, *, incremental: bool) -> Any:
        if before is None:
            self._look_at_targets(batches.whole)
        return super()._train(batches, before, incremental=incremental)

    def _look_at_targets(self, rows: Batch) -> None:
        """Center and spread of the targets, weighted, float64 of shape (o,)."""
        assert rows.y is not None
        self._flat_target = rows.y.ndim == 1
        y = rows.y.double().view(len(rows), -1)
        w = torch.ones_like(y[:, :1]) if rows.w is None else rows.w.double()[:, None]
        self._center = (w * y).sum(0) / w.sum()
        spread = ((w * (y - self._center).square()).sum(0) / w.sum()).sqrt()
        self._spread = torch.where(spread > 0, spread, 1.0)

    def _targets(self, rows: Batch) -> Batch:
        assert rows.y is not None
        y = (rows.y.double().view(len(rows), -1) - self._center) / self._spread
        w = None if rows.w is None else rows.w.float()
        return Batch(rows.X, y.float(), w, rows.start)

    def _sizes(self, rows: Batch) -> dict[str, Any]:
        assert rows.y is not None
        return super()._sizes(rows) | {"n_outputs": rows.y.shape[1]}

    def _together(self, outputs: Tensor) -> Tensor:
        return outputs.mean(1)

    def _losses(self, outputs: Tensor, y: Any) -> Tensor:
        return (outputs - y[:, None]).square().mean(2)

    def _program_fields(self, module: Any) -> dict[str, Any]:
        fields = {"flat": self._flat_target, "method": ""}
        return fields | {"center": self._center, "spread": self._spread}

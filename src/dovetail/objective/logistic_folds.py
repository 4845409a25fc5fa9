"""Logistic losses of two classes on the same rows, weighted otherwise in each of several folds.

    f_j(θ_j) = Σ_i w_ji l(y_i, x_i·c_j + b_j)    with Σ_i w_ji = 1

Legend: m folds, n rows, d features; θ (m, d + 1) holds the coefficients c_j and, where there are
intercepts, the b_j as its last column. θ is float64; products with X run in X's dtype.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.kernels import moments
from dovetail.objective.losses import BinaryLogLoss

__all__ = ["LogisticFolds", "Look"]

_LOSS = BinaryLogLoss()


class Look(NamedTuple):
    """What one pass over the rows tells of θ.

    curvatures : of each row in each fold, weighted, (m, n); None where rows are not in memory
    losses : (m,); gradients : of θ's shape
    """

    theta: Tensor
    curvatures: Tensor | None
    losses: Tensor
    gradients: Tensor


@dataclass(eq=False)
class LogisticFolds:
    """The losses of all folds at once, as sums over batches.

    batches : dense rows; y is 0 or 1 in X's dtype
    times : how often a fold has each of all rows, (m, n); 0 leaves a row out
    intercept : whether θ's last column is an intercept

    `totals` (m,) is the weight of the rows of each fold.
    """

    batches: Batches
    times: Tensor
    intercept: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Of θ."""
        return len(self.times), self.batches.n_features + self.intercept

    def __post_init__(self) -> None:
        # of all processes, which are asked here and not in the midst of a sum
        self._before = self.batches.rows_before()
        self.totals: Tensor = self.batches.sum(lambda b: self._weights(b).sum(1))

    def _weights(self, b: Batch) -> Tensor:
        first = self._before + b.start
        w = self.times[:, first : first + len(b)].double()
        return w if b.w is None else w * b.w.double()

    @cached_property
    def _kept_shares(self) -> Tensor:
        return self._shares_of(self.batches.own)

    def _shares_of(self, b: Batch) -> Tensor:
        return (self._weights(b) / self.totals[:, None]).to(b.X.dtype)

    def _shares(self, b: Batch) -> Tensor:
        """w of a block's rows, (m, n)."""
        return self._kept_shares if b is self.batches.source else self._shares_of(b)

    def _scores(self, b: Batch, theta: Tensor) -> Tensor:
        d = b.X.shape[1]
        F = theta[:, :d].to(b.X.dtype) @ b.X.T
        return F + theta[:, d:].to(F.dtype) if self.intercept else F

    def look(self, theta: Tensor) -> Look:
        """Losses and gradients. Cost O(n d m), two products with X."""
        kept: list[Tensor] = []

        def block(b: Batch) -> tuple[Tensor, Tensor]:
            F, w = self._scores(b, theta), self._shares(b)
            losses = _LOSS.value(b.y, F).mul_(w).double().sum(1)  # type: ignore[arg-type]
            g, h = _LOSS.gradient_curvature(b.y, F)  # type: ignore[arg-type]
            g *= w
            gradients = (g @ b.X).double()
            if self.intercept:
                gradients = torch.cat([gradients, g.double().sum(1, keepdim=True)], 1)
            if self.batches.in_memory:
                kept.append(h.mul_(w))
            return losses, gradients

        losses, gradients = self.batches.sum(block)
        return Look(theta, torch.cat(kept, 1) if kept else None, losses, gradients)

    def hessians(self, look: Look, mix: Tensor) -> Tensor:
        """Σ_i h_i x_i x_iᵀ, (r, d + 1, d + 1), where x_i has a last 1 for the intercept, and h is
        each row of mix (r, m) times the folds' curvatures. Formed in float64, in which a weak
        penalty is seen. Cost O(n d²) each, and a pass where rows are not in memory.
        """
        size = self.shape[1]

        def block(b: Batch) -> Tensor:
            X = b.X
            if look.curvatures is None:
                h = _LOSS.curvature(b.y, self._scores(b, look.theta)) * self._shares(b)  # type: ignore[arg-type]
            else:
                h = look.curvatures[:, b.start : b.start + len(b)]
            targets, shift = X.new_empty(len(X), 0), torch.zeros(X.shape[1], dtype=torch.float64)
            rows = mix @ h.double()
            return torch.stack(
                [moments.products(X, targets, each, shift, shift[:0]) for each in rows]
            )

        found: Tensor = self.batches.sum(block)
        return found[:, :size, :size]

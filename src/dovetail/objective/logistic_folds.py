"""Logistic losses of two classes on the same rows, weighted otherwise in each of several folds.

    f_j(θ_j) = Σ_i w_ji l(y_i, x_i·c_j + b_j)    with Σ_i w_ji = 1

Legend: m folds, n rows, d features; θ (m, d + 1) holds the coefficients c_j and, where there are
intercepts, the b_j as its last column. θ is float64; products with X run in X's dtype.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dovetail.kernels import moments
from dovetail.objective.losses import BinaryLogLoss

__all__ = ["LogisticFolds", "Look"]

_LOSS = BinaryLogLoss()


class Look(NamedTuple):
    """What one pass over the rows tells of θ.

    curvatures : of each row in each fold, weighted, (m, n)
    losses : (m,); gradients : of θ's shape
    """

    curvatures: Tensor
    losses: Tensor
    gradients: Tensor


@dataclass(frozen=True)
class LogisticFolds:
    """The losses of all folds at once.

    X : (n, d); y : (n,), 0 or 1 in X's dtype
    w : (m, n), whose rows have the sum 1; 0 leaves a row out
    intercept : whether θ's last column is an intercept
    """

    X: Tensor
    y: Tensor
    w: Tensor
    intercept: bool

    @property
    def shape(self) -> tuple[int, int]:
        """Of θ."""
        return len(self.w), self.X.shape[1] + self.intercept

    def look(self, theta: Tensor) -> Look:
        """Losses and gradients. Cost O(n d m), two products with X."""
        d = self.X.shape[1]
        F = theta[:, :d].to(self.X.dtype) @ self.X.T
        if self.intercept:
            F += theta[:, d:].to(F.dtype)
        losses = _LOSS.value(self.y, F).mul_(self.w).double().sum(1)
        g, h = _LOSS.gradient_curvature(self.y, F)
        g *= self.w
        gradients = (g @ self.X).double()
        if self.intercept:
            gradients = torch.cat([gradients, g.double().sum(1, keepdim=True)], 1)
        return Look(h.mul_(self.w), losses, gradients)

    def hessians(self, curvatures: Tensor) -> Tensor:
        """Σ_i h_i x_i x_iᵀ of each row of curvatures, (·, d + 1, d + 1), where x_i has a last 1
        for the intercept. Formed in float64, in which a weak penalty is seen. Cost O(n d²) each.
        """
        X, size = self.X, self.shape[1]
        targets, shift = X.new_empty(len(X), 0), torch.zeros(X.shape[1], dtype=torch.float64)
        found = [moments.products(X, targets, h, shift, shift[:0]) for h in curvatures.double()]
        return torch.stack(found)[:, :size, :size]

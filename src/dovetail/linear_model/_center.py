"""Means of X and y, so that least squares needs no intercept."""

from typing import NamedTuple

import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.statistics import column_moments, targets_of
from dovetail.data.triangle import triangle

__all__ = ["Centered", "center", "centered_triangle"]


class Centered(NamedTuple):
    """Weighted means (zero without an intercept), float64: of X (d,), of y (t,)."""

    x: Tensor
    y: Tensor

    def intercept(self, coef: Tensor) -> Tensor:
        """The intercept, (t,), that belongs to coefficients (t, d)."""
        return self.y - coef @ self.x


def center(batches: Batches, *, intercept: bool) -> Centered:
    """Means of all rows, whose targets are of shape (n, t); zeros where no intercept is wanted."""
    both = batches, targets_of(batches)
    if intercept:
        return Centered(*(column_moments(b, variance=False).mean for b in both))
    zeros = (torch.zeros(b.n_features, dtype=torch.float64, device=b.device) for b in both)
    return Centered(*zeros)


def centered_triangle(batches: Batches, means: Centered) -> tuple[Tensor, Tensor]:
    """R, (min(n, d), d), and Qᵀ y, (min(n, d), t), of √W (X − x̄) = Q R; float64, for dense X."""
    d = batches.n_features

    def rows(b: Batch) -> Tensor:
        X, y = _shifted(b, means)
        both = torch.cat([X, y], 1).double()
        return both if b.w is None else both * b.w.double().sqrt()[:, None]

    R = triangle(batches, rows, width=d + batches.n_targets)
    top = min(len(R), d)
    return R[:top, :d], R[:top, d:]


def _shifted(b: Batch, means: Centered) -> tuple[Tensor, Tensor]:
    """X − x̄ and y − ȳ of a block."""
    assert b.y is not None
    return b.X - means.x.to(b.X.dtype), b.y - means.y.to(b.y.dtype)

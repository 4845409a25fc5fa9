"""Means of X and y, so that least squares needs no intercept."""

from typing import NamedTuple

import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.statistics import column_moments, targets_of

# Rows of a block: its shifted copy stays small beside X, and its products are still efficient.
_ROWS = 8192

__all__ = ["Centered", "center", "triangle"]


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


def triangle(batches: Batches, means: Centered) -> tuple[Tensor, Tensor]:
    """R, (min(n, d), d), and Qᵀ y, (min(n, d), t), of √W (X − x̄) = Q R; float64, for dense
    X.

    Triangles of blocks, one under the other, have the triangle of all rows (Demmel et al. 2012,
    https://doi.org/10.1137/080731992): this is a fold, as backward stable as one factorization.
    """
    d = batches.n_features

    def block(b: Batch) -> Tensor:
        X, y = _shifted(b, means)
        both = torch.cat([X, y], 1).double()
        if b.w is not None:
            both *= b.w.double().sqrt()[:, None]
        return _r(both)

    R = batches.in_blocks(max(_ROWS, 4 * d)).fold(block, lambda a, b: _r(torch.cat([a, b])))
    top = min(len(R), d)
    return R[:top, :d], R[:top, d:]


def _r(A: Tensor) -> Tensor:
    R: Tensor = torch.linalg.qr(A, mode="r").R
    return R


def _shifted(b: Batch, means: Centered) -> tuple[Tensor, Tensor]:
    """X − x̄ and y − ȳ of a block."""
    assert b.y is not None
    return b.X - means.x.to(b.X.dtype), b.y - means.y.to(b.y.dtype)

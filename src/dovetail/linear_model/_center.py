"""Means of X and y, so that least squares needs no intercept."""

from typing import NamedTuple

import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.statistics import column_moments

# Rows of a block: its shifted copy stays small beside X, and its products are still efficient.
_ROWS = 8192

__all__ = ["Centered", "center", "triangle"]


class Centered(NamedTuple):
    """Weighted means (zero without an intercept), float64: of X (d,), of y (t,); y as (n, t)."""

    x: Tensor
    y: Tensor
    targets: Tensor

    def intercept(self, coef: Tensor) -> Tensor:
        """The intercept, (t,), that belongs to coefficients (t, d)."""
        return self.y - coef @ self.x


def center(batches: Batches, *, intercept: bool) -> Centered:
    """Means of all rows; zeros where no intercept is wanted. One pass."""
    y = batches.y if batches.y.ndim == 2 else batches.y[:, None]
    if intercept:
        x_mean = column_moments(batches, variance=False).mean
        y_mean = column_moments(Batches(Batch(y, None, batches.w)), variance=False).mean
    else:
        x_mean = torch.zeros(batches.n_features, dtype=torch.float64, device=batches.device)
        y_mean = torch.zeros(y.shape[1], dtype=torch.float64, device=batches.device)
    return Centered(x_mean, y_mean, y)


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

    whole = Batches(Batch(batches.X, means.targets, batches.w))
    R = whole.in_blocks(max(_ROWS, 4 * d)).fold(block, lambda a, b: _r(torch.cat([a, b])))
    top = min(len(R), d)
    return R[:top, :d], R[:top, d:]


def _r(A: Tensor) -> Tensor:
    R: Tensor = torch.linalg.qr(A, mode="r").R
    return R


def _shifted(b: Batch, means: Centered) -> tuple[Tensor, Tensor]:
    """X − x̄ and y − ȳ of a block."""
    assert b.y is not None
    return b.X - means.x.to(b.X.dtype), b.y - means.y.to(b.y.dtype)

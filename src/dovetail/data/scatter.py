"""Products of centered columns, of all rows and of each class, as sums over blocks of rows.

Everything is added up in float64, whatever the dtype of X.

Legend: n rows, d columns, k classes.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.cross_moments import column_products

__all__ = ["Scatter", "class_scatters", "fourth_powers", "pooled_scatter", "scatter"]

# Numbers of a block: 4 MB of float64. Smaller ones leave threads waiting (50,000 x 16: 42 ms in
# blocks of 2¹⁶, 22 in these).
_NUMBERS = 2**19


class Scatter(NamedTuple):
    """rows : their number, n; mean : (d,); products : Σ (x − mean)(x − mean)ᵀ, (d, d); float64."""

    rows: int
    mean: Tensor
    products: Tensor

    @property
    def covariance(self) -> Tensor:
        """Maximum-likelihood covariance, (d, d)."""
        return self.products / self.rows


def scatter(batches: Batches, *, centered: bool = True) -> Scatter:
    """Products of all rows about their mean, or about zero. Cost O(n d²), one pass."""
    m = column_products(batches, centered=centered, exact=True)
    return Scatter(len(batches), m.x, m.xx)


def fourth_powers(batches: Batches, mean: Tensor, scale: Tensor | None = None) -> Tensor:
    """Σ ‖(x − mean) / scale‖⁴ over all rows; with a mean and a scale a class, (k, d), over the rows
    of each class, (k,). Cost O(n d).
    """

    def own(values: Tensor, b: Batch) -> Tensor:
        return values if b.y is None or values.ndim == 1 else values.index_select(0, b.y)

    def block(b: Batch) -> Tensor:
        Z = b.X.double() - own(mean, b)
        if scale is not None:
            Z /= own(scale, b)
        fourth = Z.square_().sum(1).square_()
        if b.y is None or mean.ndim == 1:
            return fourth.sum()
        return fourth.new_zeros(len(mean)).index_add_(0, b.y, fourth)

    return _blocks(batches).sum(block)


def pooled_scatter(batches: Batches, means: Tensor, shares: Tensor) -> Tensor:
    """Σ share (x − mean)(x − mean)ᵀ with the mean, a row of (k, d), and the share, one of (k,), of
    each row's class; (d, d). Cost O(n d²).
    """
    same = bool((shares == shares[0]).all())
    roots = shares.sqrt()

    def block(b: Batch) -> Tensor:
        assert b.y is not None
        Z = b.X.double() - means.index_select(0, b.y)
        if not same:
            Z *= roots.index_select(0, b.y)[:, None]
        return Z.T @ Z

    total: Tensor = _blocks(batches).sum(block)
    return total * shares[0] if same else total


def class_scatters(batches: Batches, means: Tensor) -> Tensor:
    """Σ (x − mean)(x − mean)ᵀ over the rows of each class, (k, d, d). Cost O(n d²)."""
    k, d = means.shape

    def block(b: Batch) -> Tensor:
        assert b.y is not None
        order = b.y.argsort(stable=True)
        counts = torch.bincount(b.y, minlength=k).tolist()
        own = means.index_select(0, b.y.index_select(0, order))
        Z = b.X.index_select(0, order).double() - own
        return torch.stack([part.T @ part for part in torch.split(Z, counts)])

    return _blocks(batches, 2 * k * d).sum(block)


def _blocks(batches: Batches, least: int = 1024) -> Batches:
    """The rows in blocks for products, of at least so many rows."""
    return batches.in_blocks(max(least, _NUMBERS // max(1, batches.n_features)))

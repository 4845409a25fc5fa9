"""Sums and squares of many columns, about their first row: what a lasso with more columns than rows
begins with.

Shapes: n rows, d columns.
"""

from __future__ import annotations

from torch import Tensor

from dovetail.kernels.wide_moments import cpu, reference

__all__ = ["ROWS", "moments", "worthwhile"]

ROWS = 1024  # of a block: so many of the columns that are summed together stay in the cache
_WIDE = 512  # columns, from which torch, block by block, takes several times as long


def worthwhile(X: Tensor) -> bool:
    """Whether the loop is there and fast for these rows."""
    return X.device.type == "cpu" and X.shape[1] >= _WIDE and len(X) > 0 and X.is_contiguous()


def moments(X: Tensor) -> tuple[Tensor, Tensor]:
    """Means, and sums of squares about them, float64 of shape (d,); a constant column has its exact
    value and 0. NaN where a column is not finite.

    X : Tensor of shape (n, d), n > 0
    """
    if not worthwhile(X):
        return reference.moments(X)
    mean, squares = X.new_empty((2, X.shape[1])).double()
    cpu.moments(X.detach().numpy(), mean.numpy(), squares.numpy())
    return mean, squares

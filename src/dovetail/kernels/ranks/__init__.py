"""Where numbers stand among the sorted levels of their column: bins and ranks.

Shapes: n rows, d columns, k levels of each column.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dovetail.kernels.memory import empty
from dovetail.kernels.ranks import cpu, reference

__all__ = ["bins", "ranks"]


def bins(X: Tensor, edges: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """How many edges of its column are no greater than each number.

    Parameters
    ----------
    X : Tensor of shape (n, d), without NaN
    edges : Tensor of shape (d, k), float64, ascending in each row
    dtype : of the result, that of X if None

    Returns
    -------
    Tensor of shape (n, d), whole numbers

    Cost O(n d √k) on the CPU for up to a thousand edges, O(n d log k) elsewhere.
    """
    if not _native(X):
        return reference.bins(X, edges).to(dtype or X.dtype)
    out = empty(X.shape, dtype or X.dtype)
    cpu.bins(X.numpy(), edges.numpy(), out.numpy())
    return out


def ranks(X: Tensor, levels: Tensor, slack: float = 0.0) -> Tensor:
    """Position of each number among the levels of its column, counted from 0, with fractions.

    Between two levels it is interpolated; at levels that are equal it is their mean position; at or
    beyond the least level (or less than `slack` above it) 0, at or beyond the greatest k − 1.

    Parameters
    ----------
    X : Tensor of shape (n, d); NaN stays NaN
    levels : Tensor of shape (d, k), float64, ascending in each row; all NaN gives NaN
    slack : how near the outer levels a number counts as at them

    Returns
    -------
    Tensor of shape (n, d), in the dtype of X
    """
    if not _native(X):
        return reference.ranks(X, levels, slack)
    out = empty(X.shape, X.dtype)
    x, levels_dk, rank = X.numpy(), levels.numpy(), out.numpy()
    cpu.bins(x, levels_dk, rank)
    cpu.ranks(x, levels_dk, slack, rank)
    return out


def _native(X: Tensor) -> bool:
    """The compiled kernels are for the CPU, without gradients, outside export."""
    return (
        X.device.type == "cpu"
        and X.dtype in (torch.float32, torch.float64)
        and not X.requires_grad
        and not torch.compiler.is_compiling()
    )

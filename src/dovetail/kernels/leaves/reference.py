"""The functions of `cpu.py` in plain torch."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["add_values", "leaf_sums"]


def leaf_sums(rows: Tensor, begins: Tensor, values: Tensor, weights: Tensor) -> Tensor:
    """Sums of values and of weights over each leaf's stretch of rows, shape (l, 2)."""
    both = torch.stack([values, weights.expand_as(values)], dim=1)[rows]
    return values.new_zeros(len(begins) - 1, 2).index_add_(0, _leaf_of(begins), both)


def add_values(rows: Tensor, begins: Tensor, values: Tensor, out: Tensor) -> Tensor:
    """`out` with each leaf's value added to its rows."""
    return out.index_add(0, rows, values[_leaf_of(begins)])


def _leaf_of(begins: Tensor) -> Tensor:
    return torch.arange(len(begins) - 1, device=begins.device).repeat_interleave(begins.diff())

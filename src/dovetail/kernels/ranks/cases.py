"""Inputs over which the CPU kernels are held against the reference."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

__all__ = ["cases"]


def cases() -> Iterator[tuple[Tensor, Tensor]]:
    """(X, levels): few and many levels around the block size, ties, values at and beyond the outer
    levels, constant columns, one row, none, float32, columns in memory order, NaN levels.
    """
    rng = np.random.RandomState(0)
    for k in (1, 2, 31, 32, 33, 64, 1000):
        for dtype in (torch.float64, torch.float32):
            X = torch.from_numpy(rng.normal(size=(257, 3)).round(1)).to(dtype)
            levels = torch.from_numpy(np.sort(rng.normal(size=(3, k)).round(1), axis=1))
            yield X, levels
            yield X.T.contiguous().T, levels
            yield X[:1], levels
            yield X[:0], levels
            yield levels.T.to(dtype), levels
            yield X, torch.zeros_like(levels)
            yield X, torch.full_like(levels, torch.nan)

"""Rows of a tree's leaves: summed, and given their values.

The rows of a leaf are a stretch of one array of row numbers. Legend: n rows, l leaves.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from dovetail.kernels.compiled import compiled

__all__ = ["add_values", "leaf_sums"]

U = np.uint64
_SHARE_FROM = 2**15  # rows below which a second thread costs more than it saves


def leaf_sums(rows: Any, begins: Any, values: Any, weights: Any, out: Any) -> None:
    """Sums of values and of weights over the rows of each leaf, to out of shape (l, 2).

    begins : int64 of shape (l + 1,), where each leaf's rows begin, and their end
    weights : float64 of shape (n,), or (1,) where all rows have the same
    """
    total = _leaf_sums if len(rows) > _SHARE_FROM else _leaf_sums.sequential
    total(rows, begins, values, weights, out)


@compiled(parallel=True)
def _leaf_sums(rows: Any, begins: Any, values: Any, weights: Any, out: Any) -> None:
    same = len(weights) == 1
    for leaf in numba.prange(len(out)):  # each leaf in one thread: the order of its sum is fixed
        a, b = 0.0, 0.0
        for i in range(U(begins[leaf]), U(begins[leaf + 1])):
            r = rows[i]
            a += values[r]
            b += weights[0] if same else weights[r]
        out[leaf, 0], out[leaf, 1] = a, b


def add_values(rows: Any, begins: Any, values: Any, out: Any) -> None:
    """Add each leaf's value to its rows of out, float64 of shape (n,)."""
    add = _add_values if len(rows) > _SHARE_FROM else _add_values.sequential
    add(rows, begins, values, out)


@compiled(parallel=True)
def _add_values(rows: Any, begins: Any, values: Any, out: Any) -> None:
    for leaf in numba.prange(len(values)):
        for i in range(U(begins[leaf]), U(begins[leaf + 1])):
            out[rows[i]] += values[leaf]

"""Leaves of rows, some rows and a tree at a time.

The rows of a group take a step one after the other, so that the wait for one row's node overlaps
with the work on others; a group is done when none of its rows has moved, since trees that are grown
without a limit are three times as deep as most of their rows go. See `reference.py` for what the
arrays mean.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from dovetail.kernels.compiled import compiled

__all__ = ["add_values", "find_leaves"]

_GROUP = 16  # rows that go down together
_BLOCK = 256  # rows of a task: their values stay in the cache while tree after tree is passed
_SHARE_FROM = 2**13  # rows times trees, below which a second thread costs more than it saves


def add_values(X: Any, roots: Any, places: Any, threshold: Any, value: Any, out: Any) -> None:
    """Add the values of each row's leaves to out.

    Parameters
    ----------
    X : float array of shape (n, d)
    roots : int64 of shape (t,), first node of each tree
    places : int32 of shape (m, 2): twice the feature, 1 more where missing values go right; and the
        left child
    threshold : float64 of shape (m,)
    value : float64 of shape (m, s)
    out : float64 of shape (n, s)

    Cost O(n t (depth + s)).
    """
    add = _add_values if len(X) * len(roots) > _SHARE_FROM else _add_values.sequential
    add(X, roots, places, threshold, value, out)


def find_leaves(X: Any, roots: Any, places: Any, threshold: Any, out: Any) -> None:
    """Write the node of each row's leaf to out, int64 of shape (n, t)."""
    find = _find_leaves if len(X) * len(roots) > _SHARE_FROM else _find_leaves.sequential
    find(X, roots, places, threshold, out)


@compiled(parallel=True)
def _add_values(X: Any, roots: Any, places: Any, threshold: Any, value: Any, out: Any) -> None:
    n, s = out.shape
    for block in numba.prange((n + _BLOCK - 1) // _BLOCK):
        node = np.empty(_GROUP, np.int64)
        for t in range(len(roots)):
            for begin in range(block * _BLOCK, min(block * _BLOCK + _BLOCK, n), _GROUP):
                end = min(begin + _GROUP, n)
                _descend(X, begin, end, roots[t], places, threshold, node)
                for i in range(begin, end):
                    for c in range(s):
                        out[i, c] += value[node[i - begin], c]


@compiled(parallel=True)
def _find_leaves(X: Any, roots: Any, places: Any, threshold: Any, out: Any) -> None:
    n = len(X)
    for block in numba.prange((n + _BLOCK - 1) // _BLOCK):
        node = np.empty(_GROUP, np.int64)
        for t in range(len(roots)):
            for begin in range(block * _BLOCK, min(block * _BLOCK + _BLOCK, n), _GROUP):
                end = min(begin + _GROUP, n)
                _descend(X, begin, end, roots[t], places, threshold, node)
                for i in range(begin, end):
                    out[i, t] = node[i - begin]


@compiled(inner=True)
def _descend(
    X: Any, begin: int, end: int, root: int, places: Any, threshold: Any, node: Any
) -> None:
    """The leaves of rows begin … end − 1 of one tree."""
    node[:] = root
    moved = True
    while moved:
        moved = False
        for i in range(end - begin):
            at = np.uint64(node[i])
            place = places[at, 0]
            x = X[begin + i, place >> 1]
            right = (x > threshold[at]) or (x != x and place & 1 == 1)
            following = np.int64(places[at, 1]) + np.int64(right)
            moved |= following != node[i]
            node[i] = following

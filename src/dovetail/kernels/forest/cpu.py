"""Leaves of rows, a few rows and a tree at a time.

The rows of a group take a step one after the other, so that the wait for one row's node overlaps
with the work on others; a step is the same few instructions for every node, leaves included,
without a branch. A group is done when none of its rows has moved, since trees that are grown
without a limit are three times as deep as most of their rows go. Groups are always full, with the
last row repeated: a loop of known length takes 4 ns a step where one of unknown length takes 10
(20 trees of 7,000 nodes, 2.8 GHz Ice Lake).

Legend: n rows, d features, t trees, m nodes, s numbers of a prediction.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from dovetail.kernels.compiled import compiled

__all__ = ["add_values", "find_leaves"]

U = np.uint64
_GROUP = 8  # rows that go down together
_BLOCK = 256  # rows of a task: their values stay in the cache while tree after tree is passed
_SHARE_FROM = 2**13  # rows times trees, below which a second thread costs more than it saves


def add_values(
    X: Any, roots: Any, place: Any, left: Any, threshold: Any, value: Any, out: Any
) -> None:
    """Add the values of each row's leaves to out.

    Parameters
    ----------
    X : float array of shape (n, d)
    roots : int64 of shape (t,), first node of each tree
    place : int32 of shape (m,), twice the feature, and 1 more where missing values go right
    left : int32 of shape (m,), left child, that of a leaf is itself; the right one is the next node
    threshold : float64 of shape (m,), infinite in leaves
    value : float64 of shape (m, s)
    out : float64 of shape (n, s)

    Cost O(n t (depth + s)).
    """
    add = _add_values if len(X) * len(roots) > _SHARE_FROM else _add_values.sequential
    add(np.ascontiguousarray(X), roots, place, left, threshold, value, out)


def find_leaves(X: Any, roots: Any, place: Any, left: Any, threshold: Any, out: Any) -> None:
    """Write the node of each row's leaf to out, int64 of shape (n, t)."""
    find = _find_leaves if len(X) * len(roots) > _SHARE_FROM else _find_leaves.sequential
    find(np.ascontiguousarray(X), roots, place, left, threshold, out)


@compiled(parallel=True)
def _add_values(
    X: Any, roots: Any, place: Any, left: Any, threshold: Any, value: Any, out: Any
) -> None:
    n, s = out.shape
    for block in numba.prange((n + _BLOCK - 1) // _BLOCK):
        node, base = np.empty(_GROUP, np.int64), np.empty(_GROUP, np.int64)
        for t in range(len(roots)):
            for begin in range(block * _BLOCK, min(block * _BLOCK + _BLOCK, n), _GROUP):
                _descend(X, begin, roots[t], place, left, threshold, node, base)
                for i in range(begin, min(begin + _GROUP, n)):
                    for c in range(s):
                        out[i, c] += value[node[i - begin], c]


@compiled(parallel=True)
def _find_leaves(X: Any, roots: Any, place: Any, left: Any, threshold: Any, out: Any) -> None:
    n = len(X)
    for block in numba.prange((n + _BLOCK - 1) // _BLOCK):
        node, base = np.empty(_GROUP, np.int64), np.empty(_GROUP, np.int64)
        for t in range(len(roots)):
            for begin in range(block * _BLOCK, min(block * _BLOCK + _BLOCK, n), _GROUP):
                _descend(X, begin, roots[t], place, left, threshold, node, base)
                for i in range(begin, min(begin + _GROUP, n)):
                    out[i, t] = node[i - begin]


@compiled(inner=True)
def _descend(
    X: Any, begin: int, root: int, place: Any, left: Any, threshold: Any, node: Any, base: Any
) -> None:
    """The leaves of a group of rows of one tree; base is room for where the rows begin in X."""
    last, d = len(X) - 1, X.shape[1]
    values = X.reshape(-1)
    for i in range(_GROUP):
        base[i] = min(begin + i, last) * d
        node[i] = root
    change = np.int64(1)
    while change != 0:
        change = np.int64(0)
        for i in range(_GROUP):
            at = U(node[i])
            x = values[U(base[i] + (place[at] >> 1))]
            right = (x > threshold[at]) | ((x != x) & (place[at] & 1 == 1))
            following = np.int64(left[at]) + np.int64(right)
            change |= following ^ node[i]
            node[i] = following

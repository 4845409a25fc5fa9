"""Scores by a sum of trees, a block of rows and a tree at a time.

A step is the same few instructions for every node, leaves included, without a branch; the rows of a
block take it one after the other, so that the wait for one row's node overlaps with the work on
others. See `reference.py` for what the arrays mean.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from dovetail.kernels.compiled import compiled

__all__ = ["add_scores"]

_BLOCK = 64  # rows whose values stay in the cache while tree after tree is passed
_SHARE_FROM = 2**15  # rows times trees, below which a second thread costs more than it saves


def add_scores(
    X: Any,
    roots: Any,
    depths: Any,
    feature: Any,
    threshold: Any,
    left: Any,
    missing_right: Any,
    value: Any,
    category: Any,
    bits: Any,
    out: Any,
) -> None:
    """Add the leaf values of each row to out.

    Parameters
    ----------
    X : float array of shape (n, d)
    roots, depths : int64 of shape (t,), first node and deepest leaf of each tree
    feature, left : int64 of shape (m,)
    threshold : of shape (m,)
    missing_right : bool of shape (m,)
    value : float of shape (m,)
    category : int64 of shape (m,)
    bits : int64 of shape (c, 4)
    out : float64 of shape (n, k), k the trees of an iteration

    Cost O(n t depth).
    """
    walk = _add_scores if len(X) * len(roots) > _SHARE_FROM else _add_scores.sequential
    walk(
        X,
        roots,
        depths,
        feature,
        threshold,
        left,
        missing_right,
        value,
        category,
        bits,
        out,
    )


@compiled(parallel=True)
def _add_scores(
    X: Any,
    roots: Any,
    depths: Any,
    feature: Any,
    threshold: Any,
    left: Any,
    missing_right: Any,
    value: Any,
    category: Any,
    bits: Any,
    out: Any,
) -> None:
    n = len(X)
    for block in numba.prange((n + _BLOCK - 1) // _BLOCK):
        begin, end = block * _BLOCK, min(block * _BLOCK + _BLOCK, n)
        _walk(
            X[begin:end],
            roots,
            depths,
            feature,
            threshold,
            left,
            missing_right,
            value,
            category,
            bits,
            out[begin:end],
        )


@compiled(inner=True)
def _walk(
    X: Any,
    roots: Any,
    depths: Any,
    feature: Any,
    threshold: Any,
    left: Any,
    missing_right: Any,
    value: Any,
    category: Any,
    bits: Any,
    out: Any,
) -> None:
    node = np.empty(_BLOCK, np.int64)
    n, k = out.shape
    for t in range(len(roots)):
        node[:n] = roots[t]
        for _ in range(depths[t]):
            for i in range(n):
                at = node[i]
                x = X[i, feature[at]]
                right = x > threshold[at]
                gone = x != x
                c = category[at]
                if c >= 0:
                    gone = gone or x < 0
                    code = 0 if gone else int(min(x, 255.0))
                    right = (bits[c, code >> 6] >> (code & 63)) & 1 == 0
                node[i] = left[at] + (missing_right[at] if gone else right)
        for i in range(n):
            out[i, t % k] += value[node[i]]

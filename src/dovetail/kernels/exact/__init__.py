"""Growth of one tree by impurity, split exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.kernels.exact.cpu import grow
from dovetail.kernels.exact.layout import Column, Criterion, Desk, Key, Limits, Node, Number, Rows

__all__ = ["Column", "Criterion", "Limits", "Node", "Number", "Rows", "grow_exact"]


def grow_exact(rows: Rows, limits: Limits, seed: int) -> tuple[Any, Any, Any]:
    """Grow a tree from rows.order, which is changed.

    Returns
    -------
    nodes : int64 of shape (m, len(Node))
    numbers : float64 of shape (m, len(Number))
    values : float64 of shape (m, s), what each node predicts: shares of classes, or numbers

    Cost O(r f log r) for r rows and balanced trees, f the features looked at in a node; no lock is
    held.
    """
    r, k = len(rows.order), rows.y.shape[1]
    s = k * max(limits.classes, 1)
    leaves = min(limits.max_leaves, max(r // limits.min_leaf, 1))
    if limits.max_depth < leaves.bit_length():
        leaves = min(leaves, 2**limits.max_depth)
    m = 2 * leaves - 1
    nodes, numbers = np.empty((m, len(Node)), np.int64), np.empty((m, len(Number)))
    values = np.empty((m, s))
    b = max(int(rows.columns[:, Column.CODES].max()) + 1, r + 1, s, 256)
    desk, keys = np.empty((Desk.Y + 2 * k, b)), np.empty((Key.RANK + k, b), np.uint64)
    m = grow(rows, limits, seed, nodes, numbers, values, desk, keys)
    return nodes[:m].copy(), numbers[:m].copy(), values[:m].copy()

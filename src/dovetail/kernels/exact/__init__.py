"""Growth of one tree by impurity, split exactly."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.kernels.exact.cpu import grow
from dovetail.kernels.exact.layout import (
    Best,
    Column,
    Criterion,
    Desk,
    Key,
    Limits,
    Node,
    Number,
    Room,
    Rows,
    Sums,
    Tree,
)

__all__ = ["Column", "Criterion", "Limits", "Node", "Number", "Rows", "grow_exact"]


def grow_exact(rows: Rows, numbers: Any, limits: Limits, seed: int) -> tuple[Any, Any, Any]:
    """Grow a tree from rows.order, which is changed.

    numbers : float32 or float64 of shape (d, n), to draw thresholds from instead of seeking them,
        or None

    Returns
    -------
    nodes : int64 of shape (m, len(Node))
    numbers : float64 of shape (m, len(Number))
    values : float64 of shape (m, s), what each node predicts: shares of classes, or numbers

    Cost O(r f log r) for r rows and balanced trees, f the features looked at in a node; no lock is
    held.
    """
    r, k, d = len(rows.order), rows.y.shape[1], len(rows.columns)
    s = k * max(limits.classes, 1)
    leaves = min(limits.max_leaves, max(r // limits.min_leaf, 1))
    if limits.max_depth < leaves.bit_length():
        leaves = min(leaves, 2**limits.max_depth)
    m = 2 * leaves - 1
    tree = Tree(np.empty((m, len(Node)), np.int64), np.empty((m, len(Number))), np.empty((m, s)))
    b = max(r + 1, s, 256)
    room = Room(
        desk=np.empty((Desk.Y + 2 * k, b)),
        keys=np.empty((Key.RANK + k, b), np.uint64),
        stats=np.empty((b, len(Sums))),
        sums=np.empty((257, len(Sums))),
        bin_of=np.empty(b, np.uint8),
        alive=np.empty(257, np.uint8),
        few=np.empty((2, 64), np.uint32),
        features=np.empty(d, np.int64),
        waits=np.empty(leaves, np.int64),
        state=np.empty(1, np.uint64),
        best=np.empty(len(Best)),
    )
    m = grow(rows, numbers, limits, seed, tree, room)
    return tree.nodes[:m].copy(), tree.numbers[:m].copy(), tree.values[:m].copy()

"""Leaves of rows and sums of their values in plain torch: the forward of tree Programs, on any
device.

All rows go down all trees of a block together, one step a level; a leaf is its own left child, so
that nothing depends on the data but the numbers.

Shapes: n rows, d features, m nodes, t trees, v values of a leaf, k columns of sums, c sets of
categories of w words.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["leaves", "sums"]

_TREES = 64  # of a block: 64 n numbers are at work


def leaves(
    X_nd: Tensor,
    roots_t: Tensor,
    feature_m: Tensor,
    threshold_m: Tensor,
    left_m: Tensor,
    missing_right_m: Tensor,
    category_m: Tensor | None,
    sets_cw: Tensor | None,
    depth: int,
) -> Tensor:
    """Nodes, int64 of shape (n, t). See `Trees` for the arguments; depth is that of the deepest
    leaf.
    """
    node = roots_t.expand(X_nd.shape[0], -1)
    for _ in range(depth):
        x = X_nd.gather(1, feature_m[node])
        missing = x.isnan()
        right = x > threshold_m[node]
        if category_m is not None and sets_cw is not None and len(sets_cw):
            category = category_m[node]
            code = torch.where(missing, 0, x).clamp(0, 64 * sets_cw.shape[1] - 1).long()
            word = sets_cw[category.clamp(min=0), code >> 6]
            right = torch.where(category >= 0, (word >> (code & 63)) & 1 == 0, right)
            missing = missing | ((category >= 0) & (x < 0))
        right = torch.where(missing, missing_right_m[node], right)
        node = left_m[node] + right
    return node


def sums(
    X_nd: Tensor,
    roots_t: Tensor,
    feature_m: Tensor,
    threshold_m: Tensor,
    left_m: Tensor,
    missing_right_m: Tensor,
    value_mv: Tensor,
    category_m: Tensor | None,
    sets_cw: Tensor | None,
    depth: int,
    k: int,
) -> Tensor:
    """Sums of the values of leaves, shape (n, k), in value's dtype; tree t adds to the columns t v
    to t v + v − 1, modulo k.
    """
    n, v = X_nd.shape[0], value_mv.shape[1]
    total = value_mv.new_zeros(n, k)
    step = max(1, _TREES * v // k) * k // v
    nodes = feature_m, threshold_m, left_m, missing_right_m, category_m, sets_cw
    for start in range(0, len(roots_t), step):
        found = value_mv[leaves(X_nd, roots_t[start : start + step], *nodes, depth)]
        total = total + found.reshape(n, found.shape[1] * v // k, k).sum(1)
    return total

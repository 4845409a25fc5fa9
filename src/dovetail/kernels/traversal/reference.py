"""Scores by a sum of trees in plain torch: the forward of tree Programs, on any device.

All rows go down all trees of a block together, one step a level; a leaf is its own left child, so
that nothing depends on the data but the numbers. Rows whose split value exceeds the threshold go
right, missing ones (NaN) as the node says. A node that splits by categories sends those left whose
bit is set; categories are codes 0 to 255.

Shapes: n rows, d features, m nodes, t trees in k columns of scores, c sets of categories.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["scores"]

_TREES = 64  # of a block: 64 n numbers are at work


def scores(
    X_nd: Tensor,
    roots_t: Tensor,
    feature_m: Tensor,
    threshold_m: Tensor,
    left_m: Tensor,
    missing_right_m: Tensor,
    value_m: Tensor,
    category_m: Tensor,
    bits_c4: Tensor,
    depth: int,
    k: int,
) -> Tensor:
    """Sums of leaf values, shape (n, k), in value's dtype.

    roots_t : first node of each tree, those of one iteration next to each other, one a column
    left_m : left child, the right one is the next node; a leaf's is itself
    missing_right_m : bool
    category_m : position in bits_c4 of a node's set, −1 where it has none
    bits_c4 : int64, a bit a category
    depth : steps to the deepest leaf
    """
    total = value_m.new_zeros(X_nd.shape[0], k)
    step = max(1, _TREES // k) * k
    for start in range(0, len(roots_t), step):
        node = roots_t[start : start + step].expand(X_nd.shape[0], -1)
        for _ in range(depth):
            x = X_nd.gather(1, feature_m[node])
            missing = x.isnan()
            right = x > threshold_m[node]
            if len(bits_c4):
                category = category_m[node]
                code = torch.where(missing, 0, x).clamp(0, 255).long()
                word = bits_c4[category.clamp(min=0), code >> 6]
                right = torch.where(category >= 0, (word >> (code & 63)) & 1 == 0, right)
                missing = missing | ((category >= 0) & (x < 0))
            right = torch.where(missing, missing_right_m[node], right)
            node = left_m[node] + right
        total = total + value_m[node].reshape(X_nd.shape[0], node.shape[1] // k, k).sum(1)
    return total

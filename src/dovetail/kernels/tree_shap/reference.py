"""Shapley values by their definition: all subsets of features, 2ᵈ of them.

What a tree says of a row of which only the features in S are known: at a split by a known feature
go where the row goes, at any other split both ways, weighed by how many rows of training went each
way. Write v(S) for it. The Shapley value of feature j is the mean over all orders of the features
of what j adds when its turn comes:

    φ_j = Σ_{S without j} |S|! (d − |S| − 1)! / d! · (v(S ∪ {j}) − v(S))

Shapes: n rows, d features, m nodes, t trees, v values of a leaf, c sets of categories.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

__all__ = ["attributions"]


def attributions(
    X_nd: Tensor,
    roots_t: Tensor,
    feature_m: Tensor,
    threshold_m: Tensor,
    left_m: Tensor,
    missing_right_m: Tensor,
    category_m: Tensor,
    bits_cw: Tensor,
    value_mv: Tensor,
    cover_m: Tensor,
    k: int,
) -> tuple[Tensor, Tensor]:
    """Shapley values, float64 of shape (n, d, k), and what is said of no known feature, (k,)."""
    n, d = X_nd.shape
    v = value_mv.shape[1]
    goes_right = _sides(X_nd, feature_m, threshold_m, missing_right_m, category_m, bits_cw)
    cover, value = cover_m.double(), value_mv.double()

    def said(node: int, known: int) -> Any:
        """v(S) of a subtree, (n, v); S as bits."""
        left = int(left_m[node])
        if left == node:
            return value[node].expand(n, v)
        below = said(left, known), said(left + 1, known)
        if known >> int(feature_m[node]) & 1:
            return torch.where(goes_right[node][:, None], below[1], below[0])
        whole = cover[left] + cover[left + 1]
        share = cover[left] / whole if whole > 0 else 0.0
        return share * below[0] + (1 - share) * below[1]

    total = value.new_zeros(1 << d, n, k)
    for t, root in enumerate(roots_t.tolist()):
        first = t * v % k
        for known in range(1 << d):
            total[known, :, first : first + v] += said(root, known)
    phi = value.new_zeros(n, d, k)
    for j in range(d):
        for known in range(1 << d):
            if not known >> j & 1:
                size = known.bit_count()
                orders = math.factorial(size) * math.factorial(d - size - 1) / math.factorial(d)
                phi[:, j] += orders * (total[known | 1 << j] - total[known])
    return phi, total[0].mean(0) if n else value.new_zeros(k)


def _sides(
    X_nd: Tensor,
    feature_m: Tensor,
    threshold_m: Tensor,
    missing_right_m: Tensor,
    category_m: Tensor,
    bits_cw: Tensor,
) -> Tensor:
    """Whether a row would go right at a node, bool of shape (m, n); see kernels.forest."""
    x = X_nd[:, feature_m].T
    missing = x.isnan()
    right = x > threshold_m[:, None]
    categorical = (category_m >= 0)[:, None]
    if len(bits_cw):
        code = torch.where(missing, 0, x).clamp(0, 64 * bits_cw.shape[1] - 1).long()
        word = bits_cw[category_m.clamp(min=0)[:, None], code >> 6]
        right = torch.where(categorical, (word >> (code & 63)) & 1 == 0, right)
        missing = missing | (categorical & (x < 0))
    return torch.where(missing, missing_right_m[:, None], right)

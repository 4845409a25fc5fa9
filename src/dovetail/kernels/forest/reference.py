"""Leaves of rows in plain torch: the forward of forests, on any device.

All rows go down all trees together, one step a level; a leaf is its own left child, so that nothing
depends on the data but the numbers. Rows whose value exceeds the threshold go right, missing ones
(NaN) as the node says.

Shapes: n rows, d features, m nodes, t trees.
"""

from __future__ import annotations

from torch import Tensor

__all__ = ["leaves"]


def leaves(
    X_nd: Tensor,
    roots_t: Tensor,
    feature_m: Tensor,
    threshold_m: Tensor,
    left_m: Tensor,
    missing_right_m: Tensor,
    depth: int,
) -> Tensor:
    """Nodes, int64 of shape (n, t). See `cpu.py` for the arguments."""
    node = roots_t.expand(X_nd.shape[0], -1)
    for _ in range(depth):
        x = X_nd.gather(1, feature_m[node])
        right = (x > threshold_m[node]) | (x.isnan() & missing_right_m[node])
        node = left_m[node] + right
    return node

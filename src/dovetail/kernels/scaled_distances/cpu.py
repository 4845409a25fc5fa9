"""Scaled squared distances on the CPU: rows in the cache meet all centers.

20,000 x 28 float32 and ten centers take 1.7 ms on one thread; center by center, in torch, 23 ms, or
9 ms with differences in float32.
"""

from __future__ import annotations

from typing import Any

import numba

from dovetail.kernels.compiled import compiled

__all__ = ["scaled_distances"]


@compiled(parallel=True, fastmath={"contract", "reassoc"})
def scaled_distances(X: Any, centers: Any, factors: Any, out: Any) -> None:
    """Write the distances of rows X (n, d) to centers (k, d) into out (n, k)."""
    n, d = X.shape
    k = len(centers)
    for i in numba.prange(n):
        for c in range(k):
            total = 0.0
            for j in range(d):
                away = X[i, j] - centers[c, j]
                total += away * away * factors[c, j]
            out[i, c] = total

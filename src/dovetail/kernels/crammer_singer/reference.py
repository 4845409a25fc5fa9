"""The pass of `cpu.py` in plain numpy, for a dense matrix, without shrinking.

Keerthi et al. 2008, https://doi.org/10.1145/1401890.1401942.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["sweep"]


def sweep(X: Any, y: Any, cost: Any, alpha: Any, W: Any, order: Any) -> float:
    """Minimize ½ ‖W‖² + Σ_i Σ_c [c ≠ y_i] α_ic, where W = Xᵀ α, in each row of α in turn, over
    Σ_c α_ic = 0 and α_ic ≤ C_i for the row's own class, ≤ 0 for others; returns the largest
    violation of optimality met.

    alpha, W : (n, k) and (d, k), updated in place
    order : rows to visit
    """
    largest = 0.0
    for i in order:
        own = np.arange(W.shape[1]) == y[i]
        bound = np.where(own, cost[i], 0.0)
        g = X[i] @ W + ~own
        free = alpha[i] < bound
        violation = g.max() - g[free].min() if free.any() else 0.0
        h = X[i] @ X[i]
        if violation <= 0 or h == 0:
            continue
        largest = max(largest, violation)
        # α = min(bound, (λ − B) / h), with λ such that the sum is 0
        B = g - h * alpha[i]
        ends = np.sort(B + h * bound)[::-1]
        total, r = ends[0] - h * cost[i], 1
        while r < len(ends) and total < r * ends[r]:
            total += ends[r]
            r += 1
        new = np.minimum(bound, (total / r - B) / h)
        W += X[i][:, None] * (new - alpha[i])
        alpha[i] = new
    return largest

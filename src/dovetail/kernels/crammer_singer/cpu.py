"""A pass of the sequential dual method, over rows of a dense or CSR matrix: all classes of a row at
a time (Keerthi et al. 2008, https://doi.org/10.1145/1401890.1401942).

Legend: n rows, d features, k classes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.kernels.compiled import compiled
from dovetail.kernels.row_order import draw, leave_out

__all__ = ["sweep"]

U = np.uint64


@compiled(inner=True)
def _best(g: Any, h: float, own: int, cost: float, ends: Any, alpha: Any, change: Any) -> None:
    """What the row's α change to: min(bound, (λ − B) / h), with λ such that their sum is 0, where B
    is the gradient without the row's own part.
    """
    k = len(g)
    for c in range(k):
        change[c] = g[c] - h * alpha[c]
        ends[c] = change[c]
    ends[own] += h * cost
    ends.sort()
    total, r = ends[k - 1] - h * cost, 1
    while r < k and total < r * ends[k - 1 - r]:
        total += ends[k - 1 - r]
        r += 1
    level = total / r
    for c in range(k):
        change[c] = min(cost if c == own else 0.0, (level - change[c]) / h) - alpha[c]


@compiled
def sweep(
    values: Any,
    columns: Any,
    starts: Any,
    dense: bool,
    bias: float,
    squares: Any,
    y: Any,
    cost: Any,
    alpha: Any,
    W: Any,
    order: Any,
    size: int,
    rest: float,
    seed: int,
) -> tuple[int, float]:
    """Minimize ½ ‖W‖² + Σ_i Σ_c [c ≠ y_i] α_ic, where W = Xᵀ α, in each row of α in turn, over
    Σ_c α_ic = 0 and α_ic ≤ C_i for the row's own class, ≤ 0 for others; returns the rows that are
    left in `order`, and the largest violation of optimality.

    values, columns, starts : CSR arrays; for a dense matrix all its values row by row, anything,
        starts
    bias : value of a constant feature, 0 without it
    squares : (n,) ‖x_i‖² with it
    y : (n,) codes; cost : (n,) C_i
    alpha : (n, k); W : (d + 1, k), the weights of the constant feature last; both updated in place
    order : (n,) int32 rows, those to visit first; size : how many these are
    rest : by how much a derivative must press against its bound for a row to be left out
    """
    d, k = len(W) - 1, W.shape[1]
    g, change, ends = np.empty(k), np.empty(k), np.empty(k)
    largest = 0.0
    state = U(seed)
    s = 0
    while s < size:
        state = draw(order, s, size, state)
        i = order[s]
        begin, end, own = starts[i], starts[i + 1], y[i]
        for c in range(k):
            g[c] = bias * W[d, c] + (0.0 if c == own else 1.0)
        for t in range(begin, end):
            j, v = t - begin if dense else columns[t], values[t]
            for c in range(k):
                g[c] += v * W[j, c]
        top, bottom, others = -np.inf, np.inf, -np.inf
        for c in range(k):
            top = max(top, g[c])
            if c != own:
                others = max(others, g[c])
            if alpha[i, c] < (cost[i] if c == own else 0.0):
                bottom = min(bottom, g[c])
        if top <= bottom or squares[i] == 0.0:
            if others < g[own] - rest and alpha[i, own] == 0.0:
                size = leave_out(order, s, size)
            else:
                s += 1
            continue
        largest = max(largest, top - bottom)
        _best(g, squares[i], own, cost[i], ends, alpha[i], change)
        for c in range(k):
            alpha[i, c] += change[c]
            W[d, c] += bias * change[c]
        for t in range(begin, end):
            j, v = t - begin if dense else columns[t], values[t]
            for c in range(k):
                W[j, c] += v * change[c]
        s += 1
    return size, largest

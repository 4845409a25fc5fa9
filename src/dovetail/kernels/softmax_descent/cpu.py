"""A pass of dual coordinate descent for multinomial logistic regression, over rows of a CSR matrix,
eight classes at a time in vector registers; what a step is, `reference.py` says.

Legend: n rows, d features, k classes, q ≥ k the next multiple of eight.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.kernels.compiled import compiled
from dovetail.kernels.lanes import LANES, gather, scatter
from dovetail.kernels.row_order import draw

__all__ = ["sweep"]

U = np.uint64


@compiled(inner=True)
def _logarithm_of_sum(values: Any, k: int, exponentials: Any) -> float:
    """log Σ exp of the first k; their exponentials, divided by the greatest, are kept."""
    top = -np.inf
    for c in range(k):
        top = max(top, values[c])
    total = 0.0
    for c in range(k):
        exponentials[c] = np.exp(values[c] - top)
        total += exponentials[c]
    for c in range(k):
        exponentials[c] /= total
    return top + np.log(total)


@compiled
def sweep(
    values: Any,
    columns: Any,
    starts: Any,
    bias: float,
    squares: Any,
    cost: Any,
    logits: Any,
    W: Any,
    order: Any,
    seed: int,
) -> float:
    """A step for each row, in random order; returns the sum of C_i KL(q_i ‖ softmax F_i), which is
    the duality gap where F does not change on the way.

    values, columns, starts : CSR arrays
    bias : value of a constant feature, 0 without it
    squares : (n,) ‖x_i‖² with it
    cost : (n,) C_i
    logits : (n, k) log q, but for a constant a row; W : (d + 1, q), the weights of the constant
        feature last; both updated in place
    order : (n,) int32, all rows
    """
    n, k = logits.shape
    d, width = len(W) - 1, W.shape[1]
    F, change, lane = np.empty(width), np.zeros(width), np.empty(LANES)
    p, q = np.empty(k), np.empty(k)
    gap = 0.0
    state = U(seed)
    for s in range(n):
        state = draw(order, s, n, state)
        i = order[s]
        if cost[i] <= 0.0:
            continue
        begin, end = starts[i], starts[i + 1]
        for first in range(0, width, LANES):
            for c in range(LANES):
                lane[c] = bias * W[d, first + c]
            gather(values, columns, begin, end, False, W, first, lane)
            for c in range(LANES):
                F[first + c] = lane[c]
        of_scores = _logarithm_of_sum(F, k, p)
        of_logits = _logarithm_of_sum(logits[i], k, q)
        share = 1.0 / (1.0 + 0.5 * cost[i] * squares[i])
        for c in range(k):
            log_q = logits[i, c] - of_logits
            apart = F[c] - of_scores - log_q
            gap -= cost[i] * q[c] * apart
            logits[i, c] = log_q + share * apart
        _logarithm_of_sum(logits[i], k, p)
        for c in range(k):
            change[c] = cost[i] * (q[c] - p[c])
        for first in range(0, width, LANES):
            for c in range(LANES):
                lane[c] = change[first + c]
                W[d, first + c] += bias * lane[c]
            scatter(values, columns, begin, end, False, W, first, lane)
    return gap

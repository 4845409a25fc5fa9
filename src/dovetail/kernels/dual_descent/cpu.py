"""A pass of dual coordinate descent for linear machines of one score or many, over rows of a dense
or CSR matrix.

Scores are learned side by side in blocks of eight, whose weights of a column fill one line of the
cache: a stored value of a row is read once for the eight of them, and its weights cost one access
instead of eight. Rows that rest at their bounds in every score of a block, by more than the largest
violation of the pass before, are left out of the block's passes until the others are solved
(Hsieh et al. 2008, https://doi.org/10.1145/1390156.1390208).

Legend: n rows, d features, m blocks of q scores.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from dovetail.kernels.compiled import compiled
from dovetail.kernels.lanes import LANES, gather, scatter
from dovetail.kernels.row_order import draw, leave_out

__all__ = ["LANES", "sweep"]

U = np.uint64
_FLAT = 1e-200  # in place of no curvature, where a row is all zeros
_TREE = {"reassoc", "contract"}  # sums may be taken in any order


@compiled(inner=True, fastmath=_TREE)
def _dots(
    values: Any, columns: Any, begin: int, end: int, dense: bool, W: Any, bias: float, out: Any
) -> None:
    """Scores of a row, (q,); the last row of W is the weight of the constant feature."""
    d = len(W) - 1
    if W.shape[1] == 1:
        total = bias * W[d, 0]
        for t in range(begin, end):
            total += values[t] * W[t - begin if dense else columns[t], 0]
        out[0] = total
        return
    for c in range(LANES):
        out[c] = bias * W[d, c]
    gather(values, columns, begin, end, dense, W, 0, out)


@compiled(inner=True, fastmath=_TREE)
def _add(
    values: Any, columns: Any, begin: int, end: int, dense: bool, W: Any, bias: float, by: Any
) -> None:
    """W plus the products of a row with the numbers of its scores."""
    d = len(W) - 1
    if W.shape[1] == 1:
        b = by[0]
        W[d, 0] += bias * b
        for t in range(begin, end):
            W[t - begin if dense else columns[t], 0] += values[t] * b
        return
    for c in range(LANES):
        W[d, c] += bias * by[c]
    scatter(values, columns, begin, end, dense, W, 0, by)


@compiled(inner=True, fastmath={"contract"})
def _minimize(
    scores: Any,
    beta: Any,
    change: Any,
    y: float,
    one_of: bool,
    first: int,
    weight: float,
    cost: Any,
    square: float,
    squared: bool,
    epsilon: float,
    rest: float,
    worst: Any,
    free: Any,
) -> None:
    """The best β of a row in each score, without a branch, so that scores are lanes of vectors.

    beta, change : (q,) set to it, and to what it changed by
    worst : (q,) raised to the violation of optimality found
    free : (q,) set to 0 where β is at a bound against which its derivative presses, else to 1
    """
    for c in range(len(scores)):
        own = one_of and y == first + c
        target = y
        if one_of:
            target = 1.0 if own else -1.0
        price = weight * (cost[1, first + c] if own else cost[0, first + c])
        bound = np.inf if squared and price > 0.0 else price
        ridge = 0.5 / price if squared and price > 0.0 else 0.0
        low = 0.0 if own else -bound
        high = 0.0 if one_of and not own else bound
        b = beta[c]
        g = scores[c] + ridge * b - target
        right = g + epsilon if b >= 0.0 else g - epsilon
        left = g + epsilon if b > 0.0 else g - epsilon
        up = -right if b < high and right < 0.0 else 0.0
        down = left if b > low and left > 0.0 else 0.0
        violation = max(up, down)
        worst[c] = max(worst[c], violation)
        pressed = (b >= high or right > rest) and (b <= low or left < -rest)
        free[c] = 0.0 if pressed and violation == 0.0 else 1.0
        h = max(square + ridge, _FLAT)
        at = b - g / h
        size = max(abs(at) - epsilon / h, 0.0)
        new = min(max(size if at > 0.0 else -size, low), high)
        new = new if violation > 0.0 else b
        change[c] = new - b
        beta[c] = new


@compiled(inner=True)
def _block(
    values: Any,
    columns: Any,
    starts: Any,
    dense: bool,
    bias: float,
    squares: Any,
    y: Any,
    one_of: bool,
    first: int,
    weight: Any,
    cost: Any,
    squared: bool,
    epsilon: float,
    beta: Any,
    W: Any,
    order: Any,
    size: int,
    rest: float,
    seed: int,
) -> tuple[int, float]:
    """The pass of one block, whose scores are those from `first` on; returns the rows that are left
    in `order`, and the largest violation.
    """
    q = W.shape[1]
    scores, change, worst, free = np.empty(q), np.zeros(q), np.zeros(q), np.empty(q)
    state = U(seed)
    s = 0
    while s < size:
        state = draw(order, s, size, state)
        i = order[s]
        begin, end = starts[i], starts[i + 1]
        _dots(values, columns, begin, end, dense, W, bias, scores)
        _minimize(
            scores,
            beta[i],
            change,
            y[i],
            one_of,
            first,
            weight[i],
            cost,
            squares[i],
            squared,
            epsilon,
            rest,
            worst,
            free,
        )
        moved, stays = 0.0, 0.0
        for c in range(q):
            moved += abs(change[c])
            stays += free[c]
        if stays == 0.0:
            size = leave_out(order, s, size)
            continue
        if moved > 0.0:
            _add(values, columns, begin, end, dense, W, bias, change)
        s += 1
    largest = 0.0
    for c in range(q):
        largest = max(largest, worst[c])
    return size, largest


@compiled(parallel=True)
def sweep(
    values: Any,
    columns: Any,
    starts: Any,
    dense: bool,
    bias: float,
    squares: Any,
    y: Any,
    one_of: bool,
    weight: Any,
    cost: Any,
    squared: bool,
    epsilon: float,
    beta: Any,
    W: Any,
    order: Any,
    sizes: Any,
    rest: Any,
    violation: Any,
    seeds: Any,
) -> None:
    """Visit the rows of each block in random order and minimize, in the dual variables of a row,
    ½ ‖w‖² + ½ Σ β_i² / (2 C_i) − Σ y_i β_i + ε Σ |β_i|, where w = Σ β_i x_i, between bounds.

    values, columns, starts : CSR arrays; for a dense matrix all its values row by row, anything,
        starts
    bias : value of a constant feature, 0 without it
    squares : (n,) ‖x_i‖² with it
    y : (n,) float64 numbers; or codes, where one_of says so: target 1 in the score of a row's own
        code and −1 in the others, and β of the target's sign
    weight : (n,) of the rows; cost : (2, m q) C of each score, of targets −1 (or numbers) and 1; 0
        for scores that are none
    squared : whether errors are squared, else |β_i| ≤ C_i and the second term is none
    beta : (m, n, q); W : (m, d + 1, q), the w of each score, that of the constant feature last;
        both updated in place
    order : (m, n) int32 rows, those to visit first; sizes : (m,) how many these are, 0 to leave a
        block alone
    rest : (m,) by how much a derivative must press against a bound for the row to be left out
    violation : (m,) set to the largest violation of optimality met
    seeds : (m,) of the orders
    """
    for block in numba.prange(len(sizes)):
        if sizes[block] == 0:
            continue
        left, largest = _block(
            values,
            columns,
            starts,
            dense,
            bias,
            squares,
            y,
            one_of,
            block * W.shape[2],
            weight,
            cost,
            squared,
            epsilon,
            beta[block],
            W[block],
            order[block],
            sizes[block],
            rest[block],
            seeds[block],
        )
        sizes[block] = left
        violation[block] = largest

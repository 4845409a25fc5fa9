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

__all__ = ["LANES", "sweep"]

LANES = 8  # scores of a block, where there are several

U = np.uint64
_STEP = U(0x9E3779B97F4A7C15)
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
    a0, a1, a2, a3 = bias * W[d, 0], bias * W[d, 1], bias * W[d, 2], bias * W[d, 3]
    a4, a5, a6, a7 = bias * W[d, 4], bias * W[d, 5], bias * W[d, 6], bias * W[d, 7]
    for t in range(begin, end):
        j = t - begin if dense else columns[t]
        v = values[t]
        a0 += v * W[j, 0]
        a1 += v * W[j, 1]
        a2 += v * W[j, 2]
        a3 += v * W[j, 3]
        a4 += v * W[j, 4]
        a5 += v * W[j, 5]
        a6 += v * W[j, 6]
        a7 += v * W[j, 7]
    out[0], out[1], out[2], out[3] = a0, a1, a2, a3
    out[4], out[5], out[6], out[7] = a4, a5, a6, a7


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
    b0, b1, b2, b3, b4, b5, b6, b7 = by[0], by[1], by[2], by[3], by[4], by[5], by[6], by[7]
    for c in range(8):
        W[d, c] += bias * by[c]
    for t in range(begin, end):
        j = t - begin if dense else columns[t]
        v = values[t]
        W[j, 0] += v * b0
        W[j, 1] += v * b1
        W[j, 2] += v * b2
        W[j, 3] += v * b3
        W[j, 4] += v * b4
        W[j, 5] += v * b5
        W[j, 6] += v * b6
        W[j, 7] += v * b7


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
    scores, change = np.empty(q), np.zeros(q)
    largest = 0.0
    state = U(seed)
    s = 0
    while s < size:
        state += _STEP  # splitmix64, https://doi.org/10.1145/2714064.2660195
        z = (state ^ (state >> U(30))) * U(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> U(27))) * U(0x94D049BB133111EB)
        pick = s + np.int64((z ^ (z >> U(31))) % U(size - s))
        i = order[pick]
        order[pick] = order[s]
        order[s] = i
        begin, end = starts[i], starts[i + 1]
        _dots(values, columns, begin, end, dense, W, bias, scores)
        rests, moved = True, False
        for c in range(q):
            change[c] = 0.0
            sign = 0
            target = y[i]
            if one_of:
                sign = 1 if y[i] == first + c else -1
                target = float(sign)
            price = weight[i] * cost[1 if sign > 0 else 0, first + c]
            if price <= 0.0:
                continue
            ridge = 0.5 / price if squared else 0.0
            bound = np.inf if squared else price
            low = 0.0 if sign > 0 else -bound
            high = 0.0 if sign < 0 else bound
            b = beta[i, c]
            g = scores[c] + ridge * b - target
            right = g + epsilon if b >= 0 else g - epsilon
            left = g + epsilon if b > 0 else g - epsilon
            if b < high and right < 0:
                violation = -right
            elif b > low and left > 0:
                violation = left
            else:
                rests = rests and (b >= high or right > rest) and (b <= low or left < -rest)
                continue
            rests = False
            largest = max(largest, violation)
            h = squares[i] + ridge
            if h > 0.0:
                at = b - g / h
                new = max(abs(at) - epsilon / h, 0.0)
                new = new if at > 0 else -new
            else:
                new = np.inf if right < 0 else -np.inf
            new = min(max(new, low), high)
            if new != b:
                beta[i, c] = new
                change[c] = new - b
                moved = True
        if rests:
            size -= 1
            order[s] = order[size]
            order[size] = i
            continue
        if moved:
            _add(values, columns, begin, end, dense, W, bias, change)
        s += 1
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

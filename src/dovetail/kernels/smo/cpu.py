"""Steps of two variables at a time, of the second order (Fan, Chen & Lin 2005,
https://www.jmlr.org/papers/v6/fan05a.html), compiled by numba.

A variable a of sign y stands for β = y a. A step adds δ to β_i and takes it from β_j, so that Σ β
stays; f is y times the gradient. Variable i may go up (β may grow) or down, as its box allows.

A step passes three times over the variables. No pass branches, and a least or greatest number is
kept for each of 64 lanes, since a single one would have to wait for the number before it: 1.5 ns a
variable and step, where a plain loop takes 10 (2.6 GHz, AVX2). Indices are unsigned, because numba
checks signed ones for being negative, and such loops are not vectorized.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from dovetail.kernels.compiled import compiled

__all__ = ["accumulate", "levels", "optimize", "optimize_pairs", "sides"]

_TINY = 1e-12  # curvature of a pair of equal rows, as good as none
_COLUMNS = np.uint64(1024)  # of a block whose sums stay in the first-level cache
_LANES = np.uint64(64)
_PATIENCE = 500  # steps, at least, before variables are left aside
_ZERO = np.uint64(0)


@compiled
def optimize(
    K: Any,
    f: Any,
    y: Any,
    a: Any,
    C: Any,
    tol: float,
    limit: int,
    by_sign: bool,
    shrinking: bool,
) -> tuple[int, float]:
    """Solve ½ βᵀKβ + … over a, with 0 ≤ a ≤ C and Σ β fixed, in place of a and f; returns the steps
    taken and the violation of optimality at the end.

    K : kernel of the working set, (q, q)
    f : y times the gradient, (q,), kept up to date
    y : signs, float64 (q,)
    tol : stop when the most that an upper f may exceed a lower one is below it
    limit : most steps
    by_sign : whether Σ β is fixed for each sign by itself (ν-problems)
    shrinking : whether to leave variables aside that rest at a bound and do not pull off it, until
        the others are solved
    """
    none = np.empty((0, 0), K.dtype)
    return _optimize((K, none, np.int64(0), none), f, y, a, C, tol, limit, by_sign, shrinking)


@compiled(parallel=True)
def optimize_pairs(
    left: Any,
    right: Any,
    columns: Any,
    blocks: Any,
    places: Any,
    begin: Any,
    f: Any,
    y: Any,
    a: Any,
    C: Any,
    tol: float,
    limit: int,
    by_sign: bool,
    shrinking: bool,
    found: Any,
) -> None:
    """`optimize` for several problems of the rows of one class and those of another, in threads.

    left : kernel of the first class with itself, (m, m)
    right : kernel of the first class with others, (m, ·)
    columns : of each other class, where in `right` it begins
    blocks : kernels of other classes with themselves, one after the other
    places : of each other class, where in `blocks` its own begins
    begin : where each problem begins in f, y, a and C, and where the last ends
    f : y times the linear terms; y times the gradient at the end
    found : of each problem: steps, violation at the end, offset, scale; see `_levels`
    """
    m = len(left)
    for s in prange(len(columns)):
        some = slice(begin[s], begin[s + 1])
        size = begin[s + 1] - begin[s] - m
        below = blocks[places[s] : places[s] + size * size].reshape(size, size)
        K = (left, right, columns[s], below)
        _start(K, f[some], y[some], a[some])
        steps, gap = _optimize(
            K, f[some], y[some], a[some], C[some], tol, limit, by_sign, shrinking
        )
        offset, scale = _levels(f[some], y[some], a[some], C[some], by_sign)
        found[s, 0], found[s, 1], found[s, 2], found[s, 3] = steps, gap, offset, scale


@compiled(inner=True)
def _optimize(
    K: Any,
    f: Any,
    y: Any,
    a: Any,
    C: Any,
    tol: float,
    limit: int,
    by_sign: bool,
    shrinking: bool,
) -> tuple[int, float]:
    """`optimize`, of a kernel in parts, see `_row`."""
    q = len(f)
    left, _, _, below = K
    store = np.empty((q if len(below) else 0, q), left.dtype)
    held = np.zeros(q, np.bool_)
    diagonal = np.empty(q, left.dtype)
    for t in range(q):
        diagonal[t] = left[t, t] if t < len(left) else below[t - len(left), t - len(left)]
    none = np.empty((0, 0), left.dtype)
    patience = max(q, _PATIENCE) if shrinking else limit
    taken = 0
    while True:
        some = min(patience, limit - taken)
        steps, gap = _descend(K, store, held, diagonal, f, y, a, C, tol, some, by_sign)
        taken += steps
        if gap < tol or steps < some or taken >= limit:
            return taken, gap
        kept = _at_work(f, y, a, C, by_sign)
        m = len(kept)
        if 2 * m > q:
            continue
        part = np.empty((m, m), left.dtype)
        for s in range(m):
            row = _row(K, store, held, kept[s])
            for t in range(m):
                part[s, t] = row[kept[t]]
        part_f, part_a = f[kept], a[kept]
        steps, _ = _descend(
            (part, none, np.int64(0), none),
            store,
            held,
            diagonal[kept],
            part_f,
            y[kept],
            part_a,
            C[kept],
            tol,
            limit - taken,
            by_sign,
        )
        taken += steps
        for s in range(m):
            t = kept[s]
            change = y[t] * (part_a[s] - a[t])
            a[t] = part_a[s]
            if change != 0.0:
                _add(f, _row(K, store, held, t), change)


@compiled(inner=True)
def _descend(
    K: Any,
    store: Any,
    held: Any,
    diagonal: Any,
    f: Any,
    y: Any,
    a: Any,
    C: Any,
    tol: float,
    limit: int,
    by_sign: bool,
) -> tuple[int, float]:
    """Steps of two variables until the violation is below tol, at most `limit`; returns how many,
    and the violation.
    """
    q, groups = len(f), 2 if by_sign else 1
    up, down = np.empty((groups, q)), np.empty((groups, q))
    for t in range(q):
        _bound(up, down, y, a, C, t)
    gains, lanes = np.empty(q, diagonal.dtype), np.empty(_LANES)
    bests = np.empty(_LANES, diagonal.dtype)
    step = 0
    while True:
        gap, best, i, j = -np.inf, 0.0, -1, -1
        for g in range(groups):
            o = _least(f, up[g], lanes)
            if o < 0:
                continue
            row = _row(K, store, held, o)
            t, gain, most = _partner(f, down[g], row, diagonal, o, gains, bests, lanes)
            gap = max(gap, most)
            if gain > best:
                best, i, j = gain, o, t
        if gap < tol or j < 0 or step == limit:
            return step, gap
        row, other = _row(K, store, held, i), _row(K, store, held, j)
        curvature = np.float64(diagonal[i]) + np.float64(diagonal[j]) - 2.0 * np.float64(row[j])
        delta = (f[j] - f[i]) / max(curvature, _TINY)
        room_i = C[i] - a[i] if y[i] > 0 else a[i]
        room_j = a[j] if y[j] > 0 else C[j] - a[j]
        whole_i, whole_j = delta >= room_i, delta >= room_j
        delta = min(delta, room_i, room_j)
        if not delta > 0.0:  # no number: the kernel is not finite
            return step, gap
        a[i] += y[i] * delta
        a[j] -= y[j] * delta
        # a bound is met exactly, not up to rounding
        if whole_i and room_i <= room_j:
            a[i] = C[i] if y[i] > 0 else 0.0
        if whole_j and room_j <= room_i:
            a[j] = 0.0 if y[j] > 0 else C[j]
        _bound(up, down, y, a, C, i)
        _bound(up, down, y, a, C, j)
        for t in range(q):
            f[t] += delta * (np.float64(row[t]) - np.float64(other[t]))
        step += 1


@compiled(inner=True)
def _row(K: Any, store: Any, held: Any, t: int) -> Any:
    """Row t of a kernel in parts, [[left, right], [rightᵀ, below]], put together once, in `store`.

    K : left, right, the column of `right` where its part begins, below; all of it is in left where
        the others are empty
    """
    left, right, column, below = K
    m, w, first = np.uint64(len(left)), np.uint64(len(below)), np.uint64(column)
    if w == 0:
        return left[t]
    row = store[t]
    if not held[t]:
        held[t] = True
        o = np.uint64(t)
        if o < m:
            for s in range(m):
                row[s] = left[o, s]
            for s in range(w):
                row[m + s] = right[o, first + s]
        else:
            for s in range(m):
                row[s] = right[s, first + o - m]
            for s in range(w):
                row[m + s] = below[o - m, s]
    return row


@compiled(inner=True)
def _start(K: Any, f: Any, y: Any, a: Any) -> None:
    """Add to f what a contributes."""
    left, _, _, below = K
    store = np.empty((len(f) if len(below) else 0, len(f)), left.dtype)
    held = np.zeros(len(f), np.bool_)
    for t in range(len(f)):
        if a[t] != 0.0:
            _add(f, _row(K, store, held, t), y[t] * a[t])


@compiled(inner=True)
def _add(f: Any, row: Any, factor: float) -> None:
    for t in range(len(f)):
        f[t] += factor * np.float64(row[t])


@compiled(inner=True)
def _bound(up: Any, down: Any, y: Any, a: Any, C: Any, t: int) -> None:
    """0 where variable t may go up and down, in its own group, else infinity."""
    for g in range(len(up)):
        up[g, t] = down[g, t] = np.inf
    g = 1 if len(up) == 2 and y[t] < 0 else 0
    if a[t] < C[t] if y[t] > 0 else a[t] > 0.0:
        up[g, t] = 0.0
    if a[t] > 0.0 if y[t] > 0 else a[t] < C[t]:
        down[g, t] = 0.0


@compiled(inner=True)
def _least(f: Any, up: Any, lanes: Any) -> int:
    """Where f is least among the variables that may go up; −1 if none may."""
    n = np.uint64(len(f))
    lanes[:] = np.inf
    for start in range(_ZERO, n, _LANES):
        for lane in range(min(_LANES, n - start)):
            value = f[start + lane] + up[start + lane]
            lanes[lane] = value if value < lanes[lane] else lanes[lane]
    best = np.uint64(np.argmin(lanes))
    if lanes[best] < np.inf:
        for t in range(best, n, _LANES):
            if f[t] + up[t] == lanes[best]:
                return np.int64(t)  # type: ignore[return-value]
    return -1


@compiled(inner=True)
def _partner(
    f: Any, down: Any, row: Any, diagonal: Any, i: int, gains: Any, bests: Any, lanes: Any
) -> tuple[int, float, float]:
    """The variable that may go down with which i gains most, −1 if there is none; the gain, and the
    most by which an f exceeds that of i.
    """
    n = np.uint64(len(f))
    real = row.dtype.type
    lower, own, tiny, zero = f[i], diagonal[i], real(_TINY), real(0)
    lanes[:], bests[:] = -np.inf, zero
    for start in range(_ZERO, n, _LANES):
        for lane in range(min(_LANES, n - start)):
            t = start + lane
            excess = f[t] - lower - down[t]
            lanes[lane] = excess if excess > lanes[lane] else lanes[lane]
            curvature = own + diagonal[t] - row[t] - row[t]
            curvature = curvature if curvature > tiny else tiny
            difference = real(excess)
            gain = difference * difference / curvature
            gain = gain if excess > 0.0 else zero
            gains[t] = gain
            bests[lane] = gain if gain > bests[lane] else bests[lane]
    best = np.uint64(np.argmax(bests))
    if bests[best] > zero:
        for t in range(best, n, _LANES):
            if gains[t] == bests[best]:
                return np.int64(t), float(bests[best]), lanes.max()  # type: ignore[return-value]
    return -1, 0.0, lanes.max()


@compiled(inner=True)
def _at_work(f: Any, y: Any, a: Any, C: Any, by_sign: bool) -> Any:
    """The variables that do not rest at a bound without pulling off it."""
    q = len(f)
    up, down = np.empty(q), np.empty(q)
    _sides(f, y, a, C, up, down)
    lower, upper = np.full(2, np.inf), np.full(2, -np.inf)
    for t in range(q):
        g = 1 if by_sign and y[t] < 0 else 0
        lower[g], upper[g] = min(lower[g], up[t]), max(upper[g], down[t])
    kept = np.empty(q, np.int64)
    count = 0
    for t in range(q):
        g = 1 if by_sign and y[t] < 0 else 0
        rests = (down[t] == -np.inf and f[t] > upper[g]) or (up[t] == np.inf and f[t] < lower[g])
        if not rests:
            kept[count] = t
            count += 1
    return kept[:count]


@compiled
def sides(f: Any, y: Any, a: Any, C: Any, up: Any, down: Any) -> None:
    """Sets f of the variables that may go up, infinity for others; of those that may go down, −∞
    for others.
    """
    _sides(f, y, a, C, up, down)


@compiled
def levels(f: Any, y: Any, a: Any, C: Any, by_sign: bool) -> tuple[float, float]:
    """ρ of the decision Kβ − ρ and the scale of ν-problems: f of the free variables, else the
    middle of what bounds allow.
    """
    return _levels(f, y, a, C, by_sign)


@compiled(inner=True)
def _sides(f: Any, y: Any, a: Any, C: Any, up: Any, down: Any) -> None:
    for t in range(len(f)):
        low, high = a[t] > 0.0, a[t] < C[t]
        up[t] = f[t] if (high if y[t] > 0 else low) else np.inf
        down[t] = f[t] if (low if y[t] > 0 else high) else -np.inf


@compiled(inner=True)
def _levels(f: Any, y: Any, a: Any, C: Any, by_sign: bool) -> tuple[float, float]:
    up, down = np.empty(len(f)), np.empty(len(f))
    _sides(f, y, a, C, up, down)
    found = np.zeros(2)
    for g in range(2 if by_sign else 1):
        total, count = 0.0, 0
        lower, upper = np.inf, -np.inf
        for t in range(len(f)):
            if by_sign and (y[t] < 0) != (g == 1):
                continue
            lower, upper = min(lower, up[t]), max(upper, down[t])
            if up[t] < np.inf and down[t] > -np.inf:
                total, count = total + f[t], count + 1
        if count:
            found[g] = total / count
        elif lower < np.inf and upper > -np.inf:
            found[g] = (lower + upper) / 2
        elif lower < np.inf:
            found[g] = lower
        elif upper > -np.inf:
            found[g] = upper
    if not by_sign:
        return found[0], 1.0
    return (found[0] + found[1]) / 2, (found[0] - found[1]) / 2


@compiled(parallel=True)
def accumulate(rows: Any, places: Any, factors: Any, total: Any) -> None:
    """total += Σ factors_s rows[places_s], by blocks of columns, so that the sum of a column is the
    same for any number of threads; four rows at a time, since each time the sum is read and
    written; added one after the other.
    """
    n, m = np.uint64(len(total)), np.uint64(len(places))
    four = np.uint64(4)
    for block in prange((n + _COLUMNS - np.uint64(1)) // _COLUMNS):
        start = np.uint64(block) * _COLUMNS
        stop = min(start + _COLUMNS, n)
        for s in range(_ZERO, m - m % four, four):
            p, q = np.uint64(places[s]), np.uint64(places[s + np.uint64(1)])
            r, o = np.uint64(places[s + np.uint64(2)]), np.uint64(places[s + np.uint64(3)])
            b, c = factors[s], factors[s + np.uint64(1)]
            d, e = factors[s + np.uint64(2)], factors[s + np.uint64(3)]
            for t in range(start, stop):
                so_far = total[t] + b * rows[p, t] + c * rows[q, t]
                total[t] = so_far + d * rows[r, t] + e * rows[o, t]
        for s in range(m - m % four, m):
            p, b = np.uint64(places[s]), factors[s]
            for t in range(start, stop):
                total[t] += b * rows[p, t]

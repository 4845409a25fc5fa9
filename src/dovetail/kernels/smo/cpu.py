"""Steps of two variables at a time, of the second order (Fan, Chen & Lin 2005,
https://www.jmlr.org/papers/v6/fan05a.html), compiled by numba.

A variable a of sign y stands for β = y a. A step adds δ to β_i and takes it from β_j, so that Σ β
stays; f is y times the gradient. Variable i may go up (β may grow) or down, as its box allows.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import prange

from dovetail.kernels.compiled import compiled

__all__ = ["accumulate", "optimize"]

_TINY = 1e-12  # curvature of a pair of equal rows, as good as none
_COLUMNS = 1024  # of a block whose sums stay in the first-level cache


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
    q = len(f)
    up, down = np.empty(q), np.empty(q)  # 0 where a variable may go there, else infinity
    for t in range(q):
        up[t] = 0.0 if (a[t] < C[t] if y[t] > 0 else a[t] > 0.0) else np.inf
        down[t] = 0.0 if (a[t] > 0.0 if y[t] > 0 else a[t] < C[t]) else np.inf
    first_f, first_a = f.copy(), a.copy()
    active, count = np.arange(q), q
    lower, lowest = np.empty(2), np.zeros(2, np.int64)  # least f that may go up, for each group
    upper = np.empty(2)
    wait = min(q, 500)
    gap = 0.0
    for step in range(limit):
        lower[:], upper[:], lowest[:] = np.inf, -np.inf, -1
        for s in range(count):
            t = active[s]
            g = 1 if by_sign and y[t] < 0 else 0
            if f[t] + up[t] < lower[g]:
                lower[g], lowest[g] = f[t] + up[t], t
        gap, best, i, j = -np.inf, 0.0, -1, -1
        for s in range(count):
            t = active[s]
            g = 1 if by_sign and y[t] < 0 else 0
            if down[t] > 0.0:
                continue
            upper[g] = max(upper[g], f[t])
            difference = f[t] - lower[g]
            if difference > 0.0 and lowest[g] >= 0:
                o = lowest[g]
                curvature = max(K[o, o] + K[t, t] - 2.0 * K[o, t], _TINY)
                gain = difference * difference / curvature
                if gain > best:
                    best, i, j = gain, o, t
        gap = max(upper[0] - lower[0], upper[1] - lower[1])
        if gap < tol or j < 0:
            if count == q:
                return step, gap
            _recover(K, f, y, a, first_f, first_a, active, count)
            for t in range(q):
                active[t] = t
            count, shrinking = q, False
            continue
        if shrinking and step % wait == wait - 1:
            kept = 0
            for s in range(count):
                t = active[s]
                g = 1 if by_sign and y[t] < 0 else 0
                rests = (down[t] > 0.0 and f[t] > upper[g]) or (up[t] > 0.0 and f[t] < lower[g])
                if not rests:
                    active[kept] = t
                    kept += 1
            if kept < count:  # those left out come after those that are kept, in any order
                out = kept
                inside = np.zeros(q, np.bool_)
                for s in range(kept):
                    inside[active[s]] = True
                for t in range(q):
                    if not inside[t]:
                        active[out] = t
                        out += 1
                count = kept
        room_i = C[i] - a[i] if y[i] > 0 else a[i]
        room_j = a[j] if y[j] > 0 else C[j] - a[j]
        delta = (f[j] - f[i]) / max(K[i, i] + K[j, j] - 2.0 * K[i, j], _TINY)
        whole_i, whole_j = delta >= room_i, delta >= room_j
        delta = min(delta, room_i, room_j)
        a[i] += y[i] * delta
        a[j] -= y[j] * delta
        # a bound is met exactly, not up to rounding
        if whole_i and room_i <= room_j:
            a[i] = C[i] if y[i] > 0 else 0.0
        if whole_j and room_j <= room_i:
            a[j] = 0.0 if y[j] > 0 else C[j]
        for t in (i, j):
            up[t] = 0.0 if (a[t] < C[t] if y[t] > 0 else a[t] > 0.0) else np.inf
            down[t] = 0.0 if (a[t] > 0.0 if y[t] > 0 else a[t] < C[t]) else np.inf
        if count == q:
            for t in range(q):
                f[t] += delta * (K[i, t] - K[j, t])
        else:
            for s in range(count):
                t = active[s]
                f[t] += delta * (K[i, t] - K[j, t])
    _recover(K, f, y, a, first_f, first_a, active, count)
    return limit, gap


@compiled(inner=True)
def _recover(
    K: Any, f: Any, y: Any, a: Any, first_f: Any, first_a: Any, active: Any, count: int
) -> None:
    """Bring f of the variables left aside up to date, from what the others have changed by."""
    q = len(f)
    for s in range(count, q):
        f[active[s]] = first_f[active[s]]
    for o in range(q):
        change = y[o] * (a[o] - first_a[o])
        if change != 0.0:
            for s in range(count, q):
                f[active[s]] += change * K[o, active[s]]


@compiled(parallel=True)
def accumulate(rows: Any, places: Any, factors: Any, total: Any) -> None:
    """total += Σ factors_s rows[places_s], by blocks of columns, so that the sum of a column is the
    same for any number of threads.
    """
    n = len(total)
    for block in prange((n + _COLUMNS - 1) // _COLUMNS):
        start = block * _COLUMNS
        stop = min(start + _COLUMNS, n)
        for s in range(len(places)):
            place, factor = places[s], factors[s]
            for c in range(start, stop):
                total[c] += factor * rows[place, c]

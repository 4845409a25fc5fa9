"""Block coordinate descent over the columns of a Gram matrix, with passes over the support alone
and Anderson extrapolation between full ones (Bertrand & Massias 2021,
https://arxiv.org/abs/2011.10065).

Legend: d columns, t targets, v_j the t coefficients of column j. The problem is

    ½ yy − Σ_c q_c · v_c + ½ Σ_c v_c · G v_c + l1 Σ_j ‖v_j‖₂ + ½ l2 ‖v‖²

With one target ‖v_j‖₂ is |v_j|: the elastic net.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.kernels.compiled import compiled

__all__ = ["descend", "duality_gap"]

_KEPT = 5  # differences of points that an extrapolation combines
_PASSES = 50  # over the support, at most, between two over all columns
_LESS = 0.1  # share of the first pass' progress at which passes over the support end
_ROUNDING = 1e-15  # share of yy below which a gap is rounding


@compiled
def descend(
    G: Any,
    q: Any,
    coef: Any,
    yy: float,
    l1: float,
    l2: float,
    positive: bool,
    tol: float,
    change: float,
    limit: int,
    seed: int,
) -> tuple[int, float]:
    """Minimize the problem above, starting at coef, of shape (t, d), in place; returns the sweeps
    taken and the duality gap.

    q : of shape (t, d)
    tol : stop when the gap is not above it, and
    change : no coefficient has moved by more than this share of the greatest in the last sweep over
        all columns; a start whose gap is small enough is left as it is
    limit : most sweeps, those over the support included
    seed : of the order of columns, drawn with replacement; negative goes from first to last
    """
    t, d = coef.shape
    pull, step = np.empty(t), np.empty(t)
    residual = q - coef @ G  # correlations of the columns with what is left of the targets
    points, pulls = np.empty((_KEPT + 1, t, d)), np.empty((_KEPT + 1, t, d))
    every, support, own = np.arange(d), np.empty(d, np.int64), np.diag(G).copy()
    state: Any = np.uint64(max(seed, 0)) * np.uint64(2) + np.uint64(1)
    tol = max(tol, _ROUNDING * yy) if l1 > 0.0 else tol
    gap, done, moved = duality_gap(own, q, residual, coef, yy, l1, l2, positive), 0, 0.0
    while (gap > tol or moved > change * _greatest(coef)) and done < limit:
        state, gain, moved = _sweep(
            G, residual, coef, l1, l2, positive, every, d, state, seed >= 0, pull, step
        )
        done += 1
        first, found, kept = gain, _support(coef, support), 0
        while done < limit and kept < _PASSES and found and gain > _LESS * first:
            state, gain, _ = _sweep(
                G, residual, coef, l1, l2, positive, support, found, state, seed >= 0, pull, step
            )
            done += 1
            points[kept % (_KEPT + 1)], pulls[kept % (_KEPT + 1)] = coef, residual
            kept += 1
            if kept % (_KEPT + 1) == 0 and not positive:
                _extrapolate(points, pulls, q, residual, coef, yy, l1, l2, gain)
        gap = duality_gap(own, q, residual, coef, yy, l1, l2, positive)
    return done, gap


@compiled(inner=True)
def _greatest(coef: Any) -> float:
    """The greatest coefficient by size."""
    t, d = coef.shape
    greatest = 0.0
    for c in range(t):
        for j in range(d):
            greatest = max(greatest, abs(coef[c, j]))
    return greatest


@compiled(inner=True)
def _support(coef: Any, support: Any) -> int:
    """The columns with a coefficient that is not zero; how many."""
    t, d = coef.shape
    found = 0
    for j in range(d):
        for c in range(t):
            if coef[c, j] != 0.0:
                support[found] = j
                found += 1
                break
    return found


@compiled(inner=True)
def _sweep(
    G: Any,
    residual: Any,
    coef: Any,
    l1: float,
    l2: float,
    positive: bool,
    columns: Any,
    size: int,
    state: Any,
    random: bool,
    pull: Any,
    step: Any,
) -> tuple[Any, float, float]:
    """Minimize over one column after the other; twice what the objective falls by, at least, and
    the greatest step.
    """
    t, d = coef.shape
    gain, greatest = 0.0, 0.0
    for i in range(size):
        j = columns[i]
        if random:
            state ^= state << np.uint64(13)
            state ^= state >> np.uint64(7)
            state ^= state << np.uint64(17)
            j = columns[np.int64((state >> np.uint64(33)) % np.uint64(size))]
        own = G[j, j]
        if own <= 0.0:
            continue
        norm = 0.0
        for c in range(t):
            pull[c] = residual[c, j] + own * coef[c, j]
            if positive:
                pull[c] = max(pull[c], 0.0)
            norm += pull[c] * pull[c]
        norm = np.sqrt(norm)
        share = (norm - l1) / (norm * (own + l2)) if norm > l1 else 0.0
        moved = 0.0
        for c in range(t):
            after = pull[c] * share + 0.0  # no negative zeros
            step[c] = after - coef[c, j]
            coef[c, j] = after
            moved += step[c] * step[c]
            greatest = max(greatest, abs(step[c]))
        if moved == 0.0:
            continue
        gain += (own + l2) * moved
        for c in range(t):
            change = step[c]
            for k in range(d):
                residual[c, k] -= change * G[j, k]
    return state, gain, greatest


@compiled(inner=True)
def _objective(q: Any, residual: Any, coef: Any, yy: float, l1: float, l2: float) -> float:
    """The objective, where residual is q − coef G."""
    t, d = coef.shape
    value = 0.5 * yy
    for j in range(d):
        squares = 0.0
        for c in range(t):
            value -= 0.5 * coef[c, j] * (q[c, j] + residual[c, j])
            squares += coef[c, j] * coef[c, j]
        value += l1 * np.sqrt(squares) + 0.5 * l2 * squares
    return value


@compiled
def duality_gap(
    own: Any,
    q: Any,
    residual: Any,
    coef: Any,
    yy: float,
    l1: float,
    l2: float,
    positive: bool,
) -> float:
    """Objective less the dual objective at the residuals, scaled until they are feasible. Without
    l1, where no scale would do, a bound by the gradient; without l2 too, what steps along single
    coordinates would gain.

    own : diagonal of G, (d,)
    """
    t, d = coef.shape
    fit, size, squares, norms, greatest, slope = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    for j in range(d):
        square, column = 0.0, 0.0
        for c in range(t):
            v = coef[c, j]
            fit += v * q[c, j]
            size -= v * (q[c, j] + residual[c, j])
            square += v * v
            r = residual[c, j] - l2 * v
            column += max(r, 0.0) ** 2 if positive and v == 0.0 else r * r
        squares, norms = squares + square, norms + np.sqrt(square)
        greatest = max(greatest, np.sqrt(column))
        curvature = l2 if l2 > 0.0 else own[j]
        slope += column / (2.0 * curvature) if curvature > 0.0 else 0.0
    if l1 == 0.0:
        return slope
    left = max(yy + size, 0.0)  # ‖y − X v‖²
    scale = min(l1 / greatest, 1.0) if greatest > 0.0 else 1.0
    gap = 0.5 * left * (1.0 + scale * scale) - scale * (yy - fit)
    return max(gap + l1 * norms + 0.5 * l2 * (1.0 + scale * scale) * squares, 0.0)


@compiled(inner=True)
def _extrapolate(
    points: Any,
    pulls: Any,
    q: Any,
    residual: Any,
    coef: Any,
    yy: float,
    l1: float,
    l2: float,
    least: float,
) -> None:
    """Take the combination of the last points whose differences cancel best, if it is better by
    `least`, more than rounding could decide; what is left of the targets there is the same
    combination of what was left.
    """
    A, weights = np.empty((_KEPT, _KEPT)), np.ones(_KEPT)
    for a in range(_KEPT):
        for b in range(a + 1):
            A[a, b] = np.sum((points[a + 1] - points[a]) * (points[b + 1] - points[b]))
            A[b, a] = A[a, b]
    trace = 0.0
    for a in range(_KEPT):
        trace += A[a, a]
    if trace <= 0.0:
        return
    for a in range(_KEPT):
        A[a, a] += 1e-6 * trace
    _solve(A, weights)
    total = np.sum(weights)
    if not abs(total) > 0.0:
        return
    point, left = np.zeros_like(coef), np.zeros_like(residual)
    for a in range(_KEPT):
        point += weights[a] / total * points[a + 1]
        left += weights[a] / total * pulls[a + 1]
    before = _objective(q, residual, coef, yy, l1, l2)
    if _objective(q, left, point, yy, l1, l2) < before - least:
        coef[:] = point
        residual[:] = left


@compiled(inner=True)
def _solve(A: Any, b: Any) -> None:
    """A⁻¹ b, for a small symmetric positive definite A, in place."""
    n = len(b)
    for i in range(n):
        for k in range(i + 1, n):
            factor = A[k, i] / A[i, i]
            for j in range(i, n):
                A[k, j] -= factor * A[i, j]
            b[k] -= factor * b[i]
    for i in range(n - 1, -1, -1):
        for j in range(i + 1, n):
            b[i] -= A[i, j] * b[j]
        b[i] /= A[i, i]

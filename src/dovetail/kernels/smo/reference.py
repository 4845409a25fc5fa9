"""`optimize` of `cpu.py` in plain numpy."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["optimize"]


def optimize(
    K: Any, f: Any, y: Any, a: Any, C: Any, tol: float, limit: int, by_sign: bool
) -> tuple[int, float]:
    """Solve ½ βᵀKβ + … over a, with 0 ≤ a ≤ C and Σ β fixed, in place of a and f; returns the steps
    taken and the violation of optimality at the start of the last.
    """
    gap = 0.0
    groups = [y > 0, y < 0] if by_sign else [np.full(len(y), True)]
    for step in range(limit):
        up = np.where(y > 0, a < C, a > 0)
        down = np.where(y > 0, a > 0, a < C)
        gap, best, pair = -np.inf, 0.0, None
        for group in groups:
            if not (up & group).any() or not (down & group).any():
                continue
            i = int(np.argmin(np.where(up & group, f, np.inf)))
            difference = np.where(down & group, f - f[i], -np.inf)
            gap = max(gap, difference.max())
            curvature = np.maximum(K[i, i] + np.diag(K) - 2 * K[i], 1e-12)
            gain = np.where(difference > 0, difference**2 / curvature, 0.0)
            if gain.max() > best:
                best, pair = gain.max(), (i, int(gain.argmax()))
        if gap < tol or pair is None:
            return step, gap
        i, j = pair
        delta = (f[j] - f[i]) / max(K[i, i] + K[j, j] - 2 * K[i, j], 1e-12)
        room_i = C[i] - a[i] if y[i] > 0 else a[i]
        room_j = a[j] if y[j] > 0 else C[j] - a[j]
        delta = min(delta, room_i, room_j)
        a[i] = np.clip(a[i] + y[i] * delta, 0, C[i])
        a[j] = np.clip(a[j] - y[j] * delta, 0, C[j])
        if delta == room_i:
            a[i] = C[i] if y[i] > 0 else 0.0
        if delta == room_j:
            a[j] = 0.0 if y[j] > 0 else C[j]
        f += delta * (K[i] - K[j])
    return limit, gap

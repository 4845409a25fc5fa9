"""Cyclic coordinate descent over the columns of a dense or CSC matrix."""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.kernels.compiled import compiled

__all__ = ["sweeps"]


@compiled
def sweeps(
    values: Any,
    rows: Any,
    starts: Any,
    dense: bool,
    h: Any,
    residual: Any,
    coef: Any,
    l1: float,
    l2: float,
    tol: float,
    limit: int,
) -> int:
    """Minimize ½ Σ h (residual of z − X v)² + l1 ‖v‖₁ + ½ l2 ‖v‖² over v, starting at coef, in
    place; returns the sweeps taken.

    values, rows, starts : CSC arrays; for a dense matrix all its values column by column, rows 0 …
        n − 1, starts
    residual : h (z − X coef), kept up to date
    tol : stop when no coordinate lowers the objective by more than half of it
    """
    d = len(coef)
    curvature = np.zeros(d)
    for j in range(d):
        for position in range(starts[j], starts[j + 1]):
            i = rows[position - starts[j]] if dense else rows[position]
            curvature[j] += h[i] * values[position] * values[position]
        curvature[j] += l2
    for sweep in range(limit):
        largest = 0.0
        for j in range(d):
            if curvature[j] == 0.0:
                continue
            before = coef[j]
            pull = (curvature[j] - l2) * before
            for position in range(starts[j], starts[j + 1]):
                i = rows[position - starts[j]] if dense else rows[position]
                pull += values[position] * residual[i]
            after = 0.0
            if pull > l1:
                after = (pull - l1) / curvature[j]
            elif pull < -l1:
                after = (pull + l1) / curvature[j]
            if after != before:
                coef[j] = after
                change = after - before
                for position in range(starts[j], starts[j + 1]):
                    i = rows[position - starts[j]] if dense else rows[position]
                    residual[i] -= h[i] * values[position] * change
                largest = max(largest, curvature[j] * change * change)
        if largest <= tol:
            return sweep + 1
    return limit

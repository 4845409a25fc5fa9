"""Cyclic coordinate descent over the columns of a dense or CSC matrix; between two sweeps over all
of them those whose coefficients are not zero are swept alone.
"""

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
    some: Any,
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
    some : columns to look at; the others keep their coefficients
    residual : h (z − X coef), kept up to date
    tol : stop when no coordinate had a larger subgradient in a sweep over all
    """
    curvature = np.zeros(len(coef))
    for j in some:
        for position in range(starts[j], starts[j + 1]):
            i = rows[position - starts[j]] if dense else rows[position]
            curvature[j] += h[i] * values[position] * values[position]
        curvature[j] += l2
    size, support = len(some), np.empty_like(some)
    done = 0
    while done < limit:
        largest = _sweep(
            values, rows, starts, dense, h, residual, coef, curvature, l1, l2, some, size
        )
        done += 1
        if largest <= tol:
            break
        found = 0
        for j in some:
            if coef[j] != 0.0:
                support[found] = j
                found += 1
        while found < size and largest > tol and done < limit:
            largest = _sweep(
                values, rows, starts, dense, h, residual, coef, curvature, l1, l2, support, found
            )
            done += 1
    return done


@compiled(inner=True)
def _sweep(
    values: Any,
    rows: Any,
    starts: Any,
    dense: bool,
    h: Any,
    residual: Any,
    coef: Any,
    curvature: Any,
    l1: float,
    l2: float,
    columns: Any,
    size: int,
) -> float:
    """Minimize over one column after the other; the largest subgradient that was met."""
    largest = 0.0
    for s in range(size):
        j = columns[s]
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
            largest = max(largest, curvature[j] * abs(change))
    return largest

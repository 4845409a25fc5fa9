"""The epoch of `cpu.py` in plain numpy, row by row, for dense rows: the truth the kernel is tested
against.

SAG: Schmidt, Le Roux & Bach 2017, https://arxiv.org/abs/1309.2388. SAGA: Defazio, Bach &
Lacoste-Julien 2014, https://arxiv.org/abs/1407.0202.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["epoch"]


def epoch(
    X: Any,
    y: Any,
    weight: Any,
    order: Any,
    coef: Any,
    intercept: Any,
    memory: Any,
    sums: Any,
    sum_intercept: Any,
    seen: Any,
    step: float,
    l2: float,
    l1: float,
    gradient: Any,
    saga: bool,
    fit_intercept: bool,
) -> None:
    """Update coef (d, k), intercept (k,), memory (n, k), sums (d, k), sum_intercept (k,) and seen
    (n,) in place.

    gradient : function of (y_i, scores (k,)) that gives the k derivatives of the loss
    """
    for i in order:
        seen[i] = True
        count = seen.sum()
        new = weight[i] * gradient(y[i], X[i] @ coef + intercept)
        change = new - memory[i]
        memory[i] = new
        correction = np.outer(X[i], change)
        if saga:
            direction, lift = correction + sums / count, change + sum_intercept / count
        sums += correction
        sum_intercept += change
        if not saga:
            direction, lift = sums / count, sum_intercept / count
        coef -= step * (direction + l2 * coef)
        coef[:] = np.sign(coef) * np.maximum(np.abs(coef) - step * l1, 0)
        if fit_intercept:
            intercept -= step * lift

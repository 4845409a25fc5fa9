"""The sweeps of `cpu.py` in plain numpy, for a dense matrix.

Friedman, Hastie & Tibshirani 2010, https://doi.org/10.18637/jss.v033.i01.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["sweeps"]


def sweeps(
    X: Any,
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
    place; returns the sweeps taken, over all columns or over those whose coefficient is not zero.

    some : columns to look at; the others keep their coefficients
    tol : stop when no coordinate had a larger subgradient in a sweep over all
    residual : h (z − X coef), kept up to date
    """
    curvature = (h[:, None] * X * X).sum(0) + l2

    def sweep(columns: Any) -> float:
        largest = 0.0
        for j in columns:
            if curvature[j] == 0:
                continue
            before = coef[j]
            pull = X[:, j] @ residual + (curvature[j] - l2) * before
            coef[j] = np.sign(pull) * max(abs(pull) - l1, 0.0) / curvature[j]
            if coef[j] != before:
                residual[:] -= h * X[:, j] * (coef[j] - before)
                largest = max(largest, curvature[j] * abs(coef[j] - before))
        return largest

    done = 0
    while done < limit:
        largest, done = sweep(some), done + 1
        if largest <= tol:
            break
        support = some[coef[some] != 0]
        while len(support) < len(some) and largest > tol and done < limit:
            largest, done = sweep(support), done + 1
    return done

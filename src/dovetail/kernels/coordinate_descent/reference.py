"""The sweeps of `cpu.py` in plain numpy, for a dense matrix.

Friedman, Hastie & Tibshirani 2010, https://doi.org/10.18637/jss.v033.i01.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["sweeps"]


def sweeps(
    X: Any, h: Any, residual: Any, coef: Any, l1: float, l2: float, tol: float, limit: int
) -> int:
    """Minimize ½ Σ h (residual of z − X v)² + l1 ‖v‖₁ + ½ l2 ‖v‖² over v, starting at coef, in
    place; returns the sweeps taken.

    residual : h (z − X coef), kept up to date
    """
    curvature = (h[:, None] * X * X).sum(0) + l2
    for sweep in range(limit):
        largest = 0.0
        for j in range(X.shape[1]):
            if curvature[j] == 0:
                continue
            before = coef[j]
            pull = X[:, j] @ residual + (curvature[j] - l2) * before
            coef[j] = np.sign(pull) * max(abs(pull) - l1, 0.0) / curvature[j]
            if coef[j] != before:
                residual -= h * X[:, j] * (coef[j] - before)
                largest = max(largest, curvature[j] * (coef[j] - before) ** 2)
        if largest <= tol:
            return sweep + 1
    return limit

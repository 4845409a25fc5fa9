"""The pass of `cpu.py` in plain numpy, of one score and a dense matrix, without shrinking.

Hsieh et al. 2008, https://doi.org/10.1145/1390156.1390208; Ho & Lin 2012,
https://www.jmlr.org/papers/v13/ho12a.html.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["sweep"]


def sweep(
    X: Any, y: Any, low: Any, high: Any, ridge: Any, epsilon: float, beta: Any, w: Any, order: Any
) -> float:
    """Minimize ½ ‖Σ_i β_i x_i‖² + ½ Σ ridge_i β_i² − Σ y_i β_i + ε Σ |β_i| in each of the β_i in
    turn, between its bounds; returns the largest violation of optimality met.

    beta, w : β and Σ β_i x_i, updated in place
    order : rows to visit
    """
    largest = 0.0
    for i in order:
        g, b = X[i] @ w + ridge[i] * beta[i] - y[i], beta[i]
        right = g + epsilon if b >= 0 else g - epsilon
        left = g + epsilon if b > 0 else g - epsilon
        if b < high[i] and right < 0:
            violation = -right
        elif b > low[i] and left > 0:
            violation = left
        else:
            continue
        largest = max(largest, violation)
        h = X[i] @ X[i] + ridge[i]
        if h > 0:
            z = b - g / h
            new = np.sign(z) * max(abs(z) - epsilon / h, 0.0)
        else:
            new = np.inf if right < 0 else -np.inf
        beta[i] = min(max(new, low[i]), high[i])
        w += (beta[i] - b) * X[i]
    return largest

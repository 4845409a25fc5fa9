"""The pass of `cpu.py` in plain numpy, for a dense matrix.

In the dual of ½ ‖W‖² + Σ_i C_i (log Σ_c exp F_ic − F_iy), with F = X W, each row has probabilities
q_i of its own, and W = Σ_i x_i C_i ([c = y_i] − q_ic). At the optimum q_i = softmax(F_i). A row's
part, Σ_c q log q less a linear term plus ½ C_i ‖x_i‖² ‖q − q_i‖² (from one q_i to another), is
lowered by a step of mirror descent: log q ← log q + (F − log q) / (1 + h / 2), h = C_i ‖x_i‖². It
descends, since ‖δ‖² ≤ ½ Σ δ_c² / q_c where Σ δ = 0 (Bauschke, Bolte & Teboulle 2017,
https://doi.org/10.1287/moor.2016.0817).
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["sweep"]


def sweep(X: Any, cost: Any, logits: Any, W: Any, order: Any) -> float:
    """A step for each row in turn; returns the sum of C_i KL(q_i ‖ softmax F_i), which is the
    duality gap where F does not change on the way.

    cost : (n,) C_i
    logits, W : log q, (n, k), but for a constant a row, and (d, k); updated in place
    order : rows to visit
    """
    gap = 0.0
    for i in order:
        q, p = _softmax(logits[i]), _softmax(X[i] @ W)
        gap += cost[i] * float(q @ (np.log(q) - np.log(p)))
        h = cost[i] * (X[i] @ X[i])
        logits[i] = np.log(q) + (np.log(p) - np.log(q)) / (1 + 0.5 * h)
        W -= cost[i] * np.outer(X[i], _softmax(logits[i]) - q)
    return gap


def _softmax(F: Any) -> Any:
    e = np.exp(F - F.max())
    return e / e.sum()

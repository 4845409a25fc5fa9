"""What `cpu.py` minimizes, by sweeps over all coordinates, without its shortcuts.

Friedman, Hastie & Tibshirani 2010, https://doi.org/10.18637/jss.v033.i01; a group of coefficients
at a time: Simon, Friedman & Hastie 2013, https://arxiv.org/abs/1311.6529.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["descend"]


def descend(
    G: Any, q: Any, coef: Any, yy: float, l1: float, l2: float, positive: bool, sweeps: int
) -> None:
    """Sweeps of block coordinate descent on

        ½ yy − Σ_c q_c · v_c + ½ Σ_c v_c · G v_c + l1 Σ_j ‖v_j‖₂ + ½ l2 ‖v‖²

    over v of shape (t, d), where v_j are the t numbers of column j; coef is changed in place.
    """
    for _ in range(sweeps):
        for j in range(G.shape[0]):
            if G[j, j] <= 0:
                continue
            pull = q[:, j] - coef @ G[j] + G[j, j] * coef[:, j]
            if positive:
                pull = np.maximum(pull, 0)
            size = float(np.linalg.norm(pull))
            shrunk = max(size - l1, 0.0) / size if size else 0.0
            coef[:, j] = pull * shrunk / (G[j, j] + l2)

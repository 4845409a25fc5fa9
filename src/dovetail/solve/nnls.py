"""Least squares with coefficients that may not be negative, from a Gram matrix.

Lawson & Hanson, Solving Least Squares Problems (1974), chapter 23; on the normal equations as in
Bro & de Jong 1997,
https://doi.org/10.1002/(SICI)1099-128X(199709/10)11:5<393::AID-CEM483>3.0.CO;2-L.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["nonnegative_least_squares"]


def nonnegative_least_squares(G: Tensor, b: Tensor) -> Tensor:
    """argmin over x ≥ 0 of ½ xᵀ G x − bᵀ x.

    G : (d, d), positive semi-definite, float64
    b : (d,)

    An active-set method: exact up to rounding after finitely many steps, each O(p³) for p positive
    coefficients.
    """
    d = len(b)
    x = torch.zeros_like(b)
    free = torch.zeros(d, dtype=torch.bool, device=b.device)
    tol = 10 * d * torch.finfo(b.dtype).eps * float(b.abs().max()) if d else 0.0
    for _ in range(3 * d):
        pull = b - G @ x
        pull[free] = -torch.inf
        if free.all() or float(pull.max()) <= tol:
            break
        free[pull.argmax()] = True
        while True:
            target = torch.zeros_like(x)
            target[free] = _solve(G[free][:, free], b[free])
            if not bool((target[free] <= 0).any()):
                break
            falling = free & (target <= 0)
            length = (
                x[falling] / (x[falling] - target[falling]).clamp(min=torch.finfo(x.dtype).tiny)
            ).min()
            x = x + length * (target - x)
            free &= x > tol * torch.finfo(x.dtype).eps
            x[~free] = 0
            if not bool(free.any()):
                target = torch.zeros_like(x)
                break
        x = target
    return x


def _solve(G: Tensor, b: Tensor) -> Tensor:
    """G⁻¹ b, by least squares where G is singular."""
    factor, info = torch.linalg.cholesky_ex(G)
    if int(info) == 0 and float(factor.diagonal().min()) > 1e-7 * float(factor.diagonal().max()):
        return torch.cholesky_solve(b[:, None], factor)[:, 0]
    return torch.linalg.pinv(G, hermitian=True) @ b

"""Least squares by products alone: LSQR on a centered, weighted matrix that is never formed.

Paige & Saunders 1982, https://doi.org/10.1145/355984.355989.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from dovetail.data.sparse import Matrix
from dovetail.solve.loop import State
from dovetail.solve.solution import Status

__all__ = ["LSQR", "CenteredMap"]


@dataclass(frozen=True)
class CenteredMap:
    """A = diag(root) (X − 1 offsetᵀ), by its products; X dense or sparse.

    X : (n, d)
    offset : (d,) or None
    root : square roots of the weights, (n,) or None
    """

    X: Matrix
    offset: Tensor | None
    root: Tensor | None

    def mv(self, v: Tensor) -> Tensor:
        """A v, shape (n,)."""
        out = (self.X @ v.to(self.X.dtype)).double()
        if self.offset is not None:
            out = out - (self.offset * v).sum()
        return out if self.root is None else out * self.root

    def rmv(self, r: Tensor) -> Tensor:
        """Aᵀ r, shape (d,)."""
        r = r if self.root is None else r * self.root
        out = (self.X.T @ r.to(self.X.dtype)).double()
        return out if self.offset is None else out - self.offset * r.sum()


@dataclass(frozen=True)
class LSQRState(State[Tensor]):
    """The bidiagonalization so far; norms of A and of the residuals, estimated along the way."""

    u: Tensor
    v: Tensor
    w: Tensor
    alpha: float
    rho_bar: float
    phi_bar: float
    norm_A: float = 0.0
    normal_residual: float = float("inf")
    residual: float = float("inf")
    extra: float = 0.0  # sum of squares that damping adds to the residual


@dataclass
class LSQR:
    """Minimize ‖A x − b‖² + damp² ‖x‖²; of all minimizers, the one of least norm.

    Parameters
    ----------
    A : CenteredMap
    b : Tensor of shape (n,), float64
    damp : root of the ridge penalty
    tol : stop when the residual, or the residual of the normal equations, is small against ‖A‖ by
        this factor
    """

    A: CenteredMap
    b: Tensor
    damp: float
    tol: float
    advice: str = (
        "lsqr did not converge after {n_iter} iterations. Increase max_iter or tol, or scale the "
        "data."
    )

    def init(self) -> LSQRState:
        beta = float(self.b.norm())
        u = self.b / beta if beta else self.b
        v = self.A.rmv(u)
        alpha = float(v.norm())
        v = v / alpha if alpha else v
        residual = float("inf") if alpha * beta else 0.0
        return LSQRState(
            torch.zeros_like(v), {}, u, v, v.clone(), alpha, alpha, beta, residual=residual
        )

    def step(self, s: LSQRState) -> LSQRState:
        u = self.A.mv(s.v) - s.alpha * s.u
        beta = float(u.norm())
        norm_A = (s.norm_A**2 + s.alpha**2 + beta**2 + self.damp**2) ** 0.5
        alpha, v = 0.0, s.v
        if beta:
            u = u / beta
            v = self.A.rmv(u) - beta * s.v
            alpha = float(v.norm())
            v = v / alpha if alpha else v
        damped = (s.rho_bar**2 + self.damp**2) ** 0.5
        extra = s.extra + (self.damp / damped * s.phi_bar) ** 2
        phi_bar = s.rho_bar / damped * s.phi_bar
        rho = (damped**2 + beta**2) ** 0.5
        cosine, sine = damped / rho, beta / rho
        theta, phi = sine * alpha, cosine * phi_bar
        phi_bar = sine * phi_bar
        value = s.value + (phi / rho) * s.w
        normal = alpha * abs(sine * phi)
        residual = (phi_bar**2 + extra) ** 0.5
        record = {"residual": residual, "normal residual": normal}
        w = v - (theta / rho) * s.w
        sizes = (norm_A, normal, residual, extra)
        return LSQRState(value, record, u, v, w, alpha, -cosine * alpha, phi_bar, *sizes)

    def stop(self, s: LSQRState) -> Status | None:
        if s.residual <= self.tol * (s.norm_A * float(s.value.norm()) + float(self.b.norm())):
            return Status.CONVERGED
        if s.normal_residual <= self.tol * s.norm_A * s.residual:
            return Status.CONVERGED
        return None

    def best(self, s: LSQRState) -> Any:
        return s.value

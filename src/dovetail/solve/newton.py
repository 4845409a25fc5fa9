"""Newton's method on a linear objective: exact steps by Cholesky, or inexact ones by conjugate
gradients.

Nocedal & Wright, Numerical Optimization (2nd ed., 2006), algorithms 3.2 and 7.1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

import torch
from torch import Tensor

from dovetail.objective.linear import LinearObjective, Nearby
from dovetail.solve.loop import State
from dovetail.solve.solution import Status

__all__ = ["NewtonCG", "NewtonCholesky"]


@dataclass(frozen=True)
class NewtonState(State[Tensor]):
    """Point, what is known of the objective there, and half the squared Newton decrement of the
    last step.
    """

    near: Nearby
    decrement: float = float("inf")
    stuck: bool = False


@dataclass
class _Newton:
    """What both share: Armijo backtracking along a descent direction, and when to stop.

    objective : what to minimize
    start : θ, float64, of the objective's shape
    tol : converged when no component of the gradient exceeds it
    """

    objective: LinearObjective
    start: Tensor
    tol: float
    _forms_hessian: ClassVar[bool] = False

    def init(self) -> NewtonState:
        near = self._near(self.start)
        return NewtonState(self.start, {"loss": near.value}, near)

    def _near(self, theta: Tensor) -> Nearby:
        return self.objective.near(theta, hessian=self._forms_hessian)

    def step(self, state: NewtonState) -> NewtonState:
        direction = self._direction(state.near)
        slope = float((direction * state.near.gradient).sum())
        length = 1.0
        for _ in range(22):  # 2⁻²¹: below that the step is rounding
            point = state.value + length * direction
            enough = state.near.value + 1e-4 * length * slope + 1e-14 * abs(state.near.value)
            # the full step is nearly always good enough
            near = self._near(point) if length == 1.0 else None
            if (near.value if near else self.objective.value(point)) <= enough:
                near = near or self._near(point)
                record = {"loss": near.value, "gradient": float(near.gradient.abs().max())}
                return NewtonState(point, record, near, decrement=-0.5 * slope)
            length /= 2
        return replace(state, stuck=True)

    def _direction(self, near: Nearby) -> Tensor:
        raise TypeError("a Newton method says how it finds its direction")

    def stop(self, state: NewtonState) -> Status | None:
        if float(state.near.gradient.abs().max()) <= self.tol:
            return Status.CONVERGED
        return Status.FAILED if state.stuck else None

    def best(self, state: NewtonState) -> Tensor:
        return state.value


class SingularHessianError(ArithmeticError):
    """The Hessian cannot be factorized; another solver is needed."""


@dataclass
class NewtonCholesky(_Newton):
    """Full Newton steps. Cost O(n d² k²) a step; best for n ≫ d and few classes."""

    _forms_hessian: ClassVar[bool] = True
    advice: str = (
        "Newton solver did not converge after {n_iter} iterations. Increase max_iter or tol."
    )

    def _direction(self, near: Nearby) -> Tensor:
        gradient, H = near.gradient, near.hessian()
        k, m = self.objective.shape
        if k > 1:
            # A shift common to all classes leaves the loss as it is. The gradient has no part along
            # these directions, so adding curvature there changes no step and makes H definite.
            free = (
                torch.ones(m, dtype=torch.bool)
                if self.objective.l2 == 0
                else torch.zeros(m, dtype=torch.bool)
            )
            if self.objective.intercept:
                free[-1] = True
            index = free.nonzero()[:, 0].to(H.device)
            scale = H.diagonal().mean()
            H.view(k, m, k, m)[:, index, :, index] += scale
        factor, info = torch.linalg.cholesky_ex(H)
        pivots = factor.diagonal().square()
        # pivots below rounding of the largest one carry no information: the direction would be
        # noise
        if int(info) or float(pivots.min()) < 1e-14 * float(H.diagonal().max()):
            raise SingularHessianError
        step = torch.cholesky_solve(gradient.reshape(-1, 1), factor)
        return -step.reshape(k, m)

    def stop(self, state: NewtonState) -> Status | None:
        status = super().stop(state)
        return Status.CONVERGED if status is None and state.decrement <= self.tol**2 else status


@dataclass
class NewtonCG(_Newton):
    """Inexact Newton steps by truncated conjugate gradients. Cost O(n d k) an inner step, no d²
    memory.
    """

    advice: str = (
        "newton-cg failed to converge after {n_iter} iterations. Increase the number of iterations."
    )

    def _direction(self, near: Nearby) -> Tensor:
        size = float(near.gradient.abs().sum())
        return conjugate_gradients(near.product, -near.gradient, tol=min(0.5, size**0.5) * size)


def conjugate_gradients(
    product: Callable[[Tensor], Tensor], rhs: Tensor, *, tol: float, max_iter: int | None = None
) -> Tensor:
    """Solve A x = rhs for a positive semi-definite A given by its product; stops at a direction
    without curvature.

    tol : stop when the residual's 1-norm is below it
    """
    x = torch.zeros_like(rhs)
    residual = rhs.clone()
    direction = residual.clone()
    rr = residual.square().sum()
    for i in range(max_iter or 20 * rhs.numel()):
        if float(residual.abs().sum()) <= tol:
            break
        Ad = product(direction)
        curvature = (direction * Ad).sum()
        if curvature <= 3 * torch.finfo(x.dtype).eps * direction.square().sum():
            return rhs if i == 0 else x
        length = rr / curvature
        x += length * direction
        residual -= length * Ad
        rr, before = residual.square().sum(), rr
        direction = residual + (rr / before) * direction
    return x

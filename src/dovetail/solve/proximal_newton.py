"""Proximal Newton: a smooth loss of one score a row, and an l1 penalty.

Each step fits the local quadratic model by coordinate descent, then backtracks on the true
objective. Lee, Sun & Saunders 2014, https://arxiv.org/abs/1206.1623.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.kernels import coordinate_descent
from dovetail.objective.linear import LinearObjective, scores
from dovetail.solve.loop import State
from dovetail.solve.solution import Status

__all__ = ["ProximalNewton"]

_SHARE = 0.1  # of the subgradient, to which a local model is solved
_NEARLY = 0.9  # of the penalty: columns that pull so hard are looked at, too


@dataclass(frozen=True)
class ProximalState(State[Tensor]):
    """θ, the objective with its l1 part, the gradient of the smooth part, and the largest component
    of the smallest subgradient.
    """

    loss: float
    gradient: Tensor
    violation: float
    stuck: bool = False


@dataclass
class ProximalNewton:
    """Minimize f(θ) + l1 ‖θ‖₁ for a linear objective without a free intercept and with one score a
    row.

    Parameters
    ----------
    objective : f
    start : θ, float64, shape (1, d)
    tol : converged when the smallest subgradient is below it, by its largest component
    l1 : weight of ‖θ‖₁

    A step looks at the columns in use, and at those that pull as hard as the penalty, or nearly: on
    two classes of 20 Newsgroups' 173,753 words a seventh of the time that all columns take.

    Runs on the CPU. Cost O(n d) a sweep of coordinate descent, some sweeps a step.
    """

    objective: LinearObjective
    start: Tensor
    tol: float
    l1: float
    advice: str = (
        "Liblinear failed to converge, increase the number of iterations. ({n_iter} Newton steps "
        "were taken.)"
    )

    def __post_init__(self) -> None:
        self._columns = column_arrays(self.objective.batches.X)

    def init(self) -> ProximalState:
        return self._state(self.start)

    def _state(self, theta: Tensor) -> ProximalState:
        loss, g = self.objective.value_gradient(theta)
        loss += self.l1 * float(theta.abs().sum())
        at_zero = (g.abs() - self.l1).clamp(min=0)
        violation = float(
            torch.where(theta == 0, at_zero, (g + self.l1 * theta.sign()).abs()).max()
        )
        return ProximalState(theta, {"loss": loss, "gradient": violation}, loss, g, violation)

    def step(self, state: ProximalState) -> ProximalState:
        batch, objective = self.objective.batches.whole, self.objective
        y: Any = batch.y
        g, h = objective.loss.gradient_curvature(y, scores(batch.X, state.value, None)[:, 0])
        w = torch.ones_like(g) if batch.w is None else batch.w
        share = 1.0 / objective.total_weight()
        h64 = as_numpy((h * w).double() * share)
        residual = as_numpy((-g * w).double() * share)
        coef = as_numpy(state.value)[0].copy()
        inner = _SHARE * state.violation
        coordinate_descent.sweeps(
            *self._columns,
            self._some(state),
            h64,
            residual,
            coef,
            self.l1,
            objective.l2,
            inner,
            1000,
        )
        direction = as_tensor(coef)[None].to(state.value.device) - state.value
        length = 1.0
        for _ in range(30):
            new = self._state(state.value + length * direction)
            if new.loss <= state.loss + 1e-14 * abs(state.loss):
                return new
            length /= 2
        return replace(state, stuck=True)

    def _some(self, state: ProximalState) -> Any:
        """The columns in use, and those that pull as hard as the penalty, or nearly."""
        pulls = state.gradient[0].abs() >= _NEARLY * self.l1
        return as_numpy((pulls | (state.value[0] != 0)).nonzero()[:, 0])

    def stop(self, state: ProximalState) -> Status | None:
        if state.violation <= self.tol:
            return Status.CONVERGED
        return Status.FAILED if state.stuck else None

    def best(self, state: ProximalState) -> Tensor:
        return state.value


def column_arrays(X: Matrix) -> tuple[Any, Any, Any, bool]:
    """The arrays that column kernels read: CSC, or a dense matrix told as if it were; the last says
    which.
    """
    if isinstance(X, SparseMatrix):
        X = X.tocsc()
        return as_numpy(X.values), as_numpy(X.indices), as_numpy(X.starts), False
    n, d = X.shape
    return (
        as_numpy(X.T.contiguous()).reshape(-1),
        np.arange(n, dtype=np.int32),
        np.arange(d + 1) * n,
        True,
    )

"""Solvers of smooth linear objectives, by the names that estimators give them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from scipy.linalg import LinAlgWarning
from torch import Tensor

from dovetail.errors import warn
from dovetail.objective.linear import LinearObjective
from dovetail.solve.lbfgs import LBFGS
from dovetail.solve.loop import Watch, solve
from dovetail.solve.newton import NewtonCG, NewtonCholesky, SingularHessianError
from dovetail.solve.solution import Solution

__all__ = ["SMOOTH", "Task"]


@dataclass(frozen=True)
class Task:
    """What a solver is given.

    objective : the smooth part; l1 : weight of the l1 penalty beside it
    start : θ to begin with
    model : the estimator, whose `tol`, `max_iter` and `verbose` are obeyed
    """

    objective: LinearObjective
    start: Tensor
    model: Any
    watch: Watch
    l1: float = 0.0

    def run(self, solver: Any, *, max_iter: int | None = None) -> Solution[Tensor]:
        """Run a solver to its end."""
        say = print if self.model.verbose else None
        limit = self.model.max_iter if max_iter is None else max_iter
        return solve(solver, max_iter=limit, watch=self.watch, say=say)


def _lbfgs(task: Task) -> Solution[Tensor]:
    solution = task.run(LBFGS(task.objective.value_gradient, task.start, task.model.tol))
    task.watch.close(solution.n_iter, solution.value)
    return solution


def _newton_cg(task: Task) -> Solution[Tensor]:
    return task.run(NewtonCG(task.objective, task.start, task.model.tol))


def _newton_cholesky(task: Task) -> Solution[Tensor]:
    try:
        return task.run(NewtonCholesky(task.objective, task.start, task.model.tol))
    except SingularHessianError:
        warn(
            f"{type(task.model).__name__}: The inner solver of NewtonCholeskySolver stumbled upon "
            "a singular or very ill-conditioned Hessian matrix; going on with solver='lbfgs'. Drop "
            "collinear columns, or penalize more.",
            LinAlgWarning,
        )
        solver = LBFGS(task.objective.value_gradient, task.start, task.model.tol)
        return task.run(solver, max_iter=task.model.max_iter - 1)


SMOOTH: dict[str, Callable[[Task], Solution[Tensor]]] = {
    "lbfgs": _lbfgs,
    "newton-cg": _newton_cg,
    "newton-cholesky": _newton_cholesky,
}

"""What linear support-vector machines share: which problems there are, and how each is solved.

    ½ ‖c‖² + ½ (b / s)² + C Σ_i w_i l(y_i, x_i·c + b)        s : intercept_scaling

Squared errors make a smooth problem, a sum over rows: Newton's method. Others, and those of fewer
rows than columns, are solved by coordinate descent in the dual; an l1 penalty by proximal Newton.

Legend: k scores; θ (k, d + 1) holds their coefficients and, last, b / s.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from dovetail.base import Estimator, Learned
from dovetail.data.batches import Batches
from dovetail.linear_scores import Linear
from dovetail.objective.linear import LinearObjective, append_ones
from dovetail.objective.losses import Loss
from dovetail.solve.loop import solve
from dovetail.solve.newton import NewtonCG, NewtonCholesky
from dovetail.solve.proximal_newton import ProximalNewton
from dovetail.solve.solution import Solution

__all__ = ["LinearMachine"]

_FEW_COLUMNS = 500  # up to which a Hessian is formed
_FAILED = "Liblinear failed to converge, increase the number of iterations. ({n_iter} were made.)"

# Whether the primal (False) and the dual problem are offered, by loss and penalty.
_OFFERED: dict[str, dict[str, tuple[bool, ...]]] = {
    "hinge": {"l2": (True,)},
    "squared_hinge": {"l1": (False,), "l2": (False, True)},
    "epsilon_insensitive": {"l2": (True,)},
    "squared_epsilon_insensitive": {"l2": (False, True)},
}


class LinearMachine(Estimator):
    """Role of linear machines, which declare `loss`, `dual`, `tol`, `C`, `fit_intercept`,
    `intercept_scaling`, `verbose` and `max_iter`.
    """

    _intercept = Learned("intercept")

    def _by_dual(self, penalty: str, batches: Batches) -> bool:
        """Whether the dual problem is to be solved; refuses what is not offered."""
        me: Any = self
        offered = _OFFERED[me.loss].get(penalty, ())
        dual = me.dual
        if dual == "auto":
            dual = batches.in_memory and len(batches) < batches.n_features
            dual = dual if dual in offered else not dual
        if dual in offered:
            return bool(dual)
        what = f"The combination of penalty='{penalty}' and loss='{me.loss}'"
        raise ValueError(
            f"Unsupported set of arguments: {what} "
            + (f"are not supported when dual={dual}" if offered else "is not supported")
            + f", Parameters: penalty={penalty!r}, loss={me.loss!r}, dual={dual!r}"
        )

    @property
    def _bias(self) -> float:
        """Value of the constant feature whose coefficient makes the intercept, 0 for none."""
        me: Any = self
        return float(me.intercept_scaling) if me.fit_intercept else 0.0

    def _made(self, theta: Tensor, batches: Batches) -> Linear:
        theta = theta.to(batches.device)
        coef, b = theta[:, :-1], theta[:, -1] * self._bias
        dtype = batches.dtype
        return Linear(coef.to(dtype).contiguous(), b.to(dtype), "identity", len(coef) == 1)

    def _dual_solved(self, solver: Any, program: Callable[[Tensor], Linear]) -> Linear:
        """What a solver of the dual finds, of all scores at once.

        program : of the solver's numbers, whose `weights` are θ
        """
        me: Any = self
        say = print if me.verbose else None
        watch = self._watch(lambda found: program(solver.weights(found)))
        solution = solve(solver, max_iter=me.max_iter, watch=watch, say=say)
        self._conclude([solution])
        return program(solution.value)

    def _conclude(self, solutions: list[Solution[Tensor]]) -> None:
        """Keep the number of steps, and warn once of those that did not converge."""
        me: Any = self
        me.n_iter_ = max(s.n_iter for s in solutions)
        unsolved = [s for s in solutions if s.advice]
        if unsolved:
            self._report(unsolved[0])

    def _primal_solved(
        self,
        batches: Batches,
        loss: Loss,
        penalty: str,
        precision: float,
        program: Callable[[Tensor], Linear],
    ) -> Solution[Tensor]:
        """θ of one score, by the primal problem.

        batches : the rows, with float targets
        precision : share of the gradient at the start that may be left
        program : of θ, for callbacks
        """
        me: Any = self
        scale, l1 = float(me.intercept_scaling), penalty == "l1"
        free = me.fit_intercept and not l1
        if l1 and me.fit_intercept:
            batches = batches.mapped(lambda b: replace(b, X=append_ones(b.X, scale)))
        share = 1.0 / (me.C * LinearObjective(loss, batches, 0.0, False).total_weight())
        objective = LinearObjective(loss, batches, 0.0 if l1 else share, free, share / scale**2)
        start = objective.zeros()
        _, gradient = objective.value_gradient(start)
        rounding = 100 * torch.finfo(batches.dtype).eps
        tol = max(precision, rounding) * float(gradient.abs().max())

        def theta(found: Tensor) -> Tensor:
            if free:
                return torch.cat([found[:, :-1], found[:, -1:] / scale], 1)
            return found if l1 and me.fit_intercept else torch.cat([found, found[:, :1] * 0], 1)

        solver: Any
        if l1:
            solver = ProximalNewton(objective, start, tol, share, _FAILED)
        elif batches.n_features <= _FEW_COLUMNS:
            solver = NewtonCholesky(objective, start, tol, _FAILED)
        else:
            solver = NewtonCG(objective, start, tol, _FAILED)
        watch = self._watch(lambda found: program(theta(found)))
        say = print if me.verbose else None
        solution = solve(solver, max_iter=me.max_iter, watch=watch, say=say)
        return replace(solution, value=theta(solution.value))

    @property
    def intercept_(self) -> Any:
        """Intercepts of the scores; 0.0 without."""
        me: Any = self
        if "_program" not in self.__dict__:
            raise AttributeError(
                f"{type(self).__name__!r} object has no attribute 'intercept_' before fit."
            )
        return self._intercept if me.fit_intercept else 0.0

    @intercept_.setter
    def intercept_(self, values: Any) -> None:
        self._intercept = values

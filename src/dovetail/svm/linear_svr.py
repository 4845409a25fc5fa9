"""Linear support-vector regression."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal, Self

import numpy as np
from sklearn.utils import check_random_state
from torch import Tensor

from dovetail.base import Accepts, WeightedRegressor
from dovetail.data.batches import Batches
from dovetail.data.tensors import as_numpy
from dovetail.linear_scores import Linear
from dovetail.objective.margin_losses import SquaredEpsilonInsensitive
from dovetail.params import AboveZero, AtLeast, Seed, Verbosity
from dovetail.solve.dual_descent import DualDescent
from dovetail.svm._linear import LinearMachine

__all__ = ["LinearSVR"]


class LinearSVR(LinearMachine, WeightedRegressor):
    """The flattest linear function that has the targets in a tube.

    Minimizes ½ ‖c‖² + ½ (b / s)² + C Σ_i w_i max(0, |y_i − x_i·c − b| − ε), or the squares of these
    errors, with s = `intercept_scaling`.

    Parameters
    ----------
    epsilon : float, default=0.0
        ε, half the width of the tube, in units of y: errors below it cost nothing.
    tol : float > 0, default=1e-4
        The largest violation of optimality at which to stop: of a derivative of the dual problem,
        or of the gradient, as a share of what it was.
    C : float > 0, default=1.0
        Weight of errors against flatness.
    loss : {"epsilon_insensitive", "squared_epsilon_insensitive"}, default="epsilon_insensitive"
        Whether errors are squared.
    fit_intercept : bool, default=True
    intercept_scaling : float > 0, default=1.0
        s; the larger, the less the intercept is penalized.
    dual : "auto" or bool, default="auto"
        Whether to solve the dual problem; "auto" where it has fewer variables: with fewer rows than
        columns. "epsilon_insensitive" has nothing else.
    verbose : int, default=0
        Whether to print a line a step.
    random_state : int, RandomState or None, default=None
        Orders of rows in the dual problem.
    max_iter : int >= 0, default=1000
        Most Newton steps, or passes over the rows.

    Attributes
    ----------
    coef_ : array of shape (n_features,)
    intercept_ : array of shape (1,); 0.0 without
    n_iter_ : int

    Raises
    ------
    ValueError
        "epsilon_insensitive" with dual=False.

    Cost: dual, O(n d) a pass, for sparse X of the stored values; primal, O(n d²) a Newton step up
    to 500 columns, O(n d) a product above, on the rows outside the tube; memory O(n + d). Ho & Lin
    2012, https://www.jmlr.org/papers/v13/ho12a.html.

    Examples
    --------
    >>> from dovetail.svm import LinearSVR
    >>> model = LinearSVR(C=10, random_state=0).fit([[0.0], [1.0], [2.0], [3.0]], [0, 2, 4, 6])
    >>> model.predict([[1.5]]).round(2)
    array([3.])
    """

    accepts = Accepts(sparse=("csr",))

    _: KW_ONLY
    epsilon: float = 0.0
    tol: Annotated[float, AboveZero] = 1e-4
    C: Annotated[float, AboveZero] = 1.0
    loss: Literal["epsilon_insensitive", "squared_epsilon_insensitive"] = "epsilon_insensitive"
    fit_intercept: bool = True
    intercept_scaling: Annotated[float, AboveZero] = 1.0
    dual: bool | Literal["auto"] = "auto"
    verbose: Verbosity = 0
    random_state: Seed = None
    max_iter: Annotated[int, AtLeast(0)] = 1000

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(random_state=0), cls(loss="squared_epsilon_insensitive", epsilon=0.1)]

    @property
    def coef_(self) -> Any:
        """Coefficients, shape (n_features,)."""
        program = self.__dict__.get("_program")
        if program is None:
            raise AttributeError("'LinearSVR' object has no attribute 'coef_' before fit.")
        return program.coef[0] if self._container == "torch" else as_numpy(program.coef)[0]

    def _fit(self, batches: Batches) -> Linear:
        dual = self._by_dual("l2", batches)
        batches = batches.kept()

        def program(theta: Tensor) -> Linear:
            return self._made(theta, batches)

        if not dual:
            loss = SquaredEpsilonInsensitive(float(self.epsilon))
            solution = self._primal_solved(batches, loss, "l2", self.tol, program)
            self._conclude([solution])
            return program(solution.value)
        solver = DualDescent(
            batches.whole,
            classes=False,
            cost=np.full((2, 1), float(self.C)),
            squared=self.loss == "squared_epsilon_insensitive",
            epsilon=float(self.epsilon),
            bias=self._bias,
            tol=self.tol,
            random=check_random_state(self.random_state),
        )
        return self._dual_solved(solver, program)

"""Linear regression learned a row at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any, Literal, Self

import numpy as np
import scipy.sparse as sp
from sklearn.model_selection import ShuffleSplit
from torch import Tensor

from dovetail.base import Learned, WeightedRegressor
from dovetail.linear_model._stochastic import Floats, OneScore, StochasticLinear
from dovetail.linear_scores import Linear
from dovetail.objective.losses import HuberLoss, Loss, SquaredError
from dovetail.objective.margin_losses import EpsilonInsensitive, SquaredEpsilonInsensitive
from dovetail.solve.row_descent import RateName

__all__ = ["LOSSES", "SGDRegressor"]

LOSSES: dict[str, Callable[[float], Loss]] = {  # of `epsilon`
    "squared_error": lambda epsilon: SquaredError(),
    "huber": lambda epsilon: HuberLoss(delta=epsilon),
    "epsilon_insensitive": EpsilonInsensitive,
    "squared_epsilon_insensitive": SquaredEpsilonInsensitive,
}


class SGDRegressor(StochasticLinear, WeightedRegressor):
    """Numbers x·c + b, learned by stochastic gradient descent, a row a step.

    Minimizes mean w_i l_i + alpha ((1 − r)/2 ‖c‖² + r ‖c‖₁), with r = 0 for penalty="l2", 1 for
    "l1", `l1_ratio` for "elasticnet". For the same seed the rows are visited in scikit-learn's
    order.

    Parameters
    ----------
    loss : {"squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"}, \
            default="squared_error"
        With r = x·c + b − y: r² / 2; the same up to |r| = epsilon, and straight beyond it;
        max(0, |r| − epsilon); the square of that.
    penalty : {"l2", "l1", "elasticnet"} or None, default="l2"
    alpha : float >= 0, default=0.0001
        Strength of the penalty.
    l1_ratio : float in [0, 1] or None, default=0.15
    fit_intercept : bool, default=True
    max_iter : int >= 1, default=1000
        Most epochs of `fit`.
    tol : float >= 0 or None, default=1e-3
        `fit` ends when `n_iter_no_change` epochs in a row did not improve the objective met on the
        way, or the validation score, by `tol`; None takes all epochs.
    shuffle : bool, default=True
        Whether each epoch permutes the rows.
    verbose : int, default=0
        Whether to print a line an epoch.
    epsilon : float >= 0, default=0.1
        Of the losses, in units of y.
    random_state : int, RandomState or None
        Draws the orders of rows and the validation split.
    learning_rate : {"constant", "optimal", "invscaling", "adaptive", "pa1", "pa2"}, \
            default="invscaling"
        Length of step t: eta0; 1 / (alpha (t₀ + t)); eta0 / t^power_t; eta0, divided by 5 where the
        objective no longer improves; with "epsilon_insensitive", what makes the row's loss 0 but at
        most eta0, or damped by 1 / (2 eta0).
    eta0 : float > 0, default=0.01
    power_t : float >= 0, default=0.25
    early_stopping : bool, default=False
        Whether to hold out rows and stop on their R².
    validation_fraction : float in (0, 1), default=0.1
    n_iter_no_change : int >= 1, default=5
    warm_start : bool, default=False
        Whether `fit` begins with the coefficients of the last one.
    average : bool or int >= 1, default=False
        Whether to average coefficients over steps, or from which step on.

    Attributes
    ----------
    coef_ : array of shape (n_features,)
    intercept_ : array of shape (1,)
    n_iter_ : int, epochs of the last call
    t_ : float, rows visited, and one

    Scale columns first. Cost O(n d) an epoch, for sparse X of the stored values. Bottou 2012,
    https://doi.org/10.1007/978-3-642-35289-8_25; averaging: Polyak & Juditsky 1992,
    https://doi.org/10.1137/0330046; "pa1", "pa2": Crammer et al. 2006,
    https://jmlr.org/papers/v7/crammer06a.html.

    Examples
    --------
    >>> from dovetail.linear_model import SGDRegressor
    >>> X, y = [[-1.0], [0.0], [1.0]] * 20, [-2.0, 0.0, 2.0] * 20
    >>> SGDRegressor(random_state=0).fit(X, y).predict([[0.5]]).round(1)
    array([1.])
    """

    splitter = ShuffleSplit
    passive_loss = "epsilon_insensitive"

    _coefs = Learned("coef")

    loss: Literal[
        "squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"
    ] = "squared_error"
    _: KW_ONLY
    learning_rate: RateName = "invscaling"
    power_t: float = 0.25

    @classmethod
    def _examples(cls) -> list[Self]:
        return [
            cls(random_state=0),
            cls("squared_epsilon_insensitive", penalty="elasticnet", average=10, random_state=0),
        ]

    def fit(  # type: ignore[override]  # scikit-learn's order of arguments
        self,
        X: Any,
        y: Any = None,
        coef_init: Any = None,
        intercept_init: Any = None,
        sample_weight: Any = None,
    ) -> Self:
        """Learn to predict y from X.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        coef_init : array-like of shape (n_features,) or None
            Coefficients to begin with.
        intercept_init : array-like of shape (1,) or None
        sample_weight : array-like of shape (n_samples,) or None
            By which the step of each row is multiplied.

        Returns
        -------
        self
        """
        return self._go_on(
            X, y, sample_weight, incremental=False, coef=coef_init, intercept=intercept_init
        )

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """One more epoch, on these rows; arguments as in `fit`.

        Returns
        -------
        self
        """
        return self._go_on(X, y, sample_weight, incremental=True)

    def _loss(self) -> Loss:
        return LOSSES[self.loss](float(self.epsilon))

    def _seed(self, random: np.random.RandomState) -> int:
        return int(random.randint(0, np.iinfo(np.int32).max))

    def _scores_to_learn(self, y: Any, w: Floats) -> list[OneScore]:
        return [OneScore(y.astype(np.float64), w)]

    def _made(self, coef: Tensor, intercept: Tensor) -> Linear:
        return Linear(coef, intercept, "identity", True)

    @property
    def coef_(self) -> Any:
        """Coefficients, shape (n_features,)."""
        coef = self._coefs
        return coef if sp.issparse(coef) else coef[0]

    @coef_.setter
    def coef_(self, coef: Any) -> None:
        self._coefs = np.reshape(coef, (1, -1))

    def _quality(self, scores: Floats, one: OneScore) -> float:
        y, w = one.y, one.w
        spread = float((w * np.square(y - np.average(y, weights=w))).sum())
        error = float((w * np.square(y - scores)).sum())
        return 1 - error / spread if spread > 0 else float(error == 0)

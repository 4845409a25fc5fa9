"""Poisson regression."""

from dataclasses import KW_ONLY
from typing import Annotated, Literal

from dovetail.linear_model._generalized import GeneralizedLinear
from dovetail.objective.losses import Loss, PoissonDeviance
from dovetail.params import AboveZero, AtLeast, Verbosity

__all__ = ["PoissonRegressor"]


class PoissonRegressor(GeneralizedLinear):
    """The mean exp(x·c + b) of counts, of greatest penalized Poisson likelihood.

    Minimizes Σ w_i l_i / Σ w_i + ½ alpha ‖c‖², where l_i is half the Poisson deviance of row i.

    Parameters
    ----------
    alpha : float >= 0, default=1.0
        Weight of the penalty.
    fit_intercept : bool, default=True
    solver : {"lbfgs", "newton-cholesky"}, default="lbfgs"
        "newton-cholesky" is the faster one for many rows and few columns.
    max_iter : int >= 1, default=100
    tol : float > 0, default=1e-4
        The largest component of the gradient of the mean loss at which to stop.
    warm_start : bool, default=False
        Whether to start from the last fit.
    verbose : int, default=0
        Whether to print a line a step.

    Attributes
    ----------
    coef_ : array of shape (n_features,)
    intercept_ : float
    n_iter_ : int

    Cost O(n d) a step for "lbfgs", O(n d²) for "newton-cholesky". Nelder & Wedderburn 1972,
    https://doi.org/10.2307/2344614.

    Examples
    --------
    >>> from dovetail.linear_model import PoissonRegressor
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 7.0, 20.0]
    >>> model = PoissonRegressor(alpha=0.01).fit(X, y)
    >>> model.predict([[4.0]]).round(0)
    array([51.])
    """

    _: KW_ONLY
    alpha: Annotated[float, AtLeast(0)] = 1.0
    fit_intercept: bool = True
    solver: Literal["lbfgs", "newton-cholesky"] = "lbfgs"
    max_iter: Annotated[int, AtLeast(1)] = 100
    tol: Annotated[float, AboveZero] = 1e-4
    warm_start: bool = False
    verbose: Verbosity = 0

    def _loss(self) -> Loss:
        return PoissonDeviance()

    def _power(self) -> float:
        return 1

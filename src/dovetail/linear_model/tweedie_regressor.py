"""Regression with a Tweedie distribution."""

from dataclasses import KW_ONLY
from typing import Annotated, Literal

from dovetail.linear_model._generalized import GeneralizedLinear
from dovetail.objective.losses import (
    GammaDeviance,
    IdentityTweedieDeviance,
    Loss,
    PoissonDeviance,
    TweedieDeviance,
)
from dovetail.params import AboveZero, AtLeast, Verbosity

__all__ = ["TweedieRegressor"]


class TweedieRegressor(GeneralizedLinear):
    """The mean of y, m = exp(x·c + b) or x·c + b, of greatest penalized Tweedie likelihood.

    Minimizes Σ w_i l_i / Σ w_i + ½ alpha ‖c‖², where l_i is half the Tweedie deviance of row i: the
    variance of y grows like m^power.

    Parameters
    ----------
    power : float, default=0.0
        0 is the normal distribution, 1 Poisson, 2 gamma, 3 inverse Gaussian; between 1 and 2 a
        compound of Poisson and gamma, with y zero or more; y must be positive from 2 on.
    alpha : float >= 0, default=1.0
        Weight of the penalty.
    fit_intercept : bool, default=True
    link : {"auto", "identity", "log"}, default="auto"
        How the mean depends on x·c + b; "auto" is "identity" for power <= 0, else "log".
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
    >>> from dovetail.linear_model import TweedieRegressor
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [1.0, 3.0, 7.0, 20.0]
    >>> model = TweedieRegressor(alpha=0.01).fit(X, y)
    >>> model.predict([[4.0]]).round(0)
    array([19.])
    """

    _: KW_ONLY
    power: float = 0.0
    alpha: Annotated[float, AtLeast(0)] = 1.0
    fit_intercept: bool = True
    link: Literal["auto", "identity", "log"] = "auto"
    solver: Literal["lbfgs", "newton-cholesky"] = "lbfgs"
    max_iter: Annotated[int, AtLeast(1)] = 100
    tol: Annotated[float, AboveZero] = 1e-4
    warm_start: bool = False
    verbose: Verbosity = 0

    def _loss(self) -> Loss:
        if self.link == "identity" or (self.link == "auto" and self.power <= 0):
            return IdentityTweedieDeviance(self.power)
        if self.power == 1:
            return PoissonDeviance()
        return GammaDeviance() if self.power == 2 else TweedieDeviance(self.power)

    def _power(self) -> float:
        return self.power

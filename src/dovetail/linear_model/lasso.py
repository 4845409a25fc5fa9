"""Least squares with an l1 penalty."""

from dataclasses import KW_ONLY
from typing import Annotated, Literal, Self

from dovetail.base import Accepts, WeightedRegressor
from dovetail.linear_model._elastic_net import CoordinateDescent
from dovetail.params import ArrayLike, AtLeast, Seed

__all__ = ["Lasso"]


class Lasso(CoordinateDescent, WeightedRegressor):
    """Coefficients c and intercept b of least penalized squared error: many of c are zero.

    Minimizes ½ Σ w_i (y_i − x_i·c − b)² / Σ w_i + alpha ‖c‖₁, for each target on its own.

    Parameters
    ----------
    alpha : float >= 0, default=1.0
        Weight of the penalty.
    fit_intercept : bool, default=True
    precompute : bool or array of shape (n_features, n_features), default=False
        True for the Gram matrix of all features, or that matrix. With False it is formed where
        that is the cheaper way, else for the features that matter.
    copy_X : bool, default=True
        There for scikit-learn's signature; X is never written to.
    max_iter : int >= 1, default=1000
        Most sweeps over the coefficients.
    tol : float >= 0, default=1e-4
        The solution is accepted when its duality gap is at most tol Σ w_i (y_i − ȳ)².
    warm_start : bool, default=False
        Whether to start from the last fit.
    positive : bool, default=False
        Whether coefficients must not be negative.
    random_state : int, RandomState or None
        Order of coefficients for selection="random".
    selection : {"cyclic", "random"}, default="cyclic"

    Attributes
    ----------
    coef_ : array of shape (n_features,) or (n_targets, n_features)
    sparse_coef_ : CSR array of shape (1 or n_targets, n_features)
    intercept_ : float or array of shape (n_targets,)
    dual_gap_ : float or array of shape (n_targets,)
        Mean objective less its lower bound.
    n_iter_ : int or list of int
        Sweeps taken.

    Cost O(n d²) for the Gram matrix where d is small beside n, else O(n d) a pass over the rows, of
    which there are a few; O(d) a coefficient and sweep. Coordinate descent as in Friedman, Hastie &
    Tibshirani 2010 (https://doi.org/10.18637/jss.v033.i01), with working sets and Anderson
    extrapolation (https://arxiv.org/abs/2011.10065).

    Examples
    --------
    >>> from dovetail.linear_model import Lasso
    >>> X = [[0.0, 1.0], [1.0, -1.0], [2.0, 1.0], [3.0, -1.0]]
    >>> model = Lasso(alpha=0.1).fit(X, [0.0, 2.0, 4.0, 6.0])
    >>> model.coef_.round(2)
    array([1.92, 0.  ])
    """

    accepts = Accepts(sparse=("csc", "csr"), multi_output=True)

    l1_ratio = 1.0

    alpha: Annotated[float, AtLeast(0)] = 1.0
    _: KW_ONLY
    fit_intercept: bool = True
    precompute: bool | ArrayLike = False
    copy_X: bool = True
    max_iter: Annotated[int, AtLeast(1)] = 1000
    tol: Annotated[float, AtLeast(0)] = 1e-4
    warm_start: bool = False
    positive: bool = False
    random_state: Seed = None
    selection: Literal["cyclic", "random"] = "cyclic"

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(alpha=0.01, precompute=True)]

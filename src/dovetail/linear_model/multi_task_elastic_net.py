"""Least squares of several targets that share their features, with an l2 penalty."""

from dataclasses import KW_ONLY
from typing import Annotated, Literal

from dovetail.linear_model._multi_task import MultiTask
from dovetail.params import AtLeast, Between, Seed

__all__ = ["MultiTaskElasticNet"]


class MultiTaskElasticNet(MultiTask):
    """Coefficients C and intercepts b of several targets, which share the features they use.

    Minimizes ½ Σ w_i ‖y_i − C x_i − b‖² / Σ w_i + alpha l1_ratio Σ_j ‖c_j‖₂ + ½ alpha
    (1 − l1_ratio) ‖C‖², where c_j are the coefficients of feature j in all targets: a feature is
    used by all, or by none.

    Parameters
    ----------
    alpha : float >= 0, default=1.0
        Weight of the penalty.
    l1_ratio : float from 0 to 1, default=0.5
        Share of the l1 penalty: 1 is the lasso; 0 is ridge regression, for which `Ridge` is
        faster.
    fit_intercept : bool, default=True
    copy_X : bool, default=True
        There for scikit-learn's signature; X is never written to.
    max_iter : int >= 1, default=1000
        Most sweeps over the coefficients.
    tol : float >= 0, default=1e-4
        The solution is accepted when its duality gap is at most tol Σ w_i ‖y_i − ȳ‖².
    warm_start : bool, default=False
        Whether to start from the last fit.
    random_state : int, RandomState or None
        Order of coefficients for selection="random".
    selection : {"cyclic", "random"}, default="cyclic"

    Attributes
    ----------
    coef_ : array of shape (n_targets, n_features)
    sparse_coef_ : CSR array of shape (n_targets, n_features)
    intercept_ : array of shape (n_targets,)
    dual_gap_ : float
        Mean objective less its lower bound.
    n_iter_ : int
        Sweeps taken.

    Cost O(n d²) for the Gram matrix where d is small beside n, else O(n d) a pass over the rows, of
    which there are a few; O(d) a coefficient and sweep. Coordinate descent as in Friedman, Hastie &
    Tibshirani 2010 (https://doi.org/10.18637/jss.v033.i01), with working sets and Anderson
    extrapolation (https://arxiv.org/abs/2011.10065).

    Examples
    --------
    >>> from dovetail.linear_model import MultiTaskElasticNet
    >>> X = [[0.0, 1.0], [1.0, -1.0], [2.0, 1.0], [3.0, -1.0]]
    >>> Y = [[0.0, 0.0], [2.0, 1.0], [4.0, 2.0], [6.0, 3.0]]
    >>> MultiTaskElasticNet(alpha=0.1).fit(X, Y).coef_.shape
    (2, 2)
    """

    alpha: Annotated[float, AtLeast(0)] = 1.0
    _: KW_ONLY
    l1_ratio: Annotated[float, Between(0, 1)] = 0.5
    fit_intercept: bool = True
    copy_X: bool = True
    max_iter: Annotated[int, AtLeast(1)] = 1000
    tol: Annotated[float, AtLeast(0)] = 1e-4
    warm_start: bool = False
    random_state: Seed = None
    selection: Literal["cyclic", "random"] = "cyclic"

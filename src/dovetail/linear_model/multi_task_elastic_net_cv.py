"""The multi-task elastic net, its penalty chosen by cross-validation."""

from dataclasses import KW_ONLY
from typing import Annotated, Literal

from dovetail.linear_model._multi_task import MultiTaskSearch
from dovetail.params import AboveZero, ArrayLike, AtLeast, Between, Seed, Splitter, Verbosity

__all__ = ["MultiTaskElasticNetCV"]


class MultiTaskElasticNetCV(MultiTaskSearch):
    """`MultiTaskElasticNet` with the alpha and l1_ratio of least cross-validated squared error.

    Parameters
    ----------
    l1_ratio : float from 0 to 1, or list of these, default=0.5
        Shares of the l1 penalty to try.
    eps : float > 0, default=1e-3
        Least penalty of an automatic grid, as a share of the greatest.
    alphas : int >= 1 or array-like, default=100
        Penalties to try, or how many of an automatic grid: from the least that makes all
        coefficients zero down, in even steps of its logarithm.
    fit_intercept : bool, default=True
    max_iter : int >= 1, default=1000
        Most sweeps over the coefficients, a fit.
    tol : float >= 0, default=1e-4
        A solution is accepted when its duality gap is at most tol times twice its objective, which
        at zero is Σ w_i (y_i − ȳ)²; at most tol times that where the sweeps end before.
    copy_X : bool, default=True
        There for scikit-learn's signature; X is never written to.
    cv : int, splitter, iterable of splits or None, default=None
        Folds; None means 5.
    verbose : bool or int, default=False
        Whether to print a line a fold.
    n_jobs : int or None
        There for scikit-learn's signature; threads follow `dovetail.config(threads=...)`.
    random_state : int, RandomState or None
        Order of coefficients for selection="random".
    selection : {"cyclic", "random"}, default="cyclic"

    Attributes
    ----------
    alpha_ : float
        The penalty chosen.
    l1_ratio_ : float
        The share chosen.
    coef_ : array of shape (n_targets, n_features)
    intercept_ : float or array of shape (n_targets,)
    mse_path_ : array of shape (n_l1_ratio, n_alphas, n_folds), axes of length 1 dropped
        Mean squared error on each fold.
    alphas_ : array of shape (n_alphas,) or (n_l1_ratio, n_alphas)
    dual_gap_ : float
    n_iter_ : int
        Sweeps of the last fit.

    Cost O(n d²) for all folds together where d is at most 1,024 and not above n, then O(d) a
    coefficient, sweep, fold and penalty; else a few passes over a fold's rows a penalty.

    Examples
    --------
    >>> from dovetail.linear_model import MultiTaskElasticNetCV
    >>> X = [[0.0, 1.0], [1.0, -1.0], [2.0, 1.0], [3.0, -1.0], [4.0, 1.0], [5.0, 0.0]]
    >>> Y = [[0.0, 0.0], [2.0, 1.0], [4.0, 2.0], [6.0, 3.0], [8.0, 4.0], [10.0, 5.0]]
    >>> MultiTaskElasticNetCV(cv=3).fit(X, Y).coef_.shape
    (2, 2)
    """

    _: KW_ONLY
    l1_ratio: Annotated[float, Between(0, 1)] | ArrayLike = 0.5
    eps: Annotated[float, AboveZero] = 1e-3
    alphas: Annotated[int, AtLeast(1)] | ArrayLike = 100
    fit_intercept: bool = True
    max_iter: Annotated[int, AtLeast(1)] = 1000
    tol: Annotated[float, AtLeast(0)] = 1e-4
    cv: Splitter = None
    copy_X: bool = True
    verbose: Verbosity = False
    n_jobs: int | None = None
    random_state: Seed = None
    selection: Literal["cyclic", "random"] = "cyclic"

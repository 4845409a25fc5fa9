"""The lasso, its penalty chosen by cross-validation."""

from dataclasses import KW_ONLY
from typing import Annotated, Literal

from dovetail.linear_model._path import PenaltySearch
from dovetail.params import AboveZero, ArrayLike, AtLeast, Seed, Splitter, Verbosity

__all__ = ["LassoCV"]


class LassoCV(PenaltySearch):
    """`Lasso` with the alpha of least cross-validated squared error.

    Parameters
    ----------
    eps : float > 0, default=1e-3
        Least penalty of an automatic grid, as a share of the greatest.
    alphas : int >= 1 or array-like, default=100
        Penalties to try, or how many of an automatic grid: from the least that makes all
        coefficients zero down, in even steps of its logarithm.
    fit_intercept : bool, default=True
    precompute : bool, "auto" or array of shape (n_features, n_features), default="auto"
        Whether to form the Gram matrix of all features; "auto", False and a matrix leave that to
        the sizes, since folds need their own.
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
    positive : bool, default=False
        Whether coefficients must not be negative.
    random_state : int, RandomState or None
        Order of coefficients for selection="random".
    selection : {"cyclic", "random"}, default="cyclic"

    Attributes
    ----------
    alpha_ : float
        The penalty chosen.
    coef_ : array of shape (n_features,)
    intercept_ : float
    mse_path_ : array of shape (n_alphas, n_folds)
        Mean squared error on each fold.
    alphas_ : array of shape (n_alphas,)
    dual_gap_ : float
    n_iter_ : int
        Sweeps of the last fit.

    Cost O(n d²) for all folds together where d is at most 1,024 and not above n, then O(d) a
    coefficient, sweep, fold and penalty; else a few passes over a fold's rows a penalty.

    Examples
    --------
    >>> from dovetail.linear_model import LassoCV
    >>> X = [[0.0, 1.0], [1.0, -1.0], [2.0, 1.0], [3.0, -1.0], [4.0, 1.0], [5.0, 0.0]]
    >>> model = LassoCV(cv=3).fit(X, [0.0, 2.0, 4.0, 6.0, 8.0, 10.0])
    >>> model.coef_.round(1)
    array([2., 0.])
    """

    _: KW_ONLY
    eps: Annotated[float, AboveZero] = 1e-3
    alphas: Annotated[int, AtLeast(1)] | ArrayLike = 100
    fit_intercept: bool = True
    precompute: Literal["auto"] | bool | ArrayLike = "auto"
    max_iter: Annotated[int, AtLeast(1)] = 1000
    tol: Annotated[float, AtLeast(0)] = 1e-4
    copy_X: bool = True
    cv: Splitter = None
    verbose: Verbosity = False
    n_jobs: int | None = None
    positive: bool = False
    random_state: Seed = None
    selection: Literal["cyclic", "random"] = "cyclic"

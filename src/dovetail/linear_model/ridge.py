"""Ridge regression: least squares with an l2 penalty."""

from dataclasses import KW_ONLY
from typing import Annotated, Literal

from dovetail.base import Accepts, WeightedRegressor
from dovetail.data.batches import Batches
from dovetail.linear_model._ridge import ridge_solution
from dovetail.linear_model._roles import Coefficients, with_matrix
from dovetail.linear_scores import Linear
from dovetail.params import ArrayLike, AtLeast, Seed

__all__ = ["Ridge"]


class Ridge(Coefficients, WeightedRegressor):
    """Coefficients c and intercept b that minimize Σ w_i (y_i − x_i·c − b)² + alpha ‖c‖².

    Parameters
    ----------
    alpha : float >= 0 or array of shape (n_targets,), default=1.0
        Weight of the penalty, one for all targets or one each.
    fit_intercept : bool, default=True
    copy_X : bool, default=True
        There for scikit-learn's signature; X is never written to.
    max_iter : int >= 1 or None, default=None
        Most steps of the iterative solvers; None means 1000 for sag and saga, and as many as a
        product method needs.
    tol : float >= 0, default=1e-4
        Relative precision of the iterative solvers.
    solver : {"auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs"},
        default="auto"
        All find the same coefficients. "auto" takes "cholesky" for dense X, "sparse_cg" for sparse
        X, "lbfgs" with `positive`. "cholesky" factorizes the smaller of the d×d and the n×n Gram
        matrix and falls back to "svd" where that is singular; "svd" is the most stable; "lsqr" and
        "sparse_cg" need only products with X; "sag" and "saga" visit rows at random; "lbfgs" is for
        `positive` (solved exactly, by active sets).
    positive : bool, default=False
        Whether coefficients must not be negative.
    random_state : int, RandomState or None, default=None
        Order of rows for "sag" and "saga".

    Attributes
    ----------
    coef_ : array of shape (n_features,) or (n_targets, n_features)
    intercept_ : float or array of shape (n_targets,)
    n_iter_ : None or array of shape (n_targets,)
        Steps of the iterative solvers "lsqr", "sag" and "saga".
    solver_ : str
        The solver that was used.

    Cost O(n d min(n, d)) for "cholesky" and "svd", O(n d) a step for the others. Hoerl & Kennard
    1970, https://doi.org/10.1080/00401706.1970.10488634.

    Examples
    --------
    >>> from dovetail.linear_model import Ridge
    >>> Ridge(alpha=2.0).fit([[0.0], [1.0], [2.0]], [0.0, 1.0, 2.0]).coef_
    array([0.5])
    """

    accepts = Accepts(sparse=("csr", "csc"), multi_output=True, negative_weights=False)

    alpha: Annotated[float, AtLeast(0)] | ArrayLike = 1.0
    _: KW_ONLY
    fit_intercept: bool = True
    copy_X: bool = True
    max_iter: Annotated[int, AtLeast(1)] | None = None
    tol: Annotated[float, AtLeast(0)] = 1e-4
    solver: Literal["auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs"] = "auto"
    positive: bool = False
    random_state: Seed = None

    def _fit(self, batches: Batches) -> Linear:
        self._flat_target = batches.n_targets == 0
        coef, offset = ridge_solution(self, with_matrix(batches))
        dtype = batches.dtype
        return Linear(coef.to(dtype), offset.to(dtype), "identity", len(coef) == 1)

"""Classification by ridge regression."""

from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal

from dovetail.data.batches import Batches
from dovetail.linear_model._ridge import ridge_solution
from dovetail.linear_model._ridge_classes import RidgeClasses
from dovetail.linear_scores import Linear
from dovetail.params import AtLeast, Seed

__all__ = ["RidgeClassifier"]


class RidgeClassifier(RidgeClasses):
    """Ridge regression of 1 for a row's class and −1 for the others; the greatest score wins.

    Minimizes Σ w_i ‖y_i − C x_i − b‖² + alpha ‖C‖². Two classes share one score. y may be a matrix
    of zeros and ones, for several labels a row.

    Parameters
    ----------
    alpha : float >= 0, default=1.0
        Weight of the penalty.
    fit_intercept : bool, default=True
    copy_X : bool, default=True
        There for scikit-learn's signature; X is never written to.
    max_iter : int >= 1 or None, default=None
        Most steps of the iterative solvers; None means 1000 for sag and saga, and as many as a
        product method needs.
    tol : float >= 0, default=1e-4
        Relative precision of the iterative solvers.
    class_weight : dict, "balanced" or None
        Weight of each class's rows, times their sample weights.
    solver : {"auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs"},
        default="auto"
        See `Ridge`.
    positive : bool, default=False
        Whether coefficients must not be negative.
    random_state : int, RandomState or None, default=None
        Order of rows for "sag" and "saga".

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : array of shape (n_features,) for two classes, else (n_classes, n_features)
    intercept_ : array of shape (1,) or (n_classes,)
    n_iter_ : None or array of shape (n_targets,)
    solver_ : str

    Cost O(n d min(n, d)) for "cholesky" and "svd", whatever the number of classes; O(n d) a step
    and class for the others.

    Examples
    --------
    >>> from dovetail.linear_model import RidgeClassifier
    >>> model = RidgeClassifier().fit([[0.0], [1.0], [2.0], [3.0]], ["no", "no", "yes", "yes"])
    >>> model.predict([[0.5], [2.5]])
    array(['no', 'yes'], dtype='<U3')
    """

    alpha: Annotated[float, AtLeast(0)] = 1.0
    _: KW_ONLY
    fit_intercept: bool = True
    copy_X: bool = True
    max_iter: Annotated[int, AtLeast(1)] | None = None
    tol: Annotated[float, AtLeast(0)] = 1e-4
    class_weight: dict[Any, float] | Literal["balanced"] | None = None
    solver: Literal["auto", "svd", "cholesky", "lsqr", "sparse_cg", "sag", "saga", "lbfgs"] = "auto"
    positive: bool = False
    random_state: Seed = None

    def _fit(self, batches: Batches) -> Linear:
        return self._as_program(*ridge_solution(self, self._targets(batches)), batches.dtype)

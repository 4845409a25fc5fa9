"""ν-support-vector regression."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated, Self

from dovetail.params import Range
from dovetail.solve.smo import SupportProblem
from dovetail.svm._machine import Floats
from dovetail.svm._pairs import filled
from dovetail.svm._regression import KernelRegressor, both_sides

__all__ = ["NuSVR"]


class NuSVR(KernelRegressor):
    """`SVR` whose tube is as wide as leaves at most a share ν of the targets outside.

    Minimizes ½ ‖w‖² + Σ_i C_i (ν ε + max(0, |y_i − w·φ(x_i) − b| − ε)) over w, b and ε, by way of
    its dual.

    Parameters
    ----------
    nu : float in (0, 1], default=0.5
        Upper bound of the share of rows outside the tube, lower bound of that of support vectors.
    kernel : {"linear", "poly", "rbf", "sigmoid", "precomputed"} or callable, default="rbf"
        a·b, (γ a·b + coef0)^degree, exp(−γ ‖a − b‖²), tanh(γ a·b + coef0); "precomputed" takes the
        kernel matrix as X; a callable gives it from two arrays of rows.
    degree : int >= 0, default=3
    gamma : {"scale", "auto"} or float >= 0, default="scale"
        γ; "scale" is 1 / (n_features × variance of X), "auto" 1 / n_features.
    coef0 : float, default=0.0
    shrinking : bool, default=True
        Whether to leave aside, within a working set, what rests at a bound: the same solution.
    tol : float > 0, default=1e-3
        The largest violation of optimality at which to stop.
    cache_size : float > 0, default=200
        Megabytes for rows of the kernel matrix.
    verbose : bool, default=False
        Whether to print a line for each working set.
    max_iter : int >= -1, default=-1
        Most steps of two variables; -1 for no limit.
    C : float > 0, default=1.0
        Weight of errors against flatness; C_i is C times the weight of the row.

    Attributes
    ----------
    support_ : array of shape (n_SV,), rows of the fit
    support_vectors_ : array of shape (n_SV, n_features)
    n_support_ : ndarray of shape (1,)
    dual_coef_ : array of shape (1, n_SV)
    intercept_ : array of shape (1,)
    coef_ : array of shape (1, n_features), for the linear kernel
    fit_status_ : int, 0 where the problem was solved
    shape_fit_ : tuple, shape of X
    n_iter_ : int, steps of two variables

    Cost: as that of `SVR`.

    Schölkopf, Smola, Williamson & Bartlett 2000, https://doi.org/10.1162/089976600300015565.

    Examples
    --------
    >>> from dovetail.svm import NuSVR
    >>> model = NuSVR(kernel="linear", C=10).fit([[0], [1], [2], [3]], [0, 2, 4, 6])
    >>> model.predict([[1.5]]).round(3)
    array([3.])
    """

    _: KW_ONLY
    nu: Annotated[float, Range(0, 1, "right")] = 0.5

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(kernel="linear", nu=0.3)]

    def _pose(self, y: Floats, C: Floats) -> SupportProblem:
        start = filled(C, self.nu * float(C.sum()) / 2)
        return both_sides(y, C, 0.0, start, by_sign=True)

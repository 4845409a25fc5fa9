"""Support-vector regression."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated, Self

import numpy as np

from dovetail.params import AtLeast
from dovetail.solve.smo import SupportProblem
from dovetail.svm._machine import Floats
from dovetail.svm._regression import KernelRegressor, both_sides

__all__ = ["SVR"]


class SVR(KernelRegressor):
    """The flattest function in the feature space of a kernel that has the targets in a tube.

    Minimizes ½ ‖w‖² + Σ_i C_i max(0, |y_i − w·φ(x_i) − b| − ε), where k(a, b) = φ(a)·φ(b), by way
    of its dual.

    Parameters
    ----------
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
    epsilon : float >= 0, default=0.1
        Half the width of the tube, in units of y: errors below it cost nothing.

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

    Cost: between O(n d n_SV) and O(n² d) for the kernel, in the memory of the cache; to predict,
    O(d n_SV) a row.

    Smola & Schölkopf 2004, https://doi.org/10.1023/B:STCO.0000035301.49549.88.

    Examples
    --------
    >>> from dovetail.svm import SVR
    >>> model = SVR(kernel="linear", C=10, epsilon=0.1).fit([[0], [1], [2], [3]], [0, 2, 4, 6])
    >>> model.predict([[1.5]]).round(3)
    array([3.])
    """

    _: KW_ONLY
    epsilon: Annotated[float, AtLeast(0)] = 0.1

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(kernel="linear", C=0.5, epsilon=0.01)]

    def _pose(self, y: Floats, C: Floats) -> SupportProblem:
        return both_sides(y, C, float(self.epsilon), np.zeros(len(y)), by_sign=False)

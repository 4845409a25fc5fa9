"""ν-support-vector classification."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated, Self

import numpy as np

from dovetail.params import Range
from dovetail.solve.smo import SupportProblem
from dovetail.svm._classes import PairwiseClassifier
from dovetail.svm._machine import Floats
from dovetail.svm._pairs import filled

__all__ = ["NuSVC"]


class NuSVC(PairwiseClassifier):
    """`SVC` whose margin is as wide as leaves at most a share ν of the rows within.

    For two classes y_i = ±1, minimizes ½ ‖w‖² + Σ_i w_i (max(0, ρ − y_i (w·φ(x_i) + b)) − ν ρ)
    over w, b and ρ, scaled so that the margin is 1, by way of its dual; w_i are weights of rows.

    Parameters
    ----------
    nu : float in (0, 1], default=0.5
        Upper bound of the share of rows on the wrong side of the margin, lower bound of that of
        support vectors. For two classes it cannot exceed twice the share of the smaller.
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
    probability : bool, default=False
        Whether to learn probabilities too, by five more fits. Deprecated by scikit-learn 1.9 in
        favor of CalibratedClassifierCV.
    class_weight : dict, "balanced" or None
        Multiplies the weights of a class's rows. (scikit-learn takes it without effect.)
    decision_function_shape : {"ovr", "ovo"}, default="ovr"
        Whether `decision_function` gives a score for each class or for each pair.
    break_ties : bool, default=False
        Whether scores decide between classes of equally many votes.
    random_state : int, RandomState or None
        Of the folds for probabilities.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    class_weight_ : ndarray of shape (n_classes,)
    support_ : array of shape (n_SV,), rows of the fit, by class
    support_vectors_ : array of shape (n_SV, n_features)
    n_support_ : ndarray of shape (n_classes,)
    dual_coef_ : array of shape (n_classes - 1, n_SV)
    intercept_ : array of shape (n_classes (n_classes - 1) / 2,)
    coef_ : array of shape (n_classes (n_classes - 1) / 2, n_features), for the linear kernel
    fit_status_ : int, 0 where every problem was solved
    shape_fit_ : tuple, shape of X
    n_iter_ : ndarray of shape (n_classes (n_classes - 1) / 2,), steps of two variables

    Cost: as that of `SVC`.

    Schölkopf, Smola, Williamson & Bartlett 2000, https://doi.org/10.1162/089976600300015565.

    Examples
    --------
    >>> from dovetail.svm import NuSVC
    >>> model = NuSVC().fit([[0, 0], [1, 1], [1, 0], [0, 1]], ["same", "same", "not", "not"])
    >>> model.predict([[0.1, 0.9]])
    array(['not'], dtype='<U4')
    """

    _: KW_ONLY
    nu: Annotated[float, Range(0, 1, "right")] = 0.5

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(nu=0.3), cls(kernel="linear", nu=0.2)]

    def _bound(self) -> float:
        return 1.0

    def _refuse_few(self, counts: list[int]) -> None:
        if sum(c > 0 for c in counts) == 1:
            raise ValueError(
                "specified nu is infeasible: all samples with positive weights belong to the same "
                "class. Weigh rows of another one too."
            )

    def _pose(self, y: Floats, C: Floats) -> SupportProblem:
        each = self.nu * float(C.sum()) / 2
        first, second = float(C[y > 0].sum()), float(C[y < 0].sum())
        if each > min(first, second) * (1 + 1e-12):
            most = 2 * min(first, second) / (first + second)
            raise ValueError(
                f"specified nu is infeasible: nu={self.nu} is more than twice the share of the "
                f"smaller of two classes, which allows {most:.4g} at most. Lower nu, or weigh that "
                "class by class_weight or sample_weight."
            )
        n = len(y)
        start = np.empty(n)
        for side in (y > 0, y < 0):
            start[side] = filled(C[side], each)
        return SupportProblem(np.zeros(n), y, C, start, np.arange(n), by_sign=True)

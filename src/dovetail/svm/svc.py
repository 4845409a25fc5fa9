"""Support-vector classification."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated, Self

import numpy as np

from dovetail.params import Range
from dovetail.solve.smo import SupportProblem
from dovetail.svm._classes import PairwiseClassifier
from dovetail.svm._pairs import Floats

__all__ = ["SVC"]


class SVC(PairwiseClassifier):
    """Classes told apart by the widest margin in the feature space of a kernel.

    For two classes y_i = ±1, minimizes ½ ‖w‖² + Σ_i C_i max(0, 1 − y_i (w·φ(x_i) + b)), where
    k(a, b) = φ(a)·φ(b), by way of its dual. Several classes have a machine
    for each pair of them, and vote.

    Parameters
    ----------
    C : float > 0, default=1.0
        Weight of the rows' errors against the width of the margin; C_i is C times the weight of the
        row and of its class.
    kernel : {"linear", "poly", "rbf", "sigmoid", "precomputed"} or callable, default="rbf"
        a·b, (γ a·b + coef0)^degree, exp(−γ ‖a − b‖²), tanh(γ a·b + coef0); "precomputed" takes the
        kernel matrix as X; a callable gives it from two arrays of rows.
    degree : int >= 0, default=3
    gamma : {"scale", "auto"} or float >= 0, default="scale"
        γ; "scale" is 1 / (n_features × variance of X), "auto" 1 / n_features.
    coef0 : float, default=0.0
    shrinking : bool, default=True
        Whether to leave aside, within a working set, what rests at a bound: the same solution.
    probability : bool, default=False
        Whether to learn probabilities too, by five more fits. Deprecated by scikit-learn 1.9 in
        favor of CalibratedClassifierCV.
    tol : float > 0, default=1e-3
        The largest violation of optimality at which to stop.
    cache_size : float > 0, default=200
        Megabytes for rows of the kernel matrix.
    class_weight : dict, "balanced" or None
    verbose : bool, default=False
        Whether to print a line for each working set.
    max_iter : int >= -1, default=-1
        Most steps of two variables for each pair of classes; -1 for no limit.
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

    Cost: between O(n d n_SV) and O(n² d) for the kernel, in the memory of the cache; to predict,
    O(d n_SV) a row.

    Cortes & Vapnik 1995, https://doi.org/10.1007/BF00994018; solved as in Fan, Chen & Lin 2005,
    https://www.jmlr.org/papers/v6/fan05a.html, and Wen et al. 2018,
    https://www.jmlr.org/papers/v19/17-740.html.

    Examples
    --------
    >>> from dovetail.svm import SVC
    >>> model = SVC().fit([[0, 0], [1, 1], [1, 0], [0, 1]], ["same", "same", "not", "not"])
    >>> model.predict([[0.1, 0.9]])
    array(['not'], dtype='<U4')
    """

    _: KW_ONLY
    C: Annotated[float, Range(0, None, "right")] = 1.0

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(kernel="linear", C=0.5), cls(decision_function_shape="ovo")]

    def _bound(self) -> float:
        return float(self.C)

    def _pose(self, y: Floats, C: Floats) -> SupportProblem:
        n = len(y)
        return SupportProblem(np.full(n, -1.0), y, C, np.zeros(n), np.arange(n))

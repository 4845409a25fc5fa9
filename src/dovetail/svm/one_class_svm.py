"""The region where most rows are."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

import numpy as np
import torch
from sklearn.base import OutlierMixin
from sklearn.utils import Tags
from torch import Tensor

from dovetail.data.batches import Batches
from dovetail.params import Range
from dovetail.solve.smo import SupportProblem
from dovetail.svm._machine import Floats, Index, KernelMachine
from dovetail.svm._pairs import filled
from dovetail.svm._program import Expansion

__all__ = ["OneClassSVM"]


class OneClassSVM(OutlierMixin, KernelMachine):
    """Outliers by a boundary around most rows, a hyperplane in the feature space of a kernel.

    Minimizes ½ ‖w‖² + Σ_i w_i (max(0, ρ − w·φ(x_i)) − ν ρ) over w and ρ, by way of its dual; w_i
    are the weights of rows. Rows with w·φ(x) < ρ are outliers.

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
    nu : float in (0, 1], default=0.5
        Upper bound of the share of training rows that are outliers, lower bound of that of support
        vectors.

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
    offset_ : float, ρ: `score_samples` below it are those of outliers

    Cost: between O(n d n_SV) and O(n² d) for the kernel, in the memory of the cache; to predict,
    O(d n_SV) a row.

    Schölkopf, Platt, Shawe-Taylor, Smola & Williamson 2001,
    https://doi.org/10.1162/089976601750264965.

    Examples
    --------
    >>> from dovetail.svm import OneClassSVM
    >>> model = OneClassSVM(nu=0.2).fit([[0.0], [0.1], [0.2], [0.15], [9.0]])
    >>> model.predict([[0.1], [5.0]])
    array([ 1, -1])
    """

    _: KW_ONLY
    nu: Annotated[float, Range(0, 1, "right")] = 0.5

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(kernel="linear", nu=0.2)]

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn where most rows are.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        y : ignored
        sample_weight : array-like of shape (n_samples,), float or None

        Returns
        -------
        self
        """
        return self._learn(X, None, sample_weight)

    def _fit(self, batches: Batches) -> Expansion:
        def pose(rows: Index, w: Floats) -> SupportProblem:
            n = len(rows)
            start = filled(w, self.nu * float(w.sum()))
            return SupportProblem(np.zeros(n), np.ones(n), w, start, np.arange(n))

        return self._alone(batches, pose)

    def decision_function(self, X: Any) -> Any:
        """Distance to the boundary, in units of ρ: negative for outliers, shape (n_samples,)."""
        program = self.program_
        return self._run(lambda opened: program(opened), X)

    def score_samples(self, X: Any) -> Any:
        """w·φ(x): the lower, the more unusual; shape (n_samples,)."""
        program: Any = self.program_

        def score(opened: Any) -> Tensor:
            scores: Tensor = program(opened) - program.intercept
            return scores

        return self._run(score, X)

    def predict(self, X: Any) -> Any:
        """-1 for outliers, 1 for others, shape (n_samples,)."""
        inside = self.decision_function(X) > 0
        return torch.where(inside, 1, -1) if isinstance(inside, Tensor) else np.where(inside, 1, -1)

    @property
    def offset_(self) -> Any:
        """Rows of a lower score are outliers."""
        return -self.intercept_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags

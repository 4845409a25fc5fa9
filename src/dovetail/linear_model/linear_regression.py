"""Ordinary least squares."""

from dataclasses import KW_ONLY
from functools import partial
from typing import Annotated, Any, Self

import torch
from torch import Tensor

from dovetail.base import Accepts, WeightedRegressor
from dovetail.data.batches import Batches
from dovetail.data.results import may_overwrite
from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.linear_model._center import Centered, center, gram, triangle
from dovetail.linear_model._program import Linear, flat_when
from dovetail.params import AtLeast
from dovetail.solve.loop import solve
from dovetail.solve.lsqr import LSQR, CenteredMap
from dovetail.solve.nnls import nonnegative_least_squares

__all__ = ["LinearRegression"]


class LinearRegression(WeightedRegressor):
    """Coefficients c and intercept b that minimize Σ w_i (y_i − x_i·c − b)².

    Of several minimizers (collinear columns, fewer rows than columns) the one with the least ‖c‖ is
    taken.

    Parameters
    ----------
    fit_intercept : bool, default=True
    copy_X : bool, default=True
        False lets fit subtract its means from dense X, where X is a float array or tensor.
    tol : float >= 0, default=1e-6
        Relative precision of the iterative solution for sparse X.
    n_jobs : int or None, default=None
        There for scikit-learn's signature; threads follow `dovetail.config(threads=...)`.
    positive : bool, default=False
        Whether coefficients must not be negative.

    Attributes
    ----------
    coef_ : array of shape (n_features,) or (n_targets, n_features)
    intercept_ : float or array of shape (n_targets,)
    rank_ : int
        Rank of X after centering (dense X, positive=False).
    singular_ : array of shape (min(n_samples, n_features),)
        Singular values of X after centering (dense X, positive=False).

    Cost O(n d²) by a QR factorization of blocks of rows, and a singular value decomposition of R,
    for dense X; O(n d) a step of LSQR for sparse X; O(n d²) for the Gram matrix and the active-set
    method of Lawson & Hanson (1974) with positive=True.

    Examples
    --------
    >>> from dovetail.linear_model import LinearRegression
    >>> model = LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> model.predict([[3.0]]).round(6)
    array([7.])
    """

    accepts = Accepts(sparse=("csr", "csc"), multi_output=True)

    _: KW_ONLY
    fit_intercept: bool = True
    copy_X: bool = True
    tol: Annotated[float, AtLeast(0)] = 1e-6
    n_jobs: int | None = None
    positive: bool = False

    @property
    def coef_(self) -> Any:
        """Coefficients, shape (n_features,) or (n_targets, n_features)."""
        coef = flat_when(self._program.flat, self._program.coef)
        return coef if self._container == "torch" else as_numpy(coef)

    @property
    def intercept_(self) -> Any:
        """Intercept, one a target; 0.0 without."""
        if not self.fit_intercept:
            return 0.0
        b = flat_when(self._program.flat, self._program.intercept)
        return b if self._container == "torch" else as_numpy(b)[()]

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Find the coefficients.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), float or None
            Weight of each row's square; an integer weight equals that many copies of the row.

        Returns
        -------
        self
        """
        learn = partial(self._fit, copy=self.copy_X or not may_overwrite(X))
        return self._template(learn, X, y, sample_weight, reset=True)

    def _fit(self, batches: Batches, *, copy: bool = True) -> Linear:
        means = center(batches, intercept=self.fit_intercept)
        if self.positive:
            G, b = gram(batches, means, copy=copy)
            coef = torch.stack([nonnegative_least_squares(G, column) for column in b.T])
        elif isinstance(batches.X, SparseMatrix):
            coef = self._by_products(batches, means)
        else:
            coef = self._by_factors(batches, means, copy)
        dtype = batches.dtype
        return Linear(
            coef.to(dtype), means.intercept(coef).to(dtype), "identity", batches.y.ndim == 1
        )

    def _by_factors(self, batches: Batches, means: Centered, copy: bool) -> Tensor:
        """From the triangle R of X = QR, found block by block, and the singular values of R."""
        R, z = triangle(batches, means, copy=copy)
        U, s, Vh = torch.linalg.svd(R, full_matrices=False)
        keep = s > torch.finfo(batches.dtype).eps * min(R.shape) * s.max()
        self.rank_ = int(keep.sum())
        self.singular_ = s if self._container == "torch" else as_numpy(s)
        inverse = torch.where(keep, 1 / s, 0.0)
        return (Vh.T @ (inverse[:, None] * (U.T @ z))).T

    def _by_products(self, batches: Batches, means: Centered) -> Tensor:
        root = None if batches.w is None else batches.w.double().sqrt()
        A = CenteredMap(batches.X, means.x if self.fit_intercept else None, root)
        coefs = []
        for target, mean in zip(means.targets.double().T, means.y, strict=True):
            b = (target - mean) if root is None else (target - mean) * root
            solution = solve(LSQR(A, b, 0.0, self.tol), max_iter=4 * max(A.X.shape) + 100)
            self._report(solution)
            coefs.append(solution.value)
        return torch.stack(coefs)

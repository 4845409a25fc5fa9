"""Ordinary least squares."""

from dataclasses import KW_ONLY
from typing import Annotated

import torch
from torch import Tensor

from dovetail.base import Accepts, WeightedRegressor
from dovetail.data.batches import Batches
from dovetail.data.cross_moments import cross_moments
from dovetail.data.eigenvalues import eigenvalues
from dovetail.data.tensors import as_numpy
from dovetail.linear_model._center import Centered, center, centered_triangle
from dovetail.linear_model._roles import Coefficients, with_matrix
from dovetail.linear_scores import Linear
from dovetail.params import AtLeast
from dovetail.solve.elastic_net import correlations
from dovetail.solve.loop import solve
from dovetail.solve.lsqr import LSQR, CenteredMap
from dovetail.solve.nnls import nonnegative_least_squares

__all__ = ["LinearRegression"]

# least ratio of the eigenvalues of the Gram matrix at which it may stand for X
_CONDITION = {torch.float64: 1e-8, torch.float32: 1e-3}
# the same, below which the rows' residuals have digits to give that the matrix has lost
_REFINED = {torch.float64: 1e-3, torch.float32: 0.1}


class LinearRegression(Coefficients, WeightedRegressor):
    """Coefficients c and intercept b that minimize Σ w_i (y_i − x_i·c − b)².

    Of several minimizers (collinear columns, fewer rows than columns) the one with the least ‖c‖ is
    taken.

    Parameters
    ----------
    fit_intercept : bool, default=True
    copy_X : bool, default=True
        There for scikit-learn's signature; X is never written to.
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

    Cost O(n d²) for dense X: by the Cholesky factor of the Gram matrix where its condition is below
    1e8 (1e3 for float32), else by a QR factorization of blocks of rows and a singular value
    decomposition of R, which takes about six times as long; O(n d) a step of LSQR for sparse X;
    O(n d²) for the Gram matrix and the active-set method of Lawson & Hanson (1974) with
    positive=True.

    Examples
    --------
    >>> from dovetail.linear_model import LinearRegression
    >>> model = LinearRegression().fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> model.predict([[3.0]]).round(6)
    array([7.])
    """

    accepts = Accepts(sparse=("csr", "csc"), multi_output=True, negative_weights=False)

    _: KW_ONLY
    fit_intercept: bool = True
    copy_X: bool = True
    tol: Annotated[float, AtLeast(0)] = 1e-6
    n_jobs: int | None = None
    positive: bool = False

    def _fit(self, batches: Batches) -> Linear:
        self._flat_target = batches.n_targets == 0
        batches = with_matrix(batches)
        if self.positive:
            m = cross_moments(batches, centered=self.fit_intercept)
            coef = torch.stack([nonnegative_least_squares(m.xx, column) for column in m.xy.T])
            offset = m.intercept(coef)
        else:
            coef, offset = self._least_norm(batches)
        dtype = batches.dtype
        return Linear(coef.to(dtype), offset.to(dtype), "identity", self._flat_target)

    def _least_norm(self, batches: Batches) -> tuple[Tensor, Tensor]:
        """The solution of least norm: of the normal equations where they are well conditioned, else
        of a factorization of X itself.
        """
        by_rows = batches.sparse and batches.in_memory
        if not by_rows and len(batches) > batches.n_features:
            found = self._by_moments(batches)
            if found is not None:
                return found
        means = center(batches, intercept=self.fit_intercept)
        if batches.sparse:
            coef = self._by_products(batches, means)
        else:
            coef = self._by_factors(batches, means)
        return coef, means.intercept(coef)

    def _by_moments(self, batches: Batches) -> tuple[Tensor, Tensor] | None:
        """From the Cholesky factor of the Gram matrix; where its condition asks for it, with a step
        of refinement by the residuals of the rows (Björck 1987,
        https://doi.org/10.1016/0024-3795(87)90101-7). None where the condition lets too little of
        X's precision through.
        """
        m = cross_moments(batches, centered=self.fit_intercept)
        values = eigenvalues(m.xx)
        ratio = float(values[0] / values[-1])
        if not ratio > _CONDITION[batches.dtype]:
            return None
        factor = torch.linalg.cholesky(m.xx)
        coef = torch.cholesky_solve(m.xy, factor).T
        if ratio < _REFINED[batches.dtype]:
            left = correlations(batches, coef, m.intercept(coef), m.x)
            coef = coef + torch.cholesky_solve(left.T, factor).T
        s = values.flip(0).sqrt()
        self.rank_ = len(s)
        self.singular_ = s if self._container == "torch" else as_numpy(s)
        return coef, m.intercept(coef)

    def _by_factors(self, batches: Batches, means: Centered) -> Tensor:
        """From the triangle R of X = QR, found block by block, and the singular values of R."""
        R, z = centered_triangle(batches, means)
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
        for target, mean in zip(batches.y.double().T, means.y, strict=True):
            b = (target - mean) if root is None else (target - mean) * root
            solution = solve(LSQR(A, b, 0.0, self.tol), max_iter=4 * max(A.X.shape) + 100)
            self._report(solution)
            coefs.append(solution.value)
        return torch.stack(coefs)

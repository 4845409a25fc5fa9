"""Kernel ridge regression."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

import torch
from sklearn.utils import Tags
from torch import Tensor

from dovetail.base import Accepts, WeightedRegressor
from dovetail.data.batches import Batches
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.kernel_rows import KernelRows
from dovetail.objective.kernel import Kernel, KernelName, RowByRow
from dovetail.params import ArrayLike, AtLeast
from dovetail.program import Program
from dovetail.solve.regularized import solve_shifted

__all__ = ["KernelRidge"]


class _Expansion(Program):
    """Σ_i coef_i k(x_i, x), (m,) or (m, t).

    coef : Tensor of shape (n,) or (n, t)
    """

    rows: KernelRows
    coef: Tensor

    def forward(self, X: Any) -> Tensor:
        return self.rows.through(lambda K: K.to(self.coef.dtype) @ self.coef, X)


class KernelRidge(WeightedRegressor):
    """Least squares with an l2 penalty in the feature space of a kernel.

    Minimizes Σ w_i (y_i − f(x_i))² + alpha ‖f‖², where f = Σ_i a_i k(x_i, ·) and ‖f‖² = aᵀ K a; the
    optimum solves (K + alpha diag(1/w)) a = y. There is no intercept: center y, or take a kernel
    with one.

    Parameters
    ----------
    alpha : float >= 0 or array-like of shape (n_targets,), default=1
        Strength of the penalty, of each target where several are given.
    kernel : str or callable, default="linear"
        "linear", "rbf", "poly", "sigmoid", "laplacian", "cosine", "chi2", "additive_chi2";
        "precomputed" takes the kernel of rows with all rows of the fit as X; a callable gives the
        value of two rows, and `kernel_params` as keywords.
    gamma : float >= 0 or None
        γ of rbf, laplacian, polynomial, sigmoid and chi2 kernels; None is 1 / n_features, for chi2
        1.
    degree : float >= 0, default=3
        Of the polynomial kernel.
    coef0 : float, default=1
        Of polynomial and sigmoid kernels.
    kernel_params : dict or None
        Keywords of a callable.

    Attributes
    ----------
    dual_coef_ : array of shape (n_samples,) or (n_samples, n_targets), a
    X_fit_ : array or sparse matrix of shape (n_samples, n_features), the rows of the fit; the
        kernel matrix where that was given

    Cost: fit O(n² d + n³) and memory O(n²); predict O(n d) a row. For many rows take
    `kernel_approximation.Nystroem` before `linear_model.Ridge`.

    Saunders, Gammerman & Vovk 1998, https://dl.acm.org/doi/10.5555/645527.657464.

    Examples
    --------
    >>> from dovetail.kernel_ridge import KernelRidge
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 4.0, 9.0]
    >>> KernelRidge(alpha=1e-6, kernel="poly", degree=2).fit(X, y).predict([[1.5]]).round(2)
    array([2.25])
    """

    accepts = Accepts(sparse=("csr", "csc"), multi_output=True, negative_weights=False)

    alpha: Annotated[float, AtLeast(0)] | ArrayLike = 1
    _: KW_ONLY
    kernel: KernelName | Callable[..., Any] = "linear"
    gamma: Annotated[float, AtLeast(0)] | None = None
    degree: Annotated[float, AtLeast(0)] = 3
    coef0: float = 1
    kernel_params: dict[str, Any] | None = None

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(0.5, kernel="rbf", gamma=0.5), cls(0.1, kernel="laplacian")]

    def _fit(self, batches: Batches) -> _Expansion:
        X, y = batches.X, batches.y
        n = len(X)
        if isinstance(X, SparseMatrix):
            X = X.tocsr()
        kernel = self._kernel(X.shape[1])
        Y = y if y.ndim == 2 else y[:, None]
        Y = Y.to(X.dtype)
        K = self._gram(kernel, X)
        if batches.w is not None:
            root = batches.w.to(K.dtype).sqrt()
            K *= root * root[:, None]
            Y = Y * root[:, None]
        A = solve_shifted(K, Y.to(K.dtype), self._shifts(Y))
        if batches.w is not None:
            A *= root[:, None]
        rows = None if kernel.kernel == "precomputed" else X
        self._given = X if rows is None else None
        kept = KernelRows.of(kernel, rows, torch.arange(n, device=X.device))
        return _Expansion(kept, A[:, 0] if y.ndim == 1 else A)

    def _kernel(self, d: int) -> Kernel:
        if callable(self.kernel):
            return Kernel(RowByRow(self.kernel, self.kernel_params or {}), 0.0, 0.0, 0.0)
        own = {"gamma": self.gamma, "degree": self.degree, "coef0": self.coef0}
        return Kernel.named(self.kernel, own, d)

    def _gram(self, kernel: Kernel, X: Matrix) -> Tensor:
        """The kernel matrix, to be written to."""
        if kernel.kernel != "precomputed":
            return kernel.between(X, X)
        if isinstance(X, SparseMatrix) or len(X) != X.shape[1]:
            raise ValueError(
                "A precomputed kernel must be a dense square matrix of the rows with each other. "
                f"Got shape {tuple(X.shape)}."
            )
        return X.clone()

    def _shifts(self, Y: Tensor) -> Tensor:
        """alpha of each target."""
        alpha = torch.as_tensor(self.alpha, dtype=Y.dtype, device=Y.device).reshape(-1)
        if len(alpha) not in (1, Y.shape[1]):
            raise ValueError(
                f"alpha must be a number or one for each target. Got {len(alpha)} for "
                f"{Y.shape[1]} targets."
            )
        return alpha.expand(Y.shape[1])

    @property
    def dual_coef_(self) -> Any:
        """Weights of the rows of the fit, shape (n_samples,) or (n_samples, n_targets)."""
        coef: Tensor = self._fitted().coef
        return coef if self._container == "torch" else as_numpy(coef)

    @property
    def X_fit_(self) -> Any:
        """The rows of the fit, or the kernel matrix that was given."""
        rows = self._fitted().rows.rows
        X: Any = self._given if rows is None else rows.matrix
        if isinstance(X, SparseMatrix):
            return X.to_scipy()
        return X if self._container == "torch" else as_numpy(X)

    def _fitted(self) -> Any:
        program = self.__dict__.get("_program")
        if program is None:
            raise AttributeError(f"This {type(self).__name__} instance is not fitted yet.")
        return program

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == "precomputed"
        return tags

"""A kernel approximated by its values for a sample of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils import Tags, check_random_state
from torch import Tensor

from dovetail.base import Accepts, Learned, Transformer
from dovetail.data.batches import Batches
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.errors import warn
from dovetail.kernel_rows import KernelRows
from dovetail.objective.kernel import Kernel, KernelName, RowByRow
from dovetail.params import AtLeast, Seed
from dovetail.program import Program

__all__ = ["Nystroem"]

_LEAST = 1e-12  # of the basis kernel's singular values


class _Map(Program):
    """k(X, components) normalizationᵀ, (n, m).

    components : m rows, none where the kernel is given as a matrix
    normalization : Tensor of shape (m, m)
    """

    components: KernelRows
    normalization: Tensor

    def forward(self, X: Any) -> Tensor:
        mapping = self.normalization.T.to(X.dtype)
        return self.components.through(lambda K: K.to(X.dtype) @ mapping, X)


class Nystroem(ClassNamePrefixFeaturesOutMixin, Transformer):
    """Features whose products are a kernel's values, exactly so for rows of a sample.

    With m rows drawn as components C and K = k(C, C), the features of x are K^(−1/2) k(C, x). A
    linear model of them costs O(n m²) where a kernel machine costs O(n²) and more.

    Parameters
    ----------
    kernel : str or callable, default="rbf"
        "rbf", "linear", "poly", "sigmoid", "laplacian", "cosine", "chi2", "additive_chi2";
        "precomputed" takes the kernel of rows with all rows of the fit as X; a callable gives the
        value of two rows, and `kernel_params` as keywords.
    gamma : float >= 0 or None
        γ of rbf, laplacian, polynomial, sigmoid and chi2 kernels; None is 1 / n_features, for chi2
        1.
    coef0 : float or None
        Of polynomial and sigmoid kernels; None is 1.
    degree : float >= 1 or None
        Of the polynomial kernel; None is 3.
    kernel_params : dict or None
        More numbers of the kernel.
    n_components : int >= 1, default=100
        m; the number of rows where there are fewer.
    random_state : int, RandomState or None
        Draws the components.
    n_jobs : int or None
        Threads are those of `dovetail.config(threads=...)`, whatever is said here.

    Attributes
    ----------
    components_ : array of shape (m, n_features), sparse where X was
    component_indices_ : ndarray of shape (m,), rows of the fit
    normalization_ : array of shape (m, m), K^(−1/2)

    Cost: fit O(m² d + m³), transform O(n m (d + m)); memory O(m (d + m)) and of blocks of rows.

    Williams & Seeger 2001,
    https://papers.nips.cc/paper/1866-using-the-nystrom-method-to-speed-up-kernel-machines.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from dovetail.kernel_approximation import Nystroem
    >>> from dovetail.linear_model import RidgeClassifier
    >>> from dovetail.pipeline import make_pipeline
    >>> X, y = load_digits(return_X_y=True)
    >>> features = Nystroem(gamma=1e-3, n_components=300, random_state=0)
    >>> model = make_pipeline(features, RidgeClassifier())
    >>> bool(model.fit(X[::2], y[::2]).score(X[1::2], y[1::2]) > 0.97)
    True
    """

    accepts = Accepts(sparse=("csr",))

    component_indices_ = Learned("components.index")
    normalization_ = Learned("normalization")

    kernel: KernelName | Callable[..., Any] = "rbf"
    _: KW_ONLY
    gamma: Annotated[float, AtLeast(0)] | None = None
    coef0: float | None = None
    degree: Annotated[float, AtLeast(1)] | None = None
    kernel_params: dict[str, Any] | None = None
    n_components: Annotated[int, AtLeast(1)] = 100
    random_state: Seed = None
    n_jobs: int | None = None

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(n_components=20, random_state=0), cls("poly", n_components=5, random_state=0)]

    def _fit(self, batches: Batches) -> _Map:
        X = batches.X
        n, wanted = len(X), self.n_components
        kernel = self._kernel(X.shape[1])
        if wanted > n:
            warn(
                f"n_components > n_samples. This is not possible.\nn_components={wanted} was set "
                f"to the number of rows, {n}, which results in inefficient evaluation of the full "
                "kernel."
            )
        drawn = check_random_state(self.random_state).permutation(n)[: min(n, wanted)]
        index = torch.from_numpy(drawn).to(batches.device)
        basis = X.take_rows(index) if isinstance(X, SparseMatrix) else X.index_select(0, index)
        if kernel.kernel == "precomputed":
            if isinstance(basis, SparseMatrix) or n != X.shape[1]:
                raise ValueError(
                    "A precomputed kernel must be a dense square matrix of the rows with each "
                    f"other. Got shape {tuple(X.shape)}."
                )
            K = basis.index_select(1, index)
        else:
            K = kernel.between(basis, basis)
        U, S, V = torch.linalg.svd(K.double())
        normalization = (U / S.clamp(min=_LEAST).sqrt() @ V).to(batches.dtype)
        rows = None if kernel.kernel == "precomputed" else basis
        return _Map(KernelRows.of(kernel, rows, index), normalization)

    def _kernel(self, d: int) -> Kernel:
        own = {"gamma": self.gamma, "degree": self.degree, "coef0": self.coef0}
        given = {name: value for name, value in own.items() if value is not None}
        params = self.kernel_params or {}
        if not callable(self.kernel) and self.kernel != "precomputed":
            return Kernel.named(self.kernel, {**params, **given}, d)
        if given:
            raise ValueError(
                "Don't pass gamma, coef0 or degree to Nystroem if using a callable or "
                "precomputed kernel"
            )
        own_kernel = RowByRow(self.kernel, params) if callable(self.kernel) else self.kernel
        return Kernel(own_kernel, 0.0, 0.0, 0.0)

    @property
    def components_(self) -> Any:
        """The rows drawn; of a precomputed kernel, their kernel with each other is not kept."""
        program: Any = self.program_
        if program.components.rows is None:
            raise AttributeError("components_ is not there for a precomputed kernel.")
        matrix: Matrix = program.components.rows.matrix
        if isinstance(matrix, SparseMatrix):
            return matrix.to_scipy()
        return matrix if self._container == "torch" else as_numpy(matrix)

    @property
    def _n_features_out(self) -> int:
        return len(self._program.normalization)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == "precomputed"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

"""A kernel approximated by its values for a sample of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils import Tags, check_random_state
from torch import Tensor

from dovetail.base import Accepts, Learned, Transformer
from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.errors import warn
from dovetail.objective.kernel import Kernel
from dovetail.params import AtLeast, Seed
from dovetail.program import Program, Rows

__all__ = ["Nystroem"]

_CELLS = 1 << 19  # kernel values of a block of rows: 4 MB in float64, which caches hold
_LEAST = 1e-12  # of the basis kernel's singular values
_OF_KERNEL: dict[
    str, dict[str, float | None]
] = {  # the numbers of each kernel, with their defaults; None is 1 / n_features
    "additive_chi2": {},
    "chi2": {"gamma": 1.0},
    "cosine": {},
    "laplacian": {"gamma": None},
    "linear": {},
    "poly": {"gamma": None, "degree": 3.0, "coef0": 1.0},
    "polynomial": {"gamma": None, "degree": 3.0, "coef0": 1.0},
    "rbf": {"gamma": None},
    "sigmoid": {"gamma": None, "coef0": 1.0},
}


class _Map(Program):
    """k(X, components) normalizationᵀ, (n, m).

    rows : the components; None where the kernel is given as a matrix
    index : Tensor of shape (m,), which rows of the fit they are
    normalization : Tensor of shape (m, m)
    """

    rows: Rows | None
    index: Tensor
    normalization: Tensor
    kernel: str | Callable[..., Any]
    gamma: float
    degree: float
    coef0: float

    def forward(self, X: Any) -> Tensor:
        if self.rows is None:
            return X.index_select(1, self.index) @ self.normalization.T.to(X.dtype)
        kernel = Kernel(self.kernel, self.gamma, self.degree, self.coef0)
        values = kernel.with_rows(self.rows.matrix)

        def mapped(block: Any) -> Tensor:
            return values(block) @ self.normalization.T.to(block.dtype)

        size = max(1, _CELLS // len(self.index))
        if torch.compiler.is_compiling() or len(X) <= size:
            return mapped(X)
        return torch.cat([mapped(block.X) for block in Batches(Batch(X)).in_blocks(size)])


@dataclass(frozen=True)
class _RowByRow:
    """A kernel of two rows as one of two arrays of rows."""

    function: Callable[..., float]
    params: dict[str, Any]

    def __call__(self, A: Any, B: Any) -> Any:
        if A is not B:
            return np.array([[self.function(a, b, **self.params) for b in B] for a in A])
        K = np.empty((len(A), len(A)))
        for i, a in enumerate(A):  # a kernel is symmetric
            for j in range(i + 1):
                K[i, j] = K[j, i] = self.function(a, A[j], **self.params)
        return K


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

    component_indices_ = Learned("index")
    normalization_ = Learned("normalization")

    kernel: (
        Literal[
            "additive_chi2",
            "chi2",
            "cosine",
            "laplacian",
            "linear",
            "poly",
            "polynomial",
            "precomputed",
            "rbf",
            "sigmoid",
        ]
        | Callable[..., Any]
    ) = "rbf"
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
        kernel, numbers = self._kernel(), self._numbers(X.shape[1])
        if wanted > n:
            warn(
                f"n_components > n_samples. This is not possible.\nn_components={wanted} was set "
                f"to the number of rows, {n}, which results in inefficient evaluation of the full "
                "kernel."
            )
        drawn = check_random_state(self.random_state).permutation(n)[: min(n, wanted)]
        index = torch.from_numpy(drawn).to(batches.device)
        basis = X.take_rows(index) if isinstance(X, SparseMatrix) else X.index_select(0, index)
        if kernel == "precomputed":
            if isinstance(basis, SparseMatrix) or n != X.shape[1]:
                raise ValueError(
                    "A precomputed kernel must be a dense square matrix of the rows with each "
                    f"other. Got shape {tuple(X.shape)}."
                )
            K = basis.index_select(1, index)
        else:
            K = Kernel(kernel, **numbers).between(basis, basis)
        U, S, V = torch.linalg.svd(K.double())
        normalization = (U / S.clamp(min=_LEAST).sqrt() @ V).to(batches.dtype)
        rows = None if kernel == "precomputed" else Rows.of(basis)
        return _Map(rows, index, normalization, kernel, **numbers)

    def _kernel(self) -> Any:
        if callable(self.kernel):
            return _RowByRow(self.kernel, self.kernel_params or {})
        return self.kernel

    def _numbers(self, d: int) -> dict[str, float]:
        """gamma, degree and coef0 of the kernel."""
        own = {"gamma": self.gamma, "degree": self.degree, "coef0": self.coef0}
        given = {name: value for name, value in own.items() if value is not None}
        if callable(self.kernel) or self.kernel == "precomputed":
            if given:
                raise ValueError(
                    "Don't pass gamma, coef0 or degree to Nystroem if using a callable or "
                    "precomputed kernel"
                )
            return dict.fromkeys(own, 0.0)
        wanted: dict[str, Any] = dict(_OF_KERNEL[self.kernel])
        for name, value in {**(self.kernel_params or {}), **given}.items():
            if name in wanted:
                wanted[name] = value
        if "gamma" in wanted and wanted["gamma"] is None:
            wanted["gamma"] = 1.0 / d
        return {name: float(wanted.get(name, 0.0)) for name in own}

    @property
    def components_(self) -> Any:
        """The rows drawn; of a precomputed kernel, their kernel with each other is not kept."""
        program: Any = self.program_
        if program.rows is None:
            raise AttributeError("components_ is not there for a precomputed kernel.")
        matrix: Matrix = program.rows.matrix
        if isinstance(matrix, SparseMatrix):
            return matrix.to_scipy()
        return matrix if self._container == "torch" else as_numpy(matrix)

    @property
    def _n_features_out(self) -> int:
        return len(self._program.index)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.pairwise = self.kernel == "precomputed"
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

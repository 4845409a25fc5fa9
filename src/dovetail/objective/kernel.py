"""A kernel with its numbers, chosen by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from torch import Tensor

from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.objective import kernel_functions as functions

__all__ = ["Kernel", "KernelName", "RowByRow", "scale_of"]

KernelName = Literal[
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
_NUMBERS: dict[  # of each kernel, with their defaults; None is 1 / n_features
    str, dict[str, float | None]
] = {
    "additive_chi2": {},
    "chi2": {"gamma": 1.0},
    "cosine": {},
    "laplacian": {"gamma": None},
    "linear": {},
    "poly": {"gamma": None, "degree": 3.0, "coef0": 1.0},
    "polynomial": {"gamma": None, "degree": 3.0, "coef0": 1.0},
    "precomputed": {},
    "rbf": {"gamma": None},
    "sigmoid": {"gamma": None, "coef0": 1.0},
}


@dataclass(frozen=True)
class Kernel:
    """A kernel function with its numbers; `kernel` may be one of the user's own, of two arrays.

    kernel : "linear", "poly" or "polynomial", "rbf", "sigmoid", "laplacian", "cosine", "chi2",
        "additive_chi2", "precomputed" or callable
    """

    kernel: str | Callable[..., Any]
    gamma: float
    degree: float
    coef0: float

    @classmethod
    def named(cls, name: str, given: dict[str, Any], d: int) -> Kernel:
        """A kernel by its name, for rows of d columns, with those of the given numbers that it has;
        its own defaults stand for the rest and for None.
        """
        wanted = dict(_NUMBERS[name])
        wanted |= {key: given[key] for key in wanted if given.get(key) is not None}
        if "gamma" in wanted and wanted["gamma"] is None:
            wanted["gamma"] = 1.0 / d
        found = [float(wanted.get(key) or 0.0) for key in ("gamma", "degree", "coef0")]
        return cls(name, *found)

    @property
    def by_index(self) -> bool:
        """Whether the kernel matrix is the user's, so that rows of the fit go by their place."""
        return self.kernel == "precomputed" or callable(self.kernel)

    def with_rows(self, B: Matrix) -> Callable[[Matrix], Tensor]:
        """Its values for any rows with those of B, for which what it needs is formed once."""
        if self.kernel == "rbf":
            return functions.rbf_with(B, self.gamma)
        return lambda A: self.between(A, B)

    def between(self, A: Matrix, B: Matrix) -> Tensor:
        """Its values for every row of A and every row of B."""
        if self.kernel == "linear":
            return functions.linear(A, B)
        if self.kernel in ("poly", "polynomial"):
            return functions.polynomial(A, B, self.gamma, self.degree, self.coef0)
        if self.kernel == "sigmoid":
            return functions.sigmoid(A, B, self.gamma, self.coef0)
        if self.kernel == "rbf":
            return functions.rbf(A, B, self.gamma)
        if self.kernel == "cosine":
            return functions.cosine(A, B)
        if isinstance(self.kernel, str):
            return self._elementwise(self.kernel, _dense(A), _dense(B))
        left = _array(A)
        values = self.kernel(left, left if A is B else _array(B))
        values = values.toarray() if sp.issparse(values) else np.asarray(values)
        if values.shape != (len(A), len(B)):
            raise ValueError(
                f"X.shape[0] should be equal to X.shape[1]: the kernel must give a matrix of shape "
                f"{(len(A), len(B))} for {len(A)} and {len(B)} rows, but gave {values.shape}."
            )
        return as_tensor(values).to(A.device, A.dtype)

    def _elementwise(self, kernel: str, A: Tensor, B: Tensor) -> Tensor:
        if kernel == "laplacian":
            return functions.laplacian(A, B, self.gamma)
        if bool((A < 0).any()) or bool((B < 0).any()):
            raise ValueError(
                f"Negative values in data passed to kernel={kernel!r}, which compares counts or "
                "shares."
            )
        if kernel == "chi2":
            return functions.chi2(A, B, self.gamma)
        return functions.additive_chi2(A, B)


@dataclass(frozen=True)
class RowByRow:
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


def _dense(A: Matrix) -> Tensor:
    return A.to_dense() if isinstance(A, SparseMatrix) else A


def _array(A: Matrix) -> Any:
    return A.to_scipy() if isinstance(A, SparseMatrix) else as_numpy(A)


def scale_of(X: Matrix) -> float:
    """1 / (d × variance of all numbers of X), in float64; 1 where there is no variance."""
    n, d = X.shape
    values = X.values if isinstance(X, SparseMatrix) else X
    mean = float(values.double().sum()) / (n * d)
    if values.ndim == 2:
        variance = float(values.double().var(correction=0))
    else:
        variance = float(values.double().square().sum()) / (n * d) - mean * mean
    return 1.0 / (d * variance) if variance > 0 else 1.0

"""The kernel of a support-vector machine, with its numbers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from torch import Tensor

from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.objective import kernel_functions as functions

__all__ = ["Kernel", "scale_of"]


@dataclass(frozen=True)
class Kernel:
    """A kernel function with its numbers; `kernel` may be one of the user's own, of two arrays."""

    kernel: str | Callable[..., Any]
    gamma: float
    degree: float
    coef0: float

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
        if self.kernel == "poly":
            return functions.polynomial(A, B, self.gamma, self.degree, self.coef0)
        if self.kernel == "sigmoid":
            return functions.sigmoid(A, B, self.gamma, self.coef0)
        if self.kernel == "rbf":
            return functions.rbf(A, B, self.gamma)
        assert callable(self.kernel)
        values = self.kernel(_array(A), _array(B))
        values = values.toarray() if sp.issparse(values) else np.asarray(values)
        if values.shape != (len(A), len(B)):
            raise ValueError(
                f"X.shape[0] should be equal to X.shape[1]: the kernel must give a matrix of shape "
                f"{(len(A), len(B))} for {len(A)} and {len(B)} rows, but gave {values.shape}."
            )
        return as_tensor(values).to(A.device, A.dtype)


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

"""Sparse matrices of rows: the compressed arrays of scipy.sparse, held as tensors.

Shapes: n rows, d columns, m stored values, k columns of a dense factor.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
import torch
from torch import Tensor

from dovetail.data.tensors import as_numpy, as_tensor

__all__ = ["Matrix", "SparseMatrix", "is_sparse"]

with warnings.catch_warnings():  # torch says once that its CSR tensors are in beta; let it be here
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor([0, 0], [], torch.zeros(0), (1, 1))


@dataclass(frozen=True, eq=False)
class SparseMatrix:
    """A CSR or CSC matrix on any device.

    Parameters
    ----------
    starts : Tensor of shape (n + 1,) for CSR, (d + 1,) for CSC, int32 or int64
    indices : Tensor of shape (m,), column (CSR) or row (CSC) of each stored value
    values : Tensor of shape (m,)
    shape : (n, d)
    format : "csr" or "csc"

    Products with dense factors go through torch's sparse kernels (MKL on the CPU), in `X @ W` and,
    for gradients, `X.T @ R`; the transpose shares the arrays.
    """

    starts: Tensor
    indices: Tensor
    values: Tensor
    shape: tuple[int, int]
    format: Literal["csr", "csc"] = "csr"
    array_class: bool = False  # whether it came as sp.csr_array, and is to go out as one

    @classmethod
    def from_scipy(
        cls, X: Any, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> SparseMatrix:
        """Share the arrays of a scipy CSR or CSC matrix (or array)."""
        return cls(
            as_tensor(X.indptr, device),
            as_tensor(X.indices, device),
            as_tensor(X.data, device, dtype),
            (int(X.shape[0]), int(X.shape[1])),
            X.format,
            isinstance(X, sp.sparray),
        )

    @classmethod
    def from_torch(cls, X: Tensor) -> SparseMatrix:
        """Share the arrays of torch's own CSR tensor."""
        return cls(X.crow_indices(), X.col_indices(), X.values(), (X.shape[0], X.shape[1]))

    def to_scipy(self) -> Any:
        """The scipy matrix over the same memory (a copy from an accelerator)."""
        kind = self.format + ("_array" if self.array_class else "_matrix")
        parts = (as_numpy(self.values), as_numpy(self.indices), as_numpy(self.starts))
        return getattr(sp, kind)(parts, shape=self.shape, copy=False)

    @property
    def dtype(self) -> torch.dtype:
        return self.values.dtype

    @property
    def device(self) -> torch.device:
        return self.values.device

    @property
    def ndim(self) -> int:
        return 2

    def __len__(self) -> int:
        return self.shape[0]

    def to(
        self, device: torch.device | None = None, dtype: torch.dtype | None = None
    ) -> SparseMatrix:
        """The same matrix on another device or with values of another dtype."""
        return SparseMatrix(
            self.starts.to(device),
            self.indices.to(device),
            self.values.to(device=device, dtype=dtype),
            self.shape,
            self.format,
            self.array_class,
        )

    def above(self, other: SparseMatrix) -> SparseMatrix:
        """The rows of this matrix and below them those of another."""
        both = sp.vstack([self.to_scipy(), other.to_scipy()], format=self.format)
        return SparseMatrix.from_scipy(both, self.device)

    def with_values(self, values: Tensor) -> SparseMatrix:
        """The same pattern with other stored values."""
        return SparseMatrix(
            self.starts, self.indices, values, self.shape, self.format, self.array_class
        )

    @cached_property
    def _major(self) -> Tensor:
        """Row (CSR) or column (CSC) of each stored value."""
        counts = self.starts.diff()
        return torch.arange(len(counts), device=self.device).repeat_interleave(counts)

    @property
    def rows(self) -> Tensor:
        """Row of each stored value, shape (m,)."""
        return self._major if self.format == "csr" else self.indices

    @property
    def columns(self) -> Tensor:
        """Column of each stored value, shape (m,)."""
        return self.indices if self.format == "csr" else self._major

    @cached_property
    def T(self) -> SparseMatrix:
        """The transpose, over the same memory; kept, because it keeps what its products need."""
        other: Literal["csr", "csc"] = "csc" if self.format == "csr" else "csr"
        n, d = self.shape
        return SparseMatrix(self.starts, self.indices, self.values, (d, n), other, self.array_class)

    def tocsr(self) -> SparseMatrix:
        """This matrix compressed by rows (itself where it is)."""
        return (
            self if self.format == "csr" else self.from_scipy(self.to_scipy().tocsr(), self.device)
        )

    def tocsc(self) -> SparseMatrix:
        """This matrix compressed by columns (itself where it is); kept, as products with X.T need
        it.
        """
        return self if self.format == "csc" else self.T._by_rows.T

    @cached_property
    def _by_rows(self) -> SparseMatrix:
        return self.tocsr()

    @cached_property
    def _torch(self) -> Tensor:
        """torch's own sparse tensor, compressed by rows: the layout its products are fastest in."""
        X = self._by_rows
        return torch.sparse_csr_tensor(
            X.starts, X.indices, X.values, X.shape, check_invariants=False
        )

    def __matmul__(self, W: Tensor) -> Tensor:
        """X @ W for a dense W of shape (d,) or (d, k)."""
        if 0 in self.shape or not len(self.values):
            return W.new_zeros((self.shape[0], *W.shape[1:]))
        return self._torch @ W

    def column_sums(self, per_value: Tensor | None = None) -> Tensor:
        """Sum of the stored values (or of `per_value`, one number each) by column, shape (d,)."""
        values = self.values if per_value is None else per_value
        return values.new_zeros(self.shape[1]).index_add_(0, self.columns.long(), values)

    def row_sums(self, per_value: Tensor | None = None) -> Tensor:
        """Sum of the stored values (or of `per_value`, one number each) by row, shape (n,)."""
        values = self.values if per_value is None else per_value
        if self.format == "csr" and values.is_floating_point():
            return torch.segment_reduce(values, "sum", offsets=self.starts.long(), initial=0)
        return values.new_zeros(self.shape[0]).index_add_(0, self.rows.long(), values)

    def by_column(self, numbers: Tensor) -> Tensor:
        """The number of its column for each stored value, shape (m,), of d numbers."""
        if self.format == "csc":
            return numbers.repeat_interleave(self.starts.diff())
        return numbers.index_select(0, self.indices)

    def by_row(self, numbers: Tensor) -> Tensor:
        """The number of its row for each stored value, shape (m,), of n numbers."""
        return self.T.by_column(numbers)

    def scale_columns(self, factors: Tensor) -> SparseMatrix:
        """X · diag(factors)."""
        return self.with_values(self.values * self.by_column(factors.to(self.dtype)))

    def scale_rows(self, factors: Tensor) -> SparseMatrix:
        """diag(factors) · X."""
        return self.with_values(self.values * self.by_row(factors.to(self.dtype)))

    def take_rows(self, index: Tensor) -> SparseMatrix:
        """The rows at `index` (integers or a mask), in that order."""
        X = self.to_scipy().tocsr()[as_numpy(index)]
        return self.from_scipy(X, self.device)

    def append_column(self, value: float) -> SparseMatrix:
        """This matrix with a last column that holds `value` in every row, compressed by rows."""
        X = self.tocsr()
        ends, (n, d) = as_numpy(X.starts)[1:], self.shape
        starts = X.starts + torch.arange(n + 1, dtype=X.starts.dtype, device=self.device)
        indices = as_tensor(np.insert(as_numpy(X.indices), ends, d), self.device)
        values = as_tensor(np.insert(as_numpy(X.values), ends, value), self.device)
        return SparseMatrix(starts, indices, values, (n, d + 1), "csr", self.array_class)

    def slice_rows(self, start: int, stop: int) -> SparseMatrix:
        """The rows from `start` to before `stop`, sharing memory where it is compressed by rows."""
        X = self._by_rows
        begin, end = int(X.starts[start]), int(X.starts[stop])
        return SparseMatrix(
            X.starts[start : stop + 1] - begin,
            X.indices[begin:end],
            X.values[begin:end],
            (stop - start, self.shape[1]),
            "csr",
            self.array_class,
        )

    def to_dense(self) -> Tensor:
        """The same matrix with its zeros written out."""
        return as_tensor(np.asarray(self.to_scipy().toarray()), self.device)


Matrix = Tensor | SparseMatrix


def is_sparse(X: Matrix) -> bool:
    """Whether X is compressed."""
    return isinstance(X, SparseMatrix)

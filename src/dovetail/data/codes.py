"""Numbers as their places among the distinct values of their column.

Trees need no more of a number than its order. Codes can be made coarse: neighbors then share one,
about as many rows each.

Legend: n rows, d columns, t codes of all columns together.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.kernels.compiled import thread_count

__all__ = ["Codes", "columns_of", "encode_columns"]

_FEW = 2**16  # numbers up to which threads do not pay


@dataclass(frozen=True, eq=False)
class Codes:
    """A matrix as codes, column by column.

    Parameters
    ----------
    by_column : uint8, uint16 or uint32 of shape (d, n); missing values have the code behind the
        last of their column
    counts : int64 of shape (d,), codes of each column
    missing : bool of shape (d,), whether the column misses values
    low, high : float64 of shape (t,), the least and the greatest value of each code
    """

    by_column: npt.NDArray[np.unsignedinteger[Any]]
    counts: npt.NDArray[np.int64]
    missing: npt.NDArray[np.bool_]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]

    def coarse(self, most: int) -> Codes:
        """The same with at most so many codes a column. Cost O(d n)."""
        begins = np.cumsum(self.counts) - self.counts

        def of_column(j: int) -> _Column:
            inside = slice(begins[j], begins[j] + self.counts[j])
            codes, low, high = self.by_column[j], self.low[inside], self.high[inside]
            return _coarse(_Column(codes, low, high, bool(self.missing[j])), most)

        return _gathered(of_column, *self.by_column.shape)


@dataclass(frozen=True, eq=False)
class _Column:
    codes: npt.NDArray[Any]
    low: npt.NDArray[Any]
    high: npt.NDArray[Any]
    missing: bool


def encode_columns(X: Matrix) -> Codes:
    """Codes of a matrix on the CPU, one a distinct value.

    Parameters
    ----------
    X : Tensor or SparseMatrix of shape (n, d); NaN is missing

    Cost O(d n log n), and n d bytes where all columns have up to 255 codes, two or four times that
    for more.
    """
    matrix: Any = X
    sparse = X.to_scipy().tocsc() if isinstance(X, SparseMatrix) else None

    def of_column(j: int) -> _Column:
        return _encode(as_numpy(matrix[:, j]) if sparse is None else _dense(sparse, j))

    return _gathered(of_column, X.shape[1], X.shape[0])


def columns_of(X: Matrix) -> npt.NDArray[Any]:
    """A matrix on the CPU as a dense array, column by column: contiguous, of shape (d, n)."""
    dense = X.to_scipy().toarray() if isinstance(X, SparseMatrix) else as_numpy(X)
    return np.ascontiguousarray(dense.T)


def _gathered(of_column: Callable[[int], _Column], d: int, n: int) -> Codes:
    if n * d < _FEW:
        found = [of_column(j) for j in range(d)]
    else:
        with ThreadPoolExecutor(thread_count()) as threads:  # numpy sorts without the GIL
            found = list(threads.map(of_column, range(d)))
    counts = np.array([len(column.low) for column in found], dtype=np.int64)
    by_column = np.empty((d, n), _dtype(int(counts.max())))
    for codes, column in zip(by_column, found, strict=True):
        codes[:] = column.codes
    missing = np.array([column.missing for column in found])
    low = np.concatenate([column.low for column in found]).astype(np.float64)
    high = np.concatenate([column.high for column in found]).astype(np.float64)
    return Codes(by_column, counts, missing, low, high)


def _dtype(most: int) -> Any:
    return np.uint8 if most < 2**8 else np.uint16 if most < 2**16 else np.uint32


def _dense(matrix: Any, j: int) -> npt.NDArray[Any]:
    """A column of a scipy CSC matrix."""
    inside = slice(matrix.indptr[j], matrix.indptr[j + 1])
    column = np.zeros(matrix.shape[0], matrix.dtype)
    np.add.at(column, matrix.indices[inside], matrix.data[inside])  # some may be there twice
    return column


def _encode(column: npt.NDArray[Any]) -> _Column:
    order = np.argsort(column)  # NaN last
    ordered = column[order]
    count = len(column) - int(np.isnan(column).sum())
    new = np.ones(count, bool)
    new[1:] = ordered[1:count] != ordered[:count][:-1]
    values = ordered[:count][new]
    codes = np.empty(len(column), _dtype(len(values)))
    codes[order[:count]] = np.cumsum(new) - 1  # a sixth of the time that searching values takes
    codes[order[count:]] = len(values)
    return _Column(codes, values, values, count < len(column))


def _coarse(column: _Column, most: int) -> _Column:
    count = len(column.low)
    if count <= most:
        return column
    rows = np.bincount(column.codes, minlength=count)[:count]
    before = np.cumsum(rows) - rows
    # each code begins at the first value at or behind its share of the rows; a value of two shares,
    # which covers the end of one at least, has a code of its own
    share = rows.sum() / most
    begins = np.searchsorted(before, np.arange(most) * share)
    begins = np.append(begins, np.flatnonzero(rows >= 2 * share))
    begins = np.unique(np.minimum(begins, count - 1))
    ends = np.append(begins[1:], count)
    table = np.repeat(np.arange(len(begins) + 1), np.append(ends - begins, 1))  # and for missing
    codes = table.astype(_dtype(len(begins)))[column.codes]
    return _Column(codes, column.low[begins], column.high[ends - 1], column.missing)

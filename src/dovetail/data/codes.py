"""Numbers as their places among the distinct values of their column.

Trees need no more of a number than its order. Where a column has more distinct values than wanted,
neighbors share a code, about as many rows each.

Legend: n rows, d columns, t codes of all columns together.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.kernels.compiled import thread_count

__all__ = ["Codes", "encode_columns"]

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


def encode_columns(X: Matrix, *, most: int | None = None) -> Codes:
    """Codes of a matrix on the CPU.

    Parameters
    ----------
    X : Tensor or SparseMatrix of shape (n, d); NaN is missing
    most : most codes of a column, None for one a distinct value

    Cost O(d n log n), and n d bytes for up to 255 codes, two or four times that for more.
    """
    n, d = X.shape
    matrix: Any = X
    sparse = X.to_scipy().tocsc() if isinstance(X, SparseMatrix) else None

    def of_column(j: int) -> tuple[Any, Any, Any, bool]:
        column = as_numpy(matrix[:, j]) if sparse is None else _dense(sparse, j)
        return _encode(column, most)

    if n * d < _FEW:
        found = [of_column(j) for j in range(d)]
    else:
        with ThreadPoolExecutor(thread_count()) as threads:  # numpy sorts without the GIL
            found = list(threads.map(of_column, range(d)))
    counts = np.array([len(low) for _, low, _, _ in found], dtype=np.int64)
    dtype = np.min_scalar_type(int(counts.max()))
    by_column = np.empty((d, n), np.uint32 if dtype.itemsize > 4 else dtype)
    for j, (codes, *_) in enumerate(found):
        by_column[j] = codes
    return Codes(
        by_column,
        counts,
        np.array([missing for *_, missing in found]),
        _joined([low for _, low, _, _ in found]),
        _joined([high for _, _, high, _ in found]),
    )


def _dense(matrix: Any, j: int) -> npt.NDArray[Any]:
    """A column of a scipy CSC matrix."""
    inside = slice(matrix.indptr[j], matrix.indptr[j + 1])
    column = np.zeros(matrix.shape[0], matrix.dtype)
    np.add.at(column, matrix.indices[inside], matrix.data[inside])  # some may be there twice
    return column


def _encode(column: npt.NDArray[Any], most: int | None) -> tuple[Any, Any, Any, bool]:
    """Codes, the least and the greatest value of each, and whether values are missing."""
    there = ~np.isnan(column)
    complete = bool(there.all())
    ordered = np.sort(column if complete else column[there])
    first = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)])
    values = ordered[first]
    low, high = values, values
    if most is not None and len(values) > most:
        # each code begins at the first value at or behind its share of the rows
        begins = np.searchsorted(first, np.arange(most) * (len(ordered) / most))
        begins = np.unique(np.minimum(begins, len(values) - 1))
        low, high = values[begins], values[np.append(begins[1:], len(values)) - 1]
    codes = np.searchsorted(high, column)
    if not complete:
        codes[~there] = len(high)
    dtype = np.min_scalar_type(len(high))
    return codes.astype(dtype), low, high, not complete


def _joined(parts: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.float64]:
    return np.concatenate(parts).astype(np.float64)

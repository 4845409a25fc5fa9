"""The stored values of a matrix of counts while it is made."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
from sklearn import get_config

from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import as_tensor

__all__ = ["Counts", "Entries", "as_configured", "join"]

Array = npt.NDArray[Any]
_INT32 = np.iinfo(np.int32).max


class Entries(NamedTuple):
    """The arrays of a CSR matrix, the columns of a row in any order.

    starts : int64 array of shape (n + 1,)
    indices, values : int32 arrays of shape (m,)
    """

    starts: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]
    values: npt.NDArray[np.int32]

    def onto(self, columns: Array) -> Entries:
        """Column j becomes `columns[j]`; where that is negative, it is left out."""
        if columns.min(initial=0) >= 0:
            return self._replace(indices=columns.astype(np.int32, copy=False)[self.indices])
        kept = columns[self.indices] >= 0
        before = np.append(0, np.cumsum(kept))
        indices = columns.astype(np.int32, copy=False)[self.indices[kept]]
        return Entries(before[self.starts], indices, self.values[kept])

    def matrix(self, width: int, dtype: Any, *, repeated: bool = False) -> SparseMatrix:
        """The matrix, its columns in order.

        repeated : whether a row may have a column several times; the values are added up then
        """
        starts = self.starts.astype(np.int32 if self.starts[-1] <= _INT32 else np.int64)
        indices = self.indices.astype(starts.dtype, copy=False)
        X = sp.csr_array((self.values, indices, starts), shape=(len(starts) - 1, width))
        if repeated:
            X.sum_duplicates()
        else:
            X.sort_indices()
        values = as_tensor(X.data).to(as_tensor(np.zeros(0, dtype)).dtype)
        return as_configured(SparseMatrix.from_scipy(X)).with_values(values)


def as_configured(X: SparseMatrix) -> SparseMatrix:
    """X, to go out as the class of scipy.sparse that scikit-learn is set to give."""
    return replace(X, array_class=get_config().get("sparse_interface") == "sparray")


class Counts(NamedTuple):
    """How often each document has each of a list of terms."""

    terms: list[Any]
    entries: Entries


def join(parts: Iterable[Entries]) -> Entries:
    """The rows of one after the rows of the other."""
    parts = list(parts)
    if len(parts) == 1:
        return parts[0]
    offsets = np.cumsum([0, *(part.starts[-1] for part in parts)])
    starts = [part.starts[1:] + offset for part, offset in zip(parts, offsets, strict=False)]
    return Entries(
        np.concatenate([[0], *starts]),
        np.concatenate([part.indices for part in parts]),
        np.concatenate([part.values for part in parts]),
    )

"""What may be given as documents: any iterable of them, or one column of a container that has
columns.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import scipy.sparse as sp
from torch import Tensor

from dovetail.data.columns import Columns, to_numpy
from dovetail.data.frames import is_frame, normalize
from dovetail.errors import DataError

__all__ = ["open_documents"]

_ROWS = 4096  # of a column that are Python strings at a time


def open_documents(X: Any, whom: str, *, content: bool) -> Iterable[Any]:
    """The documents in X, one by one.

    Parameters
    ----------
    X : iterable of documents; a Series; a frame of one column or an array of shape (n, 1), where
        missing values are empty documents
    whom : the estimator, for messages
    content : whether the values are the texts themselves, not files

    Raises
    ------
    ValueError
        X is a string, a matrix of numbers, or has several columns.
    """
    if isinstance(X, str):
        raise ValueError("Iterable over raw text documents expected, string object received.")
    if isinstance(X, list | tuple):
        return X
    if isinstance(X, Tensor) or sp.issparse(X):
        raise DataError(f"{whom} reads text. Got a matrix of numbers ({type(X).__name__}).")
    columns = _columns(X)
    if columns is None:
        return X.tolist() if isinstance(X, np.ndarray) else X
    if columns.shape[1] != 1:
        raise DataError(
            f"{whom} reads one column of text. Got {columns.shape[1]}: "
            f"{', '.join(map(repr, columns.names[:8]))}. Use a ColumnTransformer with one "
            "vectorizer for each of them."
        )
    return _filled(columns, whom, content=content)


def _columns(X: Any) -> Columns | None:
    """X by columns, None where it has none."""
    if isinstance(X, np.ndarray):
        return Columns.from_array(X.reshape(len(X), -1)) if X.ndim > 1 else None
    if isinstance(X, pa.Array):
        X = pa.chunked_array([X])
    X = normalize(X)
    if nw.dependencies.is_into_series(X):
        X = nw.from_native(X, series_only=True).to_frame().to_native()
    return Columns.from_frame(X) if is_frame(X) else None


def _filled(column: Columns, whom: str, *, content: bool) -> Iterator[Any]:
    """The values of a column, empty strings for missing ones."""
    for start in range(0, len(column), _ROWS):
        part = column.slice_rows(start, min(start + _ROWS, len(column)))
        for value in to_numpy(part[0]).tolist():
            if not _is_missing(value):
                yield value
            elif content:
                yield ""
            else:
                raise DataError(f"{whom} cannot read a file whose name is missing.")


def _is_missing(value: Any) -> bool:
    """Whether a value of a column is None, NaN or pandas' NA, which is not even equal to itself."""
    if isinstance(value, float):
        return value != value
    return value is None or type(value).__name__ == "NAType"

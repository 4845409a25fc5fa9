"""Data frames of every make, through narwhals: names, columns and rows in the frame's own type.

"Table-like" is what has named columns: pandas, polars and pyarrow frames, and a dict of columns
(read as a pyarrow table).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse as sp
import torch

from dovetail.data.tensors import as_numpy
from dovetail.errors import DataError

_ROWS = 2048  # of a table, that a matrix is filled with at a time

__all__ = [
    "as_arrow",
    "column_names",
    "concat_columns",
    "is_frame",
    "normalize",
    "numeric_matrix",
    "take_columns",
    "take_rows",
    "to_frame",
]


def is_frame(X: Any) -> bool:
    """Whether X is a frame narwhals can read eagerly."""
    return bool(nw.dependencies.is_into_dataframe(X))


def normalize(X: Any) -> Any:
    """X as one of the containers the package works on: a dict of columns and a record batch become
    pyarrow tables.
    """
    if isinstance(X, Mapping) and not sp.issparse(X):  # scipy's DOK matrices are mappings
        return dict_to_arrow(X)
    if isinstance(X, pa.RecordBatch):
        return pa.Table.from_batches([X])
    if isinstance(X, nw.DataFrame):
        return X.to_native()
    return X


def dict_to_arrow(columns: Mapping[str, Any]) -> pa.Table:
    """A pyarrow table from a dict of equally long columns."""
    arrays = {}
    for name, values in columns.items():
        if isinstance(values, torch.Tensor):
            values = as_numpy(values)
        try:
            arrays[str(name)] = pa.array(values, from_pandas=True)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise DataError(f"Column {name!r} cannot be read as one type: {error}") from error
    lengths = {name: len(a) for name, a in arrays.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"All columns must have the same number of rows. Got {lengths}.")
    return pa.table(arrays)


def as_arrow(X: Any) -> pa.Table:
    """A frame as a pyarrow table of its columns; an index of pandas is none of them."""
    if nw.dependencies.is_pandas_dataframe(X):
        return pa.Table.from_pandas(X, preserve_index=False)
    return nw.from_native(X, eager_only=True).to_arrow()


def numeric_matrix(table: pa.Table) -> npt.NDArray[Any] | None:
    """The columns of a table side by side, missing values as NaN; None where one is not of numbers.
    Of floating numbers the dtype follows from the schema alone: any block of rows has the same.

    Filled some rows at a time, so that the rows being written stay in the cache: a quarter of the
    time that one column after the other takes.
    """
    if not table.num_columns or not all(_is_number(field.type) for field in table.schema):
        return None
    columns = [column.to_numpy() for column in table.columns]
    dtype = np.result_type(*(kind.to_pandas_dtype() for kind in table.schema.types))
    if dtype.kind != "f" and any(column.dtype.kind == "f" for column in columns):
        dtype = np.dtype(np.float64)  # integers, some of them missing
    out = np.empty((table.num_rows, len(columns)), dtype)
    for start in range(0, len(out), _ROWS):
        rows = slice(start, start + _ROWS)
        block = out[rows]
        for j, column in enumerate(columns):
            block[:, j] = column[rows]
    return out


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind))


def column_names(X: Any) -> list[str] | None:
    """The names of a frame's columns, None for anything without names."""
    # asked of the frame itself: wrapping a pandas frame costs more than its one row's prediction
    if isinstance(X, pa.Table):
        return list(X.column_names)
    if nw.dependencies.is_pandas_dataframe(X) or nw.dependencies.is_polars_dataframe(X):
        return list(X.columns)
    return list(nw.from_native(X, eager_only=True).columns) if is_frame(X) else None


def take_columns(X: Any, columns: int | slice | Sequence[int]) -> Any:
    """Columns of an array, sparse matrix, tensor or frame, in the container they came in.

    `columns` are positions. A slice shares memory where the container can; one integer gives the
    column itself, one-dimensional.
    """
    if sp.issparse(X) and X.format in ("coo", "dia", "bsr"):  # these cannot be indexed
        X = X.tocsr()
    if isinstance(columns, int | slice):
        return _sliced(X, columns)
    return _picked(X, list(columns))


def _sliced(X: Any, columns: int | slice) -> Any:
    if isinstance(X, pa.Table):
        if isinstance(columns, int):
            return X.column(columns)
        return X.select(list(range(X.num_columns)[columns]))
    if nw.dependencies.is_pandas_dataframe(X):
        return X.iloc[:, columns]
    return X[:, columns] if _indexable(X) else _through_narwhals(X, columns)


def _picked(X: Any, columns: list[int]) -> Any:
    if isinstance(X, np.ndarray):  # indexing by a list takes half as long again
        return X.take(columns, axis=1)
    if isinstance(X, torch.Tensor):
        return X.index_select(1, torch.tensor(columns, dtype=torch.long, device=X.device))
    if isinstance(X, pa.Table):
        return X.select(columns)
    if nw.dependencies.is_pandas_dataframe(X):
        return X.take(columns, axis=1)
    return X[:, columns] if _indexable(X) else _through_narwhals(X, columns)


def _indexable(X: Any) -> bool:
    """Whether X[:, columns] is columns: of arrays and polars frames."""
    return nw.dependencies.is_polars_dataframe(X) or not is_frame(X)


def _through_narwhals(X: Any, columns: Any) -> Any:
    return nw.from_native(X, eager_only=True)[:, columns].to_native()


def take_rows(X: Any, index: npt.NDArray[Any]) -> Any:
    """Rows of any container, in the container they came in."""
    if is_frame(X):
        return nw.from_native(X, eager_only=True)[
            np.flatnonzero(index) if index.dtype == bool else index, :
        ].to_native()
    if isinstance(X, torch.Tensor):
        return X[torch.as_tensor(index, device=X.device)]
    if isinstance(X, np.ndarray):
        return X[index]
    if sp.issparse(X):
        return X.tocsr()[index]
    if nw.dependencies.is_into_series(X):
        series = nw.from_native(X, series_only=True)
        return series[np.flatnonzero(index) if index.dtype == bool else index].to_native()
    return [X[i] for i in (np.flatnonzero(index) if index.dtype == bool else index)]


def to_frame(columns: Mapping[str, Any], like: Any = None) -> Any:
    """A frame of the same make as `like`; for anything else pandas, polars or pyarrow, the first
    that is installed.
    """
    if is_frame(like):
        backend = nw.from_native(like, eager_only=True).implementation
        return nw.from_dict(dict(columns), backend=backend).to_native()
    for backend_name in ("pandas", "polars", "pyarrow"):
        try:
            return nw.from_dict(dict(columns), backend=backend_name).to_native()
        except ImportError:
            continue
    raise AssertionError("pyarrow is a dependency")


def concat_columns(frames: Iterable[Any]) -> Any:
    """Frames of one make, side by side."""
    parts = [nw.from_native(f, eager_only=True) for f in frames]
    return nw.concat(parts, how="horizontal").to_native()


def is_path(X: Any) -> bool:
    """Whether X names a file rather than holding data."""
    return isinstance(X, str | Path)

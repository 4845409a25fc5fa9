"""Columns of values that need not be numbers, and their codes.

Encoders see the data as `Columns`. Whatever the container was, each column is a numpy array or, for
strings that arrow already holds (pandas' and polars' own string types), an arrow array; `factorize`
turns either into integer codes at hash-table speed.

Legend: n rows, d columns, k distinct values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from dovetail.data.tensors import as_numpy

__all__ = ["Columns", "factorize", "to_numpy"]

Values = Any  # npt.NDArray[Any] | pa.Array | pa.ChunkedArray


@dataclass(frozen=True, eq=False)
class Columns:
    """n rows of d columns, each stored as it came.

    Parameters
    ----------
    values : list of d arrays (numpy or arrow) of n values
    names : list of d names
    null : the value that stands for a missing one in arrow columns: None (polars, arrow) or nan
        (pandas)
    """

    values: Sequence[Values]
    names: Sequence[str]
    null: Any = None
    rows: int | None = None

    def __len__(self) -> int:
        return len(self.values[0]) if self.values else self.rows or 0

    @property
    def shape(self) -> tuple[int, int]:
        return len(self), len(self.values)

    @property
    def device(self) -> torch.device:
        return torch.device("cpu")

    @property
    def dtype(self) -> torch.dtype:
        return torch.float64

    def __getitem__(self, j: int) -> Values:
        return self.values[j]

    def take_rows(self, index: Tensor) -> Columns:
        """The rows at `index`."""
        picked = as_numpy(index)
        return Columns([_take(v, picked) for v in self.values], self.names, self.null, len(picked))

    def slice_rows(self, start: int, stop: int) -> Columns:
        """The rows from `start` to before `stop`, sharing memory."""
        parts = [
            v[start:stop] if isinstance(v, np.ndarray) else v.slice(start, stop - start)
            for v in self.values
        ]
        return Columns(parts, self.names, self.null, stop - start)

    @classmethod
    def from_frame(cls, X: Any) -> Columns:
        """Share the columns of a pandas, polars or pyarrow frame."""
        frame = nw.from_native(X, eager_only=True)
        null = np.nan if frame.implementation.is_pandas_like() else None
        values = [_storage(frame[:, j]) for j in range(frame.shape[1])]
        return cls(values, [str(c) for c in frame.columns], null, len(frame))

    @classmethod
    def from_array(cls, X: npt.NDArray[Any], names: Sequence[str] | None = None) -> Columns:
        """Share the columns of a two-dimensional array."""
        d = X.shape[1]
        return cls([X[:, j] for j in range(d)], names or [f"x{j}" for j in range(d)], None, len(X))


def _take(values: Values, index: npt.NDArray[Any]) -> Values:
    if isinstance(values, np.ndarray):
        return values[index]
    return values.take(pa.array(index)) if index.dtype != bool else values.filter(pa.array(index))


def _storage(series: nw.Series[Any]) -> Values:
    """A column's own memory: arrow for strings and categoricals that are stored so, numpy for the
    rest.
    """
    dtype = series.dtype
    native = series.to_native()
    if dtype == nw.String or isinstance(dtype, nw.Categorical | nw.Enum):
        if series.implementation.is_pandas_like():
            if str(native.dtype) == "category":
                if native.cat.categories.inferred_type not in ("string", "empty"):
                    return np.asarray(
                        native, dtype=object if native.cat.categories.dtype == object else None
                    )
                return pa.array(native, from_pandas=True)
            # a column of python strings stays as it is: converting it costs what hashing it costs
            return (
                native.to_numpy() if native.dtype == object else pa.array(native, from_pandas=True)
            )
        array = series.to_arrow()
        return array.cast(pa.large_string()) if pa.types.is_string_view(array.type) else array
    if dtype in (nw.Object, nw.Unknown):
        return np.asarray(native, dtype=object)
    array = series.to_numpy()
    if series.implementation.is_pandas_like() and array.dtype == object and dtype.is_numeric():
        array = native.to_numpy(dtype=np.float64, na_value=np.nan)  # nullable extension dtypes
    return array


def to_numpy(values: Values, null: Any = None) -> npt.NDArray[Any]:
    """A column as a numpy array; strings become objects, missing ones `null`."""
    if isinstance(values, np.ndarray):
        return values
    array = np.asarray(
        values.to_numpy(zero_copy_only=False) if isinstance(values, pa.Array) else values.to_numpy()
    )
    if array.dtype == object and values.null_count:
        array = array.copy()
        array[np.asarray(pc.is_null(values))] = null
    return array


def factorize(values: Values, null: Any = None) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Codes and distinct values of a column, in order of first appearance.

    Parameters
    ----------
    values : array of n values
    null : what a missing value of an arrow column is called among the distinct values

    Returns
    -------
    codes : int64 array of shape (n,), positions in `distinct`
    distinct : array of shape (k,); NaNs count as one value, None as one value

    Cost: one hash table look-up a value.
    """
    if isinstance(values, np.ndarray):
        return _factorize_objects(values) if values.dtype == object else _factorize_array(values)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
    if not isinstance(values, pa.DictionaryArray):
        values = values.dictionary_encode()
    distinct = np.asarray(values.dictionary.to_numpy(zero_copy_only=False), dtype=object)
    codes = values.indices
    if not values.null_count:
        return np.asarray(codes).astype(np.int64, copy=False), distinct
    full = np.asarray(codes.fill_null(len(distinct))).astype(np.int64, copy=False)
    return full, np.append(distinct, np.array([null], dtype=object))


def _factorize_array(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    if values.dtype.kind in "iufb" and values.dtype.itemsize <= 8:
        if values.dtype.kind == "f" and values.dtype.itemsize == 2:
            values = values.astype(np.float32)
        encoded = pa.array(values, from_pandas=False).dictionary_encode()
        return np.asarray(encoded.indices).astype(np.int64, copy=False), np.asarray(
            encoded.dictionary.to_numpy(zero_copy_only=False)
        )
    distinct, codes = np.unique(values, return_inverse=True)
    return codes.astype(np.int64, copy=False).reshape(-1), distinct


def _factorize_objects(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Python objects: a dict does it; NaN (unequal to itself) is given one key."""
    table: dict[Any, int] = {}
    items = values.tolist()
    try:
        distinct = dict.fromkeys(items)
    except TypeError as error:
        bad = next(v for v in items if getattr(type(v), "__hash__", None) is None)
        raise TypeError(
            "Encoders need hashable values, such as strings or numbers. Got "
            f"{type(bad).__name__}: {bad!r}"
        ) from error
    nan_code = None
    kept: list[Any] = []
    for value in distinct:
        if isinstance(value, float | np.floating) and value != value:
            if nan_code is None:
                nan_code = len(kept)
                kept.append(value)
            table[value] = nan_code
        else:
            table[value] = len(kept)
            kept.append(value)
    codes = np.fromiter(map(table.__getitem__, items), dtype=np.int64, count=len(items))
    out = np.empty(len(kept), dtype=object)
    out[:] = kept
    return codes, out

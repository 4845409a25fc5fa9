"""Columns of values that need not be numbers, and their codes.

Encoders see the data as `Columns`. Whatever the container was, each column is a numpy array or, for
strings that arrow already holds (pandas' and polars' own string types) and for moments of a time
zone, an arrow array; `factorize` turns either into integer codes at hash-table speed.

Legend: n rows, d columns, k distinct values.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from dovetail.data.tensors import as_numpy

__all__ = ["Columns", "distinct", "factorize", "is_nan", "label_codes", "missing_mask", "to_numpy"]

S = TypeVar("S")
Values = Any  # npt.NDArray[Any] | pa.Array | pa.ChunkedArray
_SAMPLE = 4096  # values looked at to learn whether a column repeats few of them


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
        values = [_storage(column) for column in frame.iter_columns()]
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
    """A column's own memory: arrow for strings and categoricals that are stored so and for moments
    of a time zone, numpy for the rest.
    """
    dtype = series.dtype
    if dtype == nw.String or isinstance(dtype, nw.Categorical | nw.Enum):
        return _pandas_strings(series) if series.implementation.is_pandas_like() else _arrow(series)
    if isinstance(dtype, nw.Datetime) and dtype.time_zone is not None:
        return _arrow(series)
    native = series.to_native()
    if dtype in (nw.Object, nw.Unknown):
        return np.asarray(native, dtype=object)
    array = series.to_numpy()
    if series.implementation.is_pandas_like() and array.dtype == object and dtype.is_numeric():
        array = native.to_numpy(dtype=np.float64, na_value=np.nan)  # nullable extension dtypes
    return array


def _arrow(series: nw.Series[Any]) -> Values:
    array = series.to_arrow()
    return array.cast(pa.large_string()) if pa.types.is_string_view(array.type) else array


def _pandas_strings(series: nw.Series[Any]) -> Values:
    native = series.to_native()
    if str(native.dtype) == "category":
        categories = native.cat.categories
        if categories.inferred_type not in ("string", "empty"):
            return np.asarray(native, dtype=object if categories.dtype == object else None)
    elif (
        native.dtype == object
    ):  # Python strings stay: converting them costs what hashing them does
        return native.to_numpy()
    return pa.array(native, from_pandas=True)


def _whole(values: Values) -> Values:
    """An arrow column as one array."""
    if isinstance(values, pa.ChunkedArray):
        return values.combine_chunks() if values.num_chunks != 1 else values.chunk(0)
    return values


def is_nan(value: Any) -> bool:
    """Whether a value is one of those that are not equal to themselves: nan, NaT, pandas.NA."""
    if isinstance(value, str):
        return False
    if isinstance(value, float | np.floating | np.datetime64 | np.timedelta64):
        return bool(value != value)
    return type(value).__name__ in ("NAType", "NaTType")


def to_numpy(values: Values, null: Any = None) -> npt.NDArray[Any]:
    """A column as a numpy array; strings become objects, missing ones `null`."""
    if isinstance(values, np.ndarray):
        return values
    values = _whole(values)
    # one Python string for all rows that hold it: 35 ms a million rows instead of 90
    if pa.types.is_dictionary(values.type) or (_is_text(values) and _repeats(values)):
        codes, kept = factorize(values, null)
        return kept[codes]
    array = np.asarray(values.to_numpy(zero_copy_only=False))
    if array.dtype == object and values.null_count:
        array = array.copy()
        array[np.asarray(pc.is_null(values))] = null
    return array


def missing_mask(values: Values, mark: Any = np.nan) -> npt.NDArray[np.bool_]:
    """Where a column has the value `mark`, shape (n,).

    nan and pandas.NA mean everything that `is_nan`; in an arrow column they and None mean null.
    """
    absent = mark is None or is_nan(mark)
    if not isinstance(values, np.ndarray):
        values = _whole(values)
        if absent:
            return np.asarray(pc.is_null(values))
        if not (_is_text(values) or pa.types.is_dictionary(values.type)):
            return np.zeros(len(values), dtype=bool)
        codes, kept = factorize(values)
        return np.asarray((kept == mark)[codes])
    if values.dtype.kind in "fmM" and is_nan(mark):
        return np.asarray(np.isnan(values) if values.dtype.kind == "f" else np.isnat(values))
    if values.dtype.kind != "O" and absent:
        return np.zeros(len(values), dtype=bool)
    if mark is None:
        return np.asarray(_addresses(values) == id(None))
    if not is_nan(mark):
        return np.asarray(values == mark, dtype=bool)
    try:
        return np.asarray(values != values, dtype=bool)
    except TypeError:  # pandas.NA, whose comparisons are neither true nor false
        return np.fromiter(map(is_nan, values.tolist()), dtype=bool, count=len(values))


def _is_text(values: pa.Array) -> bool:
    return bool(pa.types.is_string(values.type) or pa.types.is_large_string(values.type))


def _repeats(values: Values) -> bool:
    """Whether a sample of a long column repeats its values, so that hashing all of them pays."""
    n = len(values)
    if n < 2 * _SAMPLE:
        return False
    at = np.arange(0, n, n // _SAMPLE)
    sample = pa.array(values[at]) if isinstance(values, np.ndarray) else values.take(pa.array(at))
    return len(sample.unique()) < len(at) // 2


def distinct(values: Values, null: Any = None) -> npt.NDArray[Any]:
    """The distinct values of a column, in no particular order; see `factorize`."""
    if isinstance(values, np.ndarray):
        if values.dtype == object and not _repeats(_addresses(values)):
            return _as_objects(_canonical(_hashed(set, values)))
        if values.dtype.kind in "iuf" and not _repeats(values):
            return np.unique(values)  # sorts: 40 ms for a million floats, hashing takes 350
    elif _is_text(values := _whole(values)):
        found = values.unique()
        kept = np.asarray(found.to_numpy(zero_copy_only=False), dtype=object)
        return np.where(np.asarray(found.is_null()), null, kept) if found.null_count else kept
    return factorize(values, null)[1]


def factorize(values: Values, null: Any = None) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Codes and distinct values of a column, these in no particular order.

    Parameters
    ----------
    values : array of n values
    null : what a missing value of an arrow column is called among the distinct values

    Returns
    -------
    codes : int64 array of shape (n,), positions in `distinct`
    distinct : array of shape (k,); all that `is_nan` counts as one value, None as another

    Cost: one hash table look-up a value.
    """
    if isinstance(values, np.ndarray):
        return _factorize_objects(values) if values.dtype == object else _factorize_array(values)
    values = _whole(values)
    if not isinstance(values, pa.DictionaryArray):
        values = values.dictionary_encode()
    codes, kept = values.indices, values.dictionary.to_numpy(zero_copy_only=False)
    moments = kept.dtype.kind == "M"
    kept = kept if moments else kept.astype(object)
    if values.null_count:
        codes = codes.fill_null(len(kept))
        kept = np.append(kept, np.array(["NaT" if moments else null], dtype=kept.dtype))
    return np.asarray(codes).astype(np.int64, copy=False), kept


def label_codes(labels: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Codes of labels, and the sorted distinct labels: numpy.unique, which sorts all n of them, at
    the cost of one hash a label.
    """
    codes, kept = factorize(labels)
    classes, place = np.unique(kept, return_inverse=True)
    return place.reshape(-1)[codes], classes


def _factorize_array(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    kind, dtype = values.dtype.kind, values.dtype
    if kind in "mM":
        codes, kept = _factorize_array(values.view(np.int64))
        return codes, kept.view(dtype)
    if kind == "U":
        codes, kept = factorize(pa.array(values, type=pa.large_string()))
        return codes, kept.astype(dtype)
    if kind not in "iufb" or dtype.itemsize > 8:
        kept, codes = np.unique(values, return_inverse=True)
        return codes.astype(np.int64, copy=False).reshape(-1), kept
    encoded = pa.array(
        values.astype(np.float32) if dtype == np.float16 else values, from_pandas=False
    )
    encoded = encoded.dictionary_encode()
    codes = np.asarray(encoded.indices).astype(np.int64, copy=False)
    kept = np.asarray(encoded.dictionary.to_numpy(zero_copy_only=False)).astype(dtype, copy=False)
    if kind == "f" and (np.isnan(kept).sum() > 1 or (kept == 0).sum() > 1):
        kept, merged = np.unique(kept, return_inverse=True)  # -0.0 and 0.0, NaNs of other bits
        codes = merged[codes]
    return codes, kept


def _factorize_objects(values: npt.NDArray[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    """Python objects: by address first where they are shared, then by a dict."""
    addresses = _addresses(values)
    if _repeats(addresses):
        by_address, _ = _factorize_array(addresses)
        # arrow numbers what it meets: a value is met first where the greatest code so far grows
        greatest = np.maximum.accumulate(by_address)
        first = np.append(0, np.flatnonzero(greatest[1:] > greatest[:-1]) + 1)
        codes, kept = _factorize_items(values[first].tolist())
        return codes[by_address], kept
    try:  # arrow knows what it holds; where that is anything but strings, Python decides
        array = pa.array(values) if isinstance(next(iter(values), None), str) else None
    except (pa.ArrowInvalid, pa.ArrowTypeError, UnicodeEncodeError):
        array = None
    return (
        factorize(array)
        if array is not None and _is_text(array)
        else _factorize_items(values.tolist())
    )


def _addresses(values: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """The addresses of the objects of an array, over its memory.

    CPython stores an object array as addresses. Columns that a reader or a gather made share a few
    objects among all rows, and hashing a million addresses takes 12 ms where hashing the objects
    takes 80.
    """
    return np.asarray(_Addresses(values))


class _Addresses:
    def __init__(self, values: npt.NDArray[Any]) -> None:
        self.owner = values
        interface = {**values.__array_interface__, "typestr": "<i8", "descr": [("", "<i8")]}
        self.__array_interface__ = interface


def _hashed(make: Callable[[Any], S], items: Iterable[Any]) -> S:
    try:
        return make(items)
    except TypeError as error:
        bad = next(v for v in items if getattr(type(v), "__hash__", None) is None)
        raise TypeError(
            "Encoders need hashable values, such as strings or numbers. Got "
            f"{type(bad).__name__}: {bad!r}"
        ) from error


def _canonical(keys: Collection[Any]) -> list[Any]:
    """The keys with one nan for all that are unequal to themselves, at the first's place."""
    plain = [k for k in keys if not is_nan(k)]
    if len(plain) == len(keys):
        return plain
    place = next(i for i, k in enumerate(keys) if is_nan(k))
    return [*plain[:place], np.nan, *plain[place:]]


def _factorize_items(items: list[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[Any]]:
    keys = _hashed(dict.fromkeys, items)
    kept = _canonical(keys)
    place = {value: i for i, value in enumerate(kept) if not is_nan(value)}
    if len(place) < len(kept):
        nan_place = next(i for i, value in enumerate(kept) if is_nan(value))
        place.update((key, nan_place) for key in keys if is_nan(key))
    codes = np.fromiter(map(place.__getitem__, items), dtype=np.int64, count=len(items))
    return codes, _as_objects(kept)


def _as_objects(items: list[Any]) -> npt.NDArray[Any]:
    out = np.empty(len(items), dtype=object)
    out[:] = items
    return out

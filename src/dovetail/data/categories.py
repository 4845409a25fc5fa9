"""Categories of columns: learned in fit, then codes.

The codes of a column are positions among its sorted categories; what is missing or negative becomes
NaN, what was not there in fit NaN or a code of its own.
"""

from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
from torch import Tensor

from dovetail.data.columns import Columns, factorize, is_nan, missing_mask, to_numpy
from dovetail.data.frames import is_frame
from dovetail.data.tensors import as_tensor
from dovetail.errors import DataError

__all__ = ["Categories", "coded", "columns_of_words", "joint_categories", "learn_categories"]

Categories = list[npt.NDArray[Any] | None]  # of each column; None for numbers


def learn_categories(columns: Columns, categorical: npt.NDArray[np.bool_]) -> Categories:
    """The sorted categories of the columns that are categorical."""
    return [
        _categories_of(columns[j], columns.names[j]) if categorical[j] else None
        for j in range(len(categorical))
    ]


def _categories_of(values: Any, name: str) -> npt.NDArray[Any]:
    codes, kept = factorize(values)
    present = [v for v in kept[np.unique(codes)].tolist() if not _is_missing(v)]
    try:
        ordered = sorted(present)
    except TypeError as error:
        types = ", ".join(sorted({type(v).__name__ for v in present}))
        raise TypeError(
            f"The categories of column {name!r} must be all strings or all numbers, so that they "
            f"have an order. Got {types}."
        ) from error
    if all(isinstance(v, int | float) for v in ordered):
        return np.array(ordered, dtype=np.float64)
    out = np.empty(len(ordered), dtype=object)
    out[:] = ordered
    return out


def joint_categories(first: Categories, second: Categories) -> Categories:
    """Those of either, in their order."""
    pairs = zip(first, second, strict=True)
    return [None if a is None or b is None else _union(a, b) for a, b in pairs]


def _union(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if len(a) and len(b):
        return np.unique(np.concatenate([a, b]))
    return a if len(a) else b  # none are of no kind


def _is_missing(value: Any) -> bool:
    return value is None or is_nan(value) or (isinstance(value, int | float) and value < 0)


def columns_of_words(X: Any) -> npt.NDArray[np.bool_]:
    """Which columns of a frame or an array hold strings or categories, shape (d,)."""
    if is_frame(X):
        frame = nw.from_native(X, eager_only=True)
        return np.array([_holds_words(column) for column in frame.iter_columns()], dtype=bool)
    array = np.asarray(X)
    if array.dtype.kind not in "OUS" or array.ndim != 2:
        return np.zeros(array.shape[-1] if array.ndim else 0, dtype=bool)
    return np.array([not _reads_as_numbers(array[:, j]) for j in range(array.shape[1])])


def _holds_words(series: nw.Series[Any]) -> bool:
    dtype = series.dtype
    if dtype == nw.String or isinstance(dtype, nw.Categorical | nw.Enum):
        return True
    objects = dtype in (nw.Object, nw.Unknown)
    return objects and not _reads_as_numbers(np.asarray(series.to_native(), dtype=object))


def _reads_as_numbers(values: npt.NDArray[Any]) -> bool:
    try:
        np.where(missing_mask(values), np.nan, values).astype(np.float64)
    except (TypeError, ValueError):
        return False
    return True


def coded(columns: Columns, categories: Categories, unknown: float = np.nan) -> Tensor:
    """Columns as a float tensor of shape (n, d): numbers as they are, categories as codes, those
    that were not there in fit as `unknown`.

    Float32 where all numbers are, else float64.
    """
    found = [
        _numbers(v, name) if kept is None else _codes(v, kept, unknown)
        for v, name, kept in zip(columns.values, columns.names, categories, strict=True)
    ]
    dtypes = {v.dtype for v, kept in zip(found, categories, strict=True) if kept is None}
    single = bool(dtypes) and dtypes <= {np.dtype(np.float32), np.dtype(np.float16)}
    X = np.empty(columns.shape, np.float32 if single else np.float64)
    for j, values in enumerate(found):
        X[:, j] = values
    return as_tensor(X)


def _numbers(values: Any, name: str) -> npt.NDArray[Any]:
    """A column of numbers or of true and false; what is missing is NaN."""
    array = to_numpy(values, np.nan)
    if array.dtype.kind in "biuf":
        return array
    try:
        if array.dtype.kind in "mM":
            raise TypeError("a moment or a duration")
        return np.where(missing_mask(array), np.nan, array).astype(np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"Column {name!r} holds what is no number: {error}. Name it in categorical_features, "
            "or encode it first."
        ) from error


def _codes(values: Any, kept: npt.NDArray[Any], unknown: float) -> npt.NDArray[np.float64]:
    codes, found = factorize(values)
    table = {value: code for code, value in enumerate(kept.tolist())}
    places = [np.nan if _is_missing(v) else table.get(v, unknown) for v in found.tolist()]
    return np.array(places, dtype=np.float64)[codes]

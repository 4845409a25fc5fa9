"""What imputers read: numbers of any dtype, or columns of anything; and which values are missing.

Legend: n rows, d columns.
"""

from dataclasses import replace
from numbers import Real
from typing import Any, Literal

import narwhals as nw
import numpy as np
import torch
from sklearn.utils.validation import validate_data
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.columns import Columns, is_nan, missing_mask
from dovetail.data.door import Accepts, aligned, open_columns, open_matrix, source
from dovetail.data.frames import is_frame
from dovetail.data.sparse import SparseMatrix
from dovetail.data.statistics import in_blocks
from dovetail.data.tensors import as_numpy, as_tensor, floating, target_device

__all__ = ["Values", "Wanted", "is_missing", "missing_counts", "numpy_dtype", "open_values"]

Values = Tensor | SparseMatrix | Columns
# floats: everything becomes floating numbers; numbers: of the dtype it has; columns: of anything;
# any: numbers where all values are, else columns
Wanted = Literal["floats", "numbers", "columns", "any"]


def is_missing(X: Tensor, mark: float) -> Tensor:
    """Where numbers are missing: those equal to the mark, NaN where that is nan."""
    if is_nan(mark):
        return X.isnan()
    if not X.is_floating_point():
        limits = torch.iinfo(X.dtype)
        if not limits.min <= mark <= limits.max:  # torch would wrap it around
            return torch.zeros_like(X, dtype=torch.bool)
    return X.eq(mark)


def missing_counts(batches: Batches, mark: Any) -> Tensor:
    """How many values of each column are missing, int64, shape (d,)."""

    def of_block(block: Batch) -> Tensor:
        X: Values = block.X
        if isinstance(X, Columns):
            masks = (missing_mask(values, mark) for values in X.values)
            return torch.tensor([np.count_nonzero(m) for m in masks], dtype=torch.long)
        if isinstance(X, SparseMatrix):
            return X.column_sums(is_missing(X.values, mark).long())
        return is_missing(X, mark).sum(0)

    dense = isinstance(batches.head.X, Tensor)
    return (in_blocks(batches) if dense else batches).sum(of_block)


def numpy_dtype(X: Values) -> np.dtype[Any]:
    """The dtype of values in numpy's words; object for columns."""
    if isinstance(X, Columns):
        return np.dtype(object)
    return as_numpy(torch.empty(0, dtype=X.dtype)).dtype


def open_values(
    estimator: Any,
    X: Any,
    mark: Any,
    wanted: Wanted,
    *,
    reset: bool,
    device: torch.device | None = None,
) -> Values:
    """X as a tensor, a sparse matrix, or columns.

    mark : the value that stands for a missing one

    Raises
    ------
    ValueError
        Not two-dimensional, other columns than in fit, infinite, NaN where the mark is another
        value, a mark of another kind than the values, an array of strings that are no objects.
    """
    X = source(X) if reset else aligned(estimator, source(X))
    device = device or target_device(X)
    if is_frame(X):
        if wanted == "columns" or (wanted == "any" and not _all_numbers(X)):
            return _of_frame(estimator, X, mark, reset=reset)
        X = _without_booleans(X)
    accepts = Accepts(estimator.accepts.sparse, missing=is_nan(mark), half=True)
    if wanted == "floats" or (isinstance(X, Tensor) and X.is_floating_point()):
        opened: Values = open_matrix(estimator, X, accepts, reset=reset, device=device)
    elif isinstance(X, Tensor):
        open_matrix(estimator, X, accepts, reset=reset)
        opened = X.to(device)
    else:
        opened = _of_array(estimator, X, mark, wanted, accepts, reset=reset, device=device)
    _check_mark(opened, mark)
    return opened


def _of_array(
    estimator: Any,
    X: Any,
    mark: Any,
    wanted: Wanted,
    accepts: Accepts,
    *,
    reset: bool,
    device: torch.device,
) -> Values:
    listed = isinstance(X, list) and any(isinstance(value, str) for row in X for value in row)
    array = validate_data(
        estimator,
        X,
        reset=reset,
        accept_sparse=accepts.sparse,
        dtype=object
        if wanted == "columns" or (listed and wanted == "any")
        else "numeric"
        if wanted == "numbers"
        else None,
        ensure_all_finite=accepts.finite,
    )
    if array.dtype.kind not in "iufO":
        raise ValueError(
            f"{type(estimator).__name__} does not support data with dtype {array.dtype}. Give "
            "numbers, or strings as an array of dtype object."
        )
    if array.dtype == object:
        return _with_nulls(Columns.from_array(array), mark, none=type(mark).__name__ == "NAType")
    opened = as_tensor(array) if isinstance(array, np.ndarray) else SparseMatrix.from_scipy(array)
    dtype = opened.dtype
    return opened.to(device, floating(dtype, half=True) if dtype.is_floating_point else dtype)


def _of_frame(estimator: Any, X: Any, mark: Any, *, reset: bool) -> Columns:
    accepts = Accepts(columns=True, missing=True)
    columns = open_columns(estimator, X, accepts, reset=reset)
    columns = _with_nulls(columns, mark, none=True)
    if not is_nan(mark) and mark is not None:
        for name, values in zip(columns.names, columns.values, strict=True):
            if missing_mask(values).any():
                raise ValueError(
                    f"Input X contains NaN in column {name!r}, and `missing_values` is {mark!r}."
                )
    return columns


def _with_nulls(columns: Columns, mark: Any, *, none: bool) -> Columns:
    """The columns with nan in place of what is missing where the mark is nan.

    none : whether None counts as missing too, as it does in frames, and for pandas.NA
    """
    if not is_nan(mark):
        return replace(columns, null=None)
    values = [_none_as_nan(v) if none else v for v in columns.values]
    return replace(columns, values=values, null=np.nan)


def _none_as_nan(values: Any) -> Any:
    if not isinstance(values, np.ndarray) or values.dtype != object:
        return values
    none = missing_mask(values, None)
    return np.where(none, np.nan, values) if none.any() else values


def _check_mark(X: Values, mark: Any) -> None:
    if isinstance(X, Columns) or is_nan(mark) or isinstance(mark, Real):
        return
    raise ValueError(
        "'X' and 'missing_values' types are expected to be both numerical. Got "
        f"X.dtype={numpy_dtype(X)} and type(missing_values)={type(mark)}."
    )


def _all_numbers(X: Any) -> bool:
    return all(t.is_numeric() for t in nw.from_native(X, eager_only=True).schema.values())


def _without_booleans(X: Any) -> Any:
    """A frame with truth values as 0 and 1: numpy has no array of them that can miss some."""
    frame = nw.from_native(X, eager_only=True)
    if nw.Boolean not in frame.schema.values():
        return X
    return frame.with_columns(nw.selectors.boolean().cast(nw.Int8)).to_native()

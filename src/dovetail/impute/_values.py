"""What imputers read, numbers of any dtype or columns of anything, and which values are missing.

Legend: n rows, d columns.
"""

from typing import Any

import narwhals as nw
import numpy as np
import torch
from sklearn.utils.validation import validate_data
from torch import Tensor

from dovetail.data.columns import Columns, is_nan, missing_mask
from dovetail.data.door import Accepts, aligned, open_columns, source
from dovetail.data.frames import is_frame
from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import as_tensor, target_device

__all__ = ["Values", "columns_with_missing", "is_missing", "missing", "numpy_dtype", "open_values"]

Values = Tensor | SparseMatrix | Columns


def is_missing(X: Tensor, mark: Any) -> Tensor:
    """Where numbers are missing: those equal to the mark, NaN where that is nan or pandas.NA."""
    if is_nan(mark):
        return X.isnan() if X.is_floating_point() else torch.zeros_like(X, dtype=torch.bool)
    return mark == X


def missing(X: Values, mark: Any) -> Tensor | SparseMatrix:
    """Where X has missing values, shape (n, d); of sparse X the truth of every stored value."""
    if isinstance(X, SparseMatrix):
        return X.with_values(is_missing(X.values, mark))
    if isinstance(X, Tensor):
        return is_missing(X, mark)
    masks = [missing_mask(values, mark) for values in X.values]
    return torch.from_numpy(np.stack(masks, axis=1))


def columns_with_missing(mask: Tensor | SparseMatrix) -> Tensor:
    """Which columns have any, shape (d,)."""
    if isinstance(mask, SparseMatrix):
        return mask.column_sums(mask.values.long()) > 0
    return mask.any(0)


def numpy_dtype(X: Values) -> np.dtype[Any]:
    """The dtype of values in numpy's words; object for columns."""
    if isinstance(X, Columns):
        return np.dtype(object)
    return torch.empty(0, dtype=X.dtype).numpy().dtype


def open_values(
    estimator: Any, X: Any, mark: Any, *, reset: bool, floats: bool, objects: bool = False
) -> Values:
    """X as a tensor or sparse matrix of numbers, or as columns where it holds anything else.

    Parameters
    ----------
    mark : the value that stands for a missing one
    floats : whether everything must become floating numbers
    objects : whether everything must become columns

    Raises
    ------
    ValueError
        Not two-dimensional, other columns than in fit, infinite values, NaN where the mark is a
        number, a mark of another kind than the values, an array of strings or truth values.
    """
    X = source(X) if reset else aligned(estimator, source(X))
    if is_frame(X) and not floats and (objects or _holds_more_than_numbers(X)):
        return open_columns(estimator, X, Accepts(columns=True, missing=True), reset=reset)
    if isinstance(X, Tensor):
        return _checked_tensor(estimator, X, mark, reset=reset, floats=floats)
    words = isinstance(X, list) and any(isinstance(v, str) for row in X for v in row)
    array = validate_data(
        estimator,
        X,
        reset=reset,
        accept_sparse=("csc", "csr"),
        dtype=_FLOATS if floats else object if objects or words else None,
        ensure_all_finite="allow-nan" if is_nan(mark) else True,
    )
    _check_mark(array.dtype, mark)
    if array.dtype.kind not in "iufO":
        raise ValueError(
            f"{type(estimator).__name__} does not support data with dtype {array.dtype}. Please "
            "provide either a numeric array (with a floating point or integer dtype) or "
            "categorical data represented either as an array with integer dtype or an array of "
            "string values with an object dtype."
        )
    if array.dtype == object:
        return Columns.from_array(array)
    if isinstance(array, np.ndarray):
        return as_tensor(array, target_device())
    if mark == 0:
        raise ValueError(
            f"{type(estimator).__name__}: Imputation not possible when missing_values == 0 and "
            "input is sparse; Sparse input with missing_values=0 is not supported. Provide a dense "
            "array instead."
        )
    return SparseMatrix.from_scipy(array, target_device())


_FLOATS = [np.float64, np.float32, np.float16]


def _checked_tensor(estimator: Any, X: Tensor, mark: Any, *, reset: bool, floats: bool) -> Tensor:
    if X.ndim != 2:
        raise ValueError(f"Expected a 2D tensor, got {X.ndim}D. Use X.reshape(-1, 1) for a column.")
    if X.is_complex():
        raise ValueError("Complex data not supported")
    if not len(X):
        raise ValueError(f"Found 0 sample(s) (shape={tuple(X.shape)}); at least 1 is required.")
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    X = X.double() if floats and not X.is_floating_point() else X
    bad = X.isinf() if is_nan(mark) else ~X.isfinite()
    if X.is_floating_point() and bool(bad.any()):
        raise ValueError(f"Input X contains {'infinity' if is_nan(mark) else 'NaN or infinity'}.")
    _check_mark(numpy_dtype(X), mark)
    return X


def _check_mark(dtype: np.dtype[Any], mark: Any) -> None:
    known = isinstance(mark, int | float | np.number) or is_nan(mark)
    if dtype.kind in "fiu" and not known:
        raise ValueError(
            "'X' and 'missing_values' types are expected to be both numerical. Got "
            f"X.dtype={dtype} and  type(missing_values)={type(mark)}."
        )


def _holds_more_than_numbers(X: Any) -> bool:
    """Whether a frame has columns that are neither numbers nor truth values."""
    types = nw.from_native(X, eager_only=True).schema.values()
    return any(not (dtype.is_numeric() or dtype == nw.Boolean) for dtype in types)

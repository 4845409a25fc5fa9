"""The door: what the user gave becomes what estimators are written for, checked once.

Two doors. `open_matrix` yields numbers (a tensor or a SparseMatrix), `open_columns` yields
`Columns` for estimators that read strings. Both keep scikit-learn's book (`n_features_in_`,
`feature_names_in_`) and its messages.

Copies are made where they cannot be avoided: integers and strings of digits to floats, frames whose
columns do not already lie in one block, another device. Float32 and float64 arrays, tensors and the
arrays of CSR / CSC matrices are shared.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse as sp
import torch
from sklearn.exceptions import DataConversionWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, check_consistent_length, validate_data
from torch import Tensor

from dovetail.data.columns import Columns, label_codes
from dovetail.data.frames import (
    column_names,
    is_frame,
    is_path,
    normalize,
    numeric_matrix,
    take_columns,
)
from dovetail.data.read import read_frame
from dovetail.data.schema import nearest
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import FLOATS, as_numpy, as_tensor, floating, target_device
from dovetail.distributed import current
from dovetail.errors import DataError, SchemaError, warn

__all__ = [
    "Accepts",
    "Given",
    "classes_in",
    "codes_among",
    "give_back",
    "open_classes",
    "open_columns",
    "open_matrix",
    "open_targets",
    "open_weights",
    "refuse_weightless",
]


@dataclass(frozen=True)
class Accepts:
    """What an estimator takes: the door checks it, scikit-learn's tags announce it.

    Parameters
    ----------
    sparse : formats of sparse matrices taken as they are; others are converted to the first; ()
        refuses them
    missing : whether NaN may pass
    infinite : whether infinity may pass
    columns : whether the estimator reads columns of any type instead of a matrix of numbers
    positive : whether negative values are refused
    multi_output : whether y may have several columns
    min_rows : fewest rows a fit needs
    negative_weights : whether rows may have weights below zero
    half : whether float16 (and bfloat16 tensors) stay as they are instead of becoming float64
    """

    sparse: tuple[Literal["csr", "csc"], ...] = ()
    missing: bool = False
    infinite: bool = False
    columns: bool = False
    positive: bool = False
    multi_output: bool = False
    min_rows: int = 1
    negative_weights: bool = True
    half: bool = False

    @property
    def finite(self) -> Any:
        """What is refused, in scikit-learn's words."""
        return not self.infinite and ("allow-nan" if self.missing else True)


Container = Literal["numpy", "torch"]


@dataclass(frozen=True)
class Given:
    """How the input came, so that the output can go the same way."""

    container: Container
    device: torch.device

    @classmethod
    def of(cls, X: Any) -> Given:
        return (
            cls("torch", X.device) if isinstance(X, Tensor) else cls("numpy", torch.device("cpu"))
        )


def give_back(result: Matrix | npt.NDArray[Any], given: Given) -> Any:
    """A result in the container of the input: a tensor on its device, else numpy (scipy where
    sparse). An array of what no tensor can hold stays one.
    """
    if isinstance(result, SparseMatrix):
        return result.to_scipy()
    if isinstance(result, np.ndarray):
        return result
    return result.to(given.device) if given.container == "torch" else as_numpy(result)


def source(X: Any) -> Any:
    """X itself; a path is read, a dict of columns becomes a table."""
    return read_frame(X) if is_path(X) else normalize(X)


def aligned(estimator: Any, X: Any) -> Any:
    """A frame with its columns in the order of fit: they are matched by name.

    Raises
    ------
    SchemaError
        One message with every name that is missing or was not there in fit, and the nearest name.
    """
    fitted: Any = getattr(estimator, "feature_names_in_", None)
    names = None if fitted is None else column_names(X)
    if names is None or names == list(fitted) or not all(isinstance(n, str) for n in names):
        return X
    missing = sorted(set(fitted) - set(names))
    unseen = sorted(set(names) - set(fitted))
    if not missing and not unseen:
        position = {n: j for j, n in enumerate(names)}
        return take_columns(X, [position[n] for n in fitted])
    message = "The feature names should match those that were passed during fit.\n"
    if unseen:
        message += "Feature names unseen at fit time:\n" + _listed(unseen)
    if missing:
        message += "Feature names seen at fit time, yet now missing:\n" + _listed(missing)
    hints = {n: nearest(n, unseen) for n in missing}
    near = [f"{n!r} may be {hint!r} now" for n, hint in hints.items() if hint]
    raise SchemaError(message + (f"Nearest names: {'; '.join(near)}.\n" if near else ""))


def _listed(names: Sequence[str]) -> str:
    """At most five names, a line each, as scikit-learn lists them."""
    shown = "".join(f"- {n}\n" for n in names[:5])
    return shown + ("- ...\n" if len(names) > 5 else "")


def open_matrix(
    estimator: Any,
    X: Any,
    accepts: Accepts,
    *,
    reset: bool | None,
    device: torch.device | None = None,
) -> Matrix:
    """X as checked numbers of one floating dtype.

    Parameters
    ----------
    estimator : whose `n_features_in_` and `feature_names_in_` are set (reset=True), held against X
        (False), or
        left alone (None)
    X : array-like, frame, sparse matrix, tensor, dict of columns or path, n rows by d columns
    device : where to put it; None means the tensor's own device, else the configured one

    Raises
    ------
    ValueError
        Not two-dimensional, empty, NaN or infinite where that is not accepted, other columns than
        in fit.
    TypeError
        Sparse where that is not accepted.
    """
    X = source(X)
    if reset is False:
        X = aligned(estimator, X)
    device = device or target_device(X)
    if isinstance(X, Tensor):
        return _open_tensor(estimator, X, accepts, reset=reset).to(device)
    matrix = numeric_matrix(X) if isinstance(X, pa.Table) else None
    checks = {
        "accept_sparse": accepts.sparse or False,
        "dtype": [np.float64, np.float32, np.float16] if accepts.half else [np.float64, np.float32],
        "ensure_all_finite": accepts.finite,
        "ensure_min_samples": _least_rows(accepts, reset),
    }
    if accepts.finite is True and _sum_is_finite(X):
        checks["ensure_all_finite"] = False
    try:
        if matrix is not None and reset is not None:  # names from the table, numbers from its copy
            validate_data(estimator, X, reset=reset, skip_check_array=True)
        if reset is None or matrix is not None:
            numbers = X if matrix is None else matrix
            array = check_array(numbers, estimator=estimator, input_name="X", **checks)
        else:
            array = validate_data(estimator, X, reset=reset, **checks)
    except (ValueError, TypeError) as error:
        if strange := _not_numbers(X):
            raise DataError(_encode_first(type(estimator).__name__, strange, error)) from None
        if bad := _not_finite(X, accepts):
            raise DataError(f"{error}\nIn the columns {_few(bad)}.") from None
        raise
    if accepts.positive:
        _refuse_negative(array.data if sp.issparse(array) else array, type(estimator).__name__)
    opened = SparseMatrix.from_scipy(array) if sp.issparse(array) else as_tensor(array)
    return opened.to(device, floating(opened.dtype, half=accepts.half))


def _sum_is_finite(X: Any) -> bool:
    """Whether every number of an array is finite, by their sum, on all threads; scikit-learn's
    check takes one. False where the sum does not tell.
    """
    if not isinstance(X, np.ndarray) or X.dtype not in (np.float32, np.float64):
        return False
    return X.flags.forc and bool(torch.isfinite(as_tensor(X).sum()))


def _least_rows(accepts: Accepts, reset: bool | None) -> int:
    """Rows that must be given; a process in a group may have none."""
    return 0 if current() is not None else accepts.min_rows if reset else 1


def _not_numbers(X: Any) -> dict[str, str]:
    """The columns of a frame that no number can be read from, with what they hold."""
    if not is_frame(X):
        return {}
    frame = nw.from_native(X)
    return {
        str(name): str(dtype).lower().partition("(")[0]
        for name, dtype in frame.schema.items()
        if dtype.is_temporal() or not (dtype.is_numeric() or _reads_as_numbers(frame[name]))
    }


def _not_finite(X: Any, accepts: Accepts) -> list[str]:
    """The columns of a frame of numbers that hold NaN or infinity where these may not pass."""
    if not is_frame(X) or accepts.infinite:
        return []
    frame = nw.from_native(X)
    arrays = {
        str(name): frame[name].to_numpy()
        for name, dtype in frame.schema.items()
        if dtype.is_float() or frame[name].null_count()
    }
    refused = np.isinf if accepts.missing else lambda values: ~np.isfinite(values)
    return [n for n, values in arrays.items() if refused(values.astype(np.float64)).any()]


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - 10} more" if len(names) > 10 else ""
    return ", ".join(map(repr, names[:10])) + more


def _reads_as_numbers(series: nw.Series[Any]) -> bool:
    try:
        series.to_numpy().astype(np.float64)
    except (ValueError, TypeError):
        return False
    return True


def _encode_first(whom: str, strange: dict[str, str], error: Exception) -> str:
    columns = ", ".join(f"{name!r} ({dtype})" for name, dtype in list(strange.items())[:10])
    more = f" and {len(strange) - 10} more" if len(strange) > 10 else ""
    return (
        f"{error}. {whom} takes numbers, and none can be read from the columns {columns}{more}. "
        "Leave them out, or encode them: dovetail.preparation(...) before it in a Pipeline encodes "
        "what a table holds."
    )


def _refuse_negative(values: Any, whom: str) -> None:
    if values.size and values.min() < 0:
        raise ValueError(f"Negative values in data passed to {whom}.")


def _open_tensor(estimator: Any, X: Tensor, accepts: Accepts, *, reset: bool | None) -> Tensor:
    name = type(estimator).__name__
    if X.ndim != 2:
        raise ValueError(
            f"Expected 2D tensor, got {X.ndim}D tensor instead. Reshape your data either using "
            "X.reshape(-1, 1) "
            "if it has a single feature or X.reshape(1, -1) if it contains a single sample."
        )
    if X.is_complex():
        raise ValueError("Complex data not supported")
    least = _least_rows(accepts, reset)
    if X.shape[0] < least or X.shape[1] < 1:
        what = "sample(s)" if X.shape[0] < least else "feature(s)"
        raise ValueError(
            f"Found tensor with 0 {what} (shape={tuple(X.shape)}) while a minimum of {least} "
            f"is required by {name}."
        )
    if reset is not None:
        validate_data(estimator, X, reset=reset, skip_check_array=True)
    X = X.to(floating(X.dtype, half=accepts.half))
    if accepts.finite and not torch.compiler.is_compiling() and not _all_finite(X, accepts):
        raise ValueError(
            f"Input X contains {'infinity' if accepts.missing else 'NaN or infinity'}. {name} "
            "does not accept these. "
            "Impute missing values first, for instance with dovetail.impute.SimpleImputer."
        )
    if accepts.positive and bool((X < 0).any()):
        raise ValueError(f"Negative values in data passed to {name}.")
    return X


def _all_finite(X: Tensor, accepts: Accepts) -> bool:
    finite = torch.isfinite(X)
    return bool((finite | torch.isnan(X) if accepts.missing else finite).all())


def open_columns(estimator: Any, X: Any, accepts: Accepts, *, reset: bool) -> Columns:
    """X as columns of any type: strings, numbers, dates, objects; missing values may pass, infinity
    may not.
    """
    X = source(X) if reset else aligned(estimator, source(X))
    if is_frame(X):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        columns = Columns.from_frame(X)
        _check_rows(columns.shape, _least_rows(accepts, reset), estimator)
        for name, values in zip(columns.names, columns.values, strict=True):
            _refuse_infinite(values, f"column {name!r}", accepts)
        return columns
    X = as_numpy(X) if isinstance(X, Tensor) else X
    array = _object_array(X, accepts)
    validate_data(
        estimator, X if hasattr(X, "shape") else array, reset=reset, skip_check_array=True
    )
    _check_rows(array.shape, _least_rows(accepts, reset), estimator)
    return Columns.from_array(array)


def _object_array(X: Any, accepts: Accepts) -> npt.NDArray[Any]:
    """An array-like with the dtype it has; a list that mixes strings and numbers as objects."""
    finite = accepts.finite
    array = check_array(X, dtype=None, ensure_all_finite=finite, ensure_min_samples=0)
    if not hasattr(X, "dtype") and array.dtype.kind in "US":
        array = check_array(X, dtype=object, ensure_all_finite=finite, ensure_min_samples=0)
    return np.asarray(array)


def _check_rows(shape: Sequence[int], least: int, estimator: Any) -> None:
    if shape[0] < least:
        raise ValueError(
            f"Found array with {shape[0]} sample(s) (shape={tuple(shape)}) while a minimum of "
            f"{least} is required "
            f"by {type(estimator).__name__}."
        )


def _refuse_infinite(values: Any, what: str, accepts: Accepts) -> None:
    if accepts.infinite or not isinstance(values, np.ndarray) or values.dtype.kind != "f":
        return
    bad = np.isinf(values) if accepts.missing else ~np.isfinite(values)
    if bad.any():
        raise ValueError(
            f"Input X contains {'infinity' if accepts.missing else 'NaN or infinity'} in {what}."
        )


def open_weights(
    sample_weight: Any,
    X: Matrix | Columns,
    *,
    dtype: torch.dtype | None = None,
    whole: bool = True,
    negative: bool = True,
) -> Tensor | None:
    """Row weights beside X, shape (n,); None where there are none.

    whole : whether these are all rows, which cannot all weigh nothing
    negative : whether they may be below zero

    Raises
    ------
    ValueError
        Not one finite number a row, or all zero, or below zero.
    """
    if sample_weight is None:
        return None
    n = len(X)
    dtype = dtype or (X.dtype if X.dtype != torch.uint8 else torch.float32)  # of pixels
    if isinstance(sample_weight, int | float | np.number):
        w = torch.full((n,), float(sample_weight), dtype=dtype, device=X.device)
        return w if negative else _not_negative(w)
    if isinstance(sample_weight, Tensor):
        w = sample_weight.to(device=X.device, dtype=dtype)
    else:
        array = check_array(
            sample_weight,
            ensure_2d=False,
            dtype=[np.float64, np.float32],
            input_name="sample_weight",
            ensure_min_samples=int(whole),
        )
        w = as_tensor(np.asarray(array)).to(device=X.device, dtype=dtype)
    if w.ndim != 1:
        raise ValueError(
            f"Sample weights must be 1D array or scalar, got {w.ndim}D array. Expected either a "
            f"scalar value or a 1D array of length {n}."
        )
    if w.shape[0] != n:
        raise ValueError(f"sample_weight.shape == {tuple(w.shape)}, expected {(n,)}!")
    if whole:
        refuse_weightless(bool(w.any()))
    return w if negative else _not_negative(w)


def _not_negative(w: Tensor) -> Tensor:
    if len(w) and float(w.min()) < 0:
        raise ValueError(
            "Negative values in data passed to `sample_weight`: weights of rows must be at least "
            f"0, and the least is {float(w.min()):g}. Give rows that should not count a weight of "
            "0."
        )
    return w


def refuse_weightless(some: bool) -> None:
    """Refuse rows of which none has a weight other than zero."""
    if not some:
        raise ValueError(
            "All sample weights are zero: there is nothing to fit. Give at least one row a "
            "positive weight."
        )


def open_classes(y: Any, X: Matrix | Columns, estimator: Any) -> tuple[Tensor, npt.NDArray[Any]]:
    """Class labels as codes: (int64 tensor of shape (n,), sorted distinct labels)."""
    labels = column_of(y, estimator)
    check_consistent_length(X, labels)
    if len(labels):
        check_classification_targets(labels)
    codes, classes = label_codes(labels)
    return as_tensor(codes, X.device), classes


def classes_in(y: Any, estimator: Any) -> npt.NDArray[Any]:
    """The sorted distinct labels of some rows."""
    labels = column_of(y, estimator)
    if len(labels):
        check_classification_targets(labels)
    return label_codes(labels)[1]


def codes_among(y: Any, classes: npt.NDArray[Any], X: Matrix | Columns) -> Tensor:
    """Codes of labels among classes that hold them all; int64 of shape (n,)."""
    return as_tensor(np.searchsorted(classes, np.asarray(y)), X.device)


def column_of(y: Any, estimator: Any) -> npt.NDArray[Any]:
    """y as a one-dimensional array without missing values."""
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target "
            "y is None."
        )
    y = as_numpy(y) if isinstance(y, Tensor) else y
    array = check_array(
        y, ensure_2d=False, dtype=None, input_name="y", ensure_min_samples=0, estimator=estimator
    )
    array = np.asarray(array)
    if array.ndim == 2 and array.shape[1] == 1:
        warn_of_column()
        array = array.ravel()
    if array.ndim != 1:
        raise ValueError(f"y should be a 1d array, got an array of shape {array.shape} instead.")
    return array


def warn_of_column() -> None:
    """Say that a single output should have the shape (n,)."""
    warn(
        "A column-vector y was passed when a 1d array was expected. Please change the shape of y "
        "to (n_samples,), for example using ravel().",
        DataConversionWarning,
    )


def flat_if_single(target: Tensor) -> Tensor:
    """Targets of one output as shape (n,), with a warning where they are of shape (n, 1)."""
    if target.ndim == 1 or target.shape[1] > 1:
        return target
    warn_of_column()
    return target[:, 0]


def open_targets(y: Any, X: Matrix | Columns, estimator: Any, *, multi_output: bool) -> Tensor:
    """Numbers to predict, in X's dtype: shape (n,), or (n, t) where several outputs are taken."""
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target "
            "y is None."
        )
    if isinstance(y, Tensor):
        target = y.to(device=X.device, dtype=X.dtype if X.dtype in FLOATS else torch.float64)
        if not bool(torch.isfinite(target).all()):
            raise ValueError("Input y contains NaN or infinity. Drop the rows without a target.")
        if target.ndim == 2 and not multi_output:
            if target.shape[1] != 1:
                raise ValueError(
                    f"y should be a 1d array, got an array of shape {tuple(target.shape)} instead."
                )
            target = target[:, 0]
    else:
        if multi_output:
            array = check_array(
                y,
                ensure_2d=False,
                dtype=None,
                input_name="y",
                ensure_min_samples=0,
                accept_sparse=False,
                estimator=estimator,
            )
        else:
            array = column_of(y, estimator)
        if array.dtype.kind in "OUS":
            try:
                array = array.astype(np.float64)
            except (TypeError, ValueError) as error:
                raise DataError(
                    f"{type(estimator).__name__} predicts numbers, but y holds "
                    f"{array.ravel().tolist()[0]!r}."
                ) from error
        target = as_tensor(np.asarray(array)).to(device=X.device, dtype=X.dtype)
    check_consistent_length(X, as_numpy(target) if target.device.type == "cpu" else target)
    return target

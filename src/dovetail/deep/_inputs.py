"""What a net is given: a matrix of numbers, an array of more dimensions, or several by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from sklearn.utils.validation import check_array
from torch import Tensor

from dovetail.data.door import Accepts, open_matrix, source
from dovetail.data.frames import column_names, is_frame, take_columns
from dovetail.data.named import NamedTensors
from dovetail.data.tensors import as_tensor, target_device
from dovetail.distributed import current
from dovetail.errors import DataError, SchemaError

__all__ = ["open_inputs"]

_NUMBERS = Accepts()


def open_inputs(
    estimator: Any, X: Any, *, reset: bool, device: torch.device | None, dtype: torch.dtype
) -> Tensor | NamedTensors:
    """X as one tensor, (n, d) or (n, ...), or as named ones; floating numbers in `dtype`.

    Raises
    ------
    ValueError
        Nothing in it, NaN or infinity, parts of unequal length, other shapes than in fit.
    """
    names = estimator.inputs
    if names is not None:
        return _from_columns(estimator, X, names, reset=reset, device=device, dtype=dtype)
    if isinstance(X, Mapping) and all(hasattr(v, "shape") for v in X.values()) and _wide(X):
        return _named(estimator, X, reset=reset, device=device, dtype=dtype)
    if getattr(X, "ndim", 2) > 2:
        opened = _array("X", X, device, dtype)
        _same_shapes(estimator, {"X": opened}, reset=reset)
        return opened
    matrix = open_matrix(estimator, X, _NUMBERS, reset=reset, device=device)
    assert isinstance(matrix, Tensor)
    return matrix.to(dtype)


def _wide(X: Mapping[str, Any]) -> bool:
    """Whether a mapping holds arrays of several dimensions; of one, it is a table by columns."""
    return any(len(v.shape) > 1 for v in X.values())


def _from_columns(
    estimator: Any,
    X: Any,
    names: Mapping[str, Any],
    *,
    reset: bool,
    device: torch.device | None,
    dtype: torch.dtype,
) -> NamedTensors:
    frame = source(X)
    if not is_frame(frame):
        if isinstance(X, Mapping):
            return _named(estimator, X, reset=reset, device=device, dtype=dtype)
        raise DataError(
            "`inputs` names columns, so X must be a table with named columns, or a dict of arrays. "
            f"Got {type(X).__name__}."
        )
    there = list(column_names(frame) or [])
    missing = sorted({c for group in names.values() for c in group} - set(there))
    if missing:
        raise SchemaError(f"`inputs` names columns that X does not have: {missing}.")
    parts = {
        name: open_matrix(
            estimator,
            take_columns(frame, [there.index(c) for c in group]),
            _NUMBERS,
            reset=None,
            device=device,
        )
        for name, group in names.items()
    }
    opened = {name: t.to(dtype) for name, t in parts.items() if isinstance(t, Tensor)}
    _same_shapes(estimator, opened, reset=reset)
    return NamedTensors(opened)


def _named(
    estimator: Any,
    X: Mapping[str, Any],
    *,
    reset: bool,
    device: torch.device | None,
    dtype: torch.dtype,
) -> NamedTensors:
    parts = {str(name): _array(f"X[{name!r}]", v, device, dtype) for name, v in X.items()}
    lengths = {name: len(t) for name, t in parts.items()}
    if len(set(lengths.values())) > 1:
        raise DataError(f"The inputs must have as many rows each. Got {lengths}.")
    _same_shapes(estimator, parts, reset=reset)
    return NamedTensors(parts)


def _array(name: str, values: Any, device: torch.device | None, dtype: torch.dtype) -> Tensor:
    """One array of numbers or codes, (n, ...)."""
    if not isinstance(values, Tensor):
        array = np.asarray(values)
        if array.dtype.kind not in "biuf":
            array = check_array(array, allow_nd=True, ensure_2d=False, input_name=name)
        device = device or target_device(array)
        values = as_tensor(np.ascontiguousarray(array))
    tensor: Tensor = values
    tensor = tensor.to(device or tensor.device)
    if not len(tensor) and current() is None:
        raise DataError(f"Found array with 0 sample(s) (shape={tuple(tensor.shape)}) in {name}.")
    if tensor.is_floating_point():
        tensor = tensor.to(dtype)
        if not bool(tensor.isfinite().all()):
            raise DataError(f"Input {name} contains NaN or infinity. Impute missing values first.")
    return tensor


def _same_shapes(estimator: Any, parts: Mapping[str, Tensor], *, reset: bool) -> None:
    """Remember the shapes of a row in fit, and hold others against them."""
    shapes = {name: tuple(t.shape[1:]) for name, t in parts.items()}
    if reset:
        estimator._row_shapes = shapes
        estimator.n_features_in_ = sum(int(np.prod(s)) for s in shapes.values())
        return
    before = getattr(estimator, "_row_shapes", None)
    if before != shapes:
        raise SchemaError(
            f"Rows have the shapes {shapes}, but fit saw {before or 'a matrix'}. Give the same "
            "inputs."
        )

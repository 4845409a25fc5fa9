"""Numpy arrays and torch tensors are two views of one memory: the conversions, in one place."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.kernels.memory import empty
from dovetail.settings import settings

__all__ = [
    "FLOATS",
    "as_numpy",
    "as_tensor",
    "empty_like",
    "floating",
    "target_device",
    "vector_like",
]

FLOATS = (torch.float32, torch.float64)
HALVES = (torch.float16, torch.bfloat16)


class _Writable:
    """A read-only array's memory, offered as writable.

    torch warns for each read-only array (a memory map, a joblib argument) that it wraps, because it
    cannot keep a tensor from being written to. Nothing below the door writes to its input, so the
    warning says nothing.
    """

    def __init__(self, array: npt.NDArray[Any]) -> None:
        self.owner = array
        interface = dict(array.__array_interface__)
        interface["data"] = (interface["data"][0], False)
        self.__array_interface__ = interface


def as_tensor(
    array: npt.NDArray[Any], device: torch.device | None = None, dtype: torch.dtype | None = None
) -> Tensor:
    """The tensor over an array's memory; a copy only where torch cannot address that memory.

    Copies: negative strides, foreign byte order, unsigned integers wider than 8 bits, another
    device or dtype.
    """
    if array.dtype.byteorder == ">" or not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    if array.dtype.kind == "u" and array.dtype.itemsize > 1:
        array = array.astype(np.int64)
    if array.dtype == np.longdouble:
        array = array.astype(np.float64)
    if any(s < 0 or s % array.itemsize for s in array.strides):
        array = np.ascontiguousarray(array)
    if not array.flags.writeable and array.size:
        array = np.asarray(_Writable(array))
    tensor = torch.from_numpy(array)
    return tensor if device is None and dtype is None else tensor.to(device=device, dtype=dtype)


def as_numpy(tensor: Tensor) -> npt.NDArray[Any]:
    """The array over a tensor's memory; copied from an accelerator, detached from autograd."""
    return tensor.detach().cpu().numpy()


def empty_like(X: Tensor, width: int | None = None, dtype: torch.dtype | None = None) -> Tensor:
    """A new tensor for a result beside X, shape (n, width) or that of X, its numbers not set: see
    `empty`.
    """
    shape = X.shape if width is None else (*X.shape[:-1], width)
    return empty(shape, dtype or X.dtype, X.device)


def target_device(X: Any = None) -> torch.device:
    """Where to compute: the tensor's own device, else the configured one, else the CPU."""
    if isinstance(X, Tensor):
        return X.device
    return settings().device or torch.device("cpu")


def floating(dtype: torch.dtype, *, half: bool = False) -> torch.dtype:
    """The dtype that numbers of `dtype` are computed in: the configured one, else their own, else
    float64.
    """
    keep = dtype in FLOATS or (half and dtype in HALVES)
    return settings().dtype or (dtype if keep else torch.float64)


def vector_like(values: npt.ArrayLike, X: Tensor) -> Tensor:
    """Numbers given by the user (weights, targets, levels) beside X: its dtype, its device."""
    if isinstance(values, Tensor):
        return values.to(device=X.device, dtype=X.dtype)
    return as_tensor(np.asarray(values)).to(device=X.device, dtype=X.dtype)

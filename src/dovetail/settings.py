"""Process-wide settings: device, dtype, threads, processes, verbosity."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self

import torch

from dovetail.errors import DeviceError

__all__ = ["Settings", "config", "settings", "threads_at_most"]

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


@dataclass(frozen=True)
class Settings:
    """What every estimator looks up when it is fitted.

    `None` means "follow the data": compute where the tensors given lie (the CPU for everything
    that is not a tensor), in the floating dtype given (float64 for integers), with as many
    threads as torch uses.
    """

    device: torch.device | None = None
    dtype: torch.dtype | None = None
    threads: int | None = None
    devices: int | None = None
    sharding: bool | Literal["auto"] = "auto"
    verbosity: int = 1
    time_budget: float | None = None


_current = Settings()


def settings() -> Settings:
    """The settings in force."""
    return _current


class config:
    """Set process-wide settings; as a context manager, set them for a block.

    Parameters
    ----------
    device : str, torch.device or None
        Where fits run and where learned numbers live when the input is not a tensor: `"cpu"`,
        `"cuda"`, `"cuda:1"`, ... `"auto"` takes the first accelerator that torch sees, else the
        CPU. `None` follows the data.
    dtype : {"float32", "float64"}, torch.dtype or None
        The floating dtype numbers are converted to at the door. `None` keeps float32 and float64
        as they come and reads everything else as float64.
    threads : int or None
        Threads for torch, numba and pyarrow alike. `None` leaves what they use now.
    devices : int, "all" or None
        How many processes train a net of `dovetail.deep`, each with a share of the rows: one for
        each GPU (`"all"`: all of them), or on a machine without GPUs as many as the integer says
        (`"all"`: one). They are started for each fit, which takes seconds. `None` trains in this
        process.
    sharding : bool or "auto"
        Whether the numbers of a net that several processes train are spread over these, with their
        gradients and what the optimizer remembers, instead of being held by each. `"auto"` does so
        where they do not fit on a GPU.
    verbosity : {0, 1, 2}
        0 is silent, 1 says what matters once, 2 shows progress.
    time_budget : float or None
        Seconds an iterative fit may take; it then ends with what it has learned, and says so.

    Settings that are not named keep their value. The call takes effect at once; `with` restores
    the former settings at the end of the block. They hold for the process, like
    `torch.set_num_threads`, and are not meant to differ between threads.

    Raises
    ------
    DeviceError
        The device does not exist on this machine.

    Examples
    --------
    >>> import dovetail as dv
    >>> with dv.config(dtype="float32", threads=1):
    ...     dv.config.current().dtype
    torch.float32
    >>> dv.config.current().dtype is None
    True
    """

    def __init__(self, **changes: Any) -> None:
        global _current
        known = [f.name for f in fields(Settings)]
        for name in changes:
            if name not in known:
                raise TypeError(f"config() has no setting {name!r}; there are {', '.join(known)}.")
        self._before = _current
        _current = replace(_current, **{k: _checked(k, v) for k, v in changes.items()})
        _apply_threads(_current.threads)

    @staticmethod
    def current() -> Settings:
        """The settings in force."""
        return _current

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        global _current
        _current = self._before
        _apply_threads(_current.threads)


_threads_at_start = torch.get_num_threads()


def _apply_threads(threads: int | None) -> None:
    wanted = threads or _threads_at_start
    if torch.get_num_threads() != wanted:  # numba and pyarrow follow torch where they are called
        torch.set_num_threads(wanted)


@contextmanager
def threads_at_most(limit: int) -> Iterator[None]:
    """Run torch on no more threads than this for a block."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(limit, before))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _checked(name: str, value: Any) -> Any:
    if name == "device":
        return _device(value)
    if name == "sharding":
        if not (isinstance(value, bool) or value == "auto"):
            raise ValueError(f"sharding must be True, False or 'auto'. Got {value!r}.")
        return value
    if value is None and name != "verbosity":
        return None
    if name == "dtype":
        dtype = _DTYPES.get(value, value)
        if dtype not in _DTYPES.values():
            raise ValueError(f"dtype must be 'float32', 'float64' or None. Got {value!r}.")
        return dtype
    if name == "time_budget":
        if isinstance(value, bool) or not isinstance(value, int | float) or not value > 0:
            raise ValueError(
                f"time_budget must be a positive number of seconds or None. Got {value!r}."
            )
        return float(value)
    if name == "devices" and isinstance(value, str) and value == "all":
        return max(1, torch.cuda.device_count())
    low, high = (0, 2) if name == "verbosity" else (1, 1024)
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise ValueError(f"{name} must be an integer from {low} to {high}. Got {value!r}.")
    return value


def _device(value: Any) -> torch.device | None:
    if value is None:
        return None
    accelerator = (
        torch.accelerator.current_accelerator() if torch.accelerator.is_available() else None
    )
    if value == "auto":
        return accelerator or torch.device("cpu")
    try:
        device = torch.device(value)
    except (RuntimeError, TypeError) as error:
        raise DeviceError(
            f"{value!r} is not a device. Allowed: 'cpu', 'auto', 'cuda', 'cuda:1', 'mps', ..."
        ) from error
    if device.type not in ("cpu", "meta") and (
        accelerator is None or device.type != accelerator.type
    ):
        raise DeviceError(
            f"This machine has no {device.type!r} device that torch can use. "
            f"Available: cpu{'' if accelerator is None else ', ' + accelerator.type}. "
            "Use device='auto' to take what there is."
        )
    if (
        device.index is not None
        and device.type != "cpu"
        and device.index >= torch.accelerator.device_count()
    ):
        raise DeviceError(
            f"There is no {device}: torch sees {torch.accelerator.device_count()} "
            f"{device.type} device(s), numbered from 0."
        )
    return device

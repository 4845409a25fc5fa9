"""The state of a training as one file: plain data as JSON, tensors as safetensors.

A file is written under another name and then renamed, so that whatever moment a process is killed
at, there is a whole checkpoint: this one or the one before. Where the numbers are sharded, it is a
folder beside, of numbered entries of which the last counts; each has such a file, `state`, and the
files of the shards.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from dovetail.data.tensors import as_numpy
from dovetail.errors import BundleError

__all__ = [
    "STATE",
    "Checkpoints",
    "begin_entry",
    "finish_entry",
    "newest",
    "read_state",
    "write_state",
]

STATE = "state"  # the file of an entry


@dataclass
class Checkpoints:
    """Where and when the state of a training is kept.

    path : the file; where the numbers are sharded, the folder's name begins with it
    epochs : from one to the next
    seconds : from one to the next, within an epoch too; None for none
    facts : what else to keep
    """

    path: Path
    epochs: int = 1
    seconds: float | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._last = time.monotonic()

    def due(self, epoch: int | None = None) -> bool:
        """Whether to write now: within an epoch, or at the end of that of this number."""
        if epoch is not None:
            return epoch % self.epochs == 0
        return self.seconds is not None and time.monotonic() > self._last + self.seconds

    def write(self, state: dict[str, Any]) -> None:
        """Replace what was kept."""
        write_state(self.path, {**self.facts, **state})
        shutil.rmtree(_folder(self.path), ignore_errors=True)
        self.restart()

    def restart(self) -> None:
        """Count the seconds from now."""
        self._last = time.monotonic()


def newest(path: Path) -> Path | None:
    """The file of the state to go on from: that of the path, or that of the last entry beside."""
    entry = _last_entry(_folder(path))
    found = [file for file in (path, entry and entry / STATE) if file and file.is_file()]
    return max(found, default=None, key=lambda file: file.stat().st_mtime_ns)


def begin_entry(path: Path) -> Path:
    """A new folder for the files of an entry, which does not count before it is finished."""
    part = _folder(path) / "part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    return part


def finish_entry(path: Path) -> None:
    """The new entry takes the place of what there is."""
    folder = _folder(path)
    last = _last_entry(folder)
    os.replace(folder / "part", folder / f"{0 if last is None else int(last.name) + 1:06d}")
    if last is not None:
        shutil.rmtree(last)
    path.unlink(missing_ok=True)


def _folder(path: Path) -> Path:
    return path.with_name(f"{path.name}.shards")


def _last_entry(folder: Path) -> Path | None:
    found = [p for p in folder.iterdir() if p.name.isdigit()] if folder.is_dir() else []
    return max(found, default=None, key=lambda p: int(p.name))


def write_state(path: Path, state: dict[str, Any]) -> None:
    """Write nested dicts, lists, tuples, tensors, arrays and plain values."""
    tensors: dict[str, Tensor] = {}
    tree = _packed(state, tensors)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    save_file(tensors, part, metadata={"tree": json.dumps(tree)})
    with open(part, "rb") as file:
        os.fsync(file.fileno())
    os.replace(part, path)


def read_state(path: Path, device: torch.device) -> dict[str, Any]:
    """What `write_state` wrote, tensors on a device.

    Raises
    ------
    BundleError
        The file is damaged, or no checkpoint.
    """
    try:
        with safe_open(path, "pt", device=str(device)) as file:
            tree = json.loads(file.metadata()["tree"])
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
        state: dict[str, Any] = _unpacked(tree, tensors)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise BundleError(
            f"{path} is no whole checkpoint ({error}). Delete it to train from the start."
        ) from error
    return state


def _packed(value: Any, tensors: dict[str, Tensor]) -> Any:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, dict):
        return {"dict": [[_packed(k, tensors), _packed(v, tensors)] for k, v in value.items()]}
    if isinstance(value, list | tuple):
        kind = "list" if isinstance(value, list) else "tuple"
        return {kind: [_packed(v, tensors) for v in value]}
    if isinstance(value, np.generic):
        return value.item()
    key = f"t{len(tensors)}"
    if isinstance(value, np.ndarray):
        tensors[key] = torch.from_numpy(np.array(value))
        return {"array": key}
    tensors[key] = value.detach().contiguous().clone()
    return {"tensor": key}


def _unpacked(tree: Any, tensors: dict[str, Tensor]) -> Any:
    if not isinstance(tree, dict):
        return tree
    ((kind, inside),) = tree.items()
    if kind == "dict":
        return {_unpacked(k, tensors): _unpacked(v, tensors) for k, v in inside}
    if kind == "tensor":
        return tensors[inside]
    if kind == "array":
        return as_numpy(tensors[inside])
    items = [_unpacked(v, tensors) for v in inside]
    return items if kind == "list" else tuple(items)

"""Checkpoints of sharded numbers: each process writes what it holds, and any number of processes
reads what it needs of that.

`torch.distributed.checkpoint` does so, in safetensors files; its own format, which is not used, is
a pickle.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from torch import Tensor

from dovetail.distributed import Group
from dovetail.errors import BundleError, DistributedError
from dovetail.solve.checkpoint import STATE, begin_entry, finish_entry, write_state
from dovetail.solve.flat import Flat
from dovetail.solve.shards import Shards

__all__ = ["filled", "write_sharded"]

_OF_NUMBERS = ("values", "best_values", "optimizer")  # parts of a state, as long as the numbers are
_ALL, _ONE = "of all", "of one"  # stand for a vector of all numbers, for a tensor like a parameter


def write_sharded(path: Path, state: dict[str, Any], shards: Shards, group: Group) -> None:
    """Write a state, whose vectors are those of each process's shards, as the last entry of the
    folder beside a path that all processes see.
    """
    # a second of imports that only sharded nets need
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageWriter

    found: dict[str, Any] = {}
    rest = {k: _apart(v, k, shards, found) if k in _OF_NUMBERS else v for k, v in state.items()}
    first = group.rank == 0
    folder = group.from_first(group.together(lambda: begin_entry(path) if first else path))
    writer = HuggingFaceStorageWriter(str(folder), save_distributed=True)
    try:
        with group.joined():
            dcp.save(found, storage_writer=writer)
    except dcp.api.CheckpointException as error:  # in all processes, if in one
        raise DistributedError(f"{folder} could not be written. {_reason(error)}") from error

    def finish() -> None:
        write_state(folder / STATE, rest)
        finish_entry(path)

    group.together(finish if first else lambda: None)


def _apart(value: Any, at: str, shards: Shards, found: dict[str, Any]) -> Any:
    """A part of a state without the tensors of shards, which are found by name."""
    if isinstance(value, Tensor) and value.shape == shards.values.shape:
        for i, (name, part) in enumerate(zip(shards.names, shards.split(value), strict=True)):
            found[f"{at}/{name}"] = shards.global_of(i, part)
        return {_ALL: at}
    if isinstance(value, dict) and set(value) == {"state", "param_groups"}:  # of torch.optim
        of = {i: _apart_of(i, each, at, shards, found) for i, each in value["state"].items()}
        return {**value, "state": of}
    if isinstance(value, dict):
        return {k: _apart(v, f"{at}/{k}", shards, found) for k, v in value.items()}
    if isinstance(value, list):
        return [_apart(v, f"{at}/{i}", shards, found) for i, v in enumerate(value)]
    return value


def _apart_of(
    i: int, state: dict[str, Any], at: str, shards: Shards, found: dict[str, Any]
) -> dict[str, Any]:
    """The same of what torch.optim remembers of the i-th parameter."""
    rest = dict(state)
    for key, value in state.items():
        if isinstance(value, Tensor) and value.shape == shards.parts[i].shape:
            name = f"{at}/{key}/{shards.names[i]}"
            found[name] = shards.global_of(i, value)
            rest[key] = {_ONE: name}
    return rest


def filled(state: dict[str, Any], entry: Path, flat: Flat, names: list[str]) -> dict[str, Any]:
    """A state that was read, with vectors for the numbers that are learned here, whether these are
    shards or not, and whether those that were written were.

    names : of the parameters, in the order of `flat`

    Raises
    ------
    BundleError
        A file of a shard is missing or damaged.
    """
    wanted: dict[str, Any] = {}
    state = {k: _whole(v, flat, names, wanted) if k in _OF_NUMBERS else v for k, v in state.items()}
    if wanted:
        _read(wanted, entry, alone=not isinstance(flat, Shards))
    return state


def _whole(value: Any, flat: Flat, names: list[str], wanted: dict[str, Any]) -> Any:
    """A part of a state with room for what is wanted by name, and with what is whole cut."""
    shards = flat if isinstance(flat, Shards) else None
    if isinstance(value, dict) and set(value) == {_ALL}:
        vector = torch.zeros_like(flat.values)
        for i, (name, part) in enumerate(zip(names, flat.split(vector), strict=True)):
            wanted[f"{value[_ALL]}/{name}"] = part if shards is None else shards.global_of(i, part)
        return vector
    if isinstance(value, dict) and set(value) == {"state", "param_groups"}:
        of = {
            i: {k: _like_part(v, i, flat, wanted) for k, v in each.items()}
            for i, each in value["state"].items()
        }
        return {**value, "state": of}
    if isinstance(value, dict):
        return {k: _whole(v, flat, names, wanted) for k, v in value.items()}
    if isinstance(value, list):
        return [_whole(v, flat, names, wanted) for v in value]
    if shards is not None and isinstance(value, Tensor) and value.shape == (shards.total,):
        return shards.cut_all(value)
    return value


def _like_part(value: Any, i: int, flat: Flat, wanted: dict[str, Any]) -> Any:
    """The same of what torch.optim remembers of the i-th parameter."""
    shards = flat if isinstance(flat, Shards) else None
    if isinstance(value, dict) and set(value) == {_ONE}:
        part = torch.zeros_like(flat.parts[i])
        wanted[value[_ONE]] = part if shards is None else shards.global_of(i, part)
        return part
    if shards is not None and isinstance(value, Tensor) and value.shape == shards.shapes[i]:
        return shards.cut(i, value)
    return value


def _read(wanted: dict[str, Any], entry: Path, *, alone: bool) -> None:
    # a second of imports that only sharded nets need
    import torch.distributed.checkpoint as dcp
    from torch.distributed.checkpoint.hf_storage import HuggingFaceStorageReader

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that one process reads alone
        try:
            dcp.load(wanted, storage_reader=HuggingFaceStorageReader(str(entry)), no_dist=alone)
        except (dcp.api.CheckpointException, SafetensorError, OSError, KeyError) as error:
            raise BundleError(
                f"{entry} is no whole checkpoint ({_reason(error)}). Delete {entry} to train "
                "from the start."
            ) from error


def _reason(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return lines[-1].strip() if lines else type(error).__name__

"""Many processes that fit one model: each holds some of the rows, and sums are taken over all.

    torchrun --nproc-per-node 4 train.py      # or on several machines, with --nnodes

    import dovetail as dv
    dv.distributed.init()
    model.fit(dv.scan_parquet("rows/*.parquet", target="y"))   # each process reads its share

After `init`, the rows that a process gives to `fit` are *its* rows: a scan is shared out among the
processes by itself, arrays that every process holds whole are cut by `share`. What a fit learns is
then the same in every process, and the same as in one process on all rows, to rounding.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import reduce
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

from dovetail.errors import DistributedError

__all__ = ["Group", "agreed", "alone", "current", "init", "rank", "share", "size"]

S = TypeVar("S")


@dataclass(frozen=True)
class Group:
    """The processes that fit together. Every process takes part in every call, in the same order.

    rank : the number of this process, from 0
    size : how many there are
    """

    rank: int
    size: int

    def together(self, compute: Callable[[], S]) -> S:
        """compute() here, once it is known that it succeeds everywhere; where it fails in one
        process, every process raises. It may itself call the group: a process that fails before
        that is heard of in the inner call.
        """
        failure: Exception | None = None
        found: Any = None
        try:
            found = compute()
        except DistributedError:  # which all processes know of
            raise
        except Exception as error:
            failure = error
        failed = torch.tensor([0 if failure is None else self.rank + 1])
        with _explained():
            dist.all_reduce(failed, dist.ReduceOp.MAX)
        if failure is not None:
            raise failure
        if int(failed):
            raise DistributedError(
                f"The process of rank {int(failed) - 1} failed, so this one stops too. The reason "
                "is in its own message."
            )
        return found

    def sum(self, compute: Callable[[], S]) -> S:
        """Sum over the processes of a tensor, a number, or a tuple of these; bit for bit the same
        in every process.
        """
        found = self.together(compute)
        leaves = list(_leaves(found))
        totals: list[Any] = [None] * len(leaves)
        with _explained():
            for kind, places in _by_kind(leaves).items():
                parts = [_tensor(leaves[i]).reshape(-1) for i in places]
                buffer = torch.cat([part.to(kind[0]) for part in parts])
                dist.all_reduce(buffer)
                pieces = torch.split(buffer, [len(part) for part in parts])
                for i, piece in zip(places, pieces, strict=True):
                    totals[i] = _like(piece, leaves[i])
        return _rebuilt(found, iter(totals))

    def add(self, numbers: Tensor) -> None:
        """Sum over the processes in the place of the numbers; nothing is heard of failures here."""
        with _explained():
            dist.all_reduce(numbers)

    def copy_first(self, numbers: Tensor) -> None:
        """The numbers of rank 0 in the place of every process's."""
        with _explained():
            dist.broadcast(numbers, src=0)

    @contextmanager
    def joined(self) -> Iterator[None]:
        """For a block in which torch itself calls the group: when contact is lost there, the error
        says so. A process that fails in it by itself leaves the others waiting until it ends.
        """
        try:
            yield
        except RuntimeError as error:
            if isinstance(error, dist.DistError) or "gloo" in str(error):
                raise _lost(error) from error
            raise

    def merge(self, compute: Callable[[], S | None], merge: Callable[[S, S], S]) -> S:
        """What the processes found, merged in the order of their ranks; None has nothing to add."""
        found = [part for part in self.gather(compute) if part is not None]
        if not found:
            raise DistributedError("No process has any rows. Give at least one of them some.")
        return reduce(merge, found)

    def gather(self, compute: Callable[[], S]) -> list[S]:
        """What each process found, in the order of their ranks."""
        mine = self.together(compute)
        found: list[Any] = [None] * self.size
        with _explained():
            dist.all_gather_object(found, mine)
        return found

    def from_first(self, value: S) -> S:
        """The value of rank 0, in every process."""
        box = [value]
        with _explained():
            dist.broadcast_object_list(box, src=0)
        return box[0]


_current: Group | None = None


def agreed(compute: Callable[[], S]) -> S:
    """compute(), as rank 0 finds it where there is a group: choices that follow from the first rows
    must not differ.
    """
    group = _current
    return compute() if group is None else group.from_first(group.together(compute))


def init(*, backend: str | None = None, timeout: float = 300.0) -> Group:
    """Join the processes that were started together, as `torchrun` starts them.

    Parameters
    ----------
    backend : str or None
        Of torch.distributed; None takes gloo for the CPU and, where there are GPUs, NCCL for them.
    timeout : float > 0
        Seconds after which a process that waits for another in vain stops with an error.

    Returns
    -------
    Group
        With this process's `rank` and the `size`: 0 and 1 where the script runs by itself.

    Raises
    ------
    DistributedError
        The other processes cannot be reached.

    On a machine with GPUs the process takes the one of its LOCAL_RANK for `device="cuda"`.
    """
    global _current
    if not dist.is_initialized():
        if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
            return Group(0, 1)
        gpu = torch.cuda.is_available()
        if gpu:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        name = backend or ("cpu:gloo,cuda:nccl" if gpu else "gloo")
        with _explained():
            _join(name, timedelta(seconds=timeout))
        atexit.register(_leave)
    group = Group(dist.get_rank(), dist.get_world_size())
    _current = group if group.size > 1 else None
    return group


def _join(backend: str, timeout: timedelta) -> None:
    """Meet the other processes of this start.

    The store that torchrun lends its workers outlives a restart, with the addresses of processes
    that are gone (https://github.com/pytorch/pytorch/issues/135712), and its count of restarts is
    not the same on all machines. So every process leaves a new name in the store, and they meet
    under what follows from all names once all have seen the same ones.
    """
    store, rank, size = next(dist.rendezvous("env://", timeout=timeout))
    store.set_timeout(timeout)
    store.set(f"dovetail/{rank}", uuid.uuid4().hex)
    end, told = time.monotonic() + timeout.total_seconds(), ""
    while True:
        names = store.multi_get([f"dovetail/{r}" for r in range(size)])
        start = hashlib.sha256(b"".join(names)).hexdigest()
        if store.add(start, int(start != told)) == size:
            break
        if time.monotonic() > end:
            raise DistributedError("Not all processes have come to dv.distributed.init() in time.")
        told = start
        time.sleep(0.02)
    mine = dist.PrefixStore(start, store)
    dist.init_process_group(backend, store=mine, rank=rank, world_size=size, timeout=timeout)


def _leave() -> None:
    if dist.is_initialized():
        dist.destroy_process_group()


def current() -> Group | None:
    """The group that fits work in; None where a process works by itself."""
    return _current


def rank() -> int:
    """The number of this process, 0 where it is the only one."""
    return 0 if _current is None else _current.rank


def size() -> int:
    """How many processes fit together."""
    return 1 if _current is None else _current.size


@contextmanager
def alone() -> Iterator[None]:
    """Within this block, fits use the rows of this process alone, and wait for no other.

    Examples
    --------
    >>> import dovetail as dv
    >>> from dovetail.linear_model import Ridge
    >>> with dv.distributed.alone():
    ...     model = Ridge().fit([[0.0], [1.0]], [0.0, 1.0])
    """
    global _current
    before, _current = _current, None
    try:
        yield
    finally:
        _current = before


def share(*arrays: Any) -> Any:
    """This process's rows of arrays that every process holds whole: consecutive ones, as many as
    the others' to within one.

    Parameters
    ----------
    *arrays : arrays, sparse matrices, tensors or frames of the same number of rows; None stays None

    Returns
    -------
    The part of a single array, else a tuple of parts.

    Examples
    --------
    >>> import dovetail as dv
    >>> dv.distributed.share([10, 20, 30])
    [10, 20, 30]
    """
    parts = tuple(_cut(array) for array in arrays)
    return parts[0] if len(parts) == 1 else parts


def _cut(array: Any) -> Any:
    if array is None or _current is None:
        return array
    n = array.shape[0] if hasattr(array, "shape") else len(array)
    some = slice(n * _current.rank // _current.size, n * (_current.rank + 1) // _current.size)
    if hasattr(array, "iloc"):
        return array.iloc[some]
    if hasattr(array, "num_rows"):  # pyarrow: a slice of it is one of rows, but in `slice`
        return array.slice(some.start, some.stop - some.start)
    return array[some]


# -- tensors of nested tuples


def _leaves(found: Any) -> Iterator[Any]:
    if isinstance(found, tuple):
        for part in found:
            yield from _leaves(part)
    else:
        yield found


def _rebuilt(found: Any, totals: Iterator[Any]) -> Any:
    if not isinstance(found, tuple):
        return next(totals)
    parts = [_rebuilt(part, totals) for part in found]
    return type(found)(*parts) if hasattr(found, "_fields") else tuple(parts)


def _by_kind(leaves: Sequence[Any]) -> dict[tuple[torch.dtype, torch.device], list[int]]:
    """Places of the leaves that one buffer can hold: of one dtype, on one device."""
    kinds: dict[tuple[torch.dtype, torch.device], list[int]] = {}
    for i, leaf in enumerate(leaves):
        tensor = _tensor(leaf)
        kinds.setdefault((tensor.dtype, tensor.device), []).append(i)
    return kinds


def _tensor(leaf: Any) -> Tensor:
    if isinstance(leaf, Tensor):
        return leaf
    return torch.tensor(leaf, dtype=torch.int64 if isinstance(leaf, int) else torch.float64)


def _like(piece: Tensor, leaf: Any) -> Any:
    return piece.view(leaf.shape) if isinstance(leaf, Tensor) else piece.item()


@contextmanager
def _explained() -> Iterator[None]:
    """Failures of the network in words that say what to look for."""
    try:
        yield
    except (dist.DistError, RuntimeError, ConnectionError) as error:
        if isinstance(error, DistributedError):
            raise
        raise _lost(error) from error


def _lost(error: Exception) -> DistributedError:
    first = (str(error).strip() or type(error).__name__).splitlines()[0]
    return DistributedError(
        "Lost contact with the other processes: one of them has ended, hangs, or cannot be "
        f"reached. Its own output says why. ({first})"
    )

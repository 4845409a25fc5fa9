"""Training of a net by processes that are started for one fit and hold a share of its rows each.

They are started anew (spawn) and not forked: in a fork CUDA cannot be used, and threads are lost
that others wait for.
"""

from __future__ import annotations

import copy
import io
import numbers
import os
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.reduction import ForkingPickler
from pickle import PicklingError
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing
from sklearn.utils import check_random_state
from torch import Tensor, nn

from dovetail.data.batches import Batch, Batches
from dovetail.distributed import current, init, share
from dovetail.errors import DataError, DeviceError, DistributedError, warn
from dovetail.settings import Settings, config, settings

__all__ = ["trained_by_workers"]

_NOT_SENT = ("_program", "_callback", "_skl")  # beginnings of names of attributes


@dataclass
class _Task:
    """What a worker is given: the net, all rows in memory that is shared, the Program so far."""

    net: Any
    rows: Batch
    before: Any
    incremental: bool
    settings: Settings
    gpus: bool
    size: int
    port: int


@dataclass
class _Answer:
    """What the first worker found: attributes of the net, its Program, and what was warned of."""

    attributes: dict[str, Any]
    program: Any
    warned: list[tuple[str, Any]]


def trained_by_workers(net: Any, batches: Batches, before: Any, *, incremental: bool) -> Any:
    """The Program that `settings().devices` processes train; the net has what they learned.

    Raises
    ------
    DataError
        The rows are read in blocks.
    DistributedError
        A worker could not be started, or has ended.
    """
    size = settings().devices or 1
    if not batches.in_memory:
        raise DataError(
            "dv.config(devices=...) hands rows in memory to its processes. Fit a scan under "
            "torchrun, where each process reads its own."
        )
    gpus = torch.cuda.is_available() and (settings().device or torch.device("cuda")).type == "cuda"
    if gpus and size > torch.cuda.device_count():
        raise DeviceError(
            f"devices={size}, but there are {torch.cuda.device_count()} GPUs. Take devices='all', "
            "or device='cpu'."
        )
    _check_importable(net)
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    rows = batches.whole.on(torch.device("cpu"))
    task = _Task(_sent(net), rows, before, incremental, settings(), gpus, size, store.port)
    with _started(task) as pipes:
        answer = _first_answer(pipes)
    vars(net).update(answer.attributes)
    for message, category in answer.warned:
        warn(message, category)
    return answer.program.to(batches.device)


def _sent(net: Any) -> Any:
    """The net as the workers get it: without what is theirs to make, and with a seed."""
    sent = copy.copy(net)
    for name in [name for name in vars(net) if name.startswith(_NOT_SENT)]:
        delattr(sent, name)
    if not isinstance(net.random_state, numbers.Integral):
        sent.random_state = int(check_random_state(net.random_state).randint(2**31 - 1))
    return sent


def _check_importable(net: Any) -> None:
    """Refuse what a process that is started anew cannot find."""
    if hasattr(sys.modules["__main__"], "__file__"):
        return
    for name, value in net.get_params(deep=False).items():
        made = value if hasattr(value, "__qualname__") else type(value)
        if made.__module__ == "__main__":
            raise ValueError(
                f"{name}={made.__qualname__} is defined in a notebook, where the processes of "
                "dv.config(devices=...) cannot import it. Write it to a file and import it."
            )


@contextmanager
def _started(task: _Task) -> Iterator[list[Connection]]:
    """Pipes to the workers, which are ended with the block."""
    context = torch.multiprocessing.get_context("spawn")
    processes, pipes = [], []
    try:
        for rank in range(task.size):
            mine, theirs = context.Pipe()
            process = context.Process(target=_work, args=(rank, task, theirs), daemon=True)
            try:
                process.start()
            except (PicklingError, AttributeError, TypeError) as error:
                raise ValueError(
                    "Processes of dv.config(devices=...) are started anew, and import what a net "
                    f"is made of by its name: no lambda, no local class. ({error})"
                ) from error
            theirs.close()
            processes.append(process)
            pipes.append(mine)
        yield pipes
    finally:
        for process in processes:
            process.terminate()
            process.join()


def _first_answer(pipes: list[Connection]) -> _Answer:
    """What rank 0 found, once all have ended well; else the error of the process that failed."""
    found: dict[Connection, Any] = {}
    while len(found) < len(pipes):
        for pipe in wait([p for p in pipes if p not in found]):
            assert isinstance(pipe, Connection)
            try:
                found[pipe] = ForkingPickler.loads(pipe.recv_bytes())
            except EOFError as error:
                raise DistributedError(
                    f"The process of rank {pipes.index(pipe)} has ended. Its own output says why. "
                    "In a script, what fits must stand under `if __name__ == '__main__':`, "
                    "because every process imports the script."
                ) from error
    errors = [e for e in found.values() if isinstance(e, Exception)]
    if errors:  # its own comes before what the others say of it
        raise min(errors, key=lambda e: isinstance(e, DistributedError))
    answer: _Answer = found[pipes[0]]
    return answer


# -- in a worker


def _work(rank: int, task: _Task, pipe: Connection) -> None:
    os.environ |= {
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "WORLD_SIZE": str(task.size),
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(task.port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",  # it is in the process that started this one
    }
    answer: Any
    try:
        answer = _learned(rank, task)
    except Exception as error:
        answer = error
    pipe.send_bytes(_packed(answer))


def _learned(rank: int, task: _Task) -> _Answer | None:
    given, net, rows = task.settings, task.net, task.rows
    threads = max(1, (given.threads or torch.get_num_threads()) // task.size)
    config(dtype=given.dtype, time_budget=given.time_budget, verbosity=given.verbosity)
    config(sharding=given.sharding, threads=threads, device=f"cuda:{rank}" if task.gpus else "cpu")
    init()
    device = torch.device("cuda", rank) if task.gpus else torch.device("cpu")
    n = len(rows)
    own = rows.rows(n * rank // task.size, n * (rank + 1) // task.size)
    batches = Batches(own.on(device), group=current(), total=n)
    if isinstance(net.validation_data, tuple):
        net.validation_data = share(*net.validation_data)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        program = net._train(batches, task.before, incremental=task.incremental)
    if rank:
        return None
    kept = net.get_params(deep=False)
    attributes = {k: v for k, v in vars(net).items() if k not in kept}
    warned = [(str(w.message), w.category) for w in caught]
    return _Answer(attributes, program, warned)


def _packed(answer: Any) -> bytes:
    """Tensors as their numbers, so that nothing of this process is needed to read them."""
    buffer = io.BytesIO()
    pickler: Any = ForkingPickler(buffer)
    pickler.dispatch_table |= {Tensor: _tensor_packed, nn.Parameter: _parameter_packed}
    pickler.dump(answer)
    return buffer.getvalue()


def _tensor_packed(t: Tensor) -> tuple[Any, ...]:
    raw = t.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
    return _tensor, (raw, t.dtype, tuple(t.shape))


def _parameter_packed(p: nn.Parameter) -> tuple[Any, ...]:
    return nn.Parameter, (p.data, p.requires_grad)


def _tensor(raw: Any, dtype: torch.dtype, shape: tuple[int, ...]) -> Tensor:
    return torch.from_numpy(raw).view(dtype).view(shape)

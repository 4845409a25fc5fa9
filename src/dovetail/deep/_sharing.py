"""What the processes of a group agree on before they train a net together."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from dovetail.data.batches import Batch, Batches, stacked
from dovetail.data.epochs import Blockwise, Epochs, InMemory
from dovetail.data.shared_epochs import SharedBlocks, SharedEpochs, SharedRows
from dovetail.deep._optimizers import one_by_one
from dovetail.distributed import Group
from dovetail.settings import settings

__all__ = ["advised", "alike", "fits", "looked_at", "source_of", "spreads"]

_NUMBERS = 2**22  # of the rows that a module is made for, 16 MB of float32


def looked_at(batches: Batches) -> Batch:
    """Rows to make a module for: those at hand, or in every process the same ones of all, which
    are all rows where these are few.
    """
    head, group = batches.head, batches.group
    if group is None:
        return head
    each = max(1, int(torch.tensor(tuple(head.X.shape)[1:]).prod()))
    most = max(1, _NUMBERS // each // group.size)

    def some() -> Batch | None:
        n = len(head)
        if n <= most:
            return head if n else None
        return head.take(torch.linspace(0, n - 1, most, device=head.X.device).long())

    return group.merge(some, lambda a, b: stacked([a, b]))


def fits(module: nn.Module, device: torch.device, vectors: int = 1) -> bool:
    """Whether a GPU has room for so many vectors as long as a module's numbers, beside what is
    computed with them, for which a fifth is left.
    """
    if device.type != "cuda":
        return True
    size = sum(p.numel() * p.element_size() for p in module.parameters())
    return vectors * size < 0.8 * torch.cuda.mem_get_info(device)[0]


def spreads(net: Any, module: nn.Module, rows: Batches, *, going_on: bool) -> bool:
    """Whether the numbers of a module are spread over the processes: if asked, or if they do not
    fit on the GPU of one of these.

    going_on : whether the optimizer is to go on with what it remembers

    Raises
    ------
    ValueError
        It is asked, and what else is asked needs all numbers in one place.
    """
    choice, group = settings().sharding, rows.group
    if group is None or choice is False:
        return False
    obstacle = "partial_fit" if going_on else _obstacle(net, module)
    if choice is True and obstacle is not None:
        raise ValueError(
            f"{obstacle} needs all numbers of a net in one place, but dv.config(sharding=True) "
            "spreads them over the processes. Leave it out, or fit with dv.config(sharding=False)."
        )
    if choice is True or obstacle is not None:
        return obstacle is None
    # numbers, those from before the epoch, gradient, two of Adam's, and their average
    vectors = 5 if net.ema is None else 6
    return not all(group.gather(lambda: fits(module, rows.device, vectors)))


def _obstacle(net: Any, module: nn.Module) -> str | None:
    single = [name for name, p in module.named_parameters() if not p.ndim]
    if single:
        return f"The parameter {single[0]}, which has no dimension to cut,"
    if not one_by_one(net.optimizer):
        return f"optimizer={net.optimizer!r}"
    return "compile=True" if net.compile else None


@contextmanager
def advised(group: Group | None) -> Iterator[None]:
    """Say what helps where a GPU's memory does not suffice for a group's net."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        if group is not None and settings().sharding is not True:
            error.add_note(
                "dv.config(sharding=True) spreads the net's numbers over the processes, so that "
                "each has room for more."
            )
        raise


def alike(module: nn.Module, group: Group | None) -> None:
    """Give a module the numbers that it has in rank 0."""
    if group is None:
        return
    numbers = [*module.parameters(), *module.buffers()]
    codes = [t for t in numbers if not t.is_floating_point()]
    with torch.no_grad():
        for t in numbers:
            if t.is_floating_point():
                dense = t.detach().contiguous()
                group.copy_first(dense)
                t.copy_(dense)
        for t, first in zip(codes, group.from_first([t.cpu() for t in codes]), strict=True):
            t.copy_(first)


def source_of(net: Any, rows: Batches) -> Epochs:
    """The rows as mini-batches, epoch after epoch; in a group, this process's parts of these."""
    if rows.group is not None:
        return _parts_of(net, rows, rows.group)
    size = net._rows_of_a_step(len(rows))
    return InMemory(rows.whole, size) if rows.in_memory else Blockwise(rows, size)


def _parts_of(net: Any, rows: Batches, group: Group) -> SharedEpochs:
    """This process's parts of mini-batches of the rows of all, of which there are `batch_size` in
    all parts together.
    """
    rows = rows.kept()
    exact = rows.loaded or not rows.weighted  # else rows of no weight are left out as they come
    counts = group.gather(lambda: len(rows.source) if exact else sum(map(len, rows)))
    size = net._rows_of_a_step(sum(counts))
    if rows.loaded:
        return SharedRows(rows.own, size, group.rank, counts)
    return SharedBlocks(rows, size, group.rank, counts)

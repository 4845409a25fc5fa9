"""What the processes of a group agree on before they train a net together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import nn

from dovetail.data.batches import Batch, Batches, stacked
from dovetail.data.epochs import Blockwise, Epochs, InMemory
from dovetail.data.shared_epochs import SharedBlocks, SharedEpochs, SharedRows
from dovetail.distributed import Group, current

__all__ = ["alike", "looked_at", "of_all", "source_of"]

S = TypeVar("S")

_NUMBERS = 2**22  # of the rows that a module is made for, 16 MB of float32


def of_all(compute: Callable[[], S], merge: Callable[[S, S], S]) -> S:
    """What the processes found, merged; that of this one where there are no others."""
    group = current()
    return compute() if group is None else group.merge(compute, merge)


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

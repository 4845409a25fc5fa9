"""One training by many processes: each computes its part of every batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from torch import Tensor, nn

from dovetail.data.batches import Batch
from dovetail.data.epochs import Epochs
from dovetail.distributed import Group
from dovetail.solve.net_gradient import NetGradient

__all__ = ["SharedEpochs", "SharedGradient", "shared_size", "spread"]


def shared_size(size: int, group: Group) -> int:
    """This process's rows of a batch of `size` rows."""
    return max(1, (group.rank + 1) * size // group.size - group.rank * size // group.size)


class SharedEpochs:
    """The rows of this process as parts of the batches of all: as many as the process with most
    rows has, at last without rows.
    """

    def __init__(self, mine: Epochs, none: Batch, rows: int, group: Group) -> None:
        self.mine, self.none, self.rows = mine, none, rows
        self.size = sum(group.gather(lambda: mine.size))
        self.steps = max(group.gather(lambda: mine.steps))

    def __len__(self) -> int:
        """Rows of all processes."""
        return self.rows

    def batches(self, seed: int | None, done: int = 0) -> Iterator[Batch]:
        found = done
        for batch in self.mine.batches(seed, done):
            found += 1
            yield batch
        for _ in range(found, self.steps):
            yield self.none


class SharedGradient:
    """The gradient of the mean loss over the parts of a batch that the processes have."""

    def __init__(self, mine: NetGradient, group: Group) -> None:
        self.mine, self.group = mine, group
        self.told: dict[str, Tensor] = {}
        self.rows = 0

    @property
    def module(self) -> nn.Module:
        """The module of this process."""
        return self.mine.module

    def __call__(self, batch: Batch) -> Tensor:
        flat = self.mine.flat

        def part() -> tuple[Tensor, Tensor, Tensor, int]:
            if not len(batch):
                nothing = flat.values.new_zeros(())
                return flat.gradient.zero_(), nothing, nothing, 0
            loss = self.mine(batch)
            weight = flat.values.new_tensor(len(batch)) if batch.w is None else batch.w.sum()
            return flat.gradient * weight, loss * weight, weight, len(batch)

        gradient, loss, weight, self.rows = self.group.sum(part)
        flat.gradient.copy_(gradient / weight)
        return loss / weight


def spread(tensors: list[Tensor], group: Group) -> None:
    """The numbers of the first process, in all."""
    if not tensors:
        return
    found: Any = group.sum(lambda: tuple(t.clone() if group.rank == 0 else t * 0 for t in tensors))
    for tensor, value in zip(tensors, found, strict=True):
        tensor.copy_(value)

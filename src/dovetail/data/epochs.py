"""Mini-batches of an epoch, in an order that follows from one number.

An epoch can therefore be gone on with from any batch: nothing but the number and the count of
batches done need be kept of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches, stacked
from dovetail.data.prefetch import prefetched
from dovetail.data.tensors import as_tensor

__all__ = ["Blockwise", "Epochs", "InMemory", "cuts", "minibatches"]

# Rows gathered at once for a shuffled epoch: one gather serves many batches, and the copy of rows
# stays small beside the data (16k rows of 28 float32 numbers are 1.8 MB, which the cache holds).
_GATHERED_ROWS = 16_384
_WINDOW = 4  # blocks that are shuffled together, 64 MB of float64 numbers


def minibatches(rows: Batch, size: int, order: Tensor | None) -> Iterator[Batch]:
    """Mini-batches of `size` rows, in their order or the one given."""
    if order is None:
        yield from rows.split(size)
        return
    for index in torch.split(order, size * max(1, _GATHERED_ROWS // size)):
        yield from rows.take(index).split(size)


class Epochs(Protocol):
    """Rows that can be gone through again and again, each time in another order.

    size : rows of a batch; the last of an epoch is smaller, but no row is alone where there are
        others (normalization over a batch needs two)
    """

    size: int

    def __len__(self) -> int:
        """Rows of an epoch."""

    def batches(self, seed: int | None, done: int = 0) -> Iterator[Batch]:
        """The batches of the epoch of this seed from the one of number `done` on; None keeps the
        order of rows.
        """


def cuts(n: int, size: int) -> list[int]:
    """Where the batches of n rows begin, and where the last one ends."""
    even = _even(n, size)
    return [*range(0, even, size), *([even] if even < n else []), n]


def _even(n: int, size: int) -> int:
    """Rows before the last batch where that has a row more, which would be alone; else all."""
    return n - size - 1 if n > size > 1 and n % size == 1 else n


class InMemory:
    """Rows in memory, taken by index on their device; any order of all rows is as likely."""

    def __init__(self, rows: Batch, size: int) -> None:
        self.rows, self.size = rows, size

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, seed: int | None, done: int = 0) -> Iterator[Batch]:
        n, size = len(self.rows), self.size
        last = _even(n, size)
        if seed is None or n <= size:  # one batch is the same in any order
            yield from self.rows.rows(min(done * size, last), last).split(size)
            if last < n:
                yield self.rows.rows(last, n)
            return
        order = as_tensor(np.random.RandomState(seed).permutation(n), self.rows.X.device)
        yield from minibatches(self.rows, size, order[done * size : last])
        if last < n:
            yield self.rows.take(order[last:])


class Blockwise:
    """Rows that are read in blocks, ahead of what is computed. Four blocks at a time are shuffled
    together: memory is bounded, and rows that are far apart in the files do not meet in a batch.
    """

    def __init__(self, batches: Batches, size: int) -> None:
        self.source, self.size = batches.kept(), size

    def __len__(self) -> int:
        return len(self.source)

    def batches(self, seed: int | None, done: int = 0) -> Iterator[Batch]:
        yield from islice(self._batches(seed), done, None)

    def _batches(self, seed: int | None) -> Iterator[Batch]:
        left: Batch | None = None
        for window in prefetched(self.windows(seed)):
            rows = window if left is None else stacked([left, window])
            whole = max(0, len(rows) - 2) // self.size * self.size  # two rows at least are left
            yield from rows.rows(0, whole).split(self.size) if whole else ()
            left = rows.rows(whole, len(rows))
        if left is not None:
            yield from InMemory(left, self.size).batches(None)

    def windows(self, seed: int | None) -> Iterator[Batch]:
        """Blocks that are shuffled together, each as one."""
        random = None if seed is None else np.random.RandomState(seed)
        blocks = (block for block in self.source if len(block))
        for first in blocks:
            rows = stacked([first, *islice(blocks, _WINDOW - 1)])
            if random is not None:
                rows = rows.take(as_tensor(random.permutation(len(rows)), rows.X.device))
            yield rows

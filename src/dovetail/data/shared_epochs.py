"""Mini-batches of which every process of a group holds a part, some of them an empty one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import numpy as np

from dovetail.data.batches import Batch, Batches, stacked
from dovetail.data.epochs import Blockwise, Epochs, cuts
from dovetail.data.prefetch import prefetched
from dovetail.data.tensors import as_tensor

__all__ = ["SharedBlocks", "SharedEpochs", "SharedRows"]


class SharedEpochs(Epochs, Protocol):
    """Epochs whose batches are this process's parts; their length is that of all parts together.

    steps : batches of an epoch, as many in every process
    nothing : a part without rows
    """

    steps: int
    nothing: Batch

    def rows(self, number: int) -> int:
        """Rows of the batch of this number in all processes."""


class SharedRows:
    """Rows that lie in the memories of the processes, numbered one process after the other. The
    batches are those of `InMemory` over all of them: the same rows, drawn by the same seed.

    rows : those of this process
    size : rows of a batch in all processes
    rank : number of this process
    counts : rows of each process
    """

    def __init__(self, rows: Batch, size: int, rank: int, counts: list[int]) -> None:
        self.own, self.size = rows, size
        self._first, self._n = sum(counts[:rank]), sum(counts)
        self._cuts = cuts(self._n, size)
        self.steps, self.nothing = len(self._cuts) - 1, rows.rows(0, 0)

    def __len__(self) -> int:
        return self._n

    def rows(self, number: int) -> int:
        return self._cuts[number + 1] - self._cuts[number]

    def batches(self, seed: int | None, done: int = 0) -> Iterator[Batch]:
        n, first = self._n, self._first
        order = np.arange(n) if seed is None else np.random.RandomState(seed).permutation(n)
        places = np.flatnonzero((order >= first) & (order < first + len(self.own)))
        index = as_tensor(order[places] - first, self.own.X.device)
        ends = np.searchsorted(places, self._cuts).tolist()
        for low, high in zip(ends[done:-1], ends[done + 1 :], strict=True):
            yield self.own.rows(low, high) if seed is None else self.own.take(index[low:high])


class SharedBlocks:
    """Rows that each process reads in blocks, which it shuffles by itself as `Blockwise` does: of
    each batch it has a part in proportion to its rows.
    """

    def __init__(self, batches: Batches, size: int, rank: int, counts: list[int]) -> None:
        self.source, self.size = Blockwise(batches, size), size
        self._rank, self._counts = rank, counts
        self._cuts = cuts(sum(counts), size)
        self.steps, self.nothing = len(self._cuts) - 1, batches.head.rows(0, 0)

    def __len__(self) -> int:
        return sum(self._counts)

    def rows(self, number: int) -> int:
        return sum(self._part(number, rank) for rank in range(len(self._counts)))

    def _part(self, number: int, rank: int) -> int:
        """Rows of a part. The processes round up at different batches, so that none is empty."""
        count, shift = self._counts[rank], (rank + 0.5) / len(self._counts)
        low, high = (
            int(count * cut / len(self) + shift) for cut in self._cuts[number : number + 2]
        )
        return high - low

    def batches(self, seed: int | None, done: int = 0) -> Iterator[Batch]:
        seed = None if seed is None else (seed + self._rank) % 2**32
        windows, left = prefetched(self.source.windows(seed)), self.nothing
        for number in range(self.steps):
            size = self._part(number, self._rank)
            while len(left) < size and (window := next(windows, None)) is not None:
                left = stacked([left, window])
            size = min(size, len(left))
            if number >= done:
                yield left.rows(0, size)
            left = left.rows(size, len(left))
        for _ in windows:  # a pass that is read to its end is kept
            pass

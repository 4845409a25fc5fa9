"""Texts of like length together, so that little of a batch is padding."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.ragged import Ragged
from dovetail.data.tensors import as_tensor

__all__ = ["LikeLengths", "by_length"]

_ROWS = 64  # of a pass without gradients


class LikeLengths:
    """Batches of texts that are about as long, in random order; in a group this process's part of
    each.

    rows : those of this process
    size : rows of a batch in all processes
    lengths : of the texts of all processes, one process after the other; None for those of `rows`
    first : number of this process's first row among them
    """

    def __init__(
        self, rows: Batch, size: int, lengths: Tensor | None = None, first: int = 0
    ) -> None:
        self.own, self.size, self._first = rows, size, first
        self._lengths = (_lengths(rows) if lengths is None else lengths).cpu().numpy()
        self.steps, self.nothing = -(-len(self) // size), rows.rows(0, 0)
        self._sizes: list[int] = []

    @classmethod
    def of(cls, rows: Batches, size: int) -> LikeLengths:
        """Of rows in memory, or in the memories of a group."""
        if rows.group is None:
            return cls(rows.whole, size)
        own, first = rows.own, rows.rows_before()
        return cls(own, size, torch.cat(rows.group.gather(lambda: _lengths(own).cpu())), first)

    def __len__(self) -> int:
        return len(self._lengths)

    def rows(self, number: int) -> int:
        """Rows, in all processes, of the batch of this number, of the epoch that was drawn last."""
        return self._sizes[number]

    def batches(self, seed: int | None, done: int = 0) -> Iterator[Batch]:
        """The batches of the epoch of this seed from the one of number `done` on."""
        order, starts = np.arange(len(self)), np.arange(0, len(self), self.size)
        if seed is not None:
            random = np.random.RandomState(seed)
            near = self._lengths * random.uniform(0.8, 1.25, len(self))  # other neighbors each time
            order, starts = np.argsort(near, kind="stable"), random.permutation(starts)
        self._sizes = np.minimum(self.size, len(self) - starts).tolist()
        for start in starts[done:]:
            part = order[start : start + self.size] - self._first
            mine = part[(part >= 0) & (part < len(self.own))]
            yield self.own.take(as_tensor(mine, self.own.X.device))


def _lengths(rows: Batch) -> Tensor:
    lengths: Tensor = rows.X.sequences["ids"].lengths
    return lengths


def by_length(compute: Callable[[Any], Any], X: Ragged) -> Any:
    """In blocks of texts that are about as long, given back in their order."""
    if len(X) <= _ROWS or torch.compiler.is_compiling():
        return compute(X)
    order = X.sequences["ids"].lengths.argsort(stable=True)
    parts: list[Tensor] = [compute(X.take_rows(part)) for part in torch.split(order, _ROWS)]
    return torch.cat(parts)[order.argsort()]

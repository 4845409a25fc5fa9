"""Rows that are sequences of unequal length, by name: texts as the ids of their tokens.

Legend: n rows, t numbers of the longest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.data.named import NamedTensors
from dovetail.data.tensors import as_tensor

__all__ = ["Ragged", "Sequences"]


class Sequences:
    """Sequences of integers, one after the other.

    values : int64 of shape (s,)
    starts : int64 of shape (n + 1,), where each begins; the last is s
    """

    def __init__(self, values: Tensor, starts: Tensor) -> None:
        self.values, self.starts = values, starts

    @classmethod
    def of(cls, rows: Sequence[npt.NDArray[np.int64]]) -> Sequences:
        """From an array a row."""
        starts = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(r) for r in rows], out=starts[1:])
        values = np.concatenate([np.zeros(0, np.int64), *rows])
        return cls(as_tensor(values), as_tensor(starts))

    def __len__(self) -> int:
        return len(self.starts) - 1

    @property
    def lengths(self) -> Tensor:
        """Of each row."""
        return self.starts.diff()

    def to(self, device: Any) -> Sequences:
        """On another device."""
        return Sequences(self.values.to(device), self.starts.to(device))

    def padded(self) -> Tensor:
        """(n, t) with zeros behind the shorter ones; t is at least 1."""
        lengths = self.lengths
        t = max(1, int(lengths.max())) if len(self) else 1
        place = torch.arange(t, device=self.values.device)
        there = place < lengths[:, None]
        out = self.values.new_zeros(len(self), t)
        out[there] = self.values[int(self.starts[0]) : int(self.starts[-1])]
        return out

    def slice_rows(self, start: int, stop: int) -> Sequences:
        """The rows from `start` to before `stop`, sharing memory."""
        return Sequences(self.values, self.starts[start : stop + 1])

    def take_rows(self, index: Tensor) -> Sequences:
        """The rows at `index`, integers or a mask."""
        index = index.nonzero()[:, 0] if index.dtype == torch.bool else index
        lengths = self.lengths[index]
        starts = torch.cat([lengths.new_zeros(1), lengths.cumsum(0)])
        shift = (self.starts[:-1][index] - starts[:-1]).repeat_interleave(lengths)
        values = self.values[shift + torch.arange(len(shift), device=shift.device)]
        return Sequences(values, starts)

    def above(self, other: Sequences) -> Sequences:
        """These rows and those of another one below them."""
        first, second = (s.take_rows(torch.arange(len(s))) for s in (self, other))
        starts = torch.cat([first.starts, first.starts[-1] + second.starts[1:]])
        return Sequences(torch.cat([first.values, second.values]), starts)


class Ragged(NamedTensors):
    """Several sequences a row, by name; each is read as a matrix, padded with zeros.

    sequences : name to Sequences of as many rows
    floats : the dtype of the numbers a net makes of them

    Examples
    --------
    >>> from dovetail.data.ragged import Ragged, Sequences
    >>> import numpy as np
    >>> texts = Ragged({"ids": Sequences.of([np.array([5, 6, 7]), np.array([8])])})
    >>> texts["ids"].tolist()
    [[5, 6, 7], [8, 0, 0]]
    """

    def __init__(
        self, sequences: Mapping[str, Sequences], floats: torch.dtype = torch.float32
    ) -> None:
        self.sequences, self.floats = dict(sequences), floats

    def __getitem__(self, name: str) -> Tensor:
        return self.sequences[name].padded()

    def __iter__(self) -> Any:
        return iter(self.sequences)

    def __len__(self) -> int:
        return len(next(iter(self.sequences.values())))

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, and sequences of a row."""
        return len(self), len(self.sequences)

    @property
    def device(self) -> torch.device:
        return next(iter(self.sequences.values())).values.device

    @property
    def dtype(self) -> torch.dtype:
        return self.floats

    def to(self, *args: Any, dtype: torch.dtype | None = None) -> Ragged:
        """On another device, or for numbers of another dtype."""
        found = {k: s.to(args[0]) if args else s for k, s in self.sequences.items()}
        return Ragged(found, dtype or self.floats)

    def slice_rows(self, start: int, stop: int) -> Ragged:
        found = {k: s.slice_rows(start, stop) for k, s in self.sequences.items()}
        return Ragged(found, self.floats)

    def take_rows(self, index: Tensor) -> Ragged:
        found = {k: s.take_rows(index) for k, s in self.sequences.items()}
        return Ragged(found, self.floats)

    def above(self, other: NamedTensors) -> Ragged:
        assert isinstance(other, Ragged)
        found = {k: s.above(other.sequences[k]) for k, s in self.sequences.items()}
        return Ragged(found, self.floats)

"""A scan behind the door: blocks of checked rows, opened as they are read, for passes without end.

Solvers that make many passes ask for `kept` rows: what the door made of a block is written to a
temporary file on the first pass. On the next ones that file is mapped into memory, a block at a
time: nothing is copied, and what the system cannot keep of the file it reads again.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from dovetail.data.batches import Batch
from dovetail.data.scan import Rows, Scan
from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import as_numpy, as_tensor

__all__ = ["Stream"]


@dataclass(frozen=True, eq=False)
class Stream:
    """Blocks of a scan, opened.

    scan : where rows come from
    open : what the door makes of a block
    head : a first block, whose dtype, width and device are those of all; with few rows or none
    changes : what is done to an opened block
    """

    scan: Scan
    open: Callable[[Rows], Batch]
    head: Batch
    changes: tuple[Callable[[Batch], Batch], ...] = ()
    _store: _Store | None = field(default=None)

    def __len__(self) -> int:
        return len(self.scan)

    def __iter__(self) -> Iterator[Batch]:
        for block in self._opened():
            for change in self.changes:
                block = change(block)
            yield block

    def _opened(self) -> Iterator[Batch]:
        store = self._store
        if store is None:
            yield from map(self.open, self.scan.blocks())
        elif store.whole:
            yield from store.read(self.head.X.device)
        else:
            store.begin()
            for rows in self.scan.blocks():
                block = self.open(rows)
                store.write(block)
                yield block
            store.end()

    def mapped(self, change: Callable[[Batch], Batch]) -> Stream:
        """The blocks, changed on their way."""
        return replace(self, head=change(self.head), changes=(*self.changes, change))

    def kept(self) -> Stream:
        """The same blocks for many passes."""
        if self._store is not None or not isinstance(self.head.X, Tensor | SparseMatrix):
            return self
        return replace(self, _store=_Store())


class _Piece(NamedTuple):
    """Where an array lies in the file."""

    offset: int
    shape: tuple[int, ...]
    dtype: np.dtype[Any]


class _Store:
    """Opened blocks in a temporary file that has no name and vanishes with this object."""

    def __init__(self) -> None:
        self.whole = False
        self._file = tempfile.TemporaryFile(prefix="dovetail-")  # noqa: SIM115
        weakref.finalize(self, self._file.close)
        self._blocks: list[tuple[list[_Piece | None], tuple[Any, ...]]] = []
        self._starts: list[int] = []

    def begin(self) -> None:
        """Forget what an unfinished pass wrote."""
        self._file.seek(0)
        self._file.truncate()
        self._blocks, self._starts = [], []

    def end(self) -> None:
        """All blocks are there."""
        self._file.flush()
        self.whole = True

    def write(self, block: Batch) -> None:
        """Keep a block."""
        X = block.X
        parts, facts = [X], tuple[Any, ...]()
        if isinstance(X, SparseMatrix):
            parts = [X.starts, X.indices, X.values]
            facts = (X.shape, X.format, X.array_class)
        pieces = [self._put(part) for part in (*parts, block.y, block.w)]
        self._blocks.append((pieces, facts))
        self._starts.append(block.start)

    def _put(self, tensor: Tensor | None) -> _Piece | None:
        if tensor is None:
            return None
        array = np.ascontiguousarray(as_numpy(tensor))
        piece = _Piece(self._file.tell(), array.shape, array.dtype)
        array.tofile(self._file)
        return piece

    def read(self, device: torch.device) -> Iterator[Batch]:
        """The blocks, in the order they were written in."""
        for (pieces, facts), start in zip(self._blocks, self._starts, strict=True):
            *parts, y, w = [self._get(piece, device) for piece in pieces]
            X: Any = SparseMatrix(*parts, *facts) if facts else parts[0]  # type: ignore[arg-type]
            yield Batch(X, y, w, start)

    def _get(self, piece: _Piece | None, device: torch.device) -> Tensor | None:
        if piece is None:
            return None
        if not np.prod(piece.shape):
            return torch.from_numpy(np.empty(piece.shape, piece.dtype)).to(device)
        array = np.memmap(self._file, piece.dtype, "r", piece.offset, piece.shape)
        return as_tensor(array, device)

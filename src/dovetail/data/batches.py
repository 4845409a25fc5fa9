"""Rows in blocks, and sums over them: what a solver sees of the data.

`Batches.sum(f)` is the one way a statistic of all rows is formed. Here the rows are in memory,
whole or cut into blocks; a Parquet stream, and the share of one process in a group, keep the same
interface: only `__iter__` and `fold` know how many blocks, files or ranks there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import reduce
from itertools import repeat
from typing import Any, TypeVar

import torch
from torch import Tensor

from dovetail.data.columns import Columns
from dovetail.data.sparse import Matrix, SparseMatrix

__all__ = ["Batch", "Batches"]

S = TypeVar("S")


@dataclass(frozen=True, eq=False)
class Batch:
    """A block of rows, checked at the door and trusted below it.

    Parameters
    ----------
    X : Tensor of shape (n, d), SparseMatrix, or Columns (for estimators that read strings)
    y : Tensor of shape (n,) or (n, t), or None
        Class codes (int64) for classifiers, numbers in X's dtype for regressors.
    w : Tensor of shape (n,) or None
        Weight of each row, in X's dtype; None means 1.
    """

    X: Any
    y: Tensor | None = None
    w: Tensor | None = None

    def __len__(self) -> int:
        return len(self.X)

    def rows(self, start: int, stop: int) -> Batch:
        """The rows from `start` to before `stop`, sharing memory where X is dense."""
        X = self.X
        return Batch(
            X.slice_rows(start, stop) if isinstance(X, SparseMatrix | Columns) else X[start:stop],
            None if self.y is None else self.y[start:stop],
            None if self.w is None else self.w[start:stop],
        )

    def split(self, size: int) -> Iterator[Batch]:
        """Consecutive blocks of `size` rows; the last may be smaller."""
        if not isinstance(self.X, Tensor):
            yield from (self.rows(i, min(i + size, len(self))) for i in range(0, len(self), size))
            return
        blocks = torch.split(self.X, size)  # all views in one call: 0.3 µs each instead of 3
        y = repeat(None) if self.y is None else torch.split(self.y, size)
        w = repeat(None) if self.w is None else torch.split(self.w, size)
        yield from map(Batch, blocks, y, w)

    def to(self, dtype: torch.dtype) -> Batch:
        """The same rows with floating numbers of another dtype (codes stay as they are)."""
        y = self.y if self.y is None or not self.y.is_floating_point() else self.y.to(dtype)
        return Batch(self.X.to(dtype=dtype), y, None if self.w is None else self.w.to(dtype))

    def take(self, index: Tensor) -> Batch:
        """The rows at `index` (integers or a mask)."""
        X = self.X
        return Batch(
            X.take_rows(index) if isinstance(X, SparseMatrix | Columns) else _taken(X, index),
            None if self.y is None else _taken(self.y, index),
            None if self.w is None else _taken(self.w, index),
        )

    def mapped(self, f: Callable[[Any], Any]) -> Batch:
        """The same rows with f(X) in place of X."""
        return replace(self, X=f(self.X))


def _taken(values: Tensor, index: Tensor) -> Tensor:
    """values[index]; by integers in a third of the time that indexing takes."""
    return values[index] if index.dtype == torch.bool else values.index_select(0, index)


@dataclass(frozen=True, eq=False)
class Batches:
    """A re-iterable of `Batch`.

    Parameters
    ----------
    whole : Batch
        All rows.
    rows_per_block : int or None
        Rows of a block; None makes one block of all rows.
    """

    whole: Batch
    rows_per_block: int | None = None

    def __iter__(self) -> Iterator[Batch]:
        n, step = len(self.whole), self.rows_per_block
        if step is None or step >= n:
            yield self.whole
            return
        for start in range(0, n, step):
            yield self.whole.rows(start, min(start + step, n))

    def fold(self, f: Callable[[Batch], S], merge: Callable[[S, S], S]) -> S:
        """f of each block, merged in order; `merge` must be associative."""
        return reduce(merge, map(f, self))

    def sum(self, f: Callable[[Batch], S]) -> S:
        """Sum over all rows of a statistic that f forms from a block.

        f returns a tensor, a number, or a tuple (also a NamedTuple) of these.
        """
        return self.fold(f, _add)

    @property
    def X(self) -> Matrix:
        """All rows in memory, for algorithms that cannot be written as sums."""
        X: Matrix = self.whole.X
        return X

    @property
    def y(self) -> Tensor:
        """The targets of all rows."""
        assert self.whole.y is not None, "this estimator is fitted without targets"
        return self.whole.y

    @property
    def w(self) -> Tensor | None:
        """The weights of all rows, None where all are 1."""
        return self.whole.w

    def __len__(self) -> int:
        return len(self.whole)

    @property
    def n_features(self) -> int:
        return int(self.whole.X.shape[1])

    @property
    def dtype(self) -> torch.dtype:
        dtype: torch.dtype = self.whole.X.dtype
        return dtype

    @property
    def device(self) -> torch.device:
        device: torch.device = self.whole.X.device
        return device

    def in_blocks(self, rows: int) -> Batches:
        """The same rows in blocks of at most `rows`."""
        return replace(self, rows_per_block=rows)

    def take(self, index: Tensor) -> Batches:
        """Some of the rows, for a validation split."""
        return Batches(self.whole.take(index), self.rows_per_block)


def _add(a: Any, b: Any) -> Any:
    if isinstance(a, tuple):
        parts = [_add(x, y) for x, y in zip(a, b, strict=True)]
        return type(a)(*parts) if hasattr(a, "_fields") else tuple(parts)
    return a + b

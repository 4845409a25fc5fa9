"""Rows of a kernel matrix in bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.data.tensors import as_numpy
from dovetail.kernels import smo as kernels
from dovetail.kernels.memory import empty

__all__ = ["Columns", "Floats", "Index", "RowCache", "formed"]

_CELLS = 1 << 19  # numbers of a block of rows: 2 MB in float32, a core's second-level cache
_FEW = 16  # rows, below which MKL's sums depend on the number of threads

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]
# given columns, or None for all: a function that forms rows of a matrix there
Columns = Callable[[Index | None], Callable[[Index], Tensor]]


def formed(
    form: Callable[[Index], Tensor], rows: Index, width: int, dtype: torch.dtype
) -> npt.NDArray[Any]:
    """Rows of a matrix."""
    K = as_numpy(empty((len(rows), width), dtype))
    for part, block in _in_blocks(form, rows, width):
        K[part] = block
    return K


def _in_blocks(
    form: Callable[[Index], Tensor], rows: Index, width: int
) -> Iterator[tuple[slice, npt.NDArray[Any]]]:
    """Rows of a matrix, so many at a time that they are still in the cache when they are used; few
    are formed more than once, among as many as `_FEW`.
    """
    size = max(_FEW, _CELLS // max(1, width))
    for start in range(0, len(rows), size):
        some = rows[start : start + size]
        block = as_numpy(form(np.resize(some, max(_FEW, len(some)))))
        yield slice(start, start + size), block[: len(some)]


class RowCache:
    """Rows of a kernel matrix, formed when they are asked for; those asked for last are kept.

    columns : given columns, or None for all, a function that forms rows of the matrix there
    n : rows
    dtype : of the kernel
    megabytes : bound of the memory taken, but for two rows, which are always held
    """

    def __init__(
        self,
        columns: Columns,
        n: int,
        dtype: torch.dtype,
        megabytes: float,
    ) -> None:
        self.size = torch.empty(0, dtype=dtype).element_size()
        self.bytes = megabytes * 2**20
        capacity = int(min(n, max(2, self.bytes // (n * self.size))))
        self.columns, self.dtype = columns, dtype
        self.rows = as_numpy(empty((capacity, n), dtype))
        self.place = np.full(n, -1)
        self.holds = np.full(capacity, -1)
        self.asked = np.zeros(capacity, np.int64)  # when a place was last of use
        self.clock = 0

    @property
    def width(self) -> int:
        """Rows of a block that takes a fourth of the memory."""
        return max(2, int((self.bytes / (4 * self.size)) ** 0.5))

    @cached_property
    def _form(self) -> Callable[[Index], Tensor]:
        return self.columns(None)

    def add(self, wanted: Index, factors: Floats, total: Floats) -> None:
        """total += Σ_s factors_s × row wanted_s; wanted : distinct."""
        self.clock += 1
        place = self.place[wanted]
        held = place >= 0
        self.asked[place[held]] = self.clock
        kernels.accumulate(self.rows, place[held], factors[held], total)
        missing, factors = wanted[~held], factors[~held]
        for part, rows in _in_blocks(self._form, missing, len(self.place)):
            kernels.accumulate(rows, np.arange(len(rows)), factors[part], total)
            self._keep(missing[part], rows)

    def _keep(self, index: Index, rows: npt.NDArray[Any]) -> None:
        """In the places that were of use the longest ago."""
        count = min(len(index), len(self.holds))
        free = np.argpartition(self.asked, count - 1)[:count]
        gone = self.holds[free]
        self.place[gone[gone >= 0]] = -1
        self.rows[free] = rows[:count]
        self.place[index[:count]], self.holds[free] = free, index[:count]
        self.asked[free] = self.clock

    def block(self, some: Index) -> npt.NDArray[Any]:
        """The matrix of some rows, formed anew, which is faster than to collect it."""
        return formed(self.columns(some), some, len(some), self.dtype)

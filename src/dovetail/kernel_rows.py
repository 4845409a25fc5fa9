"""The Program that support-vector machines, kernel ridge regression and kernel approximations are
built on: values of a kernel with kept rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import Matrix
from dovetail.objective.kernel import Kernel
from dovetail.program import Program, Rows

__all__ = ["KernelRows"]

_CELLS = 1 << 19  # kernel values of a block of rows: 4 MB in float64, which caches hold


class KernelRows(Program):
    """Kernel of rows with kept rows, (m, s).

    rows : the kept rows; all rows of the fit for a kernel of the user's own matrices, none where
        the kernel is given as a matrix
    index : Tensor of shape (s,), which rows of the fit they are
    picks : whether `rows` are all rows of the fit, so that those of `index` are to be picked
    """

    rows: Rows | None
    index: Tensor
    kernel: str | Callable[..., Any]
    gamma: float
    degree: float
    coef0: float
    picks: bool = False

    @classmethod
    def of(
        cls, kernel: Kernel, rows: Matrix | None, index: Tensor, *, picks: bool = False
    ) -> KernelRows:
        """With a kernel and its numbers."""
        kept = None if rows is None else Rows.of(rows)
        return cls(kept, index, kernel.kernel, kernel.gamma, kernel.degree, kernel.coef0, picks)

    def forward(self, X: Any) -> Tensor:
        return self.prepared()(X)

    def prepared(self) -> Callable[[Any], Tensor]:
        """`forward` for many blocks: what it needs of the kept rows is formed once."""
        index = self.index
        if self.rows is None:
            return lambda X: X.index_select(1, index)
        dtype = self.rows.values.dtype
        kernel = Kernel(self.kernel, self.gamma, self.degree, self.coef0)
        values = kernel.with_rows(self.rows.matrix)
        if self.picks:
            return lambda X: values(X.to(dtype=dtype)).index_select(1, index)
        return lambda X: values(X.to(dtype=dtype))

    def through(self, f: Callable[[Tensor], Tensor], X: Any) -> Tensor:
        """f of the kernel of X with the kept rows, so many rows of X at a time that it stays
        small.
        """
        size = max(1, _CELLS // max(1, len(self.index)))
        if torch.compiler.is_compiling() or len(X) <= size:
            return f(self(X))
        values = self.prepared()
        return torch.cat([f(values(block.X)) for block in Batches(Batch(X)).in_blocks(size)])

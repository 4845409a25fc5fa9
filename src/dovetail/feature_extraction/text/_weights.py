"""The Program of the vectorizers: from counts of terms to their weights.

Shapes: n documents, d terms, m stored counts.
"""

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor

from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.program import Program

__all__ = ["TermWeights"]

_STORED = 1 << 18  # counts in a block of rows, so that its temporaries stay in the cache


class TermWeights(Program):
    """tf(count) · idf, each row divided by its norm; zeros stay zeros.

    binary : whether tf is 1 for any count
    sublinear : whether tf is 1 + log(count)
    idf : Tensor of shape (d,) or None
    norm : "l1", "l2" or None

    The counts may be dense or a SparseMatrix; what comes out is of the same kind.
    """

    binary: bool
    sublinear: bool
    idf: Tensor | None
    norm: str | None

    def forward(self, X: Matrix) -> Matrix:
        sparse = X if isinstance(X, SparseMatrix) else None
        v = X if isinstance(X, Tensor) else X.values
        if self.norm is not None and not v.is_floating_point():
            v = v.double()
        if self.binary:
            v = (v != 0).to(v.dtype)
        if self.sublinear:
            # log 1 in place of log 0 keeps the gradient finite where nothing was counted
            v = torch.where(v == 0, v, torch.where(v == 0, 1, v).log() + 1)
        if self.idf is not None:
            idf = self.idf.to(v.dtype)
            factor = idf if sparse is None else sparse.by_column(idf)
            # the idf of a term in no document may be infinite
            v = torch.where((v == 0) & factor.isinf(), v, v * factor)
        if self.norm is not None:
            sizes = v.abs() if self.norm == "l1" else v.square()
            total = sizes.sum(1) if sparse is None else sparse.row_sums(sizes)
            total = torch.where(total == 0, 1, total)
            total = total if self.norm == "l1" else total.sqrt()
            v = v / (total[:, None] if sparse is None else sparse.by_row(total))
        return v if sparse is None else sparse.with_values(v)

    def overwriting(self, X: SparseMatrix) -> SparseMatrix:
        """The same of a matrix by rows, its values overwritten block by block (and so with hardly
        any memory beside them) where their dtype stays.
        """
        if not (self.binary or self.sublinear or self.norm) and self.idf is None:
            return X
        if self.norm is not None and not X.dtype.is_floating_point:
            X = X.to(dtype=torch.float64)
        for block in _in_blocks(X):
            block.values.copy_(self(block).values)
        return X


def _in_blocks(X: SparseMatrix) -> Iterator[SparseMatrix]:
    """Rows of X that share its memory, a row at least."""
    if len(X.values) <= _STORED:
        yield X
        return
    steps = torch.arange(0, len(X.values), _STORED, device=X.device, dtype=X.starts.dtype)
    cuts = torch.searchsorted(X.starts, steps).clamp(max=len(X)).tolist()
    for start, stop in pairwise([*cuts, len(X)]):
        yield X.slice_rows(start, stop)

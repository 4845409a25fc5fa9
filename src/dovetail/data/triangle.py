"""The triangle of a QR factorization, block by block."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches

__all__ = ["triangle"]

_ROWS = 8192  # of a block: its products are efficient, and copies of it small beside X


def triangle(batches: Batches, rows: Callable[[Batch], Tensor], *, width: int) -> Tensor:
    """R of the QR factorization of rows formed of each block, float64, (min(n, width), width).

    Triangles of blocks, one under the other, have the triangle of all rows (Demmel et al. 2012,
    https://doi.org/10.1137/080731992): this is a fold, as backward stable as one factorization.
    Cost O(n width²).
    """
    blocks = batches.in_blocks(max(_ROWS, 4 * width))
    R = blocks.fold(lambda b: _r(rows(b).double()), lambda a, b: _r(torch.cat([a, b])))
    return R[:width]


def _r(A: Tensor) -> Tensor:
    R: Tensor = torch.linalg.qr(A, mode="r").R
    return R

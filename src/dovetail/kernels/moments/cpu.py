"""Products of shifted columns on the CPU, in one pass over the rows.

A block of rows is shifted on its way into the cache, panel by panel of three registers' width, and
multiplied there, tile by tile of what registers hold, without what lies below the diagonal.
100,000 x 200 float64 take 77 ms on one thread (2.6 GHz, AVX-512), 24 of them for shifting; with
sums and targets, for which BLAS needs other passes beside the 93 ms of its symmetric product.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from dovetail.kernels.compiled import compiled
from dovetail.kernels.vectors import (
    BYTES,
    ROWS,
    add_tile_1,
    add_tile_2,
    add_tile_3,
    put_shifted,
)

__all__ = ["products"]

_PANEL = 3  # registers


@compiled(parallel=True, fastmath={"contract"})
def products(X: Any, y: Any, w: Any, x_shift: Any, y_shift: Any, rows: int, parts: int) -> Any:
    """Σ w z zᵀ with z = (x − x_shift, y − y_shift, 1), above the diagonal: float64, a matrix of at
    least d + t + 1 columns.

    X : (n, d), y : (n, t), rows one after the other; w : (n,) or None
    x_shift, y_shift : of the dtype that products are formed in
    rows : of a block; parts : of all rows, which are added up apart, in their order
    """
    n = len(X)
    lanes = BYTES // x_shift.itemsize
    wide = -(-(X.shape[1] + y.shape[1] + 1) // lanes) * lanes
    out = np.zeros((parts, wide, wide))
    per = -(-n // parts)
    for part in numba.prange(parts):
        space = np.zeros((1 if w is None else 2) * rows * wide + lanes, x_shift.dtype)
        skip = (-space.ctypes.data % BYTES) // x_shift.itemsize
        end = min(n, (part + 1) * per)
        for start in range(part * per, end, rows):
            stop = min(end, start + rows)
            _pack(X, y, x_shift, y_shift, start, stop, rows, wide, space, skip)
            left = skip
            if w is not None:
                left = skip + rows * wide
                _weigh(w, start, stop, rows, wide, space, skip)
            _multiply(space, left, skip, stop - start, rows, wide, out[part])
    for part in range(1, parts):
        out[0] += out[part]
    return out[0]


@compiled(inner=True)
def _pack(
    X: Any, y: Any, x_shift: Any, y_shift: Any, start: int, stop: int, rows: int, wide: int,
    space: Any, skip: int,
) -> None:  # fmt: skip
    """Shifted rows into panels: each has `rows` rows of three registers, the last what is left."""
    d, t = X.shape[1], y.shape[1]
    item, lanes = x_shift.itemsize, BYTES // x_shift.itemsize
    panel, whole = _PANEL * lanes, d // lanes * lanes
    for i in range(stop - start):
        x = X.ctypes.data + (start + i) * d * X.itemsize
        for first in range(0, wide, panel):
            width = min(panel, wide - first)
            to = skip + first * rows + i * width - first
            for j in range(first, min(first + width, whole), lanes):
                put_shifted(
                    X, space, x + j * X.itemsize, x_shift.ctypes.data + j * item,
                    space.ctypes.data + (to + j) * item,
                )  # fmt: skip
            for j in range(max(first, whole), min(first + width, d)):
                space[to + j] = X[start + i, j] - x_shift[j]
            for j in range(max(first, d), min(first + width, d + t)):
                space[to + j] = y[start + i, j - d] - y_shift[j - d]
            if first <= d + t < first + width:
                space[to + d + t] = 1.0


@compiled(inner=True)
def _weigh(w: Any, start: int, stop: int, rows: int, wide: int, space: Any, skip: int) -> None:
    """The same rows times their weights, behind them."""
    panel, behind = _PANEL * (BYTES // space.itemsize), rows * wide
    for first in range(0, wide, panel):
        width = min(panel, wide - first)
        for i in range(stop - start):
            at, weight = skip + first * rows + i * width, w[start + i]
            for j in range(at, at + width):
                space[behind + j] = weight * space[j]


@compiled(inner=True)
def _multiply(space: Any, left: int, right: int, k: int, rows: int, wide: int, out: Any) -> None:
    """Add the products of panels at `left` with those at `right` to out (wide, wide)."""
    item, lanes = space.itemsize, BYTES // space.itemsize
    panel, data = _PANEL * lanes, space.ctypes.data
    for first in range(0, wide, panel):
        width = min(panel, wide - first)
        b = data + (right + first * rows) * item
        for i in range(0, first + width, ROWS):
            own = i // panel * panel
            step = min(panel, wide - own)
            a = data + (left + own * rows + i - own) * item
            past = max(0, i - first) // lanes * lanes  # what lies below the diagonal
            c = out.ctypes.data + (i * wide + first + past) * 8
            b_from, b_step = b + past * item, width * item
            registers = (width - past) // lanes
            if registers == 3:
                add_tile_3(space, a, step * item, b_from, b_step, k, c, wide * 8)
            elif registers == 2:
                add_tile_2(space, a, step * item, b_from, b_step, k, c, wide * 8)
            else:
                add_tile_1(space, a, step * item, b_from, b_step, k, c, wide * 8)

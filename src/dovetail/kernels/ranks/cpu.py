"""Bins and ranks on the CPU.

Levels are counted in two steps, blocks of levels and then those of one block: comparisons in a row
are vectorized, jumps of a binary search are not. The loops stand in one function, because a call in
the inner one doubles the time. 10 million float64 among 1000 levels: 140 ms against 580 ms by
binary search and 830 ms by torch.searchsorted; among 4: 40 ms against 110 ms and 260 ms.

Legend: n rows, d columns, k levels.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from dovetail.kernels.compiled import compiled

__all__ = ["bins", "ranks"]

_BLOCK = 32


@compiled
def _blocks(levels: Any) -> Any:
    """The levels (d, k) in blocks (d, blocks, 8 to 32), the last one filled up with infinity."""
    d, k = levels.shape
    size = min(_BLOCK, max(8, (k + 7) // 8 * 8))
    blocks = np.full((d, max(1, (k + size - 1) // size), size), np.inf)
    for j in range(d):
        for i in range(k):
            blocks[j, i // size, i % size] = levels[j, i]
    return blocks


@compiled(parallel=True)
def bins(X: Any, edges: Any, out: Any) -> None:
    """out (n, d) = how many edges (d, k) of its column are ≤ each number of X (n, d)."""
    blocks = _blocks(edges)
    ends = np.ascontiguousarray(blocks[:, :-1, -1])
    size = blocks.shape[2]
    for i in numba.prange(X.shape[0]):
        for j in range(X.shape[1]):
            x = np.float64(X[i, j])
            block = 0
            row = ends[j]
            for e in range(len(row)):
                block += row[e] <= x
            count = block * size
            row = blocks[j, block]
            for e in range(size):
                count += row[e] <= x
            out[i, j] = count


@compiled(parallel=True)
def ranks(X: Any, levels: Any, slack: float, out: Any) -> None:
    """out (n, d) = position of each number of X (n, d) among the levels (d, k) of its column;
    comes with their `bins`.
    """
    d, k = levels.shape
    first = np.zeros((d, k), np.int64)  # of the levels equal to this one
    for j in range(d):
        for i in range(1, k):
            first[j, i] = first[j, i - 1] if levels[j, i] == levels[j, i - 1] else i
    for i in numba.prange(X.shape[0]):
        for j in range(d):
            x = np.float64(X[i, j])
            least, greatest = levels[j, 0], levels[j, k - 1]
            if x != x or least != least:
                out[i, j] = np.nan
            elif x <= least or x - slack < least:
                out[i, j] = 0
            elif x >= greatest or x + slack > greatest:
                out[i, j] = k - 1
            else:
                after = np.int64(out[i, j])
                below = levels[j, after - 1]
                if below == x:
                    out[i, j] = (first[j, after - 1] + after - 1) / 2
                else:
                    out[i, j] = after - 1 + (x - below) / (levels[j, after] - below)

"""What `cpu.py` computes, in plain torch and plain Python: sums, the best split of a leaf by trying
every one, and the division of rows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

__all__ = ["Candidate", "best_split", "divide", "histogram"]


def histogram(rows: Tensor, words_n2: Tensor, codes_nd: Tensor) -> Tensor:
    """Sums of words over rows by feature and code, int64 of shape (d, 256, 2).

    rows : int64 of shape (m,)
    words_n2 : int64 of shape (n, 2)
    codes_nd : uint8 of shape (n, d)
    """
    d = codes_nd.shape[1]
    out = words_n2.new_zeros(d * 256, 2)
    position = codes_nd[rows].long() + 256 * torch.arange(d, device=rows.device)
    out.index_add_(0, position.reshape(-1), words_n2[rows].repeat_interleave(d, dim=0))
    return out.reshape(d, 256, 2)


def divide(rows: Tensor, codes: Tensor, left: Tensor) -> tuple[Tensor, int]:
    """The rows that go left, then the others, each in their order, and how many go left.

    rows : int64 of shape (m,)
    codes : uint8 of shape (n,)
    left : bool of shape (256,), whether rows of each code go left
    """
    goes = left[codes[rows].long()]
    return torch.cat([rows[goes], rows[~goes]]), int(goes.sum())


@dataclass(frozen=True)
class Candidate:
    """A split: the codes that go left, and what it gains."""

    feature: int
    left: frozenset[int]
    gain: float


def best_split(
    histogram: Any,
    features: Any,
    *,
    value: float = 0.0,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    l2: float = 0.0,
    min_rows: int = 1,
    min_hessian: float = 1e-3,
) -> Candidate | None:
    """The split of greatest gain, the first of equals; None where none gains.

    Parameters
    ----------
    histogram : float64 of shape (d, 256, 3), gradient, Hessian and count of each bin
    features : d tuples of bins, whether values are missing, whether categorical, and the monotonic
        constraint
    value : of the leaf
    bounds : of the values of its parts
    """
    total = histogram[0].sum(0)
    best = None
    for f, (bins, missing, categorical, monotone) in enumerate(features):
        table = histogram[f]
        sets = _categories(table, bins, missing, total) if categorical else _bins(bins, missing)
        for left in sets:
            a = table[sorted(left)].sum(0)
            b = total - a
            if min(a[2], b[2]) < min_rows or min(a[1], b[1]) < min_hessian:
                continue
            va, vb = (float(np.clip(-p[0] / (p[1] + l2 + 1e-15), *bounds)) for p in (a, b))
            gain = value * total[0] - va * a[0] - vb * b[0]
            if monotone * (vb - va) >= 0 and gain > (best.gain if best else 1e-9):
                best = Candidate(f, left, float(gain))
    return best


def _bins(bins: int, missing: int) -> Iterator[frozenset[int]]:
    for last in range(bins - 1 + missing):
        yield frozenset(range(last + 1))
    if missing:
        for last in range(bins - 2, -1, -1):
            yield frozenset([*range(last + 1), 255])


def _categories(table: Any, bins: int, missing: int, total: Any) -> Iterator[frozenset[int]]:
    codes = [*range(bins), *([255] if missing else [])]
    used = [b for b in codes if table[b, 1] * total[2] / total[1] >= 10]
    used.sort(key=lambda b: table[b, 0] / (table[b, 1] + 10))
    middle = (len(used) + 1) // 2
    if len(used) > 1:
        for stop in range(1, middle + 1):
            yield frozenset(used[:stop])
        for stop in range(1, middle):
            yield frozenset(used[::-1][:stop])

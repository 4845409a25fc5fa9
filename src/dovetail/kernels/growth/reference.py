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


def histogram(rows: Tensor, words_np: Tensor, codes_nd: Tensor) -> Tensor:
    """Sums of p words a row over rows by feature and code, int64 of shape (d, 256, p).

    rows : int64 of shape (m,)
    words_np : int64 of shape (n, p)
    codes_nd : uint8 of shape (n, d)
    """
    d, p = codes_nd.shape[1], words_np.shape[1]
    out = words_np.new_zeros(d * 256, p)
    position = codes_nd[rows].long() + 256 * torch.arange(d, device=rows.device)
    out.index_add_(0, position.reshape(-1), words_np[rows].repeat_interleave(d, dim=0))
    return out.reshape(d, 256, p)


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
    histograms: Any,
    features: Any,
    *,
    bounds: tuple[float, float] = (-np.inf, np.inf),
    l2: float = 0.0,
    min_rows: int = 1,
    min_hessian: float = 1e-3,
) -> Candidate | None:
    """The split of a root, whose value is 0, of greatest gain, the first of equals; None where none
    gains.

    Parameters
    ----------
    histograms : float64 of shape (o, d, 256, 3), gradient, Hessian and count of each bin, by output
    features : d tuples of bins, whether values are missing, whether categorical, and the monotonic
        constraint
    bounds : of the values of its parts
    """
    totals = histograms[:, 0].sum(1)
    best = None
    for f, (bins, missing, categorical, monotone) in enumerate(features):
        tables = histograms[:, f]
        sets = _categories(tables, bins, missing, totals) if categorical else _bins(bins, missing)
        for left in sets:
            a = tables[:, sorted(left)].sum(1)
            b = totals - a
            if min(a[0, 2], b[0, 2]) < min_rows or min(a[:, 1].min(), b[:, 1].min()) < min_hessian:
                continue
            va, vb = (np.clip(-p[:, 0] / (p[:, 1] + l2 + 1e-15), *bounds) for p in (a, b))
            gain = float((-va * a[:, 0] - vb * b[:, 0]).sum())
            if (monotone * (vb - va) >= 0).all() and gain > (best.gain if best else 1e-9):
                best = Candidate(f, left, gain)
    return best


def _bins(bins: int, missing: int) -> Iterator[frozenset[int]]:
    for last in range(bins - 1 + missing):
        yield frozenset(range(last + 1))
    if missing:
        for last in range(bins - 2, -1, -1):
            yield frozenset([*range(last + 1), 255])


def _categories(tables: Any, bins: int, missing: int, totals: Any) -> Iterator[frozenset[int]]:
    codes = [*range(bins), *([255] if missing else [])]
    support = (tables[:, :, 1] * (totals[:, 2] / totals[:, 1])[:, None]).mean(0)
    used = [b for b in codes if support[b] >= 10]
    ratios = tables[:, used, 0] / (tables[:, used, 1] + 10)
    if len(tables) > 1 and used:
        ratios = ratios * np.sqrt(totals[:, 1] / totals[:, 2])[:, None]
        ratios -= ratios.mean(1, keepdims=True)
        ratios = np.linalg.svd(ratios, full_matrices=False)[0][:, :1].T @ ratios
    used = [used[i] for i in np.argsort(ratios[0], kind="stable")]
    middle = (len(used) + 1) // 2
    if len(used) > 1:
        for stop in range(1, middle + 1):
            yield frozenset(used[:stop])
        for stop in range(1, middle):
            yield frozenset(used[::-1][:stop])

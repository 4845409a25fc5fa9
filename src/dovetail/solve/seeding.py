"""Where k-means starts: centers drawn from the rows, far from one another.

Legend: n rows, d columns, k centers.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.solve.lloyd import squared_distances, squared_lengths

__all__ = ["dense_rows", "drawn_rows", "plus_plus", "sampled"]

# rows that k-means++ looks at: this many a center, at least so many
_ROWS_EACH, _ROWS = 1000, 20_000


def dense_rows(X: Matrix, index: npt.NDArray[np.int64]) -> Tensor:
    """Rows, dense."""
    some = torch.from_numpy(index).to(X.device)
    return X.take_rows(some).to_dense() if isinstance(X, SparseMatrix) else X[some]


def sampled(
    batches: Batches, k: int, random: np.random.RandomState
) -> tuple[Batch, npt.NDArray[np.int64]]:
    """The rows that centers are drawn from, and their numbers: all, or a uniform sample of those of
    many, which does not depend on the blocks or processes they come from.
    """
    n, most = len(batches), max(_ROWS, _ROWS_EACH * k)
    if n <= most:
        return batches.gathered(), np.arange(n)
    index = np.sort(random.choice(n, most, replace=False))
    return batches.take(torch.from_numpy(index)).whole, index


def drawn_rows(batches: Batches, k: int, random: np.random.RandomState) -> Tensor:
    """k distinct rows, by their weights."""
    p = None
    if batches.weighted:
        w = as_numpy(batches.weights()).astype(np.float64)
        p = w / w.sum()
    index = random.choice(len(batches), k, replace=False, p=p)
    rows = batches.take(torch.from_numpy(index)).whole
    return dense_rows(rows.X, np.arange(k))


def plus_plus(
    rows: Batch,
    k: int,
    random: np.random.RandomState,
    *,
    trials: int | None = None,
) -> tuple[Tensor, npt.NDArray[np.int64]]:
    """Greedy k-means++ (Arthur & Vassilvitskii 2007,
    https://dl.acm.org/doi/10.5555/1283383.1283494): each center is the best of some rows drawn with
    a probability proportional to the squared distance to the nearest center before it.

    trials : rows drawn for each; None takes 2 + log k
    Returns the centers (k, d), and their numbers among the rows. Cost O(n d k trials).
    """
    X, n = rows.X, len(rows)
    if not isinstance(X, SparseMatrix):  # digits of distances would cancel beside a large mean
        X = X - X.mean(0)
    own = squared_lengths(X)
    w = torch.ones(n, dtype=torch.float64) if rows.w is None else rows.w.double()
    w = w.to(X.device)
    trials = trials or 2 + int(math.log(k))
    share = as_numpy(w / w.sum())
    index = np.empty(k, np.int64)
    index[0] = random.choice(n, p=share)

    def distances(some: npt.NDArray[np.int64]) -> Tensor:
        return squared_distances(X, dense_rows(X, some), own).double()

    closest = distances(index[:1])[:, 0]
    for c in range(1, k):
        mass = (w * closest).cumsum(0)
        drawn = torch.from_numpy(random.uniform(size=trials)).to(mass) * mass[-1]
        some = torch.searchsorted(mass, drawn).clamp(max=n - 1)
        nearer = torch.minimum(closest[:, None], distances(as_numpy(some)))
        best = int((w @ nearer).argmin())
        closest = nearer[:, best].contiguous()
        index[c] = int(some[best])
    return dense_rows(rows.X, index), index

"""k-means as a start for other algorithms: k-means++ and Lloyd's steps.

Arthur & Vassilvitskii (2007), https://dl.acm.org/doi/10.5555/1283383.1283494; Lloyd (1982),
https://doi.org/10.1109/TIT.1982.1056489.

Legend: n rows, d columns, k centers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.class_statistics import class_totals, class_weights
from dovetail.data.statistics import column_moments
from dovetail.data.tensors import as_numpy
from dovetail.solve.loop import State, solve
from dovetail.solve.solution import Status

__all__ = ["nearest_centers", "spread_rows"]

_STEPS, _TOLERANCE = 300, 1e-4  # as KMeans: steps at most, and share of the variance to stop at
_ROWS = 4096


def spread_rows(batches: Batches, k: int, random: np.random.RandomState) -> npt.NDArray[np.int64]:
    """Rows far from one another, (k,): each is the best of 2 + log k that are drawn with
    probabilities as the squared distance to those that were taken. Cost O(n d k log k).
    """
    X: Any = batches.X
    n = len(X)
    taken = [int(random.choice(n))]
    nearest = _distances(X, X[taken])[:, 0]
    trials = 2 + int(np.log(k))
    for _ in range(1, k):
        running = nearest.cumsum(0)
        drawn = torch.from_numpy(random.uniform(size=trials)).to(running) * running[-1]
        rows = torch.searchsorted(running, drawn).clamp(max=n - 1)
        far = torch.minimum(_distances(X, X[rows]), nearest[:, None])
        best = int(far.sum(0).argmin())
        taken.append(int(rows[best]))
        nearest = far[:, best]
    return np.array(taken, dtype=np.int64)


def _distances(X: Tensor, points: Tensor) -> Tensor:
    """Squared distances, (n, points), float64."""
    return torch.stack([(X - p).square().sum(1).double() for p in points], 1)


@dataclass(frozen=True)
class _LloydState(State[Tensor]):
    shift: float = float("inf")


@dataclass
class _Lloyd:
    """Moves centers to the means of the rows nearest to them, until they rest."""

    batches: Batches
    start: Tensor
    tol: float
    advice: str = ""

    def init(self) -> _LloydState:
        return _LloydState(self.start, {})

    def step(self, state: _LloydState) -> _LloydState:
        centers, k = state.value, len(state.value)

        def assigned(b: Batch) -> tuple[Tensor, Tensor]:
            rows = Batches(Batch(b.X, nearest(b.X, centers)))
            return class_weights(rows, k), class_totals(rows, k)

        weight, total = self.batches.in_blocks(_ROWS).sum(assigned)
        moved = torch.where(weight > 0, 1 / weight, 0.0)[:, None] * total
        moved = torch.where(weight[:, None] > 0, moved, centers)
        if bool((weight == 0).any()):
            moved = self._filled(moved, weight)
        shift = float((moved - centers).square().sum())
        return _LloydState(moved, {"shift": shift}, shift)

    def _filled(self, centers: Tensor, weight: Tensor) -> Tensor:
        """Centers without rows moved to the rows that are farthest from their own."""
        X: Any = self.batches.X
        own = centers[nearest(X, centers)]
        far = (X.double() - own).square().sum(1)
        empty = (weight == 0).nonzero()[:, 0]
        return centers.index_copy(0, empty, X[far.topk(len(empty)).indices].double())

    def stop(self, state: _LloydState) -> Status | None:
        return Status.CONVERGED if state.shift <= self.tol else None

    def best(self, state: _LloydState) -> Tensor:
        return state.value


def nearest(X: Tensor, centers: Tensor) -> Tensor:
    """The nearest of the centers (k, d), float64, to each row, (n,)."""
    origin = centers.mean(0)
    C = (centers - origin).to(X.dtype)
    Z = X - origin.to(X.dtype)
    return torch.addmm(0.5 * C.square().sum(1), Z, C.T, alpha=-1).argmin(1)


def nearest_centers(batches: Batches, k: int, random: np.random.RandomState) -> Tensor:
    """Centers by k-means, (k, d), float64. Cost O(n d k) a step."""
    X: Any = batches.X
    start = X[torch.from_numpy(spread_rows(batches, k, random)).to(X.device)].double()
    tol = _TOLERANCE * float(as_numpy(column_moments(batches).variance).mean())
    found: Tensor = solve(_Lloyd(batches, start, tol), max_iter=_STEPS).value
    return found

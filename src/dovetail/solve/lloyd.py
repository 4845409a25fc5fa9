"""k-means: rows to their nearest centers, centers to the means of their rows, until nothing moves
(Lloyd 1982, https://doi.org/10.1109/TIT.1982.1056489).

A pass over the rows gives the *changes* of the sums and counts of clusters, so that rows that stay
cost no addition; these changes add up over blocks and processes. Beside its label, a row in memory
keeps two numbers that bound its distances: most rows need no look at the centers once these move
little. n×k numbers are never in memory: distances are formed for some thousand rows at a time.

Legend: n rows, d columns, k centers, b rows of a block.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.statistics import Moments, column_moments
from dovetail.data.tensors import as_numpy
from dovetail.kernels.nearest import (
    distances,
    filter_rows,
    move,
    nearest_two,
    reference_distances,
    settle,
)
from dovetail.solve.loop import State
from dovetail.solve.solution import Status

__all__ = [
    "Clusters",
    "Lloyd",
    "inertia_of",
    "large_mean",
    "moments_alike",
    "nearest",
    "squared_distances",
    "squared_lengths",
]

_CELLS, _LEAST, _MOST = 2**17, 256, 8192  # numbers of a block of distances; its rows
_PATIENCE = 4  # steps without bounds after they settled too few rows
_WORTH = 0.6  # share of rows that must be looked at up to which bounds pay
# centers from which on a distance by itself costs less than products with all
_EXACT = 24
_NONE = np.empty(0)


class Clusters(NamedTuple):
    """Centers (k, d), float64, and the label of each row of this process, int32 of shape (n,)."""

    centers: Tensor
    labels: Tensor


@dataclass(frozen=True)
class LloydState(State[Clusters]):
    """changed : whether a label has changed; shift : how far centers moved, squared and summed."""

    changed: int
    shift: float


@dataclass
class Lloyd:
    """The solver.

    centers : where to start, (k, d)
    tol : squared movement of all centers together at which to stop
    bounds : whether to keep bounds always; else they are kept where they pay
    told : whether to record the inertia of every step, which takes a pass
    about : what dense rows are shifted by, since large means cost digits
    """

    batches: Batches
    centers: Tensor
    tol: float
    bounds: bool = False
    told: bool = False
    about: Tensor | None = None
    advice: str = ""
    _rows: _Rows = field(init=False)

    def __post_init__(self) -> None:
        self._rows = _Rows(self.batches, len(self.centers), self.about, always=self.bounds)

    def init(self) -> LloydState:
        """Where the centers are given."""
        centers = self.centers.double()
        return LloydState(Clusters(centers, self._rows.labels), {}, 1, np.inf)

    def step(self, state: LloydState) -> LloydState:
        """Rows to centers, centers to means."""
        before = state.value.centers
        changed = self._rows.assign(before)
        labels = self._rows.labels
        record = (
            {"inertia": inertia_of(self.batches, Clusters(before, labels))} if self.told else {}
        )
        centers = self._rows.means(before)
        shift = float((centers - before).square().sum())
        record |= {"changed": float(changed), "shift": shift}
        return LloydState(Clusters(centers, self._rows.labels), record, changed, shift)

    def stop(self, state: LloydState) -> Status | None:
        """Nothing moves, or little enough."""
        if state.changed == 0 or state.shift <= self.tol:
            return Status.CONVERGED
        return None

    def best(self, state: LloydState) -> Clusters:
        """The last centers, and the labels that belong to them."""
        if state.changed:
            self._rows.assign(state.value.centers)
        return Clusters(state.value.centers, self._rows.labels)


class _Rows:
    """What is kept of the rows of this process: labels, bounds, and of all rows the sums by
    cluster.
    """

    def __init__(self, batches: Batches, k: int, about: Tensor | None, *, always: bool) -> None:
        source: Any = batches.source
        self.batches, self.k, n = batches, k, len(source)
        self.device = batches.device
        self.labels = torch.full((n,), -1, dtype=torch.int32)
        self.quick = not batches.sparse and self.device.type == "cpu"
        self.always, self.settled, self.waited = always, False, 0
        d = batches.n_features
        self.sums = torch.zeros(k, d, dtype=torch.float64, device=self.device)
        self.counts = torch.zeros(k, dtype=torch.float64, device=self.device)
        self.upper, self.lower = np.zeros(n), np.zeros(n if self.quick and k > 1 else 0)
        self.squares: npt.NDArray[Any] | None = None
        self.last: Tensor | None = None
        self.shift = None if batches.sparse else about

    def assign(self, centers: Tensor) -> int:
        """Give every row its nearest center; how many rows of all have another one than before."""
        plan = _Plan(self, centers)
        sums, counts, changed, looked = self.batches.sum(plan.block)
        self.sums += sums
        self.counts += counts
        self.last = centers
        if plan.filter is not None:  # decided by all rows, so that processes agree
            self.settled = looked <= _WORTH * len(self.batches)
        self.waited = 0 if plan.filter is not None else self.waited + 1
        return int(changed)

    def squares_of(self, Z: Tensor, numbers: Any, start: int) -> npt.NDArray[Any]:
        """Squared lengths of rows, found once; none where there are no bounds."""
        if not len(self.lower):
            return _NONE
        if self.last is None:
            found = as_numpy(torch.linalg.vecdot(Z, Z))
            if self.squares is None:
                self.squares = np.empty(len(self.lower), found.dtype)
            self.squares[start : start + len(found)] = found
            return found
        assert self.squares is not None
        kept: npt.NDArray[Any] = self.squares
        return kept[numbers] if len(numbers) else kept[start : start + len(Z)]

    def means(self, before: Tensor) -> Tensor:
        """Means of the clusters; one without rows gets the row that is farthest from its center."""
        sums, counts = self.sums, self.counts.clamp(min=0)
        empty = (counts <= 0).nonzero()[:, 0]
        if len(empty):
            sums, counts = self._relocated(before, empty)
        largest = counts.argmax()
        means = sums / counts[:, None]
        return torch.where(counts[:, None] > 0, means, means[largest])

    def _relocated(self, centers: Tensor, empty: Tensor) -> tuple[Tensor, Tensor]:
        """Sums and counts with the farthest rows moved to empty clusters, one each."""
        sums, counts = self.sums.clone(), self.counts.clone()
        far = self._farthest(centers, len(empty))
        if not len(far.distance) or not float(far.distance.max()):
            return sums, counts  # fewer distinct rows than clusters
        for e, x, w, label in zip(empty.tolist(), far.X, far.w, far.label, strict=False):
            sums[e], counts[e] = x * w, w
            sums[label] -= x * w
            counts[label] -= w
        return sums, counts

    def _farthest(self, centers: Tensor, m: int) -> _Far:
        def block(b: Batch) -> _Far:
            labels = self.labels[b.start : b.start + len(b)].long().to(self.device)
            off = own_distances(b.X, centers, labels)
            top = off.topk(min(m, len(off))).indices.sort().values
            X: Any = b.X.take_rows(top).to_dense() if self.batches.sparse else b.X[top]
            w = torch.ones_like(off) if b.w is None else b.w.double()
            return _Far(off[top], X.double(), w[top], labels[top])

        def merged(a: _Far, b: _Far) -> _Far:
            both = _Far(*(torch.cat(parts) for parts in zip(a, b, strict=True)))
            top = both.distance.topk(min(m, len(both.distance))).indices.sort().values
            return _Far(*(part[top] for part in both))

        found = self.batches.fold(block, merged)
        order = found.distance.argsort(descending=True, stable=True)
        return _Far(*(part[order] for part in found))


def moments_alike(batches: Batches) -> Moments:
    """Moments of the columns, of rows that count alike."""
    return column_moments(batches.mapped(lambda b: Batch(b.X, None, None, b.start)))


def large_mean(moments: Moments) -> Tensor | None:
    """The mean, where products of unshifted rows would lose digits to it."""
    far = bool((moments.mean.square() > 16 * moments.variance.clamp(min=1e-300)).any())
    return moments.mean if far else None


class _Far(NamedTuple):
    """Rows far from their centers: squared distance (m,), rows (m, d), weight and label (m,)."""

    distance: Tensor
    X: Tensor
    w: Tensor
    label: Tensor


class _Filter(NamedTuple):
    """What bounds are moved by: see `filter_rows`."""

    centers: npt.NDArray[np.float64]
    drift: npt.NDArray[np.float64]
    others: npt.NDArray[np.float64]
    apart: npt.NDArray[np.float64]


class _Plan:
    """One pass: what is the same for all of its blocks."""

    def __init__(self, rows: _Rows, centers: Tensor) -> None:
        self.rows, dtype = rows, rows.batches.dtype
        shifted = centers if rows.shift is None else centers - rows.shift
        self.C = shifted.to(dtype)
        half = 0.5 * self.C.double().square().sum(1)
        self.half, self.reach = as_numpy(half.to(dtype)), float(2 * half.max())
        self.filter = self._filter(centers)

    def _filter(self, centers: Tensor) -> _Filter | None:
        rows = self.rows
        if rows.last is None or not len(rows.lower):
            return None
        if not (rows.always or rows.settled or rows.waited >= _PATIENCE):
            return None
        drift = (centers - rows.last).norm(dim=1)
        most = drift.topk(2).values
        others = most[0].expand(len(drift)).clone()
        others[drift.argmax()] = most[1]
        between = torch.cdist(centers, centers)
        between.fill_diagonal_(torch.inf)
        apart = 0.5 * between.amin(1)
        return _Filter(*(as_numpy(part) for part in (centers, drift, others, apart)))

    def block(self, b: Batch) -> tuple[Tensor, Tensor, int, int]:
        """Changes of the sums and counts, rows that changed, rows that were looked at."""
        rows = self.rows
        sums, counts = torch.zeros_like(rows.sums), torch.zeros_like(rows.counts)
        if not len(b):
            return sums, counts, 0, 0
        if not rows.quick:
            return self._by_torch(b, sums, counts)
        X = b.X.contiguous()
        some = self._active(X, b.start)
        size = _block_rows(rows.k)
        work = _Work(rows.k, size, X.dtype)
        changed = 0
        w = _NONE if b.w is None else as_numpy(b.w)
        labels = as_numpy(rows.labels)
        total = len(X) if some is None else len(some)
        for at in range(0, total, size):
            stop = min(at + size, total)
            chosen = None if some is None else torch.from_numpy(some[at:stop])
            part = X[at:stop] if chosen is None else X.index_select(0, chosen)
            numbers = _NO_ROWS if some is None else some[at:stop] + b.start
            moved, old = self._settled(part, numbers, b.start + at, labels, work)
            move(as_numpy(X), b.start, w, moved, old, labels, as_numpy(sums), as_numpy(counts))
            changed += len(moved)
        return sums, counts, changed, total

    def _active(self, X: Tensor, start: int) -> npt.NDArray[np.int64] | None:
        """The rows of a block whose distances must be looked at; None for all."""
        if self.filter is None:
            return None
        rows, active = self.rows, np.empty(len(X), np.bool_)
        f = self.filter
        filter_rows(
            as_numpy(X), start, f.centers, as_numpy(rows.labels), rows.upper, rows.lower,
            f.drift, f.others, f.apart, rows.k >= _EXACT, active,
        )  # fmt: skip
        return np.flatnonzero(active)

    def _settled(self, X: Tensor, numbers: Any, start: int, labels: Any, work: _Work) -> Any:
        rows, b = self.rows, len(X)
        Z = X if rows.shift is None else X - rows.shift.to(X.dtype)
        S = work.products[: rows.k * b].view(rows.k, b)
        torch.mm(self.C, Z.T, out=S)
        nearest_two(self.half, as_numpy(S), work.label[:b], work.best[:b], work.second[:b])
        squares = rows.squares_of(Z, numbers, start)
        eps = 8 * torch.finfo(X.dtype).eps
        slack = eps * (self.reach + float(squares.max())) if len(squares) else 0.0
        count = settle(
            work.label[:b], work.best[:b], work.second[:b], squares, slack, numbers, start,
            labels, rows.upper, rows.lower, work.moved, work.old,
        )  # fmt: skip
        return work.moved[:count], work.old[:count]

    def _by_torch(self, b: Batch, sums: Tensor, counts: Tensor) -> tuple[Tensor, Tensor, int, int]:
        """The same for sparse rows and on accelerators, without bounds."""
        rows = self.rows
        found = nearest(b.X, self.C, rows.shift)
        mine = rows.labels[b.start : b.start + len(b)]
        old = mine.to(found.device).long()
        changed = (found != old).nonzero()[:, 0]
        mine.copy_(found)
        X: Any = b.X
        for part in torch.split(changed, _block_rows(rows.k)):
            some = X.take_rows(part).to_dense() if isinstance(X, SparseMatrix) else X[part]
            some = some.double()
            w = some.new_ones(len(some)) if b.w is None else b.w[part].double()
            some *= w[:, None]
            sums.index_add_(0, found[part], some)
            counts.index_add_(0, found[part], w)
            left = old[part] >= 0
            sums.index_add_(0, old[part][left], some[left], alpha=-1)
            counts.index_add_(0, old[part][left], w[left], alpha=-1)
        return sums, counts, len(changed), len(b)


_NO_ROWS = np.empty(0, np.int64)


class _Work:
    """Arrays that blocks share."""

    def __init__(self, k: int, size: int, dtype: torch.dtype) -> None:
        number = as_numpy(torch.empty(0, dtype=dtype)).dtype
        self.products = torch.empty(k * size, dtype=dtype)
        self.label = np.empty(size, np.int32)
        self.best, self.second = np.empty(size, number), np.empty(size, number)
        self.moved, self.old = np.empty(size, np.int64), np.empty(size, np.int32)


def _block_rows(k: int) -> int:
    return max(_LEAST, min(_MOST, _CELLS // k))


# -- what predictions need too


def nearest(X: Matrix, C: Tensor, shift: Tensor | None = None) -> Tensor:
    """The nearest of centers C (k, d) to each row, int64 of shape (n,); C is less `shift`, and so
    are the rows then. Plain torch in blocks.
    """
    half = 0.5 * C.double().square().sum(1).to(C.dtype)[:, None]
    parts = []
    for Z in _parts(X, _block_rows(len(C))):
        if shift is not None:
            Z = Z - shift.to(Z.dtype)
        sparse = isinstance(Z, SparseMatrix)
        S = half - (Z @ C.T).T if sparse else torch.addmm(half, C, Z.T, alpha=-1)
        parts.append(S.argmin(0))
    return torch.cat(parts) if parts else torch.empty(0, dtype=torch.long, device=C.device)


def _parts(X: Matrix, size: int) -> Any:
    if isinstance(X, SparseMatrix):
        return (X.slice_rows(i, min(i + size, len(X))) for i in range(0, len(X), size))
    return torch.split(X, size) if len(X) else ()


def own_distances(X: Matrix, centers: Tensor, labels: Tensor) -> Tensor:
    """Squared distance of each row to its center, float64 of shape (n,)."""
    if isinstance(X, Tensor) and X.device.type == "cpu" and X.is_contiguous():
        found = torch.empty(len(X), dtype=torch.float64)
        distances(as_numpy(X), as_numpy(centers.double()), as_numpy(labels), as_numpy(found))
        return found
    out = []
    at = 0
    for part in _parts(X, _block_rows(X.shape[1])):
        if isinstance(part, SparseMatrix):
            part = part.to_dense()
        out.append(reference_distances(part, centers, labels[at : at + len(part)]))
        at += len(part)
    return torch.cat(out) if out else centers.new_zeros(0)


def squared_lengths(X: Matrix) -> Tensor:
    """Squared length of each row, in X's dtype."""
    if not isinstance(X, SparseMatrix):
        return torch.linalg.vecdot(X, X)
    own = torch.zeros(len(X), dtype=X.dtype, device=X.device)
    return own.index_add_(0, X.rows.long(), X.values.square())


def squared_distances(X: Matrix, C: Tensor, own: Tensor | None = None) -> Tensor:
    """Squared distances of rows to centers, (n, k), in X's dtype, not below zero.

    own : squared lengths of the rows, where they are known and the digits of X's dtype suffice;
        else differences are of float64
    """
    if own is not None or X.dtype == torch.float64:
        own = squared_lengths(X) if own is None else own
        return (own[:, None] - 2 * (X @ C.T) + C.square().sum(1)).clamp(min=0)
    wide = C.double()
    if torch.compiler.is_compiling() or not len(X):
        return squared_distances(X.to(dtype=torch.float64), wide).to(X.dtype)
    parts = _parts(X, _block_rows(max(C.shape)))
    return torch.cat(
        [squared_distances(p.to(dtype=torch.float64), wide).to(X.dtype) for p in parts]
    )


def inertia_of(batches: Batches, clusters: Clusters) -> float:
    """Weighted squared distances of all rows to their centers, in one pass."""

    def block(b: Batch) -> Tensor:
        labels = clusters.labels[b.start : b.start + len(b)].long().to(clusters.centers.device)
        off = own_distances(b.X, clusters.centers, labels)
        return (off if b.w is None else off * b.w.double()).sum()

    return float(batches.sum(block))

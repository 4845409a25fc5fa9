"""Least squares with the elastic-net penalty, by coordinate descent on Gram matrices.

    ½ Σ_i w_i ‖y_i − V x_i‖² + l1 Σ_j ‖v_j‖₂ + ½ l2 ‖V‖²

over V of shape (t, d), whose column v_j belongs to feature j; for one target ‖v_j‖₂ is |v_j|.

Where the whole Gram matrix is worth its price, `ByMoments` has it, and the rows are not looked at
again. Else `ByRows` forms it only for the working set, the columns that may be in the solution, and
a pass over the rows tells which others should be (Massias, Gramfort & Salmon 2018,
https://arxiv.org/abs/1802.07481).

Legend: n rows, d features, t targets, m features in the working set.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.cross_moments import CrossMoments
from dovetail.data.sparse import SparseMatrix
from dovetail.data.statistics import column_moments, targets_of
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.kernels import gram_descent
from dovetail.solve.loop import State
from dovetail.solve.solution import Status

__all__ = [
    "ByMoments",
    "ByRows",
    "Descent",
    "ElasticNetDescent",
    "Products",
    "columns",
    "correlations",
]

_FIRST = 16  # features that a working set begins with, at least
_SHARE = 0.1  # of the gap that a working set is solved to
_ROWS = 8192  # of a block
_LOST = 1e-10  # share of Σ w y² below which a gap by a Gram matrix is rounding

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


class Products(Protocol):
    """What of the data the solver needs.

    q : Xᵀ W y, (t, d); yy : Σ w y² of each target, (t,); own : diagonal of Xᵀ W X, (d,); whole :
        Xᵀ W X, or None where only parts of it are to be formed
    """

    q: Floats
    yy: Floats
    own: Floats
    whole: Floats | None

    def correlations(self, coef: Floats) -> Floats:
        """Xᵀ W (y − X coefᵀ), (t, d)."""

    def gram(self, some: Index) -> Floats:
        """Xᵀ W X of some features, (m, m)."""


@dataclass
class ByMoments:
    """Products that moments of the rows give."""

    moments: CrossMoments

    def __post_init__(self) -> None:
        m = self.moments
        self.q: Floats = np.ascontiguousarray(as_numpy(m.xy).T)
        self.yy: Floats = as_numpy(m.yy)
        self.whole: Floats | None = np.ascontiguousarray(as_numpy(m.xx))
        self.own: Floats = np.diag(self.whole).copy()

    def of(self, target: int) -> ByMoments:
        """The same for one target alone."""
        m, one = self.moments, slice(target, target + 1)
        return ByMoments(m._replace(y=m.y[one], xy=m.xy[:, one], yy=m.yy[one]))

    def correlations(self, coef: Floats) -> Floats:
        """Xᵀ W (y − X coefᵀ)."""
        assert self.whole is not None
        return self.q - coef @ self.whole

    def gram(self, some: Index) -> Floats:
        """A part of the matrix at hand."""
        assert self.whole is not None
        return self.whole[np.ix_(some, some)]


class ByRows:
    """Products formed from the rows when they are asked for, a pass each.

    batches : the rows, with targets of shape (n, t)
    x, y : what is subtracted from X, (d,), and from the targets, (t,); float64
    own : diagonal of the Gram matrix of X less x, (d,)
    """

    whole: Floats | None = None

    def __init__(self, batches: Batches, x: Tensor, y: Tensor, own: Floats) -> None:
        self.batches, self.x, self.y, self.own = batches, x, y, own
        self._known, self._kept = np.empty(0, np.int64), np.empty((0, 0))
        zeros = np.zeros((len(y), len(x)))
        self.q: Floats = self.correlations(zeros)
        self.yy: Floats = as_numpy(self._blocks().sum(self._target_squares))

    @classmethod
    def centered(cls, batches: Batches, intercept: bool) -> ByRows:
        """About the means, or about zero without an intercept."""
        of_X, targets = column_moments(batches), targets_of(batches)
        if intercept:
            y = column_moments(targets, variance=False).mean
            return cls(batches, of_X.mean, y, as_numpy(of_X.squares))
        x, y = (
            torch.zeros(b.n_features, dtype=torch.float64, device=b.device)
            for b in (batches, targets)
        )
        own = of_X.squares + of_X.mean.square() * of_X.weight
        return cls(batches, x, y, as_numpy(own))

    def of(self, target: int) -> ByRows:
        """The same for one target alone."""
        one = slice(target, target + 1)

        def alone(b: Batch) -> Batch:
            assert b.y is not None
            return replace(b, y=b.y[:, one])

        return ByRows(self.batches.mapped(alone), self.x, self.y[one], self.own)

    def _blocks(self) -> Batches:
        return self.batches.in_blocks(_ROWS)

    def _target_squares(self, b: Batch) -> Tensor:
        assert b.y is not None
        squares = (b.y.double() - self.y).square()
        return (squares if b.w is None else squares * b.w[:, None]).sum(0)

    def correlations(self, coef: Floats) -> Floats:
        """Xᵀ W (y − X coefᵀ), one pass; only the columns with a coefficient are multiplied."""
        v = as_tensor(coef).to(self.batches.device)
        found = correlations(self.batches, v, self.y - v @ self.x, self.x)
        return np.ascontiguousarray(as_numpy(found))

    def gram(self, some: Index) -> Floats:
        """The matrix of some features; what was formed of it before is kept, the rest takes one
        pass over their columns.
        """
        new = np.setdiff1d(some, self._known)
        if len(new):
            old, known = len(self._known), np.concatenate([self._known, new])
            G = np.empty((len(known), len(known)))
            G[:old, :old] = self._kept
            G[old:] = self._part(new, known)
            G[:old, old:] = G[old:, :old].T
            self._known, self._kept = known, G
        place = np.empty(len(self.own), np.int64)
        place[self._known] = np.arange(len(self._known))
        return self._kept[np.ix_(place[some], place[some])]

    def _part(self, a: Index, b: Index) -> Floats:
        left, right = (torch.from_numpy(i).to(self.batches.device) for i in (a, b))

        def block(batch: Batch) -> Tensor:
            A = columns(batch.X, left).double() - self.x[left]
            B = columns(batch.X, right).double() - self.x[right]
            return A.T @ (B if batch.w is None else B * batch.w.double()[:, None])

        return as_numpy(self._blocks().sum(block))


def correlations(batches: Batches, coef: Tensor, intercept: Tensor, x: Tensor) -> Tensor:
    """(X − x)ᵀ W (y − X coefᵀ − intercept), float64 of shape (t, d), for targets of shape (n, t);
    one pass. Columns without a coefficient are not multiplied.
    """
    support = (coef != 0).any(0).nonzero()[:, 0]
    v = coef[:, support].T
    every = len(support) == coef.shape[1]

    def block(b: Batch) -> Tensor:
        assert b.y is not None
        r = b.y.double() - intercept
        if len(support):
            X = b.X if every else columns(b.X, support)
            r -= (X @ v.to(b.X.dtype)).double() if every else X.double() @ v
        if b.w is not None:
            r *= b.w.double()[:, None]
        pulled = (b.X.T @ r.to(b.X.dtype)).T.double()
        return pulled - torch.outer(r.sum(0), x)

    total: Tensor = batches.in_blocks(_ROWS).sum(block)
    return total


def columns(X: Tensor | SparseMatrix, index: Tensor) -> Tensor:
    """Some columns, dense."""
    if isinstance(X, SparseMatrix):
        return as_tensor(X.to_scipy()[:, as_numpy(index)].toarray(), X.device)
    return X.index_select(1, index)


class Descent(NamedTuple):
    """Coefficients (t, d), their duality gap, and the sweeps it took."""

    coef: Floats
    gap: float
    sweeps: int


@dataclass(frozen=True)
class DescentState(State[Descent]):
    """What of the targets is left, as correlations (t, d) with the columns, and twice the
    objective.
    """

    residual: Floats
    twice: float
    stuck: bool = False


@dataclass
class ElasticNetDescent:
    """Minimize the objective above.

    Parameters
    ----------
    products : Products
    l1, l2 : weights of the penalty
    start : coefficients to begin with, float64 of shape (t, d)
    tol : converged when the duality gap is not above tol × Σ w y², and no coefficient of the
        working set has moved by more than the share tol of the greatest in its last sweep
    limit : most sweeps
    positive : whether coefficients must not be negative (one target)
    seed : of the order of features, or negative for their own
    on_path : whether the gap is not to be above tol times twice the objective, which at zero is
        Σ w y²: on a path where little is left of y, a solution else would do for the next
        penalties too, and their fits would be the same; where sweeps end before, tol × Σ w y² will
        do
    """

    products: Products
    l1: float
    l2: float
    start: Floats
    tol: float
    limit: int
    positive: bool = False
    seed: int = -1
    on_path: bool = False
    advice: str = ""

    def init(self) -> DescentState:
        return self._state(self.start, 0)

    def step(self, state: DescentState) -> DescentState:
        p, (coef, gap, sweeps) = self.products, state.value
        coef, left = coef.copy(), self.limit - sweeps
        wanted = self._goal(state)
        if p.whole is not None:
            more, gap = self._descend(p.whole, p.q, coef, wanted, left)
            ended, residual = Descent(coef, gap, sweeps + more), p.correlations(coef)
            twice = self._twice(coef, residual)
            return DescentState(ended, {"gap": gap}, residual, twice, more == 0)
        some = self._working_set(state)
        part = np.ascontiguousarray(coef[:, some])
        goal = max(0.5 * wanted, _SHARE * gap)
        G = p.gram(some)
        q = state.residual[:, some] + part @ G  # what the rows say is left, not what G says
        more, _ = self._descend(G, q, part, goal, left)
        coef[:, some] = part
        new = self._state(coef, sweeps + more)
        stuck = more == 0 or (new.value.gap > 0.999 * gap and goal < 0.51 * wanted)
        return replace(new, stuck=stuck)

    def stop(self, state: DescentState) -> Status | None:
        _, gap, sweeps = state.value
        ended = sweeps >= self.limit or state.stuck
        if gap <= self._goal(state) or (ended and gap <= self._loose):
            return Status.CONVERGED
        self.advice = (
            "Objective did not converge. You might want to increase the number of iterations "
            "(max_iter), check the scale of the features or consider increasing regularization. "
            f"Duality gap: {gap:.3e}, tolerance: {self._loose:.3e}"
        )
        return Status.LIMIT if ended else None

    def best(self, state: DescentState) -> Descent:
        return state.value

    @property
    def _loose(self) -> float:
        """The gap of a fit by itself."""
        least = 1e-15 if self.l1 else 0.0  # below it the gap is rounding
        return max(self.tol, least) * float(self.products.yy.sum())

    def _goal(self, state: DescentState) -> float:
        """The gap to be reached."""
        if not self.on_path:
            return self._loose
        yy = float(self.products.yy.sum())
        share = min(state.twice / yy, 1.0) if yy else 1.0
        return max(share * self._loose, min(self._loose, _LOST * yy))

    def _twice(self, coef: Floats, residual: Floats) -> float:
        """Twice the objective."""
        squares = np.square(coef).sum(0)
        fit = float((coef * (self.products.q + residual)).sum())
        penalty = 2 * self.l1 * np.sqrt(squares).sum() + self.l2 * squares.sum()
        return float(self.products.yy.sum()) - fit + float(penalty)

    def _state(self, coef: Floats, sweeps: int) -> DescentState:
        p = self.products
        residual = p.correlations(coef)
        yy = float(p.yy.sum())
        gap = gram_descent.duality_gap(
            p.own, p.q, residual, coef, yy, self.l1, self.l2, self.positive
        )
        twice = self._twice(coef, residual)
        return DescentState(Descent(coef, gap, sweeps), {"gap": gap}, residual, twice)

    def _descend(
        self, G: Floats, q: Floats, coef: Floats, goal: float, limit: int
    ) -> tuple[int, float]:
        yy = float(self.products.yy.sum())
        sweeps, gap = gram_descent.descend(
            G, q, coef, yy, self.l1, self.l2, self.positive, goal, self.tol, limit, self.seed
        )
        return sweeps, gap

    def _working_set(self, state: DescentState) -> Index:
        """The features in use, and as many of those that pull hardest; all where all will be."""
        coef = state.value.coef
        pull = state.residual - self.l2 * coef
        size = np.maximum(pull, 0)[0] if self.positive else np.sqrt(np.square(pull).sum(0))
        used = (coef != 0).any(0)
        size[used] = np.inf
        size[self.products.own <= 0] = -1.0
        wanted = len(size)
        if self.l1:
            wanted = min(max(_FIRST, 2 * int(used.sum())), wanted)
        some = np.argpartition(-size, wanted - 1)[:wanted]
        return np.sort(some[size[some] > 0])

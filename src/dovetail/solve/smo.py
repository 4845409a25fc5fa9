"""Support-vector problems, by sequential minimal optimization on large working sets.

    ½ βᵀ K β + Σ_i p_i a_i   over 0 ≤ a_i ≤ C_i, where β = y a (y_i = ±1) and Σ β is fixed

A step takes the rows that violate optimality most, solves their problem by steps of two variables,
and adds their kernel rows to the gradient: kernel rows are formed hundreds at a time, as one matrix
product (Wen et al. 2018, https://www.jmlr.org/papers/v19/17-740.html). Pairs are chosen by the
second order (Fan, Chen & Lin 2005, https://www.jmlr.org/papers/v6/fan05a.html).

Legend: n rows, l variables (n, or 2 n for regression), q of them in the working set.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.data.tensors import as_numpy
from dovetail.kernels import smo as kernels
from dovetail.kernels.memory import empty
from dovetail.solve.loop import State
from dovetail.solve.solution import Status

__all__ = ["Machine", "MinimalOptimization", "RowCache", "SupportProblem"]

_WORKING = 512  # variables of a working set; half of it fresh
_SHARE = 0.1  # of the violation that a working set is solved to

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


class RowCache:
    """Rows of a kernel matrix, formed when they are asked for; those asked for last are kept.

    form : kernel of the rows at an index with those at another, or with all rows, (m, n)
    n : rows
    dtype : of the kernel
    megabytes : bound of the memory taken, but for two rows, which are always held
    """

    def __init__(
        self,
        form: Callable[[Index, Index | None], Tensor],
        n: int,
        dtype: torch.dtype,
        megabytes: float,
    ) -> None:
        size = torch.empty(0, dtype=dtype).element_size()
        self.capacity = int(min(n, max(2, megabytes * 2**20 // (n * size))))
        self.form = form
        self.rows = as_numpy(empty((self.capacity, n), dtype))
        self.place = np.full(n, -1)
        self.holds = np.full(self.capacity, -1)
        self.asked = np.zeros(self.capacity, np.int64)  # when a place was last of use
        self.clock = 0

    def get(self, wanted: Index) -> Index:
        """Places in `rows` of the rows wanted, at most `capacity` distinct ones."""
        self.clock += 1
        held = self.place[wanted]
        self.asked[held[held >= 0]] = self.clock
        missing = np.unique(wanted[held < 0])
        if len(missing):
            free = np.argsort(self.asked, kind="stable")[: len(missing)]
            gone = self.holds[free]
            self.place[gone[gone >= 0]] = -1
            self.rows[free] = as_numpy(self.form(missing, None))
            self.place[missing], self.holds[free] = free, missing
            self.asked[free] = self.clock
        return self.place[wanted]

    def block(self, some: Index) -> Floats:
        """The matrix of some rows, in float64; formed anew, which is faster than to collect it."""
        return as_numpy(self.form(some, some)).astype(np.float64, copy=False)


@dataclass(frozen=True)
class SupportProblem:
    """The problem above.

    p, y, C, start : float64 of shape (l,); start satisfies the constraints
    row : the kernel's row of each variable, (l,)
    by_sign : whether Σ β is fixed for each sign by itself
    """

    p: Floats
    y: Floats
    C: Floats
    start: Floats
    row: Index
    by_sign: bool = False


@dataclass(frozen=True)
class Machine:
    """What is learned: a, (l,); the offset ρ of the decision Kβ − ρ, the scale of ν-problems (1 for
    others), and the steps of two variables taken.
    """

    a: Floats
    offset: float
    scale: float
    steps: int


@dataclass(frozen=True)
class SmoState(State[Floats]):
    """u = K β, (n,); the last working set; violation of optimality; steps of two variables."""

    u: Floats
    working: Index
    gap: float
    steps: int
    stuck: bool = False


@dataclass
class MinimalOptimization:
    """Minimize a SupportProblem.

    Parameters
    ----------
    problem : SupportProblem
    cache : RowCache
    tol : converged when no pair of variables violates optimality by more
    limit : most steps of two variables
    shrinking : whether steps leave variables aside, for a while, that rest at a bound
    """

    problem: SupportProblem
    cache: RowCache
    tol: float
    limit: int
    shrinking: bool = True
    advice: str = ""

    def init(self) -> SmoState:
        p = self.problem
        u = np.zeros(len(self.cache.place))
        beta = p.y * p.start
        moved = np.flatnonzero(beta)
        for some in np.array_split(moved, -(-len(moved) // self._width) if len(moved) else 1):
            self._add(u, p.row[some], beta[some])
        return SmoState(p.start.copy(), {}, u, np.empty(0, np.int64), self._gap(p.start, u), 0)

    def step(self, state: SmoState) -> SmoState:
        p, a, u = self.problem, state.value.copy(), state.u.copy()
        some = self._working_set(state)
        rows = p.row[some]
        K = self.cache.block(rows)
        f = u[rows] + p.y[some] * p.p[some]
        part = a[some]
        whole = len(some) == len(a)
        goal = self.tol if whole else max(self.tol, _SHARE * state.gap)
        steps, _ = kernels.optimize(
            K,
            f,
            p.y[some],
            part,
            p.C[some],
            goal,
            self.limit - state.steps,
            p.by_sign,
            self.shrinking,
        )
        change = p.y[some] * (part - a[some])
        moved = change != 0
        a[some] = part
        self._add(u, rows[moved], change[moved])
        gap = self._gap(a, u)
        return SmoState(a, {"violation": gap}, u, some, gap, state.steps + steps, steps == 0)

    def stop(self, state: SmoState) -> Status | None:
        if state.gap < self.tol:
            return Status.CONVERGED
        if state.steps >= self.limit:
            self.advice = (
                f"Solver terminated early (max_iter={self.limit}).  Consider pre-processing your "
                "data with StandardScaler or MinMaxScaler."
            )
            return Status.LIMIT
        return Status.FAILED if state.stuck else None

    def best(self, state: SmoState) -> Machine:
        offset, scale = self._offset(state.value, state.u)
        return Machine(state.value, offset, scale, state.steps)

    @property
    def _width(self) -> int:
        return min(_WORKING, self.cache.capacity)

    def _add(self, u: Floats, rows: Index, factors: Floats) -> None:
        if len(rows):
            kernels.accumulate(self.cache.rows, self.cache.get(rows), factors, u)

    def _sides(self, a: Floats, u: Floats) -> tuple[Floats, Floats]:
        """f of the variables that may go up, infinity for others; of those that may go down, −∞."""
        p = self.problem
        f = u[p.row] + p.y * p.p
        positive, low, high = p.y > 0, a > 0, a < p.C
        up = np.where(positive, high, low)
        down = np.where(positive, low, high)
        return np.where(up, f, np.inf), np.where(down, f, -np.inf)

    def _groups(self) -> list[npt.NDArray[np.bool_]]:
        y = self.problem.y
        return [y > 0, y < 0] if self.problem.by_sign else [np.full(len(y), True)]

    def _gap(self, a: Floats, u: Floats) -> float:
        up, down = self._sides(a, u)
        gaps = [down[g].max(initial=-np.inf) - up[g].min(initial=np.inf) for g in self._groups()]
        return float(max(gaps))

    def _working_set(self, state: SmoState) -> Index:
        """The variables that violate most, above and below, and the latest of those before."""
        count, width = len(state.value), self._width
        if count <= width:
            return np.arange(count)
        up, down = self._sides(state.value, state.u)
        fresh: list[Index] = []
        groups = self._groups()
        each = max(1, width // (4 * len(groups)))
        for group in groups:
            for key in (np.where(group, up, np.inf), np.where(group, -down, np.inf)):
                found = np.argpartition(key, min(each, count - 1))[:each]
                fresh.append(found[np.isfinite(key[found])])
        some = np.unique(np.concatenate(fresh))
        before = state.working
        free = (state.value[before] > 0) & (state.value[before] < self.problem.C[before])
        before = np.concatenate([before[free], before[~free]])
        before = before[~np.isin(before, some)][: width - len(some)]
        return np.sort(np.concatenate([some, before]))

    def _offset(self, a: Floats, u: Floats) -> tuple[float, float]:
        """ρ and the scale: f of the free variables, else the middle of what bounds allow."""
        p = self.problem
        f = u[p.row] + p.y * p.p
        up, down = self._sides(a, u)
        levels = []
        for group in self._groups():
            free = group & (a > 0) & (a < p.C)
            if free.any():
                levels.append(float(f[free].mean()))
            else:
                ends = np.array([up[group].min(initial=np.inf), down[group].max(initial=-np.inf)])
                finite = ends[np.isfinite(ends)]
                levels.append(float(finite.mean()) if len(finite) else 0.0)
        if not p.by_sign:
            return levels[0], 1.0
        above, below = levels
        return (above + below) / 2, (above - below) / 2

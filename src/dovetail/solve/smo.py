"""Support-vector problems, by sequential minimal optimization on large working sets.

    ½ βᵀ K β + Σ_i p_i a_i   over 0 ≤ a_i ≤ C_i, where β = y a (y_i = ±1) and Σ β is fixed

A step takes the rows that violate optimality most, solves their problem by steps of two variables,
and adds their kernel rows to the gradient: kernel rows are formed hundreds at a time, as one matrix
product (Wen et al. 2018, https://www.jmlr.org/papers/v19/17-740.html). Pairs are chosen by the
second order (Fan, Chen & Lin 2005, https://www.jmlr.org/papers/v6/fan05a.html).

Legend: n rows, l variables (n, or 2 n for regression), q of them in the working set.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from dovetail.kernels import smo as kernels
from dovetail.solve.loop import State
from dovetail.solve.row_cache import Floats, Index, RowCache
from dovetail.solve.solution import Status

__all__ = ["WORKING", "Machine", "MinimalOptimization", "SupportProblem", "too_few"]

WORKING = 2560  # variables of a working set; half of it fresh
_SHARE = 0.1  # of the violation that a working set is solved to
_ROUND = 100_000  # steps of two variables between looks at the clock and the keyboard


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
    """u = K β, (n,); f of the variables that may go up, infinity for others, (l,); of those that
    may go down, −∞ for others; violation of optimality; the last working set; steps of two
    variables.
    """

    u: Floats
    up: Floats
    down: Floats
    gap: float
    working: Index
    steps: int
    stuck: bool = False


def too_few(limit: int) -> str:
    """What to do where a problem was not solved in so many steps."""
    return (
        f"Solver terminated early (max_iter={limit}).  Consider pre-processing your "
        "data with StandardScaler or MinMaxScaler."
    )


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

    def __post_init__(self) -> None:
        self.advice = too_few(self.limit)

    def init(self) -> SmoState:
        p = self.problem
        u = np.zeros(len(self.cache.place))
        self._add(u, p.row, p.y * p.start)
        return self._state(p.start.copy(), u, np.empty(0, np.int64), 0)

    def step(self, state: SmoState) -> SmoState:
        p, a, u = self.problem, state.value.copy(), state.u.copy()
        some = self._working_set(state)
        whole = len(some) == len(a)
        rows, y, linear = p.row[some], p.y[some], p.y[some] * p.p[some]
        K, of_rows, part = self.cache.block(rows), u[rows], a[some]
        steps, _ = kernels.optimize(
            K,
            of_rows + linear,
            y,
            part,
            p.C[some],
            self.tol if whole else max(self.tol, _SHARE * state.gap),
            min(self.limit - state.steps, _ROUND),
            p.by_sign,
            self.shrinking,
        )
        change = y * (part - a[some])
        a[some] = part
        if whole:  # summed anew, free of what thousands of steps round
            moved = np.flatnonzero(change)
            kernels.accumulate(K, moved, change[moved], of_rows)
            u[rows] = of_rows
        else:
            self._add(u, rows, change)
        return self._state(a, u, some, state.steps + steps, stuck=steps == 0)

    def stop(self, state: SmoState) -> Status | None:
        if state.gap < self.tol:
            return Status.CONVERGED
        if state.steps >= self.limit:
            return Status.LIMIT
        return Status.FAILED if state.stuck else None

    def best(self, state: SmoState) -> Machine:
        p, a = self.problem, state.value
        offset, scale = kernels.levels(self._f(state.u), p.y, a, p.C, p.by_sign)
        return Machine(a, offset, scale, state.steps)

    def _f(self, u: Floats) -> Floats:
        """y times the gradient."""
        return u[self.problem.row] + self.problem.y * self.problem.p

    def _state(
        self, a: Floats, u: Floats, working: Index, steps: int, *, stuck: bool = False
    ) -> SmoState:
        p = self.problem
        up, down = np.empty(len(a)), np.empty(len(a))
        kernels.sides(self._f(u), p.y, a, p.C, up, down)
        gaps = [down[g].max(initial=-np.inf) - up[g].min(initial=np.inf) for g in self._groups()]
        gap = float(max(gaps))
        return SmoState(a, {"violation": gap}, u, up, down, gap, working, steps, stuck)

    def _add(self, u: Floats, rows: Index, factors: Floats) -> None:
        """u += Σ_s factors_s × row rows_s of the kernel."""
        total: Floats = np.bincount(rows, factors, len(u)).astype(np.float64)
        moved = np.flatnonzero(total)
        self.cache.add(moved, total[moved], u)

    def _groups(self) -> list[Any]:
        """What stands for all variables, or for those of each sign."""
        y = self.problem.y
        return [y > 0, y < 0] if self.problem.by_sign else [slice(None)]

    def _working_set(self, state: SmoState) -> Index:
        """The variables that violate most, above and below, and the latest of those before."""
        count, width = len(state.value), min(WORKING, self.cache.width)
        if count <= width:
            return np.arange(count)
        fresh: list[Index] = []
        groups = self._groups()
        each = max(1, width // (4 * len(groups)))
        for group in groups:
            for side in (state.up, -state.down):
                key = np.full(count, np.inf)
                key[group] = side[group]
                found = np.argpartition(key, min(each, count - 1))[:each]
                fresh.append(found[np.isfinite(key[found])])
        some = np.unique(np.concatenate(fresh))
        before = state.working
        free = (state.value[before] > 0) & (state.value[before] < self.problem.C[before])
        before = np.concatenate([before[free], before[~free]])
        before = before[~np.isin(before, some)][: width - len(some)]
        return np.sort(np.concatenate([some, before]))

"""Support-vector problems of each two of several classes, many at a time.

Small problems are no work for many threads, but there are many of them: each is solved whole, on a
thread of its own. A class's kernel with itself serves all its problems, and that with another class
is formed for theirs alone: half of the kernel matrix is formed, once, and little of it is held.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from dovetail.kernels import smo as kernels
from dovetail.solve.loop import State
from dovetail.solve.row_cache import Columns, Index, formed
from dovetail.solve.smo import WORKING, Machine, SupportProblem, too_few
from dovetail.solve.solution import Status

__all__ = ["PairedOptimization"]

Couple = tuple[int, int]


@dataclass(frozen=True)
class PairsState(State[dict[Couple, Machine]]):
    """What is solved; how many groups of problems that is; the greatest violation of optimality."""

    groups: int
    gap: float


@dataclass
class PairedOptimization:
    """Minimize a SupportProblem for each two classes.

    Parameters
    ----------
    columns : given columns, a function that forms rows of the kernel matrix there
    dtype : of the kernel
    megabytes : bound of the memory for it
    members : rows of each class
    pose : the problem of two classes, of the first's rows and then the second's, without numbers of
        kernel rows and with signs that are all of one kind for all problems
    tol : solved when no two variables violate optimality by more
    limit : most steps of two variables for a problem
    shrinking : whether steps leave variables aside, for a while, that rest at a bound
    """

    columns: Columns
    dtype: torch.dtype
    megabytes: float
    members: list[Index]
    pose: Callable[[int, int], SupportProblem]
    tol: float
    limit: int
    shrinking: bool = True

    def __post_init__(self) -> None:
        self.advice = too_few(self.limit)

    @property
    def fits(self) -> bool:
        """Whether problems are small enough, and the memory large enough."""
        sizes = np.array([len(m) for m in self.members], dtype=float)
        largest = float(np.sort(sizes)[-2:].sum())
        room = 8 * largest**2 <= self._numbers and 2 * float((sizes**2).sum()) <= self._numbers
        return largest <= WORKING and room

    @cached_property
    def groups(self) -> list[tuple[int, list[int]]]:
        """A class, and others after it whose kernels with it take a fourth of the memory."""
        most = self._numbers / 4
        found: list[tuple[int, list[int]]] = []
        for i, first in enumerate(self.members):
            size = float("inf")
            for j in range(i + 1, len(self.members)):
                size += len(first) * len(self.members[j])
                if size > most:
                    found.append((i, []))
                    size = len(first) * len(self.members[j])
                found[-1][1].append(j)
        return found

    def init(self) -> PairsState:
        squares = [len(m) ** 2 for m in self.members]
        self._places = np.concatenate([[0], np.cumsum(squares)])
        self._own = np.empty(self._places[-1], torch.empty(0, dtype=self.dtype).numpy().dtype)
        for c, member in enumerate(self.members):
            self._block(c)[:] = formed(self.columns(member), member, len(member), self.dtype)
        return PairsState({}, {}, 0, -np.inf)

    def step(self, state: PairsState) -> PairsState:
        i, others = self.groups[state.groups]
        first, rows = self.members[i], np.concatenate([self.members[j] for j in others])
        right = formed(self.columns(rows), first, len(rows), self.dtype)
        problems = [self.pose(i, j) for j in others]
        sizes = [len(self.members[j]) for j in others]
        begin = np.cumsum([0, *(len(first) + size for size in sizes)])
        p, y, a, C = (
            np.concatenate([getattr(problem, name) for problem in problems])
            for name in ("p", "y", "start", "C")
        )
        found = np.empty((len(others), 4))
        kernels.optimize_pairs(
            self._block(i),
            right,
            np.cumsum([0, *sizes[:-1]]),
            self._own,
            self._places[others],
            begin,
            y * p,
            y,
            a,
            C,
            self.tol,
            self.limit,
            problems[0].by_sign,
            self.shrinking,
            found,
        )
        machines = {
            (i, j): Machine(a[begin[s] : begin[s + 1]], found[s, 2], found[s, 3], int(found[s, 0]))
            for s, j in enumerate(others)
        }
        gap = max(state.gap, float(found[:, 1].max()))
        return PairsState(state.value | machines, {"violation": gap}, state.groups + 1, gap)

    def stop(self, state: PairsState) -> Status | None:
        if state.groups < len(self.groups):
            return None
        if state.gap < self.tol:
            return Status.CONVERGED
        most = max(machine.steps for machine in state.value.values())
        return Status.LIMIT if most >= self.limit else Status.FAILED

    def best(self, state: PairsState) -> dict[Couple, Machine]:
        """Those not solved, where the end came early, as they start."""
        k = len(self.members)
        couples = [(i, j) for i in range(k) for j in range(i + 1, k)]
        left = [couple for couple in couples if couple not in state.value]
        return state.value | {c: Machine(self.pose(*c).start, 0.0, 1.0, 0) for c in left}

    @property
    def _numbers(self) -> float:
        """That the memory has room for."""
        return self.megabytes * 2**20 / torch.empty(0, dtype=self.dtype).element_size()

    def _block(self, c: int) -> npt.NDArray[Any]:
        """The kernel of a class with itself."""
        n = len(self.members[c])
        return self._own[self._places[c] : self._places[c + 1]].reshape(n, n)

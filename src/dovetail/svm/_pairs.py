"""One machine for each pair of classes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dovetail.data.tensors import as_numpy
from dovetail.solve.row_cache import RowCache
from dovetail.solve.smo import Machine, SupportProblem
from dovetail.solve.solution import Solution
from dovetail.svm._machine import Gram

__all__ = ["Pair", "Pairs", "Task", "filled", "platt", "solve_pairs"]

_TINY = 1e-12

Floats = npt.NDArray[np.float64]
Index = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pair:
    """The solved problem of two classes: its rows, those of the first class first; β, ρ and steps
    taken.
    """

    rows: Index
    beta: Floats
    offset: float
    steps: int
    first: npt.NDArray[np.bool_]  # whether a row is of the first class


@dataclass(frozen=True)
class Pairs:
    """All machines, as the Program holds them.

    index : rows that support any of them, by class; (s,)
    counts : of each class
    coef : (k − 1, s), see `OneVersusOne`
    """

    index: Index
    counts: list[int]
    coef: Floats
    offsets: Floats


@dataclass(frozen=True)
class Task:
    """Problems of pairs of classes.

    C : bound of each row
    pose : the problem of signs and bounds
    solve : its solution
    together : the solutions of all pairs of classes, given their rows and the problem of each; None
        where that is no faster
    """

    gram: Gram
    C: Floats
    pose: Callable[[Floats, Floats], SupportProblem]
    solve: Callable[[SupportProblem, RowCache], Solution[Machine]]
    together: Callable[
        [Gram, list[Index], Callable[[int, int], SupportProblem]],
        Solution[dict[tuple[int, int], Machine]] | None,
    ]

    def solve_pair(self, rows: Index, y: Floats) -> Solution[Machine]:
        """The machine that tells rows of sign 1 from those of sign −1."""
        every = len(rows) == len(self.gram.X) and np.array_equal(rows, np.arange(len(rows)))
        cache = self.gram.cache(None if every else rows)
        return self.solve(self.pose(y, self.C[rows]), cache)


def _pair(rows: Index, y: Floats, machine: Machine) -> Pair:
    scale = machine.scale if abs(machine.scale) > _TINY else 1.0  # no margin: nothing to scale
    return Pair(rows, y * machine.a / scale, machine.offset / scale, machine.steps, y > 0)


def solve_pairs(task: Task, members: list[Index]) -> tuple[Pairs, list[Pair], list[Solution[Any]]]:
    """A machine for each pair of classes; members : rows of each class."""
    k = len(members)

    def rows_of(i: int, j: int) -> tuple[Index, Floats]:
        rows = np.concatenate([members[i], members[j]])
        y = np.repeat([1.0, -1.0], [len(members[i]), len(members[j])])
        if k > 2:
            return rows, y
        order = np.argsort(rows)
        return rows[order], y[order]

    def pose(i: int, j: int) -> SupportProblem:
        rows, y = rows_of(i, j)
        return task.pose(y, task.C[rows])

    couples = [(i, j) for i in range(k) for j in range(i + 1, k)]
    joint = task.together(task.gram, members, pose) if k > 2 else None
    if joint is not None:
        solutions: list[Solution[Any]] = [joint]
        machines: list[Machine] = [joint.value[couple] for couple in couples]
    else:
        solutions = [task.solve_pair(*rows_of(*couple)) for couple in couples]
        machines = [solution.value for solution in solutions]
    coef = np.zeros((k - 1, len(task.C)))
    found = []
    for (i, j), machine in zip(couples, machines, strict=True):
        pair = _pair(*rows_of(i, j), machine)
        coef[j - 1, pair.rows[pair.first]] = pair.beta[pair.first]
        coef[i, pair.rows[~pair.first]] = pair.beta[~pair.first]
        found.append(pair)
    used = (coef != 0).any(0)
    by_class = [m[used[m]] for m in members]
    index = np.concatenate(by_class)
    offsets = np.array([p.offset for p in found])
    return Pairs(index, [len(c) for c in by_class], coef[:, index], offsets), found, solutions


def platt(task: Task, pairs: list[Pair], random: np.random.RandomState) -> tuple[Floats, Floats]:
    """For each pair, a and b of 1 / (1 + exp(a f + b)), the probability of its first class, of
    greatest likelihood for decisions f on rows held out in turn, in five folds (Platt 1999; Lin,
    Lin & Weng 2007, https://doi.org/10.1007/s10994-007-5018-6).
    """
    found = [_calibrated(task, pair, random) for pair in pairs]
    a, b = np.array(found).T
    return a, b


def _calibrated(task: Task, pair: Pair, random: np.random.RandomState) -> tuple[float, float]:
    signs = np.where(pair.first, 1.0, -1.0)
    order = random.permutation(len(pair.rows))
    decisions = np.zeros(len(pair.rows))
    for held in np.array_split(order, 5):
        rest = np.setdiff1d(np.arange(len(pair.rows)), held)
        present = np.unique(signs[rest])
        if len(present) < 2:  # all that can be said is which class there is
            decisions[held] = present.sum()
            continue
        rows, y = pair.rows[rest], signs[rest]
        part = _pair(rows, y, task.solve_pair(rows, y).value)
        decisions[held] = _decisions(task.gram, part, pair.rows[held])
    return fit_sigmoid(decisions, signs > 0)


def _decisions(gram: Gram, pair: Pair, rows: Index) -> Floats:
    used = pair.beta != 0
    K = as_numpy(gram.between(rows, pair.rows[used]))
    return np.asarray(K @ pair.beta[used] - pair.offset, np.float64)


def fit_sigmoid(decisions: Floats, first: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """a and b by Newton's method with a line search; targets are drawn a little from 0 and 1."""
    n_first, n_second = int(first.sum()), int((~first).sum())
    target = np.where(first, (n_first + 1) / (n_first + 2), 1 / (n_second + 2))
    design = np.column_stack([decisions, np.ones_like(decisions)])
    theta = np.array([0.0, np.log((n_second + 1) / (n_first + 1))])

    def loss(at: Floats) -> float:
        z = design @ at  # log(1 + e^z) without overflow
        return float(np.sum(np.logaddexp(0, z) - (1 - target) * z))

    value = loss(theta)
    for _ in range(100):
        p = 1 / (1 + np.exp(np.clip(design @ theta, -700, 700)))
        gradient = design.T @ (target - p)
        if np.abs(gradient).max() < 1e-5:
            break
        hessian = design.T @ (design * (p * (1 - p))[:, None]) + 1e-12 * np.eye(2)
        direction = -np.linalg.solve(hessian, gradient)
        size = 1.0
        while size > 1e-10:
            tried = loss(theta + size * direction)
            if tried < value + 1e-4 * size * float(gradient @ direction):
                theta, value = theta + size * direction, tried
                break
            size /= 2
        else:
            break
    return float(theta[0]), float(theta[1])


def filled(C: Floats, total: float) -> Floats:
    """Numbers between 0 and C that add up to a total: the first ones at their bound."""
    before = np.cumsum(C) - C
    return np.clip(total - before, 0.0, C)

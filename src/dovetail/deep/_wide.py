"""The best linear map: what a text net starts from.

Legend: n texts, g known runs, k outputs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.ragged import Sequences
from dovetail.data.sparse import SparseMatrix
from dovetail.objective.linear import LinearObjective, scores
from dovetail.objective.losses import Loss, MultinomialLogLoss
from dovetail.solve.dual_logistic import near_optimum
from dovetail.solve.lbfgs import LBFGS
from dovetail.solve.loop import solve

__all__ = [
    "Problems",
    "Start",
    "as_sums",
    "best_sum",
    "chosen_sum",
    "gained",
    "joined",
    "learned_again",
    "starts",
]

_STEPS, _TOL = 50, 1e-4
# Of half the sum of squares beside the summed loss, scikit-learn's 1 / C, the strongest first: of
# five sets of texts one does best with the second, four with the third.
_PENALTIES = (1.0, 0.1, 0.01)
_PENALTY = 0.1  # where too few rows are held out to tell
_ENOUGH = 20


def as_sums(runs: Sequences, idf: Tensor, counts: Sequences | None = None) -> SparseMatrix:
    """The weights of the runs in each text, (n, g), of length 1; runs are numbered from 1 on.

    counts : how often a text has each of its runs; None for once
    """
    all_rows = torch.arange(len(runs), device=runs.values.device)
    runs = runs.take_rows(all_rows)
    a = idf[runs.values]
    if counts is not None:
        a = a * (1 + counts.take_rows(all_rows).values.log())
    text = torch.repeat_interleave(runs.lengths)
    squares = a.new_zeros(len(runs)).index_add_(0, text, a.square())
    shape = (len(runs), len(idf) - 1)
    columns = (runs.values - 1).int()
    return SparseMatrix(runs.starts.int(), columns, a / squares[text].sqrt(), shape)


# Rows as a linear map has them, with the targets and the loss of each map that is to be found.
Problems = Callable[[Batches], list[tuple[Batches, Loss]]]


class Start(NamedTuple):
    """A linear map that a net starts from: coefficients (k, g), intercepts (k,), and the penalty
    that they are best for.
    """

    coef: Tensor
    intercept: Tensor
    penalty: float = _PENALTY

    @property
    def theta(self) -> Tensor:
        """Both, (k, g + 1)."""
        return torch.cat([self.coef, self.intercept[:, None]], 1)


def best_sum(
    rows: Batch | Batches, loss: Loss, penalty: float = _PENALTY, near: Start | None = None
) -> tuple[Tensor, Tensor]:
    """Coefficients (k, g) and intercepts (k,) of the least summed loss with a penalty on half the
    sum of squares.

    near : where to begin
    """
    batches = Batches(rows) if isinstance(rows, Batch) else rows
    weight = LinearObjective(loss, batches, 0.0, True).total_weight()
    objective = LinearObjective(loss, batches, penalty / weight, True)
    theta = objective.zeros() if near is None else near.theta
    if isinstance(loss, MultinomialLogLoss) and (near is None or near.penalty != penalty):
        found = near_optimum(objective, _TOL, np.random.RandomState(0))
        if found is not None:
            theta = min(theta, found, key=objective.value)
    solution = solve(LBFGS(objective.value_gradient, theta, _TOL), max_iter=_STEPS)
    coef, intercept = objective.split(solution.value)
    assert intercept is not None
    return coef, intercept


def chosen_sum(rows: Batches, held_out: Batches, loss: Loss) -> Start:
    """The best sum for rows, of the penalty that does best on rows held out."""
    if len(held_out) < _ENOUGH:
        return Start(*best_sum(rows, loss))
    judged = LinearObjective(loss, held_out, 0.0, True)
    found, least, near = None, math.inf, None
    for penalty in _PENALTIES:
        near = Start(*best_sum(rows, loss, penalty, near), penalty)
        value = judged.value(near.theta)
        if found is not None and value >= least:
            break
        found, least = near, value
    assert found is not None
    return found


def starts(problems: Problems, rows: Batches, held_out: Batches | None) -> list[Start]:
    """The best sums, one a problem.

    held_out : rows to choose penalties by; None for a tenth of `rows`, which are learned afterwards
    """
    if held_out is not None:
        pairs = zip(problems(rows), problems(held_out), strict=True)
        return [chosen_sum(learned, held, loss) for (learned, loss), (held, _) in pairs]
    order = torch.randperm(len(rows))
    n = len(order) // 10
    chosen = starts(problems, _some(rows, order[n:]), _some(rows, order[:n]))
    return learned_again(problems, rows, chosen)


def _some(rows: Batches, index: Tensor) -> Batches:
    """Some of the rows, where they are."""
    own = index - rows.rows_before()
    own = own[(own >= 0) & (own < len(rows.own))].to(rows.device)
    return Batches(rows.own.take(own), group=rows.group, total=len(index))


def learned_again(problems: Problems, rows: Batches, chosen: list[Start]) -> list[Start]:
    """The best sums for other rows, with penalties as they were chosen."""
    pairs = zip(problems(rows), chosen, strict=True)
    return [
        Start(*best_sum(learned, loss, start.penalty, start), start.penalty)
        for (learned, loss), start in pairs
    ]


def gained(
    problems: Problems,
    held_out: Batches,
    start: list[Start],
    scored: Callable[[Batch], Tensor],
) -> bool:
    """Whether the loss on rows held out is less than that of the start by more than twice the
    standard error of the difference.

    scored : the scores of rows now
    """

    def sums(rows: Batch) -> tuple[Tensor, Tensor, int]:
        gain = torch.zeros(len(rows), dtype=torch.float64, device=rows.X.device)
        found = problems(Batches(rows)) if len(rows) else []
        now = scored(rows) if found else torch.empty(0)
        for j, (of, loss) in enumerate(found):
            X, (coef, intercept, _) = of.own.X, start[j]
            after = now if len(found) == 1 else now[:, j : j + 1]
            gain += _values(loss, of.own, scores(X, coef, intercept))
            gain -= _values(loss, of.own, after)
        gain = gain if rows.w is None else gain * rows.w
        return gain.sum(), gain.square().sum(), len(rows)

    total, squares, n = held_out.sum(sums)
    return float(total) > 2 * math.sqrt(max(0.0, float(squares - total**2 / n)))


def _values(loss: Loss, rows: Batch, F: Tensor) -> Tensor:
    """The loss of each row."""
    assert rows.y is not None
    return loss.value(rows.y, F if isinstance(loss, MultinomialLogLoss) else F[:, 0])


def joined(found: list[Start]) -> tuple[Tensor, Tensor]:
    """The coefficients and intercepts of all problems, one below the other."""
    return torch.cat([s.coef for s in found]), torch.cat([s.intercept for s in found])

"""The best linear map: what a text net starts from.

Legend: n texts, g known runs, k outputs.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.ragged import Sequences
from dovetail.data.sparse import SparseMatrix
from dovetail.objective.linear import LinearObjective
from dovetail.objective.losses import Loss
from dovetail.solve.lbfgs import LBFGS
from dovetail.solve.loop import solve

__all__ = ["as_sums", "best_sum", "whitened"]

_STEPS, _TOL = 50, 1e-4
# Of half the sum of squares beside the summed loss: scikit-learn's C = 10. On the questions of TREC
# it tells 4 % more right than C = 1.
_PENALTY = 0.1


def as_sums(runs: Sequences, idf: Tensor) -> SparseMatrix:
    """The weights of the runs in each text, (n, g), of length 1; runs are numbered from 1 on."""
    runs = runs.take_rows(torch.arange(len(runs), device=runs.values.device))
    a = idf[runs.values]
    text = torch.repeat_interleave(runs.lengths)
    squares = a.new_zeros(len(runs)).index_add_(0, text, a.square())
    shape = (len(runs), len(idf) - 1)
    return SparseMatrix(runs.starts, runs.values - 1, a / squares[text].sqrt(), shape)


def whitened(X: Tensor) -> tuple[Tensor, Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]]:
    """Columns of mean 0 and equal spread, rows of length 1 on the average; and what turns a linear
    map of them, (coef, intercept), into that of X.
    """
    mean, spread = X.mean(0), X.std(0, correction=0)
    scale = torch.where(spread > 0, spread, 1.0) * X.shape[1] ** 0.5

    def of_plain(coef: Tensor, intercept: Tensor) -> tuple[Tensor, Tensor]:
        coef = coef / scale
        return coef, intercept - coef @ mean.to(coef.dtype)

    return (X - mean) / scale, of_plain


def best_sum(rows: Batch, loss: Loss) -> tuple[Tensor, Tensor]:
    """Coefficients (k, g) and intercepts (k,) of the least mean loss with a penalty on squares."""
    batches = Batches(rows)
    weight = LinearObjective(loss, batches, 0.0, True).total_weight()
    objective = LinearObjective(loss, batches, _PENALTY / weight, True)
    solution = solve(LBFGS(objective.value_gradient, objective.zeros(), _TOL), max_iter=_STEPS)
    coef, intercept = objective.split(solution.value)
    assert intercept is not None
    return coef, intercept

"""A start for logistic regression on compressed rows that are fewer than their columns: passes of
coordinate descent in the dual.

Words of documents are such rows. Each has a share in the coefficients, its dual variable, and a
pass over the rows costs what two products with X cost; some ten passes come as near to the optimum
as sixty steps of L-BFGS, whose vectors are of all columns' coefficients besides.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.kernels import softmax_descent
from dovetail.kernels.lanes import LANES
from dovetail.objective.linear import LinearObjective, scores
from dovetail.solve.saga import row_arrays, row_squares

__all__ = ["near_optimum"]

_WORTH_IT = 1 << 16  # stored values; below, any solver is done at once
_PASSES = 50
_STEPS, _SMALL = 5, 1e-8  # of the intercept


def near_optimum(
    objective: LinearObjective, tol: float, random: np.random.RandomState
) -> Tensor | None:
    """θ near the optimum, to start from, where X is compressed, has fewer rows than columns and is
    large; else None.

    objective : of two classes, with targets 0 and 1, or of several, with codes
    tol : to be reached by the largest component of the gradient
    random : draws the orders of rows

    The passes take the intercept as penalized; it is then set free for the coefficients that they
    find. Cost O(m k) a pass over m stored values.
    """
    batches = objective.batches
    X = batches.whole.X if batches.in_memory else None
    if (
        not isinstance(X, SparseMatrix)
        or X.device.type != "cpu"
        or X.shape[0] >= X.shape[1]
        or len(X.values) < _WORTH_IT
        or X.indices.element_size() > 4
        or objective.l2 == 0
    ):
        return None
    theta = _descended(objective, X, tol, random)
    if objective.intercept:
        _free_intercept(objective, theta)
    return theta if objective.value(theta) < objective.value(objective.zeros()) else None


def _descended(
    objective: LinearObjective, X: SparseMatrix, tol: float, random: np.random.RandomState
) -> Tensor:
    batch = objective.batches.whole
    n, d = X.shape
    scores = objective.shape[0]
    k = max(2, scores)
    target: Any = batch.y
    w = np.ones(n) if batch.w is None else as_numpy(batch.w).astype(np.float64)
    cost = w / (w.sum() * objective.l2)
    if scores == 1:  # two classes with opposite coefficients are penalized twice as much
        cost /= 2
    bias = float(objective.intercept)
    values, columns, starts, _ = row_arrays(X)
    squares = row_squares(X) + bias
    share = np.full((n, k), -1.0 / k)
    share[np.arange(n), as_numpy(target).astype(np.int64)] += 1
    share *= cost[:, None]
    weights = torch.zeros(d + 1, -(-k // LANES) * LANES, dtype=torch.float64)
    weights[:d, :k] = X.T @ as_tensor(share).to(X.dtype)
    weights[d, :k] = bias * as_tensor(share.sum(0))
    logits, order = np.zeros((n, k)), np.arange(n, dtype=np.int32)
    before, enough = np.inf, 1e-2 * tol * cost.sum()
    for _ in range(_PASSES):
        gap = softmax_descent.sweep(
            values,
            columns,
            starts,
            bias,
            squares,
            cost,
            logits,
            as_numpy(weights),
            order,
            random.randint(2**31 - 1),
        )
        if gap <= enough or gap > 0.9 * before:  # as near as asked for, or too slow
            break
        before = gap
    found = weights[:, :k].T
    theta = found if scores > 1 else found[1:] - found[:1]
    return theta.clone() if objective.intercept else theta[:, :-1].clone()


def _free_intercept(objective: LinearObjective, theta: Tensor) -> None:
    """Move the intercept, in place, to its best for these coefficients, by Newton's steps."""
    batch = objective.batches.whole
    F = scores(batch.X, *objective.split(theta)).double()
    y: Any = batch.y
    w = F.new_ones(len(F)) if batch.w is None else batch.w.double()
    w = (w / w.sum())[:, None]
    own = y[:, None].double() if F.shape[1] == 1 else functional.one_hot(y.long(), F.shape[1])
    for _ in range(_STEPS):
        p = F.sigmoid() if F.shape[1] == 1 else F.softmax(1)
        share = (w * p).sum(0)
        H = share.diag() - p.T @ (w * p)
        if F.shape[1] > 1:  # what shifts all classes together changes nothing
            H += 1 / F.shape[1]
        step = torch.linalg.solve(H, (w * own).sum(0) - share)
        if not torch.isfinite(step).all():
            return
        theta[:, -1] += step
        F += step
        if float(step.abs().max()) < _SMALL:
            return

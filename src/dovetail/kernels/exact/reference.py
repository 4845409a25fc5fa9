"""What the growth of `cpu.py` must agree with, in plain torch: impurities by their definitions, and
the best split by trying all.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from dovetail.kernels.exact.layout import Criterion

__all__ = ["best_gain", "impurity", "prediction"]


def prediction(y: Tensor, w: Tensor, criterion: Criterion, classes: int) -> Tensor:
    """What a leaf of these rows predicts, shape (k · classes,) or (k,).

    y : float64 of shape (m, k), w : float64 of shape (m,)
    """
    if classes:
        share = w / w.sum()
        ones = torch.nn.functional.one_hot(y.long(), classes).double()
        return (share[:, None, None] * ones).sum(0).flatten()
    if criterion != Criterion.ABSOLUTE:
        return (w[:, None] * y).sum(0) / w.sum()
    return torch.stack([_median(column, w) for column in y.T])


def _median(y: Tensor, w: Tensor) -> Tensor:
    order = y.argsort()
    y, below = y[order], w[order].cumsum(0)
    half = below[-1] / 2
    low = int((below >= half * (1 - 1e-12)).nonzero()[0])
    high = int((below > half * (1 + 1e-12)).nonzero()[0])
    return (y[low] + y[high]) / 2


def impurity(y: Tensor, w: Tensor, criterion: Criterion, classes: int) -> Tensor:
    """Of a set of rows, the mean over outputs."""
    p = prediction(y, w, criterion, classes)
    if criterion == Criterion.GINI:
        return 1 - p.square().sum() / y.shape[1]
    if criterion == Criterion.ENTROPY:
        return -torch.xlogy(p, p).sum() / y.shape[1] / math.log(2)
    if criterion == Criterion.SQUARED:
        loss = (y - p).square()
    elif criterion == Criterion.ABSOLUTE:
        loss = (y - p).abs()
    else:
        loss = torch.xlogy(y, y / p)
    return (w[:, None] * loss).sum() / w.sum() / y.shape[1]


def best_gain(x: Tensor, y: Tensor, w: Tensor, criterion: Criterion, classes: int) -> float:
    """The most that a split of these rows by one feature, shape (m,), takes from the impurity times
    the weight; minus infinity where there is none.
    """
    best = -float("inf")
    missing = x.isnan()
    for threshold in sorted(set(x[~missing].tolist())):
        for left in ((x <= threshold), (x <= threshold) | missing):
            if 0 < int(left.sum()) < len(x):
                if criterion == Criterion.POISSON and not all(
                    (y[side].sum(0) > 0).all() for side in (left, ~left)
                ):
                    continue
                parts = sum(
                    w[side].sum() * impurity(y[side], w[side], criterion, classes)
                    for side in (left, ~left)
                )
                whole = w.sum() * impurity(y, w, criterion, classes)
                best = max(best, float(whole - parts))
    return best

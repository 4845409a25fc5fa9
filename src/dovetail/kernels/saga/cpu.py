"""The epoch of SAG and SAGA, for rows of a dense or CSR matrix.

A coordinate that a row does not touch moves all the same, by the mean gradient, the penalty and the
soft threshold. Such moves are put off until the coordinate is next read: for m missed steps without
a threshold they are a geometric series, with one they are replayed.

Legend: n rows, d features, k scores.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.kernels.compiled import compiled

__all__ = ["LOGISTIC", "SOFTMAX", "SQUARED", "epoch"]

SQUARED, LOGISTIC, SOFTMAX = 0, 1, 2


@compiled
def epoch(
    values: Any,
    columns: Any,
    starts: Any,
    dense: bool,
    y: Any,
    weight: Any,
    order: Any,
    coef: Any,
    intercept: Any,
    memory: Any,
    sums: Any,
    sum_intercept: Any,
    seen: Any,
    step: float,
    l2: float,
    l1: float,
    loss: int,
    saga: bool,
    fit_intercept: bool,
) -> None:
    """Update coef (d, k), intercept (k,), memory (n, k), sums (d, k), sum_intercept (k,), seen (n,)
    in place.

    values, columns, starts : CSR arrays; for a dense matrix all its values row by row, columns 0 …
        d − 1, starts
    order : rows to visit
    """
    d, k = coef.shape
    count = 0
    for i in range(len(seen)):
        count += seen[i]
    last = np.zeros(d, np.int64)
    scores = np.empty(k)
    change = np.empty(k)
    powers = (1.0 - step * l2) ** np.arange(len(order) + 1)
    for t in range(len(order)):
        i = order[t]
        if not seen[i]:
            seen[i] = True
            count += 1
        begin, end = starts[i], starts[i + 1]
        for c in range(k):
            scores[c] = intercept[c]
        for position in range(begin, end):
            j = columns[position - begin] if dense else columns[position]
            missed = t - last[j]
            for c in range(k):
                if missed > 0:
                    coef[j, c] = _caught_up(
                        coef[j, c], sums[j, c] / max(count, 1), missed, powers, step, l2, l1
                    )
                scores[c] += values[position] * coef[j, c]
            last[j] = t
        _gradient(loss, y[i], scores, change)
        for c in range(k):
            new = weight[i] * change[c]
            change[c] = new - memory[i, c]
            memory[i, c] = new
        for position in range(begin, end):
            j = columns[position - begin] if dense else columns[position]
            for c in range(k):
                correction = values[position] * change[c]
                mean = (
                    correction + sums[j, c] / count if saga else (sums[j, c] + correction) / count
                )
                sums[j, c] += correction
                moved = coef[j, c] - step * (mean + l2 * coef[j, c])
                coef[j, c] = _soft(moved, step * l1)
            last[j] = t + 1
        for c in range(k):
            lift = (
                change[c] + sum_intercept[c] / count
                if saga
                else (sum_intercept[c] + change[c]) / count
            )
            sum_intercept[c] += change[c]
            if fit_intercept:
                intercept[c] -= step * lift
    for j in range(d):
        missed = len(order) - last[j]
        if missed > 0:
            for c in range(k):
                coef[j, c] = _caught_up(
                    coef[j, c], sums[j, c] / max(count, 1), missed, powers, step, l2, l1
                )


@compiled
def _soft(x: float, threshold: float) -> float:
    if x > threshold:
        return x - threshold
    if x < -threshold:
        return x + threshold
    return 0.0


@compiled
def _caught_up(
    x: float, mean: float, missed: int, powers: Any, step: float, l2: float, l1: float
) -> float:
    """x after `missed` steps x ← soft((1 − step·l2) x − step·mean, step·l1).

    powers : of 1 − step·l2, from the 0th
    """
    if l1 == 0.0:
        if l2 == 0.0:
            return x - missed * step * mean
        return powers[missed] * x - mean * (1.0 - powers[missed]) / l2
    keep = powers[1]
    for _ in range(missed):
        before = x
        x = _soft(keep * x - step * mean, step * l1)
        if x == before:  # a fixed point: the remaining steps change nothing
            break
    return x


@compiled
def _gradient(loss: int, y: float, scores: Any, out: Any) -> None:
    """Derivatives of one row's loss in its scores; y is a number, or a class code for SOFTMAX."""
    k = len(scores)
    if loss == SQUARED:
        for c in range(k):
            out[c] = scores[c] - y
    elif loss == LOGISTIC:
        out[0] = 1.0 / (1.0 + np.exp(-scores[0])) - y
    else:
        top = scores.max()
        total = 0.0
        for c in range(k):
            out[c] = np.exp(scores[c] - top)
            total += out[c]
        for c in range(k):
            out[c] /= total
        out[int(y)] -= 1.0

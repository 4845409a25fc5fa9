"""The epoch of stochastic gradient descent, for rows of a dense or CSR matrix.

A row costs no more than its stored values: the coefficients are kept as a vector v times a scale
s, which takes the decay of all of them at once; their average over steps is (z + a v) / b, where a
step moves a and b alone, and z where v moves; the l1 penalty that a coefficient still owes is the
total owed so far less what it has paid, settled when a row has it (Bottou 2012,
https://doi.org/10.1007/978-3-642-35289-8_25; Tsuruoka, Tsujii & Ananiadou 2009,
https://aclanthology.org/P09-1054).

Legend: n rows, d features.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np

from dovetail.kernels.cache_lines import prefetch
from dovetail.kernels.compiled import compiled

__all__ = ["Number", "Rate", "Row", "epoch", "rescale", "shuffle"]


class Row(IntEnum):
    """Losses of a row, by their place in the kernel."""

    SQUARED = 0
    LOGISTIC = 1
    HINGE = 2
    SQUARED_HINGE = 3
    MODIFIED_HUBER = 4
    HUBER = 5
    TUBE = 6
    SQUARED_TUBE = 7


class Rate(IntEnum):
    """How long a step is."""

    CONSTANT = 0
    OPTIMAL = 1  # 1 / (decay (t + start))
    INVERSE = 2  # rate / t^power
    PASSIVE = 3  # what makes the row's loss 0, at most `rate`
    SOFT_PASSIVE = 4  # the same, damped by 1 / (2 rate)


class Number(IntEnum):
    """Places of the scalars that an epoch updates."""

    SCALE = 0
    INTERCEPT = 1
    MOVING = 2  # a
    SHARE = 3  # b
    MEAN_INTERCEPT = 4
    OWED = 5  # l1 penalty of a coefficient so far
    STEPS = 6  # t, 1 before the first
    SQUARES = 7  # ‖v‖²
    ABSOLUTES = 8  # ‖v‖₁
    OBJECTIVE = 9  # sum over the rows of the epoch


_SCALE, _INTERCEPT, _A, _B, _MEAN = 0, 1, 2, 3, 4
_OWED, _T, _SQUARES, _ABSOLUTES, _OBJECTIVE = 5, 6, 7, 8, 9
_LARGEST_SLOPE = 1e12
_SMALLEST_SCALE = 1e-6
_AHEAD = 16  # rows that are asked for before they are read, by place in the order
_TREE = {"reassoc", "contract"}  # sums may be taken in any order


@compiled(counted=False)
def shuffle(order: Any, seed: int) -> None:
    """Permute `order` in place: each place is swapped with one of those from it on, drawn by the
    xorshift generator (13, 17, 5) of Marsaglia 2003, https://doi.org/10.18637/jss.v008.i14.
    """
    n = len(order)
    word = seed if seed != 0 else 1
    for i in range(n - 1):
        word ^= (word << 13) & 0xFFFFFFFF
        word ^= word >> 17
        word ^= (word << 5) & 0xFFFFFFFF
        j = i + (word & 0x7FFFFFFF) % (n - i)
        order[i], order[j] = order[j], order[i]


@compiled(counted=False)
def epoch(
    values: Any,
    columns: Any,
    starts: Any,
    dense: bool,
    y: Any,
    weight: Any,
    order: Any,
    left_out: Any,
    v: Any,
    z: Any,
    paid: Any,
    numbers: Any,
    loss: int,
    threshold: float,
    schedule: int,
    rate: float,
    power: float,
    decay: float,
    start: float,
    l2: float,
    l1: float,
    average: int,
    fit_intercept: bool,
    lift: float,
) -> None:
    """Visit the rows of `order` but those `left_out`; v, z, paid (d,) and numbers are updated in
    place.

    values, columns, starts : CSR arrays; for a dense matrix all its values row by row, columns and
        starts unread
    threshold : of the loss; rate, power, decay, start : of the schedule
    average : the step from which coefficients are averaged, 0 for never
    lift : by which steps of the intercept are multiplied
    """
    d = len(v)
    line = 64 // values.itemsize
    passive = schedule >= 3
    watched = not passive
    numbers[_OBJECTIVE] = 0.0
    step = rate
    for k in range(len(order)):
        i = order[k]
        if k + _AHEAD < len(order):
            ahead = order[k + _AHEAD]
            first = ahead * d if dense else starts[ahead]
            last = first + d if dense else starts[ahead + 1]
            for j in range(first, last, line):
                prefetch(values, j)
            prefetch(y, ahead)
            prefetch(weight, ahead)
        if left_out[i]:
            continue
        t = numbers[_T]
        begin = i * d if dense else starts[i]
        end = begin + d if dense else starts[i + 1]
        row = values[begin:end]
        which = columns[0:0] if dense else columns[begin:end]
        product = _dot(row, v) if dense else _dot_at(row, which, v)
        p = product * numbers[_SCALE] + numbers[_INTERCEPT]
        value, slope = _loss(loss, threshold, y[i], p)
        numbers[_OBJECTIVE] += value
        if schedule == 1:
            step = 1.0 / (decay * (start + t - 1.0))
        elif schedule == 2:
            step = rate / t**power
        if passive:
            size = _dot(row, row)
            if schedule == 3:
                if size == 0.0:
                    continue
                move = min(rate, value / size)
            else:
                move = value / (size + 0.5 / rate)
            move = -move if slope > 0.0 else move
        else:
            move = -step * min(max(slope, -_LARGEST_SLOPE), _LARGEST_SLOPE)
        move *= weight[i]
        if watched and (l2 > 0.0 or l1 > 0.0):
            s = numbers[_SCALE]
            numbers[_OBJECTIVE] += 0.5 * l2 * s * s * numbers[_SQUARES]
            numbers[_OBJECTIVE] += l1 * s * numbers[_ABSOLUTES]
        if l2 > 0.0:
            numbers[_SCALE] *= max(0.0, 1.0 - step * l2)
            if numbers[_SCALE] < _SMALLEST_SCALE:
                rescale(v, z, numbers)
        if move != 0.0:
            c = move / numbers[_SCALE]
            if dense:
                _add(row, c, v, numbers)
                if average > 0:
                    _shift(row, -numbers[_A] * c, z)
            else:
                _add_at(row, which, c, v, numbers)
                if average > 0:
                    _shift_at(row, which, -numbers[_A] * c, z)
            if fit_intercept:
                numbers[_INTERCEPT] += move * lift
        if 0 < average <= t:
            m = t - average + 1.0
            if m > 1.0:
                numbers[_B] *= m / (m - 1.0)
            numbers[_A] += numbers[_B] * numbers[_SCALE] / m
            numbers[_MEAN] += (numbers[_INTERCEPT] - numbers[_MEAN]) / m
        if l1 > 0.0:
            numbers[_OWED] += step * l1
            for m in range(end - begin):
                j = m if dense else which[m]
                _settle(j, v, z, paid, numbers)
        numbers[_T] = t + 1.0


@compiled(inner=True, fastmath=_TREE, counted=False)
def _dot(row: Any, v: Any) -> float:
    total = 0.0
    for j in range(len(row)):
        total += np.float64(row[j]) * v[j]
    return total


@compiled(inner=True, counted=False)
def _dot_at(row: Any, which: Any, v: Any) -> float:
    total = 0.0
    for k in range(len(row)):
        total += row[k] * v[which[k]]
    return total


@compiled(inner=True, fastmath=_TREE, counted=False)
def _add(row: Any, c: float, v: Any, numbers: Any) -> None:
    """v + c row, and its norms."""
    squares, absolutes = 0.0, 0.0
    for j in range(len(row)):
        moved = v[j] + c * row[j]
        v[j] = moved
        squares += moved * moved
        absolutes += abs(moved)
    numbers[_SQUARES] = squares
    numbers[_ABSOLUTES] = absolutes


@compiled(inner=True, counted=False)
def _add_at(row: Any, which: Any, c: float, v: Any, numbers: Any) -> None:
    squares, absolutes = 0.0, 0.0
    for k in range(len(row)):
        before = v[which[k]]
        moved = before + c * row[k]
        v[which[k]] = moved
        squares += moved * moved - before * before
        absolutes += abs(moved) - abs(before)
    numbers[_SQUARES] += squares
    numbers[_ABSOLUTES] += absolutes


@compiled(inner=True, fastmath=_TREE, counted=False)
def _shift(row: Any, c: float, z: Any) -> None:
    for j in range(len(row)):
        z[j] += c * row[j]


@compiled(inner=True, counted=False)
def _shift_at(row: Any, which: Any, c: float, z: Any) -> None:
    for k in range(len(row)):
        z[which[k]] += c * row[k]


@compiled(inner=True, counted=False)
def _settle(j: int, v: Any, z: Any, paid: Any, numbers: Any) -> None:
    """Coefficient j pays what it owes of the l1 penalty, but does not cross 0."""
    before, s, owed = v[j], numbers[_SCALE], numbers[_OWED]
    after = before
    if before > 0.0:
        after = max(0.0, before - (owed + paid[j]) / s)
    elif before < 0.0:
        after = min(0.0, before + (owed - paid[j]) / s)
    if after != before:
        v[j] = after
        z[j] -= numbers[_A] * (after - before)
        paid[j] += s * (after - before)
        numbers[_SQUARES] += after * after - before * before
        numbers[_ABSOLUTES] += abs(after) - abs(before)


@compiled(counted=False)
def rescale(v: Any, z: Any, numbers: Any) -> None:
    """The same coefficients and average with a scale of 1."""
    s, a, b = numbers[_SCALE], numbers[_A], numbers[_B]
    for j in range(len(v)):
        z[j] = (z[j] + a * v[j]) / b
        v[j] *= s
    numbers[_SCALE], numbers[_A], numbers[_B] = 1.0, 0.0, 1.0
    numbers[_SQUARES] *= s * s
    numbers[_ABSOLUTES] *= s


@compiled(inner=True, counted=False)
def _loss(loss: int, threshold: float, y: float, p: float) -> tuple[float, float]:
    """A row's loss and its derivative in the score p."""
    if loss == 0:
        return 0.5 * (p - y) ** 2, p - y
    if loss == 1:
        e = np.exp(-abs(p))
        q = 1.0 / (1.0 + e) if p >= 0.0 else e / (1.0 + e)
        return max(p, 0.0) + np.log1p(e) - y * p, q - y
    if loss == 2:
        z = threshold - y * p
        return (z, -y) if z >= 0.0 else (0.0, 0.0)
    if loss == 3:
        z = 1.0 - y * p
        return (z * z, -2.0 * y * z) if z > 0.0 else (0.0, 0.0)
    if loss == 4:
        z = y * p
        if z >= 1.0:
            return 0.0, 0.0
        return ((1.0 - z) ** 2, -2.0 * y * (1.0 - z)) if z >= -1.0 else (-4.0 * z, -4.0 * y)
    r = p - y
    sign = 1.0 if r > 0.0 else -1.0
    if loss == 5:
        if abs(r) <= threshold:
            return 0.5 * r * r, r
        return threshold * (abs(r) - 0.5 * threshold), sign * threshold
    excess = abs(r) - threshold
    if excess <= 0.0:
        return 0.0, 0.0
    return (excess, sign) if loss == 6 else (excess * excess, 2.0 * sign * excess)

"""Growth of one tree by impurity, in one compiled call that holds no lock: forests grow a tree a
thread.

A node's rows lie side by side in `order`. For each feature that is looked at, its codes are counted
where they are few against the rows, and sorted otherwise; then the rows move from right to left,
code by code. A criterion is written as a score P of a set of rows, such that −P is its impurity
times its weight but for a term that is the same for all ways to split: a split gains the scores of
its parts less that of the whole, and only sums over the left part change on the way:

    gini      P = Σ_c s_c² / W            squared error   P = Σ_o s_o² / W
    entropy   P = Σ_c s_c log s_c − W log W   poisson     P = Σ_o s_o log(s_o / W)

with s the sums of weights by class, or of weighted targets (Breiman et al. 1984, Classification and
Regression Trees; Poisson: Therneau & Atkinson, https://cran.r-project.org/package=rpart). Absolute
errors need medians of growing sets, which two Fenwick trees give (Fenwick 1994,
https://doi.org/10.1002/spe.4380240306). A threshold may be drawn instead of sought (Geurts et al.
2006, https://doi.org/10.1007/s10994-006-6226-1).

All functions are in this one file because numba's cache does not notice when a function of another
file changes. Those that run for every feature of a node take few arrays: numba counts references to
each array of a named tuple when it is passed, 0.7 µs for those of a tree. See `layout.py` for the
arrays and for the legend.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from dovetail.kernels.compiled import compiled
from dovetail.kernels.exact.layout import (
    Best,
    Column,
    Criterion,
    Desk,
    Key,
    Limits,
    Node,
    Number,
    Rows,
)

__all__ = ["grow"]

U = np.uint64
_TINY = np.finfo(np.float64).eps  # impurity of a node that is pure
_ZERO = 1e-13  # the share of a sum up to which a part of it is rounding
_INSERT = 48  # keys up to which insertion is faster than sorting by digits
_COUNT_FROM = 4  # codes a row up to which counting is faster than sorting
_BEST = len(Best)
_PLACE = 0xFFFFFFFF  # the part of a key that is not the code


@compiled
def grow(
    rows: Rows,
    limits: Limits,
    seed: int,
    nodes: Any,
    numbers: Any,
    values: Any,
    desk: Any,
    keys: Any,
) -> int:
    """Grow a tree; how many nodes it has.

    Parameters
    ----------
    rows : Rows, whose order is changed
    limits : Limits
    seed : of the features and thresholds that are drawn
    nodes, numbers : room for the most nodes that are possible
    values : float64 of shape (m, s), what each node predicts
    desk, keys : room to work in, see Desk and Key

    Cost O(r f log r) for balanced trees, f the features looked at in a node.
    """
    features = np.arange(len(rows.columns))
    state = np.empty(1, np.uint64)
    state[0] = U(seed)
    nodes[0], numbers[0] = 0, 0.0
    nodes[0, Node.END] = len(rows.order)
    numbers[0, Number.LOWER], numbers[0, Number.UPPER] = -np.inf, np.inf
    count, leaves, waiting = 1, 1, 0
    waits = np.empty(len(nodes), np.int64)
    root = np.int64(0)  # a literal would have the function compiled for it once more
    if _open(rows, limits, root, nodes, numbers, values, desk, keys, features, state):
        waits[0], waiting = root, 1
    best_first = limits.max_leaves < len(rows.order)
    while waiting > 0 and leaves < limits.max_leaves:
        at = waiting - 1
        if best_first:
            for i in range(waiting - 2, -1, -1):  # of equals, the first
                if numbers[waits[i], Number.GAIN] >= numbers[waits[at], Number.GAIN]:
                    at = i
        parent = waits[at]
        waiting -= 1
        for i in range(at, waiting):
            waits[i] = waits[i + 1]
        _part(rows, parent, count, nodes, numbers, keys)
        for child in range(count + 1, count - 1, -1):  # the left one is split next
            if _open(rows, limits, child, nodes, numbers, values, desk, keys, features, state):
                waits[waiting] = child
                waiting += 1
        count += 2
        leaves += 1
    for i in range(waiting):  # could have been split, but for max_leaves
        nodes[waits[i], Node.FEATURE] = nodes[waits[i], Node.MISSING_LEFT] = 0
        numbers[waits[i], Number.GAIN] = 0.0
    return count


# -- nodes


@compiled(inner=True)
def _open(
    rows: Rows,
    limits: Limits,
    node: int,
    nodes: Any,
    numbers: Any,
    values: Any,
    desk: Any,
    keys: Any,
    features: Any,
    state: Any,
) -> bool:
    """Describe a new node and find its best split; whether there is one."""
    it, number = nodes[node], numbers[node]
    begin, k = it[Node.BEGIN], rows.y.shape[1]
    m = it[Node.END] - begin
    it[Node.LEFT] = node
    few = limits.classes == 0 or limits.classes == 2
    plain = k == 1 and few and limits.criterion != Criterion.ABSOLUTE  # two sums say all
    weight = _gather(rows.order, rows.w, rows.y, limits.classes, plain, begin, m, desk)
    number[Number.WEIGHT] = weight
    score = _describe(rows, limits, plain, begin, m, weight, number, values[node], desk, keys)
    if (
        it[Node.DEPTH] >= limits.max_depth
        or m < limits.min_split
        or m < 2 * limits.min_leaf
        or weight < 2 * limits.min_weight
        or number[Number.IMPURITY] <= _TINY
    ):
        return False
    best = np.empty(_BEST)
    best[Best.SCORE] = -np.inf
    fine = m < limits.fine_below
    tried = _search(
        rows, limits, plain, fine, begin, m, weight, number, desk, keys, features, state, best
    )
    if tried == 0 and limits.fine_below > 0 and not fine:  # all rows lie in one bin
        fine = True
        _search(
            rows, limits, plain, fine, begin, m, weight, number, desk, keys, features, state, best
        )
    it[Node.FINE] = fine
    if best[Best.SCORE] == -np.inf:
        return False
    gain = (best[Best.SCORE] - score) / (k * numbers[0, Number.WEIGHT])
    if gain + _TINY < limits.min_decrease:
        return False
    number[Number.GAIN], number[Number.THRESHOLD] = gain, best[Best.THRESHOLD]
    number[Number.MIDDLE] = best[Best.MIDDLE]
    it[Node.FEATURE], it[Node.CODE] = np.int64(best[Best.FEATURE]), np.int64(best[Best.CODE])
    it[Node.MISSING_LEFT] = np.int64(best[Best.MISSING_LEFT])
    return True


@compiled(inner=True)
def _search(
    rows: Rows,
    limits: Limits,
    plain: bool,
    fine: bool,
    begin: int,
    m: int,
    weight: float,
    number: Any,
    desk: Any,
    keys: Any,
    features: Any,
    state: Any,
    best: Any,
) -> int:
    """Find the best split of a node by some features; how many of these were not constant."""
    columns = rows.fine_columns if fine else rows.columns
    values_of = rows.fine_values if fine else rows.values
    drawn, tried, d, k = 0, 0, len(columns), rows.y.shape[1]
    while drawn < d and (drawn < limits.max_features or tried == 0):
        j = drawn + np.int64(_random(state) % U(d - drawn))
        f = features[j]
        features[j] = features[drawn]
        features[drawn] = f
        drawn += 1
        top = columns[f, Column.CODES]
        if limits.random:
            if fine:
                tried += _draw(
                    limits,
                    plain,
                    f,
                    rows.fine[f],
                    columns,
                    values_of,
                    rows.order,
                    begin,
                    m,
                    k,
                    weight,
                    number,
                    desk,
                    keys,
                    state,
                    best,
                )
            else:
                tried += _draw(
                    limits,
                    plain,
                    f,
                    rows.codes[f],
                    columns,
                    values_of,
                    rows.order,
                    begin,
                    m,
                    k,
                    weight,
                    number,
                    desk,
                    keys,
                    state,
                    best,
                )
            continue
        used: Any = 0
        if plain and not fine and top + 1 <= _COUNT_FROM * m:
            used = _count(rows.codes[f], rows.order, begin, m, top, desk, keys)
        else:
            if fine:
                _sort_codes(rows.fine[f], rows.order, begin, m, top, keys)
            else:
                _sort_codes(rows.codes[f], rows.order, begin, m, top, keys)
            if keys[Key.ORDER, 0] >> U(32) == keys[Key.ORDER, m - 1] >> U(32):
                continue
            if plain:
                used = _join(m, desk, keys)
        if not plain:
            _scan_rows(limits, f, columns, values_of, m, k, weight, number, desk, keys, best)
        elif used > 1:
            _scan_bins(limits, f, columns, values_of, m, used, weight, number, desk, keys, best)
        else:
            continue
        tried += 1
    return tried


@compiled(inner=True)
def _gather(
    order: Any, w: Any, y: Any, classes: int, plain: bool, begin: int, m: int, desk: Any
) -> float:
    """Copy the targets and weights of a node's rows to the desk, and sum them."""
    k, weight = y.shape[1], 0.0
    for c in range(k * max(classes, 1)):
        desk[Desk.TOTAL, c] = 0.0
    if plain:
        total = 0.0
        for i in range(m):
            r = order[begin + i]
            desk[Desk.W, i] = w[r]
            weight += w[r]
            desk[Desk.Y, i] = w[r] * y[r, 0]
            total += w[r] * y[r, 0]
        desk[Desk.TOTAL, 0] = total
        return weight
    for i in range(m):
        r = order[begin + i]
        desk[Desk.W, i] = w[r]
        weight += w[r]
        for o in range(k):
            desk[Desk.Y + o, i] = y[r, o]
            if classes:
                desk[Desk.TOTAL, o * classes + np.int64(y[r, o])] += w[r]
            else:
                desk[Desk.TOTAL, o] += w[r] * y[r, o]
    return weight


@compiled(inner=True)
def _describe(
    rows: Rows,
    limits: Limits,
    plain: bool,
    begin: int,
    m: int,
    weight: float,
    number: Any,
    value: Any,
    desk: Any,
    keys: Any,
) -> float:
    """Impurity and value of a node; its score."""
    k, criterion, classes = rows.y.shape[1], limits.criterion, limits.classes
    lower, upper = number[Number.LOWER], number[Number.UPPER]
    gini = criterion == Criterion.GINI
    score, impurity = 0.0, 0.0
    if plain and classes:
        share = desk[Desk.TOTAL, 0] / weight
        score = _score(criterion, weight, desk[Desk.TOTAL, 0], desk[Desk.TOTAL, 0])
        impurity = 2.0 * share * (1.0 - share) if gini else -score / weight
        share = min(max(share, lower), upper)
        value[0], value[1] = 1.0 - share, share
    elif classes:
        for c in range(k * classes):
            s = desk[Desk.TOTAL, c]
            value[c] = s / weight
            score += s * s / weight if gini else _xlog(s)
        score -= 0.0 if gini else k * _xlog(weight)
        impurity = 1.0 - score / (weight * k) if gini else -score / (weight * k)
    elif criterion == Criterion.ABSOLUTE:
        for o in range(k):
            score -= _medians(rows, begin, m, o, weight, value, desk, keys)
        impurity = -score / (weight * k)
    else:
        for o in range(k):
            mean = desk[Desk.TOTAL, o] / weight
            value[o] = mean
            score += _score(criterion, weight, desk[Desk.TOTAL, o], desk[Desk.TOTAL, o])
            for i in range(begin, begin + m):
                y, w = rows.y[rows.order[i], o], rows.w[rows.order[i]]
                if criterion == Criterion.SQUARED:
                    impurity += w * (y - mean) * (y - mean)
                elif y > 0.0:
                    impurity += w * y * np.log(y / mean)
        impurity /= weight * k
    if limits.constrained and classes == 0:
        value[0] = min(max(value[0], lower), upper)
    number[Number.IMPURITY] = max(impurity, 0.0) + 0.0  # not −0
    return score


@compiled(inner=True)
def _move(codes: Any, order: Any, it: Any, top: int, keys: Any) -> Any:
    """Move a node's rows to their parts; where the right one begins."""
    middle, code, missing_left = it[Node.BEGIN], it[Node.CODE], it[Node.MISSING_LEFT]
    others: Any = 0
    for i in range(it[Node.BEGIN], it[Node.END]):
        r = order[i]
        c = np.int64(codes[r])
        goes = missing_left if c == top else np.int64(c <= code)
        order[middle] = r
        keys[Key.SPARE, others] = U(r)
        middle += goes
        others += 1 - goes
    for i in range(others):
        order[middle + i] = np.int64(keys[Key.SPARE, i])
    return middle


@compiled(inner=True)
def _part(rows: Rows, parent: int, left: int, nodes: Any, numbers: Any, keys: Any) -> None:
    """Move a node's rows to the two new nodes, left and left + 1."""
    it, f = nodes[parent], nodes[parent, Node.FEATURE]
    begin, end = it[Node.BEGIN], it[Node.END]
    if it[Node.FINE]:
        top = rows.fine_columns[f, Column.CODES]
        middle = _move(rows.fine[f], rows.order, it, top, keys)
    else:
        middle = _move(rows.codes[f], rows.order, it, rows.columns[f, Column.CODES], keys)
    it[Node.LEFT] = left
    for side in range(2):
        part = nodes[left + side]
        part[:] = 0
        part[Node.DEPTH] = it[Node.DEPTH] + 1
        part[Node.BEGIN] = begin if side == 0 else middle
        part[Node.END] = middle if side == 0 else end
        numbers[left + side] = numbers[parent]
        numbers[left + side, Number.GAIN] = 0.0
    rising = rows.columns[f, Column.MONOTONE]
    if rising:
        border = numbers[parent, Number.MIDDLE]
        numbers[left, Number.UPPER if rising > 0 else Number.LOWER] = border
        numbers[left + 1, Number.LOWER if rising > 0 else Number.UPPER] = border


# -- one feature of a node


@compiled(inner=True)
def _count(codes: Any, order: Any, begin: int, m: int, top: int, desk: Any, keys: Any) -> Any:
    """Running sums over the codes that occur; how many do."""
    for empty in range(top + 1):
        desk[Desk.N_OF, empty] = desk[Desk.W_OF, empty] = desk[Desk.S_OF, empty] = 0.0
    for i in range(m):
        c = U(codes[order[begin + i]])
        desk[Desk.N_OF, c] += 1.0
        desk[Desk.W_OF, c] += desk[Desk.W, i]
        desk[Desk.S_OF, c] += desk[Desk.Y, i]
    used, n, w, s = U(0), 0.0, 0.0, 0.0
    for code in range(U(top + 1)):  # without a branch
        there = desk[Desk.N_OF, code]
        n += there
        w += desk[Desk.W_OF, code]
        s += desk[Desk.S_OF, code]
        desk[Desk.N, used], desk[Desk.WEIGHT, used], desk[Desk.SUM, used] = n, w, s
        keys[Key.CODE, used] = code
        used += U(there > 0.0)
    return np.int64(used)


@compiled(inner=True)
def _join(m: int, desk: Any, keys: Any) -> Any:
    """The same from sorted keys."""
    used, w, s = U(0), 0.0, 0.0
    for i in range(m):
        key = keys[Key.ORDER, i]
        place = key & U(_PLACE)
        w += desk[Desk.W, place]
        s += desk[Desk.Y, place]
        desk[Desk.N, used], desk[Desk.WEIGHT, used], desk[Desk.SUM, used] = i + 1.0, w, s
        keys[Key.CODE, used] = key >> U(32)
        used += U(i + 1 == m or key >> U(32) != keys[Key.ORDER, i + 1] >> U(32))
    return np.int64(used)


@compiled(inner=True)
def _scan_bins(
    limits: Limits,
    f: int,
    columns: Any,
    values: Any,
    m: int,
    used: Any,
    weight: float,
    number: Any,
    desk: Any,
    keys: Any,
    best: Any,
) -> None:
    """The best place between codes, from running sums over codes."""
    total, rising = desk[Desk.TOTAL, 0], columns[f, Column.MONOTONE]
    missing = np.int64(keys[Key.CODE, used - 1] == U(columns[f, Column.CODES]))
    used -= missing
    for way in range(1 + missing):  # missing values on the right, on the left
        n, w, s = 0.0, 0.0, 0.0
        if way == 1:
            n, w = m - desk[Desk.N, used - 1], weight - desk[Desk.WEIGHT, used - 1]
            s = total - desk[Desk.SUM, used - 1]
        steps = used if missing and way == 0 else used - 1
        _score_bins(limits.criterion, w, s, weight, total, steps, desk)
        if limits.min_leaf > 1 or limits.min_weight > 0.0:
            least, most = limits.min_weight, weight - limits.min_weight
            for j in range(steps):
                rows, left = n + desk[Desk.N, j], w + desk[Desk.WEIGHT, j]
                enough = limits.min_leaf <= rows <= m - limits.min_leaf
                if not enough or left < least or left > most:
                    desk[Desk.SCORE, j] = -np.inf
        if rising:
            for j in range(steps):
                left, sum_left = w + desk[Desk.WEIGHT, j], s + desk[Desk.SUM, j]
                a, b = sum_left / left, (total - sum_left) / (weight - left)
                if not _is_ordered(rising, a, b, number):
                    desk[Desk.SCORE, j] = -np.inf
        at, most = -1, best[Best.SCORE]
        for j in range(steps):
            if desk[Desk.SCORE, j] > most:
                at, most = j, desk[Desk.SCORE, j]
        if at >= 0:
            left, sum_left = w + desk[Desk.WEIGHT, at], s + desk[Desk.SUM, at]
            best[Best.SCORE], best[Best.FEATURE], best[Best.CODE] = most, f, keys[Key.CODE, at]
            best[Best.THRESHOLD] = np.inf
            if at + 1 < used:
                a, b = np.int64(keys[Key.CODE, at]), np.int64(keys[Key.CODE, at + 1])
                best[Best.THRESHOLD] = _between(values, columns[f, Column.BEGIN], a, b)
            best[Best.MISSING_LEFT] = way if missing else 2 * (n + desk[Desk.N, at]) > m
            best[Best.MIDDLE] = (sum_left / left + (total - sum_left) / (weight - left)) / 2.0


@compiled(inner=True)
def _score_bins(
    criterion: int, w: float, s: float, weight: float, total: float, steps: int, desk: Any
) -> None:
    """Scores of all ways to part running sums, where w and s are on the left from the start."""
    weights, sums, scores = desk[Desk.WEIGHT], desk[Desk.SUM], desk[Desk.SCORE]
    if criterion == Criterion.GINI or criterion == Criterion.SQUARED:
        scale = 2.0 if criterion == Criterion.GINI else 1.0
        for j in range(steps):  # one division, vectorized
            a, p = w + weights[j], s + sums[j]
            b, q = weight - a, total - p
            scores[j] = scale * (p * p * b + q * q * a) / (a * b)
        return
    for j in range(steps):
        a, p = w + weights[j], s + sums[j]
        scores[j] = _score(criterion, a, p, total)
        scores[j] += _score(criterion, weight - a, total - p, total)


@compiled(inner=True)
def _scan_rows(
    limits: Limits,
    f: int,
    columns: Any,
    values: Any,
    m: int,
    k: int,
    weight: float,
    number: Any,
    desk: Any,
    keys: Any,
    best: Any,
) -> None:
    """The best place between codes, row by row in the order of their codes."""
    criterion, classes = limits.criterion, limits.classes
    top, rising = U(columns[f, Column.CODES]), columns[f, Column.MONOTONE]
    there = m
    while there > 0 and keys[Key.ORDER, there - 1] >> U(32) == top:
        there -= 1
    missing = np.int64(there < m)
    absolute = criterion == Criterion.ABSOLUTE
    for way in range(1 + missing):  # missing values on the right, on the left
        begin: Any = np.int64(0)
        end = there
        if way == 1:
            begin, end = m - there, m
            _turn(there, m, keys)
        if absolute:
            _sum_losses(m, k, desk, keys)
        w, n, left, right = 0.0, 0.0, 0.0, _start(criterion, k * max(classes, 1), desk)
        for i in range(end):
            place, code = keys[Key.ORDER, i] & U(_PLACE), keys[Key.ORDER, i] >> U(32)
            if not absolute:
                left, right = _advance(criterion, classes, k, place, left, right, desk)
            w += desk[Desk.W, place]
            n += 1.0
            last = i + 1 == end
            if last and (way == 1 or not missing):
                break
            if i < begin or (not last and code == keys[Key.ORDER, i + 1] >> U(32)):
                continue
            if not _is_allowed(limits.min_leaf, limits.min_weight, n, m, w, weight):
                continue
            if absolute:
                score = -desk[Desk.LOSS_LEFT, i] - desk[Desk.LOSS_RIGHT, i + 1]
            else:
                score = _score_parts(criterion, k, left, right, w, weight, desk)
            if score <= best[Best.SCORE]:
                continue
            if rising:  # one output, absolute errors
                a, b = desk[Desk.MEDIAN_LEFT, i], desk[Desk.MEDIAN_RIGHT, i + 1]
                if not _is_ordered(rising, a, b, number):
                    continue
                best[Best.MIDDLE] = (a + b) / 2.0
            best[Best.SCORE], best[Best.FEATURE], best[Best.CODE] = score, f, code
            best[Best.THRESHOLD] = np.inf
            if not last:
                a, b = np.int64(code), np.int64(keys[Key.ORDER, i + 1] >> U(32))
                best[Best.THRESHOLD] = _between(values, columns[f, Column.BEGIN], a, b)
            best[Best.MISSING_LEFT] = way if missing else 2 * n > m


@compiled(inner=True)
def _turn(there: int, m: int, keys: Any) -> None:
    """Put the keys behind the first `there` in front of them."""
    order, spare = keys[Key.ORDER], keys[Key.SPARE]
    for i in range(there):
        spare[i + m - there] = order[i]
    for i in range(there, m):
        spare[i - there] = order[i]
    for i in range(m):
        order[i] = spare[i]


@compiled(inner=True)
def _draw(
    limits: Limits,
    plain: bool,
    f: int,
    codes: Any,
    columns: Any,
    values: Any,
    order: Any,
    begin: int,
    m: int,
    k: int,
    weight: float,
    number: Any,
    desk: Any,
    keys: Any,
    state: Any,
    best: Any,
) -> int:
    """A threshold at random between the least and the greatest value, missing values at random on
    one side; 0 if the feature is constant.
    """
    top, base = columns[f, Column.CODES], columns[f, Column.BEGIN]
    first, last, missing = top, np.int64(-1), 0
    for i in range(m):
        c = np.int64(codes[order[begin + i]])
        keys[Key.ORDER, i] = U(c)
        if c == top:
            missing += 1
        else:
            first, last = min(first, c), max(last, c)
    if last < 0 or (first == last and missing == 0):
        return 0
    low, high = values[0, base + first], values[1, base + last]
    threshold = low + (high - low) * (np.float64(_random(state) >> U(11)) * 2.0**-53)
    missing_left = np.int64(_random(state) & U(1)) if missing else 0
    if threshold >= high:
        threshold = low
    code, above = first, last  # the last code with all its values at most the threshold
    while code < above:
        middle = (code + above + 1) // 2
        if values[1, base + middle] <= threshold:
            code = middle
        else:
            above = middle - 1
    if first == last:
        threshold = high
    elif not values[1, base + code] <= threshold < values[0, base + code + 1]:
        threshold = _between(values, base, code, code + 1)  # bins are not cut
    criterion, classes, absolute = limits.criterion, limits.classes, False
    absolute = criterion == Criterion.ABSOLUTE
    n, w, s, total = 0.0, 0.0, 0.0, desk[Desk.TOTAL, 0]
    left, right = 0.0, _start(criterion, k * max(classes, 1), desk)
    for i in range(m):
        c = np.int64(keys[Key.ORDER, i])
        goes = missing_left if c == top else np.int64(c <= code)
        keys[Key.ORDER, i] = (U(1 - goes) << U(32)) | U(i)
        n += goes
        w += goes * desk[Desk.W, i]
        if plain:
            s += goes * desk[Desk.Y, i]
        elif goes and not absolute:
            left, right = _advance(criterion, classes, k, U(i), left, right, desk)
    if not _is_allowed(limits.min_leaf, limits.min_weight, n, m, w, weight):
        return 1
    a, b = s / w, (total - s) / (weight - w)
    if absolute:
        _sort(m, 1, keys)
        _sum_losses(m, k, desk, keys)
        at = np.int64(n)
        score = -desk[Desk.LOSS_LEFT, at - 1] - desk[Desk.LOSS_RIGHT, at]
        a, b = desk[Desk.MEDIAN_LEFT, at - 1], desk[Desk.MEDIAN_RIGHT, at]
    elif plain:
        score = _score(criterion, w, s, total)
        score += _score(criterion, weight - w, total - s, total)
    else:
        score = _score_parts(criterion, k, left, right, w, weight, desk)
    rising = columns[f, Column.MONOTONE]
    if score > best[Best.SCORE] and (rising == 0 or _is_ordered(rising, a, b, number)):
        best[Best.SCORE], best[Best.FEATURE], best[Best.CODE] = score, f, code
        best[Best.THRESHOLD], best[Best.MIDDLE] = threshold, (a + b) / 2.0
        best[Best.MISSING_LEFT] = missing_left if missing else 2 * n > m
    return 1


@compiled(inner=True)
def _is_allowed(
    least_rows: int, least_weight: float, n: float, m: int, w: float, weight: float
) -> bool:
    enough = n >= least_rows and m - n >= least_rows
    return enough and w >= least_weight and weight - w >= least_weight


@compiled(inner=True)
def _is_ordered(rising: int, a: float, b: float, number: Any) -> bool:
    """Whether the values of two parts keep the order and the bounds of a monotonic feature."""
    low, high = number[Number.LOWER], number[Number.UPPER]
    return min(a, b) >= low and max(a, b) <= high and (a - b) * rising <= 0.0


@compiled(inner=True)
def _between(values: Any, base: int, code: int, following: int) -> float:
    """The threshold between two codes."""
    low, high = values[1, base + code], values[0, base + following]
    middle = low / 2.0 + high / 2.0
    return low if middle == high or not np.isfinite(middle) else middle


# -- scores


@compiled(inner=True)
def _xlog(x: float) -> float:
    return x * np.log2(x) if x > 0.0 else 0.0


@compiled(inner=True)
def _score(criterion: int, w: float, s: float, total: float) -> float:
    """Of a set of rows with the weight w and the weighted target s, 0 or 1 for two classes; total :
    the weighted target of the node.
    """
    if criterion == Criterion.GINI:  # (s² + (w − s)²) / w less w − 2 s, which parts share
        return 2.0 * s * s / w
    if criterion == Criterion.SQUARED:
        return s * s / w
    if criterion == Criterion.POISSON:
        return s * np.log(s / w) if s > _ZERO * total else -np.inf
    return _xlog(s) + _xlog(w - s) - _xlog(w)


@compiled(inner=True)
def _start(criterion: int, s: int, desk: Any) -> float:
    """Empty the left part; the sum of the terms of classes of all rows."""
    q = 0.0
    for c in range(s):
        desk[Desk.LEFT, c] = 0.0
        total = desk[Desk.TOTAL, c]
        q += total * total if criterion == Criterion.GINI else _xlog(total)
    return q


@compiled(inner=True)
def _advance(
    criterion: int, classes: int, k: int, place: int, left: float, right: float, desk: Any
) -> Any:
    """Move a row to the left part; the sums of the terms of classes of both parts."""
    w = desk[Desk.W, place]
    for o in range(k):
        y = desk[Desk.Y + o, place]
        if classes == 0:
            desk[Desk.LEFT, o] += w * y
            continue
        c = o * classes + np.int64(y)
        a = desk[Desk.LEFT, c]
        b = desk[Desk.TOTAL, c] - a
        desk[Desk.LEFT, c] = a + w
        if criterion == Criterion.GINI:
            left += w * (2.0 * a + w)
            right += w * (w - 2.0 * b)
        else:
            left += _xlog(a + w) - _xlog(a)
            right += _xlog(b - w) - _xlog(b)
    return left, right


@compiled(inner=True)
def _score_parts(
    criterion: int, k: int, left: float, right: float, w: float, weight: float, desk: Any
) -> float:
    if criterion == Criterion.GINI:
        return left / w + right / (weight - w)
    if criterion == Criterion.ENTROPY:
        return left + right - k * (_xlog(w) + _xlog(weight - w))
    score = 0.0
    for o in range(k):
        s, total = desk[Desk.LEFT, o], desk[Desk.TOTAL, o]
        score += _score(criterion, w, s, total)
        score += _score(criterion, weight - w, total - s, total)
    return score


# -- absolute errors


@compiled(inner=True)
def _medians(
    rows: Rows, begin: int, m: int, o: int, weight: float, value: Any, desk: Any, keys: Any
) -> float:
    """The median of one output goes to value, the order of its targets to the desk; the sum of
    distances to the median.
    """
    most, k = U(0), rows.y.shape[1]
    for i in range(m):
        rank = U(rows.ranks[rows.order[begin + i], o])
        most = max(most, rank)
        keys[Key.ORDER, i] = (rank << U(32)) | U(i)
    bits = 1
    while most >> U(bits):
        bits += 1
    _sort(m, bits, keys)
    w, half = 0.0, weight / 2.0
    low: Any = np.int64(-1)
    high: Any = np.int64(-1)
    for i in range(m):
        place = keys[Key.ORDER, i] & U(_PLACE)
        keys[Key.RANK + o, place] = U(i)
        desk[Desk.Y + k + o, i] = desk[Desk.Y + o, place]
        w += desk[Desk.W, place]
        if low < 0 and w >= half - _TINY * weight:
            low = i
        if high < 0 and w > half + _TINY * weight:
            high = i
    high = max(high, low)
    median = (desk[Desk.Y + k + o, low] + desk[Desk.Y + k + o, high]) / 2.0
    value[o] = median
    loss = 0.0
    for i in range(m):
        loss += desk[Desk.W, i] * abs(desk[Desk.Y + o, i] - median)
    return loss


@compiled(inner=True)
def _sum_losses(m: int, k: int, desk: Any, keys: Any) -> None:
    """For each place in the order of keys the sums of distances to the median, of the rows up to it
    and of those from it on, and the medians.
    """
    for o in range(k):
        for side in range(2):
            for i in range(m + 1):
                desk[Desk.TREE_W, i] = desk[Desk.TREE_S, i] = 0.0
            w, s = 0.0, 0.0
            for step in range(m):
                i = step if side == 0 else m - 1 - step
                place = keys[Key.ORDER, i] & U(_PLACE)
                weight = desk[Desk.W, place]
                y = desk[Desk.Y + o, place]
                at = np.int64(keys[Key.RANK + o, place]) + 1
                while at <= m:
                    desk[Desk.TREE_W, at] += weight
                    desk[Desk.TREE_S, at] += weight * y
                    at += at & -at
                w += weight
                s += weight * y
                low, below, sum_below = _descend(w / 2.0 - _TINY * w, m, desk)
                high, _, _ = _descend(w / 2.0 + _TINY * w, m, desk)
                first = desk[Desk.Y + k + o, low]
                # below: the rows before the first median; those at it are at no distance
                loss = first * below - sum_below + (s - sum_below) - first * (w - below)
                before = desk[Desk.LOSS_LEFT + side, i] if o else 0.0
                desk[Desk.LOSS_LEFT + side, i] = before + loss
                desk[Desk.MEDIAN_LEFT + side, i] = (first + desk[Desk.Y + k + o, high]) / 2.0


@compiled(inner=True)
def _descend(most: float, m: int, desk: Any) -> Any:
    """The first place at which the running weight exceeds `most`, and the sums before it."""
    at, w, s, step = 0, 0.0, 0.0, 1
    while 2 * step <= m:
        step *= 2
    while step > 0:
        if at + step <= m and w + desk[Desk.TREE_W, at + step] <= most:
            at += step
            w += desk[Desk.TREE_W, at]
            s += desk[Desk.TREE_S, at]
        step //= 2
    return min(at, m - 1), w, s


# -- order


@compiled(inner=True)
def _sort_codes(codes: Any, order: Any, begin: int, m: int, top: int, keys: Any) -> None:
    """Keys of a node's rows in the order of their codes."""
    for i in range(m):
        keys[Key.ORDER, i] = (U(codes[order[begin + i]]) << U(32)) | U(i)
    bits = 1
    while top >> bits:
        bits += 1
    _sort(m, bits, keys)


@compiled(inner=True)
def _sort(m: int, bits: int, keys: Any) -> None:
    """Sort keys by their upper halves, of so many bits; equal ones keep their order."""
    order, spare, counts = keys[Key.ORDER], keys[Key.SPARE], keys[Key.CODE]
    if m <= _INSERT:
        for i in range(1, m):
            key, at = order[i], i
            while at > 0 and order[at - 1] > key:
                order[at] = order[at - 1]
                at -= 1
            order[at] = key
        return
    for shift in range(32, 32 + bits, 8):
        for digit in range(256):
            counts[digit] = U(0)
        for i in range(m):
            counts[(order[i] >> U(shift)) & U(255)] += U(1)
        place = U(0)
        for digit in range(256):
            count = counts[digit]
            counts[digit] = place
            place += count
        for i in range(m):
            digit = (order[i] >> U(shift)) & U(255)
            spare[counts[digit]] = order[i]
            counts[digit] += U(1)
        for i in range(m):
            order[i] = spare[i]


@compiled(inner=True)
def _random(state: Any) -> Any:
    """splitmix64, https://doi.org/10.1145/2714064.2660195."""
    state[0] += U(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> U(30))) * U(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> U(27))) * U(0x94D049BB133111EB)
    return z ^ (z >> U(31))

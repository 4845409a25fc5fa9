"""Growth of one tree by impurity, in one compiled call that holds no lock: forests grow a tree a
thread.

A node's rows lie side by side in `order`. A criterion is written as a score P of a set of rows,
such that −P is its impurity times its weight but for a term that is the same for all ways to split:
a split gains the scores of its parts less that of the whole, and only sums over the left part
change on the way from code to code:

    gini      P = Σ_c s_c² / W            squared error   P = Σ_o s_o² / W
    entropy   P = Σ_c s_c log s_c − W log W   poisson     P = Σ_o s_o log(s_o / W)

with s the sums of weights by class, or of weighted targets (Breiman et al. 1984, Classification and
Regression Trees; Poisson: Therneau & Atkinson, https://cran.r-project.org/package=rpart). Absolute
errors need medians of growing sets, which two Fenwick trees give (Fenwick 1994,
https://doi.org/10.1002/spe.4380240306).

Few rows are sorted. More, where two sums say all of a part (one number, or two classes), are summed
by bins of neighboring codes. P is convex in these sums, so that no split within a bin has a greater
score than the corners of what the sums can be there; only the rows of bins where that exceeds the
best split so far are sorted, and the split is exact all the same (Alsabti, Ranka & Singh 1998,
CLOUDS, https://aaai.org/papers/KDD98-001). A threshold may be drawn instead of sought (Geurts et
al. 2006, https://doi.org/10.1007/s10994-006-6226-1), from the numbers themselves.

All functions are in this one file because numba's cache does not notice when a function of another
file changes. They make no arrays, so that references to these need not be counted: 0.7 µs for those
of a tree at every call. See `layout.py` for the arrays and for the legend.
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
    Room,
    Rows,
    Sums,
    Tree,
)

__all__ = ["grow"]

U = np.uint64
_TINY = np.finfo(np.float64).eps  # impurity of a node that is pure
_ZERO = 1e-13  # the share of a sum up to which a part of it is rounding
_SLACK = 1e-9  # of a gain, by which a bound may be too low
_FEW = 64  # rows up to which they are compared pair by pair, which takes no branches
_BINNED = 96  # rows from which bins pay
_ROWS_A_BIN = 4  # at least, on average: fewer cost more to score than they spare sorting
_BUCKETS = 2048  # rows below which sorting by bins and insertion beats sorting by digits
_BEST = len(Best)
_PLACE = 0xFFFFFFFF  # the part of a key that is not the code
_PLACES = U(64)  # of keys that are compared pair by pair
_LAST = np.uint32(0xFFFFFFFF)  # behind all of these


@compiled(counted=False)
def grow(rows: Rows, numbers: Any, limits: Limits, seed: int, tree: Tree, room: Room) -> int:
    """Grow a tree; how many nodes it has.

    Parameters
    ----------
    rows : Rows, whose order is changed
    numbers : float32 or float64 of shape (d, n), to draw thresholds from (NaN is missing), or None
        to seek them between codes: the kernel for the one holds nothing of the other
    limits : Limits
    seed : of the features and thresholds that are drawn
    tree : Tree, with room for the most nodes that are possible
    room : Room to work in

    Cost O(r f log r) for balanced trees, f the features looked at in a node.
    """
    nodes, about, waits = tree.nodes, tree.numbers, room.waits
    for f in range(len(room.features)):
        room.features[f] = f
    room.state[0] = U(seed)
    nodes[0, :] = 0
    about[0, :] = 0.0
    nodes[0, Node.END] = len(rows.order)
    about[0, Number.LOWER], about[0, Number.UPPER] = -np.inf, np.inf
    count, leaves, waiting = 1, 1, 0
    root = np.int64(0)  # a literal would have the function compiled for it once more
    if _open(rows, numbers, limits, root, tree, room):
        waits[0], waiting = root, 1
    best_first = limits.max_leaves < len(rows.order)
    while waiting > 0 and leaves < limits.max_leaves:
        at = waiting - 1
        if best_first:
            for i in range(waiting - 2, -1, -1):  # of equals, the first
                if about[waits[i], Number.GAIN] >= about[waits[at], Number.GAIN]:
                    at = i
        parent = waits[at]
        waiting -= 1
        for i in range(at, waiting):
            waits[i] = waits[i + 1]
        _part(rows, numbers, parent, count, nodes, about, room)
        for child in range(count + 1, count - 1, -1):  # the left one is split next
            if _open(rows, numbers, limits, child, tree, room):
                waits[waiting] = child
                waiting += 1
        count += 2
        leaves += 1
    for i in range(waiting):  # could have been split, but for max_leaves
        nodes[waits[i], Node.FEATURE] = nodes[waits[i], Node.MISSING_LEFT] = 0
        about[waits[i], Number.GAIN] = 0.0
    return count


# -- nodes


@compiled(inner=True, counted=False)
def _open(rows: Rows, numbers: Any, limits: Limits, node: int, tree: Tree, room: Room) -> bool:
    """Describe a new node and find its best split; whether there is one."""
    it, number, best = tree.nodes[node], tree.numbers[node], room.best
    mine, k = rows.order[it[Node.BEGIN] : it[Node.END]], rows.y.shape[1]
    m = len(mine)
    it[Node.LEFT] = node
    few = limits.classes == 0 or limits.classes == 2
    plain = k == 1 and few and limits.criterion != Criterion.ABSOLUTE  # two sums say all
    if plain:
        weight = _gather_plain(mine, rows.w, rows.y, m, room)
    else:
        weight = _gather(mine, rows.w, rows.y, limits.classes, m, room)
    number[Number.WEIGHT] = weight
    score = _describe(rows, limits, plain, mine, m, weight, number, tree.values[node], room)
    if (
        it[Node.DEPTH] >= limits.max_depth
        or m < limits.min_split
        or m < 2 * limits.min_leaf
        or weight < 2 * limits.min_weight
        or number[Number.IMPURITY] <= _TINY
    ):
        return False
    best[Best.SCORE], best[Best.BASE] = -np.inf, score
    _search(rows, numbers, limits, plain, mine, m, weight, number, room)
    if best[Best.SCORE] == -np.inf:
        return False
    gain = (best[Best.SCORE] - score) / (k * tree.numbers[0, Number.WEIGHT])
    if gain + _TINY < limits.min_decrease:
        return False
    if numbers is None:
        _settle(rows, mine, m, best)
    number[Number.GAIN], number[Number.THRESHOLD] = gain, best[Best.THRESHOLD]
    number[Number.MIDDLE] = best[Best.MIDDLE]
    it[Node.FEATURE], it[Node.CODE] = np.int64(best[Best.FEATURE]), np.int64(best[Best.CODE])
    it[Node.MISSING_LEFT] = np.int64(best[Best.MISSING_LEFT])
    return True


@compiled(inner=True, counted=False, inline=True)
def _search(
    rows: Rows,
    numbers: Any,
    limits: Limits,
    plain: bool,
    mine: Any,
    m: int,
    weight: float,
    number: Any,
    room: Room,
) -> None:
    """Find the best split of a node by some features, more if these are constant."""
    features, columns = room.features, rows.columns
    drawn, tried, d, k = 0, 0, len(columns), rows.y.shape[1]
    while drawn < d and (drawn < limits.max_features or tried == 0):
        j = drawn + np.int64(_random(room.state) % U(d - drawn))
        f = features[j]
        features[j] = features[drawn]
        features[drawn] = f
        drawn += 1
        if numbers is not None:
            x = numbers[f]
            tried += _draw(limits, plain, f, x, columns, mine, m, k, weight, number, room)
        else:
            tried += _seek(rows, limits, plain, f, mine, m, weight, number, room)


@compiled(inner=True, counted=False, inline=True)
def _seek(
    rows: Rows,
    limits: Limits,
    plain: bool,
    f: int,
    mine: Any,
    m: int,
    weight: float,
    number: Any,
    room: Room,
) -> int:
    """The best split by one feature; 0 if it is constant."""
    columns = rows.columns
    if plain and m >= _BINNED:
        found = _search_bins(rows, limits, f, mine, m, weight, number, room)
        if found >= 0:
            return found
    top = columns[f, Column.CODES]
    _sort_codes(rows.codes[f], rows.bins[f], mine, m, top, room)
    if room.keys[Key.ORDER, 0] >> U(32) == room.keys[Key.ORDER, m - 1] >> U(32):
        return 0
    if plain:
        _scan_plain(limits, f, columns, m, weight, number, room)
    else:
        _scan_rows(limits, f, columns, m, rows.y.shape[1], weight, number, room)
    return 1


@compiled(inner=True, counted=False, inline=True)
def _gather_plain(mine: Any, w: Any, y: Any, m: int, room: Room) -> float:
    """Copy what is summed of a node's rows, and sum it."""
    desk, stats, weight, total = room.desk, room.stats, 0.0, 0.0
    for i in range(m):
        r = mine[i]
        a, b = w[r], y[r, 0]
        stats[i, Sums.ROWS], stats[i, Sums.WEIGHT], stats[i, Sums.TARGET] = 1.0, a, a * b
        desk[Desk.W, i], desk[Desk.TARGET, i], desk[Desk.Y, i] = a, a * b, b
        weight += a
        total += a * b
    desk[Desk.TOTAL, 0] = total
    return weight


@compiled(inner=True, counted=False)
def _gather(mine: Any, w: Any, y: Any, classes: int, m: int, room: Room) -> float:
    """Copy the targets and weights of a node's rows to the desk, and sum them."""
    desk, k, weight = room.desk, y.shape[1], 0.0
    for c in range(k * max(classes, 1)):
        desk[Desk.TOTAL, c] = 0.0
    for i in range(m):
        r = mine[i]
        desk[Desk.W, i] = w[r]
        weight += w[r]
        for o in range(k):
            desk[Desk.Y + o, i] = y[r, o]
            if classes:
                desk[Desk.TOTAL, o * classes + np.int64(y[r, o])] += w[r]
            else:
                desk[Desk.TOTAL, o] += w[r] * y[r, o]
    return weight


@compiled(inner=True, counted=False, inline=True)
def _describe(
    rows: Rows,
    limits: Limits,
    plain: bool,
    mine: Any,
    m: int,
    weight: float,
    number: Any,
    value: Any,
    room: Room,
) -> float:
    """Impurity and value of a node; its score."""
    k, criterion, classes, desk = rows.y.shape[1], limits.criterion, limits.classes, room.desk
    lower, upper = number[Number.LOWER], number[Number.UPPER]
    gini = criterion == Criterion.GINI
    score, impurity = 0.0, 0.0
    if plain:
        total = desk[Desk.TOTAL, 0]
        mean = total / weight
        score = _score(criterion, weight, total, total)
        spread = _spread(criterion, m, mean, room)
        if classes:
            impurity = 2.0 * mean * (1.0 - mean) if gini else -score / weight
            mean = min(max(mean, lower), upper)
            value[0], value[1] = 1.0 - mean, mean
        else:
            value[0], impurity = mean, spread / weight
    elif classes:
        for c in range(k * classes):
            s = desk[Desk.TOTAL, c]
            value[c] = s / weight
            score += s * s / weight if gini else _xlog(s)
        score -= 0.0 if gini else k * _xlog(weight)
        impurity = 1.0 - score / (weight * k) if gini else -score / (weight * k)
    elif criterion == Criterion.ABSOLUTE:
        for o in range(k):
            score -= _medians(rows, mine, m, o, weight, value, room)
        impurity = -score / (weight * k)
    else:
        for o in range(k):
            mean = desk[Desk.TOTAL, o] / weight
            value[o] = mean
            score += _score(criterion, weight, desk[Desk.TOTAL, o], desk[Desk.TOTAL, o])
            for i in range(m):
                y, w = desk[Desk.Y + o, i], desk[Desk.W, i]
                if criterion == Criterion.SQUARED:
                    impurity += w * (y - mean) * (y - mean)
                elif y > 0.0:
                    impurity += w * y * np.log(y / mean)
        impurity /= weight * k
    if limits.constrained and classes == 0:
        value[0] = min(max(value[0], lower), upper)
    number[Number.IMPURITY] = max(impurity, 0.0) + 0.0  # not −0
    return score


@compiled(inner=True, counted=False, inline=True)
def _spread(criterion: int, m: int, mean: float, room: Room) -> float:
    """Keep how far the targets rise above their mean, and how far they are from it at most; the sum
    of their distances, as the criterion has them.
    """
    desk, stats, spread, far = room.desk, room.stats, 0.0, 0.0
    poisson = criterion == Criterion.POISSON
    for i in range(m):
        away = desk[Desk.Y, i] - mean
        off = stats[i, Sums.WEIGHT] * away
        stats[i, Sums.ABOVE] = max(off, 0.0)
        far = max(far, abs(away))
        if not poisson:
            spread += off * away
        elif desk[Desk.Y, i] > 0.0:
            spread += stats[i, Sums.TARGET] * np.log(desk[Desk.Y, i] / mean)
    room.best[Best.FAR] = far
    return spread


@compiled(inner=True, counted=False, inline=True)
def _settle(rows: Rows, mine: Any, m: int, best: Any) -> None:
    """The threshold of a split, and the code of one between bins."""
    f = np.int64(best[Best.FEATURE])
    bins, codes, edge = rows.bins[f], rows.codes[f], np.int64(best[Best.EDGE])
    top, base = rows.columns[f, Column.CODES], rows.columns[f, Column.BEGIN]
    below, above = np.int64(best[Best.CODE]), np.int64(best[Best.FOLLOWING])
    if below < 0:
        above = top
        for i in range(m):
            r = mine[i]
            code = np.int64(codes[r])
            left = np.int64(bins[r]) <= edge and code < top
            below = max(below, code if left else np.int64(-1))
            above = min(above, top if left else code)
    best[Best.CODE], best[Best.THRESHOLD] = below, np.inf
    if above < top:
        low, high = rows.values[base + below], rows.values[base + above]
        middle = low / 2.0 + high / 2.0
        best[Best.THRESHOLD] = low if middle == high or not np.isfinite(middle) else middle


@compiled(inner=True, counted=False)
def _move_codes(codes: Any, order: Any, it: Any, top: int, spare: Any) -> Any:
    """Move a node's rows to their parts; where the right one begins."""
    middle, code, missing_left = it[Node.BEGIN], it[Node.CODE], it[Node.MISSING_LEFT]
    others: Any = 0
    for i in range(it[Node.BEGIN], it[Node.END]):
        r = order[i]
        c = np.int64(codes[r])
        goes = missing_left if c == top else np.int64(c <= code)
        order[middle] = r
        spare[others] = r
        middle += goes
        others += 1 - goes
    for i in range(others):
        order[middle + i] = spare[i]
    return middle


@compiled(inner=True, counted=False)
def _move_numbers(x: Any, order: Any, it: Any, threshold: float, spare: Any) -> Any:
    """The same by a threshold."""
    middle, missing_left = it[Node.BEGIN], it[Node.MISSING_LEFT]
    others: Any = 0
    for i in range(it[Node.BEGIN], it[Node.END]):
        r = order[i]
        a = np.float64(x[r])
        goes = np.int64(a <= threshold) | (missing_left & np.int64(a != a))
        order[middle] = r
        spare[others] = r
        middle += goes
        others += 1 - goes
    for i in range(others):
        order[middle + i] = spare[i]
    return middle


@compiled(inner=True, counted=False)
def _part(
    rows: Rows, numbers: Any, parent: int, left: int, nodes: Any, about: Any, room: Room
) -> None:
    """Move a node's rows to the two new nodes, left and left + 1."""
    it, f, spare = nodes[parent], nodes[parent, Node.FEATURE], room.keys[Key.SPARE]
    begin, end = it[Node.BEGIN], it[Node.END]
    if numbers is not None:
        threshold = about[parent, Number.THRESHOLD]
        middle = _move_numbers(numbers[f], rows.order, it, threshold, spare)
    else:
        top = rows.columns[f, Column.CODES]
        middle = _move_codes(rows.codes[f], rows.order, it, top, spare)
    it[Node.LEFT] = left
    for side in range(2):
        part = nodes[left + side]
        part[:] = 0
        part[Node.DEPTH] = it[Node.DEPTH] + 1
        part[Node.BEGIN] = begin if side == 0 else middle
        part[Node.END] = middle if side == 0 else end
        for i in range(about.shape[1]):
            about[left + side, i] = about[parent, i]
        about[left + side, Number.GAIN] = 0.0
    rising = rows.columns[f, Column.MONOTONE]
    if rising:
        border = about[parent, Number.MIDDLE]
        about[left, Number.UPPER if rising > 0 else Number.LOWER] = border
        about[left + 1, Number.LOWER if rising > 0 else Number.UPPER] = border


# -- one feature of a node


@compiled(inner=True, counted=False, inline=True)
def _search_bins(
    rows: Rows,
    limits: Limits,
    f: int,
    mine: Any,
    m: int,
    weight: float,
    number: Any,
    room: Room,
) -> int:
    """The best split by one feature; 0 if it is constant, −1 if all rows are in one bin."""
    columns, bin_of, best = rows.columns, room.bin_of, room.best
    desk, sums, stats = room.desk, room.sums, room.stats
    codes, top, shift = rows.bins[f], columns[f, Column.BINS], 0
    while top >> shift > max(m // _ROWS_A_BIN, 16):
        shift += 1
    exact = top == columns[f, Column.CODES] and shift == 0
    bins = ((top - 1) >> shift) + 1
    if columns[f, Column.MISSING]:
        for i in range(m):
            c = np.int64(codes[mine[i]])
            bin_of[i] = bins if c == top else c >> shift
    else:
        for i in range(m):
            bin_of[i] = codes[mine[i]] >> shift
    sums[: bins + 1] = 0.0
    for i in range(m):
        b = bin_of[i]
        n, w = sums[b, 0] + stats[i, 0], sums[b, 1] + stats[i, 1]
        s, p = sums[b, 2] + stats[i, 2], sums[b, 3] + stats[i, 3]
        sums[b, 0], sums[b, 1], sums[b, 2], sums[b, 3] = n, w, s, p
    n, w, s, used = 0.0, 0.0, 0.0, 0
    for b in range(bins):
        there = sums[b, Sums.ROWS]
        n += there
        w += sums[b, Sums.WEIGHT]
        s += sums[b, Sums.TARGET]
        used += there > 0.0
        desk[Desk.N, b], desk[Desk.WEIGHT, b], desk[Desk.SUM, b] = n, w, s
        desk[Desk.IN_N, b], desk[Desk.IN_WEIGHT, b] = there, sums[b, Sums.WEIGHT]
        desk[Desk.IN_SUM, b], desk[Desk.IN_ABOVE, b] = sums[b, Sums.TARGET], sums[b, Sums.ABOVE]
    missing = np.int64(n < m)
    if used + missing < 2:
        return 0 if exact else -1
    total = desk[Desk.TOTAL, 0]
    for way in range(1 + missing):  # missing values on the right, on the left
        n, w, s = 0.0, 0.0, 0.0
        if way == 1:
            n, w, s = sums[bins, Sums.ROWS], sums[bins, Sums.WEIGHT], sums[bins, Sums.TARGET]
        steps = bins - 1 + missing * (1 - way)
        at = _best_step(limits, f, columns, Desk.N, steps, n, w, s, m, weight, number, room)
        if at >= 0:
            best[Best.CODE], best[Best.EDGE] = -1, ((at + 1) << shift) - 1
            best[Best.MISSING_LEFT] = way if missing else 2 * best[Best.ROWS] > m
        if exact or not _mark(limits, bins, w, s, weight, total, room):
            continue
        if _refine(rows, limits, f, mine, n, w, s, m, weight, number, room):
            best[Best.MISSING_LEFT] = way if missing else 2 * best[Best.ROWS] > m
    return 1


@compiled(inner=True, counted=False, inline=True)
def _mark(
    limits: Limits, bins: int, w: float, s: float, weight: float, total: float, room: Room
) -> bool:
    """Mark the bins within which there may be a better split; whether there is one.

    w, s : on the left from the start
    """
    desk, alive, best = room.desk, room.alive, room.best
    weights, targets, bounds = desk[Desk.WEIGHT], desk[Desk.SUM], desk[Desk.SCORE]
    in_weights, in_targets, aboves = desk[Desk.IN_WEIGHT], desk[Desk.IN_SUM], desk[Desk.IN_ABOVE]
    criterion, mean, far = limits.criterion, total / weight, best[Best.FAR]
    base = best[Best.BASE]
    need = (best[Best.SCORE] - base) * (1.0 - _SLACK) - 8.0 * _TINY * abs(base)
    if not limits.bounded:
        for b in range(bins):
            bounds[b] = np.inf
    elif criterion == Criterion.GINI or criterion == Criterion.SQUARED:
        # with t the target on the left less its mean, a the weight there and b that on the right,
        # the gain is W t² / (a b), and |t| at most far times a, and far times b
        scale = weight * (2.0 if criterion == Criterion.GINI else 1.0)
        for b in range(bins):
            a1, t1 = w + weights[b], s + targets[b]
            a0, t0 = a1 - in_weights[b], t1 - in_targets[b]
            b0, b1, above = weight - a0, weight - a1, aboves[b]
            most = max(abs(t0 - mean * a0 + above), abs(t1 - mean * a1 - above))
            least = max(min(a0 * b0, a1 * b1), 0.0)
            bounds[b] = scale * most * min(most / least, far / max(a0, b1))
    else:
        for b in range(bins):
            a1, s1 = w + weights[b], s + targets[b]
            a0, s0 = a1 - in_weights[b], s1 - in_targets[b]
            first, second = a0, a1  # the weights at which the sum is s1 and s0
            if criterion == Criterion.ENTROPY:  # one class after the other
                first, second = a0 + (s1 - s0), a1 - (s1 - s0)
            p = _score(criterion, first, s1, total)
            p += _score(criterion, weight - first, total - s1, total)
            q = _score(criterion, second, s0, total)
            q += _score(criterion, weight - second, total - s0, total)
            bounds[b] = max(p, q) - base if min(p, q) > -np.inf else np.inf
    some = False
    for b in range(bins):
        alive[b] = desk[Desk.IN_N, b] > 1.0 and bounds[b] > need
        some |= alive[b] > 0
    alive[bins] = 0
    return some


@compiled(inner=True, counted=False, inline=True)
def _refine(
    rows: Rows,
    limits: Limits,
    f: int,
    mine: Any,
    n: float,
    w: float,
    s: float,
    m: int,
    weight: float,
    number: Any,
    room: Room,
) -> bool:
    """The best split within the bins that are marked; whether it is the best so far."""
    keys, bin_of, alive, desk = room.keys[Key.ORDER], room.bin_of, room.alive, room.desk
    stats, columns, codes = room.stats, rows.columns, rows.codes[f]
    count: Any = 0
    for i in range(m):
        keys[count] = U(i)
        count += np.int64(alive[bin_of[i]])
    for i in range(count):
        place = keys[i]
        keys[i] = (U(codes[mine[place]]) << U(32)) | place
    _sort(count, columns[f, Column.CODES], room)
    run_n, run_w, run_s = 0.0, 0.0, 0.0
    last = np.int64(-1)
    for i in range(count):
        place = keys[i] & U(_PLACE)
        b = np.int64(bin_of[place])
        if b != last:
            run_n = desk[Desk.N, b] - desk[Desk.IN_N, b]
            run_w = desk[Desk.WEIGHT, b] - desk[Desk.IN_WEIGHT, b]
            run_s = desk[Desk.SUM, b] - desk[Desk.IN_SUM, b]
            last = b
        run_n += 1.0
        run_w += stats[place, Sums.WEIGHT]
        run_s += stats[place, Sums.TARGET]
        desk[Desk.RUN_N, i], desk[Desk.RUN_WEIGHT, i], desk[Desk.RUN_SUM, i] = run_n, run_w, run_s
    for i in range(count - 1):
        here, after = keys[i], keys[i + 1]
        same = here >> U(32) == after >> U(32)
        apart = bin_of[here & U(_PLACE)] != bin_of[after & U(_PLACE)]
        if same or apart:
            desk[Desk.RUN_N, i] = -np.inf
    at = _best_step(limits, f, columns, Desk.RUN_N, count - 1, n, w, s, m, weight, number, room)
    if at >= 0:
        _keep(at, keys, room.best)
    return at >= 0


@compiled(inner=True, counted=False, inline=True)
def _scan_plain(
    limits: Limits,
    f: int,
    columns: Any,
    m: int,
    weight: float,
    number: Any,
    room: Room,
) -> None:
    """The best place between codes, where two sums say all of a part."""
    keys, stats, desk, best = room.keys[Key.ORDER], room.stats, room.desk, room.best
    top, there, total = U(columns[f, Column.CODES]), m, desk[Desk.TOTAL, 0]
    while there > 0 and keys[there - 1] >> U(32) == top:
        there -= 1
    missing = np.int64(there < m)
    w, s = 0.0, 0.0
    for i in range(there):
        place = keys[i] & U(_PLACE)
        w += stats[place, Sums.WEIGHT]
        s += stats[place, Sums.TARGET]
        desk[Desk.RUN_N, i], desk[Desk.RUN_WEIGHT, i], desk[Desk.RUN_SUM, i] = i + 1.0, w, s
    for i in range(there - 1):
        if keys[i] >> U(32) == keys[i + 1] >> U(32):
            desk[Desk.RUN_N, i] = -np.inf
    n, a, p = np.float64(m - there), weight - w, total - s
    for way in range(1 + missing):  # missing values on the right, on the left
        if way == 1:
            at = _best_step(
                limits, f, columns, Desk.RUN_N, there - 1, n, a, p, m, weight, number, room
            )
        else:
            steps = there - 1 + missing
            at = _best_step(
                limits, f, columns, Desk.RUN_N, steps, 0.0, 0.0, 0.0, m, weight, number, room
            )
        if at >= 0:
            _keep(at, keys, best)
            best[Best.MISSING_LEFT] = way if missing else 2 * best[Best.ROWS] > m


@compiled(inner=True, counted=False)
def _best_step(
    limits: Limits,
    f: int,
    columns: Any,
    base: int,
    steps: int,
    n: float,
    w: float,
    s: float,
    m: int,
    weight: float,
    number: Any,
    room: Room,
) -> int:
    """The first of the best splits behind running sums, if it is the best so far, else −1.

    base : the row of the desk with rows, followed by those with weights and weighted targets
    n, w, s : on the left from the start
    """
    desk, best, total = room.desk, room.best, room.desk[Desk.TOTAL, 0]
    rows, weights, sums, scores = desk[base], desk[base + 1], desk[base + 2], desk[Desk.SCORE]
    criterion, rising = limits.criterion, columns[f, Column.MONOTONE]
    least, most = np.float64(limits.min_leaf) - n, m - np.float64(limits.min_leaf) - n
    if criterion == Criterion.GINI or criterion == Criterion.SQUARED:
        scale = 2.0 if criterion == Criterion.GINI else 1.0
        for j in range(steps):  # one division, vectorized
            a, p = w + weights[j], s + sums[j]
            b, q = weight - a, total - p
            score = scale * (p * p * b + q * q * a) / (a * b)
            scores[j] = score if least <= rows[j] <= most else -np.inf
    else:
        for j in range(steps):
            scores[j] = -np.inf
            if least <= rows[j] <= most:
                a, p = w + weights[j], s + sums[j]
                score = _score(criterion, a, p, total)
                scores[j] = score + _score(criterion, weight - a, total - p, total)
    if limits.min_weight > 0.0:
        for j in range(steps):
            left = w + weights[j]
            if left < limits.min_weight or weight - left < limits.min_weight:
                scores[j] = -np.inf
    if rising:
        for j in range(steps):
            left, sum_left = w + weights[j], s + sums[j]
            a, b = sum_left / left, (total - sum_left) / (weight - left)
            if not _is_ordered(rising, a, b, number):
                scores[j] = -np.inf
    at, top = -1, best[Best.SCORE]
    for j in range(steps):
        if scores[j] > top:
            at, top = j, scores[j]
    if at >= 0:
        left, sum_left = w + weights[at], s + sums[at]
        best[Best.SCORE], best[Best.FEATURE], best[Best.ROWS] = top, f, n + rows[at]
        best[Best.MIDDLE] = (sum_left / left + (total - sum_left) / (weight - left)) / 2.0
    return at


@compiled(inner=True, counted=False)
def _keep(at: int, keys: Any, best: Any) -> None:
    """The codes on both sides of a split behind a sorted key."""
    best[Best.CODE] = np.float64(keys[at] >> U(32))
    best[Best.FOLLOWING] = np.float64(keys[at + 1] >> U(32))


@compiled(inner=True, counted=False, inline=True)
def _scan_rows(
    limits: Limits,
    f: int,
    columns: Any,
    m: int,
    k: int,
    weight: float,
    number: Any,
    room: Room,
) -> None:
    """The best place between codes, row by row in the order of their codes."""
    criterion, classes, desk = limits.criterion, limits.classes, room.desk
    keys, best, scores = room.keys[Key.ORDER], room.best, room.desk[Desk.SCORE]
    top, rising = U(columns[f, Column.CODES]), columns[f, Column.MONOTONE]
    there = m
    while there > 0 and keys[there - 1] >> U(32) == top:
        there -= 1
    missing = np.int64(there < m)
    absolute = criterion == Criterion.ABSOLUTE
    for way in range(1 + missing):  # missing values on the right, on the left
        begin: Any = np.int64(0)
        end = there
        if way == 1:
            begin, end = m - there, m
            _turn(there, m, room)
        steps = end - 1 + missing * (1 - way)
        if absolute:
            _sum_losses(m, k, room)
            for i in range(steps):
                scores[i] = -desk[Desk.LOSS_LEFT, i] - desk[Desk.LOSS_RIGHT, i + 1]
            w = 0.0
            for i in range(steps):
                w += desk[Desk.W, keys[i] & U(_PLACE)]
                desk[Desk.WEIGHT, i] = w
        else:
            _score_rows(criterion, classes, k, steps, weight, room)
        at, most = -1, best[Best.SCORE]
        first: Any = max(begin, limits.min_leaf - 1)
        final: Any = min(steps, m - limits.min_leaf)
        for i in range(first, final):
            if not scores[i] > most:
                continue
            if i + 1 < end and keys[i] >> U(32) == keys[i + 1] >> U(32):
                continue
            w = desk[Desk.WEIGHT, i]
            if w < limits.min_weight or weight - w < limits.min_weight:
                continue
            if rising:  # one output, absolute errors
                a, b = desk[Desk.MEDIAN_LEFT, i], desk[Desk.MEDIAN_RIGHT, i + 1]
                if not _is_ordered(rising, a, b, number):
                    continue
                best[Best.MIDDLE] = (a + b) / 2.0
            at, most = i, scores[i]
        if at >= 0:
            best[Best.SCORE], best[Best.FEATURE] = most, f
            _keep(at, keys, best)
            best[Best.MISSING_LEFT] = way if missing else 2 * (at + 1) > m


@compiled(inner=True, counted=False)
def _turn(there: int, m: int, room: Room) -> None:
    """Put the keys behind the first `there` in front of them."""
    order, spare = room.keys[Key.ORDER], room.keys[Key.SPARE]
    for i in range(there):
        spare[i + m - there] = order[i]
    for i in range(there, m):
        spare[i - there] = order[i]
    for i in range(m):
        order[i] = spare[i]


@compiled(inner=True, counted=False, inline=True)
def _score_rows(
    criterion: int, classes: int, k: int, steps: int, weight: float, room: Room
) -> None:
    """Scores of the splits behind so many sorted keys, with the weights on their left."""
    desk, keys = room.desk, room.keys[Key.ORDER]
    weights, scores, lefts, rights = (
        desk[Desk.WEIGHT],
        desk[Desk.SCORE],
        desk[Desk.LOSS_LEFT],
        desk[Desk.LOSS_RIGHT],
    )
    sums, totals, own = desk[Desk.LEFT], desk[Desk.TOTAL], desk[Desk.W]
    gini, w, left, right = criterion == Criterion.GINI, 0.0, 0.0, 0.0
    for c in range(k * max(classes, 1)):  # the terms of classes of all rows
        sums[c] = 0.0
        right += totals[c] * totals[c] if gini else _xlog(totals[c])
    for i in range(steps):
        place = keys[i] & U(_PLACE)
        u = own[place]
        w += u
        for o in range(k):
            y = desk[Desk.Y + o, place]
            if classes == 0:
                sums[o] += u * y
                continue
            s = U(o * classes) + U(y)
            a = sums[s]
            b = totals[s] - a
            sums[s] = a + u
            if gini:
                left += u * (2.0 * a + u)
                right += u * (u - 2.0 * b)
            else:
                left += _xlog(a + u) - _xlog(a)
                right += _xlog(b - u) - _xlog(b)
        weights[i], lefts[i], rights[i] = w, left, right
        if classes == 0:
            scores[i] = _score_numbers(criterion, k, w, weight, sums, totals)
    if gini:
        for i in range(steps):
            a, b = weights[i], weight - weights[i]
            scores[i] = (lefts[i] * b + rights[i] * a) / (a * b)
    elif criterion == Criterion.ENTROPY:
        for i in range(steps):
            scores[i] = lefts[i] + rights[i]
            scores[i] -= k * (_xlog(weights[i]) + _xlog(weight - weights[i]))


@compiled(inner=True, counted=False)
def _score_numbers(
    criterion: int, k: int, w: float, weight: float, sums: Any, totals: Any
) -> float:
    """The score of both parts from the sums of the left one."""
    score = 0.0
    for o in range(k):
        score += _score(criterion, w, sums[o], totals[o])
        score += _score(criterion, weight - w, totals[o] - sums[o], totals[o])
    return score


@compiled(inner=True, counted=False, inline=True)
def _draw(
    limits: Limits,
    plain: bool,
    f: int,
    x: Any,
    columns: Any,
    mine: Any,
    m: int,
    k: int,
    weight: float,
    number: Any,
    room: Room,
) -> int:
    """A threshold at random between the least and the greatest number, missing values at random on
    one side; 0 if the feature is constant.
    """
    desk, best, criterion, classes = room.desk, room.best, limits.criterion, limits.classes
    numbers = desk[Desk.X]
    low, high = _gather_numbers(x, mine, m, numbers)
    if not low <= high:
        return 0
    missing = np.int64(0)
    if columns[f, Column.MISSING]:
        for i in range(m):
            missing += np.int64(numbers[i] != numbers[i])
    if low == high and missing == 0:
        return 0
    threshold = low + (high - low) * (np.float64(_random(room.state) >> U(11)) * 2.0**-53)
    missing_left = np.int64(_random(room.state) & U(1)) if missing else 0
    if threshold >= high:
        threshold = high if low == high else low
    if missing_left:
        for i in range(m):
            numbers[i] = numbers[i] if numbers[i] == numbers[i] else -np.inf
    score, w, a, b = 0.0, 0.0, 0.0, 0.0
    if plain:
        n, w, s = _sum_left(m, threshold, numbers, desk[Desk.W], desk[Desk.TARGET])
    else:
        n, w = _sum_left_outputs(classes, k, m, threshold, numbers, desk)
        s = 0.0
    if not _is_allowed(limits.min_leaf, limits.min_weight, n, m, w, weight):
        return 1
    if plain:
        total = desk[Desk.TOTAL, 0]
        score = _score(criterion, w, s, total)
        score += _score(criterion, weight - w, total - s, total)
        a, b = s / w, (total - s) / (weight - w)
    elif criterion == Criterion.ABSOLUTE:
        for i in range(m):
            goes = numbers[i] <= threshold
            room.keys[Key.ORDER, i] = (U(not goes) << U(32)) | U(i)
        _sort_digits(m, 1, room)
        _sum_losses(m, k, room)
        at = np.int64(n)
        score = -desk[Desk.LOSS_LEFT, at - 1] - desk[Desk.LOSS_RIGHT, at]
        a, b = desk[Desk.MEDIAN_LEFT, at - 1], desk[Desk.MEDIAN_RIGHT, at]
    elif classes:
        sums, totals = desk[Desk.LEFT], desk[Desk.TOTAL]
        score = _score_classes(criterion, k, classes, w, weight, sums, totals)
    else:
        score = _score_numbers(criterion, k, w, weight, desk[Desk.LEFT], desk[Desk.TOTAL])
    rising = columns[f, Column.MONOTONE]
    if score > best[Best.SCORE] and (rising == 0 or _is_ordered(rising, a, b, number)):
        best[Best.SCORE], best[Best.FEATURE], best[Best.CODE] = score, f, 0
        best[Best.THRESHOLD], best[Best.MIDDLE] = threshold, (a + b) / 2.0
        best[Best.MISSING_LEFT] = missing_left if missing else 2 * n > m
    return 1


@compiled(inner=True, counted=False)
def _gather_numbers(x: Any, mine: Any, m: int, numbers: Any) -> Any:
    """Copy the numbers of a node's rows; the least and the greatest of them."""
    low, high, least, most = np.inf, -np.inf, np.inf, -np.inf
    for half in range(U(m) >> U(1)):  # two at a time: each comparison waits for the last
        i = U(2) * half
        a, b = np.float64(x[mine[i]]), np.float64(x[mine[i + U(1)]])
        numbers[i], numbers[i + U(1)] = a, b
        low, high = a if a < low else low, a if a > high else high
        least, most = b if b < least else least, b if b > most else most
    if m % 2:
        a = np.float64(x[mine[m - 1]])
        numbers[m - 1] = a
        low, high = a if a < low else low, a if a > high else high
    return min(low, least), max(high, most)


@compiled(inner=True, counted=False, fastmath={"reassoc", "contract"})
def _sum_left(m: int, threshold: float, numbers: Any, weights: Any, targets: Any) -> Any:
    """Rows, weight and weighted target of the left part."""
    n, w, s = 0.0, 0.0, 0.0
    for i in range(m):
        goes = numbers[i] <= threshold
        n += 1.0 if goes else 0.0
        w += weights[i] if goes else 0.0
        s += targets[i] if goes else 0.0
    return n, w, s


@compiled(inner=True, counted=False)
def _sum_left_outputs(
    classes: int, k: int, m: int, threshold: float, numbers: Any, desk: Any
) -> Any:
    """Rows and weight of the left part; its sums go to the desk."""
    n, w = 0.0, 0.0
    for c in range(k * max(classes, 1)):
        desk[Desk.LEFT, c] = 0.0
    for i in range(m):
        goes = 1.0 if numbers[i] <= threshold else 0.0
        a = goes * desk[Desk.W, i]
        n += goes
        w += a
        for o in range(k):
            y = desk[Desk.Y + o, i]
            if classes:
                desk[Desk.LEFT, o * classes + np.int64(y)] += a
            else:
                desk[Desk.LEFT, o] += a * y
    return n, w


@compiled(inner=True, counted=False)
def _score_classes(
    criterion: int, k: int, classes: int, w: float, weight: float, sums: Any, totals: Any
) -> float:
    """The same of classes."""
    score, gini = 0.0, criterion == Criterion.GINI
    for c in range(k * classes):
        left, right = sums[c], totals[c] - sums[c]
        if gini:
            score += left * left / w + right * right / (weight - w)
        else:
            score += _xlog(left) + _xlog(right)
    return score if gini else score - k * (_xlog(w) + _xlog(weight - w))


@compiled(inner=True, counted=False)
def _is_allowed(
    least_rows: int, least_weight: float, n: float, m: int, w: float, weight: float
) -> bool:
    enough = n >= least_rows and m - n >= least_rows
    return enough and w >= least_weight and weight - w >= least_weight


@compiled(inner=True, counted=False)
def _is_ordered(rising: int, a: float, b: float, number: Any) -> bool:
    """Whether the values of two parts keep the order and the bounds of a monotonic feature."""
    low, high = number[Number.LOWER], number[Number.UPPER]
    return min(a, b) >= low and max(a, b) <= high and (a - b) * rising <= 0.0


# -- scores


@compiled(inner=True, counted=False)
def _xlog(x: float) -> float:
    return x * np.log2(x) if x > 0.0 else 0.0


@compiled(inner=True, counted=False)
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


# -- absolute errors


@compiled(inner=True, counted=False)
def _medians(rows: Any, mine: Any, m: int, o: int, weight: float, value: Any, room: Any) -> float:
    """The median of one output goes to value, the order of its targets to the desk; the sum of
    distances to the median.
    """
    most, k = U(0), rows.y.shape[1]
    for i in range(m):
        rank = U(rows.ranks[mine[i], o])
        most = max(most, rank)
        room.keys[Key.ORDER, i] = (rank << U(32)) | U(i)
    bits = 1
    while most >> U(bits):
        bits += 1
    _sort_digits(m, bits, room)
    w, half = 0.0, weight / 2.0
    low: Any = np.int64(-1)
    high: Any = np.int64(-1)
    for i in range(m):
        place = room.keys[Key.ORDER, i] & U(_PLACE)
        room.keys[Key.RANK + o, place] = U(i)
        room.desk[Desk.Y + k + o, i] = room.desk[Desk.Y + o, place]
        w += room.desk[Desk.W, place]
        if low < 0 and w >= half - _TINY * weight:
            low = i
        if high < 0 and w > half + _TINY * weight:
            high = i
    high = max(high, low)
    median = (room.desk[Desk.Y + k + o, low] + room.desk[Desk.Y + k + o, high]) / 2.0
    value[o] = median
    loss = 0.0
    for i in range(m):
        loss += room.desk[Desk.W, i] * abs(room.desk[Desk.Y + o, i] - median)
    return loss


@compiled(inner=True, counted=False)
def _sum_losses(m: int, k: int, room: Any) -> None:
    """For each place in the order of keys the sums of distances to the median, of the rows up to it
    and of those from it on, and the medians.
    """
    desk, keys = room.desk, room.keys
    tree_w, tree_s = desk[Desk.TREE_W], desk[Desk.TREE_S]
    for o in range(k):
        for side in range(2):
            for i in range(m + 1):
                tree_w[i] = tree_s[i] = 0.0
            w, s = 0.0, 0.0
            for step in range(m):
                i = step if side == 0 else m - 1 - step
                place = keys[Key.ORDER, i] & U(_PLACE)
                weight = desk[Desk.W, place]
                y = desk[Desk.Y + o, place]
                at = np.int64(keys[Key.RANK + o, place]) + 1
                while at <= m:
                    tree_w[at] += weight
                    tree_s[at] += weight * y
                    at += at & -at
                w += weight
                s += weight * y
                low, below, sum_below = _descend(w / 2.0 - _TINY * w, m, tree_w, tree_s)
                high, _, _ = _descend(w / 2.0 + _TINY * w, m, tree_w, tree_s)
                first = desk[Desk.Y + k + o, low]
                # below: the rows before the first median; those at it are at no distance
                loss = first * below - sum_below + (s - sum_below) - first * (w - below)
                before = desk[Desk.LOSS_LEFT + side, i] if o else 0.0
                desk[Desk.LOSS_LEFT + side, i] = before + loss
                desk[Desk.MEDIAN_LEFT + side, i] = (first + desk[Desk.Y + k + o, high]) / 2.0


@compiled(inner=True, counted=False)
def _descend(most: float, m: int, tree_w: Any, tree_s: Any) -> Any:
    """The first place at which the running weight exceeds `most`, and the sums before it."""
    at, w, s, step = 0, 0.0, 0.0, 1
    while 2 * step <= m:
        step *= 2
    while step > 0:
        if at + step <= m and w + tree_w[at + step] <= most:
            at += step
            w += tree_w[at]
            s += tree_s[at]
        step //= 2
    return min(at, m - 1), w, s


# -- order


@compiled(inner=True, counted=False, inline=True)
def _sort_codes(codes: Any, bins: Any, mine: Any, m: int, top: int, room: Room) -> None:
    """Keys of a node's rows in the order of their codes."""
    keys, bin_of = room.keys[Key.ORDER], room.bin_of
    for i in range(m):
        keys[i] = (U(codes[mine[i]]) << U(32)) | U(i)
    if _FEW < m < _BUCKETS:
        for i in range(m):
            bin_of[i] = bins[mine[i]]
    _sort(m, top, room)


@compiled(inner=True, counted=False)
def _sort(m: int, top: int, room: Room) -> None:
    """Sort keys by their upper halves, up to top; equal ones keep their order. The bins of the
    places are known.
    """
    if m <= _FEW and top < 2**26:
        _sort_pairs(m, room)
    elif m < _BUCKETS:
        _sort_buckets(m, room)
    else:
        bits = 1
        while top >> bits:
            bits += 1
        _sort_digits(m, bits, room)


@compiled(inner=True, counted=False)
def _sort_pairs(m: int, room: Room) -> None:
    """The place of each key is how many are less, which vectors count."""
    keys, spare, few, ranks = room.keys[Key.ORDER], room.keys[Key.SPARE], room.few[0], room.few[1]
    whole = (m + 7) & -8
    for i in range(m):
        spare[i] = keys[i]
        few[i] = np.uint32(((keys[i] >> U(32)) * _PLACES) | U(i))
    for i in range(m, whole):
        few[i] = _LAST
    for i in range(whole):
        ranks[i] = 0
    for j in range(0, m, 4):
        a, b, c, d = few[j], few[j + 1], few[j + 2], few[j + 3]
        for i in range(whole):
            key = few[i]
            before = np.uint32(a < key) + np.uint32(b < key)
            ranks[i] += before + np.uint32(c < key) + np.uint32(d < key)
    for i in range(m):
        keys[ranks[i]] = spare[i]


@compiled(inner=True, counted=False)
def _sort_buckets(m: int, room: Room) -> None:
    """By bins first, then by insertion."""
    keys, spare, counts, bin_of = (
        room.keys[Key.ORDER],
        room.keys[Key.SPARE],
        room.keys[Key.CODE],
        room.bin_of,
    )
    for b in range(256):
        counts[b] = U(0)
    for i in range(m):
        counts[bin_of[keys[i] & U(_PLACE)]] += U(1)
    place = U(0)
    for b in range(256):
        count = counts[b]
        counts[b] = place
        place += count
    for i in range(m):
        key = keys[i]
        b = bin_of[key & U(_PLACE)]
        spare[counts[b]] = key
        counts[b] += U(1)
    for i in range(m):
        key, at = spare[i], i
        while at > 0 and keys[at - 1] > key:
            keys[at] = keys[at - 1]
            at -= 1
        keys[at] = key


@compiled(inner=True, counted=False)
def _sort_digits(m: int, bits: int, room: Room) -> None:
    """By one byte after the other."""
    order, spare, counts = room.keys[Key.ORDER], room.keys[Key.SPARE], room.keys[Key.CODE]
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


@compiled(inner=True, counted=False)
def _random(state: Any) -> Any:
    """splitmix64, https://doi.org/10.1145/2714064.2660195."""
    state[0] += U(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> U(30))) * U(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> U(27))) * U(0x94D049BB133111EB)
    return z ^ (z >> U(31))

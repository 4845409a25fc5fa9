"""Growth of one tree: sums over rows, the best split, the division of rows, and the loop over
leaves.

Gradients and Hessians come as integers, in units that the caller chose, so that sums are exact:
they do not depend on the order of rows or on the number of threads, and the histogram of a leaf's
sibling is an exact difference. A row's wide word has two parts, g and
h · 2^bits + 1, so that two additions give three sums: gradients, Hessians and rows. Where fewer
bits do, a row has a narrow word, g · 2^hessian_bits + h, a quarter as large, and the three sums of
up to 16,383 rows are packed into one word.

The loop runs in compiled code, because a split of a small leaf takes less time than calling a
function from Python. It comes back to its caller where a leaf is so large that threads help; the
caller does that step and goes on.

All functions are in this one file because numba's cache does not notice when a function of another
file changes. Indices in hot loops are unsigned: numba checks signed ones for being negative. See
`layout.py` for the arrays and for the legend.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numba
import numpy as np

from dovetail.kernels.compiled import compiled, thread_count
from dovetail.kernels.growth.layout import (
    BINS,
    GROUP,
    At,
    Feature,
    Growth,
    Limits,
    Node,
    Rows,
    Rules,
    Slot,
    Stage,
    Units,
    Value,
)

__all__ = ["best_splits", "divide", "grow", "histogram", "send", "unpacked"]

U = np.uint64

# Kinds of split: missing values right or left; categories by rising or by falling ratio.
_RIGHT, _LEFT, _RISING, _FALLING = range(4)

# -- sums over rows

_CHUNK = 8  # groups summed together: their packed sums, 128 KB, stay in the L2 cache
_BLOCK = 16383  # rows of a packed sum: their count fits in 14 bits
_COUNT = 14
_SUM_SHARE = 4096  # rows of a thread, below which a second thread costs more than it saves
_NEAR = 64  # rows gathered at a time


def histogram(rows: Rows, begin: int, end: int, units: Units, room: Any, out: Any) -> None:
    """Sum the words of rows.order[begin:end] by column and code.

    Parameters
    ----------
    room : int64 of shape (threads − 1, 2 o, cells), overwritten
    out : int64 of shape (2 o, cells), see `Growth.histograms`

    Cost O(o · (rows · columns + cells)).
    """
    parts = min(len(room) + 1, thread_count(), (end - begin) // _SUM_SHARE)
    if parts > 1:
        _histogram(rows, begin, end, units, parts, room, out)
    else:
        _histogram.sequential(rows, begin, end, units, 1, room, out)


def unpacked(sums: Any, count: int, units: Units) -> Any:
    """The planes of a histogram of `count` rows, each sum a whole number of its own."""
    if not _fits_packed(count, units):
        return sums
    out = np.empty_like(sums)
    for plane in range(0, len(sums), 2):
        _unpack(sums[plane], units, out[plane], out[plane + 1])
    return out


@compiled
def _fits_packed(count: int, units: Units) -> bool:
    """Whether the sums of so many rows fit one word: g · 2^shift + h · 2^14 + count.

    Half the memory, and one addition where two words take two.
    """
    return (units.shift > 0) & (count <= _BLOCK)


@compiled(parallel=True)
def _histogram(
    rows: Rows, begin: int, end: int, units: Units, parts: int, room: Any, out: Any
) -> None:
    b, groups = len(rows.columns), rows.codes.shape[1]
    chunks = (groups + _CHUNK - 1) // _CHUNK
    packed = _fits_packed(end - begin, units)
    tasks = parts * (chunks + (len(rows.many) > 0))
    for task in numba.prange(tasks * (len(out) // 2)):
        output, part, chunk = task // tasks, task % parts, task % tasks // parts
        low = begin + (end - begin) * part // parts
        high = begin + (end - begin) * (part + 1) // parts
        whole = out if part == 0 else room[part - 1]
        if chunk == chunks:
            _sum_many(rows, output, low, high, packed, units, whole, GROUP * BINS * groups)
            continue
        first, last = chunk * _CHUNK, min(chunk * _CHUNK + _CHUNK, groups)
        g = whole[2 * output, GROUP * BINS * first : GROUP * BINS * last]
        w = whole[2 * output + 1, GROUP * BINS * first : GROUP * BINS * last]
        full = last - 1 if b - GROUP * (last - 1) <= 4 else last
        g[:] = 0
        if packed:
            _sum_packed(rows, output, low, high, first, full, last, units, g)
            continue
        w[:] = 0
        if units.shift == 0:
            _sum(rows, output, low, high, first, full, last, g, w)
            continue
        some = np.empty(len(g), np.int64)
        for start in range(low, high, _BLOCK):
            some[:] = 0
            stop = min(start + _BLOCK, high)
            _sum_packed(rows, output, start, stop, first, full, last, units, some)
            _add_unpacked(some, units, g, w)
    if parts > 1:
        cells = out.shape[1]
        for task in numba.prange(parts):
            for part in range(parts - 1):
                for plane in range(0, len(out), 1 + packed):
                    for i in range(U(cells * task // parts), U(cells * (task + 1) // parts)):
                        out[plane, i] += room[part, plane, i]


@compiled(inner=True)
def _sum_many(
    rows: Rows,
    output: int,
    low: int,
    high: int,
    packed: bool,
    units: Units,
    sums: Any,
    first: int,
) -> None:
    """Add the words of some rows by the codes of columns of many, whose cells begin at `first`."""
    order, narrow, wide, many = rows.order, rows.narrow, rows.wide, rows.many
    bits, hessian_bits, shift = units.bits, units.hessian_bits, units.shift
    mask = (1 << hessian_bits) - 1
    o, p, q = U(output), U(2 * output), U(2 * output + 1)
    for i in range(U(first), U(sums.shape[1])):
        sums[p, i] = 0
        sums[q, i] = 0
    cell = U(first)
    for j in range(U(len(many))):
        for i in range(U(low), U(high)):
            r = order[i]
            at = cell + U(many[j, r])
            if shift == 0:
                sums[p, at] += wide[o, r, 0]
                sums[q, at] += wide[o, r, 1]
                continue
            word = np.int64(narrow[o, r])
            if packed:
                sums[p, at] += ((word >> hessian_bits) << shift) + ((word & mask) << _COUNT) + 1
            else:
                sums[p, at] += word >> hessian_bits
                sums[q, at] += ((word & mask) << bits) + 1
        cell += U(rows.sizes[j])


@compiled(inner=True)
def _sum(
    rows: Rows, output: int, low: int, high: int, first: int, full: int, last: int, g: Any, w: Any
) -> None:
    """Add the wide words of some rows, by the codes in groups first … last − 1; those from `full`
    on hold at most four columns.
    """
    order, wide, codes, o = rows.order, rows.wide, rows.codes, U(output)
    for i in range(U(low), U(high)):
        r = order[i]
        gradient, word, base = wide[o, r, 0], wide[o, r, 1], U(0)
        for k in range(U(first), U(full)):
            c = codes[r, k]
            for f in range(GROUP):
                at = base + U(BINS * f) + ((c >> U(8 * f)) & U(255))
                g[at] += gradient
                w[at] += word
            base += U(GROUP * BINS)
        if full < last:
            c = codes[r, U(full)]
            for f in range(4):
                at = base + U(BINS * f) + ((c >> U(8 * f)) & U(255))
                g[at] += gradient
                w[at] += word


@compiled(inner=True)
def _sum_packed(
    rows: Rows,
    output: int,
    low: int,
    high: int,
    first: int,
    full: int,
    last: int,
    units: Units,
    sums: Any,
) -> None:
    """Add the narrow words of up to 16,383 rows, packed.

    Measured on 2.8 GHz Ice Lake with 150,000 rows and 28 features: 0.5 ns a value, where two words
    take 1.2 and two floats read column by column 1.9. That a row's codes lie side by side matters
    as much in small leaves, where a row costs one cache line instead of one a feature. Rows are
    gathered first, because the cache misses of those that lie far apart then overlap: 0.7 ns a
    value instead of 1.2 for 3,000 rows out of 150,000, and 0.05 more where they lie side by side.
    """
    order, narrow, codes = rows.order, rows.narrow, rows.codes
    hessian_bits, shift = units.hessian_bits, units.shift
    mask = (1 << hessian_bits) - 1
    groups, whole, at, o = U(last - first), U(full - first), U(first), U(output)
    near, words = np.empty((_NEAR, _CHUNK), np.uint64), np.empty(_NEAR, np.int64)
    for start in range(low, high, _NEAR):
        count = U(min(_NEAR, high - start))
        for i in range(count):
            r = order[U(start) + i]
            word = np.int64(narrow[o, r])
            words[i] = ((word >> hessian_bits) << shift) + ((word & mask) << _COUNT) + 1
            for k in range(groups):
                near[i, k] = codes[r, at + k]
        for i in range(count):
            w, base = words[i], U(0)
            for k in range(whole):
                c = near[i, k]
                for f in range(GROUP):
                    sums[base + U(BINS * f) + ((c >> U(8 * f)) & U(255))] += w
                base += U(GROUP * BINS)
            if whole < groups:
                c = near[i, whole]
                for f in range(4):
                    sums[base + U(BINS * f) + ((c >> U(8 * f)) & U(255))] += w


@compiled(inner=True)
def _add_unpacked(some: Any, units: Units, g: Any, w: Any) -> None:
    bits, shift = units.bits, units.shift
    count, hessian = (1 << _COUNT) - 1, (1 << (shift - _COUNT)) - 1
    for i in range(len(some)):
        s = some[i]
        g[i] += s >> shift
        w[i] += (((s >> _COUNT) & hessian) << bits) + (s & count)


@compiled
def _unpack(sums: Any, units: Units, g: Any, w: Any) -> None:
    """The two parts of packed sums."""
    g[:], w[:] = 0, 0
    _add_unpacked(sums, units, g, w)


# -- the best split of a leaf

_SUPPORT = 10.0  # rows (Hessian, where it varies) below which a category stays on the right
_FEW = 1.0  # rows by bin, below which only bins with rows are looked at
_POWERS = 16  # of a matrix; an order does not need the last digits
_NOISE = 1e-12  # a gain smaller than this share of the leaf's loss is rounding
_SEARCH_SHARE = 2**15  # bins of a thread, below which a second thread costs more than it saves


def best_splits(growth: Growth, rules: Rules, limits: Limits, units: Units) -> None:
    """Find the best splits of the leaves that `at` speaks of: they go to growth.slots and lefts,
    their gains to values.

    A leaf with gradient sum G and Hessian sum H has the value v = −G / (H + λ), kept within bounds
    that monotonic constraints set, and the loss v G. A split gains the leaf's loss less that of its
    parts (Chen & Guestrin 2016, https://arxiv.org/abs/1603.02754, equations 5 to 7), summed over
    outputs. Categories are tried in the order of their gradient by Hessian (Fisher 1958,
    https://doi.org/10.2307/2281952), from both ends to the middle; those of few rows stay on the
    right. Where there are several outputs, the order is along the direction in which the categories
    differ most (Coppersmith et al. 1999, https://doi.org/10.1023/A:1009869804967).

    Cost O(256 d o).
    """
    bins = len(rules.features) * len(growth.scales) * 2 * BINS
    threads = min(thread_count(), 1 + bins // _SEARCH_SHARE)
    if threads > 1:
        _best_splits(growth, rules, limits, units, threads)
    else:
        _best_splits.sequential(growth, rules, limits, units, 1)


@compiled(parallel=True)
def _best_splits(growth: Growth, rules: Rules, limits: Limits, units: Units, tasks: int) -> None:
    at, nodes, d = growth.at, growth.nodes, len(rules.features)
    larger, smaller, wanted = at[At.LARGER], at[At.SMALLER], at[At.WANTED]
    mask = (1 << units.bits) - 1
    rows, others = nodes[larger, Node.WORD] & mask, nodes[smaller, Node.WORD] & mask
    whole_packed, packed = _fits_packed(rows + others, units), _fits_packed(rows, units)
    allowed = np.ones((2, d), np.bool_)
    for i in range(2):
        if wanted >> i & 1 and (len(rules.groups) or limits.share < 1.0):
            _allow(growth, rules, limits, larger if i == 0 else smaller, allowed[i])
    gains = np.zeros((tasks, 2))
    found = np.zeros((tasks, 2, 3), np.int64)
    a = growth.histograms[nodes[larger, Node.SLOT]]
    b = growth.histograms[nodes[smaller, Node.SLOT]]
    cells = a.shape[1]
    if larger != smaller:
        for task in numba.prange(tasks):
            first, last = cells * task // tasks, cells * (task + 1) // tasks
            others_packed = _fits_packed(others, units)
            _subtract(a, b, first, last, (whole_packed, packed, others_packed), units)
    for task in numba.prange(tasks):
        low, high = d * task // tasks, d * (task + 1) // tasks
        for i in range(2):
            if wanted >> i & 1:
                node = larger if i == 0 else smaller
                gains[task, i] = _search(
                    a if i == 0 else b,
                    rules,
                    limits,
                    growth,
                    node,
                    allowed[i],
                    low,
                    high,
                    units,
                    found[task, i],
                )
    for i in range(2):
        if wanted >> i & 1:
            node, best = larger if i == 0 else smaller, 0
            for task in range(1, tasks):
                best = task if gains[task, i] > gains[best, i] else best  # the first of equals
            growth.values[node, Value.GAIN] = gains[best, i]
            if gains[best, i] > 0.0:
                _keep(growth, node, found[best, i], rules, units)


class _Leaf(NamedTuple):
    """What splits of a leaf are judged by, as to one output.

    gradient, hessian, rows : sums
    loss : of the leaf
    lower, upper : bounds of its parts' values
    packed : whether its histogram is
    total, total_word : of the cells of one column, in both planes
    unit_g, unit_h : what the integers stand for
    """

    gradient: float
    hessian: float
    rows: float
    loss: float
    lower: float
    upper: float
    packed: bool
    total: int
    total_word: int
    unit_g: float
    unit_h: float


@compiled(inner=True)
def _leaf(growth: Growth, node: int, output: int, units: Units) -> _Leaf:
    unit_g, unit_h = growth.scales[output, 0], growth.scales[output, 1]
    g, word = _totals(growth.nodes[node], output)
    gradient, value = float(g) * unit_g, growth.values[node]
    rows = word & ((1 << units.bits) - 1)
    packed = _fits_packed(rows, units)
    if packed:
        g = (g << units.shift) + ((word >> units.bits) << _COUNT) + rows
    return _Leaf(
        gradient,
        _hessian(word, unit_h, units),
        float(rows),
        value[Value.OWN + output] * gradient,
        value[Value.LOWER],
        value[Value.UPPER],
        packed,
        g,
        word,
        unit_g,
        unit_h,
    )


@compiled(inner=True)
def _totals(node: Any, output: int) -> tuple[int, int]:
    return node[Node.GRADIENT + 2 * output], node[Node.WORD + 2 * output]


@compiled(inner=True)
def _allow(growth: Growth, rules: Rules, limits: Limits, node: int, allowed: Any) -> None:
    """The features a leaf may be split by: those of its sets, and of these a share at random."""
    d, k = len(rules.features), len(rules.groups)
    if k:
        active = growth.lefts[growth.nodes[node, Node.SLOT], growth.lefts.shape[1] - k :]
        for f in range(d):
            allowed[f] = False
            for i in range(k):
                allowed[f] |= active[i] and rules.groups[i, f]
    if limits.share >= 1.0:
        return
    eligible, count = np.empty(d, np.int64), 0
    for f in range(d):
        if allowed[f]:
            eligible[count] = f
            count += 1
            allowed[f] = False
    wanted = max(1, int(np.ceil(limits.share * count)))
    state = U(limits.seed) + U(node) * U(0xD1342543DE82EF95)
    for i in range(min(wanted, count)):  # the first steps of a shuffle
        state += U(0x9E3779B97F4A7C15)  # splitmix64, https://doi.org/10.1145/2714064.2660195
        z = (state ^ (state >> U(30))) * U(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> U(27))) * U(0x94D049BB133111EB)
        j = i + np.int64((z ^ (z >> U(31))) % U(count - i))
        eligible[i], eligible[j] = eligible[j], eligible[i]
        allowed[eligible[i]] = True


@compiled(inner=True)
def _subtract(a: Any, b: Any, begin: int, end: int, packed: Any, units: Units) -> None:
    """Take sums of the smaller part from those of the whole, which leaves the larger part's;
    `packed` says of the whole and of both parts whether they are.
    """
    for p in range(U(0), U(len(a)), U(2)):
        if packed[0]:
            for i in range(U(begin), U(end)):
                a[p, i] -= b[p, i]
            continue
        q, bits, shift = p + U(1), units.bits, units.shift
        if packed[2]:
            count, hessian = (1 << _COUNT) - 1, (1 << (shift - _COUNT)) - 1
            for i in range(U(begin), U(end)):
                s = b[p, i]
                a[p, i] -= s >> shift
                a[q, i] -= (((s >> _COUNT) & hessian) << bits) + (s & count)
        else:
            for i in range(U(begin), U(end)):
                a[p, i] -= b[p, i]
                a[q, i] -= b[q, i]
        if packed[1]:
            mask = (1 << bits) - 1
            for i in range(U(begin), U(end)):
                w = a[q, i]
                a[p, i] = (a[p, i] << shift) + ((w >> bits) << _COUNT) + (w & mask)


@compiled(inner=True)
def _search(
    sums: Any,
    rules: Rules,
    limits: Limits,
    growth: Growth,
    node: int,
    allowed: Any,
    low: int,
    high: int,
    units: Units,
    found: Any,
) -> float:
    """The greatest gain of splits by features low … high − 1, 0 where there is none; the first such
    split goes to found.
    """
    features, room, outputs = rules.features, BINS, len(growth.scales)
    for f in range(low, high):
        room = max(room, features[f, Feature.BINS] + 1)
    scores, order = np.empty(room), np.empty(room, np.int64)
    g, w, ends = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room, np.int64)
    part = np.empty((2 * outputs, BINS if len(rules.own) else 0), np.int64)
    as_bits, best = scores.view(np.int64), np.int64(0)
    one, whole_loss = np.empty(room if outputs > 1 else 0), 0.0
    for output in range(outputs):
        leaf = _leaf(growth, node, output, units)
        whole_loss += leaf.loss
    noise, gain, used = _NOISE * abs(whole_loss), 0.0, 0
    for f in range(low, high):
        if not allowed[f]:
            continue
        bins, missing = features[f, Feature.BINS], features[f, Feature.MISSING]
        monotone, cell = features[f, Feature.MONOTONE], features[f, Feature.CELL]
        table = sums
        if features[f, Feature.OWN] >= 0:
            for output in range(outputs):
                leaf = _leaf(growth, node, output, units)
                _take_own(sums, output, f, rules, leaf, part)
            table, cell = part, 0
        for way in range(2):
            kind, steps = way + 2 * features[f, Feature.CATEGORICAL], bins - 1
            if kind == _LEFT and missing < 0:
                break
            if kind == _RISING:
                used = _order_categories(
                    table, cell, bins, missing, growth, node, units, scores, order, g
                )
            if kind >= _RISING:
                steps = max((used + 1) // 2 - way, 0) if used > 1 else 0
            elif kind == _RIGHT and missing >= 0:
                steps = bins
            few = kind < _RISING and leaf.rows < _FEW * steps
            if few:
                steps = _runs(table, cell, steps, leaf.packed, ends)
            for output in range(outputs):
                if outputs > 1:
                    leaf = _leaf(growth, node, output, units)
                if kind >= _RISING:
                    _sum_categories(
                        table, output, cell, steps, order, used, kind, leaf.packed, units, g, w
                    )
                else:
                    start = cell + missing if kind == _LEFT else -1
                    if few:
                        _sum_runs(table, output, cell, steps, ends, start, leaf.packed, g, w)
                    else:
                        _sum_bins(table, output, cell, steps, start, leaf.packed, g, w)
                    if leaf.packed:
                        _part(steps, units, g, w)
                if outputs == 1:
                    _score(g, w, steps, monotone, leaf, limits, units, noise, -1.0, scores)
                else:
                    _score(g, w, steps, monotone, leaf, limits, units, -np.inf, -np.inf, one)
                    for i in range(U(steps)):
                        scores[i] = one[i] if output == 0 else scores[i] + one[i]
            if outputs > 1:
                for i in range(U(steps)):
                    scores[i] = scores[i] if scores[i] > noise else -1.0
            at = _greatest(as_bits, steps, best, kind == _LEFT)
            if at >= 0:
                best, gain = as_bits[at], scores[at]
                if few:
                    at = ends[at] if kind == _LEFT else ends[at - 1] + 1 if at > 0 else 0
                found[0], found[1], found[2] = f, kind, at
    return gain


@compiled(inner=True)
def _runs(sums: Any, cell: int, steps: int, packed: bool, ends: Any) -> Any:
    """Where runs of bins end, all of whose rows are in the first one; how many runs."""
    plane, first, last = U(not packed), U(cell), U(0)  # counts rows
    for b in range(U(steps)):
        last += U((sums[plane, first + b] != 0) & (b > 0))
        ends[last] = b
    return np.int64(last) + (steps > 0)


@compiled(inner=True)
def _sum_runs(
    sums: Any,
    output: int,
    first: int,
    runs: int,
    ends: Any,
    begin: int,
    packed: bool,
    g: Any,
    w: Any,
) -> None:
    """`_sum_bins`, a step for each run."""
    start, start_w, cell, at = np.int64(0), np.int64(0), U(first), U(0)
    p, q = U(2 * output), U(2 * output + 1)
    if begin >= 0:
        start, start_w = sums[p, begin], sums[q, begin]
    for k in range(U(runs)):
        start += sums[p, cell + at]
        if packed:
            w[k] = start
        else:
            start_w += sums[q, cell + at]
            g[k], w[k] = start, start_w
        at = U(ends[k]) + U(1)


@compiled(inner=True)
def _take_own(sums: Any, output: int, f: int, rules: Rules, leaf: _Leaf, part: Any) -> None:
    """The sums of a shared column by the codes of one of its features: what is not listed is the
    rest.
    """
    of, share, p, q = rules.features[f], rules.features[f, Feature.OWN], 2 * output, 2 * output + 1
    missing = max(of[Feature.MISSING], 0)
    rest, rest_w, cell = leaf.total, leaf.total_word, of[Feature.CELL]
    for plane in range(p, p + 1 if leaf.packed else p + 2):
        part[plane, missing] = 0
        for code in range(of[Feature.BINS]):
            part[plane, code] = 0
    for i in range(of[Feature.BEGIN], of[Feature.END]):
        code = rules.listed[i]
        own = rules.own[share, code]
        part[p, own] += sums[p, cell + code]
        rest -= sums[p, cell + code]
        if not leaf.packed:
            part[q, own] += sums[q, cell + code]
            rest_w -= sums[q, cell + code]
    part[p, of[Feature.USUAL]] += rest
    if not leaf.packed:
        part[q, of[Feature.USUAL]] += rest_w


@compiled(inner=True)
def _sum_bins(
    sums: Any, output: int, first: int, steps: int, begin: int, packed: bool, g: Any, w: Any
) -> None:
    """Running sums over bins, on top of the sum in the cell `begin`, if it is not negative; packed
    ones go to w.
    """
    start, start_w, cell = np.int64(0), np.int64(0), U(first)
    p, q = U(2 * output), U(2 * output + 1)
    if begin >= 0:
        start, start_w = sums[p, begin], sums[q, begin]
    if packed:
        for b in range(U(steps)):
            start += sums[p, cell + b]
            w[b] = start
        return
    for b in range(U(steps)):
        start += sums[p, cell + b]
        start_w += sums[q, cell + b]
        g[b], w[b] = start, start_w


@compiled(inner=True)
def _part(steps: int, units: Units, g: Any, w: Any) -> None:
    """Take packed sums w apart."""
    bits, shift = units.bits, units.shift
    count, hessian = (1 << _COUNT) - 1, (1 << (shift - _COUNT)) - 1
    for b in range(U(steps)):
        both = w[b]
        g[b], w[b] = both >> shift, (((both >> _COUNT) & hessian) << bits) + (both & count)


@compiled(inner=True)
def _hessian(word: int, unit: float, units: Units) -> float:
    if units.counted:
        return float(word & ((1 << units.bits) - 1))
    return float(word >> units.bits) * unit


@compiled(inner=True)
def _order_categories(
    sums: Any,
    cell: int,
    bins: int,
    missing: int,
    growth: Growth,
    node: int,
    units: Units,
    key: Any,
    order: Any,
    room: Any,
) -> int:
    """Order the categories with support, missing values among them, by gradient over Hessian; how
    many there are.
    """
    used, outputs, codes = 0, len(growth.scales), bins + (missing >= 0)
    ratios = np.empty((codes if outputs > 1 else 0, outputs))
    for k in range(codes):
        b, share = k if k < bins else missing, 0.0
        for output in range(outputs):
            leaf = _leaf(growth, node, output, units)
            support = leaf.rows / leaf.hessian
            g, word = _cell(sums, output, cell + b, leaf.packed, units)
            h = _hessian(word, leaf.unit_h, units)
            key[b] = float(g) * leaf.unit_g / (h + _SUPPORT)
            share += h * support
            if outputs > 1:  # such that its square is of the unit of losses
                ratios[used, output] = key[b] / np.sqrt(support)
        if share >= _SUPPORT * outputs:
            order[used] = b
            used += 1
    if outputs > 1:
        _project(ratios[:used])
        for k in range(used):
            key[order[k]] = ratios[k, 0]
    _sort(order, key, used, room)
    return used


@compiled(inner=True)
def _project(ratios: Any) -> None:
    """Put into the first column how far each row is along the direction in which rows differ
    most, by power iteration.
    """
    count, outputs = ratios.shape
    for o in range(outputs):
        mean = 0.0
        for k in range(count):
            mean += ratios[k, o] / count
        for k in range(count):
            ratios[k, o] -= mean
    direction, along = np.zeros(outputs), np.zeros(outputs)
    longest, most = 0, -1.0
    for k in range(count):
        length = 0.0
        for o in range(outputs):
            length += ratios[k, o] * ratios[k, o]
        if length > most:
            longest, most = k, length
    for o in range(outputs):
        direction[o] = ratios[longest, o] if count > 0 else 0.0
    for _ in range(_POWERS):
        along[:] = 0.0
        for k in range(count):
            far = 0.0
            for o in range(outputs):
                far += ratios[k, o] * direction[o]
            for o in range(outputs):
                along[o] += far * ratios[k, o]
        size = 0.0
        for o in range(outputs):
            size = max(size, abs(along[o]))
        if size == 0.0:
            break
        for o in range(outputs):
            direction[o] = along[o] / size
    for k in range(count):
        far = 0.0
        for o in range(outputs):
            far += ratios[k, o] * direction[o]
        ratios[k, 0] = far


@compiled(inner=True)
def _sort(order: Any, key: Any, count: int, room: Any) -> None:
    """Sort order[:count] by key[order], stably: runs of 16 by insertion, then merged."""
    for begin in range(0, count, 16):
        for i in range(begin + 1, min(begin + 16, count)):
            item, at = order[i], i
            while at > begin and key[order[at - 1]] > key[item]:
                order[at] = order[at - 1]
                at -= 1
            order[at] = item
    width = 16
    while width < count:
        for begin in range(0, count, 2 * width):
            middle, end = min(begin + width, count), min(begin + 2 * width, count)
            a, b = begin, middle
            for i in range(begin, end):
                if b == end or (a < middle and key[order[a]] <= key[order[b]]):
                    room[i] = order[a]
                    a += 1
                else:
                    room[i] = order[b]
                    b += 1
        order[:count] = room[:count]
        width *= 2


@compiled(inner=True)
def _sum_categories(
    sums: Any,
    output: int,
    cell: int,
    steps: int,
    order: Any,
    used: int,
    kind: int,
    packed: bool,
    units: Units,
    g: Any,
    w: Any,
) -> None:
    """Running sums over the first categories, or over the last ones from the end."""
    total, total_w = 0, 0
    for k in range(steps):
        b = order[k] if kind == _RISING else order[used - 1 - k]
        gradient, word = _cell(sums, output, cell + b, packed, units)
        total += gradient
        total_w += word
        g[k], w[k] = total, total_w


@compiled(inner=True)
def _cell(sums: Any, output: int, at: int, packed: bool, units: Units) -> tuple[int, int]:
    """The gradient and the word of one cell."""
    s = sums[2 * output, at]
    if not packed:
        return s, sums[2 * output + 1, at]
    word = ((s >> _COUNT) & ((1 << (units.shift - _COUNT)) - 1)) << units.bits
    return s >> units.shift, word + (s & ((1 << _COUNT) - 1))


@compiled(inner=True)
def _score(
    gradients: Any,
    words: Any,
    steps: int,
    monotone: int,
    leaf: _Leaf,
    limits: Limits,
    units: Units,
    noise: float,
    refused: float,
    scores: Any,
) -> None:
    """The gain of each split, `refused` where it is not allowed or no greater than `noise`; without
    a branch, so that the loop is vectorized.

    Divisions take most of the time; where values are not bounded, one does for both parts.
    """
    unit_g, unit_h, counted, bits = leaf.unit_g, leaf.unit_h, units.counted, units.bits
    penalty, least_hessian, mask = limits.l2 + 1e-15, limits.min_hessian, (1 << bits) - 1
    G, H, rows, loss, lower, upper = leaf[:6]
    least_rows, slope = float(limits.min_rows), float(monotone)
    bounded = (monotone != 0) | (lower > -np.inf) | (upper < np.inf)
    for i in range(U(steps)):
        g, word = float(gradients[i]) * unit_g, words[i]
        n = float(word & mask)
        h = n if counted else float(word >> bits) * unit_h
        p, q = h + penalty, H - h + penalty
        if bounded:
            a, b = min(max(-g / p, lower), upper), min(max((g - G) / q, lower), upper)
            score = loss - a * g - b * (G - g)
            fits = slope * (b - a) >= 0.0
        else:
            share = 1.0 / (p * q)
            score = loss + g * g * (q * share) + (G - g) * (G - g) * (p * share)
            fits = True
        fits &= (n >= least_rows) & (rows - n >= least_rows) & (score > noise)
        fits &= (h >= least_hessian) & (H - h >= least_hessian)
        scores[i] = score if fits else refused


@compiled(inner=True)
def _greatest(scores: Any, steps: int, best: int, last: bool) -> int:
    """Where the greatest score is that exceeds `best`, the first or last of equals; else −1.

    Scores are the bits of positive floats: as integers these have the same order, and their maximum
    is vectorized: 0.14 ns a score instead of 1.1.
    """
    top = best
    for i in range(U(steps)):
        top = max(top, scores[i])
    at = -1
    if top > best:
        for i in range(steps):
            if scores[i] == top:
                at = i
                if not last:
                    break
    return at


@compiled(inner=True)
def _keep(growth: Growth, node: int, found: Any, rules: Rules, units: Units) -> None:
    """Write out the split that was found."""
    f, kind, place = found[0], found[1], found[2]
    slot, outputs = growth.nodes[node, Node.SLOT], len(growth.scales)
    r = (growth.lefts.shape[1] - len(rules.groups)) // 2
    left, own, chosen = growth.lefts[slot, :r], growth.lefts[slot, r : 2 * r], growth.slots[slot]
    bins, missing = rules.features[f, Feature.BINS], rules.features[f, Feature.MISSING]
    cell, share = rules.features[f, Feature.CELL], rules.features[f, Feature.OWN]
    sums, own[:] = growth.histograms[slot], 0
    if kind < _RISING:
        own[: place + 1] = 1
        if missing >= 0:
            own[missing] = kind == _LEFT
    else:
        order, room = np.empty(bins + 1, np.int64), np.empty(bins + 1, np.int64)
        table, first, key = sums, cell, np.empty(max(bins + 1, BINS))
        if share >= 0:
            table, first = np.empty((2 * outputs, BINS), np.int64), 0
            for output in range(outputs):
                _take_own(sums, output, f, rules, _leaf(growth, node, output, units), table)
        used = _order_categories(table, first, bins, missing, growth, node, units, key, order, room)
        for k in range(place + 1):
            own[order[k] if kind == _RISING else order[used - 1 - k]] = 1
    for code in range(max(bins + 1, BINS)):
        left[code] = own[rules.own[share, code]] if share >= 0 else own[code]
    chosen[Slot.FEATURE], chosen[Slot.KIND], chosen[Slot.PLACE] = f, kind, place
    for output in range(outputs):
        g, w, packed = 0, 0, _leaf(growth, node, output, units).packed
        for code in range(max(bins + 1, BINS)):
            if left[code]:
                gradient, word = _cell(sums, output, cell + code, packed, units)
                g += gradient
                w += word
        chosen[Slot.GRADIENT + 2 * output], chosen[Slot.WORD + 2 * output] = g, w


# -- the division of a leaf's rows

_DIVIDE_SHARE = 16384  # rows of a thread, below which a second thread costs more than it saves


def divide(rows: Rows, begin: int, end: int, column: int, left: Any) -> int:
    """Put the rows of rows.order[begin:end] that go left before the others, each in their order;
    where the others begin.

    Parameters
    ----------
    column : that they are divided by
    left : uint8 of shape (256 or more,), whether rows of each code go left

    Cost O(rows). Nothing branches on a row: 2 ns each instead of 8 where the two parts mix.
    """
    parts = min(thread_count(), (end - begin) // _DIVIDE_SHARE)
    if parts > 1:
        return int(_divide(rows, begin, end, column, left, parts))
    return int(_divide.sequential(rows, begin, end, column, left, 1))


@compiled(parallel=True)
def _divide(rows: Rows, begin: int, end: int, column: int, left: Any, parts: int) -> int:
    order, room = rows.order, rows.room
    counts = np.zeros(parts + 1, np.int64)
    for part in numba.prange(parts):
        low = begin + (end - begin) * part // parts
        high = begin + (end - begin) * (part + 1) // parts
        counts[part + 1] = _divide_some(rows, low, high, column, left)
    for part in range(parts):
        counts[part + 1] += counts[part]
    middle = begin + counts[parts]
    for part in numba.prange(parts):
        low = begin + (end - begin) * part // parts
        high = begin + (end - begin) * (part + 1) // parts
        count = counts[part + 1] - counts[part]
        _copy(room[0], low, count, order, begin + counts[part])
        others = middle + (low - begin) - counts[part]
        _copy(room[1], low, high - low - count, order, others)
    return middle


@compiled(inner=True)
def _copy(source: Any, start: int, count: int, target: Any, at: int) -> None:
    for i in range(U(count)):  # assigning slices costs seconds of compiling their error messages
        target[U(at) + i] = source[U(start) + i]


@compiled(inner=True)
def _divide_some(rows: Rows, low: int, high: int, column: int, left: Any) -> Any:
    """Copy rows to the room for those that go left and for the others, from position `low` on; how
    many went left.
    """
    lefts, rights, b = rows.room[0], rows.room[1], len(rows.columns)
    if column < b:
        return _divide_by(rows.order, low, high, rows.columns[column], left, lefts, rights)
    return _divide_by(rows.order, low, high, rows.many[column - b], left, lefts, rights)


@compiled(inner=True)
def _divide_by(
    order: Any, low: int, high: int, codes: Any, left: Any, lefts: Any, rights: Any
) -> Any:
    at, other = U(low), U(low)
    for i in range(U(low), U(high)):
        r = order[i]
        goes = U(left[codes[r]])
        lefts[at] = r
        rights[other] = r
        at += goes
        other += U(1) - goes
    return np.int64(at) - low


# -- further rows


def send(
    rows: Rows, nodes: Any, columns: Any, lefts: Any, values: Any, out: Any, cover: Any
) -> None:
    """Send rows.order down a tree: add the value of its leaf to each row of out, and each node's
    number of rows to cover.

    Parameters
    ----------
    nodes : see `Growth`
    columns : int64 of shape (m,), that rows are divided by at each node
    lefts : uint8 of shape (m, 256 or more), whether rows of each code go left
    values : float64 of shape (m, o)
    out : float64 of shape (n, o)
    cover : float64 of shape (m,)

    Cost O(rows · (depth + o)): rows are divided node by node, because that does not branch on them.
    """
    parts = max(min(thread_count(), len(rows.order) // _DIVIDE_SHARE), 1)
    counts = np.zeros((parts, len(nodes)), np.int64)
    run = _send if parts > 1 else _send.sequential
    run(rows, nodes, columns, lefts, values, out, counts)
    cover += counts.sum(axis=0)


@compiled(parallel=True)
def _send(
    rows: Rows, nodes: Any, columns: Any, lefts: Any, values: Any, out: Any, counts: Any
) -> None:
    order, room, parts = rows.order, rows.room, len(counts)
    for part in numba.prange(parts):
        begins, count = np.empty(len(nodes), np.int64), counts[part]
        begins[0] = len(order) * part // parts
        count[0] = len(order) * (part + 1) // parts - begins[0]
        for node in range(len(nodes)):  # parts come after what was divided
            begin, end, left = begins[node], begins[node] + count[node], nodes[node, Node.LEFT]
            if left == node:
                for i in range(U(begin), U(end)):
                    for output in range(U(out.shape[1])):
                        out[order[i], output] += values[node, output]
                continue
            some = _divide_some(rows, begin, end, columns[node], lefts[node])
            _copy(room[0], begin, some, order, begin)
            _copy(room[1], begin, end - begin - some, order, begin + some)
            begins[left], count[left] = begin, some
            begins[left + 1], count[left + 1] = begin + some, end - begin - some


# -- the loop over leaves

_histogram_here, _best_splits_here = _histogram.sequential, _best_splits.sequential
_divide_here = _divide.sequential


@compiled
def grow(
    rows: Rows,
    units: Units,
    rules: Rules,
    limits: Limits,
    growth: Growth,
    room: Any,
    divide_up_to: int,
    sum_up_to: int,
    search: bool,
) -> int:
    """Grow until the tree is done or a step is the caller's; the stage.

    Parameters
    ----------
    room : see `histogram`
    divide_up_to, sum_up_to : rows of a leaf that is divided or summed here
    search : whether leaves are searched here

    At DIVIDE the caller divides the rows of node at[At.PARENT] and sets at[At.MIDDLE]; at SUM it
    sums those of node at[At.SMALLER]; at SEARCH it calls `best_splits`. Then it adds 1 to
    at[At.STAGE] and calls again.
    """
    at, nodes = growth.at, growth.nodes
    one = np.int64(1)  # a literal would have the functions compiled for it once more
    while at[At.STAGE] != Stage.DONE:
        if at[At.STAGE] == Stage.PICK:
            at[At.PARENT] = _pick(growth, limits)
            at[At.STAGE] = Stage.DONE if at[At.PARENT] < 0 else Stage.DIVIDE
        parent = nodes[at[At.PARENT]]
        if at[At.STAGE] == Stage.DIVIDE:
            begin, end, slot = parent[Node.BEGIN], parent[Node.END], parent[Node.SLOT]
            if end - begin > divide_up_to:
                return Stage.DIVIDE
            column = rules.features[growth.slots[slot, Slot.FEATURE], Feature.COLUMN]
            at[At.MIDDLE] = _divide_here(rows, begin, end, column, growth.lefts[slot], one)
            at[At.STAGE] = Stage.PARTS
        if at[At.STAGE] == Stage.PARTS:
            at[At.STAGE] = _make_parts(growth, rules, limits, units)
        smaller = nodes[at[At.SMALLER]]
        if at[At.STAGE] == Stage.SUM:
            begin, end = smaller[Node.BEGIN], smaller[Node.END]
            if end - begin > sum_up_to:
                return Stage.SUM
            out = growth.histograms[smaller[Node.SLOT]]
            _histogram_here(rows, begin, end, units, one, room, out)
            at[At.STAGE] = Stage.SEARCH
        if at[At.STAGE] == Stage.SEARCH:
            if not search:
                return Stage.SEARCH
            _best_splits_here(growth, rules, limits, units, one)
            at[At.STAGE] = Stage.KEEP
        if at[At.STAGE] == Stage.KEEP:
            _keep_leaves(growth)
            at[At.STAGE] = Stage.PICK
    return Stage.DONE


@compiled(inner=True)
def _pick(growth: Growth, limits: Limits) -> int:
    """Take the next leaf to split out of the open ones; −1 where there is none to be split."""
    at, slots, values = growth.at, growth.slots, growth.values
    if at[At.OPEN] == 0 or (at[At.NODES] + 1) // 2 >= limits.max_leaves:
        return -1
    place = at[At.OPEN] - 1
    if limits.best_first:
        for i in range(place - 1, -1, -1):  # of equals, the first
            gain = values[slots[i, Slot.OPEN], Value.GAIN]
            if gain >= values[slots[place, Slot.OPEN], Value.GAIN]:
                place = i
    node = slots[place, Slot.OPEN]
    for i in range(place, at[At.OPEN] - 1):
        slots[i, Slot.OPEN] = slots[i + 1, Slot.OPEN]
    at[At.OPEN] -= 1
    return node


@compiled(inner=True)
def _make_parts(growth: Growth, rules: Rules, limits: Limits, units: Units) -> int:
    """Make a divided leaf the parent of two; the next stage."""
    at, nodes, values, slots = growth.at, growth.nodes, growth.values, growth.slots
    left = at[At.NODES]
    above = nodes[at[At.PARENT]]
    slot = above[Node.SLOT]
    chosen, goes = slots[slot], growth.lefts[slot]
    r = (len(goes) - len(rules.groups)) // 2
    own = goes[r : 2 * r]
    f = chosen[Slot.FEATURE]
    for i in range(2):
        node, value = nodes[left + i], values[left + i]
        node[:] = 0
        node[Node.LEFT], node[Node.SET] = left + i, -1
        node[Node.DEPTH] = above[Node.DEPTH] + 1
        node[Node.BEGIN] = above[Node.BEGIN] if i == 0 else at[At.MIDDLE]
        node[Node.END] = at[At.MIDDLE] if i == 0 else above[Node.END]
        lower, upper = values[at[At.PARENT], Value.LOWER], values[at[At.PARENT], Value.UPPER]
        value[Value.LOWER], value[Value.UPPER] = lower, upper
        for output in range(len(growth.scales)):
            g, w = chosen[Slot.GRADIENT + 2 * output], chosen[Slot.WORD + 2 * output]
            if i == 1:
                total, total_w = _totals(above, output)
                g, w = total - g, total_w - w
            node[Node.GRADIENT + 2 * output], node[Node.WORD + 2 * output] = g, w
            v = -float(g) * growth.scales[output, 0]
            v /= _hessian(w, growth.scales[output, 1], units) + limits.l2 + 1e-15
            value[Value.OWN + output] = min(max(v, lower), upper)
    rising = rules.features[f, Feature.MONOTONE]
    if rising != 0:  # what is below the one part stays on its side of the other
        middle = (values[left, Value.OWN] + values[left + 1, Value.OWN]) / 2
        values[left, Value.UPPER if rising > 0 else Value.LOWER] = middle
        values[left + 1, Value.LOWER if rising > 0 else Value.UPPER] = middle
    mask = (1 << units.bits) - 1
    count, other = nodes[left, Node.WORD] & mask, nodes[left + 1, Node.WORD] & mask
    above[Node.FEATURE], above[Node.LEFT], above[Node.BIN] = f, left, chosen[Slot.PLACE]
    missing = rules.features[f, Feature.MISSING]  # where none were seen, they go with most rows
    above[Node.MISSING_LEFT] = own[missing] if missing >= 0 else count > other
    if chosen[Slot.KIND] >= _RISING:
        above[Node.SET] = at[At.SETS]
        bits = growth.sets[at[At.SETS]]
        bits[:] = 0
        for b in range(rules.features[f, Feature.BINS]):
            bits[b >> 6] |= np.int64(own[b]) << (b & 63)
        at[At.SETS] += 1
    at[At.NODES] += 2
    at[At.LARGER] = left if count > other else left + 1
    at[At.SMALLER] = left + 1 if count > other else left
    at[At.WANTED] = 0
    if above[Node.DEPTH] + 1 < limits.max_depth and (at[At.NODES] + 1) // 2 < limits.max_leaves:
        at[At.WANTED] = (max(count, other) >= 2 * limits.min_rows) + 2 * (
            min(count, other) >= 2 * limits.min_rows
        )
    if at[At.WANTED] == 0:
        slots[at[At.FREE], Slot.FREE] = slot
        at[At.FREE] += 1
        return Stage.PICK
    at[At.FREE] -= 1
    new = slots[at[At.FREE], Slot.FREE]
    nodes[at[At.LARGER], Node.SLOT], nodes[at[At.SMALLER], Node.SLOT] = slot, new
    for k in range(len(rules.groups)):
        goes[2 * r + k] &= rules.groups[k, f]
        growth.lefts[new, 2 * r + k] = goes[2 * r + k]
    return Stage.SUM


@compiled(inner=True)
def _keep_leaves(growth: Growth) -> None:
    """Open the leaves that have a split, the larger one below the smaller; give back the slots of
    the others.
    """
    at, slots = growth.at, growth.slots
    for i in range(2 if at[At.LARGER] != at[At.SMALLER] else 1):
        node = at[At.LARGER + i]
        if at[At.WANTED] >> i & 1 and growth.values[node, Value.GAIN] > 0.0:
            slots[at[At.OPEN], Slot.OPEN] = node
            at[At.OPEN] += 1
        else:
            slots[at[At.FREE], Slot.FREE] = growth.nodes[node, Node.SLOT]
            at[At.FREE] += 1

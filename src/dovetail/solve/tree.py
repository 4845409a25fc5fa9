"""Growth of regression trees on binned rows.

The rows of a leaf are known by their histogram: sums of gradient, Hessian and count by feature and
bin. A split reads the histogram of the smaller part from its rows and takes it away from the
parent's to have the larger one's.

Legend: n rows, d features, m nodes, l leaves, c nodes that split by categories, o outputs (values
of a leaf).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dovetail.data.bins import BYTE, Bins, Edges
from dovetail.kernels.compiled import thread_count
from dovetail.kernels.growth import (
    BINS,
    GROUP,
    MISSING,
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
    best_splits,
    divide,
    grow,
    histogram,
    send,
    unpacked,
)
from dovetail.solve.gradient_words import GradientWords

__all__ = ["Grower", "Grown", "Tree", "TreeRules"]

_UNLIMITED = 2**62
# Rows of a leaf, and bins of a search, from which threads help: for fewer, leaving the compiled
# loop (5 µs) and waking them (10 µs) costs more than they save.
_DIVIDE_SHARED, _SUM_SHARED, _SEARCH_SHARED = 32768, 8192, 32768


@dataclass(frozen=True, eq=False)
class TreeRules:
    """What limits a tree.

    Parameters
    ----------
    max_leaves, max_depth : int or None
    min_rows : fewest rows of a leaf
    min_hessian : least sum of Hessians of a leaf
    l2 : λ, added to the Hessian of a leaf
    feature_share : of the features, drawn anew for every leaf
    monotone : for each feature 1, −1 or 0, whether values must rise or fall along it
    groups : sets of features that may be used together on one path, None for all
    """

    max_leaves: int | None = 31
    max_depth: int | None = None
    min_rows: int = 20
    min_hessian: float = 1e-3
    l2: float = 0.0
    feature_share: float = 1.0
    monotone: Sequence[int] | None = None
    groups: Sequence[set[int]] | None = None


@dataclass(frozen=True, eq=False)
class Tree:
    """A tree as it was grown.

    Parameters
    ----------
    nodes : int64 of shape (m, len(Node)), see kernels.growth
    sets : int64 of shape (c, 4), categories that go left
    value : float64 of shape (m, o), of leaves
    gain : float64 of shape (m,), by how much each split lowers the loss (twice, as without the ½
        of the Taylor series), 0 for leaves
    cover : float64 of shape (m,), training rows that reach each node
    edges : Edges of the bins
    """

    nodes: npt.NDArray[np.int64]
    sets: npt.NDArray[np.int64]
    value: npt.NDArray[np.float64]
    gain: npt.NDArray[np.float64]
    cover: npt.NDArray[np.float64]
    edges: Edges


@dataclass(frozen=True, eq=False)
class Grown:
    """A tree whose leaves have no values yet, and where its rows are.

    Parameters
    ----------
    tree : Tree
    leaves : int64 of shape (l,), nodes
    begins : int64 of shape (l + 1,), stretches of `rows`, leaf by leaf
    rows : uint32 of shape (n,), or of as many rows as it was grown on
    bounds : float64 of shape (l, 2), of the values
    """

    tree: Tree
    leaves: npt.NDArray[np.int64]
    begins: npt.NDArray[np.int64]
    rows: npt.NDArray[np.uint32]
    bounds: npt.NDArray[np.float64]


class Grower:
    """Grows trees on the same rows, one after the other.

    Parameters
    ----------
    bins : Bins
    rules : TreeRules
    random : numpy Generator or None
        Draws features where `feature_share` is less than 1.
    outputs : o, how many values a leaf has

    Cost of a tree O(n d o) times the depth at which the smaller parts halve, and O(256 d o) a leaf;
    memory O(256 d o) a leaf that may still be split.
    """

    def __init__(
        self,
        bins: Bins,
        rules: TreeRules,
        random: np.random.Generator | None = None,
        outputs: int = 1,
    ) -> None:
        self.rules, self._bins, self._random = rules, bins, random
        d, n = len(bins.missing), len(bins.by_row)
        leaves = max(n // rules.min_rows, 1)
        best_first = rules.max_leaves is not None and rules.max_leaves < leaves
        self._rules = Rules(*_features(bins, rules), _groups(rules, d))
        self._limits = Limits(
            float(rules.feature_share),
            0,
            _UNLIMITED if rules.max_leaves is None else int(rules.max_leaves),
            _UNLIMITED if rules.max_depth is None else int(rules.max_depth),
            int(rules.min_rows),
            float(rules.min_hessian),
            float(rules.l2),
            best_first,
        )
        if best_first:
            assert rules.max_leaves is not None
            leaves = rules.max_leaves
        self._all = np.arange(n, dtype=np.uint32)
        self._order, self._room = np.empty(n, np.uint32), np.empty((2, n), np.uint32)
        self._codes = bins.by_row.view(np.uint64)
        # depth first, the smaller part first, at most so many leaves wait as n can be halved
        slots = (leaves if best_first else n.bit_length()) + 2
        self._sizes = 1 + bins.edges.counts[bins.edges.counts > BYTE]
        cells = GROUP * BINS * self._codes.shape[1] + int(self._sizes.sum())
        most = max(BINS, *self._sizes.tolist(), 0)
        self._growth = _room_for(slots, 2 * leaves + 1, outputs, cells, most, self._rules)
        threads = thread_count()
        self._shared = np.empty((threads - 1, *self._growth.histograms.shape[1:]), np.int64)
        self._pauses = (
            (_DIVIDE_SHARED, _SUM_SHARED, 2 * BINS * d * outputs < _SEARCH_SHARED)
            if threads > 1
            else (_UNLIMITED, _UNLIMITED, True)
        )

    def grow(self, gradients: GradientWords, some: npt.NDArray[np.uint32] | None = None) -> Grown:
        """A tree for these gradients, on some of the rows or all; the array of rows is used again
        by the next one.
        """
        limits = self._limits
        if limits.share < 1:
            assert self._random is not None, "drawing features needs a random generator"
            seed = int(self._random.integers(2**62))
            limits = limits._replace(seed=seed)
        chosen = self._all if some is None else some
        order = self._order[: len(chosen)]
        order[:] = chosen
        rows = self._rows(order, gradients.narrow, gradients.wide)
        units, growth = gradients.units, self._growth
        growth.scales[:] = gradients.scales
        if self._plant(rows, units):
            while self._go_on(rows, units, limits) != Stage.DONE:
                self._step(rows, units, limits)
                growth.at[At.STAGE] += 1
        return self._grown(order, units)

    def send(self, tree: Tree, others: npt.NDArray[np.uint32], F: npt.NDArray[np.float64]) -> None:
        """Send further rows down a tree: their scores F, of shape (n, o), move by their leaves'
        values, and they are counted in its cover.
        """
        rows = self._rows(others.copy(), np.empty((1, 0), np.int32), np.empty((1, 0, 2), np.int64))
        columns = self._rules.features[tree.nodes[:, Node.FEATURE], Feature.COLUMN]
        send(rows, tree.nodes, columns, self._lefts(tree), tree.value, F, tree.cover)

    def _rows(self, order: Any, narrow: Any, wide: Any) -> Rows:
        bins = self._bins
        columns = bins.bundles.columns
        return Rows(order, self._room, narrow, wide, self._codes, columns, bins.many, self._sizes)

    def _lefts(self, tree: Tree) -> npt.NDArray[np.uint8]:
        """Whether each code of the column goes left at each node, shape (m, r)."""
        of = self._rules.features[tree.nodes[:, Node.FEATURE]]
        most = 64 * tree.sets.shape[1]
        own = (np.arange(most) <= tree.nodes[:, Node.BIN, None]).astype(np.uint8)
        by_set = np.flatnonzero(tree.nodes[:, Node.SET] >= 0)
        words = tree.sets[tree.nodes[by_set, Node.SET]].astype("<i8")
        own[by_set] = np.unpackbits(words.view(np.uint8), axis=1, bitorder="little")
        missing = np.flatnonzero(of[:, Feature.MISSING] >= 0)
        goes = tree.nodes[missing, Node.MISSING_LEFT]
        own[missing, of[missing, Feature.MISSING]] = goes
        shared = np.flatnonzero(of[:, Feature.OWN] >= 0)
        table = self._rules.own[of[shared, Feature.OWN]]
        own[shared, :BINS] = np.take_along_axis(own[shared], table.astype(np.int64), axis=1)
        return own

    def _go_on(self, rows: Rows, units: Units, limits: Limits) -> int:
        return int(
            grow(rows, units, self._rules, limits, self._growth, self._shared, *self._pauses)
        )

    def _plant(self, rows: Rows, units: Units) -> bool:
        """Begin with one leaf; whether it may be split."""
        growth, rules = self._growth, self._rules
        slots = len(growth.slots)
        growth.slots[:, Slot.FREE] = np.arange(slots - 1, -1, -1)
        k = len(rules.groups)
        growth.lefts[0, growth.lefts.shape[1] - k :] = 1
        growth.nodes[0], growth.values[0] = 0, 0.0
        growth.values[0, [Value.LOWER, Value.UPPER]] = -np.inf, np.inf
        growth.nodes[0, Node.SET], growth.nodes[0, Node.END] = -1, len(rows.order)
        growth.at[:] = 0
        growth.at[At.NODES], growth.at[At.FREE], growth.at[At.WANTED] = 1, slots - 1, 1
        growth.at[At.STAGE] = Stage.SEARCH
        self._sum(rows, units, 0)
        sums = unpacked(growth.histograms[0], len(rows.order), units)
        first = BINS if len(rows.columns) else self._sizes[0]
        growth.nodes[0, Node.GRADIENT :] = sums[:, :first].sum(axis=1)
        limits, hessian = self._limits, self._hessians(units).min()
        return bool(len(rows.order) >= 2 * limits.min_rows and hessian >= limits.min_hessian)

    def _hessians(self, units: Units) -> npt.NDArray[np.float64]:
        """Of all rows, by output."""
        words = self._growth.nodes[0, Node.WORD :: 2]
        if units.counted:
            return (words & ((1 << units.bits) - 1)).astype(np.float64)
        return (words >> units.bits) * self._growth.scales[:, 1]

    def _step(self, rows: Rows, units: Units, limits: Limits) -> None:
        """The step that the loop left to its caller."""
        growth = self._growth
        stage, parent = growth.at[At.STAGE], growth.nodes[growth.at[At.PARENT]]
        if stage == Stage.DIVIDE:
            slot = parent[Node.SLOT]
            column = int(self._rules.features[growth.slots[slot, Slot.FEATURE], Feature.COLUMN])
            growth.at[At.MIDDLE] = divide(
                rows, int(parent[Node.BEGIN]), int(parent[Node.END]), column, growth.lefts[slot]
            )
        elif stage == Stage.SUM:
            self._sum(rows, units, int(growth.at[At.SMALLER]))
        else:
            best_splits(growth, self._rules, limits, units)

    def _sum(self, rows: Rows, units: Units, leaf: int) -> None:
        node = self._growth.nodes[leaf]
        out = self._growth.histograms[node[Node.SLOT]]
        histogram(rows, int(node[Node.BEGIN]), int(node[Node.END]), units, self._shared, out)

    def _grown(self, rows: npt.NDArray[np.uint32], units: Units) -> Grown:
        growth = self._growth
        nodes = growth.nodes[: growth.at[At.NODES]].copy()
        leaf = nodes[:, Node.LEFT] == np.arange(len(nodes))
        gain = np.where(leaf, 0.0, growth.values[: len(nodes), Value.GAIN])
        # a tree is grown as if its root had the value 0; what the best constant gains is no split's
        gradients = nodes[0, Node.GRADIENT :: 2] * growth.scales[:, 0]
        constant = gradients**2 / (self._hessians(units) + self._limits.l2 + 1e-15)
        gain[0] = max(gain[0] - constant.sum(), 0.0)
        leaves = np.flatnonzero(leaf)
        leaves = leaves[np.argsort(nodes[leaves, Node.BEGIN], kind="stable")]
        begins = np.append(nodes[leaves, Node.BEGIN], len(rows))
        sets = growth.sets[: growth.at[At.SETS]].copy()
        cover = (nodes[:, Node.END] - nodes[:, Node.BEGIN]).astype(np.float64)
        value = np.zeros((len(nodes), len(growth.scales)))
        tree = Tree(nodes[:, : len(Node)], sets, value, gain, cover, self._bins.edges)
        bounds = growth.values[leaves][:, [Value.LOWER, Value.UPPER]]
        return Grown(tree, leaves, begins, rows, bounds)


def _features(bins: Bins, rules: TreeRules) -> tuple[Any, Any, Any]:
    """`Rules.features`, `Rules.own` and `Rules.listed`."""
    d, counts, bundles = len(bins.missing), bins.edges.counts, bins.bundles
    features, wide = np.zeros((d, len(Feature)), np.int64), counts > BYTE
    features[:, Feature.BINS] = counts
    missing = np.where(wide, counts, MISSING)
    features[:, Feature.MISSING] = np.where(bins.missing, missing, -1)
    features[:, Feature.CATEGORICAL] = bins.edges.categorical
    features[:, Feature.MONOTONE] = 0 if rules.monotone is None else rules.monotone
    features[:, Feature.COLUMN] = bundles.column
    features[:, Feature.CELL] = BINS * bundles.column
    sizes = 1 + counts[wide]
    features[wide, Feature.COLUMN] = len(bundles.columns) + np.arange(len(sizes))
    features[wide, Feature.CELL] = BINS * bins.by_row.shape[1] + np.cumsum(sizes) - sizes
    features[:, Feature.OWN] = bundles.own_of
    shared = np.flatnonzero(bundles.own_of >= 0)
    listed, begin = [np.empty(0, np.uint8)], 0
    for j in shared[np.argsort(bundles.own_of[shared])]:
        own = bundles.own[bundles.own_of[j]]
        usual = int(np.bincount(own).argmax())
        listed.append(np.flatnonzero(own != usual).astype(np.uint8))
        features[j, Feature.BEGIN], features[j, Feature.USUAL] = begin, usual
        begin += len(listed[-1])
        features[j, Feature.END] = begin
    return features, bundles.own, np.concatenate(listed)


def _groups(rules: TreeRules, d: int) -> npt.NDArray[np.uint8]:
    groups = np.zeros((len(rules.groups or ()), d), np.uint8)
    for group, members in zip(groups, rules.groups or (), strict=True):
        group[list(members)] = 1
    return groups


def _room_for(slots: int, nodes: int, outputs: int, cells: int, most: int, rules: Rules) -> Growth:
    """Memory for a tree; the system gives what is written to."""
    categorical = rules.features[:, Feature.CATEGORICAL].any()
    return Growth(
        np.empty((slots, 2 * outputs, cells), np.int64),
        np.empty((outputs, 2)),
        np.empty((slots, len(Slot) + 2 * (outputs - 1)), np.int64),
        np.empty((slots, 2 * most + len(rules.groups)), np.uint8),
        np.empty((nodes, len(Node) + 2 * (outputs - 1)), np.int64),
        np.empty((nodes, len(Value) + outputs - 1)),
        np.empty((nodes if categorical else 0, -(-most // 64)), np.int64),
        np.empty(len(At), np.int64),
    )

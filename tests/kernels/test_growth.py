"""Sums, splits and divisions of rows agree with their references, exactly where they are whole."""

import numpy as np
import pytest
import torch

from dovetail.data.bins import cut, find_edges
from dovetail.kernels import growth
from dovetail.kernels.growth import BINS, Node
from dovetail.settings import config
from dovetail.solve.gradient_words import GradientWords
from dovetail.solve.tree import Grower, TreeRules

N = 900


def table(n, d, rng, *, missing=0.0, categories=()):
    """Rows of d features, those named by `categories` with that many levels."""
    X = rng.normal(size=(n, d))
    for f, levels in dict(categories).items():
        X[:, f] = rng.integers(0, levels, n)
    X[rng.random(X.shape) < missing] = np.nan
    return X


def bins_of(X, max_bins=16, categories=()):
    levels = dict(categories)
    rows = np.arange(len(X))
    kinds = [levels.get(f) for f in range(X.shape[1])]
    edges = find_edges(torch.from_numpy(X), rows, None, max_bins=max_bins, categories=kinds, seed=0)
    return cut(torch.from_numpy(X), rows, edges)


def words(gradients):
    """Gradient, and Hessian with the count, of each row and output: what sums are sums of."""
    if gradients.wide.size:
        return np.concatenate(gradients.wide, axis=1)
    units, narrow = gradients.units, gradients.narrow.astype(np.int64)
    low = narrow & ((1 << units.hessian_bits) - 1)
    both = [narrow >> units.hessian_bits, (low << units.bits) + 1]
    return np.stack(both, axis=1).reshape(-1, narrow.shape[1]).T


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("hessians", [False, True])
@pytest.mark.parametrize(("n", "d"), [(3, 1), (1500, 9), (40_000, 3)])  # wide, narrow, packed
def test_histograms_are_sums(n, d, hessians, outputs):
    rng = np.random.default_rng(0)
    bins = bins_of(table(n, d, rng, missing=0.1))
    g, h = rng.normal(size=(outputs, n)), rng.random((outputs, n))
    gradients = GradientWords.of(g, h if hessians else None)
    begin, end = n // 10, n - n // 10
    order = rng.permutation(n).astype(np.uint32)
    rows = growth.Rows(
        order,
        np.empty((2, n), np.uint32),
        gradients.narrow,
        gradients.wide,
        bins.by_row.view(np.uint64),
        bins.bundles.columns,
        bins.many,
        np.empty(0, np.int64),
    )
    index, codes = torch.from_numpy(order[begin:end].astype(np.int64)), bins.by_row[:, :d]
    expected = growth.reference_histogram(
        index, torch.from_numpy(words(gradients)), torch.from_numpy(codes)
    )
    for threads in (1, 2):
        cells = bins.by_row.shape[1] * BINS
        planes = 2 * outputs
        room, out = np.empty((threads - 1, planes, cells), np.int64), np.full((planes, cells), -1)
        with config(threads=threads):
            growth.histogram(rows, begin, end, gradients.units, room, out)
        sums = growth.unpacked(out, end - begin, gradients.units)
        np.testing.assert_array_equal(sums.T[: d * BINS].reshape(d, BINS, planes), expected)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("n", [1, 1000, 70_000])
def test_divisions_are_stable(n, threads):
    rng = np.random.default_rng(0)
    codes, left = rng.integers(0, BINS, n, dtype=np.uint8), rng.integers(0, 2, BINS, dtype=np.uint8)
    order = rng.permutation(n).astype(np.uint32)
    part = slice(n // 8, n - n // 9)
    expected, count = growth.reference_divide(
        torch.from_numpy(order[part].astype(np.int64)),
        torch.from_numpy(codes),
        torch.from_numpy(left.astype(bool)),
    )
    rows = growth.Rows(
        order,
        np.empty((2, n), np.uint32),
        np.empty((1, 0), np.int32),
        np.empty((1, 0, 2), np.int64),
        np.empty((0, 0), np.uint64),
        codes[None],
        np.empty((0, n), np.uint16),
        np.empty(0, np.int64),
    )
    with config(threads=threads):
        middle = growth.divide(rows, part.start, part.stop, 0, left)
    assert middle == part.start + count
    np.testing.assert_array_equal(order[part], expected)


RULES = {
    "plain": {},
    "weighty": {"min_rows": 100, "l2": 3.0},
    "rising": {"monotone": [1, 1, 0, 0]},
    "falling": {"monotone": [-1, -1, 0, 0]},
}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize(
    ("rules", "outputs"), [*((rules, 1) for rules in RULES), ("plain", 3), ("weighty", 2)]
)
def test_the_best_split_is_found(rules, outputs, missing, seed):
    """Against trying every split, in floating point."""
    rng = np.random.default_rng(seed)
    categories = {2: 12, 3: 2}
    X = table(N, 4, rng, missing=missing, categories=categories)
    effects = [X[:, 0], np.isnan(X[:, 1]), np.sin(3 * np.nan_to_num(X[:, 2], nan=5.0))]
    g = np.stack(
        [
            rng.normal(size=N) + np.nan_to_num(effects[(seed + o) % 3]) * (1 if seed < 3 else 0.1)
            for o in range(outputs)
        ]
    )
    h = rng.random((outputs, N)) + 0.1
    bins = bins_of(X, categories=categories)
    limits = {"min_rows": 20, "l2": 0.0, **RULES[rules]}
    grower = Grower(bins, TreeRules(max_leaves=2, **limits), outputs=outputs)
    grown = grower.grow(GradientWords.of(g, h))

    histograms = np.zeros((outputs, 4, BINS, 3))
    for o in range(outputs):
        for f in range(4):
            of_row = np.stack([g[o], h[o], np.ones(N)], axis=1)
            np.add.at(histograms[o, f], bins.by_row[:, f], of_row)
    monotone = limits.pop("monotone", [0, 0, 0, 0])
    features = zip(bins.edges.counts, bins.missing, bins.edges.categorical, monotone, strict=True)
    best = growth.reference_best_split(histograms, list(features), **limits)
    if best is None:
        assert len(grown.leaves) == 1
        return
    root = grown.tree.nodes[0]
    assert root[Node.FEATURE] == best.feature
    left = np.zeros(N, bool)
    left[grown.rows[: grown.begins[1]]] = True
    expected = np.isin(bins.by_row[:, best.feature], sorted(best.left))
    if root[Node.SET] >= 0 and left[0] != expected[0]:  # a set and its complement gain the same
        left = ~left
    np.testing.assert_array_equal(left, expected)


@pytest.mark.parametrize("max_leaves", [2, 13, None])
@pytest.mark.parametrize("max_depth", [3, None])
@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("n", [N, 6000])
def test_trees_keep_their_rules(n, outputs, max_depth, max_leaves):
    """Every node's sums, most of them a parent's less a sibling's, are those of its rows."""
    rng = np.random.default_rng(1)
    categories = {3: 9}
    X = table(n, 4, rng, missing=0.1, categories=categories)
    bins = bins_of(X, 255, categories)
    g = rng.normal(size=(2, n)) + np.nan_to_num(X[:, 0])
    gradients = GradientWords.of(g[:outputs], rng.random((outputs, n)))
    rules = TreeRules(max_leaves=max_leaves, max_depth=max_depth, min_rows=15)
    grower = Grower(bins, rules, outputs=outputs)
    grown = grower.grow(gradients)
    nodes, w = grown.tree.nodes, words(gradients)
    sizes = np.diff(grown.begins)
    assert sizes.min() >= 15
    assert len(sizes) <= (max_leaves or n)
    assert nodes[:, Node.DEPTH].max() <= (max_depth or n)
    assert max_depth or len(sizes) == (max_leaves or len(sizes)) > 1
    np.testing.assert_array_equal(np.sort(grown.rows), np.arange(n))
    for node in nodes:
        rows = grown.rows[node[Node.BEGIN] : node[Node.END]]
        np.testing.assert_array_equal(node[[Node.GRADIENT, Node.WORD]], w[rows, :2].sum(axis=0))
    again = grower.grow(gradients)
    np.testing.assert_array_equal(again.tree.nodes, nodes)


def test_features_that_may_not_meet():
    rng = np.random.default_rng(0)
    X = table(2000, 4, rng)
    g = X[:, 0] * X[:, 1] + X[:, 2] * X[:, 3] + X.sum(axis=1)
    rules = TreeRules(max_leaves=30, groups=[{0, 1}, {1, 2}, {3}])
    nodes = Grower(bins_of(X), rules).grow(GradientWords.of(g[None], None)).tree.nodes
    met = 0

    def walk(place, path):
        nonlocal met
        node = nodes[place]
        if node[Node.LEFT] == place:
            assert path <= {0, 1} or path <= {1, 2} or path <= {3}
            met += len(path) > 1
            return
        for child in (node[Node.LEFT], node[Node.LEFT] + 1):
            walk(child, path | {int(node[Node.FEATURE])})

    walk(0, set())
    assert met


def test_a_share_of_the_features_is_drawn():
    rng = np.random.default_rng(0)
    X = table(500, 10, rng)
    gradients = GradientWords.of((X[:, 0] + 0.01 * rng.normal(size=500))[None], None)
    bins, used = bins_of(X), []
    for seed in range(60):
        draw = np.random.default_rng(seed)
        grower = Grower(bins, TreeRules(max_leaves=2, feature_share=0.5), draw)
        used.append(grower.grow(gradients).tree.nodes[0, Node.FEATURE])
    assert 15 < used.count(0) < 45  # feature 0 is best whenever it is drawn
    assert len(set(used)) > 3

"""Trees that are grown by impurity: every split is the best there is."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.codes import encode_columns
from dovetail.kernels.exact import Criterion
from dovetail.kernels.exact.reference import best_gain, impurity, prediction
from dovetail.solve.impurity import ImpurityGrower, ImpurityRules

NAMES = {
    "gini": Criterion.GINI,
    "entropy": Criterion.ENTROPY,
    "squared_error": Criterion.SQUARED,
    "poisson": Criterion.POISSON,
    "absolute_error": Criterion.ABSOLUTE,
}


def rows_of(seed, n=24, d=3, k=1, classes=0, missing=0.0, levels=7):
    draw = np.random.default_rng(seed)
    X = draw.integers(0, levels, (n, d)).astype(np.float64) / 4
    X[draw.random((n, d)) < missing] = np.nan
    numbers = draw.integers(0, classes, (n, k)) if classes else draw.integers(0, 9, (n, k)) / 2
    return X, numbers.astype(np.float64), draw.integers(1, 4, n).astype(np.float64)


def grown(X, y, w, classes=0, seed=0, **rules):
    codes = encode_columns(torch.from_numpy(X))
    return ImpurityGrower(codes, y, classes, ImpurityRules(**rules)).grow(w, seed)


def reached(tree, X):
    """The rows of each node, True where one passes it."""
    inside = np.zeros((len(tree.left), len(X)), bool)
    inside[0] = True
    for node in np.flatnonzero(tree.left != np.arange(len(tree.left))):
        x = X[:, tree.feature[node]]
        right = (x > tree.threshold[node]) | (np.isnan(x) & tree.missing_right[node])
        inside[tree.left[node]] = inside[node] & ~right
        inside[tree.left[node] + 1] = inside[node] & right
    return inside


CASES = [
    ("gini", 2, 1),
    ("gini", 3, 1),
    ("gini", 3, 2),
    ("entropy", 2, 1),
    ("entropy", 4, 1),
    ("squared_error", 0, 1),
    ("squared_error", 0, 2),
    ("poisson", 0, 1),
    ("poisson", 0, 2),
    ("absolute_error", 0, 1),
    ("absolute_error", 0, 2),
]


@pytest.mark.parametrize("missing", [0.0, 0.3])
@pytest.mark.parametrize(("name", "classes", "k"), CASES)
@pytest.mark.parametrize("n", [24, 400])  # sorted, and counted or sorted by digits
def test_every_split_is_the_best_there_is(name, classes, k, missing, n):
    X, y, w = rows_of(len(name) + classes, n, k=k, classes=classes, missing=missing)
    tree = grown(X, y, w, classes, criterion=name, max_depth=3)
    inside, criterion = reached(tree, X), NAMES[name]
    T = torch.from_numpy
    risk = tree.impurity * tree.weight
    for node, rows in enumerate(inside):
        ys, ws = T(y[rows]), T(w[rows])
        assert tree.cover[node] == rows.sum()
        assert tree.weight[node] == pytest.approx(w[rows].sum())
        assert tree.impurity[node] == pytest.approx(
            float(impurity(ys, ws, criterion, classes)), abs=1e-12
        )
        expected = prediction(ys, ws, criterion, classes).numpy()
        np.testing.assert_allclose(tree.value[node], expected, atol=1e-12)
        left = tree.left[node]
        if left != node:
            gain = risk[node] - risk[left] - risk[left + 1]
            columns = T(X[rows]).T
            best = max(best_gain(x, ys, ws, criterion, classes) for x in columns)
            assert gain == pytest.approx(best, abs=1e-9)


@given(st.integers(0, 10_000))
def test_weights_are_repetitions(seed):
    X, y, w = rows_of(seed, missing=0.2)
    times = w.astype(int)
    weighted = grown(X, y, w, criterion="squared_error")
    repeated = grown(
        np.repeat(X, times, 0),
        np.repeat(y, times, 0),
        np.ones(times.sum()),
        criterion="squared_error",
    )
    np.testing.assert_array_equal(weighted.threshold, repeated.threshold)
    np.testing.assert_allclose(weighted.value, repeated.value)


@given(st.integers(0, 10_000), st.sampled_from(["gini", "squared_error", "absolute_error"]))
def test_limits_hold(seed, name):
    classes = 2 if name == "gini" else 0
    X, y, w = rows_of(seed, n=60, classes=classes, missing=0.1)
    for random in (False, True):
        tree = grown(
            X,
            y,
            w,
            classes,
            seed,
            criterion=name,
            random=random,
            min_leaf=4,
            min_weight=9.0,
            max_leaves=5,
            max_depth=4,
        )
        leaf = tree.left == np.arange(len(tree.left))
        assert leaf.sum() <= 5
        assert tree.depth.max() <= 4
        assert (tree.cover >= 4).all()
        assert (tree.weight >= 9).all() or len(leaf) == 1
        np.testing.assert_array_equal(tree.cover, reached(tree, X).sum(1))


@pytest.mark.parametrize("name", ["squared_error", "absolute_error", "gini"])
@pytest.mark.parametrize("random", [False, True])
def test_monotone_features_are_monotone(name, random):
    draw = np.random.default_rng(3)
    X = draw.random((300, 2))
    y = np.sin(12 * X[:, :1]) / 2 + 2 * X[:, :1] + draw.normal(size=(300, 1)) / 4
    classes = 2 if name == "gini" else 0
    y = (y > 1).astype(float) if classes else y
    tree = grown(X, y, np.ones(300), classes, criterion=name, random=random, monotone=[1, 0])
    grid = np.stack([np.linspace(0, 1, 500), np.full(500, 0.4)], 1)
    leaf = tree.left == np.arange(len(tree.left))
    of_leaf = reached(tree, grid)[leaf]
    values = tree.value[leaf, -1][of_leaf.argmax(0)]
    assert (np.diff(values) >= -1e-12).all()
    assert np.ptp(values) > 0.3


def test_least_decrease_and_best_first():
    X, y, w = rows_of(1, n=200, levels=40)
    tree = grown(X, y, w, criterion="squared_error", min_decrease=0.05)
    risk = tree.impurity * tree.weight / tree.weight[0]
    inner = np.flatnonzero(tree.left != np.arange(len(tree.left)))
    assert (risk[inner] - risk[tree.left[inner]] - risk[tree.left[inner] + 1] >= 0.05 - 1e-12).all()
    sums = []
    for leaves in (2, 4, 8, 16):
        tree = grown(X, y, w, criterion="squared_error", max_leaves=leaves)
        leaf = tree.left == np.arange(len(tree.left))
        assert leaf.sum() == leaves
        sums.append((tree.impurity * tree.weight)[leaf].sum())
    assert sums == sorted(sums, reverse=True)


def test_many_rows_are_split_by_bins_and_few_exactly():
    draw = np.random.default_rng(0)
    x = draw.normal(size=(5000, 1))
    y = (x[:, 0] > 0.31).astype(float)[:, None]
    codes = encode_columns(torch.from_numpy(x))
    coarse = codes.coarse(64)
    assert coarse.by_column.dtype == np.uint8
    assert coarse.counts[0] == 64
    assert np.bincount(coarse.by_column[0]).max() < 2 * 5000 / 64
    assert (coarse.low <= coarse.high).all()
    assert (coarse.high[:-1] < coarse.low[1:]).all()
    inside = codes.low[codes.by_column[0]]
    assert (coarse.low[coarse.by_column[0]] <= inside).all()
    assert (coarse.high[coarse.by_column[0]] >= inside).all()

    def grown(**limits):
        grower = ImpurityGrower(codes, y, 2, ImpurityRules("gini", **limits), bins=64)
        return grower.grow(np.ones(5000), 0)

    stump = grown(max_leaves=2)
    assert stump.threshold[0] == pytest.approx(0.31, abs=0.05)
    assert stump.cover[2] == (x[:, 0] > stump.threshold[0]).sum()
    assert stump.impurity[1:].max() > 0  # the border lies within a bin
    whole = grown()
    leaf = whole.left == np.arange(len(whole.left))
    assert (whole.impurity[leaf] == 0).all()
    np.testing.assert_array_equal(whole.cover, reached(whole, x).sum(1))


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("random", [False, True])
def test_rows_fall_where_they_were_counted(random, missing):
    draw = np.random.default_rng(1)
    X = draw.normal(size=(3000, 4))
    X[draw.random(X.shape) < missing] = np.nan
    y = np.nansum(X, axis=1, keepdims=True) + draw.normal(size=(3000, 1))
    codes = encode_columns(torch.from_numpy(X))
    rules = ImpurityRules("squared_error", random=random, max_features=2)
    tree = ImpurityGrower(codes, y, 0, rules, bins=255).grow(np.ones(3000), 5)
    np.testing.assert_array_equal(tree.cover, reached(tree, X).sum(1))

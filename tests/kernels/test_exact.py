"""Trees that are grown by impurity: every split is the best there is."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dovetail.data.codes import columns_of, encode_columns
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
    matrix = torch.from_numpy(X)
    columns = columns_of(matrix) if rules.get("random") else encode_columns(matrix)
    return ImpurityGrower(columns, y, classes, ImpurityRules(**rules)).grow(w, seed)


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
@pytest.mark.parametrize("n", [24, 400])  # few rows are sorted, many are summed by bins
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


@settings(deadline=None)  # kernels may be compiled
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


def test_coarse_codes_are_bins_of_about_equally_many_rows():
    draw = np.random.default_rng(0)
    x = np.where(draw.random((5000, 1)) < 0.3, 0.25, draw.normal(size=(5000, 1)))
    codes = encode_columns(torch.from_numpy(x))
    coarse = codes.coarse(64)
    assert coarse.by_column.dtype == np.uint8
    assert coarse.counts[0] <= 64
    rows = np.bincount(coarse.by_column[0])
    often = coarse.by_column[0, x[:, 0] == 0.25]
    assert np.ptp(often) == 0  # and nothing else is there
    assert rows[often[0]] == len(often)
    assert np.delete(rows, often[0]).max() < 2 * 5000 / 64
    assert (coarse.low <= coarse.high).all()
    assert (coarse.high[:-1] < coarse.low[1:]).all()
    inside = codes.low[codes.by_column[0]]
    assert (coarse.low[coarse.by_column[0]] <= inside).all()
    assert (coarse.high[coarse.by_column[0]] >= inside).all()


@pytest.mark.parametrize("missing", [0.0, 0.1])
@pytest.mark.parametrize(
    ("name", "classes"), [(n, c) for n, c, k in CASES[:-2] if k == 1 and c < 3]
)
@pytest.mark.parametrize("signal", [0.0, 1.0])
@pytest.mark.parametrize("least", [1, 100])
def test_bins_do_not_hide_the_best_split(name, classes, missing, signal, least):
    draw = np.random.default_rng(classes)
    X = np.stack([draw.normal(size=3000), np.round(draw.exponential(size=3000), 2)], 1)
    X[draw.random(X.shape) < missing] = np.nan
    y = signal * np.nansum(X[:, :1], axis=1) + draw.normal(size=3000)
    y = ((y > 0.3).astype(float) if classes else np.exp(y / 2))[:, None]
    w = draw.integers(1, 4, 3000).astype(np.float64)
    tree = grown(X, y, w, classes, criterion=name, max_leaves=2, min_leaf=least)
    x = X[:, tree.feature[0]]
    right = (x > tree.threshold[0]) | (np.isnan(x) & tree.missing_right[0])
    risk = tree.impurity * tree.weight
    assert tree.cover.tolist() == [3000, (~right).sum(), right.sum()]
    gains = [gains_of(x, y[:, 0], w, NAMES[name], least) for x in X.T]
    found = risk[0] - risk[1] - risk[2]
    assert found == pytest.approx(max(g.max() for g in gains), rel=1e-9)


def gains_of(x, y, w, criterion, least):
    """What each split of sorted rows takes from the impurity times the weight."""
    order = np.argsort(x, kind="stable")
    x, y, w = x[order], y[order], w[order]
    there, nan = ~np.isnan(x), np.isnan(x)
    found = [np.array([-np.inf])]
    for left in (False, True):
        xs = np.r_[x[nan], x[there]] if left else x
        ys, ws = (np.r_[v[nan], v[there]] if left else v for v in (y, w))
        n, a = np.arange(1, len(x)), ws.cumsum()[:-1]
        s, total, weight = (ws * ys).cumsum()[:-1], (ws * ys).sum(), ws.sum()
        score = score_of(a, s, criterion) + score_of(weight - a, total - s, criterion)
        allowed = (n >= least) & (len(x) - n >= least)
        allowed &= (xs[1:] != xs[:-1]) & ~(np.isnan(xs[1:]) & np.isnan(xs[:-1]))
        found.append((score - score_of(weight, total, criterion))[allowed])
    return np.concatenate(found)


def score_of(w, s, criterion):
    with np.errstate(all="ignore"):
        if criterion == Criterion.GINI:
            return 2 * s * s / w
        if criterion == Criterion.SQUARED:
            return s * s / w
        if criterion == Criterion.POISSON:
            return s * np.log(s / w)
        terms = [np.where(v > 1e-9, v * np.log2(v), 0.0) for v in (s, w - s, w)]
        return terms[0] + terms[1] - terms[2]


@pytest.mark.parametrize("missing", [0.0, 0.2])
@pytest.mark.parametrize("random", [False, True])
def test_rows_fall_where_they_were_counted(random, missing):
    draw = np.random.default_rng(1)
    X = draw.normal(size=(3000, 4))
    X[draw.random(X.shape) < missing] = np.nan
    y = np.nansum(X, axis=1, keepdims=True) + draw.normal(size=(3000, 1))
    tree = grown(
        X, y, np.ones(3000), seed=5, criterion="squared_error", random=random, max_features=2
    )
    np.testing.assert_array_equal(tree.cover, reached(tree, X).sum(1))

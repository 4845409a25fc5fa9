"""Sums over trees and leaves of rows: the compiled loops agree with torch's."""

import numpy as np
import pytest
import torch

from dovetail.kernels import forest
from dovetail.kernels.forest import Masks, Steps, Trees

D = 4  # features; the last one holds categories


def grown(t, rng, *, dtype=np.float64, v=1, depth=5, words=4):
    """t trees of random shape, of depth 0 to `depth`, and the depth of the deepest."""
    roots, nodes, deepest = [], [], 0
    for _ in range(t):
        roots.append(len(nodes))
        front, wanted = [len(nodes)], rng.integers(0, depth + 1)
        nodes.append(None)
        for level in range(wanted):
            splits = [place for place in front if level == 0 or rng.random() < 0.8]
            front = []
            for place in splits:
                nodes[place] = len(nodes)
                front += [len(nodes), len(nodes) + 1]
                nodes += [None, None]
            deepest = max(deepest, level + bool(splits))
    m = len(nodes)
    inner = np.array([child is not None for child in nodes])
    feature = np.where(inner, rng.integers(0, D, m), 0)
    categorical = inner & (feature == D - 1)
    threshold = rng.normal(size=m).round(1)
    threshold[rng.random(m) < 0.05] = np.inf  # all that is there goes left
    threshold[rng.random(m) < 0.05] = -0.0
    trees = Trees(
        roots=np.array(roots, np.int64),
        feature=feature,
        threshold=np.where(inner, threshold, np.inf).astype(dtype),
        left=np.array([i if child is None else child for i, child in enumerate(nodes)]),
        missing_right=inner & (rng.random(m) < 0.5),
        value=rng.normal(size=(m, v)).astype(dtype),
        category=np.where(categorical, np.cumsum(categorical) - 1, -1),
        sets=rng.integers(-(2**62), 2**62, (int(categorical.sum()), words)),
    )
    return trees, deepest


def rows(n, rng, dtype=np.float64):
    """Rows with all that is awkward: values on thresholds, missing and infinite ones, −0."""
    X = rng.normal(size=(n, D)).round(1).astype(dtype)
    X[:, -1] = rng.integers(-1, 300, n)  # below 0 is missing, above the last is the last
    X[rng.random(X.shape) < 0.1] = np.nan
    X[rng.random(X.shape) < 0.03] = np.inf
    X[rng.random(X.shape) < 0.03] = -np.inf
    X[rng.random(X.shape) < 0.03] = -0.0
    X.view(np.int32 if dtype == np.float32 else np.int64)[rng.random(X.shape) < 0.02] = -1  # a NaN
    return X


def tensors(trees):
    return {
        name: None if array is None else torch.from_numpy(array)
        for name, array in trees._asdict().items()
    }


def check(trees, depth, X, k):
    """Sums and leaves by the kernel, held to the reference; returns the sums."""
    way = forest.plan(trees, X.dtype)
    nodes, sums = np.empty((len(X), len(trees.roots)), np.int64), np.full((len(X), k), 0.5)
    forest.find_leaves(X, way, nodes)
    forest.add_values(X, way, sums)
    given = tensors(trees)
    value = given.pop("value")
    shapes = {"roots": "roots_t", "sets": "sets_cw"}
    given = {shapes.get(name, f"{name}_m"): array for name, array in given.items()}
    rows = torch.from_numpy(np.ascontiguousarray(X))
    expected = forest.reference_leaves(rows, **given, depth=depth)
    np.testing.assert_array_equal(nodes, expected)
    total = forest.reference_sums(rows, **given, value_mv=value.double(), depth=depth, k=k)
    np.testing.assert_allclose(sums - 0.5, total, rtol=0, atol=1e-12)
    return sums


SIZES = {"masks of 32": 5, "masks of 64": 6, "descent": 9}  # by depth


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("depth", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize(
    ("n", "t", "k", "v"),
    [(0, 3, 1, 1), (1, 1, 1, 1), (129, 70, 1, 1), (700, 99, 3, 1), (300, 60, 3, 3), (9, 7, 2, 2)],
)
def test_sums_and_leaves(n, t, k, v, depth, dtype):
    rng = np.random.default_rng(t)
    trees, deepest = grown(t, rng, dtype=dtype, v=v, depth=depth)
    X = rows(n, rng, dtype)
    check(trees, deepest, X, k)
    plain = trees._replace(feature=np.minimum(trees.feature, D - 2), category=None, sets=None)
    check(plain, deepest, X, k)
    check(plain, deepest, np.where(np.isnan(X), 0, X).astype(dtype), k)


@pytest.mark.parametrize("depth", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("words", [1, 2, 5])
def test_any_number_of_categories(words, depth):
    rng = np.random.default_rng(words)
    trees, deepest = grown(40, rng, depth=depth, words=words)
    X = rows(200, rng)
    X[::3] = np.nan_to_num(X[::3], posinf=7, neginf=-7)
    X[::2, -1] = rng.integers(64 * words - 5, 64 * words + 5, 100)
    check(trees, deepest, X, 1)


def test_the_size_of_trees_says_which_way():
    rng = np.random.default_rng(0)
    assert isinstance(forest.plan(grown(9, rng, depth=5)[0], np.float32), Masks)
    assert isinstance(forest.plan(grown(40, rng, depth=9)[0], np.float32), Steps)


@pytest.mark.parametrize("depth", SIZES.values(), ids=SIZES)
def test_thresholds_finer_than_the_rows(depth):
    """Float32 rows and float64 thresholds around them are compared exactly, and the reverse."""
    rng = np.random.default_rng(1)
    trees, deepest = grown(30, rng, depth=depth)
    X = rows(400, rng, np.float32)
    levels = X[rng.integers(0, 400, len(trees.left)), rng.integers(0, D - 1, len(trees.left))]
    near = np.nextafter(levels.astype(np.float64), rng.choice([-np.inf, np.inf], len(levels)))
    near = np.where(np.isnan(near), 1e300, near)
    inner = trees.left != np.arange(len(trees.left))
    check(trees._replace(threshold=np.where(inner, near, np.inf)), deepest, X, 1)
    single = trees._replace(threshold=trees.threshold.astype(np.float32))
    check(single, deepest, rows(100, rng), 1)


@pytest.mark.parametrize("depth", SIZES.values(), ids=SIZES)
def test_rows_in_any_order_and_memory(depth):
    rng = np.random.default_rng(2)
    trees, deepest = grown(50, rng, dtype=np.float32, depth=depth)
    X = rows(300, rng, np.float32)
    sums = check(trees, deepest, X, 1)
    for same in (np.asfortranarray(X), np.repeat(X, 2, axis=0)[::2]):
        np.testing.assert_array_equal(check(trees, deepest, same, 1), sums)
    order = rng.permutation(300)
    np.testing.assert_array_equal(check(trees, deepest, X[order], 1), sums[order])
    for few in (1, 7, 8, 9, 130):
        np.testing.assert_array_equal(check(trees, deepest, X[:few], 1), sums[:few])


@pytest.mark.parametrize("depth", SIZES.values(), ids=SIZES)
def test_some_trees_after_others_give_the_same(depth):
    rng = np.random.default_rng(3)
    trees, _ = grown(12, rng, depth=depth)
    X = rows(50, rng)
    way, at_once, stage_by_stage = forest.plan(trees, X.dtype), np.zeros((50, 3)), np.zeros((50, 3))
    forest.add_values(X, way, at_once)
    for first in range(0, 12, 3):
        forest.add_values(X, way, stage_by_stage, first=first, last=first + 3)
    np.testing.assert_array_equal(stage_by_stage, at_once)


@pytest.mark.parametrize("depth", SIZES.values(), ids=SIZES)
def test_any_number_of_threads_gives_the_same(depth):
    rng = np.random.default_rng(4)
    trees, deepest = grown(60, rng, depth=depth)
    X, threads, found = rows(1500, rng), torch.get_num_threads(), []
    for number in (1, 2):
        torch.set_num_threads(number)
        found.append(check(trees, deepest, X, 1))
    torch.set_num_threads(threads)
    np.testing.assert_array_equal(*found)


def test_a_node_that_is_too_far_for_32_bits():
    """Many features leave few bits of a word: then it has 64."""
    rng = np.random.default_rng(5)
    trees, deepest = grown(20, rng, depth=9)
    wide = np.zeros((40, 10**6), np.float32)
    far = np.array([0, 3, 10**6 - 2, 10**6 - 1])
    wide[:, far] = rows(40, rng, np.float32)
    check(trees._replace(feature=far[trees.feature]), deepest, wide, 1)
    repeated = trees._replace(feature=far[trees.feature] * 2000)
    assert forest.plan(repeated, np.float32).node.dtype["word"] == np.int64

"""The passes of k-means against what they mean, written out."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from dovetail.kernels.nearest import (
    distances,
    filter_rows,
    move,
    nearest_two,
    reference_distances,
    reference_nearest_two,
    settle,
)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("k", "b"), [(1, 1), (1, 7), (2, 33), (5, 1), (17, 130)])
def test_the_two_least(k, b, dtype):
    random = np.random.default_rng(k * b)
    half, S = random.integers(0, 9, k).astype(dtype), random.integers(0, 9, (k, b)).astype(dtype)
    label, best, second = np.empty(b, np.int32), np.empty(b, dtype), np.empty(b, dtype)
    nearest_two(half, S, label, best, second)
    expected = reference_nearest_two(torch.from_numpy(half), torch.from_numpy(S))
    for found, wanted in zip((label, best, second), expected, strict=True):
        assert_array_equal(found, wanted.numpy())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("m", "d"), [(0, 3), (1, 1), (33, 5), (9000, 2)])
def test_distances_to_own_centers(m, d, dtype):
    random = np.random.default_rng(m)
    X, centers = random.normal(size=(m, d)).astype(dtype), random.normal(size=(4, d))
    labels, found = random.integers(0, 4, m), np.empty(m)
    distances(X, centers, labels, found)
    rows = (torch.from_numpy(part) for part in (X, centers, labels))
    assert_allclose(found, reference_distances(*rows).numpy(), rtol=1e-12)


@pytest.mark.parametrize("weighted", [False, True])
def test_changes_of_sums(weighted):
    random = np.random.default_rng(0)
    X, k = random.normal(size=(50, 3)).astype(np.float32), 4
    w = random.uniform(size=50) if weighted else np.empty(0)
    each = w if weighted else np.ones(50)
    before, after = (random.integers(0, k, 50).astype(np.int32) for _ in range(2))
    before[:5] = -1

    def sums_of(labels):
        into = [labels == j for j in range(k)]
        return np.array([(each[m, None] * X[m]).sum(0) for m in into]), np.array(
            [each[m].sum() for m in into]
        )

    sums, counts = sums_of(before)
    moved = np.flatnonzero(before != after)
    labels = np.concatenate([np.zeros(9, np.int32), after])  # rows are numbered from 9 on
    move(X, 9, w, moved + 9, before[moved], labels, sums, counts)
    expected = sums_of(after)
    assert_allclose(sums, expected[0], atol=1e-6)
    assert_allclose(counts, expected[1], atol=1e-12)


@pytest.mark.parametrize("exact", [False, True])
def test_no_row_is_skipped_whose_nearest_center_has_changed(exact):
    random = np.random.default_rng(0)
    X = random.normal(size=(300, 2))
    old = random.normal(size=(6, 2))
    labels, upper, lower = np.full(300, -1, np.int32), np.zeros(300), np.zeros(300)
    products = (X @ old.T).T.copy()
    found, best, second = np.empty(300, np.int32), np.empty(300), np.empty(300)
    nearest_two(0.5 * (old**2).sum(1), products, found, best, second)
    moved, before = np.empty(300, np.int64), np.empty(300, np.int32)
    squares = (X**2).sum(1)
    count = settle(
        found, best, second, squares, 1e-12, np.empty(0, np.int64), 0, labels, upper, lower, moved,
        before,
    )  # fmt: skip
    assert count == 300
    true = np.linalg.norm(X[:, None] - old, axis=2)
    assert_array_equal(labels, true.argmin(1))
    assert (upper >= true.min(1) - 1e-9).all()
    assert (lower <= np.sort(true, 1)[:, 1] + 1e-9).all()

    skipped = 0
    for size in (0.001, 0.03, 0.3):
        new = old + size * random.normal(size=old.shape)
        drift = np.linalg.norm(new - old, axis=1)
        others = np.array([np.delete(drift, j).max() for j in range(6)])
        between = np.linalg.norm(new[:, None] - new, axis=2) + np.diag([np.inf] * 6)
        active = np.empty(300, bool)
        filter_rows(
            X, 0, new, labels, upper.copy(), lower.copy(), drift, others, between.min(1) / 2, exact,
            active,
        )  # fmt: skip
        changed = np.linalg.norm(X[:, None] - new, axis=2).argmin(1) != labels
        assert not (changed & ~active).any()
        skipped += (~active).sum()
    assert skipped > 100

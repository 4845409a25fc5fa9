"""StandardScaler against the moments of numpy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from dovetail.preprocessing import StandardScaler

rng = np.random.default_rng(0)
X = rng.normal(size=(97, 4)) * [1.0, 1e-3, 1e4, 5.0] + [0.0, 1.0, -3.0, 2.0]


def with_holes(share: float = 0.2) -> np.ndarray:
    holes = X.copy()
    holes[rng.random(X.shape) < share] = np.nan
    return holes


@pytest.mark.parametrize("with_mean", [True, False])
@pytest.mark.parametrize("with_std", [True, False])
def test_formula(with_mean: bool, with_std: bool) -> None:
    scaler = StandardScaler(with_mean=with_mean, with_std=with_std).fit(X)
    expected = (X - X.mean(0) * with_mean) / (X.std(0) if with_std else 1)
    np.testing.assert_allclose(scaler.transform(X), expected, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(scaler.inverse_transform(expected), X, rtol=1e-12)
    with torch.no_grad():
        np.testing.assert_allclose(scaler.program_(scaler.front(X)), expected, atol=1e-10)


def test_weighted_moments() -> None:
    w = rng.random(len(X))
    w[:5] = 0
    scaler = StandardScaler().fit(X, sample_weight=w)
    mean = np.average(X, axis=0, weights=w)
    np.testing.assert_allclose(scaler.mean_, mean, rtol=1e-12)
    np.testing.assert_allclose(scaler.var_, np.average((X - mean) ** 2, axis=0, weights=w))
    assert scaler.n_samples_seen_ == pytest.approx(w.sum())


def test_missing_values_do_not_count_and_stay() -> None:
    holes = with_holes()
    scaler = StandardScaler().fit(holes)
    np.testing.assert_allclose(scaler.mean_, np.nanmean(holes, 0))
    np.testing.assert_allclose(scaler.var_, np.nanvar(holes, 0))
    np.testing.assert_array_equal(scaler.n_samples_seen_, (~np.isnan(holes)).sum(0))
    np.testing.assert_array_equal(np.isnan(scaler.transform(holes)), np.isnan(holes))


@pytest.mark.parametrize("weighted", [False, True])
def test_parts_learn_what_the_whole_does(weighted: bool) -> None:
    holes = with_holes()
    holes[0, 0] = np.nan  # the first part has no value of this column
    w = rng.random(len(X)) if weighted else None
    parts, whole = StandardScaler(), StandardScaler().fit(holes, sample_weight=w)
    for rows in np.split(np.arange(len(X)), [1, 30, 31, 80]):
        parts.partial_fit(holes[rows], sample_weight=None if w is None else w[rows])
    np.testing.assert_allclose(parts.mean_, whole.mean_, rtol=1e-12)
    np.testing.assert_allclose(parts.var_, whole.var_, rtol=1e-12)
    np.testing.assert_allclose(parts.n_samples_seen_, whole.n_samples_seen_)


def test_a_large_mean_costs_no_precision() -> None:
    small = rng.normal(size=(1000, 1))
    moved = StandardScaler().fit(small + 1e9)
    np.testing.assert_allclose(moved.var_, small.var(0), rtol=1e-6)
    parts = StandardScaler()
    for rows in np.array_split(small + 1e9, 50):
        parts.partial_fit(rows)
    np.testing.assert_allclose(parts.var_, small.var(0), rtol=1e-6)


def test_constant_columns_are_left_at_zero() -> None:
    constant = np.full((1000, 3), [0.1, 1e15, 0.0])
    scaler = StandardScaler().fit(constant)
    np.testing.assert_array_equal(scaler.scale_, 1)
    np.testing.assert_array_equal(scaler.transform(constant), 0)


@pytest.mark.parametrize("make", [sp.csr_array, sp.csc_array, sp.csr_matrix])
@pytest.mark.parametrize("weighted", [False, True])
def test_sparse_is_dense(make: type, weighted: bool) -> None:
    dense = X * (rng.random(X.shape) < 0.3)
    dense[rng.random(X.shape) < 0.05] = np.nan
    w = rng.random(len(X)) if weighted else None
    scaler = StandardScaler(with_mean=False).fit(make(dense), sample_weight=w)
    expected = StandardScaler(with_mean=False).fit(dense, sample_weight=w)
    np.testing.assert_allclose(scaler.var_, expected.var_)
    np.testing.assert_allclose(scaler.mean_, expected.mean_)
    out = scaler.transform(make(dense))
    assert sp.issparse(out)
    np.testing.assert_allclose(out.toarray(), expected.transform(dense))
    np.testing.assert_allclose(scaler.inverse_transform(out).toarray(), dense)
    with pytest.raises(ValueError, match="Cannot center sparse matrices"):
        StandardScaler().fit(make(dense))


def test_overwrites_only_where_asked() -> None:
    mine = X.copy()
    StandardScaler().fit_transform(mine)
    np.testing.assert_array_equal(mine, X)
    scaler = StandardScaler(copy=False).fit(mine)
    out = scaler.transform(mine)
    assert np.shares_memory(out, mine)
    np.testing.assert_allclose(mine, (X - X.mean(0)) / X.std(0), atol=1e-10)


def test_float32_keeps_its_width_and_the_statistics_theirs() -> None:
    narrow = X.astype(np.float32)
    scaler = StandardScaler().fit(narrow)
    assert scaler.transform(narrow).dtype == np.float32
    assert scaler.mean_.dtype == np.float64
    np.testing.assert_allclose(scaler.mean_, narrow.astype(np.float64).mean(0), rtol=1e-12)


def test_gradient_is_that_of_the_map() -> None:
    scaler = StandardScaler().fit(X)
    T = torch.tensor(X, requires_grad=True)
    scaler.transform(T).sum().backward()
    np.testing.assert_allclose(T.grad, np.broadcast_to(1 / X.std(0), X.shape))

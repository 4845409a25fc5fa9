"""Sums over blocks equal statistics of the whole, for any blocks, weights and missing values."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import SparseMatrix
from dovetail.data.statistics import Moments, column_moments, column_ranges, merge_moments

matrices = hnp.arrays(
    np.float64,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=8),
    elements=st.one_of(st.floats(-1e3, 1e3), st.just(np.nan), st.just(0.0)),
)


def batches(X, w=None, rows=None):
    X = SparseMatrix.from_scipy(X) if sp.issparse(X) else torch.from_numpy(X)
    return Batches(Batch(X, None, None if w is None else torch.from_numpy(w)), rows)


def expected(X, w):
    """Moments by their definition."""
    there = ~np.isnan(X)
    w = there * w[:, None]
    count = w.sum(0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.where(count > 0, np.nansum(np.where(there, X, 0) * w, 0) / count, 0)
    return count, mean, (np.where(there, X - mean, 0) ** 2 * w).sum(0)


@settings(max_examples=60, deadline=None)
@given(matrices, st.integers(1, 9), st.booleans(), st.booleans())
def test_moments(X, rows, weighted, sparse):
    w = np.arange(1.0, len(X) + 1) if weighted else np.ones(len(X))
    count, mean, squares = expected(X, w)
    source = sp.csr_array(X) if sparse else X
    found = column_moments(batches(source, w if weighted else None, rows))
    np.testing.assert_allclose(found.weight, count)
    np.testing.assert_allclose(np.where(count > 0, found.mean, 0), mean, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.squares, squares, rtol=1e-8, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(matrices, st.integers(1, 9))
def test_merging_is_associative(X, cut):
    parts = np.array_split(X, min(cut, len(X)))
    moments = [column_moments(batches(np.ascontiguousarray(p))) for p in parts]
    left = moments[0]
    for m in moments[1:]:
        left = merge_moments(left, m)
    right = moments[-1]
    for m in moments[-2::-1]:
        right = merge_moments(m, right)
    for a, b in zip(left, right, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-7)


def test_a_large_mean_costs_no_precision():
    X = 1e9 + np.random.default_rng(0).normal(size=(50_000, 1))
    found = column_moments(batches(X))
    assert float(found.variance) == pytest.approx(np.var(X - 1e9), rel=1e-6)
    constant = column_moments(batches(np.full((20_000, 1), 0.1)))
    assert float(constant.variance) == 0


@settings(max_examples=40, deadline=None)
@given(matrices, st.booleans())
def test_ranges(X, sparse):
    low, high = column_ranges(batches(sp.csc_array(X) if sparse else X))
    with np.errstate(all="ignore"), pytest.warns() if np.isnan(X).all(0).any() else _nothing():
        np.testing.assert_array_equal(low, np.nanmin(X, 0))
        np.testing.assert_array_equal(high, np.nanmax(X, 0))


class _nothing:
    def __enter__(self):
        return self

    def __exit__(self, *exc):
        return False


def test_sums_of_tuples():
    X = np.arange(10.0).reshape(5, 2)
    total, count = batches(X, rows=2).sum(lambda b: (b.X.sum(0), len(b)))
    assert total.tolist() == X.sum(0).tolist()
    assert count == 5
    named = batches(X, rows=2).sum(lambda b: Moments(b.X.sum(0), b.X.sum(0), b.X.sum(0)))
    assert isinstance(named, Moments)


def test_sparse_matrices():
    rng = np.random.default_rng(0)
    dense = rng.normal(size=(7, 5)) * (rng.random((7, 5)) < 0.4)
    for make in (sp.csr_array, sp.csc_array, sp.csr_matrix):
        X = SparseMatrix.from_scipy(make(dense))
        W = torch.randn(5, 3, dtype=torch.float64)
        R = torch.randn(7, dtype=torch.float64)
        torch.testing.assert_close(X @ W, torch.from_numpy(dense) @ W)
        torch.testing.assert_close(X.T @ R, torch.from_numpy(dense).T @ R)
        np.testing.assert_allclose(X.column_sums(), dense.sum(0), atol=1e-12)
        np.testing.assert_allclose(X.row_sums(), dense.sum(1), atol=1e-12)
        np.testing.assert_allclose(X.scale_rows(R).to_dense(), dense * R.numpy()[:, None])
        np.testing.assert_allclose(X.append_column(2.0).to_dense()[:, -1], 2.0)
        np.testing.assert_allclose(X.slice_rows(2, 5).to_dense(), dense[2:5])
        assert type(X.to_scipy()) is make

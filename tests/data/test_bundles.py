"""Columns that features share: every feature's codes are looked up from them."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st

from dovetail.data.bins import cut, find_edges
from dovetail.data.bundles import Bundler
from dovetail.data.sparse import SparseMatrix


def codes_of(bundles, feature):
    column = bundles.columns[bundles.column[feature]]
    own = bundles.own_of[feature]
    return column if own < 0 else bundles.own[own][column]


@given(st.integers(0, 2**32 - 1))
def test_nothing_is_lost(seed):
    rng = np.random.default_rng(seed)
    m, bundler = int(rng.integers(1, 400)), Bundler()
    features = []
    for j in range(int(rng.integers(1, 40))):
        codes = rng.integers(0, rng.integers(1, 40), m).astype(np.uint8)
        codes[rng.random(m) < 0.1] = 255
        rows, default = None, 0
        if rng.random() < 0.6:
            rows = np.flatnonzero(rng.random(m) < rng.random() * 0.2)
            default = int(rng.integers(0, 4))
        whole = np.full(m, default, np.uint8)
        whole[slice(None) if rows is None else rows] = codes if rows is None else codes[rows]
        features.append(whole)
        if rows is None and rng.random() < 0.1:
            bundler.alone(j, codes)
        else:
            bundler.share(j, codes if rows is None else codes[rows], m, rows, default)
    bundles = bundler.done(len(features), m)
    assert len(bundles.columns) <= len(features)
    for j, expected in enumerate(features):
        np.testing.assert_array_equal(codes_of(bundles, j), expected)


def test_a_one_hot_encoding_is_one_column():
    bundler, category = Bundler(), np.random.default_rng(0).integers(0, 200, 5000)
    for j in range(200):
        rows = np.flatnonzero(category == j)
        bundler.share(j, np.ones(len(rows), np.uint8), 5000, rows)
    bundles = bundler.done(200, 5000)
    assert len(bundles.columns) == 1
    for j in (0, 7, 199):
        np.testing.assert_array_equal(codes_of(bundles, j), category == j)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_sparse_columns_are_cut_as_dense_ones(dtype):
    rng = np.random.default_rng(0)
    X = sp.random(3000, 30, 0.1, format="csr", random_state=0, dtype=dtype)
    X.data[rng.random(X.nnz) < 0.05] = np.nan
    X.data[rng.random(X.nnz) < 0.5] *= -1
    rows, w = np.sort(rng.permutation(3000)[:2500]), torch.from_numpy(rng.random(2500))
    for weights in (None, w):
        dense, sparse = (
            find_edges(M, rows, weights, max_bins=40, categories=[None] * 30, seed=0)
            for M in (torch.from_numpy(X.toarray()), SparseMatrix.from_scipy(X))
        )
        np.testing.assert_allclose(sparse.cuts, dense.cuts, rtol=1e-6)
        a, b = (
            cut(torch.from_numpy(X.toarray()), rows, dense),
            cut(SparseMatrix.from_scipy(X), rows, dense),
        )
        np.testing.assert_array_equal(a.missing, b.missing)
        for j in range(30):
            np.testing.assert_array_equal(codes_of(b.bundles, j), codes_of(a.bundles, j))

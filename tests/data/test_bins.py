"""Where columns are cut."""

import numpy as np
import pytest
import torch

from dovetail.data.bins import cut, find_edges
from dovetail.kernels.binning import MISSING


def edges_of(column, w=None, *, max_bins=255, categories=None):
    X = torch.as_tensor(np.asarray(column))[:, None]
    w = None if w is None else torch.as_tensor(w, dtype=torch.float64)
    rows = np.arange(len(X))
    return X, find_edges(X, rows, w, max_bins=max_bins, categories=[categories], seed=0)


def codes_of(X, edges):
    return cut(X, np.arange(len(X)), edges).bundles.columns[0]


def test_few_values_are_cut_in_the_middle():
    X, edges = edges_of([3.0, 1.0, np.nan, 1.0, 2.0])
    np.testing.assert_array_equal(edges.cuts[0, :3], [1.5, 2.5, np.inf])
    np.testing.assert_array_equal(codes_of(X, edges), [2, 0, MISSING, 0, 1])
    assert cut(X, np.arange(5), edges).missing.tolist() == [True]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("max_bins", [2, 7, 255])
def test_bins_hold_about_equally_many(max_bins, dtype):
    column = np.random.default_rng(0).lognormal(sigma=2, size=5100).astype(dtype)
    X, edges = edges_of(column, max_bins=max_bins)
    counts = np.bincount(codes_of(X, edges), minlength=max_bins)
    assert edges.counts[0] == max_bins == len(counts)
    assert abs(counts - 5100 / max_bins).max() <= 2


def test_weights_are_repeats():
    rng = np.random.default_rng(0)
    column, w = rng.normal(size=900), rng.integers(0, 4, 900)
    _, weighted = edges_of(column, w, max_bins=10)
    _, repeated = edges_of(np.repeat(column, w), max_bins=10)
    np.testing.assert_allclose(weighted.cuts, repeated.cuts, rtol=1e-12)


def test_neighboring_floats_are_told_apart():
    column = np.array([1.0, np.nextafter(np.float32(1), np.float32(2))], np.float32)
    X, edges = edges_of(column)
    np.testing.assert_array_equal(codes_of(X, edges), [0, 1])


def test_infinity_lies_behind_every_number():
    X, edges = edges_of([-np.inf, 0.0, 1.0, np.inf])
    np.testing.assert_array_equal(codes_of(X, edges), [0, 1, 2, 3])


def test_categories_keep_their_codes():
    column = np.array([4.0, 0.0, np.nan, 2.0])
    X, edges = edges_of(column, categories=5)
    np.testing.assert_array_equal(codes_of(X, edges), [4, 0, MISSING, 2])
    assert edges.counts.tolist() == [5]


@pytest.mark.parametrize("value", [np.nan, 7.0])
def test_columns_without_a_cut(value):
    X, edges = edges_of([value] * 4)
    assert edges.counts.tolist() == [1]
    assert np.unique(codes_of(X, edges)).tolist() == [MISSING if np.isnan(value) else 0]


def test_many_rows_are_sampled():
    column = np.random.default_rng(0).normal(size=250_000)
    _, edges = edges_of(column, max_bins=4)
    np.testing.assert_allclose(edges.cuts[0, :3], [-0.6745, 0.0, 0.6745], atol=0.02)

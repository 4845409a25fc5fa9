"""Bins are about as heavy as each other, and the compiled search for codes agrees with torch's."""

import numpy as np
import pytest
import torch

from dovetail.kernels import binning


def edges_of(counts, rng):
    edges = np.full((len(counts), 255), np.inf)
    for row, count in zip(edges, counts, strict=True):
        row[:count] = np.sort(rng.normal(size=count)).astype(np.float32)
    return edges


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [0, 1, 511, 1300])
def test_codes(n, dtype):
    rng = np.random.default_rng(n)
    edges = edges_of([0, 1, 7, 254], rng)
    X = rng.normal(size=(n + 3, 4)).astype(dtype)
    X[rng.random(X.shape) < 0.1] = np.nan
    X[rng.random(X.shape) < 0.05] = np.inf
    X[rng.random(X.shape) < 0.05] = -np.inf
    X[::5, 2] = edges[2, 3]  # an edge belongs to the bin below it
    rows = rng.permutation(n + 3)[:n]
    by_row, by_column = np.zeros((n, 8), np.uint8), np.empty((4, n), np.uint8)
    binning.encode(X, rows, edges, by_row, by_column)
    expected = binning.reference_encode(torch.from_numpy(X[rows]), torch.from_numpy(edges))
    np.testing.assert_array_equal(by_row[:, :4], expected.numpy())
    np.testing.assert_array_equal(by_column, expected.numpy().T)
    assert not by_row[:, 4:].any()


@pytest.mark.parametrize("most", [2, 10, 255])
@pytest.mark.parametrize("heavy", [0, 1, 5, 300])
def test_bins_are_filled_alike(most, heavy):
    rng = np.random.default_rng(0)
    weights = rng.random(3000) + 0.5
    weights[rng.permutation(3000)[:heavy]] = 400.0
    ends = np.empty(most, np.int64)
    count = binning.fill(weights, most, ends)
    assert 1 < count <= most
    assert (np.diff(ends[:count]) > 0).all()
    assert ends[count - 1] == 2999
    begins = np.append(0, ends[: count - 1] + 1)
    held = np.add.reduceat(weights, begins)
    if heavy == 5 and most == 255:  # each to itself, or with less than half a bin before it
        light = (weights.sum() - 2000) / 250
        assert count > 240
        assert ((held < 1.3 * light) | ((held >= 400) & (held < 400 + light))).all()
    if heavy == 0:
        np.testing.assert_allclose(held[:-1], weights.sum() / most, rtol=0.3)
        assert held[-1] < 1.2 * weights.sum() / most

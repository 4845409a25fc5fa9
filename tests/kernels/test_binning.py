"""Codes of values: the compiled search agrees with torch's."""

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

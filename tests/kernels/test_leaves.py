"""Sums over leaves and values given to them agree with torch's."""

import numpy as np
import pytest
import torch

from dovetail.kernels import leaves


@pytest.mark.parametrize("n", [1, 300, 40_000])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_and_values(n, weighted):
    rng = np.random.default_rng(n)
    rows = rng.permutation(n).astype(np.uint32)
    begins = np.unique(np.r_[0, rng.integers(0, n, 5), n])
    values, weights = rng.normal(size=n), rng.random(n if weighted else 1)
    sums = np.empty((len(begins) - 1, 2))
    leaves.leaf_sums(rows, begins, values, weights, sums)
    given = [torch.from_numpy(a) for a in (rows.astype(np.int64), begins, values, weights)]
    np.testing.assert_allclose(sums, leaves.reference_leaf_sums(*given).numpy(), rtol=1e-11)

    steps, scores = rng.normal(size=len(begins) - 1), rng.normal(size=n)
    expected = leaves.reference_add_values(
        given[0], given[1], torch.from_numpy(steps), torch.from_numpy(scores)
    ).numpy()
    leaves.add_values(rows, begins, steps, scores)
    np.testing.assert_array_equal(scores, expected)

"""Draws without replacement: the compiled ones are those of plain Python."""

import numpy as np
import pytest
import torch

from dovetail.kernels import draws


@pytest.mark.parametrize("seed", [0, 1, 2**62 - 1])
@pytest.mark.parametrize(
    ("n", "keeps", "wanted"), [(1, 0, 1), (50, 0, 20), (50, 7, 7), (50, 7, 50)]
)
def test_draws(n, keeps, wanted, seed):
    kept = np.zeros(n, bool)
    kept[np.random.default_rng(0).permutation(n)[:keeps]] = True
    rows, others = np.empty(wanted + 1, np.uint32), np.empty(n - wanted + 1, np.uint32)
    draws.part(kept, wanted, seed, rows, others)
    expected = draws.reference_part(torch.from_numpy(kept), wanted, seed)
    np.testing.assert_array_equal(rows[:-1], expected[0])
    np.testing.assert_array_equal(others[:-1], expected[1])
    assert np.isin(np.flatnonzero(kept), rows[:-1]).all()

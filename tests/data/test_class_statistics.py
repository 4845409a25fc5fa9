"""Moments by class: the same in one block or many, weighted or repeated."""

import numpy as np
import pytest
import torch

from dovetail.data import statistics
from dovetail.data.batches import Batch, Batches
from dovetail.data.class_statistics import class_moments, class_totals, class_weights


@pytest.mark.parametrize("weighted", [False, True])
def test_blocks_are_merged(monkeypatch, weighted):
    monkeypatch.setattr(statistics, "_CPU_BLOCK", 100)  # 33 rows
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(500, 3)) + 1e6, rng.integers(0, 4, 500)
    y[y == 2] = 3  # a class without rows
    w = rng.integers(0, 3, 500) if weighted else np.ones(500, int)
    rows = Batches(
        Batch(
            torch.from_numpy(X),
            torch.from_numpy(y),
            torch.from_numpy(w.astype(float)) if weighted else None,
        )
    )
    found = class_moments(rows, 4)
    X, y = np.repeat(X, w, 0), np.repeat(y, w)
    for c in (0, 1, 3):
        assert found.weight[c] == (y == c).sum()
        np.testing.assert_allclose(found.mean[c], X[y == c].mean(0), rtol=1e-12)
        np.testing.assert_allclose(found.squares[c] / found.weight[c], X[y == c].var(0), rtol=1e-6)
    assert found.weight[2] == 0
    assert (found.squares[2] == 0).all()
    np.testing.assert_allclose(found.variance_of_all(), X.var(0), rtol=1e-6)
    blocks = rows.in_blocks(7)
    torch.testing.assert_close(class_weights(blocks, 4), found.weight)
    np.testing.assert_allclose(class_totals(blocks, 4)[0], X[y == 0].sum(0), rtol=1e-12)

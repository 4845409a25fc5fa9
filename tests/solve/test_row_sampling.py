"""Draws of rows: as many as asked for, each once, and large gradients first where wanted."""

import numpy as np
import pytest

from dovetail.solve.row_sampling import RowSampler

N = 900


def sampler(share, by_gradient, seed=0):
    return RowSampler(share, by_gradient, np.random.default_rng(seed))


@pytest.mark.parametrize("by_gradient", [False, True])
@pytest.mark.parametrize("share", [1e-9, 0.1, 0.5, 0.999])
@pytest.mark.parametrize("k", [1, 3])
def test_rows_are_parted(share, by_gradient, k):
    g = np.random.default_rng(1).normal(size=(N, k))
    drawn = sampler(share, by_gradient).draw(g)
    assert len(drawn.rows) == max(round(share * N), 1)
    assert drawn.rows.dtype == drawn.others.dtype == np.uint32
    assert (np.diff(drawn.rows.astype(int)) > 0).all()
    both = np.concatenate([drawn.rows, drawn.others])
    np.testing.assert_array_equal(np.sort(both), np.arange(N))
    if by_gradient:
        assert drawn.factor[drawn.rows].sum() == pytest.approx(N)


def test_uniform_draws_have_no_favorites():
    draw, g = sampler(0.3, by_gradient=False), np.ones((N, 1))
    counts = np.bincount(np.concatenate([draw.draw(g).rows for _ in range(300)]), minlength=N)
    assert abs(counts - 90).max() < 6 * np.sqrt(300 * 0.3 * 0.7)


def test_large_gradients_are_kept_and_sums_are_right_on_average():
    g = np.random.default_rng(1).normal(size=(N, 1)) ** 3 + 0.5
    draw = sampler(0.3, by_gradient=True)
    sums = []
    for _ in range(400):
        drawn = draw.draw(g)
        assert np.isin(np.argsort(-abs(g[:, 0]))[:150], drawn.rows).all()
        sums.append((drawn.factor[:, None] * g)[drawn.rows].sum())
    error = np.std(sums) / np.sqrt(len(sums))
    assert abs(np.mean(sums) - g.sum()) < 4 * error


def test_gradients_of_one_size_are_drawn_at_random():
    draw, g = sampler(0.3, by_gradient=True), np.ones((N, 1))
    counts = np.bincount(np.concatenate([draw.draw(g).rows for _ in range(300)]), minlength=N)
    assert abs(counts - 90).max() < 6 * np.sqrt(300 * 0.3 * 0.7)

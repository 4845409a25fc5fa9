"""QuantileTransformer: ranks, made uniform or normal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.stats import kstest, norm

from dovetail.preprocessing import QuantileTransformer

rng = np.random.default_rng(0)
X = np.column_stack([rng.lognormal(size=500), rng.integers(0, 5, 500), rng.normal(size=500)])


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_the_training_rows_get_the_distribution(distribution: Any) -> None:
    out = QuantileTransformer(n_quantiles=500, output_distribution=distribution).fit_transform(X)
    for j in (0, 2):
        assert kstest(out[:, j], "uniform" if distribution == "uniform" else "norm").pvalue > 0.99


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
@pytest.mark.parametrize("n_quantiles", [3, 50, 500])
def test_is_monotonic_and_bounded(distribution: Any, n_quantiles: int) -> None:
    model = QuantileTransformer(n_quantiles=n_quantiles, output_distribution=distribution).fit(X)
    grid = np.linspace(-10, 20, 2001)[:, None] * [1, 1, 1]
    out = model.transform(grid)
    assert (np.diff(out, axis=0) >= 0).all()
    bound = 1 if distribution == "uniform" else -norm.ppf(1e-7 - np.spacing(1))
    assert out.min() >= -bound * (distribution == "normal")
    assert out.max() <= bound + 1e-12
    with torch.no_grad():
        np.testing.assert_array_equal(model.program_(model.front(grid)), out)


def test_agrees_with_interpolation_between_the_quantiles() -> None:
    model = QuantileTransformer(n_quantiles=40).fit(X)
    levels = np.linspace(0, 1, 40)
    np.testing.assert_allclose(model.references_, levels)
    for j in range(3):
        q = np.quantile(X[:, j], levels)
        np.testing.assert_allclose(model.quantiles_[:, j], q, atol=1e-15)
        x = X[:, j]
        up = np.interp(x, q, levels)
        down = -np.interp(-x, -q[::-1], -levels[::-1])
        expected = np.where(x == q[-1], 1, np.where(x == q[0], 0, (up + down) / 2))
        np.testing.assert_allclose(model.transform(X)[:, j], expected, atol=1e-12)


def test_the_outcome_is_the_same_for_monotonic_changes_of_the_input() -> None:
    model = QuantileTransformer(n_quantiles=500)
    np.testing.assert_allclose(model.fit_transform(X[:, [0]]), model.fit_transform(X[:, [0]] ** 3))


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
def test_inverse(distribution: Any) -> None:
    model = QuantileTransformer(n_quantiles=300, output_distribution=distribution).fit(X)
    np.testing.assert_allclose(model.inverse_transform(model.transform(X)), X, atol=1e-8)


def test_missing_values_do_not_count_and_stay() -> None:
    holes = X.copy()
    holes[rng.random(X.shape) < 0.2] = np.nan
    model = QuantileTransformer(n_quantiles=100).fit(holes)
    for j in range(3):
        there = holes[~np.isnan(holes[:, j])][:, [j]]
        alone = QuantileTransformer(n_quantiles=100).fit(there)
        np.testing.assert_allclose(model.quantiles_[:, [j]], alone.quantiles_)
    out = model.transform(holes)
    np.testing.assert_array_equal(np.isnan(out), np.isnan(holes))
    np.testing.assert_array_equal(np.isnan(model.inverse_transform(out)), np.isnan(holes))


def test_sparse_is_dense() -> None:
    dense = np.abs(X) * (rng.random(X.shape) < 0.4)
    model = QuantileTransformer(n_quantiles=100).fit(sp.csc_array(dense))
    expected = QuantileTransformer(n_quantiles=100).fit(dense)
    np.testing.assert_allclose(model.quantiles_, expected.quantiles_)
    out = model.transform(sp.csr_array(dense))
    np.testing.assert_allclose(out.toarray(), expected.transform(dense))
    np.testing.assert_allclose(model.inverse_transform(out).toarray(), dense, atol=1e-12)
    with pytest.raises(ValueError, match="non-negative"):
        QuantileTransformer(n_quantiles=10).fit(sp.csc_array(-dense))


def test_zeros_that_are_not_stored_may_be_left_out() -> None:
    dense = np.abs(X) * (rng.random(X.shape) < 0.4)
    model = QuantileTransformer(n_quantiles=20, ignore_implicit_zeros=True)
    model.fit(sp.csc_array(dense))
    stored = dense[dense[:, 0] > 0, 0]
    np.testing.assert_allclose(model.quantiles_[:, 0], np.quantile(stored, np.linspace(0, 1, 20)))


def test_the_subsample_is_drawn_by_the_seed() -> None:
    def quantiles(seed: int) -> Any:
        model = QuantileTransformer(n_quantiles=50, subsample=200, random_state=seed)
        return model.fit(X).quantiles_

    np.testing.assert_array_equal(quantiles(0), quantiles(0))
    assert (quantiles(0) != quantiles(1)).any()


def test_too_many_quantiles() -> None:
    with pytest.warns(UserWarning, match="n_quantiles"):
        assert QuantileTransformer(n_quantiles=1000).fit(X).n_quantiles_ == len(X)
    with pytest.raises(ValueError, match="Got 100 quantiles and 50 samples"):
        QuantileTransformer(n_quantiles=100, subsample=50).fit(X)

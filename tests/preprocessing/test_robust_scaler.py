"""RobustScaler against numpy's percentiles."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.stats import norm

from dovetail.preprocessing import RobustScaler

rng = np.random.default_rng(2)
X = rng.standard_cauchy(size=(101, 3))


@pytest.mark.parametrize("bounds", [(25.0, 75.0), (1.0, 90.0), (10, 90)])
@pytest.mark.parametrize("unit_variance", [False, True])
def test_formula(bounds: tuple[float, float], unit_variance: bool) -> None:
    scaler = RobustScaler(quantile_range=bounds, unit_variance=unit_variance).fit(X)
    low, high = np.percentile(X, bounds, axis=0)
    scale = high - low
    if unit_variance:
        scale = scale / (norm.ppf(bounds[1] / 100) - norm.ppf(bounds[0] / 100))
    np.testing.assert_allclose(scaler.center_, np.median(X, axis=0))
    np.testing.assert_allclose(scaler.scale_, scale)
    out = scaler.transform(X)
    np.testing.assert_allclose(out, (X - np.median(X, axis=0)) / scale)
    np.testing.assert_allclose(scaler.inverse_transform(out), X, atol=1e-12)


def test_normal_data_get_unit_variance() -> None:
    Z = rng.normal(3, 7, size=(20_000, 1))
    scaler = RobustScaler(unit_variance=True).fit(Z)
    assert scaler.transform(Z).std() == pytest.approx(1, abs=0.03)


def test_one_outlier_changes_nothing_much() -> None:
    far = X.copy()
    far[np.argmax(X[:, 0]), 0] = 1e300
    np.testing.assert_array_equal(RobustScaler().fit(far).scale_, RobustScaler().fit(X).scale_)


def test_missing_values_do_not_count_and_stay() -> None:
    holes = X.copy()
    holes[rng.random(X.shape) < 0.2] = np.nan
    scaler = RobustScaler().fit(holes)
    low, high = np.nanpercentile(holes, [25, 75], axis=0)
    np.testing.assert_allclose(scaler.center_, np.nanmedian(holes, axis=0))
    np.testing.assert_allclose(scaler.scale_, high - low)
    np.testing.assert_array_equal(np.isnan(scaler.transform(holes)), np.isnan(holes))


@pytest.mark.parametrize("make", [sp.csr_array, sp.csc_array])
def test_sparse_is_dense(make: type) -> None:
    dense = X * (rng.random(X.shape) < 0.8)
    scaler = RobustScaler(with_centering=False).fit(make(dense))
    expected = RobustScaler(with_centering=False).fit(dense)
    np.testing.assert_allclose(scaler.scale_, expected.scale_)
    np.testing.assert_allclose(scaler.transform(make(dense)).toarray(), expected.transform(dense))
    with pytest.raises(ValueError, match="use `with_centering=False`"):
        RobustScaler().fit(make(dense))


def test_range_of_equal_quantiles_scales_by_one() -> None:
    mostly = np.array([[5.0]] * 99 + [[7.0]])
    np.testing.assert_array_equal(RobustScaler().fit_transform(mostly), mostly - 5)


@pytest.mark.parametrize("bounds", [(75.0, 25.0), (-1.0, 50.0), (0.0, 101.0)])
def test_refuses_quantiles_that_are_none(bounds: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="Invalid quantile range"):
        RobustScaler(quantile_range=bounds).fit(X)

"""MinMaxScaler and MaxAbsScaler against numpy's ranges."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from dovetail.preprocessing import MaxAbsScaler, MinMaxScaler

rng = np.random.default_rng(1)
X = rng.normal(size=(60, 5)) * [1.0, 10.0, 1e-4, 1e5, 1.0]
X[:, 4] = 3.0
NEW = X * 2 - 1


@pytest.mark.parametrize("bounds", [(0, 1), (-3, 0.5)])
@pytest.mark.parametrize("clip", [False, True])
def test_min_max_formula(bounds: tuple[float, float], clip: bool) -> None:
    a, b = bounds
    scaler = MinMaxScaler(bounds, clip=clip).fit(X)
    width = np.where(np.ptp(X, 0) == 0, 1, np.ptp(X, 0))
    expected = a + (b - a) * (NEW - X.min(0)) / width
    expected = expected.clip(a, b) if clip else expected
    np.testing.assert_allclose(scaler.transform(NEW), expected, atol=1e-12)
    if not clip:
        np.testing.assert_allclose(scaler.inverse_transform(expected), NEW, rtol=1e-9)
    with torch.no_grad():
        np.testing.assert_allclose(scaler.program_(scaler.front(NEW)), expected, atol=1e-12)


@pytest.mark.parametrize("scaler", [MinMaxScaler(), MaxAbsScaler()], ids=str)
def test_parts_learn_what_the_whole_does(scaler: MinMaxScaler | MaxAbsScaler) -> None:
    holes = X.copy()
    holes[rng.random(X.shape) < 0.3] = np.nan
    whole = type(scaler)().fit(holes)
    for rows in np.split(holes, [1, 2, 40]):
        scaler.partial_fit(rows)
    np.testing.assert_array_equal(scaler.scale_, whole.scale_)
    assert scaler.n_samples_seen_ == len(X)


def test_min_max_leaves_missing_values_out() -> None:
    holes = X.copy()
    holes[::3, 0] = np.nan
    holes[:, 1] = np.nan
    scaler = MinMaxScaler().fit(holes)
    np.testing.assert_array_equal(scaler.data_min_[0], np.nanmin(holes[:, 0]))
    np.testing.assert_array_equal(scaler.data_range_[0], np.ptp(X[~np.isnan(holes[:, 0]), 0]))
    np.testing.assert_array_equal(np.isnan(scaler.transform(holes)), np.isnan(holes))


def test_min_max_refuses_a_range_that_does_not_ascend() -> None:
    with pytest.raises(ValueError, match=r"smaller than maximum. Got \(2, 1\)"):
        MinMaxScaler((2, 1)).fit(X)


@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, sp.csc_array])
def test_max_abs_formula(make: type) -> None:
    dense = X * (rng.random(X.shape) < 0.5)
    dense[:, 2] = 0
    scaler = MaxAbsScaler().fit(make(dense))
    largest = np.abs(dense).max(0)
    np.testing.assert_array_equal(scaler.max_abs_, largest)
    out = scaler.transform(make(dense))
    back = scaler.inverse_transform(out)
    out, back = (m.toarray() if sp.issparse(m) else m for m in (out, back))
    np.testing.assert_allclose(out, dense / np.where(largest == 0, 1, largest), rtol=1e-15)
    np.testing.assert_allclose(back, dense, rtol=1e-15)


@pytest.mark.parametrize("scaler", [MinMaxScaler(copy=False), MaxAbsScaler(copy=False)], ids=str)
def test_overwrites_where_asked(scaler: MinMaxScaler | MaxAbsScaler) -> None:
    mine = X.copy()
    out = scaler.fit_transform(mine)
    assert np.shares_memory(out, mine)
    np.testing.assert_allclose(mine, type(scaler)().fit_transform(X))


def test_wide_and_single_rows() -> None:
    wide = rng.normal(size=(3, 5000))
    np.testing.assert_array_equal(MinMaxScaler().fit(wide).data_max_, wide.max(0))
    np.testing.assert_array_equal(MinMaxScaler().fit_transform(wide[:1]), 0)

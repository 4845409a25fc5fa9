"""SplineTransformer: B-splines as scipy has them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.interpolate import BSpline

from dovetail.preprocessing import SplineTransformer

rng = np.random.default_rng(0)
X = np.column_stack([rng.uniform(size=200), rng.lognormal(size=200)])
WIDE = np.concatenate([X, X * 1.5, X - 0.5])
DEGREES = [0, 1, 2, 3, 5]


def basis(knots: Any, degree: int, x: Any, extrapolate: bool) -> Any:
    """All splines on a row of knots at x, by scipy."""
    count = len(knots) - degree - 1
    return BSpline(knots, np.eye(count), degree, extrapolate=extrapolate)(x)


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("knots", ["uniform", "quantile"])
def test_agrees_with_scipy(degree: int, knots: Any) -> None:
    model = SplineTransformer(6, degree, knots=knots, extrapolation="continue").fit(X)
    inner = (
        np.quantile(X, np.linspace(0, 1, 6), axis=0)
        if knots == "quantile"
        else np.linspace(X.min(0), X.max(0), 6)
    )
    parts = []
    for j in range(2):
        steps = np.arange(1, degree + 1)
        before = inner[0, j] - steps[::-1] * (inner[1, j] - inner[0, j])
        after = inner[-1, j] + steps * (inner[-1, j] - inner[-2, j])
        parts.append(basis(np.r_[before, inner[:, j], after], degree, WIDE[:, j], True))
    expected = np.hstack(parts)
    np.testing.assert_allclose(model.transform(WIDE), expected, rtol=1e-6, atol=1e-8)
    np.testing.assert_array_equal(model.program_(model.front(WIDE)), model.transform(WIDE))


@pytest.mark.parametrize("degree", DEGREES)
@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "periodic"])
def test_partition_of_unity(degree: int, extrapolation: Any) -> None:
    model = SplineTransformer(7, degree, extrapolation=extrapolation).fit(X)
    out = model.transform(WIDE).reshape(len(WIDE), 2, -1)
    # far outside, large polynomials cancel
    np.testing.assert_allclose(out.sum(axis=2), 1, rtol=1e-6)
    inside = model.transform(X)
    assert inside.min() >= -1e-15
    assert ((inside > 0).reshape(len(X), 2, -1).sum(axis=2) <= degree + 1).all()


@pytest.mark.parametrize("degree", [1, 2, 3])
def test_extrapolation(degree: int) -> None:
    low, high = X.min(0), X.max(0)
    far = np.array([low - 1, low - 2, low - 3, high + 1, high + 2, high + 3])
    at = {
        how: SplineTransformer(degree=degree, extrapolation=how).fit(X)  # type: ignore[arg-type]
        for how in ("constant", "linear", "periodic")
    }
    ends = at["constant"].transform([low, low, low, high, high, high])
    np.testing.assert_allclose(at["constant"].transform(far), ends)
    line = at["linear"].transform(far)
    np.testing.assert_allclose(line[1] - line[0], line[2] - line[1], atol=1e-9)
    np.testing.assert_allclose(line[4] - line[3], line[5] - line[4], atol=1e-9)
    step = 1e-6 * (high - low)
    slope = (at["linear"].transform([high]) - at["linear"].transform([high - step])) / 1e-6
    beyond = (at["linear"].transform([high + (high - low)]) - ends[3]).ravel()
    np.testing.assert_allclose(beyond, slope[0], atol=1e-3)
    period = at["periodic"].transform(X + 3 * (high - low))
    np.testing.assert_allclose(period, at["periodic"].transform(X), atol=1e-10)
    np.testing.assert_allclose(*at["periodic"].transform([low, high]), atol=1e-12)


def test_cubics_are_reproduced() -> None:
    B = SplineTransformer(4, 3).fit_transform(X[:, [0]])
    cubic = X[:, 0] ** 3 - 2 * X[:, 0]
    coef = np.linalg.lstsq(B, cubic, rcond=None)[0]
    np.testing.assert_allclose(B @ coef, cubic, atol=1e-10)


@pytest.mark.parametrize("extrapolation", ["constant", "linear", "continue", "periodic"])
@pytest.mark.parametrize("bias", [True, False])
def test_sparse_output_is_the_same(extrapolation: Any, bias: bool) -> None:
    dense, sparse = (
        SplineTransformer(
            5, 3, extrapolation=extrapolation, include_bias=bias, sparse_output=s
        ).fit(X)
        for s in (False, True)
    )
    out = sparse.transform(WIDE)
    assert sp.issparse(out)
    np.testing.assert_allclose(out.toarray(), dense.transform(WIDE), atol=1e-12)
    assert out.shape[1] == dense.n_features_out_ == len(dense.get_feature_names_out())


def test_missing_values_get_zeros() -> None:
    holes = X.copy()
    holes[rng.random(X.shape) < 0.2] = np.nan
    model = SplineTransformer(handle_missing="zeros").fit(holes)
    out = model.transform(holes).reshape(len(X), 2, -1).sum(axis=2)
    np.testing.assert_allclose(out, ~np.isnan(holes), atol=1e-12)
    with pytest.raises(ValueError, match="configured to error in this case"):
        SplineTransformer().fit(holes)


def test_weights_count_for_quantiles_and_zeros_not_for_ranges() -> None:
    w = rng.integers(0, 3, len(X))
    for knots in ("quantile", "uniform"):
        model = SplineTransformer(knots=knots)  # type: ignore[arg-type]
        weighted = model.fit(X, sample_weight=w).program_.knots
        repeated = SplineTransformer(knots=knots)  # type: ignore[arg-type]
        repeated.fit(np.repeat(X, w, axis=0), sample_weight=np.ones(w.sum()))
        np.testing.assert_allclose(weighted, repeated.program_.knots)


def test_gradient() -> None:
    model = SplineTransformer(extrapolation="linear").fit(X)
    T = torch.tensor(WIDE[:5], requires_grad=True)
    assert torch.autograd.gradcheck(model.transform, (T,))


def test_refuses() -> None:
    with pytest.raises(ValueError, match="beyond the limits of the knots"):
        SplineTransformer(extrapolation="error").fit(X).transform(WIDE)
    with pytest.raises(ValueError, match="Periodic splines require degree < n_knots"):
        SplineTransformer(3, 3, extrapolation="periodic").fit(X)
    with pytest.raises(ValueError, match="knots must be sorted without duplicates"):
        SplineTransformer(knots=[[0.0, 0.0], [0.0, 1.0]]).fit(X)

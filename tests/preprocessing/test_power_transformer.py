"""PowerTransformer: the likeliest exponents, and maps there and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from dovetail.preprocessing import PowerTransformer

rng = np.random.default_rng(0)
POSITIVE = np.column_stack(
    [rng.lognormal(size=300), rng.gamma(2, size=300), rng.uniform(1, 2, 300), rng.chisquare(1, 300)]
)
ANY = np.column_stack([POSITIVE - 0.5, -POSITIVE[:, 0], rng.normal(size=300) ** 3])
CASES: list[tuple[Any, Any]] = [("box-cox", POSITIVE), ("yeo-johnson", ANY)]


def log_likelihood(method: str, exponent: float, x: Any) -> float:
    of = stats.boxcox_llf if method == "box-cox" else stats.yeojohnson_llf
    return float(of(exponent, x))


@pytest.mark.parametrize(("method", "X"), CASES)
def test_exponents_are_the_likeliest(method: Any, X: Any) -> None:
    for j, best in enumerate(PowerTransformer(method).fit(X).lambdas_):
        x = X[:, j]
        top = log_likelihood(method, best, x)
        step = 1e-4
        slope = log_likelihood(method, best + step, x) - log_likelihood(method, best - step, x)
        bend = 2 * top - log_likelihood(method, best + step, x)
        bend -= log_likelihood(method, best - step, x)
        assert bend > 0
        assert abs(slope / (2 * bend)) * step < 1e-6, "the vertex of the parabola around it"
        for other in np.linspace(-5, 5, 21):
            assert log_likelihood(method, other, x) <= top + 1e-9


@pytest.mark.parametrize(("method", "X"), CASES)
@pytest.mark.parametrize("standardize", [False, True])
def test_formula_and_inverse(method: Any, X: Any, standardize: bool) -> None:
    model = PowerTransformer(method, standardize=standardize).fit(X)
    of: Any = stats.boxcox if method == "box-cox" else stats.yeojohnson
    expected = np.column_stack([of(x, k) for x, k in zip(X.T, model.lambdas_, strict=True)])
    if standardize:
        expected = (expected - expected.mean(0)) / expected.std(0)
    out = model.transform(X)
    np.testing.assert_allclose(out, expected, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(model.inverse_transform(out), X, rtol=1e-8, atol=1e-10)
    with torch.no_grad():
        np.testing.assert_array_equal(model.program_(model.front(X)), out)


@pytest.mark.parametrize("exponent", [-2.0, -1e-12, 0.0, 1e-25, 0.5, 1.0, 2.0, 2 + 1e-12, 3.0])
def test_given_exponents_and_their_limits(exponent: float) -> None:
    x = np.array([[-3.0], [-0.1], [0.0], [0.2], [4.0]])
    model = PowerTransformer(standardize=False)
    model.lambdas_ = np.array([exponent])
    near = exponent
    if abs(near) < 1e-10 or abs(near - 2) < 1e-10:  # where scipy's formula divides 0 by 0
        near = round(near)
    expected = stats.yeojohnson(x[:, 0], near)
    np.testing.assert_allclose(model.transform(x)[:, 0], expected, rtol=1e-9)
    np.testing.assert_allclose(model.inverse_transform(model.transform(x)), x, atol=1e-12)


def test_years_lose_nothing_to_rounding() -> None:
    years = 2000 + rng.integers(0, 20, (200, 1)).astype(float)
    model = PowerTransformer().fit(years)
    assert np.isfinite(model.lambdas_).all()
    out = model.transform(years)
    assert out.std() == pytest.approx(1, abs=1e-6)
    assert (np.diff(out[np.argsort(years[:, 0]), 0]) >= -1e-12).all()


def test_sampled_start_does_not_matter() -> None:
    X = rng.gamma(3, size=(40_000, 2))
    best = PowerTransformer("box-cox").fit(X).lambdas_
    expected = [stats.boxcox_normmax(x, method="mle") for x in X.T]
    np.testing.assert_allclose(best, expected, atol=1e-6)


@pytest.mark.parametrize(("method", "X"), CASES)
def test_missing_values_do_not_count_and_stay(method: Any, X: Any) -> None:
    holes = X.copy()
    holes[rng.random(X.shape) < 0.2] = np.nan
    model = PowerTransformer(method).fit(holes)
    for j, exponent in enumerate(model.lambdas_):
        there = holes[~np.isnan(holes[:, j])][:, [j]]
        assert exponent == pytest.approx(PowerTransformer(method).fit(there).lambdas_[0], abs=1e-9)
    np.testing.assert_array_equal(np.isnan(model.transform(holes)), np.isnan(holes))


def test_constant_columns_are_left_alone() -> None:
    model = PowerTransformer(standardize=False).fit(np.full((10, 1), 3.7))
    np.testing.assert_array_equal(model.lambdas_, 1)
    np.testing.assert_allclose(model.transform([[3.7]]), [[3.7]])


def test_box_cox_refuses_what_is_not_positive() -> None:
    with pytest.raises(ValueError, match="strictly positive data"):
        PowerTransformer("box-cox").fit([[1.0], [0.0]])
    with pytest.raises(ValueError, match="strictly positive data"):
        PowerTransformer("box-cox").fit(POSITIVE).transform(-POSITIVE)
    with pytest.raises(ValueError, match="Column must not be all nan"):
        PowerTransformer("box-cox").fit([[np.nan], [np.nan]])


def test_numbers_without_an_inverse_are_told() -> None:
    model = PowerTransformer(standardize=False)
    model.lambdas_ = np.array([-2.0])  # its powers stay below 1/2
    with pytest.warns(UserWarning, match="Some values in column 0"):
        assert np.isnan(model.inverse_transform([[0.7]])).all()


def test_gradient_of_the_program() -> None:
    model = PowerTransformer().fit(ANY)
    T = torch.tensor(ANY[:4], requires_grad=True)
    assert torch.autograd.gradcheck(model.transform, (T,))

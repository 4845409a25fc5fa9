"""Sequential minimal optimization, held to its reference."""

from __future__ import annotations

import numpy as np
import pytest

from dovetail.kernels.smo import accumulate, optimize, reference_optimize


@pytest.mark.parametrize("shrinking", [False, True])
@pytest.mark.parametrize("by_sign", [False, True])
@pytest.mark.parametrize("n", [2, 9, 120])
def test_steps_reach_the_optimum_of_the_reference(n: int, by_sign: bool, shrinking: bool) -> None:
    rng = np.random.default_rng(n)
    X = rng.normal(size=(n, 3))
    K = np.exp(-((X[:, None] - X) ** 2).sum(2))
    y = np.where(np.arange(n) % 2, 1.0, -1.0)
    C = rng.uniform(0.5, 2, n)
    start = 0.25 * C.min() * np.ones(n)
    found = []
    for solver in ("ours", "reference"):
        a = start.copy()
        f = K @ (y * a) - y
        if solver == "ours":
            _, gap = optimize(K, f, y, a, C, 1e-9, 10**6, by_sign, shrinking)
        else:
            _, gap = reference_optimize(K, f, y, a, C, 1e-9, 10**6, by_sign)
        assert gap < 1e-9
        assert (a >= 0).all()
        assert (a <= C).all()
        np.testing.assert_allclose((y * a).sum(), (y * start).sum(), atol=1e-12)
        np.testing.assert_allclose(f, K @ (y * a) - y, atol=1e-9)
        found.append(a)
    np.testing.assert_allclose(found[0], found[1], atol=1e-6)


def test_a_limit_leaves_the_gradient_up_to_date() -> None:
    rng = np.random.default_rng(0)
    n = 700
    X = rng.normal(size=(n, 2))
    K = np.exp(-((X[:, None] - X) ** 2).sum(2))
    y = np.where(rng.random(n) < 0.5, 1.0, -1.0)
    a, C = np.zeros(n), np.ones(n)
    f = -y
    steps, _ = optimize(K, f, y, a, C, 1e-12, 900, False, True)
    assert steps == 900
    np.testing.assert_allclose(f, K @ (y * a) - y, atol=1e-10)


def test_rows_are_accumulated() -> None:
    rng = np.random.default_rng(1)
    rows, total = rng.normal(size=(40, 2500)).astype(np.float32), rng.normal(size=2500)
    places, factors = np.array([3, 39, 0]), np.array([1.0, -2.0, 0.5])
    expected = total + factors @ rows[places].astype(np.float64)
    accumulate(rows, places, factors, total)
    np.testing.assert_allclose(total, expected, rtol=1e-12)

"""Coordinate descent on Gram matrices, against plain sweeps and against its own duality gap."""

import numpy as np
import pytest

from dovetail.kernels.gram_descent import descend, duality_gap, reference_descend


def problem(n, d, t, seed=0):
    random = np.random.default_rng(seed)
    X = random.normal(size=(n, d)) @ (np.eye(d) + 0.1 * random.normal(size=(d, d)))
    Y = X[:, : d // 2 + 1].sum(1)[:, None] + random.normal(size=(n, t))
    G = X.T @ X
    return G, np.ascontiguousarray((X.T @ Y).T), float((Y**2).sum())


def objective(G, q, coef, yy, l1, l2):
    value = 0.5 * yy - (q * coef).sum() + 0.5 * ((coef @ G) * coef).sum()
    return value + l1 * np.linalg.norm(coef, axis=0).sum() + 0.5 * l2 * (coef**2).sum()


@pytest.mark.parametrize("seed", [-1, 0, 5])
@pytest.mark.parametrize("t", [1, 3])
@pytest.mark.parametrize(
    ("l1", "l2"), [(30.0, 0.0), (30.0, 10.0), (0.0, 10.0), (0.0, 0.0), (1e6, 0.0)]
)
@pytest.mark.parametrize("d", [1, 7, 40])
def test_descent_reaches_what_many_sweeps_reach(d, t, l1, l2, seed):
    G, q, yy = problem(120, d, t)
    expected, coef = np.zeros((t, d)), np.zeros((t, d))
    reference_descend(G, q, expected, yy, l1, l2, False, 4000)
    sweeps, gap = descend(G, q, coef, yy, l1, l2, False, 1e-12 * yy, 1e-6, 4000, seed)
    assert 0 <= gap <= 1e-12 * yy
    assert sweeps < 4000
    np.testing.assert_allclose(coef, expected, atol=1e-4)
    assert objective(G, q, coef, yy, l1, l2) <= objective(G, q, expected, yy, l1, l2) + 1e-9 * yy


def test_coefficients_that_may_not_be_negative():
    G, q, yy = problem(120, 20, 1)
    q = -q
    expected, coef = np.zeros((1, 20)), np.zeros((1, 20))
    reference_descend(G, q, expected, yy, 5.0, 0.0, True, 2000)
    _, gap = descend(G, q, coef, yy, 5.0, 0.0, True, 1e-10 * yy, 1e-6, 2000, -1)
    assert gap <= 1e-10 * yy
    assert (coef >= 0).all()
    np.testing.assert_allclose(coef, expected, atol=1e-5)


def test_the_gap_bounds_what_is_left_to_gain():
    G, q, yy = problem(120, 15, 2)
    best = np.zeros((2, 15))
    descend(G, q, best, yy, 20.0, 3.0, False, 0.0, 0.0, 2000, -1)
    least = objective(G, q, best, yy, 20.0, 3.0)
    own = np.diag(G).copy()
    for seed in range(5):
        coef = best + 0.1 * np.random.default_rng(seed).normal(size=best.shape)
        gap = duality_gap(own, q, q - coef @ G, coef, yy, 20.0, 3.0, False)
        assert gap >= objective(G, q, coef, yy, 20.0, 3.0) - least


def test_a_constant_column_and_a_limit():
    G, q, yy = problem(50, 4, 1)
    G[2], G[:, 2], q[:, 2] = 0, 0, 0
    coef = np.zeros((1, 4))
    assert descend(G, q, coef, yy, 1.0, 0.0, False, 0.0, 0.0, 3, -1)[0] == 3
    assert coef[0, 2] == 0

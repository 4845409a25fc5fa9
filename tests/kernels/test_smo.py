"""Sequential minimal optimization, held to its reference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import dovetail as dv
from dovetail.kernels.smo import (
    accumulate,
    levels,
    optimize,
    optimize_pairs,
    reference_optimize,
)


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


def kernel_of(rng: np.random.Generator, n: int, columns: int = 3) -> Any:
    X = rng.normal(size=(n, columns))
    return np.exp(-((X[:, None] - X) ** 2).sum(2))


def test_a_kernel_in_float32_has_the_gradient_that_belongs_to_it() -> None:
    rng = np.random.default_rng(5)
    K = kernel_of(rng, 300).astype(np.float32)
    y, a, C = np.where(rng.random(300) < 0.5, 1.0, -1.0), np.zeros(300), np.ones(300)
    f = -y
    _, gap = optimize(K, f, y, a, C, 1e-6, 10**6, False, True)
    assert gap < 1e-6
    np.testing.assert_allclose(f, K.astype(np.float64) @ (y * a) - y, atol=1e-10)


def test_variables_are_left_aside_and_come_back() -> None:
    """A hard problem, most of whose variables rest at a bound for long."""
    rng = np.random.default_rng(2)
    n = 400
    X = rng.normal(size=(n, 2))
    K = X @ X.T
    y, C = np.where(X[:, 0] + 0.3 * rng.normal(size=n) > 0, 1.0, -1.0), np.full(n, 100.0)
    found, taken = [], []
    for shrinking in (False, True):
        a, f = np.zeros(n), -y
        steps, gap = optimize(K, f, y, a, C, 1e-6, 10**7, False, shrinking)
        assert gap < 1e-6
        np.testing.assert_allclose(f, K @ (y * a) - y, atol=1e-8)
        found.append(0.5 * (y * a) @ K @ (y * a) - a.sum())
        taken.append(steps)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-9)
    assert taken[0] != taken[1]  # another way, so that the test is of what it says


def test_a_kernel_that_is_not_finite_ends_the_steps() -> None:
    K = np.full((6, 6), np.nan)
    y, a = np.array([1.0, -1.0] * 3), np.zeros(6)
    steps, _ = optimize(K, -y, y, a, np.ones(6), 1e-3, 2**62, False, True)
    assert steps == 0


@pytest.mark.parametrize("by_sign", [False, True])
@pytest.mark.parametrize("threads", [1, 2])
def test_pairs_are_solved_as_alone(threads: int, by_sign: bool) -> None:
    """Of classes of 30, 0, 40 and 1 rows, with the first in turn."""
    rng = np.random.default_rng(3)
    sizes = [50, 30, 0, 40, 1]
    ends = np.cumsum([0, *sizes])
    K = kernel_of(rng, ends[-1])
    classes = [np.arange(ends[c], ends[c + 1]) for c in range(5)]
    first, others = classes[0], classes[1:]
    blocks = [K[np.ix_(c, c)].ravel() for c in others]
    rows = [np.concatenate([first, c]) for c in others]
    y = np.concatenate([np.where(r < 50, 1.0, -1.0) for r in rows])
    begin = np.cumsum([0, *(len(r) for r in rows)])
    C = rng.uniform(0.5, 1, len(y))
    start = np.zeros(len(y))
    if by_sign:
        for s, other in enumerate(others):
            start[begin[s] : begin[s] + 50] = 0.2 * len(other) / 50
            start[begin[s] + 50 : begin[s + 1]] = 0.2
    a, f, found = start.copy(), -y.copy(), np.empty((4, 4))
    with dv.config(threads=threads):
        optimize_pairs(
            K[:50, :50].copy(),
            K[:50, 50:].copy(),
            ends[1:5] - 50,
            np.concatenate(blocks),
            np.cumsum([0, *(len(b) for b in blocks[:-1])]),
            begin,
            f,
            y,
            a,
            C,
            1e-8,
            10**6,
            by_sign,
            True,
            found,
        )
    for s, r in enumerate(rows):
        part = slice(begin[s], begin[s + 1])
        alone, own = start[part].copy(), K[np.ix_(r, r)]
        g = own @ (y[part] * alone) - y[part]
        steps, gap = optimize(own, g, y[part], alone, C[part], 1e-8, 10**6, by_sign, True)
        assert steps == found[s, 0]
        np.testing.assert_allclose(a[part], alone, atol=1e-12)
        np.testing.assert_allclose(f[part], g, atol=1e-12)
        level = levels(g, y[part], alone, C[part], by_sign)
        np.testing.assert_allclose(found[s, 1:], [gap, *level], atol=1e-12)


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


@pytest.mark.parametrize("count", [0, 1, 3, 4, 9])
def test_rows_are_accumulated(count: int) -> None:
    rng = np.random.default_rng(1)
    rows, total = rng.normal(size=(40, 2500)).astype(np.float32), rng.normal(size=2500)
    places, factors = rng.permutation(40)[:count], rng.normal(size=count)
    expected = total + factors @ rows[places].astype(np.float64)
    accumulate(rows, places, factors, total)
    np.testing.assert_allclose(total, expected, atol=1e-12)

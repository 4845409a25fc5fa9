"""Passes of dual coordinate descent agree with the plain form."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from dovetail.kernels import crammer_singer, dual_descent, softmax_descent
from dovetail.kernels.compiled import thread_count
from dovetail.settings import config

BIAS = 0.7


def data(shape: tuple[int, int], form: str) -> tuple[Any, tuple[Any, ...]]:
    rng = np.random.default_rng(0)
    n, d = shape
    X = rng.normal(size=shape) * (rng.random(shape) < 0.5)
    S = sp.csr_array(X)
    if form == "dense":
        return X, (X.ravel(), np.arange(d, dtype=np.int32), np.arange(n + 1) * d, True)
    values = S.data.astype(np.float32) if form == "float32" else S.data
    X = X.astype(np.float32).astype(float) if form == "float32" else X
    return X, (values, S.indices, S.indptr, False)


def extended(X: Any) -> Any:
    return np.column_stack([X, np.full(len(X), BIAS)])


def a_pass(rows: Any, X: Any, y: Any, codes: bool, cost: Any, squared: bool, epsilon: float) -> Any:
    """Two passes of the kernel; β (n, k), weights (d + 1, k), orders and violations of the last."""
    n, d = X.shape
    k = cost.shape[1]
    lanes = 1 if k == 1 else dual_descent.LANES
    m = -(-k // lanes)
    padded = np.zeros((2, m * lanes))
    padded[:, :k] = cost
    beta, W = np.zeros((m, n, lanes)), np.zeros((m, d + 1, lanes))
    order = np.tile(np.arange(n, dtype=np.int32), (m, 1))
    weight = np.random.default_rng(1).integers(0, 3, n).astype(float)
    squares = np.square(extended(X)).sum(1)
    orders = []
    for _ in range(2):
        sizes, rest, worst = np.full(m, n), np.full(m, np.inf), np.zeros(m)
        dual_descent.sweep(
            *rows,
            BIAS,
            squares,
            y,
            codes,
            weight,
            padded,
            squared,
            epsilon,
            beta,
            W,
            order,
            sizes,
            rest,
            worst,
            np.arange(m),
        )
        assert (sizes == (weight > 0).sum()).all()  # the others have nothing to learn
        orders.append(order.copy())
    flat = [np.concatenate(list(a), 1)[:, :k] for a in (beta, W)]
    return *flat, orders, worst, weight


@pytest.mark.parametrize("form", ["dense", "sparse", "float32"])
@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("k", [1, 3, 9])
def test_classes(k: int, squared: bool, form: str) -> None:
    X, rows = data((40, 6), form)
    y = np.random.default_rng(2).integers(0, max(k, 2), 40).astype(float)
    cost = np.random.default_rng(3).random((2, k)) + 0.2
    beta, W, orders, worst, weight = a_pass(rows, X, y, True, cost, squared, 0.0)
    found = []
    for c in range(k):
        own = y == c
        price = weight * np.where(own, cost[1, c], cost[0, c])
        bound = np.where(price > 0, np.inf, 0.0) if squared else price
        ridge = np.where(price > 0, 0.5 / np.maximum(price, 1e-9), 0.0) * squared
        b, w = np.zeros(40), np.zeros(7)
        for order in orders:
            largest = dual_descent.reference_sweep(
                extended(X),
                np.where(own, 1.0, -1.0),
                np.where(own, 0.0, -bound),
                np.where(own, bound, 0.0),
                ridge,
                0.0,
                b,
                w,
                order[c // (1 if k == 1 else dual_descent.LANES)],
            )
        found.append(largest)
        np.testing.assert_allclose(beta[:, c], b, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(W[:, c], w, rtol=1e-9, atol=1e-11)
    assert worst.max() == pytest.approx(max(found))


@pytest.mark.parametrize("squared", [False, True])
@pytest.mark.parametrize("epsilon", [0.0, 0.5])
def test_numbers(squared: bool, epsilon: float) -> None:
    X, rows = data((40, 6), "sparse")
    y = np.random.default_rng(2).normal(size=40) * 2
    beta, W, orders, worst, weight = a_pass(
        rows, X, y, False, np.full((2, 1), 0.4), squared, epsilon
    )
    price = 0.4 * weight
    bound = np.where(price > 0, np.inf, 0.0) if squared else price
    ridge = np.where(price > 0, 0.5 / np.maximum(price, 1e-9), 0.0) * squared
    b, w = np.zeros(40), np.zeros(7)
    for order in orders:
        largest = dual_descent.reference_sweep(
            extended(X), y, -bound, bound, ridge, epsilon, b, w, order[0]
        )
    np.testing.assert_allclose(beta[:, 0], b, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(W[:, 0], w, rtol=1e-9, atol=1e-11)
    assert worst[0] == pytest.approx(largest)


def test_threads_change_nothing() -> None:
    X, rows = data((60, 5), "sparse")
    y = np.random.default_rng(2).integers(0, 20, 60).astype(float)
    found = []
    for threads in (1, 2):
        with config(threads=threads):
            assert thread_count() >= 1
            found.append(a_pass(rows, X, y, True, np.ones((2, 20)), True, 0.0)[1])
    np.testing.assert_array_equal(*found)


def test_a_row_of_zeros_without_a_constant_goes_to_its_bound() -> None:
    beta, W = np.zeros((1, 1, 1)), np.zeros((1, 3, 1))
    dual_descent.sweep(
        np.zeros(0),
        np.zeros(0, np.int32),
        np.zeros(2, np.int64),
        False,
        0.0,
        np.zeros(1),
        np.zeros(1),
        True,
        np.ones(1),
        np.full((2, 1), 0.3),
        False,
        0.0,
        beta,
        W,
        np.zeros((1, 1), np.int32),
        np.ones(1, np.int64),
        np.full(1, np.inf),
        np.zeros(1),
        np.zeros(1, np.int64),
    )
    assert beta[0, 0, 0] == 0.3
    assert (W == 0).all()


@pytest.mark.parametrize("form", ["dense", "sparse"])
@pytest.mark.parametrize("k", [2, 5, 20])
def test_all_classes_at_once(k: int, form: str) -> None:
    X, rows = data((50, 6), form)
    rng = np.random.default_rng(2)
    y, cost = rng.integers(0, k, 50), rng.random(50) * (rng.random(50) < 0.9)
    alpha, W, order = np.zeros((50, k)), np.zeros((7, k)), np.arange(50, dtype=np.int32)
    other, V = np.zeros((50, k)), np.zeros((7, k))
    squares = np.square(extended(X)).sum(1)
    for seed in range(3):
        size, largest = crammer_singer.sweep(
            *rows, BIAS, squares, y, cost, alpha, W, order, 50, np.inf, seed
        )
        assert size == 50
        expected = crammer_singer.reference_sweep(extended(X), y, cost, other, V, order)
        assert largest == pytest.approx(expected)
    np.testing.assert_allclose(alpha, other, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(W, V, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("k", [2, 5, 20])
def test_probabilities(k: int) -> None:
    X, (values, columns, starts, _) = data((50, 6), "sparse")
    rng = np.random.default_rng(2)
    y, cost = rng.integers(0, k, 50), rng.random(50) + 0.1
    share = cost[:, None] * ((y[:, None] == np.arange(k)) - 1 / k)
    width = -(-k // dual_descent.LANES) * dual_descent.LANES
    W, logits = np.zeros((7, width)), np.zeros((50, k))
    W[:, :k] = extended(X).T @ share
    V, others, order = W[:, :k].copy(), logits.copy(), np.arange(50, dtype=np.int32)
    squares = np.square(extended(X)).sum(1)
    gaps = []
    for seed in range(40):
        gaps.append(
            softmax_descent.sweep(
                values, columns, starts, BIAS, squares, cost, logits, W, order, seed
            )
        )
        if seed < 3:
            expected = softmax_descent.reference_sweep(extended(X), cost, others, V, order)
            assert gaps[-1] == pytest.approx(expected)
            np.testing.assert_allclose(W[:, :k], V, rtol=1e-9, atol=1e-11)
    assert gaps[-1] < 1e-6 * gaps[0]
    q = np.exp(logits)
    q /= q.sum(1, keepdims=True)
    at_optimum = extended(X).T @ (cost[:, None] * ((y[:, None] == np.arange(k)) - q))
    np.testing.assert_allclose(W[:, :k], at_optimum, atol=1e-9)  # the gradient is 0

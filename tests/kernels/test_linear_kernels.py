"""The kernels of linear solvers agree with their references."""

import numpy as np
import pytest
import scipy.sparse as sp

from dovetail.kernels import coordinate_descent, saga


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("l1", [0.0, 0.3])
@pytest.mark.parametrize("shape", [(1, 1), (7, 3), (30, 11)])
def test_coordinate_descent(shape, l1, dense):
    rng = np.random.default_rng(0)
    n, d = shape
    X = rng.normal(size=shape) * (rng.random(shape) < 0.6)
    h, residual, coef = rng.random(n), rng.normal(size=n), rng.normal(size=d)
    compressed = sp.csc_array(X)
    arrays = (
        (X.T.ravel().copy(), np.arange(n, dtype=np.int32), np.arange(d + 1) * n)
        if dense
        else (compressed.data, compressed.indices, compressed.indptr)
    )
    some = np.arange(d) if shape[0] < 30 else np.arange(0, d, 2)
    a, b = coef.copy(), coef.copy()
    ra, rb = residual.copy(), residual.copy()
    steps = coordinate_descent.sweeps(*arrays, dense, some, h, ra, a, l1, 0.1, 1e-12, 200)
    expected = coordinate_descent.reference_sweeps(X, some, h, rb, b, l1, 0.1, 1e-12, 200)
    assert steps == expected
    np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(ra, rb, rtol=1e-9, atol=1e-11)


GRADIENTS = {
    saga.SQUARED: lambda y, F: F - y,
    saga.LOGISTIC: lambda y, F: 1 / (1 + np.exp(-F)) - y,
    saga.SOFTMAX: lambda y, F: (
        np.exp(F - F.max()) / np.exp(F - F.max()).sum() - np.eye(len(F))[int(y)]
    ),
}


@pytest.mark.parametrize("loss", GRADIENTS)
@pytest.mark.parametrize("variant", ["sag", "saga"])
@pytest.mark.parametrize("l1", [0.0, 0.05])
def test_one_epoch_of_stochastic_averages(loss, variant, l1):
    if variant == "sag" and l1:
        pytest.skip("SAG has no proximal step")
    rng = np.random.default_rng(0)
    n, d, k = 20, 4, 3 if loss == saga.SOFTMAX else 1
    X, w = rng.normal(size=(n, d)), rng.random(n) + 0.5
    y = rng.integers(0, k if k > 1 else 2, n).astype(float)
    order = rng.integers(0, n, 3 * n)

    def state():
        return (
            np.zeros((d, k)),
            np.zeros(k),
            np.zeros((n, k)),
            np.zeros((d, k)),
            np.zeros(k),
            np.zeros(n, bool),
        )

    fast, slow = state(), state()
    rows = (X.ravel(), np.arange(d, dtype=np.int32), np.arange(n + 1) * d, True)
    saga.epoch(*rows, y, w, order, *fast, 0.02, 0.1, l1, loss, variant == "saga", True)
    saga.reference_epoch(
        X, y, w, order, *slow, 0.02, 0.1, l1, GRADIENTS[loss], variant == "saga", True
    )
    for a, b in zip(fast, slow, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_rows_that_skip_columns_catch_up():
    rng = np.random.default_rng(0)
    n, d = 40, 6
    X = rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.3)
    S, y, w, order = sp.csr_array(X), rng.normal(size=n), np.ones(n), rng.integers(0, n, 200)

    def state():
        return (
            np.zeros((d, 1)),
            np.zeros(1),
            np.zeros((n, 1)),
            np.zeros((d, 1)),
            np.zeros(1),
            np.ones(n, bool),
        )

    sparse, dense = state(), state()
    saga.epoch(
        S.data,
        S.indices,
        S.indptr,
        False,
        y,
        w,
        order,
        *sparse,
        0.02,
        0.1,
        0.01,
        saga.SQUARED,
        True,
        True,
    )
    rows = (X.ravel(), np.arange(d, dtype=np.int32), np.arange(n + 1) * d, True)
    saga.epoch(*rows, y, w, order, *dense, 0.02, 0.1, 0.01, saga.SQUARED, True, True)
    np.testing.assert_allclose(sparse[0], dense[0], rtol=1e-6, atol=1e-9)

"""Epochs of stochastic gradient descent agree with the plain form."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from dovetail.kernels import sgd
from dovetail.kernels.sgd import Number, Rate, Row
from dovetail.objective.losses import BinaryLogLoss, HuberLoss, SquaredError
from dovetail.objective.margin_losses import (
    EpsilonInsensitive,
    Hinge,
    ModifiedHuber,
    SquaredEpsilonInsensitive,
    SquaredHinge,
)

N, D = 60, 7
LOSSES = {
    Row.SQUARED: SquaredError(),
    Row.LOGISTIC: BinaryLogLoss(),
    Row.HINGE: Hinge(0.7),
    Row.SQUARED_HINGE: SquaredHinge(),
    Row.MODIFIED_HUBER: ModifiedHuber(),
    Row.HUBER: HuberLoss(delta=0.7),
    Row.TUBE: EpsilonInsensitive(0.7),
    Row.SQUARED_TUBE: SquaredEpsilonInsensitive(0.7),
}
RATE, POWER, DECAY, START = 0.05, 0.3, 0.1, 5.0
STEPS = {
    Rate.CONSTANT: lambda t, value, slope, size: RATE,
    Rate.OPTIMAL: lambda t, value, slope, size: 1 / (DECAY * (START + t - 1)),
    Rate.INVERSE: lambda t, value, slope, size: RATE / t**POWER,
}


def rows(loss, dense):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, D)) * (rng.random((N, D)) < 0.5)
    y = rng.choice([0.0, 1.0] if loss == Row.LOGISTIC else [-1.0, 1.0], N)
    S = sp.csr_array(X)
    arrays = (
        (X.ravel(), np.empty(0, np.int32), np.empty(0, np.int64), True)
        if dense
        else (S.data, S.indices, S.indptr, False)
    )
    return X, y, rng.random(N) + 0.5, rng.permutation(N), arrays


def of_one(loss):
    def value_slope(y, p):
        y, p = torch.tensor([y], dtype=torch.float64), torch.tensor([p], dtype=torch.float64)
        return float(loss.value(y, p)), float(loss.gradient(y, p))

    return value_slope


def numbers():
    values = np.zeros(len(Number))
    values[Number.SCALE] = values[Number.SHARE] = values[Number.STEPS] = 1.0
    return values


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("average", [0, 1, 40])
@pytest.mark.parametrize(("l2", "l1"), [(0.0, 0.0), (0.1, 0.0), (0.1, 0.03), (30.0, 0.0)])
@pytest.mark.parametrize("schedule", STEPS)
@pytest.mark.parametrize("loss", LOSSES)
def test_two_epochs(loss, schedule, l2, l1, average, dense):
    X, y, w, order, arrays = rows(loss, dense)
    v, z, paid, at = np.zeros(D), np.zeros(D), np.zeros(D), numbers()
    coef, mean, debts = np.zeros(D), np.zeros(D), np.zeros(D)
    found = {"intercept": 0.0, "mean_intercept": 0.0, "owed": 0.0, "steps": 1.0}
    out = np.arange(N) % 5 == 0
    rules = (int(schedule), RATE, POWER, DECAY, START, l2, l1, average, True, 0.5)
    for _ in range(2):
        sgd.epoch(*arrays, y, w, order, out, v, z, paid, at, int(loss), 0.7, *rules)
        sgd.rescale(v, z, at)
        shown = [i for i in order if not out[i]]
        given = (of_one(LOSSES[loss]), STEPS[schedule], l2, l1, average, 0.5, dense)
        sgd.reference_epoch(X, y, w, shown, coef, mean, debts, found, *given)
    close = {"rtol": 1e-9, "atol": 1e-11}
    np.testing.assert_allclose(v, coef, **close)
    np.testing.assert_allclose(at[Number.INTERCEPT], found["intercept"], **close)
    np.testing.assert_allclose(at[Number.OBJECTIVE], found["objective"], rtol=1e-9)
    if average:
        np.testing.assert_allclose(z, mean, **close)
        np.testing.assert_allclose(at[Number.MEAN_INTERCEPT], found["mean_intercept"], **close)


@pytest.mark.parametrize("dense", [True, False])
@pytest.mark.parametrize("loss", [Row.HINGE, Row.TUBE])
@pytest.mark.parametrize("schedule", [Rate.PASSIVE, Rate.SOFT_PASSIVE])
def test_passive_aggressive_steps(schedule, loss, dense):
    X, y, w, order, arrays = rows(loss, dense)
    X, arrays = (X + 0.1, ((X + 0.1).ravel(), *arrays[1:])) if dense else (X, arrays)
    v, at, nothing = np.zeros(D), numbers(), np.zeros(D)
    left_out = (X == 0).all(1)
    rules = (int(schedule), RATE, POWER, DECAY, START, 0.0, 0.0, 0, False, 1.0)
    sgd.epoch(*arrays, y, w, order, left_out, v, nothing, nothing, at, int(loss), 0.7, *rules)
    coef = np.zeros(D)
    for i in order[~left_out[order]]:
        value, slope = of_one(LOSSES[loss])(y[i], X[i] @ coef)
        size = X[i] @ X[i]
        move = min(RATE, value / size) if schedule == Rate.PASSIVE else value / (size + 0.5 / RATE)
        coef -= np.sign(slope) * move * w[i] * X[i]
    np.testing.assert_allclose(v, coef, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("n", [0, 1, 2, 1000])
def test_shuffling_permutes(n):
    a, b = np.arange(n), np.arange(n)
    sgd.shuffle(a, 42)
    sgd.shuffle(b, 42)
    np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(np.sort(a), np.arange(n))
    assert n < 1000 or abs(np.corrcoef(a, np.arange(n))[0, 1]) < 0.1

"""Boosting: each step lowers the loss, leaves hold what minimizes it, it stops when told to."""

import numpy as np
import pytest
import torch

from dovetail.data.bins import cut, find_edges
from dovetail.objective.autograd_loss import AutogradLoss
from dovetail.objective.losses import (
    AbsoluteError,
    BinaryLogLoss,
    GammaDeviance,
    HuberLoss,
    MultinomialLogLoss,
    PinballLoss,
    PoissonDeviance,
    SquaredError,
    TweedieDeviance,
)
from dovetail.solve.boosting import Boosting, Scores, no_longer_improves
from dovetail.solve.loop import solve
from dovetail.solve.tree import Grower, TreeRules

N = 1000
LOSSES = {
    "squared": (SquaredError(), lambda z: z),
    "absolute": (AbsoluteError(), lambda z: z),
    "pinball": (PinballLoss(0.8), lambda z: z),
    "gamma": (GammaDeviance(), np.exp),
    "poisson": (PoissonDeviance(), lambda z: np.floor(np.exp(z))),
    "tweedie": (TweedieDeviance(1.4), lambda z: np.exp(z) * (z > -0.5)),
    "huber": (HuberLoss(0.9), lambda z: z),
    "cosh": (AutogradLoss(lambda y, F: (F - y).cosh().log()), lambda z: z),
    "binary": (BinaryLogLoss(), lambda z: (z > 0) * 1.0),
    "multinomial": (MultinomialLogLoss(3), lambda z: np.digitize(z, [-0.5, 0.5])),
}


def problem(name, *, weighted=False, learning_rate=0.3, **rules):
    rng = np.random.default_rng(0)
    X = torch.from_numpy(rng.normal(size=(N, 3)))
    loss, target = LOSSES[name]
    y = torch.from_numpy(np.asarray(target(X[:, 0].numpy() + 0.3 * rng.normal(size=N))))
    w = torch.from_numpy(rng.random(N) + 0.5) if weighted else None
    rows = np.arange(N)
    edges = find_edges(X, rows, None, max_bins=255, categories=[None] * 3, seed=0)
    grower = Grower(cut(X, rows, edges), TreeRules(**{"max_leaves": 8, **rules}))
    start = loss.constant_fit(y, w).reshape(1, -1).double().repeat(N, 1)
    return Boosting(loss, grower, y, w, start, learning_rate)


def risk(solver, F):
    value = solver.loss.value(solver.y, F[:, 0] if F.shape[1] == 1 else F)
    return float(value.mean() if solver.w is None else (value * solver.w).sum() / solver.w.sum())


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("name", LOSSES)
def test_each_step_lowers_the_loss(name, weighted):
    solver = problem(name, weighted=weighted)
    state = solver.init()
    risks = [risk(solver, state.F)]
    for _ in range(15):
        state = solver.step(state)
        risks.append(risk(solver, state.F))
    assert (np.diff(risks) < 0).all()
    least = risk(solver, solver.y.clamp(min=1e-300).log()[:, None]) if name == "tweedie" else 0
    assert risks[-1] - least < 0.7 * (risks[0] - least)
    assert len(state.value) == 15 * state.F.shape[1]


@pytest.mark.parametrize("name", ["squared", "absolute", "pinball"])
def test_leaves_hold_the_best_constants(name):
    solver = problem(name, learning_rate=1.0)
    before = solver.start.clone()
    after = solver.step(solver.init())
    moved = after.F - before
    for value in moved.unique():
        rows = torch.nonzero(moved[:, 0] == value)[:, 0]
        best = solver.loss.constant_fit(solver.y[rows] - before[rows, 0], None)
        assert value.item() == pytest.approx(float(best), abs=1e-9)


def test_steps_that_overshoot_are_shortened():
    """Newton's method on log cosh diverges from errors above 1.1."""
    solver = problem("cosh", learning_rate=1.0)
    solver.y = 20 * solver.y
    state = solver.init()
    risks = [risk(solver, state.F)]
    for _ in range(10):
        state = solver.step(state)
        risks.append(risk(solver, state.F))
    assert (np.diff(risks) < 0).all()
    assert risks[-1] < 0.6 * risks[0]


def test_newton_steps_are_damped_by_l2():
    steps = []
    for l2 in (0.0, 1e4):
        solver = problem("binary", max_leaves=2, l2=l2)
        before = solver.start.clone()
        steps.append(float((solver.step(solver.init()).F - before).abs().max()))
    assert 0 < steps[1] < 0.1 * steps[0]


def test_constant_targets_grow_nothing():
    solver = problem("squared")
    solver.y = torch.ones(N, dtype=torch.float64)
    solver.start = torch.ones(N, 1, dtype=torch.float64)
    state = solver.step(solver.init())
    assert len(state.value[0].nodes) == 1
    assert (state.F == 1).all()


@pytest.mark.parametrize(
    ("scores", "ends"),
    [
        ([1.0, 2.0, 3.0], False),
        ([1.0, 1.0], False),  # fewer than patience
        ([1.0, 1.0, 1.0, 1.0], True),
        ([1.0, 1.0, 1.05, 1.0], True),  # by no more than tol
        ([1.0, 1.2, 1.0, 1.0], False),
        ([5.0, 1.0, 1.2, 1.0, 1.0], False),  # better than before is enough
    ],
)
def test_when_scores_no_longer_improve(scores, ends):
    assert no_longer_improves(scores, 3, 0.1) == ends


def test_stops_early_and_keeps_the_history():
    solver = problem("squared")
    validation = iter([0.0, 1.0, *[0.5] * 20])
    solver.evaluate = lambda trees, F: Scores(-risk(solver, F), next(validation))
    solver.patience = 4
    solution = solve(solver, max_iter=20)
    assert solution.n_iter == 5
    assert [s.validation for s in solver.history] == [0.0, 1.0, 0.5, 0.5, 0.5, 0.5]

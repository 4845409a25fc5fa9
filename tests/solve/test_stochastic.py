import math

import numpy as np
import pytest
import torch
from torch import nn

from dovetail.data.batches import Batch
from dovetail.data.epochs import minibatches
from dovetail.nn.backpropagation import Backpropagation
from dovetail.nn.mlp import MLP
from dovetail.objective.losses import MultinomialLogLoss, SquaredError
from dovetail.solve.by_epochs import Progress
from dovetail.solve.flat import Flat
from dovetail.solve.loop import solve
from dovetail.solve.optimizers import SGD, Adam, InverseScaling, ReducedOnPlateau
from dovetail.solve.solution import Status
from dovetail.solve.stochastic import Autograd, Stochastic

RANDOM = np.random.RandomState(0)
X = torch.from_numpy(RANDOM.randn(90, 4))
ROWS = Batch(X, (X[:, 0] > 0).long() + (X[:, 1] > 0).long())


def descent(values, gradient, **options):
    optimizer = options.pop("optimizer", None) or SGD(values, torch.zeros_like(values), 0.1)
    defaults = {"batch_size": 30, "random": None, "patience": 3, "tol": 1e-3}
    return Stochastic(ROWS, values, gradient, optimizer, **(defaults | options))


def losses_of(sequence):
    """A gradient that reports these losses, one an epoch of a single batch."""
    left = iter(sequence)
    return lambda batch: torch.tensor(next(left), dtype=torch.float64)


# -- optimizers


def quadratic(optimizer, values, gradient, steps=12):
    scale = torch.tensor([1.0, 10.0, 0.1], dtype=torch.float64)
    for _ in range(steps):
        gradient.copy_(scale * values)
        optimizer.step()
    return values


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (lambda v, g: Adam(v, g, 0.05, epsilon=1e-30), {"optim": "Adam", "eps": 1e-30}),
        (
            lambda v, g: Adam(v, g, 0.05, epsilon=1e-30, decay=0.3),
            {"optim": "AdamW", "eps": 1e-30, "weight_decay": 0.3},
        ),
        (lambda v, g: SGD(v, g, 0.05, nesterov=False), {"optim": "SGD", "momentum": 0.9}),
        (lambda v, g: SGD(v, g, 0.05), {"optim": "SGD", "momentum": 0.9, "nesterov": True}),
    ],
)
def test_optimizers_take_torchs_steps(ours, theirs):
    start = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
    parameter, values = nn.Parameter(start.clone()), start.clone()
    gradient = parameter.grad = torch.zeros_like(start)
    options = dict(theirs)
    reference = getattr(torch.optim, options.pop("optim"))([parameter], lr=0.05, **options)
    with torch.no_grad():
        quadratic(reference, parameter.data, gradient)
    mine = torch.zeros_like(start)
    torch.testing.assert_close(quadratic(ours(values, mine), values, mine), parameter.data)


@pytest.mark.parametrize("kind", [Adam, SGD])
def test_an_optimizer_goes_on_from_its_state(kind):
    values, gradient = torch.ones(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    optimizer = kind(values, gradient, 0.05)
    quadratic(optimizer, values, gradient)
    other_values = values.clone()
    other = kind(other_values, gradient, 0.9)
    other.load_state_dict(optimizer.state_dict())
    quadratic(other, other_values, gradient)
    assert torch.equal(other_values, quadratic(optimizer, values, gradient))


def test_decay_leaves_the_rest_alone():
    values = torch.ones(4)
    Adam(values, torch.zeros(4), 0.1, decay=0.5, decayed=values[:2]).step()
    torch.testing.assert_close(values, torch.tensor([0.95, 0.95, 1.0, 1.0]))


def test_rates():
    assert InverseScaling(0.2, 0.5).after_epoch(0.1, 99) == pytest.approx(0.02)
    falling = ReducedOnPlateau()
    assert falling.on_plateau(0.1) == pytest.approx(0.02)
    assert falling.on_plateau(1e-6) is None


# -- batches


@pytest.mark.parametrize("size", [1, 7, 90])
def test_an_epoch_sees_every_row_once(size):
    order = torch.from_numpy(np.random.RandomState(1).permutation(90))
    batches = list(minibatches(ROWS, size, order))
    assert [len(b) for b in batches] == [size] * (90 // size) + ([90 % size] if 90 % size else [])
    assert torch.equal(torch.cat([b.X for b in batches]), X[order])
    assert torch.equal(torch.cat([b.y for b in batches]), ROWS.y[order])


def test_orders_differ_by_epoch_and_repeat_by_seed():
    def epochs(seed):
        seen = []

        def gradient(batch):
            seen.append(batch.X[0, 0].item())
            return torch.zeros(())

        values = torch.zeros(1)
        random = np.random.RandomState(seed)
        solve(descent(values, gradient, batch_size=90, random=random, patience=99), max_iter=5)
        return seen

    assert len(set(epochs(0))) > 1
    assert epochs(0) == epochs(0)
    assert epochs(0) != epochs(1)


# -- when it ends, and with what


def test_it_stops_when_the_loss_no_longer_falls():
    sequence = [1.0, 0.5, 0.4999, 0.5, 0.4999, 0.4999, 0.1]
    values = torch.zeros(1)
    solver = descent(values, losses_of(sequence), batch_size=90)
    solution = solve(solver, max_iter=99)
    assert solution.status is Status.CONVERGED
    assert solution.n_iter == 6  # patience 3 and one more
    assert solver.progress.best == -0.4999


def test_the_best_weights_on_held_out_rows_are_kept():
    values, scores = torch.zeros(1, dtype=torch.float64), iter([0.1, 0.7, 0.3, 0.2, 0.6, 0.6])

    def gradient(batch):
        values.add_(1.0)
        return torch.zeros(())

    solver = descent(values, gradient, batch_size=90, score=lambda: next(scores))
    solution = solve(solver, max_iter=99)
    assert solution.status is Status.EARLY
    assert float(solution.value) == 2.0  # after the second epoch, which scored 0.7
    assert float(values) == 6.0


def test_a_plateau_lowers_the_rate_before_it_ends_the_fit():
    values = torch.zeros(1)
    optimizer = SGD(values, torch.zeros(1), 1e-4)
    flat = descent(
        values,
        lambda batch: torch.ones(()),
        optimizer=optimizer,
        rate=ReducedOnPlateau(),
        patience=1,
    )
    assert solve(flat, max_iter=99).status is Status.CONVERGED
    assert optimizer.param_groups[0]["lr"] < 1e-6


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_divergence_is_a_status_with_advice(bad):
    solution = solve(descent(torch.zeros(1), losses_of([1.0, bad]), batch_size=90), max_iter=9)
    assert solution.status is Status.DIVERGED
    assert "lower the learning rate" in solution.advice


def test_the_limit_advises():
    solution = solve(descent(torch.zeros(1), lambda b: torch.rand(())), max_iter=2)
    assert "Maximum iterations (2)" in solution.advice


def test_progress_carries_over_and_another_measure_begins_anew():
    progress = Progress()
    for _ in range(2):
        solver = descent(torch.zeros(1), losses_of([0.5] * 9), batch_size=90, progress=progress)
        solve(solver, max_iter=2)
    assert progress.losses == [0.5] * 4
    assert progress.rows == 4 * 90
    assert progress.stale == 3
    solver = descent(torch.zeros(1), losses_of([1.0]), batch_size=90, progress=progress)
    solver.score = lambda: -5.0
    solver.__post_init__()
    solve(solver, max_iter=1)
    assert (progress.scores, progress.best) == ([-5.0], -5.0)


def test_denormal_numbers_are_slow_only_outside():
    def gradient(batch):
        inside.append(float(torch.full((), 1e-40) * 0.5))
        return torch.zeros(())

    inside = []
    solve(descent(torch.zeros(1), gradient), max_iter=1)
    assert set(inside) == {0.0}
    assert float(torch.full((), 1e-40) * 0.5) > 0


# -- any module


def test_autograd_and_the_closed_form_descend_alike():
    values = []
    for closed in (True, False):
        net = MLP((4, 8, 3), "tanh", random=0, dtype=torch.float64)
        flat = Flat.of(net)
        if closed:
            gradient = Backpropagation(flat, "tanh", MultinomialLogLoss(3))
        else:
            gradient = Autograd(net, MultinomialLogLoss(3), flat)
        optimizer = Adam(flat.values, flat.gradient, 0.01)
        solver = Stochastic(
            ROWS, flat.values, gradient, optimizer, 20, np.random.RandomState(3), tol=0.0
        )
        with torch.no_grad():
            solution = solve(solver, max_iter=20)
        assert solution.history[-1]["loss"] < 0.8 * solution.history[0]["loss"]
        values.append(solution.value)
    torch.testing.assert_close(*values)


def test_any_optimizer_of_torch_trains_any_module():
    net = nn.Sequential(nn.Linear(4, 8), nn.LayerNorm(8), nn.ReLU(), nn.Linear(8, 1)).double()
    flat = Flat.of(net)
    rows = Batch(X, X[:, :1] * 2, torch.ones(90, dtype=torch.float64))
    gradient = Autograd(net, SquaredError(), flat)
    optimizer = torch.optim.RMSprop(net.parameters(), lr=0.01)
    solver = Stochastic(rows, flat.values, gradient, optimizer, 30, np.random.RandomState(0))
    history = solve(solver, max_iter=30).history
    assert history[-1]["loss"] < 0.2 * history[0]["loss"]
    assert flat.values[:32].equal(net[0].weight.reshape(-1))

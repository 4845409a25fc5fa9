"""Solvers reach the optimum, whichever is taken: tests of optimality and of agreement, not of
stored numbers.
"""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import SparseMatrix
from dovetail.objective.linear import LinearObjective
from dovetail.objective.losses import (
    BinaryLogLoss,
    MultinomialLogLoss,
    PoissonDeviance,
    SquaredError,
)
from dovetail.settings import config
from dovetail.solve.lbfgs import LBFGS
from dovetail.solve.loop import State, Watch, solve
from dovetail.solve.lsqr import LSQR, CenteredMap
from dovetail.solve.newton import (
    NewtonCG,
    NewtonCholesky,
    SingularHessianError,
    conjugate_gradients,
)
from dovetail.solve.nnls import nonnegative_least_squares
from dovetail.solve.proximal_newton import ProximalNewton
from dovetail.solve.saga import StochasticAverageGradient
from dovetail.solve.solution import Status


def problem(loss, *, sparse=False, weighted=True, intercept=True, l2=0.01, n=200, d=6, blocks=None):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, d)) * (rng.random((n, d)) < (0.4 if sparse else 1.1))
    scores = X @ rng.normal(size=d)
    if isinstance(loss, MultinomialLogLoss):
        y = torch.from_numpy(rng.integers(0, loss.n_classes, n))
    elif isinstance(loss, BinaryLogLoss):
        y = torch.from_numpy((scores + rng.normal(size=n) > 0).astype(float))
    else:
        y = torch.from_numpy(
            np.exp(0.3 * scores)
            if isinstance(loss, PoissonDeviance)
            else scores + rng.normal(size=n)
        )
    w = torch.from_numpy(rng.random(n) + 0.5) if weighted else None
    rows = SparseMatrix.from_scipy(sp.csr_array(X)) if sparse else torch.from_numpy(X)
    return LinearObjective(loss, Batches(Batch(rows, y, w), blocks), l2, intercept)


LOSSES = [SquaredError(), BinaryLogLoss(), MultinomialLogLoss(3), PoissonDeviance()]
each_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda x: type(x).__name__)


@each_loss
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("intercept", [False, True])
def test_gradient_and_hessian_of_the_objective(loss, sparse, intercept):
    f = problem(loss, sparse=sparse, intercept=intercept)
    torch.manual_seed(1)
    theta = torch.randn(f.shape, dtype=torch.float64) * 0.3
    dense = f.batches.X.to_dense() if sparse else f.batches.X

    def value(t):
        coef, b = f.split(t)
        F = dense @ coef.T + (0 if b is None else b)
        rows = loss.value(f.batches.y, F if F.shape[1] > 1 else F[:, 0])
        return (rows * f.batches.w).sum() / f.batches.w.sum() + 0.5 * f.l2 * coef.square().sum()

    loss_value, gradient = f.value_gradient(theta)
    assert loss_value == pytest.approx(float(value(theta)))
    assert f.value(theta) == pytest.approx(loss_value)
    torch.testing.assert_close(gradient, torch.autograd.functional.jacobian(value, theta))
    expected = torch.autograd.functional.hessian(value, theta).reshape(theta.numel(), -1)
    near = f.near(theta)
    assert near.value == pytest.approx(loss_value)
    torch.testing.assert_close(near.gradient, gradient)
    torch.testing.assert_close(near.hessian(), expected)
    direction = torch.randn_like(theta)
    product = near.product(direction)
    torch.testing.assert_close(product.reshape(-1), expected @ direction.reshape(-1))


@each_loss
@pytest.mark.parametrize("sparse", [False, True])
def test_smooth_solvers_agree_at_the_optimum(loss, sparse):
    f = problem(loss, sparse=sparse)
    solvers = [
        LBFGS(f.value_gradient, f.zeros(), 1e-9),
        NewtonCG(f, f.zeros(), 1e-9),
        NewtonCholesky(f, f.zeros(), 1e-9),
    ]
    solutions = [solve(s, max_iter=500) for s in solvers]
    for solution in solutions:
        assert solution.status is Status.CONVERGED
        assert float(f.value_gradient(solution.value)[1].abs().max()) < 1e-7
        torch.testing.assert_close(solution.value, solutions[0].value, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize(
    "loss", [SquaredError(), BinaryLogLoss(), MultinomialLogLoss(3)], ids=lambda x: type(x).__name__
)
@pytest.mark.parametrize("variant", ["sag", "saga"])
@pytest.mark.parametrize("sparse", [False, True])
def test_stochastic_averages_reach_the_same_optimum(loss, variant, sparse):
    f = problem(loss, sparse=sparse, l2=0.05)
    exact = solve(LBFGS(f.value_gradient, f.zeros(), 1e-9), max_iter=500).value
    random = np.random.RandomState(0)
    solver = StochasticAverageGradient(f, f.zeros(), 1e-7, random, variant)
    solution = solve(solver, max_iter=3000)
    assert solution.status is Status.CONVERGED
    torch.testing.assert_close(solution.value, exact, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("sparse", [False, True])
def test_l1_solvers_meet_the_optimality_conditions_and_agree(sparse):
    f = problem(BinaryLogLoss(), sparse=sparse, intercept=False, l2=0.0)
    l1 = 0.1
    newton = solve(ProximalNewton(f, f.zeros(), 1e-9, l1), max_iter=100)
    _, g = f.value_gradient(newton.value)
    zero = newton.value == 0
    assert zero.any()
    assert (g[zero].abs() <= l1 + 1e-8).all()
    torch.testing.assert_close(g[~zero], -l1 * newton.value[~zero].sign(), rtol=0, atol=1e-7)
    random = np.random.RandomState(0)
    saga = solve(StochasticAverageGradient(f, f.zeros(), 1e-8, random, "saga", l1), max_iter=5000)
    torch.testing.assert_close(saga.value, newton.value, rtol=1e-3, atol=1e-4)


def test_blocks_do_not_change_the_objective():
    whole, cut = problem(MultinomialLogLoss(3)), problem(MultinomialLogLoss(3), blocks=37)
    theta = torch.randn(whole.shape, dtype=torch.float64)
    torch.testing.assert_close(whole.value_gradient(theta)[1], cut.value_gradient(theta)[1])
    torch.testing.assert_close(whole.near(theta).hessian(), cut.near(theta).hessian())


def test_lbfgs_on_rosenbrock():
    def f(x):
        x = x.clone().requires_grad_()
        value = (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
        (g,) = torch.autograd.grad(value, x)
        return float(value.detach()), g

    solution = solve(LBFGS(f, torch.zeros(10, dtype=torch.float64), 1e-8), max_iter=500)
    torch.testing.assert_close(
        solution.value, torch.ones(10, dtype=torch.float64), atol=1e-5, rtol=0
    )


def test_newton_refuses_a_singular_hessian():
    f = problem(BinaryLogLoss(), n=5, d=20, l2=0.0)
    with pytest.raises(SingularHessianError):
        solve(NewtonCholesky(f, f.zeros(), 1e-8), max_iter=5)


def test_lsqr_is_least_squares_on_centered_rows():
    rng = np.random.default_rng(0)
    X, y, w = rng.normal(size=(50, 8)) + 3, rng.normal(size=50), rng.random(50) + 0.1
    mean = (w @ X) / w.sum()
    A = np.sqrt(w)[:, None] * (X - mean)
    for damp in (0.0, 0.7):
        exact = np.linalg.solve(A.T @ A + damp**2 * np.eye(8), A.T @ (np.sqrt(w) * y))
        for rows in (torch.from_numpy(X), SparseMatrix.from_scipy(sp.csr_array(X))):
            lazy = CenteredMap(rows, torch.from_numpy(mean), torch.from_numpy(np.sqrt(w)))
            solution = solve(
                LSQR(lazy, torch.from_numpy(np.sqrt(w) * y), damp, 1e-12), max_iter=100
            )
            np.testing.assert_allclose(solution.value, exact, rtol=1e-8)


def test_lsqr_gives_the_least_norm():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(5, 9)), rng.normal(size=5)
    solution = solve(
        LSQR(CenteredMap(torch.from_numpy(X), None, None), torch.from_numpy(y), 0.0, 1e-13),
        max_iter=50,
    )
    np.testing.assert_allclose(solution.value, np.linalg.pinv(X) @ y, rtol=1e-8)


@pytest.mark.parametrize("d", [1, 4, 12])
def test_nonnegative_least_squares_meets_its_conditions(d):
    rng = np.random.default_rng(d)
    for _ in range(20):
        A, y = rng.normal(size=(15, d)), rng.normal(size=15)
        G, b = torch.from_numpy(A.T @ A), torch.from_numpy(A.T @ y)
        x = nonnegative_least_squares(G, b)
        g = G @ x - b
        assert (x >= 0).all()
        assert (g >= -1e-8).all()
        assert float((x * g).abs().max()) < 1e-7


def test_conjugate_gradients():
    A = torch.randn(6, 6, dtype=torch.float64)
    A = A @ A.T + torch.eye(6, dtype=torch.float64)
    b = torch.randn(6, dtype=torch.float64)
    torch.testing.assert_close(
        conjugate_gradients(lambda v: A @ v, b, tol=1e-12), torch.linalg.solve(A, b)
    )


class Counting:
    """A solver that counts to `goal`."""

    advice = "did not get there in {n_iter} steps."

    def __init__(self, goal):
        self.goal = goal

    def init(self):
        return State(0, {})

    def step(self, state):
        if state.value == 3 and self.goal < 0:
            raise KeyboardInterrupt
        return State(state.value + 1, {"value": float(state.value + 1)})

    def stop(self, state):
        return Status.CONVERGED if state.value == self.goal else None

    def best(self, state):
        return state.value


def test_the_loop_ends_for_every_reason():
    assert solve(Counting(5), max_iter=10).status is Status.CONVERGED
    limit = solve(Counting(50), max_iter=10)
    assert (limit.status, limit.n_iter, limit.value) == (Status.LIMIT, 10, 10)
    assert "10 steps" in limit.advice
    stopped = solve(Counting(-1), max_iter=10)
    assert (stopped.status, stopped.value) == (Status.INTERRUPTED, 3)
    assert "kept" in stopped.advice
    with config(time_budget=1e-9):
        assert solve(Counting(50), max_iter=10).status is Status.BUDGET
    assert solve(Counting(0), max_iter=10).n_iter == 0


def test_the_loop_tells_a_watch_of_every_step():
    seen = []

    class Recorder(Watch):
        def begin(self, n_iter, value):
            seen.append(("begin", n_iter, value))

        def end(self, n_iter, value, record):
            seen.append(("end", n_iter, record["value"]))
            return n_iter == 2

    lines = []
    solution = solve(Counting(50), max_iter=10, watch=Recorder(), say=lines.append)
    assert solution.status is Status.CALLBACK
    assert seen == [("begin", 0, 0), ("end", 1, 1.0), ("begin", 1, 1), ("end", 2, 2.0)]
    assert lines == ["Iteration 1, value = 1.00000000", "Iteration 2, value = 2.00000000"]
    assert [h["value"] for h in solution.history] == [1.0, 2.0]

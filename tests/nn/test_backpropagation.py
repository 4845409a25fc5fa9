import numpy as np
import pytest
import scipy.sparse as sp
import torch

from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import SparseMatrix
from dovetail.nn.backpropagation import Backpropagation
from dovetail.nn.mlp import glorot_uniform, mlp_scores
from dovetail.objective.losses import (
    BinaryLogLoss,
    MultinomialLogLoss,
    PoissonDeviance,
    SquaredError,
)
from dovetail.solve.flat import Flat

N, D, K = 23, 6, 3
LOSSES = {
    "squared": SquaredError(),
    "poisson": PoissonDeviance(complete=True),
    "binary": BinaryLogLoss(),
    "multinomial": MultinomialLogLoss(K),
}


def problem(loss, weighted, activation="tanh", hidden=(5, 4)):
    random = np.random.RandomState(0)
    X = torch.from_numpy(sp.random(N, D, 0.5, random_state=random).toarray())
    y = torch.from_numpy(random.randint(0, 2, (N, K))).double()
    if loss == "multinomial":
        y = torch.from_numpy(random.randint(0, K, N))
    w = torch.from_numpy(random.rand(N)) if weighted else None
    return Batch(X, y, w), Flat(glorot_uniform((D, *hidden, K), activation, random))


def by_autograd(loss, batch, flat, activation, l2):
    """Mean loss plus penalty, written out, and its gradient."""
    parts = [p.clone().requires_grad_(True) for p in flat.parts]
    layers = len(parts) // 2
    F = mlp_scores(batch.X, parts[:layers], parts[layers:], activation)
    value = loss.value(batch.y, F).reshape(N, -1).sum(1)
    w = torch.ones(N, dtype=torch.float64) if batch.w is None else batch.w
    squares = sum(W.square().sum() for W in parts[:layers])
    total = ((value * w).sum() + 0.5 * l2 * squares) / w.sum()
    total.backward()
    return total.detach(), torch.cat([p.grad.reshape(-1) for p in parts])


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("loss", LOSSES)
def test_value_and_gradient_are_autograds(loss, weighted, activation):
    batch, flat = problem(loss, weighted, activation)
    value = Backpropagation(flat, activation, LOSSES[loss], l2=0.3)(batch)
    expected, gradient = by_autograd(LOSSES[loss], batch, flat, activation, 0.3)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(flat.gradient, gradient)


def test_gradient_is_that_of_finite_differences():
    batch, flat = problem("poisson", weighted=True)
    objective = Backpropagation(flat, "tanh", LOSSES["poisson"], l2=0.1)
    objective(batch)
    gradient, step, numeric = flat.gradient.clone(), 1e-6, []
    for i in range(len(flat.values)):
        at = flat.values[i].item()
        ends = []
        for shift in (step, -step):
            flat.values[i] = at + shift
            ends.append(objective(batch))
        flat.values[i] = at
        numeric.append((ends[0] - ends[1]) / (2 * step))
    torch.testing.assert_close(torch.stack(numeric), gradient, atol=1e-8, rtol=1e-6)


def test_no_hidden_layer_is_a_linear_model():
    batch, flat = problem("multinomial", weighted=False, hidden=())
    value = Backpropagation(flat, "relu", LOSSES["multinomial"])(batch)
    expected, gradient = by_autograd(LOSSES["multinomial"], batch, flat, "relu", 0.0)
    torch.testing.assert_close(value, expected)
    torch.testing.assert_close(flat.gradient, gradient)


@pytest.mark.parametrize("weighted", [False, True])
def test_blocks_sum_to_the_whole(weighted):
    batch, flat = problem("multinomial", weighted)
    objective = Backpropagation(flat, "tanh", LOSSES["multinomial"], l2=0.3)
    total = N if batch.w is None else float(batch.w.sum())
    value, gradient = objective(batch).clone(), flat.gradient.clone()
    torch.testing.assert_close(objective.over(Batches(batch, 7), total), value)
    torch.testing.assert_close(flat.gradient, gradient)


def test_sparse_rows_have_the_gradient_of_dense_ones():
    batch, flat = problem("squared", weighted=False)
    objective = Backpropagation(flat, "tanh", LOSSES["squared"])
    value, gradient = objective(batch), flat.gradient.clone()
    X = SparseMatrix.from_scipy(sp.csr_matrix(batch.X.numpy()))
    torch.testing.assert_close(objective(Batch(X, batch.y)), value)
    torch.testing.assert_close(flat.gradient, gradient)


def test_averaging_over_outputs_changes_the_value_only():
    batch, flat = problem("squared", weighted=False)
    value, gradient = (
        Backpropagation(flat, "tanh", LOSSES["squared"])(batch),
        flat.gradient.clone(),
    )
    mean = Backpropagation(flat, "tanh", LOSSES["squared"], averaged=True)(batch)
    torch.testing.assert_close(mean, value / K)
    assert torch.equal(flat.gradient, gradient)


def test_flat_refuses_a_mixture_of_dtypes():
    with pytest.raises(ValueError, match="one dtype"):
        Flat([torch.zeros(2), torch.zeros(2, dtype=torch.float64)])

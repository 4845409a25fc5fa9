import numpy as np
import pytest
import scipy.sparse as sp
import torch

from dovetail.data.sparse import SparseMatrix
from dovetail.nn.mlp import MLP, glorot_uniform, mlp_scores


def test_the_formula():
    X = torch.randn(5, 3)
    net = MLP((3, 4, 2), "tanh", random=0)
    (V, W), (a, b) = net.coefs, net.intercepts
    torch.testing.assert_close(net(X), torch.tanh(X @ V + a) @ W + b)


@pytest.mark.parametrize(("activation", "factor"), [("relu", 6), ("tanh", 6), ("logistic", 2)])
def test_glorot_bounds(activation, factor):
    W, b = glorot_uniform((300, 500), activation, np.random.RandomState(0))
    bound = (factor / 800) ** 0.5
    for part in (W, b):
        assert part.abs().max() <= bound
        assert part.abs().max() > 0.97 * bound


def test_fields_and_state_rebuild_the_module():
    net = MLP([3, 4, 2], "logistic", random=1, dtype=torch.float64)
    again = MLP(**{name: getattr(net, name) for name in net.fields}).double()
    again.load_state_dict(net.state_dict())
    X = torch.randn(6, 3, dtype=torch.float64)
    assert torch.equal(net(X), again(X))


def test_the_start_follows_torchs_seed_unless_given_its_own():
    starts = []
    for _ in range(2):
        torch.manual_seed(5)
        starts.append(MLP((2, 3)).coefs[0])
    assert torch.equal(*starts)
    assert torch.equal(MLP((2, 3), random=4).coefs[0], MLP((2, 3), random=4).coefs[0])


def test_sparse_input_gives_the_scores_of_dense():
    X = sp.random(9, 6, 0.3, format="csr", random_state=0)
    start = glorot_uniform((6, 5, 2), "relu", np.random.RandomState(0))
    parts = start[:2], start[2:], "relu"
    sparse = mlp_scores(SparseMatrix.from_scipy(X), *parts)
    torch.testing.assert_close(sparse, mlp_scores(torch.from_numpy(X.toarray()), *parts))


def test_wrong_arguments_are_named():
    with pytest.raises(ValueError, match=r"sizes must be .* Got \(3,\)"):
        MLP((3,))
    with pytest.raises(ValueError, match="'relu'. Got 'swish'"):
        MLP((3, 2), "swish")

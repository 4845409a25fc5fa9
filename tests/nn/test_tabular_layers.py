"""Layers of the tabular net hold their formulas, and missing, rare and far values are met."""

import numpy as np
import pytest
import torch

from dovetail.nn.category_embedding import CategoryEmbedding
from dovetail.nn.members import MemberHeads, MemberScales, SharedHidden
from dovetail.nn.number_embedding import NumberEmbedding
from dovetail.nn.piecewise_linear import PiecewiseLinear
from dovetail.nn.robust_scale import RobustScale
from dovetail.nn.tabular import Tabular

NAN = float("nan")


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def test_members_are_nets_of_one_matrix_scaled():
    scales, layer, heads = MemberScales(3, 5, 2), SharedHidden(10, 4), MemberHeads(3, 4, 2)
    X = torch.randn(7, 10)
    Y = heads(layer(scales(X)))
    assert Y.shape == (7, 3, 2)
    for i in range(3):
        W = scales.scales[i][:, None] * layer.weight.T  # a factor of rank one
        H = torch.relu(X @ W + layer.bias)
        torch.testing.assert_close(Y[:, i], H @ heads.weight[i] + heads.bias[i, 0])
    torch.testing.assert_close(scales.scales[:, ::2], scales.scales[:, 1::2])  # of one column


def test_a_number_moves_along_a_broken_line():
    X = torch.randn(200, 1, dtype=torch.float64)
    layer = PiecewiseLinear(1, 6, 3)
    layer.look_at(X)
    layer.double()
    with torch.no_grad():
        layer.weight.normal_()
        layer.direct.zero_()
    breaks = np.quantile(X.numpy(), np.linspace(0, 1, 7), method="inverted_cdf")
    heights = np.vstack([np.zeros(3), layer.weight[0].detach().cumsum(0)]) + layer.bias.numpy(
        force=True
    )
    x = np.linspace(-5, 5, 101)
    expected = np.column_stack([np.interp(x, breaks, heights[:, j]) for j in range(3)])
    found = layer(torch.tensor(x)[:, None])[:, 0]
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-6)


def test_few_values_have_few_bins():
    X = torch.tensor([[0.0, 5.0], [0.0, 5.0], [0.0, 5.0], [1.0, 5.0]])
    layer = PiecewiseLinear(2, 8, 3)
    layer.look_at(X)
    assert (layer.slope > 0).sum(1).tolist() == [1, 0]
    assert bool(layer(X).isfinite().all())


def test_a_frequent_value_does_not_take_the_bins_of_others():
    x = torch.cat([torch.zeros(900), torch.arange(1.0, 101.0)])
    layer = PiecewiseLinear(1, 20, 3)
    layer.look_at(x[:, None])
    assert int((layer.slope > 0).sum()) >= 19
    repeated, weighted = PiecewiseLinear(1, 20, 3), PiecewiseLinear(1, 20, 3)
    w = torch.arange(1000) % 3 + 1
    repeated.look_at(x.repeat_interleave(w)[:, None])
    weighted.look_at(x[:, None], w.float())
    torch.testing.assert_close(repeated.slope, weighted.slope)


def test_numbers_are_scaled_by_quartiles_and_bent():
    X = torch.tensor([[0.0, 4.0, 0.0], [1.0, 4.0, 0.0], [2.0, 4.0, 0.0], [3.0, 4.0, 0.0]] * 5)
    X[0, 2] = 8.0
    scale = RobustScale(3)
    scale.look_at(X)
    assert scale.center.tolist() == [1.0, 4.0, 0.0]
    assert scale.spread.tolist() == [2.0, 1.0, 4.0]  # quartiles, a constant, half of the range
    assert float(scale(torch.full((1, 3), 1e30, dtype=torch.float64)).max()) <= 3
    repeated = RobustScale(3)
    repeated.look_at(torch.cat([X, X[3:9]]))
    weighted = RobustScale(3)
    weighted.look_at(X, torch.tensor([1.0] * 3 + [2.0] * 6 + [1.0] * 11))
    torch.testing.assert_close(weighted.spread, repeated.spread)


def test_large_numbers_with_small_differences_keep_their_digits():
    X = 1.7e9 + torch.arange(100, dtype=torch.float64)[:, None]
    layer = NumberEmbedding(1, "piecewise", 8, 4)
    layer.look_at(X)
    assert len(layer(X)[:, 0].unique(dim=0)) == 100


def test_missing_numbers_are_the_median_and_a_vector():
    X = torch.randn(50, 2)
    layer = NumberEmbedding(2, "piecewise", 8, 4)
    layer.look_at(X)
    with torch.no_grad():
        layer.missing.fill_(2.0)
        at_median = layer(layer.scale.center[None].float())
        torch.testing.assert_close(layer(torch.full((1, 2), NAN)), at_median + 2.0)


def test_rare_and_unseen_categories_share_a_vector_and_missing_ones_have_one():
    codes = torch.tensor([[0.0]] * 5 + [[1.0]] * 2 + [[2.0]] * 3 + [[NAN]] * 3)
    layer = CategoryEmbedding([3, 1], 4)
    layer.look_at(torch.cat([codes, torch.zeros_like(codes)], 1))
    often, rare, other, unseen, missing = layer(
        torch.tensor([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [-1.0, 0.0], [NAN, 0.0]])
    )[:, 0]
    torch.testing.assert_close(rare, unseen)
    assert len(torch.stack([often, other, unseen, missing]).unique(dim=0)) == 4
    second = layer(torch.tensor([[0.0, NAN], [0.0, -1.0]]))[:, 1]  # none was missing in training
    torch.testing.assert_close(second[0], second[1])


def test_dropout_is_shared_by_members_and_keeps_the_mean():
    layer = SharedHidden(5, 50, dropout=0.25)
    X = torch.randn(1, 200, 5).expand(3, -1, -1)
    H = layer(X)
    torch.testing.assert_close(H[0], H[2])
    H, whole = H.detach(), layer.eval()(X).detach()
    assert float(H.mean() / whole.mean()) == pytest.approx(1.0, abs=0.02)
    assert float((H[whole > 0] == 0).float().mean()) == pytest.approx(0.25, abs=0.02)
    kept = H != 0
    torch.testing.assert_close(H[kept], whole[kept] / 0.75)


def test_the_gradient_is_that_of_the_formula():
    layer = SharedHidden(5, 4).double()
    X = torch.randn(2, 3, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(layer, X)


@pytest.mark.parametrize("embedding", ["piecewise", "periodic"])
def test_the_net_meets_what_it_has_not_seen(embedding):
    X = torch.tensor([[0.5, 2.0, 1.0], [NAN, 0.0, 3.0], [7.0, NAN, 2.0]])
    net = Tabular([None, 3, None], 2, n_members=4, width=8, embedding=embedding)
    net.look_at(X)
    out = net(torch.tensor([[1e20, -1.0, NAN], [-1e20, 1.0, NAN]]))
    assert out.shape == (2, 4, 2)
    assert bool(out.isfinite().all())
    members = net(X).unbind(1)
    assert not torch.allclose(members[0], members[1])  # they start apart

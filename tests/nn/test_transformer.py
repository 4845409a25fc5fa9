"""Transformers compute what they say, whatever is cached, padded or exported."""

import math

import pytest
import torch
import torch.nn.functional as F

from dovetail.nn.transformer import NextToken, Transformer
from dovetail.nn.transformer_parts import Attention, RMSNorm, Rotary, SwiGLU


@pytest.fixture(autouse=True)
def _seed():
    torch.manual_seed(0)


@pytest.fixture
def net():
    return NextToken(30, width=16, depth=2, heads=2, length=24).double()


@pytest.fixture
def ids():
    return torch.randint(30, (3, 12))


def test_rms_norm_is_torchs():
    x = torch.randn(4, 7, 10)
    own, torchs = RMSNorm(10), torch.nn.RMSNorm(10, eps=1e-5)
    own.weight.data = torchs.weight.data = torch.randn(10)
    torch.testing.assert_close(own(x), torchs(x))


def test_rotary_products_depend_on_the_distance_alone():
    rotary = Rotary(8, length=32).double()
    q, k = torch.randn(2, 1, 1, 1, 8, dtype=torch.float64)
    near = (rotary(q, 3) * rotary(k, 7)).sum()
    far = (rotary(q, 20) * rotary(k, 24)).sum()
    other = (rotary(q, 20) * rotary(k, 25)).sum()
    torch.testing.assert_close(near, far, rtol=1e-5, atol=1e-6)
    assert abs(near - other) > 1e-3
    torch.testing.assert_close(rotary(q, 9).norm(), q.norm(), rtol=1e-6, atol=1e-6)


def test_attention_is_its_formula():
    layer = Attention(6, 2, causal=True).double()
    x = torch.randn(1, 5, 6, dtype=torch.float64)
    q, k, v = (x[0] @ layer.inputs.weight.T).split(6, 1)
    heads = []
    for h in (slice(0, 3), slice(3, 6)):
        scores = (q[:, h] @ k[:, h].T / math.sqrt(3)).masked_fill(
            torch.ones(5, 5).triu(1).bool(), -math.inf
        )
        heads.append(scores.softmax(1) @ v[:, h])
    expected = torch.cat(heads, 1) @ layer.output.weight.T
    torch.testing.assert_close(layer(x)[0], expected)


def test_gated_layer_is_its_formula():
    layer = SwiGLU(6)
    x = torch.randn(4, 6)
    gate, value = (x @ layer.inputs.weight.T).chunk(2, 1)
    torch.testing.assert_close(layer(x), (F.silu(gate) * value) @ layer.output.weight.T)


def test_causal_layers_do_not_see_what_follows(net, ids):
    changed = ids.clone()
    changed[:, 7:] = (changed[:, 7:] + 1) % 30
    before, after = net(ids), net(changed)
    torch.testing.assert_close(before[:, :7], after[:, :7])
    assert not torch.allclose(before[:, 7:], after[:, 7:])


@pytest.mark.parametrize("cuts", [(1,) * 12, (5, 7), (4, 1, 6, 1)])
def test_a_cache_changes_nothing(net, ids, cuts):
    cache = net.cache(3)
    with torch.no_grad():
        parts = [net(part, cache) for part in ids.split(list(cuts), 1)]
    assert cache.length == 12
    torch.testing.assert_close(torch.cat(parts, 1), net(ids))


def test_a_full_cache_is_an_error(net):
    cache = net.cache(1)
    net(torch.zeros(1, 24, dtype=torch.int64), cache)
    with pytest.raises(ValueError, match="room for 24 positions"):
        net(torch.zeros(1, 1, dtype=torch.int64), cache)


@pytest.mark.parametrize("causal", [False, True])
def test_padding_has_no_influence(causal):
    net = Transformer(16, depth=2, heads=4, length=10, causal=causal).double()
    x = torch.randn(2, 6, 16, dtype=torch.float64)
    padded = torch.cat([x, 9 * torch.randn(2, 3, 16, dtype=torch.float64)], 1)
    there = torch.arange(9).expand(2, 9) < 6
    torch.testing.assert_close(net(padded, there)[:, :6], net(x))
    assert causal or not torch.allclose(net(padded)[:, :6], net(x))


def test_starts_as_gpt2_does():
    net = NextToken(500, width=64, depth=8, heads=2, length=8)
    block = net.transformer.blocks[3]
    for weight, spread in (
        (net.embedding.weight, 0.02),
        (block.attention.inputs.weight, 0.02),
        (block.attention.output.weight, 0.02 / 4),
        (block.gated.output.weight, 0.02 / 4),
    ):
        assert abs(float(weight.detach().std()) / spread - 1) < 0.1
    loss = F.cross_entropy(net(torch.randint(500, (8, 8))).flatten(0, 1), torch.randint(500, (64,)))
    assert abs(float(loss.detach()) - math.log(500)) < 0.1


def test_exports_for_any_number_of_rows_and_positions(net, ids):
    dynamic = {0: torch.export.Dim.AUTO, 1: torch.export.Dim.AUTO}
    exported = torch.export.export(net.eval(), (ids,), dynamic_shapes=(dynamic,)).module()
    for shape in ((2, 5), (4, 24)):
        other = torch.randint(30, shape)
        torch.testing.assert_close(exported(other), net(other))


def test_dropout_is_of_training_alone(ids):
    net = NextToken(30, width=16, depth=1, heads=2, length=24, dropout=0.5)
    assert not torch.equal(net(ids), net(ids))
    net.eval()
    torch.testing.assert_close(net(ids), net(ids), rtol=0, atol=0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Transformer(10, 1, 4, 8), "multiple of heads"),
        (lambda: Transformer(6, 1, 2, 8), "even size"),
    ],
)
def test_sizes_that_do_not_fit_are_errors(make, message):
    with pytest.raises(ValueError, match=message):
        make()

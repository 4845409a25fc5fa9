"""Closed forms agree with autograd, and constant fits are the best constants."""

import pytest
import torch

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
    respond,
    weighted_quantile,
)
from dovetail.objective.margin_losses import (
    EpsilonInsensitive,
    Hinge,
    ModifiedHuber,
    SquaredEpsilonInsensitive,
    SquaredHinge,
)

N, K = 40, 4


def case(loss):
    torch.manual_seed(0)
    F = torch.randn(N, dtype=torch.float64)
    if isinstance(loss, MultinomialLogLoss):
        return torch.randint(0, K, (N,)), torch.randn(N, K, dtype=torch.float64)
    if isinstance(loss, BinaryLogLoss):
        return torch.randint(0, 2, (N,)).double(), F
    if isinstance(loss, Hinge | SquaredHinge | ModifiedHuber):
        return 2.0 * torch.randint(0, 2, (N,)).double() - 1, 2 * F
    if isinstance(loss, PoissonDeviance | GammaDeviance | TweedieDeviance):
        return torch.rand(N, dtype=torch.float64) * 5 + 0.1, F
    return torch.randn(N, dtype=torch.float64), F


LOSSES = [
    SquaredError(),
    AbsoluteError(),
    PinballLoss(0.3),
    PoissonDeviance(),
    GammaDeviance(),
    TweedieDeviance(1.3),
    HuberLoss(delta=0.7),
    AutogradLoss(lambda y, F: (F - y).cosh().log()),
    BinaryLogLoss(),
    MultinomialLogLoss(K),
    Hinge(),
    Hinge(0.0),
    SquaredHinge(),
    ModifiedHuber(),
    EpsilonInsensitive(0.3),
    SquaredEpsilonInsensitive(0.3),
]
each = pytest.mark.parametrize("loss", LOSSES, ids=lambda x: type(x).__name__)


@each
def test_gradient(loss):
    y, F = case(loss)
    F.requires_grad_()
    (expected,) = torch.autograd.grad(loss.value(y, F).sum(), F)
    torch.testing.assert_close(loss.gradient(y, F.detach()), expected)


@each
def test_curvature(loss):
    y, F = case(loss)
    if loss.constant_curvature:
        assert (loss.curvature(y, F) == 1).all()
        return
    rows = [
        torch.autograd.functional.hessian(
            lambda f, i=i: loss.value(y[i : i + 1], f[None]).sum(), F[i]
        )
        for i in range(N)
    ]
    expected = torch.stack([h.diagonal() if h.ndim == 2 else h for h in rows])
    torch.testing.assert_close(loss.curvature(y, F), expected)
    both = loss.gradient_curvature(y, F)
    torch.testing.assert_close(both[1], expected)
    torch.testing.assert_close(both[0], loss.gradient(y, F))


@each
@pytest.mark.parametrize("weighted", [False, True])
def test_constant_fit_is_best(loss, weighted):
    y, F = case(loss)
    w = torch.rand(N, dtype=torch.float64) if weighted else None
    best = loss.constant_fit(y, w).to(F.dtype)

    def total(c):
        value = loss.value(y, c.expand_as(F) if c.ndim == 0 else c[None].expand_as(F))
        return float((value if w is None else value * w).sum())

    for scale in (-0.1, -0.01, 0.01, 0.1):
        nudge = torch.full_like(best, scale)
        if nudge.ndim:
            nudge[1:] = 0
        assert total(best) <= total(best + nudge) + 1e-9


def test_extreme_scores_stay_finite():
    F = torch.tensor([-800.0, 0.0, 800.0])
    y = torch.tensor([1.0, 0.0, 0.0])
    assert BinaryLogLoss().value(y, F).isfinite().all()
    assert BinaryLogLoss().gradient(y, F).isfinite().all()
    wide = torch.tensor([[1e4, -1e4, 0.0]])
    assert MultinomialLogLoss(3).value(torch.tensor([1]), wide).isfinite().all()


def test_responses():
    F = torch.tensor([-1.0, 2.0])
    assert respond("identity", F) is F
    torch.testing.assert_close(respond("exp", F), F.exp())
    torch.testing.assert_close(respond("logistic", F).sum(1), torch.ones(2))
    torch.testing.assert_close(respond("logistic", F)[:, 1], F.sigmoid())
    torch.testing.assert_close(respond("softmax", F[None]).sum(), torch.tensor(1.0))


def test_quantiles():
    y = torch.tensor([3.0, 1.0, 2.0, 4.0])
    assert float(weighted_quantile(y, None, 0.5)) == 2.5
    assert float(weighted_quantile(y, torch.tensor([0.0, 1.0, 0.0, 0.0]), 0.9)) == 1.0
    assert float(weighted_quantile(y, torch.tensor([1.0, 1.0, 1.0, 5.0]), 0.5)) == 4.0


def test_targets_are_checked():
    assert "y > 0" in GammaDeviance().check_targets(torch.tensor([0.0, 1.0]))
    assert "y >= 0" in PoissonDeviance().check_targets(torch.tensor([-1.0, 1.0]))
    assert SquaredError().check_targets(torch.tensor([-1.0])) == ""


def test_huber_is_scale_free():
    y, F = case(HuberLoss())
    loss = HuberLoss(0.8).adapted(y, F, None)
    assert ((F - y).abs() <= loss.delta).double().mean() == pytest.approx(0.8, abs=1 / N)
    larger = HuberLoss(0.8).adapted(1000 * y, 1000 * F, None)
    assert larger.delta == pytest.approx(1000 * loss.delta)
    weights = torch.arange(N).double()
    repeated = weights.long()
    assert HuberLoss(0.8).adapted(y, F, weights).delta == pytest.approx(
        HuberLoss(0.8)
        .adapted(y.repeat_interleave(repeated), F.repeat_interleave(repeated), torch.ones(780))
        .delta
    )
    met = torch.cat([y, y.new_tensor([100.0])])  # where most rows are met exactly, the others count
    assert HuberLoss(0.8).adapted(met, torch.cat([y, y.new_zeros(1)]), None).delta > 0


@pytest.mark.parametrize(
    ("function", "loss"),
    [
        (lambda y, F: F.exp() - y * F, PoissonDeviance()),
        (lambda y, F: (F - y).square() / 2, SquaredError()),
        (lambda y, F: (F - y).abs(), AbsoluteError()),
    ],
)
def test_functions_are_differentiated(function, loss):
    y, F = case(PoissonDeviance())
    g, h = AutogradLoss(function).gradient_curvature(y, F)
    torch.testing.assert_close(g, loss.gradient(y, F))
    torch.testing.assert_close(h, loss.curvature(y, F))
    assert not g.requires_grad
    assert not h.requires_grad
    for scale in (1e-3, 1.0, 1e6):
        best = AutogradLoss(function).constant_fit(y * scale, None)
        expected = loss.constant_fit(y * scale, None)
        at_best = [loss.value(y * scale, c.expand(N)).sum() for c in (best, expected)]
        torch.testing.assert_close(*at_best, rtol=1e-9, atol=0)


def test_negative_curvature_counts_as_none():
    y, F = case(SquaredError())
    g, h = AutogradLoss(lambda y, F: 1 - (-(F - y).square()).exp()).gradient_curvature(y, F)
    assert (h >= 0).all()
    assert (h == 0).any()
    assert g.isfinite().all()


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda y, F: (F - y).square().mean(), r"one loss a row, shape \(40,\). Got \(\)"),
        (lambda y, F: 3.0, "Got float"),
        (lambda y, F: y.square(), "does not depend on the scores"),
        (lambda y, F: (F.log() - y).square(), "defined for every score"),
        (lambda y, F: -F, "has no minimum"),
    ],
)
def test_functions_that_are_no_losses(function, message):
    with pytest.raises(ValueError, match=message):
        AutogradLoss(function).constant_fit(torch.ones(N, dtype=torch.float64), None)

"""Steps of the user's own: physics, contrasts, alternating updates."""

import numpy as np
import pytest
import torch
from torch import nn

from dovetail.deep import NetRegressor, NetTransformer
from tests.deep.data import (
    IRIS,
)


def test_a_physical_loss():
    """u' = −u, u(0) = 1, without any value of u but the first."""

    def step(net, batch):
        t = batch.X.requires_grad_()
        u = net.forward(t)
        (du,) = torch.autograd.grad(u.sum(), t, create_graph=True)
        start = net.forward(torch.zeros(1, 1)) - 1
        return (du + u).square().mean() + start.square().mean()

    t = np.linspace(0, 2, 64)[:, None]
    model = NetRegressor(step=step, max_epochs=400, lr=0.01, random_state=0, schedule="cosine")
    model.fit(t, np.zeros(64))
    np.testing.assert_allclose(model.predict(t), np.exp(-t[:, 0]), atol=0.03)


def test_a_contrastive_loss():
    """Two noisy views of a row are near, those of others far."""

    def step(net, batch):
        a, b = (net.module.encode(batch.X + 0.1 * torch.randn_like(batch.X)) for _ in range(2))
        a, b = nn.functional.normalize(a), nn.functional.normalize(b)
        return nn.functional.cross_entropy(a @ b.T / 0.1, torch.arange(len(a)))

    model = NetTransformer(step=step, module__n_components=8, max_epochs=20, random_state=0)
    Z = model.fit_transform(IRIS)
    assert Z.shape == (150, 8)
    assert model.history_["loss"][-1] < 0.8 * model.history_["loss"][0]


def test_alternating_updates():
    """A generator and its critic, each with its optimizer."""

    class Pair(nn.Module):
        def __init__(self, n_features):
            super().__init__()
            self.generator = nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, n_features))
            self.critic = nn.Sequential(nn.Linear(n_features, 16), nn.ReLU(), nn.Linear(16, 1))

        def forward(self, X):
            return self.generator(X)

    bce = nn.functional.binary_cross_entropy_with_logits

    def step(net, batch):
        pair, X = net.module, batch.X
        fake = pair.generator(torch.randn(len(X), 2))
        real, made = pair.critic(X), pair.critic(fake.detach())
        critic = bce(real, torch.ones_like(real)) + bce(made, torch.zeros_like(made))
        net.update(critic, "critic")
        made = pair.critic(fake)
        generator = bce(made, torch.ones_like(made))
        net.update(generator, "generator")
        return {"critic": critic, "generator": generator}

    model = NetTransformer(
        Pair, step=step, optimizer={"generator": "adam", "critic": "adam"}, lr=2e-3,
        ema=0.99, optimizer__betas=(0.5, 0.9), max_epochs=200, random_state=0,
    )  # fmt: skip
    X = np.random.default_rng(0).normal([2.0, -1.0], 0.5, (256, 2))
    model.fit(X)
    made = model.transform(np.random.default_rng(1).normal(size=(500, 2)))
    np.testing.assert_allclose(made.mean(0), [2.0, -1.0], atol=0.5)
    with pytest.raises(ValueError, match="no optimizer of 'other'"):
        NetTransformer(step=lambda net, batch: net.update(None, "other")).fit(X)

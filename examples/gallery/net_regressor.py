import matplotlib.pyplot as plt
import numpy as np
import torch
from torch import nn

from dovetail.deep import NetRegressor

rng = np.random.default_rng(0)
X = np.sort(rng.uniform(0, 6, (300, 1)), axis=0)
y = np.sin(X[:, 0]) + rng.normal(0, 0.1 + 0.08 * X[:, 0])
SHARES = torch.tensor([0.1, 0.5, 0.9])


def pinball(outputs, y):
    """One loss for three quantiles: the net has an output for each."""
    error = y - outputs
    return torch.maximum(SHARES * error, (SHARES - 1) * error).mean()


class Quantiles(nn.Sequential):
    def __init__(self, n_features):
        super().__init__(nn.Linear(n_features, 32), nn.Tanh(), nn.Linear(32, 3))


three = np.repeat(y[:, None], 3, axis=1)
model = NetRegressor(Quantiles, loss=pinball, lr=0.01, max_epochs=200, random_state=0).fit(X, three)
low, middle, high = model.predict(X).T
print(round(np.mean((low < y) & (y < high)), 2), "of the rows lie between the tenths")

figure, axis = plt.subplots(figsize=(5, 3))
axis.fill_between(X[:, 0], low, high, alpha=0.25)
axis.plot(X[:, 0], middle)
axis.plot(X[:, 0], y, ".", color="black", markersize=3)
axis.set_title("NetRegressor: quantiles, by a loss of one's own", fontsize=10)
figure.savefig("net_regressor.png", dpi=80, bbox_inches="tight")

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import make_moons
from torch import nn

from dovetail.deep import NetClassifier

X, y = make_moons(400, noise=0.15, random_state=0)


class Net(nn.Module):
    def __init__(self, n_features, n_outputs, width=32):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(n_features, width), nn.Tanh(), nn.Linear(width, n_outputs)
        )

    def forward(self, X):
        return self.layers(X)


model = NetClassifier(Net, module__width=64, lr=0.01, max_epochs=60, random_state=0).fit(X, y)
print(round(model.score(X, y), 3))

grid = np.stack(np.meshgrid(np.linspace(-1.5, 2.5, 200), np.linspace(-1, 1.5, 120)), -1)
p = model.predict_proba(grid.reshape(-1, 2))[:, 1].reshape(grid.shape[:2])
figure, axis = plt.subplots(figsize=(5, 3))
axis.contourf(grid[..., 0], grid[..., 1], p, levels=20, cmap="RdBu", alpha=0.7)
axis.scatter(*X.T, c=y, cmap="RdBu", edgecolors="white", s=18)
axis.set_title("NetClassifier: two moons, by a module of one's own", fontsize=10)
figure.savefig("net_classifier.png", dpi=80, bbox_inches="tight")

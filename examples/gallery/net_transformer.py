import matplotlib.pyplot as plt
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.nn import functional

from dovetail.deep import NetTransformer


class Plane(nn.Sequential):
    def __init__(self, n_features):
        super().__init__(nn.Linear(n_features, 128), nn.ReLU(), nn.Linear(128, 2))


def together(outputs, y):
    """Rows of a class near one another, of others at least 3 apart."""
    distance = torch.cdist(outputs, outputs)
    same = (y[:, None] == y[None, :]).to(distance)
    return (same * distance + (1 - same) * functional.relu(3 - distance)).mean()


digits = load_digits()
X, y = digits.data / 16, digits.target
model = NetTransformer(Plane, loss=together, lr=0.003, max_epochs=40, random_state=0)
codes = model.fit(X[:1200], y[:1200]).transform(X[1200:])
print(codes.shape)

figure, axis = plt.subplots(figsize=(5, 3.4))
points = axis.scatter(*codes.T, c=y[1200:], cmap="tab10", s=12)
axis.legend(*points.legend_elements(), loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
axis.set_title("NetTransformer: digits it did not see, by a contrastive loss", fontsize=10)
figure.savefig("net_transformer.png", dpi=80, bbox_inches="tight")

import torch
from sklearn.model_selection import train_test_split
from torch import nn

import dovetail as dv
from dovetail.datasets import load_penguins
from dovetail.deep import NetClassifier, find_lr
from dovetail.pipeline import Pipeline


class Residual(nn.Module):
    """Any torch module will do; it is told the sizes it asks for."""

    def __init__(self, n_features, n_outputs, width=32):
        super().__init__()
        self.first, self.last = nn.Linear(n_features, width), nn.Linear(width, n_outputs)
        self.inner = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.Linear(width, width))

    def forward(self, X):
        h = torch.relu(self.first(X))
        return self.last(h + self.inner(h))


X, y = load_penguins(return_X_y=True)  # strings and missing values
X, X_test, y, y_test = train_test_split(X, y, random_state=0)
net = NetClassifier(Residual, module__width=64, max_epochs=40, early_stopping=True, random_state=0)
preparation = dv.preparation("linear").fit(X, y)
net.set_params(lr=find_lr(net, preparation.transform(X), y).lr)
model = Pipeline([*dv.preparation("linear").steps, ("net", net)]).fit(X, y)
print(round(model.score(X_test, y_test), 2), model[-1].history_["loss"][-1] < 0.1)

dv.save(model, "net.dove", trusted=[Residual])  # weights and names; the class is yours
again = dv.load("net.dove", trusted=[Residual])
assert (again.predict(X_test) == model.predict(X_test)).all()

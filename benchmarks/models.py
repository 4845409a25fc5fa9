"""Nets beside scikit-learn's; equal quality is shown beside the time."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np
import sklearn.neural_network
import torch
from sklearn.datasets import load_iris, make_classification
from sklearn.metrics import roc_auc_score
from torch import nn

import dovetail.neural_network
from benchmarks.harness import OURS, Case
from dovetail.deep import NetClassifier


def cases() -> Iterator[Case]:
    """A net."""
    X, y = make_classification(150_000, 28, n_informative=15, random_state=0)
    X = X.astype(np.float32)
    split = 100_000
    net = {"hidden_layer_sizes": (128, 128), "batch_size": 256, "max_iter": 3, "random_state": 0}
    yield from _classifier(
        "MLPClassifier 100k x 28, 128-128, 3 epochs",
        "neural_network",
        "MLPClassifier",
        X[:split],
        y[:split],
        net,
    )

    yield _epoch(X[:split], y[:split])
    X, y = load_iris(return_X_y=True)
    X = (X - X.mean(0)) / X.std(0)
    few = {"random_state": 0, "max_iter": 200, "n_iter_no_change": 200}
    yield from _classifier(
        "MLPClassifier 150 x 4, 100 units, 200 epochs",
        "neural_network",
        "MLPClassifier",
        X,
        y == 1,
        few,
    )
    yield _few_rows(X, y)


class _Layers(nn.Module):
    """28-128-128-2."""

    def __init__(self) -> None:
        super().__init__()
        sizes = ((28, 128), (128, 128))
        hidden = [layer for i, o in sizes for layer in (nn.Linear(i, o), nn.ReLU())]
        self.layers = nn.Sequential(*hidden, nn.Linear(128, 2))

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.layers(X)
        return scores


def _epoch(X: Any, y: Any) -> Case:
    """An epoch of any module: ours, a loop written by hand, and skorch."""
    ours = NetClassifier(_Layers, optimizer="adam", batch_size=256, max_epochs=1, random_state=0)
    by_hand = _ByHand()
    fits: dict[str, Any] = {
        OURS: lambda: ours.fit(X, y),
        "torch loop, fused Adam": lambda: by_hand.fit(torch.from_numpy(X), torch.from_numpy(y)),
    }
    scores: dict[str, Any] = {
        OURS: lambda: float(roc_auc_score(y, ours.decision_function(X))),
        "torch loop, fused Adam": lambda: float(roc_auc_score(y, by_hand.decision_function(X))),
    }
    if importlib.util.find_spec("skorch"):
        from skorch import NeuralNetClassifier

        theirs = NeuralNetClassifier(
            _Layers, criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=1e-3,
            batch_size=256, max_epochs=1, train_split=None, verbose=0,
            iterator_train__shuffle=True,
        )  # fmt: skip
        fits["skorch"] = lambda: theirs.fit(X, y.astype(np.int64))
        scores["skorch"] = lambda: float(roc_auc_score(y, theirs.predict_proba(X)[:, 1]))
    return Case("any module 100k x 28, 128-128, 1 epoch", fits, scores)


def _few_rows(X: Any, y: Any) -> Case:
    """150 rows, a hidden layer of 100 units, 50 epochs of one batch: ours and scikit-learn's."""
    same: dict[str, Any] = {"batch_size": 150, "random_state": 0}
    ours = NetClassifier(module__hidden=(100,), optimizer="adam", lr=0.01, max_epochs=50, **same)
    theirs = sklearn.neural_network.MLPClassifier(
        learning_rate_init=0.01, max_iter=50, n_iter_no_change=50, **same
    )
    return Case(
        "any module 150 x 4, 100 units, 50 epochs",
        {OURS: lambda: ours.fit(X, y), "sklearn": lambda: theirs.fit(X, y)},
        {OURS: lambda: float(ours.score(X, y)), "sklearn": lambda: float(theirs.score(X, y))},
    )


class _ByHand:
    """The loop of a careful tutorial."""

    def fit(self, X: torch.Tensor, y: torch.Tensor) -> None:
        self.net = _Layers()
        optimizer = torch.optim.Adam(self.net.parameters(), fused=True)
        for index in torch.randperm(len(X)).split(256):
            loss = nn.functional.cross_entropy(self.net(X[index]), y[index])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()

    def decision_function(self, X: Any) -> Any:
        with torch.no_grad():
            scores = self.net(torch.from_numpy(X))
        return (scores[:, 1] - scores[:, 0]).numpy()


def _pair(module: str, name: str, **options: Any) -> dict[str, Any]:
    ours = getattr(getattr(dovetail, module), name)
    theirs = getattr(getattr(sklearn, module), name)
    return {OURS: ours(**options), "sklearn": theirs(**options)}


def _classifier(
    label: str, module: str, name: str, X: Any, y: Any, options: dict[str, Any]
) -> Iterator[Case]:
    pair = _pair(module, name, **options)
    yield Case(
        f"{label} fit",
        {n: (lambda e=e: e.fit(X, y)) for n, e in pair.items()},
        {
            n: (lambda e=e: float(roc_auc_score(y, e.predict_proba(X)[:, 1])))
            for n, e in pair.items()
        },
    )

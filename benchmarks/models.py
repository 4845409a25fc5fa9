"""Nets beside scikit-learn's; equal quality is shown beside the time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import sklearn.neural_network
from sklearn.datasets import make_classification
from sklearn.metrics import roc_auc_score

import dovetail.neural_network
from benchmarks.harness import OURS, Case


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

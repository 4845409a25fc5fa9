"""The models of the main job, against the peers that are installed; equal quality is shown beside
the time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import sklearn.linear_model
import sklearn.neural_network
from sklearn.datasets import make_classification, make_regression
from sklearn.metrics import roc_auc_score

import dovetail.linear_model
import dovetail.neural_network
from benchmarks.harness import OURS, Case


def cases() -> Iterator[Case]:
    """Linear models and a net."""
    X, y = make_classification(150_000, 28, n_informative=15, random_state=0)
    X = X.astype(np.float32)
    split = 100_000
    yield from _classifier(
        "LogisticRegression 150k x 28 float32", "linear_model", "LogisticRegression", X, y, {}
    )
    R, t = make_regression(100_000, 200, n_informative=50, noise=1.0, random_state=0)
    for name in ("Ridge", "LinearRegression"):
        yield Case(
            f"{name} 100k x 200",
            {k: (lambda e=e: e.fit(R, t)) for k, e in _pair("linear_model", name).items()},
        )
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

"""Machines with a kernel, their linear kin and approximations, beside scikit-learn and, where it is
installed, oneDAL; scores on rows held out stand beside the time.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from sklearn.datasets import load_digits, make_classification, make_regression
from sklearn.preprocessing import StandardScaler

from benchmarks.harness import OURS, Case
from benchmarks.sources import table

LIBRARIES = {OURS: "dovetail", "sklearn": "sklearn", "oneDAL": "sklearnex"}


def cases() -> Iterator[Case]:
    """Two classes and several, numbers, outliers; each beside the peers that are not many times
    slower than the best of them.
    """
    X, y = _classes(10_000)
    yield from _fit_and_predict("svm", "SVC", X, y, "10,000 x 28")
    one = ["oneDAL"]
    yield _fit("svm", "SVC", X.astype(np.float32), y, "10,000 x 28 float32", one)
    yield _fit("svm", "SVC", *_classes(30_000), "30,000 x 28", one)
    yield _fit("svm", "NuSVC", X, y, "10,000 x 28", one, nu=0.2)
    digits = load_digits()
    some = digits.data / 16, digits.target
    yield from _fit_and_predict("svm", "SVC", *some, "digits, 10 classes", gamma=0.5)
    letters = table("letter", "letter")
    if letters is not None:
        size = "letters, 26 classes"
        yield from _fit_and_predict("svm", "SVC", *letters, size, ["sklearn"], C=10)
    X, y = make_regression(10_000, 28, n_informative=15, noise=1.0, random_state=0)
    yield _fit("svm", "SVR", X, y / y.std(), "10,000 x 28", one, C=10)
    yield _fit("svm", "OneClassSVM", X, None, "10,000 x 28", nu=0.1)
    yield _fit("kernel_ridge", "KernelRidge", X[:4_000], y[:4_000], "4,000 x 28", kernel="rbf")
    yield _fit("kernel_approximation", "Nystroem", X, None, "10,000 x 28", n_components=500)
    X, y = _classes(100_000)
    yield _fit("svm", "LinearSVC", X, y, "100,000 x 28")
    yield _fit("svm", "LinearSVC", X, y, "100,000 x 28, hinge", loss="hinge", dual=True)


def _classes(rows: int) -> Any:
    X, y = make_classification(rows + rows // 5, 28, n_informative=15, random_state=0)
    return StandardScaler().fit_transform(X), y


def _fit(
    module: str, name: str, X: Any, y: Any, size: str, peers: Any = (), **options: Any
) -> Case:
    return next(_fit_and_predict(module, name, X, y, size, peers, **options))


def _fit_and_predict(
    module: str, name: str, X: Any, y: Any, size: str, peers: Any = (), **options: Any
) -> Iterator[Case]:
    """A fit on five sixths of the rows, and the prediction of the others; peers : those to stand
    beside, where any of them is installed.
    """
    n = X.shape[0] * 5 // 6
    found = {who: _model(library, module, name, options) for who, library in LIBRARIES.items()}
    models = {who: model for who, model in found.items() if model is not None}
    if any(who in models for who in peers):
        models = {who: model for who, model in models.items() if who == OURS or who in peers}
    given = (X[:n],) if y is None else (X[:n], y[:n])
    score = {}
    if y is not None:
        score = {who: partial(model.score, X[n:], y[n:]) for who, model in models.items()}
    yield Case(
        f"{name} {size} fit",
        {who: partial(model.fit, *given) for who, model in models.items()},
        score,
    )
    yield Case(
        f"{name} {size} predict",
        {who: partial(model.predict, X[n:]) for who, model in models.items()},
    )


def _model(library: str, module: str, name: str, options: dict[str, Any]) -> Any:
    if not importlib.util.find_spec(library):
        return None
    try:
        cls = getattr(importlib.import_module(f"{library}.{module}"), name, None)
    except ModuleNotFoundError:
        return None
    if cls is None:
        return None
    return cls(**options)

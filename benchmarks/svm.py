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
from benchmarks.sources import newsgroups, table

LIBRARIES = {OURS: "dovetail", "sklearn": "sklearn", "oneDAL": "sklearnex"}


def cases() -> Iterator[Case]:
    """Two classes and several, numbers, outliers; dense and sparse."""
    for rows in (2_000, 10_000, 30_000):
        X, y = _classes(rows)
        yield from _both("svm", "SVC", X, y, f"{rows:,} x 28")
    X, y = _classes(10_000)
    yield from _both("svm", "SVC", X.astype(np.float32), y, "10,000 x 28 float32")
    yield from _both("svm", "NuSVC", X, y, "10,000 x 28", nu=0.2)
    digits = load_digits()
    yield from _both("svm", "SVC", digits.data / 16, digits.target, "digits, 10 classes", gamma=0.5)
    letters = table("letter", "letter")
    if letters is not None:
        yield from _both("svm", "SVC", *letters, "letters, 26 classes", C=10)
    X, y = make_regression(10_000, 28, n_informative=15, noise=1.0, random_state=0)
    yield from _both("svm", "SVR", X, y / y.std(), "10,000 x 28", C=10)
    yield from _both("svm", "OneClassSVM", X, None, "10,000 x 28", nu=0.1)
    yield from _both(
        "kernel_ridge", "KernelRidge", X[:4_000], y[:4_000], "4,000 x 28", kernel="rbf"
    )
    yield from _both("kernel_approximation", "Nystroem", X, None, "10,000 x 28", n_components=500)
    X, y = _classes(100_000)
    yield from _both("svm", "LinearSVC", X, y, "100,000 x 28")
    yield from _both("svm", "LinearSVC", X, y, "100,000 x 28, hinge", loss="hinge", dual=True)
    yield from _both("svm", "LinearSVR", X, X[:, 0] - X[:, 1] ** 2, "100,000 x 28", dual=True)
    words = newsgroups()
    if words is not None:
        yield from _both("svm", "LinearSVC", *words, "newsgroups, tf-idf, 20 classes")


def _classes(rows: int) -> Any:
    X, y = make_classification(rows + rows // 5, 28, n_informative=15, random_state=0)
    return StandardScaler().fit_transform(X), y


def _both(module: str, name: str, X: Any, y: Any, size: str, **options: Any) -> Iterator[Case]:
    """A fit on five sixths of the rows, and the prediction of the others."""
    n = X.shape[0] * 5 // 6
    found = {who: _model(library, module, name, options) for who, library in LIBRARIES.items()}
    models = {who: model for who, model in found.items() if model is not None}
    given = (X[:n],) if y is None else (X[:n], y[:n])
    score = {}
    if y is not None:
        score = {who: partial(model.score, X[n:], y[n:]) for who, model in models.items()}
    fits = {who: partial(model.fit, *given) for who, model in models.items()}
    yield Case(f"{name} {size} fit", fits, score)
    work = "transform" if name == "Nystroem" else "predict"
    yield Case(
        f"{name} {size} {work}", {w: partial(getattr(m, work), X[n:]) for w, m in models.items()}
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

"""Decision trees and forests beside scikit-learn and, where it is installed, oneDAL; the score on
held-out rows stands beside the time.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np
import sklearn.ensemble
import sklearn.tree
from sklearn.datasets import make_classification, make_regression

import dovetail.ensemble
import dovetail.tree
from benchmarks.harness import OURS, Case

_NEW = 10_000  # rows held out


def cases() -> Iterator[Case]:
    """Forests over rows and classes, single trees, and prediction."""
    for rows, trees in ((1_000, 100), (10_000, 100), (50_000, 50)):
        yield _fit("RandomForestClassifier", _classes(rows), n_estimators=trees)
    yield _fit("RandomForestClassifier", _classes(20_000, classes=10), n_estimators=50)
    yield _fit("ExtraTreesClassifier", _classes(50_000), n_estimators=50)
    yield _fit("RandomForestRegressor", _numbers(10_000), n_estimators=50)
    yield _fit("IsolationForest", _classes(50_000), score=False)
    for name, data, options in (
        ("DecisionTreeClassifier", _classes(50_000), {}),
        ("DecisionTreeRegressor", _numbers(50_000), {}),
        ("DecisionTreeRegressor", _numbers(10_000), {"criterion": "absolute_error"}),
    ):
        yield _fit(name, data, module="tree", **options)
    yield from _predict("RandomForestClassifier", _classes(50_000), n_estimators=50)


def _classes(rows: int, classes: int = 2) -> Any:
    X, y = make_classification(rows + _NEW, 28, n_informative=14, n_classes=classes, random_state=0)
    return X.astype(np.float32), y, f"{rows:,} x 28" + (f", {classes} classes" * (classes > 2))


def _numbers(rows: int) -> Any:
    X, y = make_regression(rows + _NEW, 28, n_informative=14, noise=20, random_state=0)
    return X.astype(np.float32), y, f"{rows:,} x 28"


def _contestants(module: str, name: str, **options: Any) -> dict[str, Any]:
    found = {
        OURS: getattr(getattr(dovetail, module), name),
        "sklearn": getattr(getattr(sklearn, module), name),
    }
    if importlib.util.find_spec("sklearnex") and module == "ensemble":
        faster = getattr(importlib.import_module("sklearnex.ensemble"), name, None)
        if faster is not None:
            found["oneDAL"] = faster
    shared: dict[str, Any] = {"random_state": 0, **options}
    if module == "ensemble":
        shared["n_jobs"] = 2
    return {who: cls(**shared) for who, cls in found.items()}


def _fit(
    name: str, data: Any, *, module: str = "ensemble", score: bool = True, **options: Any
) -> Case:
    X, y, size = data
    models = _contestants(module, name, **options)
    told = "".join(f", {value} {key}" for key, value in options.items())
    held = X[-_NEW:], y[-_NEW:]
    return Case(
        f"{name} {size}{told} fit",
        {who: (lambda m=m: m.fit(X[:-_NEW], y[:-_NEW])) for who, m in models.items()},
        {who: (lambda m=m: float(m.score(*held))) for who, m in models.items()} if score else {},
    )


def _predict(name: str, data: Any, **options: Any) -> Iterator[Case]:
    X, y, size = data
    models = _contestants("ensemble", name, **options)
    fitted = {who: m.fit(X[:-_NEW], y[:-_NEW]) for who, m in models.items()}
    for rows in (_NEW, 1):
        some = X[-rows:]
        yield Case(
            f"{name} {size}, {rows:,} rows predict_proba",
            {who: (lambda m=m, some=some: m.predict_proba(some)) for who, m in fitted.items()},
        )

"""Gradient boosting beside scikit-learn, LightGBM (plain and with quantized gradients) and XGBoost:
as many trees of as many leaves; the score on held-out rows stands beside the time.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import sklearn.ensemble
from sklearn.datasets import make_classification, make_regression
from sklearn.metrics import r2_score, roc_auc_score

import dovetail.ensemble
from benchmarks.harness import OURS, Case

_NEW = 50_000  # rows held out


def cases() -> Iterator[Case]:
    """Fits over rows, classes and kinds of columns, and prediction."""
    for rows in (1_000, 10_000, 150_000, 1_000_000):
        yield _fit("Classifier", *made_up(rows), f"{rows:,} x 28", 100)
    yield _fit("Regressor", *_numbers(150_000), "150,000 x 28", 100)
    yield _fit("Classifier", *made_up(20_000, 16, 26), "20,000 x 16, 26 classes", 20)
    yield _fit("Classifier", *made_up(100_000, 54, 7), "100,000 x 54, 7 classes", 20)
    yield _fit("Classifier", *_categories(100_000), "100,000 x 10 numbers, 10 categories", 100)
    yield from _predict()


def made_up(rows: int, columns: int = 28, classes: int = 2) -> Any:
    """Rows, half of whose columns tell the class; 50,000 more at the end, to be held out."""
    X, y = make_classification(
        rows + _NEW, columns, n_informative=columns // 2, n_classes=classes, random_state=0
    )
    return X.astype(np.float32), y


def _numbers(rows: int) -> Any:
    X, y = make_regression(rows + _NEW, 28, n_informative=14, noise=20, random_state=0)
    return X.astype(np.float32), y.astype(np.float32)


def _categories(rows: int) -> Any:
    """Ten numbers and ten columns of 5 to 200 categories, each with an effect of its own."""
    random = np.random.default_rng(0)
    X, n = pd.DataFrame(random.normal(size=(rows + _NEW, 10)).astype(np.float32)), rows + _NEW
    X.columns = [f"number{j}" for j in range(10)]
    signal = X["number0"] * X["number1"]
    for j, levels in enumerate(np.geomspace(5, 200, 10).astype(int)):
        codes = random.integers(0, levels, n)
        signal = signal + random.normal(size=levels)[codes] / 2
        X[f"category{j}"] = pd.Categorical(codes)
    return X, (signal + random.normal(size=n) > 0).astype(int).to_numpy()


def contestants(role: str, trees: int, leaves: int = 31) -> dict[str, Any]:
    """Estimators of the same size that stop at the last tree."""
    name = f"HistGradientBoosting{role}"
    ours: dict[str, Any] = {"max_iter": trees, "max_leaf_nodes": leaves, "early_stopping": False}
    found: dict[str, Any] = {
        OURS: getattr(dovetail.ensemble, name)(**ours),
        "sklearn": getattr(sklearn.ensemble, name)(**ours),
    }
    if importlib.util.find_spec("lightgbm"):
        model = getattr(importlib.import_module("lightgbm"), f"LGBM{role}")
        # 0 threads: as many as OpenMP is limited to
        shared = {"n_estimators": trees, "num_leaves": leaves, "n_jobs": 0, "verbose": -1}
        found["LightGBM"] = model(**shared)
        found["LightGBM quantized"] = model(**shared, use_quantized_grad=True)
    if importlib.util.find_spec("xgboost"):
        found["XGBoost"] = getattr(importlib.import_module("xgboost"), f"XGB{role}")(
            n_estimators=trees,
            tree_method="hist",
            grow_policy="lossguide",
            max_leaves=leaves,
            max_depth=0,
            learning_rate=0.1,
            n_jobs=0,
            enable_categorical=True,
        )
    return found


def _score(model: Any, X: Any, y: Any) -> float:
    if not hasattr(model, "predict_proba"):
        return float(r2_score(y, model.predict(X)))
    p = model.predict_proba(X)
    return float(roc_auc_score(y, p[:, 1]) if p.shape[1] == 2 else (p.argmax(axis=1) == y).mean())


def _fit(role: str, X: Any, y: Any, size: str, trees: int) -> Case:
    models, held = contestants(role, trees), (X[-_NEW:], y[-_NEW:])
    return Case(
        f"HistGradientBoosting{role} {size}, {trees} iterations fit",
        {who: (lambda m=m: m.fit(X[:-_NEW], y[:-_NEW])) for who, m in models.items()},
        {who: (lambda m=m: _score(m, *held)) for who, m in models.items()},
    )


def _predict() -> Iterator[Case]:
    X, y = made_up(150_000)
    fitted = {who: m.fit(X[:-_NEW], y[:-_NEW]) for who, m in contestants("Classifier", 100).items()}
    for rows in (_NEW, 1):
        some = X[-rows:]
        yield Case(
            f"HistGradientBoostingClassifier 100 trees, {rows:,} rows predict_proba",
            {who: (lambda m=m, some=some: m.predict_proba(some)) for who, m in fitted.items()},
        )

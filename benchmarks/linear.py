"""Linear models of numbers beside scikit-learn and, where it is installed, oneDAL; the mean
objective on the training rows, negated, stands beside the time. Those of words are in `text.py`.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np
import sklearn.linear_model
from sklearn.datasets import make_classification, make_regression
from sklearn.metrics import log_loss, mean_poisson_deviance

import dovetail.linear_model
from benchmarks.harness import OURS, Case


def cases() -> Iterator[Case]:
    """Classification, regression, penalties and their choice."""
    X, y = _classes(150_000)
    yield _fit("LogisticRegression", X, y, "150,000 x 28")
    yield _fit("LogisticRegression", X, y, "150,000 x 28", solver="newton-cholesky")
    for rows in (1_000, 15_000):
        yield _fit("LogisticRegression", X[:rows], y[:rows], f"{rows:,} x 28")
    few = {"Cs": 10, "cv": 5, "l1_ratios": (0,), "scoring": "neg_log_loss"}
    few["use_legacy_attributes"] = False
    for solver in ("lbfgs", "newton-cholesky"):
        size = "50,000 x 28, 10 Cs, 5 folds"
        yield _fit("LogisticRegressionCV", X[:50_000], y[:50_000], size, **few, solver=solver)
    yield _fit("LogisticRegression", *_classes(20_000, 10), "20,000 x 28, 10 classes")
    yield _fit("RidgeClassifier", *_classes(20_000, 10), "20,000 x 28, 10 classes")
    X, y = _numbers(100_000, 200)
    for name in ("LinearRegression", "Ridge", "Lasso", "ElasticNet"):
        yield _fit(name, X, y, "100,000 x 200")
        yield _fit(name, X.astype(np.float32), y.astype(np.float32), "100,000 x 200 float32")
    for rows, columns in ((1_000, 200), (10_000, 200), (100_000, 20), (20_000, 800)):
        some = _numbers(rows, columns)
        for name in ("LinearRegression", "Ridge"):
            yield _fit(name, *some, f"{rows:,} x {columns}")
    yield _fit("LassoCV", X[:20_000], y[:20_000], "20,000 x 200", cv=5)
    yield _fit("RidgeCV", X[:20_000], y[:20_000], "20,000 x 200", alphas=np.logspace(-3, 3, 13))
    X, y = _numbers(500, 5_000)
    yield _fit("Lasso", X, y, "500 x 5,000")
    yield _fit("LassoCV", X, y, "500 x 5,000", cv=5)
    X, y = _numbers(100_000, 28)
    counts = np.random.default_rng(0).poisson(np.exp(y / y.std() / 2))
    yield _fit("PoissonRegressor", X, counts, "100,000 x 28")
    X, y = _classes(150_000)
    for loss in ("hinge", "log_loss"):
        yield _fit("SGDClassifier", X, y, f"150,000 x 28, {loss}", loss=loss, random_state=0)
    yield _fit("SGDRegressor", X, X[:, 0] - X[:, 1], "150,000 x 28", random_state=0)


def _classes(rows: int, classes: int = 2) -> Any:
    X, y = make_classification(rows, 28, n_informative=15, n_classes=classes, random_state=0)
    return X.astype(np.float32), y


def _numbers(rows: int, columns: int) -> Any:
    return make_regression(rows, columns, n_informative=20, noise=1.0, random_state=0)


def _fit(name: str, X: Any, y: Any, size: str, **options: Any) -> Case:
    found = {
        OURS: getattr(dovetail.linear_model, name),
        "sklearn": getattr(sklearn.linear_model, name),
    }
    if importlib.util.find_spec("sklearnex"):
        faster = getattr(importlib.import_module("sklearnex.linear_model"), name, None)
        if faster is not None:
            found["oneDAL"] = faster
    models = {who: cls(**options) for who, cls in found.items()}
    told = "".join(f", {key}={value}" for key, value in options.items() if key == "solver")
    return Case(
        f"{name} {size}{told} fit",
        {who: (lambda m=m: m.fit(X, y)) for who, m in models.items()},
        {who: (lambda m=m: -_loss(m, X, y)) for who, m in models.items()},
    )


def _loss(model: Any, X: Any, y: Any) -> float:
    """The mean loss, with the penalty where it has one weight."""
    coef = np.asarray(model.coef_, float)
    if hasattr(model, "predict_proba"):
        return float(log_loss(y, model.predict_proba(X)) + (coef**2).sum() / 2 / len(y))
    if hasattr(model, "classes_"):
        return float(1 - model.score(X, y))
    if "Poisson" in type(model).__name__:
        return float(mean_poisson_deviance(y, model.predict(X)) + (coef**2).sum())
    loss = float(np.square(y - model.predict(X)).mean() / 2)
    if "Lasso" in type(model).__name__:
        alpha = model.alpha_ if hasattr(model, "alpha_") else model.alpha
        return loss + float(alpha * np.abs(coef).sum())
    return loss

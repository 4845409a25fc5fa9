"""Naive Bayes, discriminant analysis, covariances and mixtures beside scikit-learn."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from benchmarks.harness import OURS, Case

_ROWS, _COLUMNS = 50_000, 28


def cases() -> Iterator[Case]:
    """Fits and predictions over kinds of features and numbers of classes."""
    for classes in (2, 10, 100):
        X, y = _blobs(classes)
        yield from _classifier("naive_bayes", "GaussianNB", X, y)
    X, y = _blobs(10)
    yield from _classifier("naive_bayes", "CategoricalNB", np.abs(X).astype(np.int64), y)
    words, topics = _words()
    for name in ("MultinomialNB", "ComplementNB", "BernoulliNB"):
        yield from _classifier("naive_bayes", name, words, topics)

    for classes, options in ((3, {}), (10, {"solver": "eigen", "shrinkage": "auto"})):
        X, y = _blobs(classes)
        yield from _classifier(
            "discriminant_analysis", "LinearDiscriminantAnalysis", X, y, **options
        )
    X, y = _blobs(10)
    yield from _classifier("discriminant_analysis", "QuadraticDiscriminantAnalysis", X, y)
    for name in ("EmpiricalCovariance", "LedoitWolf"):
        rows = np.random.default_rng(0).normal(size=(_ROWS, 200))
        models = _pair("covariance", name)
        yield Case(
            f"{name} {_ROWS:,} x 200, fit",
            {who: (lambda m=m, rows=rows: m.fit(rows)) for who, m in models.items()},
        )

    X, _ = _blobs(10)
    for kind in ("full", "tied", "diag", "spherical"):
        start = {"means_init": X[:8].astype(np.float64), "init_params": "random_from_data"}
        fixed: dict[str, Any] = {"max_iter": 20, "tol": 0.0, "random_state": 0, **start}
        models = _pair("mixture", "GaussianMixture", n_components=8, covariance_type=kind, **fixed)
        yield Case(
            f"GaussianMixture {_ROWS:,} x {_COLUMNS}, 8 components, {kind}, 20 steps",
            {who: (lambda m=m: m.fit(X)) for who, m in models.items()},
            {who: (lambda m=m: float(m.lower_bound_)) for who, m in models.items()},
        )


def _blobs(classes: int) -> Any:
    rng = np.random.default_rng(0)
    y = rng.integers(0, classes, _ROWS)
    X = rng.normal(size=(classes, _COLUMNS))[y] + rng.normal(size=(_ROWS, _COLUMNS)) * 1.5
    return X.astype(np.float32), y


def _words() -> Any:
    rng = np.random.default_rng(0)
    counts = sp.random(20_000, 20_000, density=0.005, format="csr", random_state=rng)
    counts.data = np.ceil(counts.data * 3)
    return counts, rng.integers(0, 20, counts.shape[0])


def _pair(family: str, name: str, **options: Any) -> dict[str, Any]:
    homes = {OURS: f"dovetail.{family}", "sklearn": f"sklearn.{family}"}
    found = {who: getattr(importlib.import_module(home), name) for who, home in homes.items()}
    return {who: cls(**options) for who, cls in found.items()}


def _classifier(family: str, name: str, X: Any, y: Any, **options: Any) -> Iterator[Case]:
    models = _pair(family, name, **options)
    told = "".join(f", {key}={value}" for key, value in options.items())
    size = f"{X.shape[0]:,} x {X.shape[1]:,}, {len(np.unique(y))} classes{told}"
    yield Case(
        f"{name} {size}, fit",
        {who: (lambda m=m: m.fit(X, y)) for who, m in models.items()},
        {who: (lambda m=m: float(m.score(X[:5000], y[:5000]))) for who, m in models.items()},
    )
    fitted = {who: m.fit(X, y) for who, m in _pair(family, name, **options).items()}
    yield Case(
        f"{name} {size}, 20,000 rows predict_proba",
        {who: (lambda m=m: m.predict_proba(X[:20_000])) for who, m in fitted.items()},
    )

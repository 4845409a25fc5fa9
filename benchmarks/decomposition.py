"""Decompositions beside scikit-learn and, where it is installed, oneDAL; the share of the variance
that is explained stands beside the time.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
import sklearn.decomposition

import dovetail.decomposition
from benchmarks.harness import OURS, Case


def cases() -> Iterator[Case]:
    """Few components of many rows, of many columns, of sparse rows, and of batches."""
    random = np.random.default_rng(0)
    tall = random.normal(size=(100_000, 256)) * np.linspace(3, 0.1, 256)
    yield _fit("PCA", tall, "100,000 x 256", n_components=32)
    yield _fit("PCA", tall.astype(np.float32), "100,000 x 256 float32", n_components=32)
    for rows, columns in ((1_000, 64), (10_000, 256), (100_000, 32), (20_000, 800)):
        some = random.normal(size=(rows, columns)) * np.linspace(3, 0.1, columns)
        yield _fit("PCA", some, f"{rows:,} x {columns}", n_components=16)
    yield _fit("PCA", tall[:20_000], "20,000 x 256", n_components=32, svd_solver="full")
    wide = random.normal(size=(5_000, 2_000)) * np.linspace(3, 0.1, 2_000)
    yield _fit(
        "PCA", wide, "5,000 x 2,000", n_components=32, svd_solver="randomized", random_state=0
    )
    words = sp.random(20_000, 30_000, 0.003, format="csr", random_state=0)
    yield _fit("TruncatedSVD", words, "20,000 x 30,000 sparse", n_components=50, random_state=0)
    yield _fit("IncrementalPCA", tall[:20_000], "20,000 x 256", n_components=32)


def _fit(name: str, X: Any, size: str, **options: Any) -> Case:
    found = {
        OURS: getattr(dovetail.decomposition, name),
        "sklearn": getattr(sklearn.decomposition, name),
    }
    if importlib.util.find_spec("sklearnex"):
        faster = getattr(importlib.import_module("sklearnex.decomposition"), name, None)
        if faster is not None:
            found["oneDAL"] = faster
    models = {who: cls(**options) for who, cls in found.items()}
    told = "".join(f", {value}" for key, value in options.items() if key == "svd_solver")
    return Case(
        f"{name} {size}{told} fit",
        {who: (lambda m=m: m.fit(X)) for who, m in models.items()},
        {who: (lambda m=m: float(m.explained_variance_ratio_.sum())) for who, m in models.items()},
    )

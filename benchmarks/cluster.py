"""k-means beside scikit-learn and, where it is installed, oneDAL; the inertia, negated, stands
beside the time.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator
from typing import Any

import numpy as np
import sklearn.cluster
from sklearn.datasets import make_blobs

import dovetail.cluster
from benchmarks.harness import OURS, Case


def cases() -> Iterator[Case]:
    """Clusters that are there and that are not; few and many; narrow and wide rows."""
    blobs = _blobs(500_000, 32, 64)
    starts = blobs[np.random.default_rng(0).choice(len(blobs), 64, replace=False)]
    size = "500,000 x 32, k = 64"
    yield _fit("KMeans", blobs, f"{size}, k-means++", n_clusters=64, max_iter=50)
    yield _fit("KMeans", blobs, f"{size}, given starts", n_clusters=64, max_iter=50, init=starts)
    noise = np.random.default_rng(0).normal(size=(500_000, 32)).astype(np.float32)
    yield _fit(
        "KMeans", noise, f"{size}, noise", n_clusters=64, max_iter=50, init=noise[:64].copy()
    )
    plane = _blobs(500_000, 2, 8)
    yield _fit("KMeans", plane, "500,000 x 2, k = 8", n_clusters=8, init=plane[:8].copy())
    some = blobs[:5_000]
    yield _fit("KMeans", some, "5,000 x 32, k = 64", n_clusters=64, init=some[:64].copy())
    wide = _blobs(20_000, 784, 8)
    yield _fit("KMeans", wide, "20,000 x 784, k = 8", n_clusters=8, init=wide[:8].copy())
    for columns in (2, 32):
        many = _blobs(50_000, columns, 1_000)
        starts, size = many[:1_000].copy(), f"50,000 x {columns}, k = 1,000"
        yield _fit("KMeans", many, size, n_clusters=1_000, init=starts, max_iter=50)
    yield _fit("MiniBatchKMeans", blobs[:200_000], "200,000 x 32, k = 64", n_clusters=64)
    yield _fit("BisectingKMeans", blobs[:100_000], "100,000 x 32, k = 64", n_clusters=64)


def _blobs(rows: int, columns: int, clusters: int) -> Any:
    X, _ = make_blobs(rows, columns, centers=clusters, cluster_std=3.0, random_state=0)
    return X.astype(np.float32)


def _fit(name: str, X: Any, size: str, **options: Any) -> Case:
    found = {
        OURS: getattr(dovetail.cluster, name),
        "sklearn": getattr(sklearn.cluster, name),
    }
    if importlib.util.find_spec("sklearnex"):
        faster = getattr(importlib.import_module("sklearnex.cluster"), name, None)
        if faster is not None:
            found["oneDAL"] = faster
    models = {who: cls(n_init=1, random_state=0, **options) for who, cls in found.items()}
    return Case(
        f"{name} {size} fit",
        {who: (lambda m=m: m.fit(X)) for who, m in models.items()},
        {who: (lambda m=m: -float(m.inertia_)) for who, m in models.items()},
    )

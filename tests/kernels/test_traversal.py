"""Scores of rows by trees: the compiled walk agrees with torch's."""

import numpy as np
import pytest
import torch

from dovetail.kernels import traversal

D = 4  # features; the last one holds categories


def forest(t, dtype, rng):
    """t trees of random shape, of depth 0 to 5, as the arrays that the kernel takes."""
    roots, depths, nodes = [], [], []
    for _ in range(t):
        roots.append(len(nodes))
        levels, wanted = 0, rng.integers(0, 6)
        front = [len(nodes)]
        nodes.append(None)
        while levels < wanted:
            splits = [place for place in front if rng.random() < 0.7]
            front = []
            for place in splits:
                nodes[place] = len(nodes)
                front += [len(nodes), len(nodes) + 1]
                nodes += [None, None]
            levels += bool(splits)
            wanted = levels if not splits else wanted
        depths.append(levels)
    m = len(nodes)
    inner = np.array([child is not None for child in nodes])
    feature = np.where(inner, rng.integers(0, D, m), 0)
    categorical = inner & (feature == D - 1)
    threshold = np.where(inner, rng.normal(size=m).round(1), np.inf).astype(dtype)
    return {
        "roots": np.array(roots),
        "depths": np.array(depths),
        "feature": feature,
        "threshold": threshold,
        "left": np.array([i if child is None else child for i, child in enumerate(nodes)]),
        "missing_right": inner & (rng.random(m) < 0.5),
        "value": rng.normal(size=m).astype(dtype),
        "category": np.where(categorical, np.cumsum(categorical) - 1, -1),
        "bits": rng.integers(-(2**62), 2**62, (int(categorical.sum()), 4)),
    }


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("n", "t", "k"), [(0, 3, 1), (1, 1, 1), (65, 70, 1), (700, 99, 3)])
def test_scores(n, t, k, dtype):
    rng = np.random.default_rng(t)
    trees = forest(t, dtype, rng)
    X = rng.normal(size=(n, D)).round(1).astype(dtype)  # many values lie on a threshold
    X[:, -1] = rng.integers(-1, 300, n)  # below 0 is missing, above 255 is 255
    X[rng.random(X.shape) < 0.1] = np.nan
    X[rng.random(X.shape) < 0.03] = np.inf
    out = np.zeros((n, k))
    traversal.add_scores(X, *trees.values(), out)
    given = {name: torch.from_numpy(a) for name, a in trees.items() if name != "depths"}
    depth = int(trees["depths"].max())
    expected = traversal.reference_scores(torch.from_numpy(X), **_named(given), depth=depth, k=k)
    np.testing.assert_allclose(out, expected, rtol=0, atol=1e-12 if dtype == np.float64 else 2e-5)


def _named(arrays):
    shapes = {"roots": "t", "bits": "c4"}
    return {f"{name}_{shapes.get(name, 'm')}": a for name, a in arrays.items()}

"""Shapley values by trees: the compiled walk agrees with the definition."""

import numpy as np
import pytest
import torch

from dovetail.kernels import tree_shap
from tests.kernels.test_forest import D, grown, rows


def explained(t, dtype, rng, *, v=1, empty=False):
    """t random trees as the kernel takes them; where `empty`, some leaves have no rows."""
    trees = grown(t, rng, dtype=dtype, v=v)[0]._asdict()
    trees["bits"] = trees.pop("sets")
    left, leaf = trees["left"], trees["left"] == np.arange(len(trees["left"]))
    cover = np.where(leaf, rng.integers(0 if empty else 1, 20, len(left)), 0.0)
    for node in np.flatnonzero(~leaf)[::-1]:
        cover[node] = cover[left[node]] + cover[left[node] + 1]
    return trees | {"value": trees["value"].astype(float), "cover": cover}


@pytest.mark.parametrize("empty", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("n", "t", "k", "v"), [(0, 3, 1, 1), (1, 1, 1, 1), (70, 9, 1, 1), (65, 6, 3, 1), (7, 4, 3, 3)]
)
def test_attributions(n, t, k, v, dtype, empty):
    rng = np.random.default_rng(t)
    trees, X = explained(t, dtype, rng, v=v, empty=empty), rows(n, rng, dtype)
    phi, base = tree_shap.attributions(X, **trees, k=k)
    shapes = {"roots": "t", "bits": "cw", "value": "mv"}
    given = {f"{name}_{shapes.get(name, 'm')}": torch.from_numpy(a) for name, a in trees.items()}
    expected, start = tree_shap.reference_attributions(torch.from_numpy(X), **given, k=k)
    assert phi.shape == (n, D, k)
    np.testing.assert_allclose(phi, expected, rtol=0, atol=1e-13)
    if n:
        np.testing.assert_allclose(base, start, rtol=0, atol=1e-13)


def test_any_number_of_threads_gives_the_same():
    rng = np.random.default_rng(0)
    trees, X = explained(300, np.float64, rng), rows(400, rng)
    threads = torch.get_num_threads()
    found = []
    for number in (1, 2):
        torch.set_num_threads(number)
        found.append(tree_shap.attributions(X, **trees, k=1)[0])
    torch.set_num_threads(threads)
    np.testing.assert_array_equal(*found)


def test_a_path_of_many_features_keeps_its_digits():
    """A chain of 400 features whose values are shares of one another: for it, Shapley values are
    known. Of a row that takes every branch, a leaf of value 1 at the end, all z equal: φ equal.
    """
    d = 400
    node = np.arange(2 * d + 1)
    inner = (node % 2 == 0) & (node < 2 * d)
    z = 0.9
    cover = np.empty(2 * d + 1)
    cover[0::2] = z ** np.arange(d + 1)
    cover[1::2] = cover[:-1:2] * (1 - z)
    trees = {
        "roots": np.zeros(1, np.int64),
        "feature": np.where(inner, node // 2, 0),
        "threshold": np.where(inner, 0.0, np.inf),
        "left": np.where(inner, node + 1, node),
        "missing_right": np.zeros(2 * d + 1, bool),
        "category": np.full(2 * d + 1, -1),
        "bits": np.empty((0, 4), np.int64),
        "value": (node == 2 * d).astype(float)[:, None],
        "cover": cover,
    }
    phi, base = tree_shap.attributions(np.ones((2, d)), **trees, k=1)
    np.testing.assert_allclose(base, z**d, rtol=1e-10)
    np.testing.assert_allclose(phi, (1 - z**d) / d, rtol=1e-10)

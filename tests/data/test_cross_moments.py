"""First and second moments, whatever the means, the blocks and the container."""

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from dovetail.data import cross_moments as module
from dovetail.data.batches import Batch, Batches
from dovetail.data.cross_moments import cross_moments, gram_of
from dovetail.data.sparse import SparseMatrix


def exact(X, Y, w, centered):
    x, y = np.average(X, 0, w) * centered, np.average(Y, 0, w) * centered
    X, Y = X - x, Y - y
    return w.sum(), x, y, (X.T * w) @ X, (X.T * w) @ Y, ((Y.T * w) @ Y).diagonal()


@pytest.mark.parametrize("centered", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
@pytest.mark.parametrize("kind", ["float64", "float32", "sparse"])
@pytest.mark.parametrize("mean", [0.0, 3.0, 1e4])
def test_moments_are_those_of_all_rows(monkeypatch, centered, weighted, kind, mean):
    monkeypatch.setattr(module, "_ROWS", 37)  # so that there are several blocks, one shorter
    random = np.random.default_rng(0)
    X = random.normal(size=(200, 5)) + mean
    X[:, 4] = mean  # constant
    Y = X[:, :2] * 3 + random.normal(size=(200, 2)) + mean
    w = random.integers(0, 3, 200).astype(float) if weighted else np.ones(200)
    if kind == "float32":
        X, Y = X.astype(np.float32), Y.astype(np.float32)
    rows = SparseMatrix.from_scipy(sp.csr_array(X)) if kind == "sparse" else torch.from_numpy(X)
    weights = torch.from_numpy(w).to(rows.dtype) if weighted else None
    batches = Batches(Batch(rows, torch.from_numpy(Y), weights))
    found = cross_moments(batches, centered=centered)
    expected = exact(X.astype(float), Y.astype(float), w, centered)
    rtol = 1e-5 if kind == "float32" else 1e-9
    for got, want, size in zip(found, expected, (1, 1, 1, 200, 200, 200), strict=True):
        assert got.dtype == torch.float64
        scale = size * max(1.0, mean if kind == "sparse" or not centered else 1.0) ** 2
        np.testing.assert_allclose(got.numpy(), want, rtol=rtol, atol=rtol * scale)


def test_the_error_of_any_coefficients_follows():
    random = np.random.default_rng(1)
    X, Y, w = random.normal(size=(50, 3)) + 2, random.normal(size=(50, 2)), random.random(50)
    m = cross_moments(Batches(Batch(*map(torch.from_numpy, (X, Y, w)))))
    coef, intercept = torch.from_numpy(random.normal(size=(2, 3))), torch.tensor([0.5, -1.0])
    missed = Y - X @ coef.numpy().T - intercept.numpy()
    expected = (w[:, None] * missed**2).sum(0)
    np.testing.assert_allclose(m.squares(coef, intercept), expected)


@pytest.mark.parametrize("d", [1, 31, 33, 64, 150, 201])
def test_panels_make_the_whole_gram_matrix(d):
    X = torch.randn(40, d, dtype=torch.float64)
    w = torch.rand(40, 1, dtype=torch.float64)
    torch.testing.assert_close(gram_of(X, X * w), X.T @ (X * w))

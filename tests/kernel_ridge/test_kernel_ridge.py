"""Kernel ridge regression: its optimum, and scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from scipy.linalg import LinAlgWarning
from sklearn.datasets import load_diabetes, load_digits
from sklearn.kernel_ridge import KernelRidge as Peer
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import scale

from dovetail.kernel_ridge import KernelRidge
from dovetail.linear_model import Ridge

X, y = load_diabetes(return_X_y=True)
X, y = scale(X), scale(y)
COUNTS, LABELS = load_digits(return_X_y=True)
COUNTS, LABELS = COUNTS[:200] / 16, LABELS[:200].astype(float)
KERNELS = (
    ("chi2", {"gamma": 0.5}),
    ("cosine", {}),
    ("laplacian", {}),
    ("linear", {}),
    ("poly", {"degree": 2, "coef0": 0.5}),
    ("rbf", {"gamma": 0.1}),
    ("sigmoid", {"gamma": 0.01}),
)


@pytest.mark.parametrize(("kernel", "numbers"), KERNELS)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_every_kernel_as_scikit_learn(kernel: Any, numbers: Any, form: Any) -> None:
    if form is sp.csr_array and "chi2" in kernel:
        pytest.skip("scikit-learn's chi2 kernels take dense rows alone")
    given = form(COUNTS)
    ours = KernelRidge(0.3, kernel=kernel, **numbers).fit(given, LABELS)
    theirs = Peer(alpha=0.3, kernel=kernel, **numbers).fit(given, LABELS)
    np.testing.assert_allclose(ours.dual_coef_, theirs.dual_coef_, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(ours.predict(given), theirs.predict(given), rtol=1e-6, atol=1e-8)


def test_weights_and_penalties_of_several_targets() -> None:
    w = np.random.default_rng(0).random(len(y))
    Y, alpha = np.column_stack([y, y**2, -y]), [0.1, 2.0, 0.1]
    ours = KernelRidge(alpha, kernel="rbf").fit(X, Y, w)
    theirs = Peer(alpha=alpha, kernel="rbf").fit(X, Y, w)
    np.testing.assert_allclose(ours.dual_coef_, theirs.dual_coef_, rtol=1e-6)
    # the gradient of Σ w (y − K a)² + alpha aᵀ K a is 2 K (w (K a − y) + alpha a)
    K = rbf_kernel(X)
    slope = w[:, None] * (K @ ours.dual_coef_ - Y) + np.array(alpha) * ours.dual_coef_
    np.testing.assert_allclose(slope, 0, atol=1e-10)


def test_weights_are_copies() -> None:
    twice = KernelRidge(kernel="rbf").fit(np.repeat(X, 2, 0), np.repeat(y, 2))
    heavy = KernelRidge(kernel="rbf").fit(X, y, np.full(len(y), 2.0))
    np.testing.assert_allclose(heavy.predict(X), twice.predict(X), rtol=1e-8)


def test_a_linear_kernel_is_ridge_regression() -> None:
    ridge = Ridge(3.0, fit_intercept=False).fit(X, y)
    np.testing.assert_allclose(KernelRidge(3.0).fit(X, y).predict(X), ridge.predict(X), rtol=1e-8)


def test_kernels_of_the_users_own() -> None:
    formed = KernelRidge(kernel="rbf", gamma=0.2).fit(X[:60], y[:60])
    given = KernelRidge(kernel="precomputed").fit(rbf_kernel(X[:60], gamma=0.2), y[:60])
    np.testing.assert_allclose(
        given.predict(rbf_kernel(X, X[:60], gamma=0.2)), formed.predict(X), rtol=1e-8
    )
    assert given.X_fit_.shape == (60, 60)
    own = KernelRidge(
        kernel=lambda a, b, width: np.exp(-width * ((a - b) ** 2).sum()),
        kernel_params={"width": 0.2},
    ).fit(X[:60], y[:60])
    np.testing.assert_allclose(own.predict(X), formed.predict(X), rtol=1e-8)


def test_a_singular_kernel_matrix_is_solved_by_least_squares() -> None:
    with pytest.warns(LinAlgWarning, match="larger alpha"):
        model = KernelRidge(0.0).fit(X, y)
    exact = np.linalg.lstsq(X, y, rcond=None)[0]
    np.testing.assert_allclose(model.predict(X), X @ exact, atol=1e-6)


def test_float32_stays_and_blocks_do_not_matter(monkeypatch: Any) -> None:
    narrow = KernelRidge(kernel="rbf").fit(X.astype(np.float32), y)
    whole = narrow.predict(X.astype(np.float32))
    assert narrow.dual_coef_.dtype == whole.dtype == np.float32
    monkeypatch.setattr("dovetail.kernel_rows._CELLS", 1000)
    np.testing.assert_allclose(narrow.predict(X.astype(np.float32)), whole, rtol=1e-3, atol=1e-4)
    assert isinstance(narrow.fit(torch.tensor(X), y).dual_coef_, torch.Tensor)


@pytest.mark.parametrize(
    ("options", "given", "words"),
    [
        ({"alpha": [1.0, 2.0]}, X, "one for each target"),
        ({"kernel": "precomputed"}, X, "square matrix"),
        ({"kernel": "chi2"}, X, "Negative values"),
    ],
)
def test_bad_input(options: Any, given: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        KernelRidge(**options).fit(given, y)

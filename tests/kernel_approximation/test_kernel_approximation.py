"""Feature maps against the kernels they approximate, and against scikit-learn's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.kernel_approximation as peer
import torch
from sklearn.datasets import load_digits
from sklearn.metrics.pairwise import pairwise_kernels, rbf_kernel

from dovetail.kernel_approximation import Nystroem, RBFSampler
from dovetail.svm import SVC

X = load_digits().data[:300] / 16.0
KERNELS = (
    "additive_chi2",
    "chi2",
    "cosine",
    "laplacian",
    "linear",
    "poly",
    "polynomial",
    "rbf",
    "sigmoid",
)


@pytest.mark.parametrize("kernel", KERNELS)
def test_every_kernel_as_scikit_learn(kernel: Any) -> None:
    ours = Nystroem(kernel, n_components=40, random_state=0).fit(X)
    theirs = peer.Nystroem(kernel=kernel, n_components=40, random_state=0).fit(X)
    np.testing.assert_array_equal(ours.component_indices_, theirs.component_indices_)
    np.testing.assert_allclose(ours.components_, theirs.components_)
    K, L = ours.transform(X), theirs.transform(X)
    np.testing.assert_allclose(K @ K.T, L @ L.T, atol=1e-6)


def test_the_kernel_is_exact_with_all_rows() -> None:
    Z = Nystroem(gamma=0.1, n_components=len(X), random_state=0).fit_transform(X)
    np.testing.assert_allclose(Z @ Z.T, rbf_kernel(X, gamma=0.1), atol=1e-6)


def test_numbers_of_the_kernel_come_by_name_or_in_a_dict() -> None:
    def named(**options: Any) -> Any:
        return Nystroem("poly", n_components=30, random_state=0, **options).fit_transform(X)

    by_name = named(gamma=0.1, degree=2, coef0=0.5)
    by_dict = named(kernel_params={"gamma": 0.1, "degree": 2, "coef0": 0.5, "other": 3})
    np.testing.assert_array_equal(by_name, by_dict)


def test_a_sample_of_a_precomputed_kernel() -> None:
    K = rbf_kernel(X, gamma=0.1)
    given = Nystroem("precomputed", n_components=40, random_state=0).fit_transform(K)
    formed = Nystroem(gamma=0.1, n_components=40, random_state=0).fit_transform(X)
    np.testing.assert_allclose(given, formed, atol=1e-8)
    with pytest.raises(ValueError, match="square"):
        Nystroem("precomputed").fit(K[:, :20])


def test_a_kernel_of_ones_own_and_sparse_rows() -> None:
    def overlap(a: Any, b: Any, power: float = 1.0) -> float:
        return float(np.minimum(a, b).sum() ** power)

    ours = Nystroem(overlap, kernel_params={"power": 1.5}, n_components=20, random_state=0)
    theirs = peer.Nystroem(
        kernel=overlap, kernel_params={"power": 1.5}, n_components=20, random_state=0
    )
    np.testing.assert_allclose(ours.fit_transform(X), theirs.fit_transform(X), atol=1e-8)
    dense = Nystroem(gamma=0.1, n_components=20, random_state=0).fit(X)
    sparse = Nystroem(gamma=0.1, n_components=20, random_state=0).fit(sp.csr_matrix(X))
    assert sp.issparse(sparse.components_)
    np.testing.assert_allclose(sparse.transform(sp.csr_matrix(X)), dense.transform(X), atol=1e-8)


def test_errors_say_what_is_allowed() -> None:
    with pytest.raises(ValueError, match="Don't pass gamma"):
        Nystroem("precomputed", gamma=1.0).fit(np.eye(3))
    with pytest.raises(ValueError, match="Negative values"):
        Nystroem("chi2").fit(-X)
    with pytest.warns(UserWarning, match="n_components > n_samples"):
        Nystroem(n_components=500).fit(X)


def test_waves_as_scikit_learn_and_near_the_kernel() -> None:
    for gamma in (0.05, "scale"):
        ours = RBFSampler(gamma=gamma, n_components=4_000, random_state=0)  # type: ignore[arg-type]
        theirs = peer.RBFSampler(gamma=gamma, n_components=4_000, random_state=0)
        Z = ours.fit_transform(X)
        np.testing.assert_allclose(Z, theirs.fit_transform(X), atol=1e-10)
        exact = rbf_kernel(X, gamma=1 / (X.shape[1] * X.var()) if gamma == "scale" else gamma)
        assert np.abs(Z @ Z.T - exact).max() < 0.1
    small = RBFSampler(random_state=0).fit(X.astype(np.float32))
    assert small.transform(X.astype(np.float32)).dtype == np.float32
    np.testing.assert_allclose(ours.transform(sp.csr_matrix(X)), Z, atol=1e-10)


@pytest.mark.parametrize("kernel", ["rbf", "laplacian", "poly", "cosine"])
def test_maps_are_differentiable_and_export(kernel: Any) -> None:
    program = Nystroem(kernel, n_components=10, random_state=0).fit(X).program_
    rows = torch.from_numpy(X[:7]).requires_grad_()
    (gradient,) = torch.autograd.grad(program(rows).sum(), rows)
    assert torch.isfinite(gradient).all()
    batch = torch.export.Dim("batch", min=2)
    exported = torch.export.export(program, (rows.detach(),), dynamic_shapes=({0: batch},))
    again = exported.module()(torch.from_numpy(X))
    np.testing.assert_allclose(again, program(torch.from_numpy(X)), rtol=1e-8, atol=1e-10)


def test_a_linear_machine_of_many_components_is_the_kernel_machine() -> None:
    y = load_digits().target[:300] % 2
    K = pairwise_kernels(X, metric="rbf", gamma=0.05)
    exact = SVC(kernel="precomputed", tol=1e-6).fit(K, y).decision_function(K)
    Z = Nystroem(gamma=0.05, n_components=300, random_state=0).fit_transform(X)
    near = SVC(kernel="linear", tol=1e-6).fit(Z, y).decision_function(Z)
    np.testing.assert_allclose(near, exact, atol=1e-3)

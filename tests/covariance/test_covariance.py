"""Covariances: scikit-learn's numbers, their inverse, and distances by them."""

import numpy as np
import pytest
import sklearn.covariance as reference
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes

import dovetail.covariance as ours
from dovetail.covariance import EmpiricalCovariance, LedoitWolf

ESTIMATORS = ["EmpiricalCovariance", "ShrunkCovariance", "LedoitWolf", "OAS"]


@pytest.fixture(scope="module")
def rows():
    X = load_diabetes(scaled=False).data
    return X, X[:100] + 0.5


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("centered", [False, True])
def test_diabetes_as_scikit_learn_learns_it(rows, name, centered):
    X, new = rows
    model = getattr(ours, name)(assume_centered=centered).fit(X)
    exact = getattr(reference, name)(assume_centered=centered).fit(X)
    np.testing.assert_allclose(model.location_, exact.location_, rtol=1e-12)
    np.testing.assert_allclose(model.covariance_, exact.covariance_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(model.precision_, exact.precision_, rtol=1e-5, atol=1e-8)
    np.testing.assert_allclose(model.mahalanobis(new), exact.mahalanobis(new), rtol=1e-6)
    assert model.score(new) == pytest.approx(exact.score(new), rel=1e-9)
    for norm in ("frobenius", "spectral"):
        for flags in ((True, True), (False, False)):
            mine = model.error_norm(np.eye(10), norm, *flags)
            assert mine == pytest.approx(exact.error_norm(np.eye(10), norm, *flags))
    if hasattr(exact, "shrinkage_"):
        assert model.shrinkage_ == pytest.approx(exact.shrinkage_, rel=1e-9)


def test_functions_are_scikit_learns(rows):
    X, _ = rows
    X = X - X.mean(0)
    C = ours.empirical_covariance(X)
    np.testing.assert_allclose(C, reference.empirical_covariance(X), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ours.shrunk_covariance(C, 0.3), reference.shrunk_covariance(C, 0.3))
    many = np.stack([C, 2 * C])
    np.testing.assert_allclose(ours.shrunk_covariance(many)[1], 2 * ours.shrunk_covariance(C))
    for name in ("ledoit_wolf", "oas"):
        for mine, theirs in zip(getattr(ours, name)(X), getattr(reference, name)(X), strict=True):
            np.testing.assert_allclose(mine, theirs, rtol=1e-9, atol=1e-12)
    for size in (1, 3, 10, 1000):
        for centered in (False, True):
            mine = ours.ledoit_wolf_shrinkage(X, centered, size)
            assert mine == pytest.approx(reference.ledoit_wolf_shrinkage(X, centered), rel=1e-9)
    P = np.linalg.inv(C)
    assert ours.log_likelihood(C, P) == pytest.approx(reference.log_likelihood(C, P))


def test_shrinkage_raises_the_likelihood_of_new_rows():
    X = load_breast_cancer().data[:80]
    X = (X - X.mean(0)) / X.std(0)
    plain, shrunk = EmpiricalCovariance().fit(X[:40]), LedoitWolf().fit(X[:40])
    assert 0 < shrunk.shrinkage_ < 1
    assert shrunk.score(X[40:]) > plain.score(X[40:])


def test_large_means_float32_and_singular_columns(rows):
    X, _ = rows
    plain = EmpiricalCovariance().fit(X)
    moved = EmpiricalCovariance().fit(X + 1e7)
    np.testing.assert_allclose(moved.covariance_, plain.covariance_, rtol=1e-6, atol=1e-5)
    single = EmpiricalCovariance().fit(X.astype(np.float32))
    np.testing.assert_allclose(single.covariance_, plain.covariance_, rtol=1e-4, atol=1e-3)
    assert single.mahalanobis(X.astype(np.float32)).dtype == np.float32
    twice = EmpiricalCovariance(store_precision=False).fit(np.c_[X, X])
    assert twice.precision_ is None
    inverse, C = twice.get_precision(), twice.covariance_
    np.testing.assert_allclose(C @ inverse @ C, C, rtol=1e-6, atol=1e-6)


def test_tensors_stay_tensors(rows):
    X = torch.from_numpy(rows[0])
    model = LedoitWolf().fit(X)
    assert isinstance(model.covariance_, torch.Tensor)
    assert isinstance(model.mahalanobis(X), torch.Tensor)
    assert isinstance(ours.shrunk_covariance(model.covariance_), torch.Tensor)
    program = model.program_
    again = torch.export.export(
        program, (X[:5],), dynamic_shapes=({0: torch.export.Dim("n")},)
    ).module()
    torch.testing.assert_close(again(X[:9]), program(X[:9]))


def test_wrong_use_is_named(rows):
    X, _ = rows
    model = EmpiricalCovariance().fit(X)
    with pytest.raises(NotImplementedError, match="'spectral'. Got 'nuclear'"):
        model.error_norm(np.eye(10), norm="nuclear")
    with pytest.raises(ValueError, match=r"shape of covariance_, \(10, 10\). Got \(3, 3\)"):
        model.error_norm(np.eye(3))
    with pytest.warns(UserWarning, match="Only one sample available"):
        np.testing.assert_array_equal(ours.empirical_covariance(X[0]), np.zeros((10, 10)))
    with pytest.warns(UserWarning, match="Only one sample available"):
        assert ours.ledoit_wolf_shrinkage(X[:1]) == 0
    with pytest.raises(ValueError, match="shrinkage"):
        ours.shrunk_covariance(np.eye(2), 2.0)

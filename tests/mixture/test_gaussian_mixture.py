"""Mixtures: the optimum scikit-learn finds from the same start, and likelihood that only rises."""

import warnings

import numpy as np
import pytest
import sklearn.mixture as reference
import torch
from scipy.stats import multivariate_normal
from sklearn.datasets import load_breast_cancer, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score

from dovetail.mixture import GaussianMixture
from dovetail.solve import expectation_maximization as module

KINDS = ["full", "tied", "diag", "spherical"]


@pytest.fixture(scope="module")
def wine():
    X = load_wine().data
    return (X - X.mean(0)) / X.std(0)


def means_of(X, k, seed=0):
    return X[np.random.default_rng(seed).permutation(len(X))[:k]]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("data", [load_iris, load_wine])
def test_the_same_start_leads_where_scikit_learns_leads(kind, data):
    X = data().data
    options = {
        "covariance_type": kind,
        "means_init": means_of(X, 3),
        "weights_init": [0.2, 0.3, 0.5],
        "tol": 1e-6,
        "max_iter": 500,
        "random_state": 0,
        "precisions_init": {
            "full": np.stack([np.diag(1 / X.var(0))] * 3),
            "tied": np.diag(1 / X.var(0)),
            "diag": np.stack([1 / X.var(0)] * 3),
            "spherical": np.full(3, 1 / X.var()),
        }[kind],
    }
    model = GaussianMixture(3, **options).fit(X)
    exact = reference.GaussianMixture(3, **options).fit(X)
    assert model.n_iter_ == exact.n_iter_
    np.testing.assert_allclose(model.lower_bounds_, exact.lower_bounds_, rtol=1e-6)
    np.testing.assert_allclose(model.means_, exact.means_, rtol=1e-5)
    np.testing.assert_allclose(model.covariances_, exact.covariances_, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(model.precisions_, exact.precisions_, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(model.score_samples(X), exact.score_samples(X), rtol=1e-5)
    np.testing.assert_allclose(model.predict_proba(X), exact.predict_proba(X), atol=1e-6)
    assert model.aic(X) == pytest.approx(exact.aic(X), rel=1e-6)
    assert model.bic(X) == pytest.approx(exact.bic(X), rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("init", ["kmeans", "k-means++", "random", "random_from_data"])
def test_likelihood_only_rises(wine, kind, init):
    model = GaussianMixture(
        3, covariance_type=kind, init_params=init, tol=1e-7, max_iter=1000, random_state=0
    ).fit(wine)
    assert model.converged_
    assert np.diff(model.lower_bounds_).min() > -1e-9
    assert model.score(wine) == pytest.approx(model.lower_bound_, abs=1e-5)
    assert model.weights_.sum() == pytest.approx(1)
    assert len(model.lower_bounds_) == model.n_iter_


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_of_rows_change_nothing(monkeypatch, wine, kind):
    options = {"covariance_type": kind, "init_params": "random", "random_state": 0}
    whole = GaussianMixture(3, **options).fit(np.tile(wine, (5, 1)))
    monkeypatch.setattr(module, "_BLOCK", 1)  # blocks of 256 rows
    parts = GaussianMixture(3, **options).fit(np.tile(wine, (5, 1)))
    np.testing.assert_allclose(parts.means_, whole.means_, rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(parts.covariances_, whole.covariances_, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("kind", KINDS)
def test_densities_are_those_of_normal_distributions(wine, kind):
    model = GaussianMixture(2, covariance_type=kind, random_state=0).fit(wine)
    C = {
        "full": lambda c: model.covariances_[c],
        "tied": lambda c: model.covariances_,
        "diag": lambda c: np.diag(model.covariances_[c]),
        "spherical": lambda c: model.covariances_[c] * np.eye(13),
    }[kind]
    density = sum(
        model.weights_[c] * multivariate_normal(model.means_[c], C(c)).pdf(wine) for c in (0, 1)
    )
    np.testing.assert_allclose(model.score_samples(wine), np.log(density), rtol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_large_means_and_float32(wine, kind):
    options = {"covariance_type": kind, "random_state": 0, "means_init": wine[[0, 70, 150]]}
    near = GaussianMixture(3, **options).fit(wine)
    far = GaussianMixture(3, **{**options, "means_init": wine[[0, 70, 150]] + 1e6}).fit(wine + 1e6)
    np.testing.assert_allclose(far.covariances_, near.covariances_, rtol=1e-5, atol=1e-6)
    single = GaussianMixture(3, **options).fit(wine.astype(np.float32))
    assert single.predict_proba(wine.astype(np.float32)).dtype == np.float32
    assert (single.predict(wine.astype(np.float32)) == near.predict(wine)).mean() > 0.98
    wide = GaussianMixture(3, **options).fit(wine.astype(np.float32).astype(np.float64))
    np.testing.assert_allclose(single.lower_bounds_, wide.lower_bounds_, rtol=1e-9)


def test_clusters_of_real_rows_are_found():
    X, y = load_iris(return_X_y=True)
    model = GaussianMixture(3, n_init=5, random_state=0).fit(X)
    assert adjusted_rand_score(y, model.predict(X)) > 0.85
    exact = reference.GaussianMixture(3, n_init=5, random_state=0).fit(X)
    assert model.lower_bound_ > exact.lower_bound_ - 1e-3


def test_more_starts_are_no_worse(wine):
    one = GaussianMixture(4, init_params="random", random_state=0, max_iter=300).fit(wine)
    many = GaussianMixture(4, init_params="random", random_state=0, max_iter=300, n_init=5)
    assert many.fit(wine).lower_bound_ >= one.lower_bound_


def test_warm_starts_go_on(wine):
    model = GaussianMixture(3, random_state=0, max_iter=1, warm_start=True, tol=1e-5)
    with pytest.warns(ConvergenceWarning, match="did not converge. Try different init"):
        model.fit(wine)
    for _ in range(200):
        before = model.lower_bound_
        if model.converged_:
            break
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(wine)
        assert model.lower_bound_ >= before - 1e-9
    whole = GaussianMixture(3, random_state=0, max_iter=300, tol=1e-5).fit(wine)
    np.testing.assert_allclose(model.means_, whole.means_, rtol=1e-8, atol=1e-8)


def test_a_start_without_steps_is_kept():
    X = load_breast_cancer().data[:, :3]
    start = means_of(X, 2)
    model = GaussianMixture(
        2,
        max_iter=0,
        means_init=start,
        weights_init=[0.4, 0.6],
        precisions_init=[np.eye(3), 2 * np.eye(3)],
    ).fit(X)
    np.testing.assert_array_equal(model.means_, start)
    np.testing.assert_allclose(model.covariances_[1], np.eye(3) / 2)
    assert (model.n_iter_, model.converged_, model.lower_bounds_) == (0, False, [])


@pytest.mark.parametrize("kind", KINDS)
def test_samples_are_of_the_mixture(kind):
    X = load_iris().data[:, :2]
    model = GaussianMixture(2, covariance_type=kind, random_state=0).fit(X)
    rows, labels = model.sample(20_000)
    np.testing.assert_allclose(rows.mean(0), X.mean(0), atol=0.05)
    np.testing.assert_allclose(np.bincount(labels) / len(labels), model.weights_, atol=0.02)
    assert model.score(rows) == pytest.approx(model.score(X), abs=0.15)


def test_programs_are_exported_and_differentiable(wine):
    for kind in KINDS:
        model = GaussianMixture(3, covariance_type=kind, random_state=0).fit(wine)
        rows = torch.from_numpy(wine[:6]).clone()
        again = torch.export.export(
            model.program_, (rows,), dynamic_shapes=({0: torch.export.Dim("n")},)
        ).module()
        torch.testing.assert_close(again(rows[:4]), model.program_(rows[:4]))
        rows.requires_grad_(True)
        model.score_samples(rows).sum().backward()
        assert rows.grad.abs().sum() > 0


def test_progress_is_told(wine, capsys):
    GaussianMixture(3, random_state=0, verbose=1, verbose_interval=1).fit(wine)
    told = capsys.readouterr().out
    assert told.startswith("Initialization 0\n  Iteration 1, lower bound = ")
    assert "Initialization converged." in told
    GaussianMixture(3, random_state=0, verbose=2, verbose_interval=1).fit(wine)
    assert " s\n" in capsys.readouterr().out


def test_wrong_use_is_named(wine):
    with pytest.raises(ValueError, match="n_components = 200, n_samples = 178"):
        GaussianMixture(200).fit(wine)
    with pytest.raises(ValueError, match=r"'means' should have the shape of \(2, 13\)"):
        GaussianMixture(2, means_init=np.zeros((3, 13))).fit(wine)
    with pytest.raises(ValueError, match="max value 1.50000, min value -0.50000"):
        GaussianMixture(2, weights_init=[1.5, -0.5]).fit(wine)
    with pytest.raises(ValueError, match="should be normalized, but got.*0.90000"):
        GaussianMixture(2, weights_init=[0.4, 0.5]).fit(wine)
    with pytest.raises(ValueError, match="'tied precision' should be symmetric, positive-def"):
        GaussianMixture(2, covariance_type="tied", precisions_init=-np.eye(13)).fit(wine)
    with pytest.raises(ValueError, match="ill-defined empirical covariance"):
        GaussianMixture(2, reg_covar=0, random_state=0).fit(np.ones((10, 2)))
    warm = GaussianMixture(2, warm_start=True, random_state=0).fit(wine)
    with pytest.raises(ValueError, match=r"2 components \(full\) of 13 features.*3 \(full\)"):
        warm.set_params(n_components=3).fit(wine)
    with pytest.raises(ValueError, match="Invalid value for 'n_samples': 0"):
        GaussianMixture(2, random_state=0).fit(wine).sample(0)

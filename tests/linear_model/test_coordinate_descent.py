"""The lasso, the elastic net and their relatives: optimal by their duality gap, equal to
scikit-learn's, whichever way the Gram matrix is formed.
"""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.linear_model as reference
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, ShuffleSplit

import dovetail.linear_model as ours
from dovetail.datasets import load_california
from dovetail.linear_model import _elastic_net

PAIRS = ["ElasticNet", "Lasso"]


@pytest.fixture(scope="module")
def houses():
    frame = load_california().frame.dropna().select_dtypes("number")
    X = frame.drop(columns="median_house_value").to_numpy()[:1500]
    X = (X - X.mean(0)) / X.std(0)
    wide = np.c_[X, X**2, np.sin(X), X[:, 1:] * X[:, [0]]]
    return wide, frame["median_house_value"].to_numpy()[:1500] / 1e5


@pytest.fixture(params=["moments", "rows"])
def way(request, monkeypatch):
    """Both ways to the Gram matrix, whatever the size of the data."""
    if request.param == "rows":
        monkeypatch.setattr(_elastic_net, "_NARROW", 0)
        monkeypatch.setattr(_elastic_net, "_NARROW_PATH", 0)
    return request.param


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("container", ["dense", "sparse", "torch"])
@pytest.mark.parametrize("intercept", [True, False])
def test_the_optimum_is_scikit_learns(houses, way, name, container, intercept):
    X, y = houses
    w = np.random.default_rng(0).random(len(y)) + 0.2
    options = {"alpha": 0.03, "tol": 1e-10, "max_iter": 100_000, "fit_intercept": intercept}
    exact = getattr(reference, name)(**options).fit(X, y, w)
    rows = {"dense": X, "sparse": sp.csr_array(X), "torch": torch.from_numpy(X)}[container]
    target = torch.from_numpy(y) if container == "torch" else y
    model = getattr(ours, name)(**options).fit(rows, target, w)
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=2e-4)
    np.testing.assert_allclose(float(model.intercept_), exact.intercept_, atol=1e-4)
    assert 0 <= model.dual_gap_ <= 1e-10 * np.average((y - y.mean() * intercept) ** 2, weights=w)
    assert (np.asarray(model.coef_) == 0).any()


@pytest.mark.parametrize("selection", ["cyclic", "random"])
@pytest.mark.parametrize("positive", [False, True])
def test_signs_and_orders(houses, way, selection, positive):
    X, y = houses
    options = {"alpha": 0.02, "tol": 1e-9, "max_iter": 100_000, "positive": positive}
    exact = reference.Lasso(**options).fit(X, y)
    model = ours.Lasso(**options, selection=selection, random_state=3).fit(X, y)
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=1e-3)
    assert not positive or (model.coef_ >= 0).all()


@pytest.mark.parametrize("name", ["MultiTaskLasso", "MultiTaskElasticNet"])
def test_tasks_share_their_features(houses, way, name):
    X, y = houses
    Y = np.c_[y, np.sqrt(y), X[:, 0] - y]
    options = {"alpha": 0.1, "tol": 1e-10, "max_iter": 100_000}
    exact = getattr(reference, name)(**options).fit(X, Y)
    model = getattr(ours, name)(**options).fit(X, Y)
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=2e-4)
    used = model.coef_ != 0
    assert (used.all(0) | ~used.any(0)).all()
    assert not used.all()


def test_more_features_than_rows(way):
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 900)).astype(np.float32)
    y = X[:, :5].sum(1) + 0.1 * random.normal(size=60).astype(np.float32)
    exact = reference.Lasso(0.1, tol=1e-8, max_iter=100_000).fit(X.astype(float), y)
    model = ours.Lasso(0.1, tol=1e-6).fit(X, y)
    assert model.coef_.dtype == np.float32
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=1e-3)
    assert model.sparse_coef_.nnz == np.count_nonzero(model.coef_) < 60


@pytest.mark.parametrize("cv", [3, KFold(4, shuffle=True, random_state=0), "shuffled"])
def test_the_path_of_each_fold_is_scikit_learns(houses, way, cv):
    X, y = houses
    cv = ShuffleSplit(3, random_state=0) if cv == "shuffled" else cv
    options = {"alphas": 12, "cv": cv, "tol": 1e-8, "max_iter": 50_000}
    w = np.random.default_rng(0).random(len(y)) + 0.2
    exact = reference.LassoCV(**options).fit(X, y, w)
    model = ours.LassoCV(**options).fit(X, y, w)
    np.testing.assert_allclose(model.alphas_, exact.alphas_, rtol=1e-8)
    np.testing.assert_allclose(model.mse_path_, exact.mse_path_, rtol=1e-4)
    assert np.isclose(model.alpha_, exact.alpha_)
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=1e-3)


@pytest.mark.parametrize("shape", [(80, 400), (300, 30)])  # by rows, and by moments
def test_penalties_that_leave_little_of_the_target_are_told_apart(shape):
    rng = np.random.default_rng(0)
    X = rng.normal(size=shape)
    y = X[:, :5].sum(1) * 10 + rng.normal(size=shape[0])
    model = ours.LassoCV(cv=3).fit(X, y)
    exact = reference.LassoCV(cv=3, tol=1e-9, max_iter=100_000).fit(X, y)
    np.testing.assert_allclose(model.alphas_, exact.alphas_, rtol=1e-10)
    np.testing.assert_allclose(model.mse_path_, exact.mse_path_, rtol=0.1)
    errors = exact.mse_path_.mean(1)  # at our choice as small as at its own
    assert errors[model.alphas_ == model.alpha_] < 1.01 * errors.min()


def test_ratios_are_chosen_too(houses):
    X, y = houses
    options = {"l1_ratio": [0.2, 0.9], "alphas": 8, "cv": 3, "tol": 1e-8, "max_iter": 50_000}
    exact = reference.ElasticNetCV(**options).fit(X, y)
    model = ours.ElasticNetCV(**options).fit(X, y)
    assert model.l1_ratio_ == exact.l1_ratio_
    np.testing.assert_allclose(model.mse_path_, exact.mse_path_, rtol=1e-4)
    Y = np.c_[y, np.sqrt(y)]
    joint = reference.MultiTaskElasticNetCV(**options).fit(X, Y)
    model = ours.MultiTaskElasticNetCV(**options).fit(X, Y)
    np.testing.assert_allclose(model.mse_path_, joint.mse_path_, rtol=1e-4)


def test_a_fit_cut_short_warns_once_with_the_gap(houses):
    X, y = houses
    with pytest.warns(ConvergenceWarning, match=r"\(max_iter\), .* Duality gap") as caught:
        ours.Lasso(1e-4, max_iter=1).fit(X, np.c_[y, y])
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        ours.Lasso(0.1).fit(X, y)


def test_a_gram_matrix_of_other_data_is_refused(houses):
    X, y = houses
    X = X - X.mean(0)
    y = y - y.mean()
    exact = ours.Lasso(0.05, fit_intercept=False).fit(X, y)
    given = ours.Lasso(0.05, fit_intercept=False, precompute=X.T @ X).fit(X, y)
    np.testing.assert_allclose(given.coef_, exact.coef_, atol=1e-8)
    with pytest.raises(ValueError, match="did not pass validation"):
        ours.Lasso(0.05, fit_intercept=False, precompute=2 * X.T @ X).fit(X, y)
    with pytest.raises(ValueError, match="of shape"):
        ours.Lasso(0.05, fit_intercept=False, precompute=np.eye(2)).fit(X, y)

"""Generalized linear models and ridge with its choice of penalties, beside scikit-learn's."""

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.linear_model as reference
from sklearn.datasets import load_digits
from sklearn.model_selection import KFold

import dovetail.linear_model as ours
from dovetail.datasets import load_california, load_penguins


@pytest.fixture(scope="module")
def houses():
    frame = load_california().frame.dropna().select_dtypes("number")
    X = frame.drop(columns="median_house_value").to_numpy()[:1500]
    return (X - X.mean(0)) / X.std(0), frame["median_house_value"].to_numpy()[:1500] / 1e5


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cholesky"])
@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("PoissonRegressor", {}),
        ("GammaRegressor", {"fit_intercept": False}),
        ("TweedieRegressor", {"power": 1.5}),
        ("TweedieRegressor", {"power": 3.0}),
        ("TweedieRegressor", {"power": 0.0}),
        ("TweedieRegressor", {"power": 0.0, "link": "log"}),
    ],
)
def test_deviances_reach_scikit_learns_optimum(houses, solver, name, options):
    X, y = houses
    w = np.random.default_rng(0).random(len(y)) + 0.2
    shared = {"alpha": 0.1, "max_iter": 5000, "tol": 1e-9, **options}
    exact = getattr(reference, name)(**shared, solver="newton-cholesky").fit(X, y, w)
    for rows in (X, sp.csc_array(X)):
        model = getattr(ours, name)(**shared, solver=solver).fit(rows, y, w)
        np.testing.assert_allclose(model.coef_, exact.coef_, rtol=1e-3, atol=1e-5)
        np.testing.assert_allclose(model.predict(rows), exact.predict(X), rtol=1e-4)
        assert np.isclose(model.score(rows, y, w), exact.score(X, y, w), atol=1e-5)


def test_targets_out_of_range_are_named(houses):
    X, y = houses
    for model, text in (
        (ours.PoissonRegressor(), "y >= 0"),
        (ours.GammaRegressor(), "y > 0"),
        (ours.TweedieRegressor(power=1.5), "y >= 0"),
    ):
        with pytest.raises(ValueError, match=f"out of the valid range.*{text}"):
            model.fit(X, y - 5)


@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("mode", ["auto", "svd", "eigen"])
@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_left_out_rows_are_predicted_as_without_them(houses, wide, mode, intercept, weighted):
    X, y = houses
    X, y = (X[:6], y[:6]) if wide else (X[:40], y[:40])
    Y = np.c_[y, y**2]
    w = np.random.default_rng(0).random(len(y)) + 0.5 if weighted else None
    options = {"alphas": [0.1, 3.0], "fit_intercept": intercept}
    exact = reference.RidgeCV(**options, store_cv_results=True).fit(X, Y, w)
    model = ours.RidgeCV(**options, gcv_mode=mode, store_cv_results=True).fit(X, Y, w)
    np.testing.assert_allclose(model.cv_results_, exact.cv_results_, rtol=1e-5)
    assert model.alpha_ == exact.alpha_
    np.testing.assert_allclose(model.coef_, exact.coef_, rtol=1e-6)
    missed = []
    for i in range(len(X)):
        rest = np.arange(len(X)) != i
        alone = reference.Ridge(0.1, fit_intercept=intercept).fit(
            X[rest], Y[rest], None if w is None else w[rest]
        )
        missed.append((Y[i] - alone.predict(X[[i]])[0]) ** 2 * (1 if w is None else w[i]))
    np.testing.assert_allclose(model.cv_results_[:, :, 0], missed, rtol=1e-5)


def test_each_target_may_have_its_own_penalty(houses):
    X, y = houses
    Y = np.c_[y, np.random.default_rng(0).normal(size=len(y))]
    options = {"alphas": np.logspace(-2, 4, 13), "alpha_per_target": True}
    exact = reference.RidgeCV(**options).fit(X, Y)
    model = ours.RidgeCV(**options).fit(X, Y)
    np.testing.assert_array_equal(model.alpha_, exact.alpha_)
    assert model.alpha_[0] < model.alpha_[1]
    np.testing.assert_allclose(model.coef_, exact.coef_, rtol=1e-6)


@pytest.mark.parametrize("scoring", [None, "neg_mean_absolute_error"])
@pytest.mark.parametrize("cv", [None, KFold(3)])
def test_ridge_scores_are_scikit_learns(houses, scoring, cv):
    X, y = houses
    options = {"alphas": np.logspace(-2, 4, 7), "scoring": scoring, "cv": cv}
    exact = reference.RidgeCV(**options).fit(X, y)
    for rows in (X, sp.csr_array(X)):
        model = ours.RidgeCV(**options).fit(rows, y)
        assert model.alpha_ == exact.alpha_
        assert np.isclose(model.best_score_, exact.best_score_, rtol=1e-5)
        np.testing.assert_allclose(model.coef_, exact.coef_, rtol=1e-4, atol=1e-6)


def test_ridge_classifiers(houses):
    frame = load_penguins().frame.dropna()
    X = frame.select_dtypes("number").to_numpy()
    y = frame["species"].to_numpy(dtype=object)
    for labels in (y, np.where(y == "Adelie", "yes", "no")):
        options = {"class_weight": "balanced"}
        exact = reference.RidgeClassifier(**options).fit(X, labels)
        model = ours.RidgeClassifier(**options).fit(X, labels)
        np.testing.assert_allclose(model.coef_, exact.coef_, rtol=1e-6)
        np.testing.assert_array_equal(model.predict(X), exact.predict(X))
        exact = reference.RidgeClassifierCV(**options).fit(X, labels)
        model = ours.RidgeClassifierCV(**options).fit(X, labels)
        assert model.alpha_ == exact.alpha_
        np.testing.assert_allclose(model.decision_function(X), exact.decision_function(X))
        model = ours.RidgeClassifierCV([0.1, 100.0], cv=3).fit(X, labels)
        assert model.best_score_ > 0.9


def test_several_labels_a_row():
    X, digits = load_digits(return_X_y=True)
    Y = np.c_[digits % 2 == 0, digits > 4, digits == 3].astype(int)
    exact = reference.RidgeClassifier(10.0).fit(X, Y)
    model = ours.RidgeClassifier(10.0).fit(X, Y)
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=1e-8)
    np.testing.assert_array_equal(model.predict(X), exact.predict(X))

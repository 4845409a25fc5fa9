"""Estimators that learn a row at a time, beside scikit-learn's."""

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.linear_model as reference
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

import dovetail as dv
import dovetail.linear_model as ours
from dovetail.linear_model import LogisticRegression


@pytest.fixture(scope="module")
def tumors():
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X), y


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X[:600] / 16, y[:600]


@pytest.fixture(scope="module")
def patients():
    X, y = load_diabetes(return_X_y=True)
    return scale(X), scale(y)


def of_both(name, X, y, sample_weight=None, **options):
    options = {"random_state": 0, "tol": None, "max_iter": 5, **options}
    return [
        getattr(library, name)(**options).fit(X, y, sample_weight=sample_weight)
        for library in (ours, reference)
    ]


def assert_same(a, b):
    np.testing.assert_allclose(a.coef_, b.coef_, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(a.intercept_, b.intercept_, rtol=1e-7, atol=1e-9)
    assert (a.n_iter_, a.t_) == (b.n_iter_, b.t_)


CLASSIFIERS = [
    {},
    {"loss": "perceptron", "penalty": None},
    {"loss": "log_loss", "learning_rate": "constant"},
    {"loss": "squared_hinge", "learning_rate": "invscaling", "eta0": 1e-3},
    {"loss": "modified_huber", "learning_rate": "constant", "eta0": 1e-3},
    {"loss": "huber", "learning_rate": "constant", "eta0": 1e-3},
    {"penalty": "l1", "alpha": 0.01},
    {"penalty": "elasticnet", "l1_ratio": 0.5, "shuffle": False},
    {"average": True},
    {"average": 700},
    {"learning_rate": "pa1"},
    {"learning_rate": "pa2", "fit_intercept": False},
    {"learning_rate": "adaptive", "eta0": 0.1, "tol": 1e-3, "max_iter": 200},
    {"class_weight": "balanced", "tol": 1e-3, "max_iter": 100},
    {"early_stopping": True, "tol": 1e-3, "max_iter": 100},
]


@pytest.mark.parametrize("options", CLASSIFIERS, ids=str)
def test_classifiers_are_scikit_learns(tumors, options):
    w = np.random.default_rng(0).random(len(tumors[1]))
    assert_same(*of_both("SGDClassifier", *tumors, sample_weight=w, **options))


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"loss": "huber"},
        {"loss": "epsilon_insensitive", "penalty": "elasticnet"},
        {"loss": "epsilon_insensitive", "learning_rate": "pa1"},
        {"loss": "squared_epsilon_insensitive", "penalty": "l1"},
        {"learning_rate": "optimal", "alpha": 0.1},
        {"early_stopping": True, "average": 10, "tol": 1e-3, "max_iter": 100},
    ],
    ids=str,
)
@pytest.mark.parametrize("form", [np.asarray, sp.csr_array])
def test_regressors_are_scikit_learns(patients, options, form):
    X, y = patients
    if form is sp.csr_array:
        X = form(X * (abs(X) > 0.5))
    if "early_stopping" in options and form is sp.csr_array:
        options = {**options, "tol": None, "max_iter": 5}
    if "optimal" in options.values() and form is sp.csr_array:
        options = {**options, "alpha": 1.0}
    assert_same(*of_both("SGDRegressor", X, y, **options))


def test_several_classes(digits):
    for options in ({}, {"class_weight": {0: 3.0, 1: 0.5}}, {"average": True}):
        a, b = of_both("SGDClassifier", *digits, **options)
        assert_same(a, b)
        assert a.coef_.shape == (10, 64)


@pytest.mark.parametrize("loss", ["log_loss", "modified_huber"])
def test_probabilities(tumors, digits, loss):
    for X, y in (tumors, digits):
        a, b = of_both("SGDClassifier", X, y, loss=loss, learning_rate="constant", eta0=1e-2)
        np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), rtol=1e-5, atol=1e-8)
        np.testing.assert_allclose(a.predict_proba(X).sum(1), 1)
    far = a.predict_proba(np.full((1, 64), -100.0))
    assert np.isfinite(far).all()


def test_probabilities_need_a_loss_that_has_them(tumors):
    model = ours.SGDClassifier(random_state=0).fit(*tumors)
    with pytest.raises(AttributeError, match="has no attribute .predict_proba"):
        model.predict_proba(tumors[0])


def test_the_objective_comes_near_its_optimum(tumors):
    X, y = tumors
    alpha, s = 0.01, 2 * y - 1

    def objective(model):
        F = model.decision_function(X)
        return np.logaddexp(0, -s * F).mean() + alpha / 2 * (model.coef_**2).sum()

    exact = LogisticRegression(C=1 / (alpha * len(y)), tol=1e-10).fit(X, y)
    model = ours.SGDClassifier("log_loss", alpha=alpha, average=500, tol=None, max_iter=200)
    assert objective(model.fit(X, y)) < 1.001 * objective(exact)


def test_partial_fits_are_epochs(tumors):
    X, y = tumors
    for options in ({}, {"average": True}, {"average": 1000, "penalty": "elasticnet"}):
        shared = {"shuffle": False, "learning_rate": "constant", "tol": None, **options}
        if "penalty" in options:
            shared["l1_ratio"] = 0.0  # an l1 penalty is owed within a fit alone
        whole = ours.SGDClassifier(max_iter=4, **shared).fit(X, y)
        parts = ours.SGDClassifier(**shared)
        for _ in range(4):
            parts.partial_fit(X, y, classes=[0, 1])
        np.testing.assert_allclose(parts.coef_, whole.coef_, rtol=1e-9)
        np.testing.assert_allclose(parts.intercept_, whole.intercept_, rtol=1e-9)
        assert parts.t_ == whole.t_


def test_partial_fits_of_few_rows(digits):
    X, y = digits
    model = ours.SGDClassifier(random_state=0)
    for _ in range(5):
        for some in np.array_split(np.arange(len(y)), 60):  # 10 rows, rarely of all classes
            model.partial_fit(X[some], y[some], classes=np.arange(10))
    assert model.score(X, y) > 0.9
    with pytest.raises(ValueError, match="do not exist in the initial classes"):
        model.partial_fit(X[:2], [10, 11])


def test_threads_do_not_change_the_result(digits):
    X, y = digits
    found = []
    for threads in (1, 2):
        with dv.config(threads=threads):
            found.append(ours.SGDClassifier(random_state=3).fit(X, y).coef_)
    np.testing.assert_array_equal(*found)


def test_float32_and_tensors(tumors):
    X, y = tumors
    options = {"learning_rate": "constant", "random_state": 0, "tol": None, "max_iter": 5}
    exact = ours.SGDClassifier(**options).fit(X, y)
    narrow = ours.SGDClassifier(**options).fit(torch.tensor(X, dtype=torch.float32), y)
    assert narrow.coef_.dtype == torch.float32
    np.testing.assert_allclose(narrow.coef_.numpy(), exact.coef_, rtol=1e-3, atol=1e-3)


def test_warm_start_goes_on(patients):
    X, y = patients
    model = ours.SGDRegressor(max_iter=3, tol=None, warm_start=True, random_state=0).fit(X, y)
    first = model.coef_.copy()
    second = ours.SGDRegressor(max_iter=3, tol=None, random_state=0)
    second.fit(X, y, coef_init=first, intercept_init=model.intercept_)
    np.testing.assert_array_equal(model.fit(X, y).coef_, second.coef_)


@pytest.mark.parametrize("cls", [ours.SGDClassifier, ours.SGDRegressor])
def test_a_cut_fit_warns_once(tumors, cls):
    with pytest.warns(ConvergenceWarning, match="increasing max_iter") as said:
        cls(max_iter=2, random_state=0).fit(*tumors)
    assert len(said) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"alpha": 0.0, "learning_rate": "optimal"}, "alpha must be > 0"),
        ({"penalty": "elasticnet", "l1_ratio": None}, "l1_ratio must be set"),
        ({"learning_rate": "pa1", "loss": "huber"}, "only works with loss"),
        ({"learning_rate": "constant", "eta0": 1e300}, "under-/overflow occurred at epoch #1"),
        ({"early_stopping": True, "validation_fraction": 0.0001}, "."),
    ],
)
@pytest.mark.parametrize("cls", [ours.SGDClassifier, ours.SGDRegressor])
def test_bad_parameters(tumors, cls, options, words):
    X, y = tumors
    if words == ".":
        X, y = X[:8], y[:8]
        options = {**options, "validation_fraction": 0.99}
    with pytest.raises(ValueError, match=words):
        cls(**{"loss": "squared_epsilon_insensitive", **options}).fit(X * 1e10, y)


def test_bad_starts(tumors, digits):
    with pytest.raises(ValueError, match="coef_init does not match"):
        ours.SGDClassifier().fit(*tumors, coef_init=np.zeros(3))
    with pytest.raises(ValueError, match="intercept_init does not match"):
        ours.SGDClassifier().fit(*digits, intercept_init=np.zeros(3))
    with pytest.raises(ValueError, match="greater than one"):
        ours.SGDClassifier().fit(tumors[0], np.zeros(len(tumors[1])))
    with pytest.raises(ValueError, match="partial_fit"):
        ours.SGDClassifier(early_stopping=True).partial_fit(*tumors, classes=[0, 1])
    with pytest.raises(ValueError, match="balanced"):
        ours.SGDClassifier(class_weight="balanced").partial_fit(*tumors, classes=[0, 1])


def test_saved_probabilities(tumors, tmp_path):
    X, y = tumors
    model = ours.SGDClassifier("modified_huber", random_state=0).fit(X, y)
    dv.save(model, tmp_path / "model.dove")
    loaded = dv.load(tmp_path / "model.dove")
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))

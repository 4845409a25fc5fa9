"""The penalty of best score over folds, as scikit-learn finds it."""

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.linear_model as peers
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_breast_cancer, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import get_scorer
from sklearn.model_selection import GroupKFold, KFold
from sklearn.preprocessing import scale

from dovetail.linear_model import LogisticRegression, LogisticRegressionCV

CANCER = scale(load_breast_cancer().data), load_breast_cancer().target
IRIS = scale(load_iris().data), load_iris().target_names[load_iris().target]
TIGHT = {"tol": 1e-9, "max_iter": 3000, "use_legacy_attributes": False}


@pytest.mark.parametrize("data", [CANCER, IRIS], ids=["two", "three"])
@pytest.mark.parametrize("refit", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
def test_paths_scores_and_choices_of_the_peer(data, refit, weighted):
    X, y = data
    weights = {}
    if weighted:
        weights["sample_weight"] = np.random.default_rng(0).uniform(0.5, 2, len(y))
    options = {"Cs": [0.01, 1.0, 10.0], "l1_ratios": (0,), "scoring": "neg_log_loss", **TIGHT}
    ours = LogisticRegressionCV(refit=refit, **options).fit(X, y, **weights)
    peer = peers.LogisticRegressionCV(refit=refit, **options).fit(X, y, **weights)
    assert ours.C_ == peer.C_
    assert ours.l1_ratio_ == peer.l1_ratio_
    assert_array_equal(ours.Cs_, peer.Cs_)
    assert ours.coefs_paths_.shape == peer.coefs_paths_.shape
    assert ours.n_iter_.shape == peer.n_iter_.shape
    assert_allclose(ours.coefs_paths_, peer.coefs_paths_, atol=1e-3)
    assert_allclose(ours.scores_, peer.scores_, atol=1e-5)
    assert_allclose(ours.coef_, peer.coef_, atol=1e-3)
    assert ours.score(X, y) == pytest.approx(peer.score(X, y), abs=1e-5)


def test_it_is_the_fit_of_the_best_penalty():
    X, y = CANCER
    found = LogisticRegressionCV(
        Cs=5, l1_ratios=(0,), scoring="roc_auc", solver="newton-cholesky", **TIGHT
    ).fit(X, y)
    best = LogisticRegression(C=found.C_, solver="newton-cholesky", tol=1e-9).fit(X, y)
    assert_allclose(found.coef_, best.coef_, atol=1e-7)
    assert found.scores_.mean(0).max() == found.scores_.mean(0)[0, found.Cs_ == found.C_]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_l1_ratios_are_chosen_too():
    X, y = CANCER
    options = {"Cs": [0.1, 1.0], "l1_ratios": [0.0, 0.5, 1.0], "cv": 3, "solver": "saga"}
    options |= {"scoring": "neg_log_loss", "random_state": 0, **TIGHT, "tol": 1e-4}
    ours = LogisticRegressionCV(**options).fit(X, y)
    peer = peers.LogisticRegressionCV(**options).fit(X, y)
    assert ours.scores_.shape == (3, 3, 2)
    assert_allclose(ours.scores_, peer.scores_, atol=5e-3)
    assert (ours.C_, ours.l1_ratio_) == (peer.C_, peer.l1_ratio_)


@pytest.mark.parametrize("ratios", [None, (0,), (0.0, 0.0)])
@pytest.mark.parametrize("data", [CANCER, IRIS], ids=["two", "three"])
@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_legacy_shapes(data, ratios):
    X, y = data
    options = {"Cs": 2, "cv": 3, "l1_ratios": ratios, "scoring": None, "max_iter": 1000}
    ours = LogisticRegressionCV(use_legacy_attributes=True, **options).fit(X, y)
    peer = peers.LogisticRegressionCV(use_legacy_attributes=True, **options).fit(X, y)
    assert ours.n_iter_.shape == peer.n_iter_.shape
    assert ours.C_.shape == peer.C_.shape
    for name in ("coefs_paths_", "scores_"):
        found, expected = getattr(ours, name), getattr(peer, name)
        assert list(found) == list(expected)
        assert all(found[c].shape == expected[c].shape for c in found)


@pytest.mark.parametrize("k", [2, 3])
def test_folds_that_miss_a_class(k):
    y = np.repeat(["a", "b", "c"][:k], 4)
    X = np.arange(len(y), dtype=float)[:, None]
    options = {"Cs": [1e-3, 1.0], "cv": KFold(k), "l1_ratios": (0,), "scoring": "neg_brier_score"}
    ours = LogisticRegressionCV(**options, **TIGHT).fit(X, y)
    peer = peers.LogisticRegressionCV(**options, **TIGHT).fit(X, y)
    assert_allclose(ours.scores_, peer.scores_, atol=1e-4)


def test_sparse_rows_and_class_weights():
    X, y = CANCER
    options = {"Cs": [0.1], "l1_ratios": (0,), "scoring": "accuracy", "class_weight": "balanced"}
    dense = LogisticRegressionCV(**options, **TIGHT).fit(X, y)
    sparse = LogisticRegressionCV(**options, **TIGHT).fit(sp.csr_matrix(X), y)
    assert_allclose(sparse.coef_, dense.coef_, atol=1e-5)
    best = LogisticRegression(C=0.1, class_weight="balanced", tol=1e-9, max_iter=3000).fit(X, y)
    assert_allclose(dense.coef_, best.coef_, atol=1e-5)


def test_warnings_of_what_will_change():
    X, y = IRIS
    with pytest.warns(FutureWarning) as told:
        LogisticRegressionCV(Cs=1, max_iter=500).fit(X, y)
    said = " ".join(str(w.message) for w in told)
    for word in ("l1_ratios", "scoring", "use_legacy_attributes"):
        assert word in said
    with pytest.warns(ConvergenceWarning, match="Increase max_iter"):
        LogisticRegressionCV(
            Cs=[1e4], l1_ratios=(0,), scoring="accuracy", max_iter=1, use_legacy_attributes=False
        ).fit(X, y)


def test_bad_input():
    X, y = IRIS
    plain = {"scoring": "accuracy", "use_legacy_attributes": False}
    with pytest.raises(ValueError, match="numbers between 0 and 1"):
        LogisticRegressionCV(l1_ratios=[0.5, 2.0], solver="saga", **plain).fit(X, y)
    with pytest.raises(ValueError, match="supports only 'l2' or None penalties"):
        LogisticRegressionCV(l1_ratios=[0.5], **plain).fit(X, y)
    with pytest.raises(ValueError, match="at least 2 classes"):
        LogisticRegressionCV(l1_ratios=(0,), **plain).fit(X[:50], y[:50])
    with pytest.raises(ValueError, match="groups"):
        LogisticRegressionCV(l1_ratios=(0,), cv=GroupKFold(2), **plain).fit(X, y)


def _stretched_groups():
    """Folds whose Hessians have little in common."""
    random = np.random.default_rng(0)
    X = random.normal(size=(600, 4))
    X[:200] *= 5
    X[200:400, :2] *= 0.1
    y = (X @ [1.0, -1.0, 0.5, 0.2] + random.logistic(size=600) > 0).astype(int)
    parts = np.repeat([0, 1, 2], 200)
    return X, y, [(np.flatnonzero(parts == i), np.flatnonzero(parts != i)) for i in range(3)]


def _drawn_rows():
    X, y = CANCER
    draws = np.random.default_rng(1).integers(len(y), size=(3, len(y)))
    return X, y, [(rows, np.setdiff1d(np.arange(len(y)), rows)) for rows in draws]


def _masks():
    X, y = CANCER
    first = np.arange(len(y)) < 300
    return X, y, [(first, ~first), (~first, first)]


@pytest.mark.parametrize("data", [_stretched_groups, _drawn_rows, _masks])
@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "newton-cholesky"])
@pytest.mark.parametrize("intercept", [True, False])
def test_each_fold_has_the_fit_of_its_rows(data, solver, intercept):
    X, y, folds = data()
    options = {"fit_intercept": intercept, "solver": solver}
    found = LogisticRegressionCV(
        Cs=[0.01, 10.0], l1_ratios=(0,), cv=folds, scoring="accuracy", **options, **TIGHT
    ).fit(X, y)
    for (train, test), coefs, scores in zip(
        folds, found.coefs_paths_[:, 0], found.scores_[:, 0], strict=True
    ):
        for C, theta, score in zip(found.Cs_, coefs, scores, strict=True):
            one = LogisticRegression(
                C=C, solver="newton-cholesky", tol=1e-9, fit_intercept=intercept
            )
            one.fit(X[train], y[train])
            both = np.append(one.coef_, one.intercept_) if intercept else one.coef_[0]
            assert_allclose(theta[0], both, atol=1e-6)
            assert score == one.score(X[test], y[test])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["accuracy", "neg_log_loss"])
def test_scores_are_those_of_a_scorer_that_is_called(dtype, name):
    X, y = CANCER[0].astype(dtype), CANCER[1]
    options = {"Cs": [0.1, 1e4], "l1_ratios": (0,), "cv": 3, "use_legacy_attributes": False}
    named = LogisticRegressionCV(scoring=name, **options).fit(X, y)
    called = LogisticRegressionCV(scoring=get_scorer(name), **options).fit(X, y)
    # a probability near 1 that a scorer sees is rounded
    assert_allclose(named.scores_, called.scores_, rtol=1e-4)
    assert_allclose(named.scores_[..., 0], called.scores_[..., 0], rtol=1e-6)


def test_columns_that_follow_from_others_take_another_way():
    X, y = CANCER
    twice = np.column_stack([X[:, :2], X[:, :2]])
    options = {"Cs": [1e14], "l1_ratios": (0,), "cv": 3, "scoring": "neg_log_loss", **TIGHT}
    options["tol"] = 1e-6
    found = LogisticRegressionCV(**options).fit(twice, y)
    single = LogisticRegressionCV(**options).fit(X[:, :2], y)
    assert_allclose(found.scores_, single.scores_, atol=1e-4)

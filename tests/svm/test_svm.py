"""Support-vector machines with kernels: optimality, agreement with scikit-learn, real data."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.svm as peer
import torch
from sklearn.datasets import (
    load_breast_cancer,
    load_diabetes,
    load_digits,
    load_iris,
    make_classification,
)
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import scale

import dovetail as dv
from dovetail.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM


def cancer() -> tuple[Any, Any]:
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X), y


def dual_value(model: Any, K: Any) -> float:
    """½ βᵀKβ − Σ |β| of a machine of two classes."""
    beta = np.asarray(model.dual_coef_)[0]
    some = np.asarray(model.support_)
    return float(0.5 * beta @ K[np.ix_(some, some)] @ beta - np.abs(beta).sum())


@pytest.mark.parametrize("C", [0.1, 1.0, 100.0])
@pytest.mark.parametrize("kernel", ["rbf", "linear", "poly"])
def test_two_classes_as_scikit_learn(kernel: str, C: float) -> None:
    X, y = cancer()
    ours = SVC(kernel=kernel, C=C, tol=1e-8).fit(X, y)  # type: ignore[arg-type]
    theirs = peer.SVC(kernel=kernel, C=C, tol=1e-8).fit(X, y)
    near = 1e-4 * max(1, C / 10)  # scikit-learn's kernel rows are float32, which C multiplies
    np.testing.assert_allclose(
        ours.decision_function(X), theirs.decision_function(X), rtol=1e-4, atol=near
    )
    np.testing.assert_array_equal(ours.support_, theirs.support_)
    np.testing.assert_allclose(ours.dual_coef_, theirs.dual_coef_, rtol=1e-3, atol=1e-4 * C)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=near)
    if kernel == "linear":
        np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=near)


def test_the_solution_is_optimal() -> None:
    """No row violates the conditions of optimality by more than tol."""
    X, y = cancer()
    model = SVC(tol=1e-8, gamma=0.05).fit(X, y)
    signs = np.where(y == 1, 1.0, -1.0)
    beta = np.zeros(len(y))
    beta[model.support_] = model.dual_coef_[0]
    assert abs(beta.sum()) < 1e-9
    margin = signs * model.decision_function(X)
    a = signs * beta
    assert (a >= 0).all()
    assert (a <= 1).all()
    assert (margin[a == 0] >= 1 - 1e-7).all()
    assert (margin[a == 1] <= 1 + 1e-7).all()
    np.testing.assert_allclose(margin[(a > 0) & (a < 1)], 1, atol=1e-7)


@pytest.mark.parametrize("cache_size", [0.01, 0.5, 200])
@pytest.mark.parametrize("shrinking", [True, False])
def test_neither_memory_nor_shrinking_changes_the_solution(
    cache_size: float, shrinking: bool
) -> None:
    X, y = load_digits(return_X_y=True)
    y = y % 2
    K = rbf_kernel(X, gamma=1e-3)
    model = SVC(gamma=1e-3, C=10, cache_size=cache_size, shrinking=shrinking, tol=1e-4).fit(X, y)
    theirs = peer.SVC(gamma=1e-3, C=10, tol=1e-4).fit(X, y)
    assert dual_value(model, K) <= dual_value(theirs, K) + 1e-4 * abs(dual_value(theirs, K))


@pytest.mark.parametrize("shape", ["ovr", "ovo"])
def test_several_classes_as_scikit_learn(shape: Any) -> None:
    X, y = load_digits(return_X_y=True)
    train, test = slice(0, 1200), slice(1200, None)
    ours = SVC(tol=1e-6, decision_function_shape=shape).fit(X[train], y[train])
    theirs = peer.SVC(tol=1e-6, decision_function_shape=shape).fit(X[train], y[train])
    np.testing.assert_array_equal(ours.n_support_, theirs.n_support_)
    np.testing.assert_array_equal(ours.support_, theirs.support_)
    np.testing.assert_allclose(ours.dual_coef_, theirs.dual_coef_, atol=1e-3)
    np.testing.assert_allclose(
        ours.decision_function(X[test]), theirs.decision_function(X[test]), atol=1e-3
    )
    np.testing.assert_array_equal(ours.predict(X[test]), theirs.predict(X[test]))


def test_pairs_with_a_small_cache_have_the_same_solution() -> None:
    X, y = load_digits(return_X_y=True)
    whole = SVC(tol=1e-6).fit(X, y)
    parts = SVC(tol=1e-6, cache_size=1).fit(X, y)
    np.testing.assert_allclose(parts.decision_function(X), whole.decision_function(X), atol=1e-3)


@pytest.mark.parametrize("cls", [SVC, NuSVC])
def test_pairs_are_the_same_for_any_number_of_threads(cls: Any) -> None:
    X, y = load_digits(return_X_y=True)
    options = {"nu": 0.1} if cls is NuSVC else {}
    with dv.config(threads=1):
        one = cls(gamma=1e-3, **options).fit(X, y)
    with dv.config(threads=2):
        two = cls(gamma=1e-3, **options).fit(X, y)
    np.testing.assert_array_equal(one.dual_coef_, two.dual_coef_)
    np.testing.assert_array_equal(one.intercept_, two.intercept_)
    np.testing.assert_array_equal(one.n_iter_, two.n_iter_)


def test_working_sets_reach_what_scikit_learn_reaches() -> None:
    """More rows than a working set holds, and more than the cache."""
    X, y = make_classification(4_000, 8, n_informative=6, random_state=0)
    K = rbf_kernel(X, gamma=1 / (8 * X.var()))
    theirs = dual_value(peer.SVC(C=2).fit(X, y), K)
    for cache_size in (5, 200):
        ours = dual_value(SVC(C=2, cache_size=cache_size).fit(X, y), K)
        assert ours <= theirs + 1e-6 * abs(theirs)


def test_a_class_without_weight_is_left_out() -> None:
    X, y = load_iris(return_X_y=True)
    w = (y != 1).astype(float)
    some = SVC(tol=1e-6).fit(X, y, sample_weight=w)
    two = SVC(tol=1e-6, gamma=some.program_.vectors.gamma).fit(X[y != 1], y[y != 1])
    np.testing.assert_array_equal(some.n_support_, [two.n_support_[0], 0, two.n_support_[1]])
    np.testing.assert_allclose(some.intercept_[1], -two.intercept_[0], atol=1e-6)


def test_what_is_learned_within_the_time_budget_is_kept() -> None:
    X, y = load_digits(return_X_y=True)
    with dv.config(time_budget=1e-9), pytest.warns(ConvergenceWarning, match="time budget"):
        model = SVC().fit(X, y)
    assert model.fit_status_ == 1
    assert np.isfinite(model.decision_function(X[:5])).all()


def test_sparse_precomputed_and_callable_kernels_agree_with_dense() -> None:
    X, y = load_iris(return_X_y=True)
    dense = SVC(gamma=0.3, tol=1e-8).fit(X, y)
    expected = dense.decision_function(X)
    compressed = sp.csr_array(X)
    sparse = SVC(gamma=0.3, tol=1e-8).fit(compressed, y)
    np.testing.assert_allclose(sparse.decision_function(compressed), expected, atol=1e-6)
    assert sp.issparse(sparse.support_vectors_)
    assert sp.issparse(sparse.dual_coef_)
    K = rbf_kernel(X, gamma=0.3)
    given = SVC(kernel="precomputed", tol=1e-8).fit(K, y)
    np.testing.assert_allclose(given.decision_function(K), expected, atol=1e-6)
    own = SVC(kernel=lambda A, B: rbf_kernel(A, B, gamma=0.3), tol=1e-8).fit(X, y)
    np.testing.assert_allclose(own.decision_function(X), expected, atol=1e-6)
    assert own.support_vectors_.shape == given.support_vectors_.shape == (0, 0)


@pytest.mark.parametrize("kernel", ["linear", "rbf", "poly", "sigmoid"])
def test_the_program_is_differentiable_and_exports(kernel: Any) -> None:
    X, y = load_iris(return_X_y=True)
    model = SVC(kernel=kernel).fit(X, y)
    rows = torch.from_numpy(X[:7]).requires_grad_()
    scores = model.program_(rows)
    (gradient,) = torch.autograd.grad(scores.sum(), rows)
    assert torch.isfinite(gradient).all()
    batch = torch.export.Dim("batch", min=2)
    exported = torch.export.export(
        model.program_, (torch.from_numpy(X[:7]),), dynamic_shapes=({0: batch},)
    )
    again = exported.module()(torch.from_numpy(X))
    np.testing.assert_allclose(again.numpy(), model.decision_function(X), rtol=1e-10)


def test_weights_of_rows_and_classes_are_bounds() -> None:
    X, y = cancer()
    w = np.random.default_rng(0).uniform(0, 3, len(y))
    w[::7] = 0
    kwargs: dict[str, Any] = {"class_weight": {0: 2.0}, "tol": 1e-6}
    ours = SVC(**kwargs).fit(X, y, sample_weight=w)
    theirs = peer.SVC(**kwargs).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(ours.decision_function(X), theirs.decision_function(X), atol=1e-4)
    np.testing.assert_allclose(
        SVC(class_weight="balanced", tol=1e-6).fit(X, y).intercept_,
        peer.SVC(class_weight="balanced", tol=1e-6).fit(X, y).intercept_,
        atol=1e-4,
    )


@pytest.mark.filterwarnings("ignore:.*probability.*:FutureWarning")
def test_probabilities_are_those_of_platt() -> None:
    """By other folds, so near scikit-learn's, and as good."""
    X, y = cancer()
    ours = SVC(probability=True, random_state=0).fit(X[::2], y[::2])
    theirs = peer.SVC(probability=True, random_state=0).fit(X[::2], y[::2])
    p, q = ours.predict_proba(X[1::2]), theirs.predict_proba(X[1::2])
    assert np.abs(p - q).mean() < 0.02
    np.testing.assert_allclose(p.sum(1), 1)
    X, y = load_iris(return_X_y=True)
    p = SVC(probability=True, random_state=0).fit(X, y).predict_proba(X)
    q = peer.SVC(probability=True, random_state=0).fit(X, y).predict_proba(X)
    np.testing.assert_allclose(p.sum(1), 1)
    assert np.abs(p - q).mean() < 0.02


def test_a_limit_of_steps_is_kept_and_told() -> None:
    X, y = cancer()
    with pytest.warns(ConvergenceWarning, match="Solver terminated early"):
        model = SVC(max_iter=5).fit(X, y)
    assert model.fit_status_ == 1
    np.testing.assert_array_equal(model.n_iter_, [5])


def test_a_limit_holds_for_each_pair() -> None:
    X, y = load_iris(return_X_y=True)
    with pytest.warns(ConvergenceWarning, match="Solver terminated early"):
        model = SVC(max_iter=3).fit(X, y)
    assert model.fit_status_ == 1
    np.testing.assert_array_equal(model.n_iter_, [3, 3, 3])


def test_errors_name_the_culprit() -> None:
    X, y = load_iris(return_X_y=True)
    with pytest.raises(ValueError, match="square"):
        SVC(kernel="precomputed").fit(X, y)
    with pytest.raises(ValueError, match="number of classes"):
        SVC().fit(X, np.zeros(len(X)))
    with pytest.raises(ValueError, match="same class"):
        SVC().fit(X, y, sample_weight=(y == 0).astype(float))
    with pytest.raises(ValueError, match="zero or negative"):
        SVC().fit(X, y, sample_weight=-np.ones(len(X)))
    with pytest.raises(ValueError, match="kernel must give a matrix"):
        SVC(kernel=lambda A, B: np.ones((2, 3))).fit(X, y)
    with pytest.raises(AttributeError, match="linear"):
        _ = SVC().fit(X, y).coef_


def diabetes() -> tuple[Any, Any]:
    X, y = load_diabetes(return_X_y=True)
    return scale(X), y


def weights(n: int) -> Any:
    """Weights between 0 and 2, a fifth of them 0."""
    rng = np.random.default_rng(0)
    return rng.uniform(0, 2, n) * (rng.random(n) > 0.2)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (SVR(C=10, epsilon=1, tol=1e-7), peer.SVR(C=10, epsilon=1, tol=1e-7)),
        (SVR(kernel="linear", tol=1e-7), peer.SVR(kernel="linear", tol=1e-7)),
        (NuSVR(C=10, tol=1e-7), peer.NuSVR(C=10, tol=1e-7)),
        (NuSVR(kernel="poly", nu=0.2, tol=1e-7), peer.NuSVR(kernel="poly", nu=0.2, tol=1e-7)),
    ],
    ids=["SVR-rbf", "SVR-linear", "NuSVR-rbf", "NuSVR-poly"],
)
def test_regression_as_scikit_learn(ours: Any, theirs: Any, weighted: bool) -> None:
    X, y = diabetes()
    w = weights(len(y)) if weighted else None
    ours.fit(X, y, sample_weight=w)
    theirs.fit(X, y, sample_weight=w)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), atol=1e-3)
    np.testing.assert_array_equal(X[ours.support_], theirs.support_vectors_)
    np.testing.assert_allclose(ours.dual_coef_, theirs.dual_coef_, atol=1e-3)
    np.testing.assert_array_equal(ours.n_support_, theirs.n_support_)


def test_a_tube_that_holds_all_rows_needs_no_support() -> None:
    X, y = diabetes()
    model = SVR(epsilon=500).fit(X, y)
    assert model.support_vectors_.shape == (0, X.shape[1])
    np.testing.assert_allclose(model.predict(X[:3]), (y.min() + y.max()) / 2)


@pytest.mark.parametrize("weighted", [False, True])
def test_nu_classes_as_scikit_learn(weighted: bool) -> None:
    for X, y, nu in ((*cancer(), 0.2), (*load_iris(return_X_y=True), 0.3)):
        w = weights(len(y)) if weighted else None
        ours = NuSVC(nu=nu, tol=1e-7).fit(X, y, sample_weight=w)
        theirs = peer.NuSVC(nu=nu, tol=1e-7).fit(X, y, sample_weight=w)
        np.testing.assert_allclose(
            ours.decision_function(X), theirs.decision_function(X), atol=1e-4
        )
        np.testing.assert_array_equal(X[ours.support_], theirs.support_vectors_)


def test_nu_classes_weigh_classes() -> None:
    X, y = cancer()
    by_class = NuSVC(nu=0.2, class_weight={0: 2.0}, tol=1e-6).fit(X, y)
    by_row = NuSVC(nu=0.2, tol=1e-6).fit(X, y, sample_weight=np.where(y == 0, 2.0, 1.0))
    np.testing.assert_allclose(by_class.dual_coef_, by_row.dual_coef_, atol=1e-6)


def test_nu_too_large_for_the_smaller_class_is_refused() -> None:
    X, y = cancer()
    with pytest.raises(ValueError, match=r"nu is infeasible.*0\.7452 at most"):
        NuSVC(nu=0.9).fit(X, y)


@pytest.mark.parametrize("nu", [0.05, 0.3, 0.8])
def test_one_class_as_scikit_learn(nu: float) -> None:
    X, _ = cancer()
    for w in (None, weights(len(X))):
        ours = OneClassSVM(nu=nu, tol=1e-7).fit(X, sample_weight=w)
        theirs = peer.OneClassSVM(nu=nu, tol=1e-7).fit(X, sample_weight=w)
        near = 1e-4
        np.testing.assert_allclose(
            ours.decision_function(X), theirs.decision_function(X), atol=near
        )
        np.testing.assert_allclose(ours.score_samples(X), theirs.score_samples(X), atol=near)
        np.testing.assert_allclose(ours.offset_, theirs.offset_, atol=near)


def test_no_more_than_nu_are_outliers() -> None:
    X, _ = cancer()
    model = OneClassSVM(nu=0.2, tol=1e-6).fit(X)
    inside = model.predict(X)
    assert set(np.unique(inside)) == {-1, 1}
    assert (model.decision_function(X) < -1e-5).mean() <= 0.2 <= len(model.support_) / len(X)


@pytest.mark.parametrize("cls", [SVR, NuSVR, OneClassSVM, NuSVC])
def test_every_machine_exports(cls: Any) -> None:
    X, y = load_iris(return_X_y=True)
    model = cls(nu=0.3).fit(X, y) if cls is not SVR else cls().fit(X, y)
    program = model.program_
    batch = torch.export.Dim("batch", min=2)
    rows = torch.from_numpy(X)
    exported = torch.export.export(program, (rows[:7],), dynamic_shapes=({0: batch},))
    np.testing.assert_allclose(exported.module()(rows), program(rows), rtol=1e-10)


def test_a_share_of_one_has_all_rows_support() -> None:
    """scikit-learn's fit is not finite here."""
    X, _ = cancer()
    model = OneClassSVM(nu=1.0).fit(X)
    assert len(model.support_) == len(X)
    assert np.isfinite(model.decision_function(X)).all()
    assert model.decision_function(X).max() <= 1e-3  # kernel rows are float32

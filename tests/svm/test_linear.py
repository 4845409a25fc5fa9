"""Linear support-vector machines: optimality, agreement of solvers and with scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp
import sklearn.svm as peer
import torch
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import scale

import dovetail as dv
from dovetail.data.batches import Batch
from dovetail.data.sparse import SparseMatrix
from dovetail.solve.crammer_singer import CrammerSinger
from dovetail.solve.dual_descent import DualDescent
from dovetail.solve.loop import solve
from dovetail.solve.solution import Status
from dovetail.svm import LinearSVC, LinearSVR

CLASSES: list[dict[str, Any]] = [
    {},
    {"dual": True},
    {"loss": "hinge"},
    {"penalty": "l1"},
    {"intercept_scaling": 3.0, "C": 0.01},
    {"fit_intercept": False},
    {"fit_intercept": False, "penalty": "l1"},
    {"class_weight": {0: 0.3, 1: 2.0}},
    {"class_weight": "balanced", "dual": True},
    {"multi_class": "crammer_singer"},
    {"multi_class": "crammer_singer", "class_weight": {0: 0.3, 1: 2.0}},
]
NUMBERS: list[dict[str, Any]] = [
    {},
    {"epsilon": 0.3},
    {"loss": "squared_epsilon_insensitive", "epsilon": 0.2},
    {"loss": "squared_epsilon_insensitive", "dual": True},
    {"loss": "squared_epsilon_insensitive", "fit_intercept": False},
]


def cancer() -> tuple[Any, Any]:
    X, y = load_breast_cancer(return_X_y=True)
    return scale(X), y


def iris() -> tuple[Any, Any]:
    X, y = load_iris(return_X_y=True)
    return scale(X), y


def diabetes() -> tuple[Any, Any]:
    X, y = load_diabetes(return_X_y=True)
    return scale(X), y / 50


def close(ours: Any, theirs: Any, X: Any) -> None:
    assert np.shape(ours.coef_) == np.shape(theirs.coef_)
    assert np.shape(ours.intercept_) == np.shape(theirs.intercept_)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=3e-5)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=3e-5)
    np.testing.assert_array_equal(ours.predict(X).round(3), theirs.predict(X).round(3))


@pytest.mark.parametrize("options", CLASSES, ids=str)
@pytest.mark.parametrize("data", [cancer, iris])
def test_classes_as_scikit_learn(data: Any, options: dict[str, Any]) -> None:
    X, y = data()
    w = np.random.default_rng(0).random(len(y)) * 2
    options = {"C": 0.1, "random_state": 0, **options}
    ours = LinearSVC(tol=1e-7, max_iter=20_000, **options).fit(X, y, w)
    theirs = peer.LinearSVC(tol=1e-8, max_iter=10**6, **options).fit(X, y, w)
    close(ours, theirs, X)
    compressed = LinearSVC(tol=1e-7, max_iter=20_000, **options).fit(sp.csr_array(X), y, w)
    np.testing.assert_allclose(compressed.coef_, ours.coef_, atol=1e-5)


@pytest.mark.parametrize("options", NUMBERS, ids=str)
def test_numbers_as_scikit_learn(options: dict[str, Any]) -> None:
    X, y = diabetes()
    X, y = X[:, :5], y[:150]
    X = X[:150]
    w = np.random.default_rng(0).random(len(y)) * 2
    options = {"C": 0.1, "random_state": 0, **options}
    ours = LinearSVR(tol=1e-7, max_iter=50_000, **options).fit(X, y, w)
    theirs = peer.LinearSVR(tol=1e-9, max_iter=10**6, **options).fit(X, y, w)
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-5)
    np.testing.assert_allclose(ours.intercept_, theirs.intercept_, atol=1e-5)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), abs=1e-5)


@pytest.mark.parametrize("squared", [False, True])
def test_the_gap_between_primal_and_dual_closes(squared: bool) -> None:
    X, y = iris()
    solver = DualDescent(
        Batch(torch.from_numpy(X), torch.from_numpy(y)),
        classes=True,
        cost=np.full((2, 3), 0.5),
        squared=squared,
        epsilon=0.0,
        bias=1.0,
        tol=1e-6,
        random=np.random.RandomState(0),
    )
    solution = solve(solver, max_iter=20_000)
    assert solution.status is Status.CONVERGED
    theta = solution.value.numpy()
    F = X @ theta[:, :-1].T + theta[:, -1]
    errors = np.maximum(0, 1 - np.where(y[:, None] == np.arange(3), 1, -1) * F)
    primal = 0.5 * np.square(theta).sum() + 0.5 * (errors**2 if squared else errors).sum()
    assert 0 <= primal + solver.dual_value() < 1e-5 * primal


def test_the_gap_of_a_tube_closes() -> None:
    X, y = diabetes()
    solver = DualDescent(
        Batch(torch.from_numpy(X), torch.from_numpy(y)),
        classes=False,
        cost=np.full((2, 1), 0.1),
        squared=False,
        epsilon=0.2,
        bias=1.0,
        tol=1e-6,
        random=np.random.RandomState(0),
    )
    theta = solve(solver, max_iter=20_000).value.numpy()[0]
    errors = np.maximum(0, np.abs(X @ theta[:-1] + theta[-1] - y) - 0.2)
    primal = 0.5 * np.square(theta).sum() + 0.1 * errors.sum()
    assert 0 <= primal + solver.dual_value() < 1e-5 * primal


def test_the_gap_of_all_classes_at_once_closes() -> None:
    X, y = iris()
    solver = CrammerSinger(
        Batch(SparseMatrix.from_scipy(sp.csr_array(X)), torch.from_numpy(y)),
        np.full(3, 0.5),
        1.0,
        1e-6,
        np.random.RandomState(0),
    )
    theta = solve(solver, max_iter=20_000).value.numpy()
    F = X @ theta[:, :-1].T + theta[:, -1]
    own = F[np.arange(len(y)), y]
    errors = ((y[:, None] != np.arange(3)) + F).max(1) - own
    primal = 0.5 * np.square(theta).sum() + 0.5 * errors.sum()
    assert 0 <= primal + solver.dual_value() < 1e-5 * primal


def test_the_gradient_of_the_primal_is_zero() -> None:
    """Of more columns than a Hessian is formed for, of few, and of the dual."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 600)) * (rng.random((60, 600)) < 0.1)
    y = np.where(X[:, 0] + rng.normal(size=60) > 0, 1, -1)
    found = []
    for dual, rows in ((False, sp.csr_array(X)), (False, X), (True, sp.csr_array(X))):
        model = LinearSVC(dual=dual, tol=1e-8, random_state=0).fit(rows, y)
        c, b = model.coef_[0], model.intercept_[0]
        errors = np.maximum(0, 1 - y * (X @ c + b))
        np.testing.assert_allclose(c, 2 * X.T @ (y * errors), atol=1e-6)
        assert b == pytest.approx(2 * (y * errors).sum(), abs=1e-6)
        found.append(c)
    np.testing.assert_allclose(found[1], found[0], atol=1e-7)
    np.testing.assert_allclose(found[2], found[0], atol=1e-6)


def test_an_l1_penalty_leaves_out_columns_without_errors() -> None:
    """A column whose rows are all beyond the margin has coefficient zero."""
    X, y = cancer()
    model = LinearSVC("l1", C=0.01, tol=1e-8).fit(X, y)
    c, b = model.coef_[0], model.intercept_[0]
    signs = np.where(y == 1, 1, -1)
    g = 0.02 * X.T @ (-signs * np.maximum(0, 1 - signs * (X @ c + b)))
    assert (c == 0).any()
    assert (np.abs(g[c == 0]) <= 1 + 1e-6).all()
    np.testing.assert_allclose(g[c != 0], -np.sign(c[c != 0]), atol=1e-6)


@pytest.mark.parametrize(
    "options",
    [{}, {"loss": "hinge"}, {"penalty": "l1"}, {"multi_class": "crammer_singer"}],
    ids=str,
)
def test_weights_are_repeated_rows(options: dict[str, Any]) -> None:
    X, y = iris()
    w = np.random.default_rng(0).integers(0, 3, len(y))
    options = {"C": 0.1, "tol": 1e-7, "max_iter": 20_000, "random_state": 0, **options}
    weighted = LinearSVC(**options).fit(X, y, w)
    repeated = LinearSVC(**options).fit(X.repeat(w, 0), y.repeat(w))
    np.testing.assert_allclose(weighted.coef_, repeated.coef_, atol=2e-6)


@pytest.mark.parametrize("options", [{}, {"dual": True, "tol": 1e-3}, {"loss": "hinge"}], ids=str)
def test_float32_and_tensors_stay_what_they_are(options: dict[str, Any]) -> None:
    X, y = cancer()
    expected = LinearSVC(C=0.1, random_state=0, **options).fit(X, y)
    found = LinearSVC(C=0.1, random_state=0, **options).fit(X.astype(np.float32), y)
    assert found.coef_.dtype == np.float32
    np.testing.assert_allclose(found.coef_, expected.coef_, atol=2e-3)
    of_tensors = LinearSVC(C=0.1, random_state=0, **options)
    of_tensors.fit(torch.from_numpy(X), torch.from_numpy(y))
    assert isinstance(of_tensors.coef_, torch.Tensor)
    assert isinstance(of_tensors.predict(torch.from_numpy(X)), torch.Tensor)
    np.testing.assert_array_equal(of_tensors.coef_.numpy(), expected.coef_)


def test_files_are_read_in_blocks(tmp_path: Any) -> None:
    X, y = iris()
    table = pa.table({**{f"x{j}": X[:, j] for j in range(4)}, "y": y})
    pq.write_table(table, tmp_path / "rows.parquet")
    rows = dv.scan_parquet(tmp_path / "rows.parquet", "y", block_rows=31)
    whole, streamed = LinearSVC(class_weight="balanced"), LinearSVC(class_weight="balanced")
    np.testing.assert_allclose(
        streamed.fit(rows).coef_, whole.fit(table.drop(["y"]), y).coef_, atol=1e-8
    )


def test_one_seed_one_model() -> None:
    X, y = iris()
    first, second = (LinearSVC(loss="hinge", C=0.1, random_state=3).fit(X, y) for _ in range(2))
    np.testing.assert_array_equal(first.coef_, second.coef_)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (LinearSVC("l1", "hinge"), "penalty='l1' and loss='hinge' is not supported"),
        (LinearSVC("l1", dual=True), "are not supported when dual=True"),
        (LinearSVC(loss="hinge", dual=False), "are not supported when dual=False"),
        (LinearSVR(dual=False), "penalty='l2' and loss='epsilon_insensitive' are not supported"),
    ],
    ids=str,
)
def test_what_there_is_not_is_refused(model: Any, message: str) -> None:
    theirs = getattr(peer, type(model).__name__)(**model.get_params())
    for each in (model, theirs):
        with pytest.raises(ValueError, match=message):
            each.fit(*iris())


def test_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="contains only one class"):
        LinearSVC().fit([[0.0], [1.0]], [1, 1])


@pytest.mark.parametrize("options", [{}, {"loss": "hinge"}, {"penalty": "l1"}], ids=str)
def test_one_warning_says_what_to_change(options: dict[str, Any]) -> None:
    X, y = iris()
    with pytest.warns(ConvergenceWarning, match="increase the number of iterations") as said:
        model = LinearSVC(max_iter=1, tol=1e-9, random_state=0, **options).fit(X, y)
    assert len(said) == 1
    assert model.n_iter_ == 1

"""Linear models: the optimum scikit-learn finds, by every solver, dense or sparse, with their
limits told.
"""

import warnings

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.linear_model as reference
import torch
from sklearn.exceptions import ConvergenceWarning

from dovetail.datasets import load_california, load_penguins
from dovetail.linear_model import LinearRegression, LogisticRegression, Ridge

SMOOTH = ["lbfgs", "newton-cg", "newton-cholesky", "sag", "saga"]


@pytest.fixture(scope="module")
def houses():
    frame = load_california().frame.dropna().select_dtypes("number")
    X = frame.drop(columns="median_house_value").to_numpy()[:2000]
    return (X - X.mean(0)) / X.std(0), frame["median_house_value"].to_numpy()[:2000] / 1e5


@pytest.fixture(scope="module")
def penguins():
    frame = load_penguins().frame.dropna()
    X = frame.select_dtypes("number").to_numpy()
    return (X - X.mean(0)) / X.std(0), frame["species"].to_numpy(dtype=object)


@pytest.mark.parametrize("solver", SMOOTH)
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("classes", [2, 3])
def test_logistic_solvers_reach_scikit_learns_optimum(penguins, solver, sparse, classes):
    X, y = penguins
    y = y if classes == 3 else np.where(y == "Adelie", "yes", "no")
    w = np.random.default_rng(0).random(len(y)) + 0.2
    exact = reference.LogisticRegression(tol=1e-10, max_iter=5000).fit(X, y, w)
    rows = sp.csr_array(X) if sparse else X
    model = LogisticRegression(solver=solver, tol=1e-8, max_iter=20_000, random_state=0).fit(
        rows, y, w
    )
    np.testing.assert_allclose(model.coef_, exact.coef_, rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(model.predict_proba(rows), exact.predict_proba(X), atol=1e-4)
    assert model.coef_.shape == ((1 if classes == 2 else 3), X.shape[1])


@pytest.mark.parametrize("solver", ["saga", "liblinear"])
def test_lasso_logistic_is_sparse_and_optimal(penguins, solver):
    X, y = penguins
    y = y == "Adelie"
    model = LogisticRegression(
        solver=solver,
        l1_ratio=1.0,
        C=0.05,
        tol=1e-8,
        max_iter=20_000,
        random_state=0,
        fit_intercept=False,
    ).fit(X, y)
    exact = reference.LogisticRegression(
        solver="liblinear", l1_ratio=1.0, C=0.05, tol=1e-10, max_iter=5000, fit_intercept=False
    ).fit(X, y)
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=1e-3)
    assert (model.coef_ == 0).any()


@pytest.fixture(scope="module")
def words():
    """More columns than rows, and so many stored values that solvers start in the dual."""
    rng = np.random.default_rng(0)
    X = sp.random_array((300, 900), density=0.26, format="csr", rng=rng)
    scores = X @ rng.normal(size=(900, 3)) + [1.0, 0.0, -1.0]
    return X, scores.argmax(1)


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "sag", "saga"])
@pytest.mark.parametrize("classes", [2, 3])
def test_a_start_in_the_dual_leads_to_the_same_optimum(words, solver, classes):
    X, y = words
    y = y if classes == 3 else np.minimum(y, 1)
    w = np.random.default_rng(1).random(len(y)) + 0.2
    exact = reference.LogisticRegression(tol=1e-10, max_iter=10_000).fit(X, y, w)
    options = {"tol": 1e-7, "max_iter": 5000, "solver": solver, "random_state": 0}
    model = LogisticRegression(**options).fit(X, y, w)
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=2e-5)
    np.testing.assert_allclose(model.intercept_, exact.intercept_, atol=1e-4)
    assert model.n_iter_[0] < 100


@pytest.mark.parametrize("scaling", [1.0, 3.0])
@pytest.mark.parametrize("l1_ratio", [0.0, 1.0])
def test_liblinear_penalizes_the_intercept_of_words_too(words, scaling, l1_ratio):
    X, y = words
    y = y > 0
    options = {"solver": "liblinear", "intercept_scaling": scaling, "l1_ratio": l1_ratio}
    exact = reference.LogisticRegression(**options, tol=1e-4, random_state=0).fit(X, y)
    model = LogisticRegression(**options, tol=1e-7, max_iter=1000).fit(X, y)

    def objective(m):
        F = X @ m.coef_[0] + m.intercept_[0]
        size = np.abs(np.r_[m.coef_[0], m.intercept_[0] / scaling])
        penalty = size.sum() if l1_ratio else np.square(size).sum() / 2
        return np.logaddexp(0, np.where(y, -F, F)).sum() + penalty

    assert objective(model) <= objective(exact) * (1 + 1e-9)
    np.testing.assert_allclose(objective(model), objective(exact), rtol=1e-4)
    np.testing.assert_allclose(model.coef_, exact.coef_, atol=0.02)
    np.testing.assert_allclose(model.intercept_, exact.intercept_, atol=0.02)


@pytest.mark.parametrize("solver", ["cholesky", "svd", "lsqr", "sparse_cg", "sag", "saga"])
@pytest.mark.parametrize("sparse", [False, True])
def test_ridge_solvers_agree(houses, solver, sparse):
    X, y = houses
    if sparse and solver in ("cholesky", "svd", "saga"):
        pytest.skip("scikit-learn's contract: this solver has no intercept for sparse rows")
    w = np.random.default_rng(0).random(len(y)) + 0.2
    exact = reference.Ridge(alpha=3.0, solver="svd").fit(X, y, w)
    rows = sp.csr_array(X) if sparse else X
    options = {"tol": 1e-10, "max_iter": 20_000, "random_state": 0}
    model = Ridge(alpha=3.0, solver=solver, **options).fit(rows, y, w)
    np.testing.assert_allclose(model.coef_, exact.coef_, rtol=1e-5, atol=1e-7)
    np.testing.assert_allclose(model.intercept_, exact.intercept_, rtol=1e-6)


def test_ridge_with_more_columns_than_rows_and_targets_of_their_own(houses):
    X, y = houses
    wide = np.hstack([X[:20], X[20:40], X[40:60]])
    Y = np.stack([y[:20], y[20:40]], 1)
    alphas = [0.5, 5.0]
    model = Ridge(alpha=alphas).fit(wide, Y)
    exact = reference.Ridge(alpha=alphas).fit(wide, Y)
    np.testing.assert_allclose(model.coef_, exact.coef_, rtol=1e-8)
    with pytest.raises(ValueError, match="3 != 2"):
        Ridge(alpha=[1, 2, 3]).fit(wide, Y)


@pytest.mark.parametrize("sparse", [False, True])
def test_least_squares(houses, sparse):
    X, y = houses
    w = np.random.default_rng(0).random(len(y)) + 0.2
    exact = reference.LinearRegression().fit(X, y, w)
    model = LinearRegression(tol=1e-12).fit(sp.csr_array(X) if sparse else X, y, w)
    np.testing.assert_allclose(model.coef_, exact.coef_, rtol=1e-6)
    residual = y - model.predict(X)
    np.testing.assert_allclose((w * residual) @ X, 0, atol=1e-5)


def test_least_squares_takes_the_least_norm():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4))
    X = np.hstack([X, X[:, :2]])
    y = rng.normal(size=30)
    model = LinearRegression().fit(X, y)
    centered = X - X.mean(0)
    np.testing.assert_allclose(model.coef_, np.linalg.pinv(centered) @ (y - y.mean()), atol=1e-10)
    assert model.rank_ == 4


def test_positive_coefficients(houses):
    X, y = houses
    for ours, theirs in (
        (LinearRegression(positive=True), reference.LinearRegression(positive=True)),
        (Ridge(positive=True), reference.Ridge(positive=True, tol=1e-12)),
    ):
        np.testing.assert_allclose(ours.fit(X, y).coef_, theirs.fit(X, y).coef_, atol=1e-5)
        assert (ours.coef_ >= 0).all()


def test_tensors_in_tensors_out_and_gradients(penguins):
    X, y = penguins
    T = torch.from_numpy(X)
    model = LogisticRegression().fit(T, torch.from_numpy((y == "Adelie").astype(np.int64)))
    assert isinstance(model.coef_, torch.Tensor)
    T.requires_grad_()
    model.predict_proba(T)[:, 1].sum().backward()
    p = model.predict_proba(T.detach())[:, 1]
    torch.testing.assert_close(T.grad, (p * (1 - p))[:, None] * model.coef_)
    assert model.predict(T).dtype == torch.int64


def test_non_convergence_is_said_once_with_advice(houses):
    X, y = houses
    with pytest.warns(ConvergenceWarning, match=r"lbfgs failed to converge.*max_iter") as caught:
        LogisticRegression(max_iter=2, tol=1e-12).fit(X, y > y.mean())
    assert len(caught) == 1


def test_warm_start_goes_on(houses):
    X, y = houses
    model = LogisticRegression(warm_start=True, tol=1e-8).fit(X, y > y.mean())
    assert model.n_iter_[0] > 1
    assert model.fit(X, y > y.mean()).n_iter_[0] <= 1


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"l1_ratio": 1.0}, "Solver lbfgs supports only 'l2'"),
        ({"l1_ratio": 0.5, "solver": "liblinear"}, "Only 'saga'"),
        ({"dual": True}, "dual=False"),
        ({"C": np.inf, "solver": "liblinear"}, "C=np.inf"),
        ({"C": -1.0}, "'C' parameter of LogisticRegression must be"),
    ],
)
def test_impossible_combinations_are_refused(penguins, params, message):
    X, y = penguins
    with pytest.raises(ValueError, match=message):
        LogisticRegression(**params).fit(X, y)


def test_one_class_is_refused(penguins):
    X, _ = penguins
    with pytest.raises(ValueError, match="only one class: 'a'"):
        LogisticRegression().fit(X, ["a"] * len(X))


def test_sparsify_keeps_predictions(penguins):
    X, y = penguins
    model = LogisticRegression(solver="saga", l1_ratio=1.0, C=0.05, max_iter=2000, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(X, y)
    before = model.predict_proba(X)
    assert sp.issparse(model.sparsify().coef_)
    np.testing.assert_allclose(model.predict_proba(X), before)
    np.testing.assert_allclose(model.densify().predict_proba(X), before)


@pytest.mark.parametrize("solver", ["sag", "saga"])
def test_stochastic_solvers_say_that_numbers_overflow(penguins, solver):
    X, y = penguins
    model = LogisticRegression(solver=solver, warm_start=True, max_iter=1000).fit(X, y)
    model.coef_[:] = np.nan
    with pytest.raises(ValueError, match="Floating-point under-/overflow"):
        model.fit(X, y)

"""Discriminant analysis: scikit-learn's scores, directions and refusals."""

import numpy as np
import pytest
import sklearn.covariance
import sklearn.discriminant_analysis as reference
import torch
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, load_wine

from dovetail.covariance import LedoitWolf
from dovetail.data.batches import Batch, Batches
from dovetail.data.class_statistics import class_totals, class_weights
from dovetail.data.scatter import class_scatters, pooled_scatter
from dovetail.data.triangle import triangle
from dovetail.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)

LINEAR = [
    {},
    {"store_covariance": True, "priors": [0.2, 0.3, 0.5]},
    {"solver": "lsqr"},
    {"solver": "lsqr", "shrinkage": "auto"},
    {"solver": "lsqr", "shrinkage": 0.3, "priors": [0.2, 0.3, 0.5]},
    {"solver": "eigen"},
    {"solver": "eigen", "shrinkage": "auto", "n_components": 1},
    {"solver": "eigen", "shrinkage": 0.3, "priors": [0.2, 0.3, 0.5]},
]
QUADRATIC = [
    {},
    {"reg_param": 0.1, "store_covariance": True, "priors": [0.2, 0.3, 0.5]},
    {"solver": "eigen", "store_covariance": True},
    {"solver": "eigen", "shrinkage": "auto"},
    {"solver": "eigen", "shrinkage": 0.3},
]


@pytest.mark.parametrize("options", LINEAR)
@pytest.mark.parametrize("data", [load_iris, load_wine])
def test_linear_scores_and_directions_are_scikit_learns(data, options):
    X, y = data(return_X_y=True)
    y = np.array(["a", "b", "c"], dtype=object)[y]
    model = LinearDiscriminantAnalysis(**options).fit(X, y)
    exact = reference.LinearDiscriminantAnalysis(**options).fit(X, y)
    np.testing.assert_allclose(model.coef_, exact.coef_, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(model.intercept_, exact.intercept_, rtol=1e-6)
    np.testing.assert_allclose(model.means_, exact.means_, rtol=1e-12)
    np.testing.assert_allclose(model.priors_, exact.priors_)
    np.testing.assert_allclose(model.predict_proba(X), exact.predict_proba(X), atol=1e-8)
    for name in ("covariance_", "explained_variance_ratio_", "xbar_"):
        assert hasattr(model, name) == hasattr(exact, name)
        if hasattr(exact, name):
            np.testing.assert_allclose(
                getattr(model, name), getattr(exact, name), rtol=1e-6, atol=1e-9
            )
    if model.solver != "lsqr":
        mine, theirs = model.transform(X), exact.transform(X)
        signs = np.sign((mine * theirs).sum(0))
        np.testing.assert_allclose(mine * signs, theirs, rtol=1e-6, atol=1e-6)
        assert len(model.get_feature_names_out()) == mine.shape[1]


@pytest.mark.parametrize("options", QUADRATIC)
@pytest.mark.parametrize("classes", [2, 3])
def test_quadratic_scores_are_scikit_learns(classes, options):
    X, y = load_iris(return_X_y=True)
    if classes == 2:
        X, y, options = X[y > 0], y[y > 0], {**options, "priors": None}
    model = QuadraticDiscriminantAnalysis(**options).fit(X, y)
    exact = reference.QuadraticDiscriminantAnalysis(**options).fit(X, y)
    np.testing.assert_allclose(model.decision_function(X), exact.decision_function(X), rtol=1e-6)
    np.testing.assert_allclose(model.predict_log_proba(X), exact.predict_log_proba(X), rtol=1e-6)
    np.testing.assert_array_equal(model.predict(X), exact.predict(X))
    for mine, theirs in zip(model.scalings_, exact.scalings_, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-8)
    assert model.rotations_[0].shape == exact.rotations_[0].shape
    if options.get("store_covariance"):
        np.testing.assert_allclose(model.covariance_[1], exact.covariance_[1], rtol=1e-9, atol=1e-9)
    else:
        with pytest.raises(AttributeError, match="covariance_"):
            model.covariance_


def test_dependent_columns_and_few_rows():
    X, y = load_digits(return_X_y=True)
    exact = reference.LinearDiscriminantAnalysis().fit(X, y)  # constant columns
    model = LinearDiscriminantAnalysis().fit(X, y)
    np.testing.assert_allclose(
        model.decision_function(X), exact.decision_function(X), rtol=1e-5, atol=1e-6
    )
    few = np.random.default_rng(0).permutation(len(X))[:40]
    wide = np.c_[X[few], X[few] ** 2]  # 40 rows of 128 columns
    exact, model = (m.fit(wide, y[few]) for m in (exact, model))
    np.testing.assert_allclose(
        model.decision_function(wide), exact.decision_function(wide), rtol=1e-5, atol=1e-6
    )


def test_small_tolerances_go_without_squares():
    rng = np.random.default_rng(0)
    y = np.repeat([0, 1, 2], 50)
    X = rng.normal(size=(150, 3)) + y[:, None]
    X = np.c_[X, X[:, 0] + 1e-7 * rng.normal(size=150)]
    model = LinearDiscriminantAnalysis(tol=1e-10).fit(X, y)
    exact = reference.LinearDiscriminantAnalysis(tol=1e-10).fit(X, y)
    np.testing.assert_allclose(model.decision_function(X), exact.decision_function(X), rtol=1e-5)
    model = QuadraticDiscriminantAnalysis(tol=1e-20).fit(X, y)
    exact = reference.QuadraticDiscriminantAnalysis(tol=1e-20).fit(X, y)
    np.testing.assert_allclose(model.decision_function(X), exact.decision_function(X), rtol=1e-5)


def test_estimators_of_covariances():
    X, y = load_wine(return_X_y=True)
    for cls, theirs, solvers in (
        (LinearDiscriminantAnalysis, reference.LinearDiscriminantAnalysis, ("lsqr", "eigen")),
        (QuadraticDiscriminantAnalysis, reference.QuadraticDiscriminantAnalysis, ("eigen",)),
    ):
        for solver in solvers:
            model = cls(solver=solver, covariance_estimator=LedoitWolf()).fit(X, y)
            exact = theirs(solver=solver, covariance_estimator=sklearn.covariance.LedoitWolf()).fit(
                X, y
            )
            np.testing.assert_allclose(
                model.decision_function(X), exact.decision_function(X), rtol=1e-6
            )


def test_sums_over_blocks_are_those_of_all_rows():
    X, y = load_iris(return_X_y=True)
    order = np.random.default_rng(0).permutation(150)
    rows = Batch(torch.from_numpy(X[order]), torch.from_numpy(y[order]))
    blocks = Batches(rows, 7)
    counts, totals = class_weights(blocks, 3), class_totals(blocks, 3)
    means = totals / counts[:, None]
    own = class_scatters(blocks, means)
    shares = torch.tensor([0.5, 1.0, 2.0], dtype=torch.float64)
    pooled = pooled_scatter(blocks, means, shares)
    for c in range(3):
        Z = X[y == c] - X[y == c].mean(0)
        np.testing.assert_allclose(own[c], Z.T @ Z, rtol=1e-10)
    torch.testing.assert_close(pooled, (shares[:, None, None] * own).sum(0))
    R = triangle(blocks, lambda b: b.X.double() - means[b.y], width=blocks.n_features)
    torch.testing.assert_close(R.T @ R, own.sum(0))


def test_float32_tensors_and_programs():
    X, y = load_breast_cancer(return_X_y=True)
    X = ((X - X.mean(0)) / X.std(0)).astype(np.float32)
    for cls in (LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis):
        model, wide = cls(tol=1e-5).fit(X, y), cls(tol=1e-5).fit(X.astype(np.float64), y)
        assert model.decision_function(X).dtype == np.float32
        assert (model.predict(X) == wide.predict(X)).mean() > 0.995
        T = torch.from_numpy(X[:6])
        again = torch.export.export(
            model.program_, (T,), dynamic_shapes=({0: torch.export.Dim("n")},)
        ).module()
        torch.testing.assert_close(again(T[:4]), model.program_(T[:4]))
        T.requires_grad_(True)
        model.program_(T).sum().backward()
        assert T.grad.abs().sum() > 0


def test_wrong_use_is_named():
    X, y = load_iris(return_X_y=True)
    with pytest.raises(NotImplementedError, match="shrinkage not supported"):
        LinearDiscriminantAnalysis(shrinkage=0.1).fit(X, y)
    with pytest.raises(NotImplementedError, match="use 'svd' or 'eigen'"):
        LinearDiscriminantAnalysis(solver="lsqr").fit(X, y).transform(X)
    with pytest.raises(ValueError, match="n_components cannot be larger.*at most 2"):
        LinearDiscriminantAnalysis(n_components=3).fit(X, y)
    with pytest.raises(ValueError, match="one number a class"):
        LinearDiscriminantAnalysis(priors=[0.5, 0.5]).fit(X, y)
    with pytest.warns(UserWarning, match="Renormalizing"):
        model = LinearDiscriminantAnalysis(priors=[1, 1, 2]).fit(X, y)
    np.testing.assert_allclose(model.priors_, [0.25, 0.25, 0.5])
    with pytest.raises(np.linalg.LinAlgError, match="shrinkage, or use solver='svd'"):
        LinearDiscriminantAnalysis(solver="eigen").fit(np.c_[X, np.ones(150)], y)
    with pytest.raises(np.linalg.LinAlgError, match="class 0 is not full rank.*reg_param"):
        QuadraticDiscriminantAnalysis().fit(np.c_[X, X[:, 0]], y)
    with pytest.raises(ValueError, match="only 1 sample in class 0"):
        QuadraticDiscriminantAnalysis().fit(X[49:], y[49:])
    with pytest.raises(ValueError, match="Only one of the two"):
        QuadraticDiscriminantAnalysis(
            solver="eigen", shrinkage=0.1, covariance_estimator=LedoitWolf()
        ).fit(X, y)

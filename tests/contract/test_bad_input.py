"""Data that linear models, machines, clusters and decompositions cannot be fitted to as they are:
scikit-learn's answer, or an error or a single warning that says what to do.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn.kernel_approximation
import sklearn.kernel_ridge
import sklearn.linear_model
import sklearn.svm
from numpy.testing import assert_allclose
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import has_fit_parameter

from dovetail.cluster import BisectingKMeans, KMeans, MiniBatchKMeans
from dovetail.covariance import EmpiricalCovariance, LedoitWolf
from dovetail.decomposition import PCA, IncrementalPCA, TruncatedSVD
from dovetail.discriminant_analysis import (
    LinearDiscriminantAnalysis,
    QuadraticDiscriminantAnalysis,
)
from dovetail.kernel_approximation import Nystroem, RBFSampler
from dovetail.kernel_ridge import KernelRidge
from dovetail.linear_model import (
    ElasticNet,
    GammaRegressor,
    Lasso,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from dovetail.mixture import GaussianMixture
from dovetail.naive_bayes import BernoulliNB, GaussianNB, MultinomialNB
from dovetail.svm import SVC, SVR, NuSVC, OneClassSVM
from tests.contract.instances import name_of, output

random = np.random.default_rng(0)
X = np.abs(random.normal(size=(60, 3)))
Y = 1 + X @ [1.0, 2.0, 0.5] + 0.1 * np.abs(random.normal(size=60))
LABELS = np.where(Y + random.normal(size=60) > np.median(Y), "high", "low")

CLASSIFIERS = [
    LogisticRegression(tol=1e-8, max_iter=1000),
    RidgeClassifier(),
    SVC(gamma=1.0),
    NuSVC(nu=0.3, gamma=1.0),
    GaussianNB(),
    MultinomialNB(),
    BernoulliNB(),
    LinearDiscriminantAnalysis(),
    SGDClassifier(random_state=0),
]
REGRESSORS = [
    LinearRegression(),
    Ridge(),
    RidgeCV(),
    Lasso(0.1),
    ElasticNet(0.1),
    LassoCV(alphas=5),
    PoissonRegressor(solver="newton-cholesky"),
    GammaRegressor(solver="newton-cholesky"),
    TweedieRegressor(solver="newton-cholesky"),
    SVR(gamma=1.0),
    KernelRidge(),
    SGDRegressor(random_state=0),
]
OTHERS = [
    KMeans(3, random_state=0),
    MiniBatchKMeans(3, random_state=0),
    BisectingKMeans(3, random_state=0),
    PCA(2),
    IncrementalPCA(2),
    TruncatedSVD(2, random_state=0),
    EmpiricalCovariance(),
    LedoitWolf(),
    GaussianMixture(2, random_state=0),
    Nystroem(n_components=10, random_state=0),
    RBFSampler(n_components=10, random_state=0),
    OneClassSVM(gamma=1.0),
]
ALL = [*CLASSIFIERS, *REGRESSORS, *OTHERS, QuadraticDiscriminantAnalysis()]


def target(model):
    return LABELS if is_classifier(model) else Y


@pytest.mark.parametrize("model", ALL, ids=name_of)
@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_numbers_that_are_none(model, value, word):
    Z = X.copy()
    Z[7, 1] = value
    with pytest.raises(ValueError, match=word):
        model.fit(Z, target(model))
    with pytest.raises(ValueError, match=rf"(?s){word}.*In the columns 'b'\."):
        model.fit(pd.DataFrame(Z, columns=list("abc")), target(model))


SHAPES = {
    "collinear": np.column_stack([X, X[:, 0] + X[:, 1], 3 * X[:, 2]]),
    "constant": np.column_stack([X, np.ones(60), np.zeros(60)]),
    "wide": np.abs(np.random.default_rng(1).normal(size=(60, 80))),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("model", [*CLASSIFIERS, *REGRESSORS, *OTHERS], ids=name_of)
def test_columns_that_depend_on_one_another(model, shape):
    Z = SHAPES[shape]
    found = np.asarray(output(model.fit(Z, target(model)), Z))
    assert found.dtype.kind not in "fc" or np.isfinite(found).all()
    peer = getattr(sklearn.linear_model, type(model).__name__, None)
    if peer is None or "SGD" in type(model).__name__:
        return
    expected = output(peer(**model.get_params()).fit(Z, target(model)), Z)
    assert_allclose(found, expected, atol=2e-3 * np.abs(expected).max())


@pytest.mark.parametrize("solver", ["lbfgs", "newton-cg", "newton-cholesky"])
def test_classes_that_a_plane_parts_without_a_penalty(solver):
    """The best coefficients are infinite: what is found is finite, and right for every row."""
    labels = X[:, 0] + X[:, 1] > 1.5
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = LogisticRegression(C=np.inf, solver=solver).fit(X, labels)
    assert np.isfinite(model.coef_).all()
    assert model.score(X, labels) == 1
    assert len(caught) <= 1
    assert all("penalty" in str(w.message) or "max_iter" in str(w.message) for w in caught)


WEIGHTED = [m for m in ALL if has_fit_parameter(m, "sample_weight")]


@pytest.mark.parametrize("model", WEIGHTED, ids=name_of)
def test_weights_that_are_all_zero(model):
    with pytest.raises(ValueError, match="(?i)all sample(s have| weights are) zero"):
        model.fit(X, target(model), sample_weight=np.zeros(60))


@pytest.mark.parametrize(
    "model",
    [m for m in WEIGHTED if not {"random_state", "cv"} & set(m.get_params()) or m in CLASSIFIERS],
    ids=name_of,
)
def test_rows_of_weight_zero_are_as_if_not_there(model):
    if isinstance(model, SGDClassifier):
        pytest.skip("a row of weight zero still takes its step of the schedule")
    y, w = target(model), np.where(np.arange(60) % 3, 1.0, 0.0)
    found = output(model.fit(X, y, sample_weight=w), X)
    expected = output(model.fit(X[w > 0], y[w > 0]), X)
    assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (LogisticRegression(solver="lbfgs", l1_ratio=1.0), "lbfgs.*l2"),
        (LogisticRegression(solver="newton-cholesky", l1_ratio=0.5), "newton-cholesky.*l2"),
        (LogisticRegression(solver="liblinear", C=np.inf), "liblinear"),
        (LogisticRegression(solver="liblinear", l1_ratio=0.5), "liblinear|l1_ratio"),
        (Ridge(solver="cholesky", positive=True), "positive"),
        (Ridge(solver="lbfgs"), "positive"),
    ],
    ids=name_of,
)
def test_solvers_refuse_penalties_they_do_not_know(model, words):
    with pytest.raises(ValueError, match=words):
        model.fit(X, target(model))


def indefinite():
    """A symmetric matrix with eigenvalues of both signs."""
    K = X @ X.T
    K -= 0.5 * np.outer(np.cos(Y), np.cos(Y)) * np.trace(K) / 60
    assert np.linalg.eigvalsh(K).min() < -0.1
    return K


@pytest.mark.filterwarnings("ignore:Singular matrix")
def test_precomputed_kernels_that_are_none():
    """Not positive: the objective has no floor, but each machine ends where its peer's does."""
    K = indefinite()
    ours, theirs = SVC(kernel="precomputed"), sklearn.svm.SVC(kernel="precomputed")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        same = ours.fit(K, LABELS).predict(K) == theirs.fit(K, LABELS).predict(K)
    assert same.mean() > 0.9
    assert np.isfinite(ours.dual_coef_).all()
    assert np.abs(ours.dual_coef_).max() <= 1 + 1e-9
    ridge = sklearn.kernel_ridge.KernelRidge(kernel="precomputed")
    found = KernelRidge(kernel="precomputed").fit(K, Y).predict(K)
    assert_allclose(found, ridge.fit(K, Y).predict(K), rtol=1e-6)
    options = {"kernel": "precomputed", "n_components": 60, "random_state": 0}
    peer = sklearn.kernel_approximation.Nystroem(**options).fit(K)
    found = Nystroem(**options).fit(K).transform(K)
    assert_allclose(found @ found.T, peer.transform(K) @ peer.transform(K).T, atol=1e-6)


@pytest.mark.parametrize("cls", [KMeans, MiniBatchKMeans, BisectingKMeans, GaussianMixture])
def test_more_clusters_than_distinct_points(cls):
    Z = np.repeat([[0.0, 0.0], [5.0, 5.0]], 20, axis=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model = cls(4, random_state=0).fit(Z)
    labels = model.predict(Z)
    assert len({*labels[:20]} | {*labels[20:]}) >= 2
    assert len({*labels[:20]}) == len({*labels[20:]}) == 1
    told = [str(w.message) for w in caught if issubclass(w.category, ConvergenceWarning)]
    assert len(told) <= 1
    if cls is KMeans:
        assert "2" in told[0]
        assert "4" in told[0]


@pytest.mark.parametrize(
    "model",
    [
        LogisticRegression(max_iter=1),
        LogisticRegression(max_iter=1, solver="newton-cholesky", tol=1e-12),
        LogisticRegression(max_iter=1, solver="saga", random_state=0),
        PoissonRegressor(max_iter=1),
        Lasso(1e-4, max_iter=1, tol=1e-12),
        LassoCV(alphas=5, max_iter=1, tol=1e-12),
        SVC(max_iter=1),
        SVR(max_iter=1),
        GaussianMixture(3, max_iter=1, random_state=0),
        SGDClassifier(max_iter=1, random_state=0),
        SGDRegressor(max_iter=1, random_state=0),
    ],
    ids=name_of,
)
def test_a_fit_cut_short_is_one_warning_with_advice(model):
    wide = np.column_stack([X, X**2, np.sin(5 * X)]) * [1, 10, 1, 1, 5, 1, 1, 1, 1]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(wide, target(model))
    told = [str(w.message) for w in caught if issubclass(w.category, ConvergenceWarning)]
    assert len(told) == len(caught) == 1
    assert "max_iter" in told[0] or "iteration" in told[0]
    assert any(word in told[0].lower() for word in ("increase", "raise", "more", "scal"))

"""Naive Bayes: scikit-learn's numbers; the same dense or sparse, whole or in portions."""

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.naive_bayes as reference
import torch
from sklearn.datasets import load_breast_cancer, load_digits

import dovetail.naive_bayes as ours
from dovetail.datasets import load_penguins
from dovetail.naive_bayes import CategoricalNB, GaussianNB

DISCRETE = ["MultinomialNB", "ComplementNB", "BernoulliNB"]
ALL = ["GaussianNB", "CategoricalNB", *DISCRETE]


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return X, y, np.random.default_rng(0).random(len(y)) + 0.1


def assert_same(model, exact, X):
    np.testing.assert_allclose(
        model.predict_joint_log_proba(X), exact.predict_joint_log_proba(X), rtol=1e-7, atol=1e-7
    )
    np.testing.assert_allclose(
        model.predict_log_proba(X), exact.predict_log_proba(X), rtol=1e-7, atol=1e-7
    )
    np.testing.assert_array_equal(model.predict(X), exact.predict(X))
    np.testing.assert_allclose(model.class_count_, exact.class_count_)


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("weighted", [False, True])
def test_digits_as_scikit_learn_learns_them(digits, name, weighted):
    X, y, w = digits
    w = w if weighted else None
    model, exact = getattr(ours, name)(), getattr(reference, name)()
    if name == "GaussianNB":
        X = load_breast_cancer().data
        y, w = load_breast_cancer().target, None if w is None else w[: len(X)]
        if weighted:  # smoothing looks at weights here, see below
            model.set_params(var_smoothing=0)
            exact.set_params(var_smoothing=0)
    assert_same(model.fit(X, y, w), exact.fit(X, y, w), X)


def test_moments_are_those_of_classes(digits):
    frame = load_penguins().frame.dropna()
    X, y = frame.select_dtypes("number").to_numpy(), frame["species"].to_numpy(dtype=object)
    model, exact = GaussianNB().fit(X, y), reference.GaussianNB().fit(X, y)
    np.testing.assert_allclose(model.theta_, exact.theta_, rtol=1e-12)
    np.testing.assert_allclose(model.var_, exact.var_, rtol=1e-10)
    np.testing.assert_allclose(model.class_prior_, exact.class_prior_)
    assert model.epsilon_ == pytest.approx(exact.epsilon_, rel=1e-12)
    assert model.score(X, y) > 0.95


@pytest.mark.parametrize("name", DISCRETE)
@pytest.mark.parametrize("format", [sp.csr_matrix, sp.csc_array, sp.coo_matrix])
def test_sparse_is_dense(digits, name, format):
    X, y, w = digits
    dense = getattr(ours, name)().fit(X, y, w)
    sparse = getattr(ours, name)().fit(format(X), y, w)
    np.testing.assert_allclose(sparse.feature_count_, dense.feature_count_, rtol=1e-12)
    np.testing.assert_allclose(
        sparse.predict_log_proba(format(X)), dense.predict_log_proba(X), rtol=1e-9
    )


@pytest.mark.parametrize("name", ALL)
def test_portions_are_the_whole(digits, name):
    X, y, w = digits
    X = X[:, X.std(0) > 0]
    whole = getattr(ours, name)().fit(X, y, w)
    model = getattr(ours, name)()
    order = np.argsort(y, kind="stable")  # so that portions do not hold all classes
    for part in np.array_split(order, 5):
        model.partial_fit(X[part], y[part], np.arange(10), w[part])
    np.testing.assert_allclose(
        model.predict_joint_log_proba(X), whole.predict_joint_log_proba(X), rtol=1e-7
    )


@pytest.mark.parametrize("name", ALL)
def test_large_means_and_float32(digits, name):
    X, y, _ = digits
    model = getattr(ours, name)().fit(X.astype(np.float32), y)
    exact = getattr(ours, name)().fit(X, y)
    assert model.predict_log_proba(X.astype(np.float32)).dtype == np.float32
    assert (model.predict(X.astype(np.float32)) == exact.predict(X)).mean() > 0.999


def test_large_means_cost_no_precision():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(500, 3)), rng.integers(0, 2, 500)
    model, moved = GaussianNB(var_smoothing=0), GaussianNB(var_smoothing=0)
    near = model.fit(X, y).predict_log_proba(X)
    far = moved.fit(X + 1e7, y).predict_log_proba(X + 1e7)
    np.testing.assert_allclose(near, far, atol=1e-6)


def test_smoothing_looks_at_weighted_variances():
    rng = np.random.default_rng(0)
    X, y, w = rng.normal(size=(60, 3)), rng.integers(0, 2, 60), rng.integers(1, 5, 60)
    weighted = GaussianNB(var_smoothing=0.1).fit(X, y, w)
    repeated = GaussianNB(var_smoothing=0.1).fit(np.repeat(X, w, 0), np.repeat(y, w))
    assert weighted.epsilon_ == pytest.approx(repeated.epsilon_, rel=1e-12)


@pytest.mark.parametrize(
    "options",
    [
        {"alpha": 0.3, "fit_prior": False},
        {"class_prior": np.full(10, 0.1)},
        {"alpha": np.linspace(0.1, 2, 64)},
        {"alpha": 1e-3, "force_alpha": False},
    ],
)
@pytest.mark.parametrize("name", DISCRETE)
def test_options_mean_what_they_mean_to_scikit_learn(digits, name, options):
    X, y, _ = digits
    if name == "BernoulliNB" and np.ndim(options.get("alpha", 0)):
        pytest.skip("scikit-learn fails unless there are as many classes as features")
    assert_same(
        getattr(ours, name)(**options).fit(X, y), getattr(reference, name)(**options).fit(X, y), X
    )


def test_smoothing_by_feature_is_that_of_each_feature_alone(digits):
    X, y, _ = digits
    alpha = np.linspace(0.1, 2, 64)
    both = ours.BernoulliNB(alpha=alpha).fit(X, y).feature_log_prob_
    for j in (3, 40):
        alone = reference.BernoulliNB(alpha=alpha[j]).fit(X, y).feature_log_prob_
        np.testing.assert_allclose(both[:, j], alone[:, j], rtol=1e-12)


def test_tiny_smoothing_is_raised_with_a_warning(digits):
    X, y, _ = digits
    with pytest.warns(UserWarning, match="alpha too small.*setting alpha = 1.0e-10"):
        raised = ours.MultinomialNB(alpha=0, force_alpha=False).fit(X, y)
    exact = reference.MultinomialNB(alpha=1e-10).fit(X, y)
    np.testing.assert_allclose(raised.feature_log_prob_, exact.feature_log_prob_, rtol=1e-12)


def test_normed_complements_and_thresholds(digits):
    X, y, _ = digits
    assert_same(
        ours.ComplementNB(norm=True).fit(X, y), reference.ComplementNB(norm=True).fit(X, y), X
    )
    for t in (5, None):
        Z = X if t else X / 16
        mine, theirs = ours.BernoulliNB(binarize=t), reference.BernoulliNB(binarize=t)
        assert_same(mine.fit(Z, y), theirs.fit(Z, y), Z)


def test_categories(digits):
    X, y, _ = digits
    model = CategoricalNB(min_categories=20).fit(X, y)
    exact = reference.CategoricalNB(min_categories=20).fit(X, y)
    np.testing.assert_array_equal(model.n_categories_, exact.n_categories_)
    for j in (0, 5, 63):
        np.testing.assert_allclose(model.category_count_[j], exact.category_count_[j])
        np.testing.assert_allclose(model.feature_log_prob_[j], exact.feature_log_prob_[j])
    with pytest.raises(IndexError, match="Feature 5 has category 30.*0 to 19.*min_categories"):
        model.predict(np.where(np.arange(64) == 5, 30, X))
    grown = CategoricalNB().partial_fit(X[:5] // 4, y[:5], classes=range(10))
    grown.partial_fit(X, y)
    both = CategoricalNB().fit(np.r_[X[:5] // 4, X], np.r_[y[:5], y])
    np.testing.assert_allclose(grown.predict_log_proba(X), both.predict_log_proba(X))


def test_programs_have_gradients_and_can_be_exported(digits):
    X, y, _ = digits
    for name in ALL:
        model = getattr(ours, name)().fit(X, y)
        rows = torch.from_numpy(X[:7]).clone()
        again = torch.export.export(
            model.program_, (rows,), dynamic_shapes=({0: torch.export.Dim("n")},)
        ).module()
        torch.testing.assert_close(again(rows[:3]), model.program_(rows[:3]))
    rows.requires_grad_(True)
    GaussianNB().fit(X, y).predict_proba(rows)[:, 3].sum().backward()
    assert torch.isfinite(rows.grad).all()
    assert rows.grad.abs().sum() > 0


def test_wrong_use_is_named(digits):
    X, y, _ = digits
    with pytest.raises(ValueError, match=r"target label.*\[9\].*do not exist"):
        GaussianNB().partial_fit(X, y, classes=range(9))
    with pytest.raises(ValueError, match="classes must be passed on the first call"):
        GaussianNB().partial_fit(X, y)
    with pytest.raises(ValueError, match="priors must match.*10 classes"):
        GaussianNB(priors=[0.5, 0.5]).fit(X, y)
    with pytest.raises(ValueError, match=r"sum of the priors should be 1.*10\.0"):
        GaussianNB(priors=np.ones(10)).fit(X, y)
    with pytest.raises(ValueError, match="Negative values in data passed to MultinomialNB"):
        ours.MultinomialNB().fit(X - 1, y)
    with pytest.raises(ValueError, match="should have shape"):
        CategoricalNB(min_categories=[3, 4]).fit(X, y)
    with pytest.warns(
        RuntimeWarning, match="feature 0 is constant in class 0.*Raise var_smoothing"
    ):
        GaussianNB(var_smoothing=0).fit(X, y)
    model = GaussianNB().fit(X, y)
    with pytest.raises(ValueError, match="is not the same as on last call"):
        model.partial_fit(X, y, classes=[1, 2])
    np.testing.assert_array_equal(model.classes_, np.arange(10))

"""Decision trees against their definition, scikit-learn's, and on real data."""

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.tree import DecisionTreeClassifier as TheirClassifier
from sklearn.tree import DecisionTreeRegressor as TheirRegressor

import dovetail as dv
from dovetail.datasets import load_california, load_penguins
from dovetail.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]


def penguins():
    X, y = load_penguins(return_X_y=True)
    return X[NUMBERS], y


def houses(rows=2000):
    X, y = load_california(return_X_y=True)
    X = X.drop(columns="ocean_proximity").to_numpy(np.float64)[:rows]
    return X, np.asarray(y, np.float64)[:rows] / 100_000


@pytest.mark.parametrize("criterion", ["gini", "entropy"])
@pytest.mark.parametrize("leaves", [None, 7])
def test_classes_as_scikit_learn(criterion, leaves):
    X, y = penguins()
    options = {"criterion": criterion, "max_leaf_nodes": leaves, "random_state": 0}
    ours, theirs = DecisionTreeClassifier(**options).fit(X, y), TheirClassifier(**options).fit(X, y)
    a, b = ours.tree_, theirs.tree_
    assert (a.node_count, a.max_depth, a.n_leaves) == (b.node_count, b.max_depth, b.n_leaves)
    np.testing.assert_allclose(np.sort(a.impurity), np.sort(b.impurity), atol=1e-12)
    assert ours.score(X, y) == theirs.score(X, y)


@pytest.mark.parametrize("criterion", ["squared_error", "absolute_error", "poisson"])
def test_numbers_as_scikit_learn(criterion):
    X, y = houses(500)
    options = {"criterion": criterion, "max_depth": 4, "min_samples_leaf": 5, "random_state": 0}
    ours, theirs = DecisionTreeRegressor(**options).fit(X, y), TheirRegressor(**options).fit(X, y)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-9)
    np.testing.assert_allclose(ours.feature_importances_, theirs.feature_importances_, rtol=1e-9)


def test_numbers_are_told_apart_in_their_own_precision():
    X = np.array([[1.0], [1.0 + 1e-12], [1.0 + 2e-12], [1.0 + 3e-12]])
    y = [0, 1, 0, 1]
    assert DecisionTreeClassifier().fit(X, y).score(X, y) == 1.0
    scaled = X * 1e-9
    assert DecisionTreeClassifier().fit(scaled, y).score(scaled, y) == 1.0


def test_several_outputs():
    X, y = penguins()
    labels = np.asarray(y, dtype=str)
    both = np.stack([labels, (labels == "Gentoo").astype(str)], axis=1)
    model = DecisionTreeClassifier(max_depth=5, random_state=0).fit(X, both)
    assert (model.predict(X) == both).mean() > 0.95
    first, second = model.predict_proba(X)
    assert first.shape == (len(X), 3)
    assert second.shape == (len(X), 2)
    np.testing.assert_allclose(first.sum(1), 1)
    X, y = houses()
    targets = np.stack([y, -2 * y], axis=1)
    out = DecisionTreeRegressor(max_depth=6, random_state=0).fit(X, targets).predict(X)
    np.testing.assert_allclose(out[:, 1], -2 * out[:, 0])


@pytest.mark.parametrize(
    "cls",
    [DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor],
)
def test_pruning_finds_the_smallest_best_subtree(cls):
    X, y = houses(400)
    y = np.digitize(y, [1.5, 2.5]) if "Classifier" in cls.__name__ else y
    model = cls(random_state=0)
    path = model.cost_complexity_pruning_path(X, y)
    assert (np.diff(path.ccp_alphas) >= 0).all()
    assert (np.diff(path.impurities) >= -1e-12).all()
    assert path.ccp_alphas[0] == 0
    price = []
    for alpha in (0.0, 0.002, 0.01, 0.05):
        tree = clone(model).set_params(ccp_alpha=alpha).fit(X, y).tree_
        leaf = tree.children_left == -1
        risk = (tree.impurity * tree.weighted_n_node_samples)[leaf].sum() / len(X)
        step = np.searchsorted(path.ccp_alphas, alpha, side="right") - 1
        assert risk == pytest.approx(path.impurities[step])
        price.append(tree.n_leaves)
    assert price == sorted(price, reverse=True)
    assert price[-1] < price[0]


def test_paths_and_leaves():
    X, y = penguins()
    model = DecisionTreeClassifier(random_state=0).fit(X, y)
    tree, leaves = model.tree_, model.apply(X)
    assert (tree.children_left[leaves] == -1).all()
    np.testing.assert_array_equal(
        np.bincount(leaves, minlength=tree.node_count)[leaves], tree.n_node_samples[leaves]
    )
    path = model.decision_path(X)
    np.testing.assert_array_equal(np.asarray(path.sum(0)).ravel(), tree.n_node_samples)
    depths = tree.compute_node_depths()
    np.testing.assert_array_equal(np.asarray(path.sum(1)).ravel(), depths[leaves])
    assert model.get_depth() == depths.max() - 1
    assert model.get_n_leaves() == len(np.unique(leaves))


def test_sparse_rows_are_the_dense_ones():
    X, y = houses(300)
    X = np.where(np.median(X, axis=0) < X, X, 0)
    dense = DecisionTreeRegressor(random_state=0).fit(X, y)
    for kind in (sp.csr_matrix, sp.csc_array):
        model = DecisionTreeRegressor(random_state=0).fit(kind(X), y)
        np.testing.assert_array_equal(model.predict(kind(X)), dense.predict(X))
        np.testing.assert_array_equal(model.apply(kind(X)), dense.apply(X))


def test_the_program_is_exported_and_saved(tmp_path):
    X, y = penguins()
    model = DecisionTreeClassifier(max_depth=4, random_state=0).fit(X, y)
    program, front = model.program_, model.front(X)
    exported = torch.export.export(program, (front,)).module()
    torch.testing.assert_close(exported(front), program(front))
    dv.save(model, tmp_path / "tree.dove")
    again = dv.load(tmp_path / "tree.dove")
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(again.tree_.threshold, model.tree_.threshold)


@pytest.mark.parametrize("of", [pd.DataFrame, lambda X: torch.from_numpy(np.array(X))])
def test_missing_values_go_where_they_gain_most(of):
    x = np.r_[np.linspace(0, 1, 50), np.full(20, np.nan)][:, None]
    y = np.r_[np.zeros(25), np.ones(45)]
    model = DecisionTreeClassifier().fit(of(x), y)
    assert model.tree_.node_count == 3
    assert model.score(of(x), y) == 1.0
    assert model.tree_.missing_go_to_left[0] == 0


def test_bad_input_is_named():
    X, y = houses(50)
    for options, message in (
        ({"monotonic_cst": [1, 0]}, r"monotonic_cst has shape 2 but the input data X has 8"),
        ({"monotonic_cst": [2] * 8}, "must be None or an array-like of -1, 0 or 1"),
        ({"max_features": 0}, "max_features"),
        ({"min_samples_split": 1.5}, "min_samples_split"),
    ):
        with pytest.raises(ValueError, match=message):
            DecisionTreeRegressor(**options).fit(X, y)
    with pytest.raises(ValueError, match="negative which is not allowed for Poisson"):
        DecisionTreeRegressor(criterion="poisson").fit(X, -y)
    with pytest.raises(ValueError, match="infinity"):
        DecisionTreeRegressor().fit(np.where(X > 5, np.inf, X), y)
    with pytest.raises(ValueError, match="y to be passed"):
        DecisionTreeClassifier().fit(X, None)
    with pytest.warns(FutureWarning, match="friedman_mse"):
        assert DecisionTreeRegressor(criterion="friedman_mse").criterion == "squared_error"

"""Forests: what they draw, what they predict, and what does not change it."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.model_selection import cross_val_score

import dovetail as dv
from dovetail.datasets import load_california, load_penguins
from dovetail.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
CLASSIFIERS = [RandomForestClassifier, ExtraTreesClassifier]
REGRESSORS = [RandomForestRegressor, ExtraTreesRegressor]


def penguins():
    X, y = load_penguins(return_X_y=True)
    return X[NUMBERS], y


def houses(rows=3000):
    X, y = load_california(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(y))[:rows]
    return X.drop(columns="ocean_proximity").to_numpy(np.float64)[order], np.asarray(y, np.float64)[
        order
    ]


@pytest.mark.parametrize("cls", CLASSIFIERS)
def test_penguins(cls):
    X, y = penguins()  # values are missing
    assert cross_val_score(cls(50, random_state=0), X, y).mean() > 0.96


@pytest.mark.parametrize("cls", REGRESSORS)
def test_houses(cls):
    X, y = houses()
    assert cross_val_score(cls(30, random_state=0), X, y, cv=3).mean() > 0.72


@pytest.mark.parametrize("cls", [*CLASSIFIERS, *REGRESSORS])
def test_threads_and_containers_change_nothing(cls):
    X, y = houses(600)
    y = np.digitize(y, [1.5, 2.5]) if cls in CLASSIFIERS else y
    one = cls(8, random_state=3, n_jobs=1).fit(X, y)
    two = cls(8, random_state=3, n_jobs=2).fit(torch.from_numpy(X), y)
    for a, b in zip(one.program_.buffers(), two.program_.buffers(), strict=True):
        torch.testing.assert_close(a, b, rtol=0, atol=0)
    np.testing.assert_array_equal(one.predict(X), two.predict(torch.from_numpy(X)))
    with torch.no_grad():
        program = one.program_(one.front(X)).numpy()
    shown = one.predict_proba(X) if cls in CLASSIFIERS else one.predict(X)
    np.testing.assert_allclose(program, shown, rtol=1e-12)


def test_a_forest_is_the_mean_of_its_trees():
    X, y = houses(500)
    model = RandomForestRegressor(7, random_state=0).fit(X, y)
    trees = np.mean([tree.predict(X) for tree in model.estimators_], axis=0)
    np.testing.assert_allclose(model.predict(X), trees)
    assert len(model) == 7
    assert model[2].random_state == model.estimators_[2].random_state
    leaves = model.apply(X)
    np.testing.assert_array_equal(leaves[:, 3], model[3].apply(X))
    path, begins = model.decision_path(X)
    assert path.shape == (500, begins[-1])
    inside = path[:, begins[3] : begins[4]]
    np.testing.assert_array_equal(inside.toarray(), model[3].decision_path(X).toarray())


def test_rows_out_of_the_bag():
    X, y = houses(800)
    model = RandomForestRegressor(40, oob_score=True, random_state=0).fit(X, y)
    total, counts = np.zeros(800), np.zeros(800)
    for tree, rows in zip(model.estimators_, model.estimators_samples_, strict=True):
        unseen = np.setdiff1d(np.arange(800), rows)
        total[unseen] += tree.predict(X[unseen])
        counts[unseen] += 1
    np.testing.assert_allclose(model.oob_prediction_, total / counts)
    assert model.oob_score_ == pytest.approx(1 - np.var(y - total / counts) / np.var(y), abs=0.01)


def test_warm_start_adds_the_trees_that_are_missing():
    X, y = penguins()
    whole = RandomForestClassifier(9, random_state=0).fit(X, y)
    model = RandomForestClassifier(4, random_state=0, warm_start=True).fit(X, y)
    model.set_params(n_estimators=9).fit(X, y)
    np.testing.assert_array_equal(model.predict_proba(X), whole.predict_proba(X))
    with pytest.raises(ValueError, match="n_estimators=3 must be larger or equal"):
        model.set_params(n_estimators=3).fit(X, y)


def test_class_weights_move_the_border():
    X, y = make_classification(600, weights=[0.9], flip_y=0.1, random_state=0)
    found = {}
    for weight in (None, "balanced", "balanced_subsample", {0: 1, 1: 100}):
        model = RandomForestClassifier(
            30, class_weight=weight, min_samples_leaf=10, random_state=0
        ).fit(X, y)
        found[str(weight)] = model.predict(X).mean()
    assert found["balanced"] > found["None"]
    assert found["balanced_subsample"] > found["None"]
    assert found["{0: 1, 1: 100}"] > found["balanced"]


def test_save_and_load(tmp_path):
    X, y = penguins()
    model = ExtraTreesClassifier(5, random_state=0).fit(X, y)
    dv.save(model, tmp_path / "forest.dove")
    again = dv.load(tmp_path / "forest.dove")
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    np.testing.assert_array_equal(again[1].tree_.threshold, model[1].tree_.threshold)


def test_bad_input_is_named():
    X, y = houses(60)
    with pytest.raises(ValueError, match="Out of bag estimation only available"):
        RandomForestRegressor(bootstrap=False, oob_score=True).fit(X, y)
    with pytest.raises(ValueError, match="`max_sample` cannot be set if `bootstrap=False`"):
        ExtraTreesRegressor(max_samples=10).fit(X, y)
    with pytest.warns(UserWarning, match="results in a low number"):
        RandomForestRegressor(3, max_samples=0.05).fit(X, y)
    with pytest.warns(UserWarning, match="do not have OOB scores"):
        RandomForestRegressor(1, oob_score=True).fit(X, y)


@pytest.mark.parametrize("cls", [RandomForestClassifier, ExtraTreesClassifier])
def test_each_tree_can_be_grown_again_from_its_rows(cls):
    X, y = load_penguins(return_X_y=True)
    X = X.select_dtypes("number").to_numpy()
    forest = cls(3, bootstrap=True, random_state=1).fit(X, y)
    for rows, tree in zip(forest.estimators_samples_, forest.estimators_, strict=True):
        again = clone(tree).fit(X[rows], np.searchsorted(forest.classes_, y.to_numpy())[rows])
        np.testing.assert_array_equal(again.tree_.feature, tree.tree_.feature)

"""Shapley values of fitted models: against the definition, and adding up to the scores."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import is_classifier
from sklearn.exceptions import NotFittedError

from dovetail.datasets import load_california, load_penguins
from dovetail.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from dovetail.ensemble._program import TreeScores
from dovetail.inspection import tree_shap
from dovetail.linear_model import Ridge
from dovetail.pipeline import make_pipeline
from dovetail.preprocessing import StandardScaler
from dovetail.tree import DecisionTreeClassifier, DecisionTreeRegressor

BIRDS, SPECIES = load_penguins(return_X_y=True)
MEASURES = BIRDS.select_dtypes("number").to_numpy()  # five, some missing
ISLANDS = BIRDS.assign(**{n: BIRDS[n].astype("category") for n in ("island", "sex")})
WHOLE = np.nan_to_num(MEASURES)
MASS = np.nan_to_num(MEASURES[:, 3], nan=4000.0)


def boosted(cls, **options):
    return cls(max_iter=6, max_leaf_nodes=9, early_stopping=False, random_state=0, **options)


MODELS = {
    "numbers": (boosted(HistGradientBoostingRegressor), MEASURES, MASS),
    "log link": (boosted(HistGradientBoostingRegressor, loss="poisson"), MEASURES, MASS),
    "two classes": (boosted(HistGradientBoostingClassifier), MEASURES, SPECIES == "Adelie"),
    "three classes": (boosted(HistGradientBoostingClassifier), MEASURES, SPECIES),
    "categories": (boosted(HistGradientBoostingRegressor), ISLANDS, MASS),
    "tree": (DecisionTreeRegressor(max_depth=5, random_state=0), MEASURES, MASS),
    "tree of classes": (DecisionTreeClassifier(max_depth=5, random_state=0), MEASURES, SPECIES),
    "several outputs": (
        DecisionTreeRegressor(max_depth=4, random_state=0),
        MEASURES,
        np.c_[MASS, -MASS, MASS**2],
    ),
    "forest": (RandomForestRegressor(4, max_depth=5, random_state=0), MEASURES, MASS),
    "forest of classes": (ExtraTreesClassifier(3, max_depth=4, random_state=0), WHOLE, SPECIES),
}
every = pytest.mark.parametrize("name", MODELS)


@pytest.fixture(scope="module")
def fitted():
    return {name: model.fit(X, y) for name, (model, X, y) in MODELS.items()}


def scores(model, X):
    if isinstance(model, HistGradientBoostingClassifier):
        return model.decision_function(X)
    if is_classifier(model):
        return model.predict_proba(X)
    return (
        np.log(model.predict(X))
        if model.get_params().get("loss") == "poisson"
        else (model.predict(X))
    )


@every
def test_values_add_up_to_the_scores(fitted, name):
    model, X = fitted[name], MODELS[name][1]
    found, expected = tree_shap(model, X), scores(model, X)
    assert found.values.shape[:2] == X.shape
    assert found.values.shape[2:] == expected.shape[1:]
    np.testing.assert_allclose(found.values.sum(1) + found.base_value, expected, 1e-9, 1e-12)


def known_score(model, X, known):
    """Scores of rows of which only the columns in `known` are given, tree by tree, by recursion."""
    program, rows = model.program_, np.asarray(model.front(X))
    boosting = isinstance(program, TreeScores)
    names = ["roots", "feature", "threshold", "left", "missing_right", "value"]
    names += ["category", "bits", "cover", "baseline"] if boosting else ["weight"]
    a = {name: np.asarray(getattr(program, name)) for name in names}
    weights = a["cover" if boosting else "weight"]

    def said(row, node):
        left, j = a["left"][node], a["feature"][node]
        if left == node:
            return np.atleast_1d(a["value"][node])
        if j in known:
            x, gone = row[j], np.isnan(row[j])
            right = x > a["threshold"][node]
            if boosting and a["category"][node] >= 0:
                gone = gone or x < 0
                code = 0 if gone else int(x)
                word = int(a["bits"][a["category"][node], code // 64]) % 2**64
                right = not word >> code % 64 & 1
            return said(row, left + int(a["missing_right"][node] if gone else right))
        share = weights[left] / (weights[left] + weights[left + 1])
        return share * said(row, left) + (1 - share) * said(row, left + 1)

    trees = np.array([[said(row, root) for root in a["roots"]] for row in rows])
    if not boosting:
        return trees.mean(1)
    k = len(a["baseline"])
    return trees[:, :, 0].reshape(len(rows), -1, k).sum(1) + a["baseline"]


@every
def test_values_are_those_of_the_definition(fitted, name):
    model, X = fitted[name], MODELS[name][1]
    X = X[:340:68]
    d = X.shape[1]
    sets = [frozenset(s) for r in range(d + 1) for s in itertools.combinations(range(d), r)]
    v = {known: known_score(model, X, known) for known in sets}
    found = tree_shap(model, X)
    for j in range(d):
        phi = 0
        for known in sets:
            if j not in known:
                share = 1 / (math.comb(d - 1, len(known)) * d)
                phi = phi + share * (v[known | {j}] - v[known])
        values = found.values[:, j].reshape(phi.shape)
        np.testing.assert_allclose(values, phi, rtol=1e-9, atol=1e-9 * abs(v[sets[0]]).max())
    base = np.atleast_1d(found.base_value)
    np.testing.assert_allclose(base, v[frozenset()][0], rtol=1e-12)


def test_a_feature_that_is_not_asked_for_gets_nothing(fitted):
    X = np.c_[MEASURES, np.zeros(len(MEASURES))]
    found = tree_shap(boosted(HistGradientBoostingRegressor).fit(X, MASS), X)
    assert not found.values[:, -1].any()


def test_real_houses_in_containers_of_all_kinds():
    X, y = load_california(return_X_y=True)
    X = X.select_dtypes("number")[:3000]
    model = HistGradientBoostingRegressor(max_iter=20, early_stopping=False).fit(X, y[:3000])
    found = tree_shap(model, X)
    assert isinstance(found.values, np.ndarray)
    assert isinstance(found.base_value, float)
    assert X.columns[abs(found.values).mean(0).argmax()] == "median_income"
    turned = tree_shap(model, X[X.columns[::-1]])  # frames are matched by name
    np.testing.assert_array_equal(turned.values, found.values)
    bare = HistGradientBoostingRegressor(max_iter=20, early_stopping=False)
    bare = bare.fit(X.to_numpy(), y[:3000])
    tensor = tree_shap(bare, torch.tensor(X.to_numpy()))
    assert isinstance(tensor.values, torch.Tensor)
    np.testing.assert_array_equal(tensor.values.numpy(), found.values)


def test_single_precision_stays(device):
    X = torch.tensor(np.nan_to_num(MEASURES), dtype=torch.float32, device=device)
    y = torch.tensor(MASS, dtype=torch.float32, device=device)
    model = boosted(HistGradientBoostingRegressor).fit(X, y)
    found = tree_shap(model, X)
    assert found.values.dtype == torch.float32
    assert found.values.device.type == device.type
    total = found.values.sum(1) + found.base_value
    torch.testing.assert_close(total, model.predict(X), rtol=1e-5, atol=0)


def test_an_empty_frame_is_refused_and_one_row_is_fine(fitted):
    model = fitted["numbers"]
    one, all_rows = tree_shap(model, MEASURES[:1]), tree_shap(model, MEASURES)
    np.testing.assert_allclose(one.values, all_rows.values[:1], rtol=1e-12)
    with pytest.raises(ValueError, match="0 sample"):
        tree_shap(model, MEASURES[:0])


def test_sparse_rows_are_explained_as_dense_ones(fitted):
    model = fitted["forest of classes"]
    dense, sparse = tree_shap(model, WHOLE), tree_shap(model, sp.csr_matrix(WHOLE))
    np.testing.assert_array_equal(sparse.values, dense.values)


def test_the_base_of_a_tree_is_the_mean(fitted):
    assert tree_shap(fitted["tree"], MEASURES).base_value == pytest.approx(MASS.mean())


def test_refusals():
    with pytest.raises(NotFittedError):
        tree_shap(HistGradientBoostingRegressor(), MEASURES)
    X = pd.DataFrame(np.nan_to_num(MEASURES))
    with pytest.raises(TypeError, match=r"explains decision trees, .* Got Ridge\.$"):
        tree_shap(Ridge().fit(X, MASS), X)
    pipeline = make_pipeline(StandardScaler(), boosted(HistGradientBoostingRegressor))
    pipeline.fit(X, MASS)
    with pytest.raises(TypeError, match=r"Give it the last step, .*pipeline\[:-1\]\.transform"):
        tree_shap(pipeline, X)
    assert tree_shap(pipeline[-1], pipeline[:-1].transform(X)).values.shape == X.shape

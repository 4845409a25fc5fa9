"""Boosting of several outputs by the same trees: what holds of one output holds of each."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import cross_val_predict
from sklearn.multioutput import MultiOutputRegressor

import dovetail as dv
from dovetail.datasets import load_penguins
from dovetail.ensemble import HistGradientBoostingRegressor
from dovetail.inspection import tree_shap

LOSSES = ["squared_error", "absolute_error", "quantile", "huber", "poisson", "gamma", "tweedie"]
TARGETS = ["bill_length_mm", "bill_depth_mm", "body_mass_g"]


def bodies():
    """Penguins: three of their measures, by the others, species and island."""
    X, species = load_penguins(return_X_y=True)
    X = X.assign(species=species).dropna(subset=TARGETS)
    y = X[TARGETS].to_numpy()
    return X.drop(columns=TARGETS), y / y.std(axis=0)


def model(**options):
    known = {"categorical_features": ["island", "sex", "species"], "random_state": 0}
    return HistGradientBoostingRegressor(**{**known, "max_iter": 40, "quantile": 0.5, **options})


def cosh(y, F):
    return (F - y).cosh().log()


@pytest.mark.parametrize("loss", [*LOSSES, cosh])
def test_as_good_as_models_of_one_output_each(loss):
    X, y = bodies()
    together, apart = (
        np.abs(cross_val_predict(m, X, y) - y).mean(axis=0)
        for m in (model(loss=loss), MultiOutputRegressor(model(loss=loss)))
    )
    assert together.shape == (3,)
    assert (together < 1.1 * apart).all()
    assert together.mean() < 1.03 * apart.mean()


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "absolute_error"])
def test_equal_outputs_are_one(loss):
    """Gains are twice those of one output, which chooses the same splits."""
    X, y = bodies()
    X = X[["flipper_length_mm", "year"]]  # an order of categories may be the reverse
    one = model(loss=loss, categorical_features=None).fit(X, y[:, 2])
    two = clone(one).fit(X, np.stack([y[:, 2], y[:, 2]], axis=1))
    np.testing.assert_array_equal(two.program_.feature, one.program_.feature)
    np.testing.assert_array_equal(two.program_.threshold, one.program_.threshold)
    np.testing.assert_allclose(two.predict(X), np.stack([one.predict(X)] * 2, axis=1))
    np.testing.assert_allclose(two.feature_importances_, one.feature_importances_)


def test_a_column_is_one_output():
    X, y = bodies()
    with pytest.warns(UserWarning, match="column-vector"):
        column = model().fit(X, y[:, :1])
    np.testing.assert_array_equal(column.predict(X), model().fit(X, y[:, 0]).predict(X))


@pytest.mark.parametrize("options", [{}, {"subsample": 0.5}, {"warm_start": True}])
def test_leaves_have_the_values_of_their_rows(options):
    """A first tree of learning rate 1 predicts the means of its leaves, whatever draws its rows."""
    X, y = bodies()
    fitted = model(max_iter=1, learning_rate=1.0, **options).fit(X, y)
    leaf = fitted.program_.leaves(fitted.front(X))[:, 0].numpy()
    for node in np.unique(leaf):
        assert fitted.program_.cover[node] == (leaf == node).sum()
    if "subsample" not in options:
        means = np.stack([y[leaf == node].mean(axis=0) for node in np.unique(leaf)])
        _, place = np.unique(leaf, return_inverse=True)
        np.testing.assert_allclose(fitted.predict(X), means[place], rtol=1e-6)
    if "warm_start" in options:
        further = clone(fitted).set_params(max_iter=20).fit(X, y).predict(X)
        np.testing.assert_array_equal(fitted.set_params(max_iter=20).fit(X, y).predict(X), further)


def test_many_rows_and_levels():
    """Packed sums, threads, a column of more codes than a byte and columns that are shared."""
    rng = np.random.default_rng(0)
    n = 40_000
    X = rng.normal(size=(n, 3))
    level = rng.integers(0, 400, n)
    effect = rng.normal(size=(400, 2))
    hot = np.eye(12)[rng.integers(0, 12, n)]
    y = effect[level] + hot[:, :2] + X[:, :2]
    X = np.column_stack([level, hot, X])
    options = {"categorical_features": [0], "early_stopping": False}
    fits = []
    for threads in (1, 2):
        with dv.config(threads=threads):
            fits.append(model(**options).fit(X, y))
    assert fits[0].score(X, y) > 0.95
    np.testing.assert_array_equal(fits[0].program_.feature, fits[1].program_.feature)
    np.testing.assert_allclose(fits[0].predict(X), fits[1].predict(X), rtol=1e-9)


def test_stages_and_early_stopping():
    X, y = bodies()
    fitted = model(early_stopping=True, n_iter_no_change=3, max_iter=300).fit(X, y)
    assert fitted.n_iter_ < 300
    assert fitted.n_trees_per_iteration_ == 1
    stages = list(fitted.staged_predict(X))
    assert len(stages) == fitted.n_iter_ == len(fitted.program_.roots)
    np.testing.assert_array_equal(stages[-1], fitted.predict(X))
    scored = model(early_stopping=True, scoring="r2", max_iter=20).fit(X, y)
    assert len(scored.validation_score_) == scored.n_iter_ + 1


def test_the_program_says_the_same_wherever_it_goes(tmp_path):
    X, y = bodies()
    fitted = model(loss="poisson").fit(X, y)
    program, front = fitted.program_, fitted.front(X)
    np.testing.assert_allclose(program(front), fitted.predict(X))
    exported = torch.export.export(program, (front,)).module()
    torch.testing.assert_close(exported(front), program(front))
    dv.save(fitted, tmp_path / "penguins.dove")
    np.testing.assert_array_equal(dv.load(tmp_path / "penguins.dove").predict(X), fitted.predict(X))


def test_shapley_values_add_up():
    X, y = bodies()
    fitted = model().fit(X, y)
    found = tree_shap(fitted, X)
    assert found.values.shape == (len(X), X.shape[1], 3)
    np.testing.assert_allclose(found.values.sum(1) + found.base_value, fitted.predict(X))


@pytest.mark.parametrize(
    ("options", "change", "message"),
    [
        ({"monotonic_cst": {"year": 1}}, {}, "several outputs"),
        ({"loss": "gamma"}, {(0, 1): -1.0}, "strictly positive y"),
        ({}, {(3, 2): np.nan}, "y contains NaN"),
    ],
)
def test_wrong_outputs(options, change, message):
    X, y = bodies()
    for place, value in change.items():
        y[place] = value
    with pytest.raises(ValueError, match=message):
        model(**options).fit(X, y)


def test_another_number_of_outputs():
    X, y = bodies()
    fitted = model(warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="gave 3 scores a row, this needs 2"):
        fitted.set_params(max_iter=50).fit(X, y[:, :2])

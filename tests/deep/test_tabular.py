"""Tabular nets on raw tables: words, missing values, weights, files, and their worth."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, train_test_split

import dovetail as dv
from dovetail.datasets import load_adult, load_california
from dovetail.deep import TabularClassifier, TabularRegressor, find_lr
from dovetail.errors import DataError, SchemaError
from dovetail.linear_model import Ridge
from dovetail.pipeline import make_pipeline

RNG = np.random.default_rng(0)
QUICK = {"n_members": 4, "width": 16, "max_epochs": 8, "batch_size": 64, "random_state": 0}
WORDS = ["workclass", "education", "marital_status", "sex"]


@pytest.fixture(scope="module")
def adult():
    X, y = load_adult(return_X_y=True)
    return X[:1200], np.asarray(y[:1200])


@pytest.fixture(scope="module")
def california():
    X, y = load_california(return_X_y=True)
    rows = RNG.permutation(len(X))[:3000]
    return X.iloc[rows].reset_index(drop=True), np.asarray(y)[rows]


# -- what it is for


def test_house_values_are_predicted_better_than_by_a_linear_model(california):
    X, X_test, y, y_test = train_test_split(*california, random_state=0)
    net = TabularRegressor(n_members=4, width=64, max_epochs=10, random_state=0).fit(X, y)
    linear = make_pipeline(dv.preparation("linear"), Ridge()).fit(X, y)
    assert net.score(X_test, y_test) > linear.score(X_test, y_test) + 0.05


# -- tables


def test_frames_of_every_kind_are_the_same_table(adult):
    X, y = adult
    expected = TabularClassifier(**QUICK).fit(X, y)
    assert expected.is_categorical_.sum() == 8
    columns = {c: X[c].astype(object).where(X[c].notna(), None).tolist() for c in X}
    as_category = X.astype(
        {c: "category" for c in X if expected.is_categorical_[X.columns.get_loc(c)]}
    )
    for table in (pl.DataFrame(columns), pa.table(columns), as_category):
        found = TabularClassifier(**QUICK).fit(table, y)
        np.testing.assert_allclose(
            found.predict_proba(table), expected.predict_proba(X), rtol=1e-5, atol=1e-7
        )


def test_unknown_and_missing_words_are_met(adult):
    X, y = adult
    model = TabularClassifier(**QUICK).fit(X, y)
    strange = X[:3].copy()
    strange["workclass"] = ["astronaut", None, "diver"]
    strange.loc[0, "age"] = np.nan
    P = model.predict_proba(strange)
    assert np.isfinite(P).all()
    assert P.sum(1) == pytest.approx(np.ones(3))
    swapped = strange.assign(workclass=["diver", None, "astronaut"])
    np.testing.assert_array_equal(model.predict_proba(swapped), P)


def test_missing_numbers_tell_something():
    X = RNG.normal(size=(600, 2))
    y = (RNG.random(600) < 0.5).astype(int)
    X[y == 1, 0] = np.nan
    assert TabularClassifier(**QUICK).fit(X, y).score(X, y) > 0.95


def test_which_columns_are_categories():
    X = pd.DataFrame({"code": RNG.integers(0, 3, 300), "x": RNG.normal(size=300)})
    y = np.array([3.0, -2.0, 5.0])[X["code"]]
    chosen = TabularRegressor(categorical_features=["code"], **QUICK).fit(X, y)
    assert chosen.is_categorical_.tolist() == [True, False]
    assert chosen.score(X, y) > 0.2
    assert not TabularRegressor(**QUICK).fit(X, y).is_categorical_.any()
    words = X.assign(code=X["code"].map({0: "a", 1: "b", 2: "c"}))
    with pytest.raises(DataError, match="'code' holds what is no number"):
        TabularRegressor(categorical_features=["x"], **QUICK).fit(words, y)
    objects = words.to_numpy(dtype=object)
    assert TabularRegressor(**QUICK).fit(objects, y).is_categorical_.tolist() == [True, False]


def test_dates_are_refused_with_a_way_out(adult):
    X = pd.DataFrame({"day": pd.date_range("2020-01-01", periods=30), "word": ["a", "b", "c"] * 10})
    with pytest.raises(DataError, match="encode it first"):
        TabularClassifier(**QUICK).fit(X, np.arange(30) % 2)


def test_columns_of_another_table_are_named(adult):
    X, y = adult
    model = TabularClassifier(**QUICK).fit(X, y)
    with pytest.raises(SchemaError, match="workclas"):
        model.predict(X.rename(columns={"workclass": "workclas"}))


# -- members


def test_probabilities_are_the_members_mean(adult):
    X, y = adult
    model = TabularClassifier(**QUICK).fit(X, y)
    with torch.no_grad():
        members = model.program_.module(model.front(X))
    assert members.shape == (len(X), 4, 2)
    np.testing.assert_allclose(
        model.predict_proba(X), members.softmax(2).mean(1).numpy(), rtol=1e-5
    )
    assert float(members.std(1).mean()) > 0


def test_numbers_keep_their_unit(california):
    X, y = california
    one = TabularRegressor(**QUICK).fit(X[:800], y[:800])
    other = TabularRegressor(**QUICK).fit(X[:800], 1e-3 * y[:800] + 7)
    np.testing.assert_allclose(other.predict(X), 1e-3 * one.predict(X) + 7, rtol=1e-3)


def test_several_outputs_and_a_constant_one(california):
    X, y = california
    targets = np.column_stack([y, -y, np.full(len(y), 3.0)])[:800]
    model = TabularRegressor(**QUICK).fit(X[:800], targets)
    found = model.predict(X)
    assert found.shape == (len(X), 3)
    assert np.corrcoef(found[:, 0], -found[:, 1])[0, 1] > 0.9
    assert found[:, 2] == pytest.approx(np.full(len(X), 3.0), abs=0.5)


@pytest.mark.parametrize("options", [{"embedding": "periodic"}, {"n_layers": 1}, {"dropout": 0.0}])
def test_other_shapes_learn(california, options):
    X, y = california
    model = TabularRegressor(**QUICK | {"lr": 0.01} | options).fit(X[:800], y[:800])
    assert model.score(X, y) > 0.3


# -- training


def test_training_stops_early_and_keeps_its_best():
    X = RNG.normal(size=(300, 3))
    y = RNG.normal(size=300)  # nothing to learn
    model = TabularRegressor(**QUICK | {"max_epochs": 60, "n_iter_no_change": 3, "lr": 0.02})
    model.fit(X, y)
    assert model.n_iter_ < 60
    scores = model.history_["validation_score"]
    assert np.argmax(scores) < len(scores) - 1
    assert abs(model.predict(X)).mean() < 1


def test_a_time_budget_is_kept(california):
    X, y = california
    model = TabularRegressor(**QUICK | {"max_epochs": 10_000, "early_stopping": False})
    with dv.config(time_budget=0.5), pytest.warns(UserWarning, match="time budget"):
        model.fit(X, y)
    assert model.n_iter_ < 1000
    assert np.isfinite(model.predict(X)).all()


def test_weights_of_rows_and_classes_count(adult):
    X, y = adult
    X = X.reset_index(drop=True)
    rare = y == ">50K"
    assert 0.1 < rare.mean() < 0.4
    plain = TabularClassifier(**QUICK).fit(X, y)
    balanced = TabularClassifier(class_weight="balanced", **QUICK).fit(X, y)
    assert (balanced.predict(X) == ">50K").sum() > (plain.predict(X) == ">50K").sum()


def test_rows_without_weight_are_as_if_they_were_not_there(california):
    X, y = california
    X = X[["latitude", "longitude", "median_income"]]
    w = np.where(np.arange(len(y)) < 600, 1.0, 0.0)
    dropped = TabularRegressor(**QUICK).fit(X[:600], y[:600])
    ignored = TabularRegressor(**QUICK).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(ignored.predict(X), dropped.predict(X), rtol=1e-4)


def test_what_cannot_be_learned_is_refused():
    with pytest.raises(ValueError, match="at least 2 classes"):
        TabularClassifier(**QUICK).fit(RNG.normal(size=(40, 2)), ["only"] * 40)
    with pytest.raises(AttributeError, match="warm_start"):
        TabularClassifier().partial_fit([[0.0]], [1])


def test_learning_rates_can_be_swept(california):
    X, y = california
    sweep = find_lr(TabularRegressor(**QUICK), X[:600], y[:600], steps=60)
    assert len(sweep.rates) > 20
    assert np.isfinite(sweep.losses).all()


def test_grids_search_its_shape(california):
    X, y = california
    search = GridSearchCV(TabularRegressor(**QUICK), {"width": [2, 32]}, cv=2).fit(X[:600], y[:600])
    assert search.best_params_ == {"width": 32}


def test_the_data_decide_on_batches_and_vectors():
    model = TabularRegressor()
    assert [model._rows_of_a_step(n) for n in (10, 1_000, 30_000, 10**6)] == [10, 32, 256, 1024]
    wide = clone(model).set_params(**QUICK).fit(RNG.normal(size=(40, 300)), np.arange(40.0))
    assert wide.program_.module.hidden[0].in_features <= 1024


# -- files and graphs


def test_a_file_holds_it(adult, tmp_path):
    X, y = adult
    model = TabularClassifier(**QUICK).fit(X, y)
    again = dv.load(dv.save(model, tmp_path / "net.dove"))
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("role", [TabularClassifier, TabularRegressor])
def test_it_is_one_graph_behind_the_strings(role, adult):
    X, y = adult
    y = y if role is TabularClassifier else np.asarray(X["age"], dtype=float)
    model = role(**QUICK).fit(X, y)
    tensor = model.front(X)
    rows = torch.export.Dim("rows", min=2, max=10_000)
    graph = torch.export.export(model.program_, (tensor[:40],), dynamic_shapes=({0: rows},))
    torch.testing.assert_close(graph.module()(tensor), model.program_(tensor), rtol=1e-4, atol=1e-5)

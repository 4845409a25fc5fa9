"""Histogram gradient boosting: constraints hold, categories and missing values are native, the same
model whatever the container, the number of threads and the order of categories.
"""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier as TheirClassifier
from sklearn.ensemble import HistGradientBoostingRegressor as TheirRegressor
from sklearn.metrics import mean_pinball_loss
from sklearn.model_selection import cross_val_score

import dovetail as dv
from dovetail.data import bins
from dovetail.datasets import load_penguins
from dovetail.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from dovetail.errors import DataError

N = 600
TOWNS = ["Ulm", "Köln", "Bonn", "Jena"]


def numbers(seed=0, n=N):
    """Three numbers, some missing, and a target that uses them."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    y = X[:, 0] + 2 * np.sin(2 * X[:, 1]) * (X[:, 2] > 0) + 0.3 * rng.normal(size=n)
    X[rng.random((n, 3)) < 0.1] = np.nan
    return X, y


def towns():
    """An arrow table as streams have it: a dictionary, numbers and booleans, all with nulls."""
    rng = np.random.default_rng(0)
    town = rng.choice([*TOWNS, None], N)
    x = rng.normal(size=N)
    flag = rng.random(N) < 0.5
    label = np.isin(town, ["Ulm", "Jena"]) ^ (x > 0.5)
    table = pa.table(
        {
            "town": pa.array(town).dictionary_encode(),
            "x": pa.array(np.where(rng.random(N) < 0.1, np.nan, x), from_pandas=True),
            "flag": pa.array([bool(f) if i % 9 else None for i, f in enumerate(flag)]),
        }
    )
    return table, label.astype(int)


def recoded(table, levels):
    """The same table with another dictionary."""
    place = {level: code for code, level in enumerate(levels)}
    codes = pa.array([place.get(v) for v in table["town"].to_pylist()], pa.int32())
    column = pa.DictionaryArray.from_arrays(codes, pa.array(levels))
    return table.set_column(0, "town", column)


# -- fit and quality


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "gamma", "poisson"])
def test_regression_is_as_good_as_scikit_learns(loss):
    X, y = numbers()
    y = np.exp(y / 2) if loss in ("gamma", "poisson") else y
    ours, theirs = (
        cross_val_score(model(loss=loss, random_state=0, max_iter=40), X, y, cv=3)
        for model in (HistGradientBoostingRegressor, TheirRegressor)
    )
    assert ours.mean() > theirs.mean() - 0.02


@pytest.mark.parametrize("classes", [2, 3])
def test_classification_is_as_good_as_scikit_learns(classes):
    X, y = numbers()
    labels = np.array(["low", "mid", "top"])[np.digitize(y, [0, 1][: classes - 1])]
    ours, theirs = (
        cross_val_score(model(random_state=0, max_iter=30), X, labels, cv=3, scoring="neg_log_loss")
        for model in (HistGradientBoostingClassifier, TheirClassifier)
    )
    assert ours.mean() > theirs.mean() - 0.02


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_quantiles(quantile):
    X, y = numbers()
    model = HistGradientBoostingRegressor("quantile", quantile=quantile, max_iter=60).fit(X, y)
    assert np.mean(y <= model.predict(X)) == pytest.approx(quantile, abs=0.05)
    constant = np.full(N, np.quantile(y, quantile))
    pinball = mean_pinball_loss(y, model.predict(X), alpha=quantile)
    assert pinball < 0.7 * mean_pinball_loss(y, constant, alpha=quantile)


def test_huber_stands_outliers():
    X, y = numbers(n=2000)
    spoilt = y + (np.random.default_rng(2).random(2000) < 0.08) * 50
    clean = numbers(seed=1)
    scores = {
        loss: HistGradientBoostingRegressor(loss, max_iter=60).fit(X, spoilt).score(*clean)
        for loss in ("squared_error", "huber")
    }
    assert scores["squared_error"] < 0.3
    assert scores["huber"] > 0.7
    model = HistGradientBoostingRegressor("huber", max_iter=60)
    a, b = model.fit(X, spoilt).predict(X), model.fit(X, 1000 * spoilt).predict(X)
    np.testing.assert_allclose(1000 * a, b, rtol=1e-6, atol=1e-6)  # whatever the unit of y


def test_tweedie_predicts_means_of_claims():
    rng = np.random.default_rng(0)
    X = rng.random((4000, 2))
    mean = np.exp(2 * X[:, 0] - X[:, 1])
    claims = rng.poisson(mean)
    y = np.array([rng.gamma(2.0, 0.5, c).sum() for c in claims])
    assert (y == 0).mean() > 0.2
    model = HistGradientBoostingRegressor(
        "tweedie", tweedie_power=1.4, max_iter=40, max_leaf_nodes=6
    )
    found = model.fit(X, y).predict(X)
    assert (found > 0).all()
    assert found.mean() == pytest.approx(y.mean(), rel=0.02)
    assert np.corrcoef(np.log(found), np.log(mean))[0, 1] > 0.95
    poisson = HistGradientBoostingRegressor("poisson", max_iter=40, max_leaf_nodes=6)
    near = HistGradientBoostingRegressor(
        "tweedie", tweedie_power=1 + 1e-9, max_iter=40, max_leaf_nodes=6
    )
    np.testing.assert_allclose(near.fit(X, y).predict(X), poisson.fit(X, y).predict(X), rtol=1e-5)


def half_square(y, F):
    return (F - y).square() / 2


def test_a_function_as_loss(tmp_path):
    X, y = numbers()
    w = np.random.default_rng(1).random(N)
    theirs = HistGradientBoostingRegressor(max_iter=10).fit(X, y, sample_weight=w)
    ours = HistGradientBoostingRegressor(half_square, max_iter=10).fit(X, y, sample_weight=w)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-5, atol=1e-5)
    steep = HistGradientBoostingRegressor(
        lambda y, F: torch.where(y > F, 4 * (y - F), F - y), max_iter=60, early_stopping=True
    ).fit(X, y)
    assert np.mean(y < steep.predict(X)) == pytest.approx(0.8, abs=0.06)
    with pytest.raises(
        dv.errors.BundleError, match="loss is the function half_square, which is code"
    ):
        dv.save(ours, tmp_path / "model.dove")
    path = dv.save(ours, tmp_path / "model.dove", trusted=[half_square])
    again = dv.load(path, trusted=[half_square])
    np.testing.assert_array_equal(again.predict(X), ours.predict(X))


def test_weights_are_repeats():
    X, y = numbers()
    w = np.random.default_rng(1).integers(0, 4, N)
    small = {"max_iter": 15, "min_samples_leaf": 1, "max_leaf_nodes": 6}
    weighted = HistGradientBoostingRegressor(**small).fit(X, y, sample_weight=w)
    repeated = HistGradientBoostingRegressor(**small).fit(np.repeat(X, w, 0), np.repeat(y, w))
    np.testing.assert_allclose(weighted.predict(X), repeated.predict(X), atol=1e-6)


def test_class_weights_are_weights():
    X, y = numbers()
    y = y > 1
    w = np.where(y, 3.0, 0.5)
    by_class = HistGradientBoostingClassifier(max_iter=10, class_weight={True: 3.0, False: 0.5})
    by_row = HistGradientBoostingClassifier(max_iter=10).fit(X, y, sample_weight=w)
    np.testing.assert_array_equal(by_class.fit(X, y).predict_proba(X), by_row.predict_proba(X))


def test_missing_values_go_where_they_belong():
    x = np.r_[np.arange(50.0), np.full(50, np.nan)]
    for inside in (x < 25, x >= 25):
        y = inside | np.isnan(x)
        model = HistGradientBoostingClassifier(max_iter=20, min_samples_leaf=5).fit(x[:, None], y)
        np.testing.assert_array_equal(model.predict(x[:, None]), y)


# -- limits


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(
    "loss", ["squared_error", "absolute_error", "quantile", "poisson", "huber", "tweedie"]
)
def test_monotonic_constraints_hold(loss, sign):
    X, y = numbers()
    y = y - y.min() + 0.1
    quantile = 0.7 if loss == "quantile" else None
    model = HistGradientBoostingRegressor(
        loss, quantile=quantile, monotonic_cst=[0, sign, 0], max_iter=40, min_samples_leaf=5
    ).fit(X, y)
    grid = np.linspace(-3, 3, 100)
    for row in X[:40]:
        line = np.tile(row, (100, 1))
        line[:, 1] = grid
        assert (sign * np.diff(model.predict(line))).min() >= -1e-12


def test_features_that_may_not_interact_are_additive():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N, 3))
    y = X[:, 0] * X[:, 1] + X[:, 2]
    model = HistGradientBoostingRegressor(max_iter=30, interaction_cst="no_interactions").fit(X, y)
    a, b = np.array([[-1.0, 1.0, 0.0]]), np.array([[1.0, -1.0, 0.0]])
    both, corner = np.array([[1.0, 1.0, 0.0]]), np.array([[-1.0, -1.0, 0.0]])
    left = model.predict(both) + model.predict(corner)
    np.testing.assert_allclose(left, model.predict(a) + model.predict(b), atol=1e-10)


@pytest.mark.parametrize(
    "limit",
    [
        {"max_leaf_nodes": 2},
        {"max_depth": 1},
        {"min_samples_leaf": N // 2},
        {"max_bins": 2},
        {"learning_rate": 0.01},
        {"l2_regularization": 1e4},
        {"max_features": 0.01},
    ],
)
def test_every_limit_makes_the_fit_coarser(limit):
    X, y = numbers()
    coarse = HistGradientBoostingRegressor(max_iter=20, random_state=0, **limit).fit(X, y)
    assert coarse.score(X, y) < HistGradientBoostingRegressor(max_iter=20).fit(X, y).score(X, y)


# -- importances


@pytest.mark.parametrize("weighted", [False, True])
def test_gain_and_cover_are_those_of_the_rows(weighted):
    X, y = numbers()
    X = np.nan_to_num(X)
    w = np.random.default_rng(1).random(N) + 0.5 if weighted else np.ones(N)
    model = HistGradientBoostingRegressor(
        max_iter=1, max_leaf_nodes=9, l2_regularization=2.0, early_stopping=False
    ).fit(X, y, sample_weight=w if weighted else None)
    program = model.program_
    residual = y - np.average(y, weights=w)
    inside = {0: np.ones(N, bool)}
    total = np.zeros(3)
    for node in range(len(program.left)):
        left, rows = int(program.left[node]), inside[node]
        assert program.cover[node] == rows.sum()
        if left == node:
            assert program.gain[node] == 0
            continue
        j = int(program.feature[node])
        right = X[:, j] > program.threshold[node].item()
        inside |= {left: rows & ~right, left + 1: rows & right}
        parts = [
            (w * residual)[i].sum() ** 2 / (w[i].sum() + 2) for i in (inside[left], rows & right)
        ]
        whole = (w * residual)[rows].sum() ** 2 / (w[rows].sum() + 2)
        gain = sum(parts) - whole
        assert program.gain[node].item() == pytest.approx(gain, rel=1e-6 if weighted else 1e-8)
        total[j] += gain
    np.testing.assert_allclose(model.feature_importances(), total, rtol=1e-6)
    np.testing.assert_allclose(model.feature_importances_, total / total.sum(), rtol=1e-6)
    assert model.feature_importances("split").sum() == 8


def test_importances():
    X, y = numbers()
    model = HistGradientBoostingClassifier(max_iter=5, warm_start=True).fit(
        X, np.digitize(y, [0, 1])
    )
    assert model.feature_importances_.sum() == pytest.approx(1)
    few = model.feature_importances("split")
    model.set_params(max_iter=10).fit(X, np.digitize(y, [0, 1]))
    assert (model.feature_importances("split") > few).all()
    assert len(model.program_.cover) == len(model.program_.left)
    with pytest.raises(ValueError, match="kind must be 'gain' or 'split'. Got 'cover'"):
        model.feature_importances("cover")
    constant = HistGradientBoostingRegressor(max_iter=2).fit(X, np.ones(N))
    np.testing.assert_array_equal(constant.feature_importances_, np.zeros(3))


def test_models_that_kept_no_gains_predict_and_go_on():
    X, y = numbers()
    model = HistGradientBoostingRegressor(max_iter=3, warm_start=True).fit(X, y)
    expected = model.predict(X)
    model._program = model.program_.replace(gain=None, cover=None)
    np.testing.assert_array_equal(model.predict(X), expected)
    assert model.set_params(max_iter=5).fit(X, y).n_iter_ == 5
    with pytest.raises(ValueError, match="did not keep what splits gained"):
        model.feature_importances()


# -- stages, early stopping, warm start


def test_the_last_stage_is_the_prediction():
    X, y = numbers()
    model = HistGradientBoostingClassifier(max_iter=7).fit(X, np.digitize(y, [0, 1]))
    for stages, answer in (
        (model.staged_predict, model.predict),
        (model.staged_predict_proba, model.predict_proba),
        (model.staged_decision_function, model.decision_function),
    ):
        found = list(stages(X))
        assert len(found) == 7
        np.testing.assert_array_equal(found[-1], answer(X))


@pytest.mark.parametrize("scoring", ["loss", "r2", None, lambda model, X, y: model.score(X, y)])
def test_early_stopping(scoring):
    X, y = numbers()
    more, target = numbers(seed=1, n=200)
    model = HistGradientBoostingRegressor(
        learning_rate=0.5, early_stopping=True, scoring=scoring, n_iter_no_change=3, random_state=0
    )
    held_out = model.fit(X, y).n_iter_
    assert 3 <= held_out < 100
    assert len(model.train_score_) == len(model.validation_score_) == held_out + 1
    model.fit(X, y, X_val=more, y_val=target)
    expected = model.score(more, target) if scoring != "loss" else -mse(model, more, target) / 2
    assert model.validation_score_[-1] == pytest.approx(expected)
    model.set_params(validation_fraction=None).fit(X, y)
    assert len(model.validation_score_) == 0
    assert len(model.train_score_) == model.n_iter_ + 1


def mse(model, X, y):
    return np.mean((model.predict(X) - y) ** 2)


def test_scorers_are_shown_columns_of_categories():
    table, y = towns()
    model = HistGradientBoostingClassifier(early_stopping=True, scoring="roc_auc", max_iter=20)
    assert model.fit(table, y).validation_score_[-1] > 0.9


def test_warm_start_adds_trees():
    X, y = numbers()
    whole = HistGradientBoostingRegressor(max_iter=20, max_features=0.5, random_state=0).fit(X, y)
    parts = HistGradientBoostingRegressor(
        max_iter=8, max_features=0.5, random_state=0, warm_start=True
    ).fit(X, y)
    parts.set_params(max_iter=20).fit(X, y)
    assert parts.n_iter_ == 20
    np.testing.assert_allclose(parts.predict(X), whole.predict(X), atol=1e-10)
    with pytest.raises(ValueError, match="must be larger than or equal to n_iter_=20"):
        parts.set_params(max_iter=5).fit(X, y)


# -- samples of rows

SAMPLED = [
    {"subsample": 0.5},
    {"subsample": 0.3, "sampling": "gradient"},
]


@pytest.mark.parametrize("sample", SAMPLED)
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson", half_square])
def test_all_rows_move_with_trees_grown_on_some(sample, loss):
    """What training thinks its rows' scores are is what the model predicts."""
    X, y = numbers()
    y = y - y.min() + 0.1
    X = pd.DataFrame(X, columns=list("abc")).assign(kind=pd.Categorical(list("uvw") * (N // 3)))
    model = HistGradientBoostingRegressor(
        loss,
        max_iter=20,
        random_state=0,
        early_stopping=True,
        validation_fraction=None,
        scoring="neg_mean_absolute_error",
        min_samples_leaf=5,
        **sample,
    ).fit(X, y)
    error = np.abs(model.predict(X) - y).mean()
    assert model.train_score_[-1] == pytest.approx(-error)
    assert error < 0.7 * np.abs(y - np.median(y)).mean()
    program = model.program_
    left, cover = program.left, program.cover
    split = left != torch.arange(len(left))
    assert (cover[program.roots] == N).all()
    torch.testing.assert_close(cover[left[split]] + cover[left[split] + 1], cover[split])


@pytest.mark.parametrize("sample", SAMPLED)
def test_sampled_fits_are_drawn_from_the_seed(sample):
    X, y = numbers()
    whole, same, other = (
        HistGradientBoostingClassifier(max_iter=8, random_state=seed, **sample).fit(X, y > 0)
        for seed in (0, 0, 1)
    )
    expected = whole.predict_proba(X)
    np.testing.assert_array_equal(same.predict_proba(X), expected)
    assert (other.predict_proba(X) != expected).any()
    parts = HistGradientBoostingClassifier(max_iter=3, random_state=0, warm_start=True, **sample)
    parts.fit(X, y > 0).set_params(max_iter=8).fit(X, y > 0)
    np.testing.assert_allclose(parts.predict_proba(X), expected, atol=1e-12)


@pytest.mark.parametrize("sample", SAMPLED)
def test_sampled_classes(sample):
    X, y = numbers(n=2000)
    labels, more = np.digitize(y, [0, 1]), numbers(seed=1, n=2000)
    model = HistGradientBoostingClassifier(max_iter=40, random_state=0, **sample).fit(X, labels)
    full = HistGradientBoostingClassifier(max_iter=40).fit(X, labels)
    truth = np.digitize(more[1], [0, 1])
    assert model.score(more[0], truth) > full.score(more[0], truth) - 0.03


@pytest.mark.parametrize("cls", [HistGradientBoostingClassifier, HistGradientBoostingRegressor])
def test_quantized_gradients_find_as_good_splits(cls):
    X, y = numbers(n=6000)
    more = numbers(seed=1, n=6000)
    y, truth = (
        np.digitize(t, [0, 1]) if cls is HistGradientBoostingClassifier else t for t in (y, more[1])
    )
    loss = {} if cls is HistGradientBoostingClassifier else {"loss": "poisson"}
    y, truth = (t if not loss else t - t.min() for t in (y, truth))
    scores = {}
    for quantized in (False, True, "auto"):
        model = cls(max_iter=30, quantized=quantized, **loss).fit(X, y)
        scores[quantized] = model.score(more[0], truth)
    assert scores["auto"] == scores[True] != scores[False]
    assert scores[True] == pytest.approx(scores[False], abs=0.01)


# -- the same model


@pytest.mark.parametrize("subsample", [1.0, 0.1])
def test_threads_do_not_change_a_bit(subsample):
    X, y = numbers(n=40_000)  # enough for histograms, divisions and scores to be shared
    answers = []
    for threads in (1, 2):
        with dv.config(threads=threads):
            model = HistGradientBoostingClassifier(
                max_iter=3, max_features=0.7, subsample=subsample, random_state=0
            )
            answers.append(model.fit(X, y > 0).predict_proba(X))
    np.testing.assert_array_equal(*answers)


def test_seeds():
    X, y = numbers()
    draw = [
        HistGradientBoostingRegressor(max_iter=5, max_features=0.4, random_state=seed).fit(X, y)
        for seed in (0, 0, 1)
    ]
    np.testing.assert_array_equal(draw[0].predict(X), draw[1].predict(X))
    assert (draw[0].predict(X) != draw[2].predict(X)).any()


def test_float32_and_tensors():
    X, y = numbers()
    single = X.astype(np.float32)
    model = HistGradientBoostingRegressor(max_iter=20).fit(single, y)
    found = model.predict(torch.from_numpy(single))
    assert found.dtype == torch.float32
    np.testing.assert_array_equal(found, model.predict(single))
    double = HistGradientBoostingRegressor(max_iter=20).fit(X, y).predict(X)
    np.testing.assert_allclose(found, double, atol=0.02, rtol=0)


def test_the_program_says_the_same():
    table, y = towns()
    model = HistGradientBoostingClassifier(max_iter=10).fit(table, y)
    with torch.no_grad():
        scores = model.program_(model.front(table))
    np.testing.assert_allclose(scores, model.decision_function(table), atol=1e-12)


# -- categories


@pytest.mark.parametrize(
    "frame",
    [
        lambda t: t,
        lambda t: t.to_pandas(),
        lambda t: t.to_pandas(types_mapper=pd.ArrowDtype),
        lambda t: t.to_pandas().astype({"x": "Float64", "flag": "boolean"}),
        lambda t: pl.from_arrow(t),
        lambda t: pl.from_arrow(t).with_columns(pl.col("town").cast(pl.Enum(TOWNS))),
    ],
    ids=["arrow", "pandas", "pandas-arrow", "pandas-nullable", "polars", "polars-enum"],
)
def test_frames_agree(frame):
    table, y = towns()
    X = frame(table)
    model = HistGradientBoostingClassifier(max_iter=10).fit(X, y)
    assert model.is_categorical_.tolist() == [True, False, False]
    assert model.score(X, y) > 0.95
    arrow = HistGradientBoostingClassifier(max_iter=10).fit(table, y)
    np.testing.assert_array_equal(model.predict_proba(X), arrow.predict_proba(table))
    np.testing.assert_array_equal(arrow.predict_proba(X), arrow.predict_proba(table))


@pytest.mark.parametrize("named", [["town"], [True, False, False], [0], ("town",)])
def test_columns_of_strings_are_categories_where_named(named):
    table, y = towns()
    expected = HistGradientBoostingClassifier(max_iter=10).fit(table, y).predict_proba(table)
    strings = table.set_column(0, "town", table["town"].cast(pa.string()))
    for X in (strings, strings.to_pandas(), pl.from_arrow(strings)):
        model = HistGradientBoostingClassifier(max_iter=10, categorical_features=named).fit(X, y)
        np.testing.assert_array_equal(model.predict_proba(X), expected)


def test_codes_of_a_dictionary_mean_nothing():
    table, y = towns()
    other = recoded(table, ["nowhere", *TOWNS[::-1]])
    model = HistGradientBoostingClassifier(max_iter=10).fit(table, y)
    expected = model.predict_proba(table)
    np.testing.assert_array_equal(model.predict_proba(other), expected)
    chunked = pa.concat_tables([table.slice(0, 100), other.slice(100)])
    again = HistGradientBoostingClassifier(max_iter=10).fit(chunked, y)
    np.testing.assert_array_equal(again.predict_proba(table), expected)


def test_streamed_batches():
    """Each batch has its own dictionary, and may have one of nulls alone."""
    table, y = towns()
    model = HistGradientBoostingClassifier(max_iter=10).fit(table, y)
    strings = table.set_column(0, "town", table["town"].cast(pa.string()))
    found = []
    for batch in strings.to_batches(max_chunksize=7):
        own = batch.set_column(0, "town", batch["town"].dictionary_encode())
        found.append(model.predict_proba(own))
    np.testing.assert_array_equal(np.concatenate(found), model.predict_proba(table))


def test_unseen_categories_are_missing():
    table, y = towns()
    model = HistGradientBoostingClassifier(max_iter=10).fit(table, y)
    levels = table["town"].to_pylist()
    missing = table.set_column(0, "town", pa.array([None] * N, pa.string()).dictionary_encode())
    unseen = table.set_column(0, "town", pa.array([f"{v}?" for v in levels]).dictionary_encode())
    np.testing.assert_array_equal(model.predict_proba(unseen), model.predict_proba(missing))


def test_saved_models_keep_their_categories(tmp_path):
    table, y = towns()
    model = HistGradientBoostingClassifier(max_iter=10).fit(table, y)
    again = dv.load(dv.save(model, tmp_path / "model.dove"))
    np.testing.assert_array_equal(again.predict_proba(table), model.predict_proba(table))
    other = recoded(table, [*TOWNS[::-1], "Trier"])
    np.testing.assert_array_equal(again.predict_proba(other), model.predict_proba(table))
    assert again.is_categorical_.tolist() == [True, False, False]


def test_a_categorical_split_takes_any_set():
    """One split parts 40 categories that no threshold on their codes could part."""
    rng = np.random.default_rng(0)
    code = rng.integers(0, 40, 4000)
    y = np.isin(code, rng.permutation(40)[:20])
    X = code[:, None].astype(float)
    stump = {"max_iter": 1, "max_leaf_nodes": 2}
    native = HistGradientBoostingClassifier(categorical_features=[0], **stump).fit(X, y)
    plain = HistGradientBoostingClassifier(**stump).fit(X, y)
    assert native.score(X, y) == 1
    assert plain.score(X, y) < 0.8


def test_categories_on_real_data():
    X, y = load_penguins(return_X_y=True)
    words = X.columns[[not pd.api.types.is_numeric_dtype(t) for t in X.dtypes]]
    X = X.astype(dict.fromkeys(words, "category"))
    model = HistGradientBoostingClassifier(max_iter=30)
    assert cross_val_score(model, X, y, cv=5).mean() > 0.97


@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_more_categories_than_a_byte_has_codes(missing):
    """The first split is the best one of those between categories ordered by their means."""
    rng = np.random.default_rng(0)
    n, levels, least = 20_000, 1000, 50
    kind, x = rng.integers(0, levels, n).astype(float), rng.normal(size=n)
    kind[rng.random(n) < missing] = np.nan
    y = rng.normal(size=levels + 1)[np.nan_to_num(kind, nan=levels).astype(int)] + x
    X = np.column_stack([x / 100, kind])
    options = {"categorical_features": [1], "min_samples_leaf": least, "early_stopping": False}
    stump = {"max_iter": 1, "max_leaf_nodes": 2, "learning_rate": 1.0, **options}
    model = HistGradientBoostingRegressor(**stump).fit(X, y)

    g = y.mean() - y
    cell = np.nan_to_num(kind, nan=levels).astype(int)
    sums, counts = np.bincount(cell, g, levels + 1), np.bincount(cell, minlength=levels + 1)
    used = np.flatnonzero(counts >= 10)
    used = used[np.argsort(sums[used] / (counts[used] + 10), kind="stable")]
    best = (0.0, None)
    for order, steps in ((used, (len(used) + 1) // 2), (used[::-1], (len(used) - 1) // 2)):
        for k in range(1, steps + 1):
            a, m = sums[order[:k]].sum(), counts[order[:k]].sum()
            if min(m, n - m) >= least and a**2 / m + a**2 / (n - m) > best[0] + 1e-9:
                best = (a**2 / m + a**2 / (n - m), np.isin(cell, order[:k]))
    left = best[1]
    expected = np.where(left, y[left].mean(), y[~left].mean())
    np.testing.assert_allclose(model.predict(X), expected, atol=1e-6)
    unseen = np.column_stack([np.zeros(1), [levels + 7.0]])
    assert np.isfinite(model.predict(unseen)).all()

    full = HistGradientBoostingRegressor(max_iter=60, **options)
    held = slice(n // 2)
    full.fit(X[n // 2 :], y[n // 2 :], sample_weight=np.ones(n - n // 2))
    assert full.score(X[held], y[held]) > 0.7
    draws = HistGradientBoostingRegressor(max_iter=40, subsample=0.5, random_state=0, **options)
    assert draws.fit(X, y).score(X, y) > 0.75


# -- sparse input


SPARSE = [
    (HistGradientBoostingRegressor, {}),
    (HistGradientBoostingRegressor, {"subsample": 0.5}),
    (HistGradientBoostingClassifier, {"early_stopping": True}),
    (HistGradientBoostingClassifier, {"early_stopping": True, "scoring": "accuracy"}),
]


@pytest.mark.parametrize(("cls", "options"), SPARSE)
@pytest.mark.parametrize("form", [sp.csr_matrix, sp.csc_array])
def test_sparse_input_gives_the_same_model(cls, options, form):
    X = sp.random(3000, 60, 0.04, format="csr", random_state=0)
    y = X @ np.arange(60) % 7 + X[:, :20].sum(axis=1).A1
    y = np.digitize(y, [0.5, 3]) if cls is HistGradientBoostingClassifier else y
    model = cls(max_iter=8, random_state=0, **options)
    expected = clone(model).fit(X.toarray(), y)
    model.fit(form(X), y)
    np.testing.assert_allclose(model.predict(form(X)), expected.predict(X.toarray()), rtol=1e-6)
    staged = [list(m.staged_predict(Z)) for m, Z in ((model, form(X)), (expected, X.toarray()))]
    np.testing.assert_allclose(*staged, rtol=1e-6)


def test_features_that_share_columns_give_the_same_model(monkeypatch):
    rng = np.random.default_rng(0)
    n = 4000
    kinds = [rng.integers(0, levels, n) for levels in (70, 9, 4, 2, 2)]
    X = np.column_stack(
        [*(k[:, None] == np.arange(k.max() + 1) for k in kinds), rng.normal(size=n)]
    )
    X = X.astype(np.float32)
    X[rng.random(X.shape) < 0.001] = np.nan
    y = sum(rng.normal(size=k.max() + 1)[k] for k in kinds) + rng.normal(size=n)
    expected = HistGradientBoostingClassifier(max_iter=20).fit(X, y > 0)
    monkeypatch.setattr(bins, "_SHARE_FROM", 1)
    shared = HistGradientBoostingClassifier(max_iter=20).fit(X, y > 0)
    np.testing.assert_array_equal(shared.predict_proba(X), expected.predict_proba(X))


# -- errors


def test_too_many_categories():
    column = pa.array([str(i) for i in range(2**16)]).dictionary_encode()
    table = pa.table({"id": column})
    with pytest.raises(ValueError, match="'id' is expected to have a cardinality <= 65535"):
        HistGradientBoostingRegressor().fit(table, np.arange(2.0**16))
    with pytest.raises(ValueError, match="'id' is expected to have a cardinality <= 99"):
        HistGradientBoostingRegressor(max_bins=99).fit(table.slice(2**16 - 100), np.arange(100.0))


@pytest.mark.parametrize("values", [pd.Series(["a", "b"] * 10), pd.date_range("2020", periods=20)])
def test_columns_that_are_no_numbers_are_named(values):
    X = pd.DataFrame({"kind": pd.Categorical(["u", "v"] * 10), "other": values})
    with pytest.raises(DataError, match="Column 'other' holds what is no number"):
        HistGradientBoostingRegressor().fit(X, np.arange(20.0))


def test_categories_of_mixed_types():
    X = np.array([["a", 1.0], [2, 2.0]] * 10, dtype=object)
    with pytest.raises(TypeError, match="must be all strings or all numbers"):
        HistGradientBoostingRegressor(categorical_features=[0]).fit(X, np.arange(20.0))


@pytest.mark.parametrize(
    ("parameters", "y", "message"),
    [
        ({"loss": "gamma"}, [0.0, 1.0], "strictly positive y"),
        ({"loss": "poisson"}, [-1.0, 1.0], "non-negative y"),
        ({"loss": "tweedie"}, [-1.0, 1.0], "non-negative y"),
        ({"loss": "tweedie", "tweedie_power": 2.0}, [0.0, 1.0], "'tweedie_power' parameter"),
        ({"loss": "quantile"}, [0.0, 1.0], "needs the parameter quantile"),
        ({"interaction_cst": [[0, 7]]}, [0.0, 1.0], "invalid indices"),
        ({"interaction_cst": [0]}, [0.0, 1.0], "sequence of tuples or lists"),
        ({"monotonic_cst": [1], "categorical_features": [0]}, [0.0, 1.0], "cannot have monotonic"),
    ],
)
def test_wrong_options(parameters, y, message):
    X = np.arange(20.0)[:, None]
    with pytest.raises(ValueError, match=message):
        HistGradientBoostingRegressor(**parameters).fit(X, np.array(y * 10))


def test_validation_rows_need_targets():
    X, y = numbers()
    for given, message in (
        ({"X_val": X}, "y_val was not provided"),
        ({"y_val": y}, "X_val was not provided"),
    ):
        with pytest.raises(ValueError, match=message):
            HistGradientBoostingRegressor().fit(X, y, **given)
    with pytest.raises(ValueError, match="early_stopping is False"):
        HistGradientBoostingRegressor(early_stopping=False).fit(X, y, X_val=X, y_val=y)
    with pytest.raises(ValueError, match="previously unseen labels"):
        HistGradientBoostingClassifier().fit(X, y > 0, X_val=X[:2], y_val=[True, 5])

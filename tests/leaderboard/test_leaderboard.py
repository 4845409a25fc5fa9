"""Problems are posed as a person would, and the simplest sufficient model is recommended."""

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from PIL import Image
from sklearn.datasets import load_digits

import dovetail as dv
from dovetail.errors import DataError, TargetError
from dovetail.leaderboard.candidates import choose, suited
from dovetail.leaderboard.entry import Entry
from dovetail.leaderboard.folds import make_folds
from dovetail.leaderboard.metrics import METRICS, choose_metric
from dovetail.leaderboard.problem import pose
from dovetail.leaderboard.recommend import recommend

RNG = np.random.default_rng(0)
N = 60


def table(**columns):
    return pd.DataFrame({"x": RNG.normal(size=N), **columns})


@pytest.mark.parametrize(
    ("target", "task"),
    [
        (["yes", "no", "no"] * 20, "classification"),
        ([True, False, True] * 20, "classification"),
        ([0, 1, 1] * 20, "classification"),
        ([1.0, 2.0, 3.0] * 20, "classification"),
        (list(range(N)), "regression"),
        (RNG.normal(size=N).tolist(), "regression"),
        (["1.5", "2.5", "7"] * 20, "regression"),
    ],
)
def test_the_task_goes_by_the_target(target, task):
    assert pose(table(y=target), "y").task == task


def test_what_is_noticed():
    y = np.where(RNG.random(N) < 0.5, "a", "b").astype(object)
    frame = table(
        y=y,
        copy=np.where(y == "a", "A", "B"),
        id=np.arange(N),
        same=1.0,
        mostly=[1.0, 2.0] + [None] * (N - 2),
    )
    frame.loc[:2, "y"] = None
    problem = pose(frame, "y")
    text = "\n".join(problem.findings)
    assert len(problem.y) == N - 3
    assert "3 rows have no 'y'" in text
    assert "'copy' equals the target" in text
    assert "'id' numbers the rows" in text
    assert "'same' never varies" in text
    assert "'mostly' is missing in 97% of the rows" in text
    assert problem.kinds == {
        "x": "number",
        "copy": "category",
        "id": "drop",
        "same": "drop",
        "mostly": "number",
    }


def test_a_number_that_is_the_target_in_another_unit():
    y = RNG.normal(size=N)
    assert any("equals the target" in f for f in pose(table(y=y, cents=100 * y + 3), "y").findings)
    assert not pose(table(y=y, noisy=y + RNG.normal(size=N)), "y").findings


def test_a_column_that_alone_tells_the_target():
    y = np.array(["saved", "lost", "lost"] * 200)
    boats = RNG.integers(1, 12, 600).astype(str)
    boat = np.where((y == "saved") ^ (np.arange(600) == 1), boats, None)  # wrong once
    size = RNG.normal(size=600)
    frame = pd.DataFrame({"boat": boat, "size": size, "y": y})
    told = [f for f in pose(frame, "y").findings if "alone removes" in f]
    assert len(told) == 1
    assert told[0].startswith("'boat' alone removes 9")
    assert "errors that guessing makes about 'y'" in told[0]
    size = np.round(size)
    bent = size**2 + 0.01 * RNG.normal(size=600)
    told = [f for f in pose(pd.DataFrame({"size": size, "y": bent}), "y").findings if "alone" in f]
    assert len(told) == 1
    assert "of the variance about 'y'" in told[0]
    codes = pd.DataFrame({"code": np.arange(600).astype(str), "size": size, "y": y})
    assert not [f for f in pose(codes, "y").findings if "alone" in f]  # a value a row tells nothing


def test_unfit_targets_are_refused():
    with pytest.raises(TargetError, match="too many for classes"):
        pose(
            table(y=[f"w{i}" for i in range(N)]),
            "y",
            task="classification",
            kinds={"y": "category"},
        )
    with pytest.raises(TargetError, match="Is it 'y'"):
        pose(table(y=RNG.normal(size=N)), "Y")
    with pytest.raises(DataError, match="infinite"):
        pose(table(y=[np.inf] + [1.5, 2.5] * 29 + [3.5]), "y")


def test_folds_are_stratified_grouped_or_forward_in_time():
    problem = pose(table(y=["a"] * 40 + ["b"] * 20), "y")
    for train, test in make_folds(problem, 5, 0):
        assert np.mean(problem.y[test] == "b") == pytest.approx(1 / 3, abs=0.05)
        assert not set(train) & set(test)
    groups = np.repeat(np.arange(12), 5)
    for train, test in make_folds(problem, 4, 0, groups=groups):
        assert not set(groups[train]) & set(groups[test])
    when = RNG.permutation(N)
    for train, test in make_folds(problem, 4, 0, time=when):
        assert when[train].max() < when[test].min()
    with pytest.raises(DataError, match="too few"):
        make_folds(pose(table(y=RNG.normal(size=N)), "y"), 40, 0)


def test_the_metric_goes_by_the_classes():
    assert choose_metric("auto", "regression", np.zeros(3)).name == "r2"
    assert choose_metric("auto", "classification", np.array(["a", "b"] * 9)).name == "accuracy"
    assert (
        choose_metric("auto", "classification", np.array(["a"] * 95 + ["b"] * 5)).name == "roc_auc"
    )
    assert (
        choose_metric("auto", "classification", np.array(["a"] * 95 + ["b"] * 3 + ["c"] * 2)).name
        == "balanced_accuracy"
    )


def entry(name, scores, *, deep=False, seconds=1.0, metric="accuracy"):
    made = Entry(name, name.title(), deep, len(scores))
    made.scores = [{metric: s} for s in scores]
    made.fits = [seconds] * len(scores)
    return made


def test_the_simplest_within_one_standard_error():
    entries = [
        entry("dummy", [0.5, 0.5, 0.5]),
        entry("linear", [0.79, 0.81, 0.80]),
        entry("boosting", [0.79, 0.83, 0.81]),
        entry("mlp", [0.70, 0.72, 0.71], deep=True, seconds=5.0),
    ]
    advice = recommend(entries, METRICS["accuracy"])
    assert (advice.model, advice.best) == ("linear", "boosting")
    assert "simplest model within one standard error of the best, Boosting" in advice.why
    assert advice.deep.startswith(
        "The neural network does not pay: 0.1000 worse in accuracy than Boosting"
    )
    assert "5.0 times the fitting time" in advice.deep


def test_less_is_better_for_errors_and_a_net_can_pay():
    entries = [
        entry("dummy", [9.0, 9.1, 9.2], metric="rmse"),
        entry("linear", [5.0, 5.1, 5.2], metric="rmse"),
        entry("mlp", [2.0, 2.1, 2.2], deep=True, metric="rmse"),
    ]
    advice = recommend(entries, METRICS["rmse"])
    assert advice.model == advice.best == "mlp"
    assert advice.deep.startswith("The neural network pays: 3 better")


def test_no_better_than_guessing_is_said():
    entries = [entry("dummy", [0.5, 0.52, 0.51]), entry("linear", [0.5, 0.53, 0.5])]
    assert "do not tell the target" in recommend(entries, METRICS["accuracy"]).why
    unfinished = entry("linear", [0.9])
    unfinished.n_folds = 3
    assert recommend([unfinished], METRICS["accuracy"]) is None
    assert math.isnan(unfinished.se("accuracy"))


def test_compare_in_python():
    from dovetail.datasets import load_penguins

    with dv.config(verbosity=0):
        board = dv.compare(load_penguins().frame, "species", models=["linear"], cv=3)
    assert board.advice.model == "linear"
    assert isinstance(board.table, pd.DataFrame)
    assert set(board.table["model"]) == {"dummy", "linear"}
    frame = load_penguins().data
    assert (board.model.predict(frame) == load_penguins().target).mean() > 0.97
    assert "linear" in repr(board)
    assert "<table" in board._repr_html_()


def test_all_leaves_out_what_does_not_suit_the_task_or_the_rows():
    def names(models, task, rows, budget, kinds=("number",)):
        kinds = dict(enumerate(kinds))
        return [c.name for c in suited(choose(models), models, task, kinds, rows, budget)]

    every = names("all", "classification", 1_000, 300)
    assert every == ["dummy", "linear", "bayes", "lda", "svm", "boosting", "tabular"]
    assert names("all", "regression", 1_000, 300) == [
        *("dummy", "linear", "svm", "boosting", "tabular")
    ]
    assert names("all", "regression", 10**6, 300)[-2:] == ["boosting", "mlp"]
    assert "svm" not in names("all", "classification", 100_000, 300)
    assert "nystroem" in names("all", "classification", 100_000, 300)
    assert "svm" in names("all", "classification", 100_000, 36_000)
    assert "nystroem" not in names("all", "classification", 100_000, 36_000)
    assert names("svm", "regression", 100_000, 300) == ["dummy", "svm"]  # asked for by name
    assert names("all", "regression", 1_000, 300, ["number", "text"])[-2:] == ["tabular", "text"]
    assert names("all", "classification", 1_000, 300, ["image", "drop"]) == ["dummy", "image"]
    assert "text" not in names("all", "regression", 100_000, 300, ["text"])
    with pytest.raises(DataError, match="'lda' is for classification, and this is regression"):
        names("lda,linear", "regression", 1_000, 300)


@pytest.mark.parametrize("models", ["bayes,lda,svm"])
def test_densities_and_margins_take_raw_tables(models, tmp_path):
    from dovetail.datasets import load_penguins

    with dv.config(verbosity=0):
        board = dv.compare(load_penguins().frame, "species", models=models, cv=2, out=tmp_path)
    assert [e.status for e in board.entries] == ["ok"] * 4
    assert board["svm"].mean("accuracy") > 0.97
    again = dv.load(tmp_path / "model.dove")
    frame = load_penguins().data
    assert (again.predict(frame) == board.model.predict(frame)).all()


def test_the_tabular_net_takes_raw_tables():
    from dovetail.datasets import load_penguins

    with dv.config(verbosity=0):
        board = dv.compare(load_penguins().frame, "species", models="tabular", cv=2)
    assert board["tabular"].mean("accuracy") > 0.95


def test_images_that_a_table_names_are_read_by_a_net(tmp_path):
    digits = load_digits()
    (tmp_path / "photos").mkdir()
    rows = np.flatnonzero(digits.target < 2)[:60]
    for i in rows:  # two sizes
        image = Image.fromarray((digits.images[i] * 15).astype(np.uint8)).resize((8, 8 + i % 2))
        image.save(tmp_path / "photos" / f"{i}.png")
    names = [f"photos/{i}.png" for i in rows]
    lines = [f"{n},{['zero', 'one'][digits.target[i]]}" for n, i in zip(names, rows, strict=True)]
    table = tmp_path / "digits.csv"
    table.write_text("\n".join(["photo,digit", *lines]))
    with dv.config(verbosity=0):
        board = dv.compare(table, "digit", cv=2)
    assert {e.name: e.status for e in board.entries} == {"dummy": "ok", "image": "ok"}
    assert board["image"].mean("accuracy") > 0.9
    files = pa.table({"photo": [str(tmp_path / n) for n in names]})
    assert (board.model.predict(files) == np.where(digits.target[rows], "one", "zero")).mean() > 0.9
    with pytest.raises(DataError, match="'linear' needs columns beside the target"):
        dv.compare(table, "digit", models="linear")


def test_texts_in_a_table_are_read_by_a_net():
    rng = np.random.default_rng(0)
    words = np.array(["a", "b", "c", "d", "e", "f", "g", "h"])
    texts = [" ".join(rng.choice(words, 6)) for _ in range(120)]
    size = rng.normal(size=120)
    y = np.where([("a b" in t) != (s > 0) for t, s in zip(texts, size, strict=True)], "yes", "no")
    table = pa.table({"text": texts, "size": size, "label": y})
    with dv.config(verbosity=0):
        board = dv.compare(table, "label", models="text", cv=2)
    assert {e.status for e in board.entries} == {"ok"}
    assert board.model.predict(table.drop_columns(["label"])).shape == (120,)
    assert [name for name, _ in board.model.steps] == ["types", "texts", "model"]
    with pytest.raises(DataError, match="'text' needs a column of texts"):
        dv.compare(table.drop_columns(["text"]), "label", models="text")

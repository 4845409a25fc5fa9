"""Rows of a table as texts."""

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import dovetail as dv
from dovetail.deep import TextClassifier
from dovetail.errors import ProgramError, SchemaError
from dovetail.feature_extraction.text import TextJoiner
from dovetail.pipeline import make_pipeline

COLUMNS = {
    "age": [float(i) for i in range(19)] + [None],
    "stars": [1, 2] * 10,
    "sex": ["f", "m"] * 9 + ["m", None],
}
COLUMNS["review"] = [f"the number {i} is fine, and more words follow" for i in range(60)][:20]


@pytest.mark.parametrize("make", [pa.table, pd.DataFrame, pl.DataFrame])
def test_rows_are_written_alike_from_every_frame(make):
    texts = TextJoiner(n_bins=4).fit_transform(make(COLUMNS))
    assert texts.shape == (20, 1)
    lines = texts[0, 0].split("\n")
    assert sorted(lines)[:3] == ["age: q1", f"review: {COLUMNS['review'][0]}", "sex: f"]
    assert "stars: 1" in lines  # no more different numbers than bins: as they are
    assert "age: q4" in texts[18, 0]
    assert "age" not in texts[19, 0]
    assert "sex" not in texts[19, 0]


def test_a_text_alone_has_no_name_and_comes_last():
    many = {"review": [f"the number {i} is fine, really" for i in range(60)], "n": [1, 2] * 30}
    assert TextJoiner().fit_transform(many)[0, 0] == "n: 1\nthe number 0 is fine, really"
    two = {**many, "title": many["review"]}
    last = TextJoiner().fit_transform(two)[0, 0].split("\n")[1:]
    assert last == [f"{name}: the number 0 is fine, really" for name in ("review", "title")]


def test_bins_are_those_of_fit():
    joiner = TextJoiner(n_bins=2).fit({"x": np.arange(10.0), "z": np.arange(10) % 2})
    assert joiner.edges_["x"].tolist() == [4.5]
    later = joiner.transform({"z": [1, 0], "x": [100.0, -100.0]})  # in any order
    assert later.tolist() == [["x: q2\nz: 1"], ["x: q1\nz: 0"]]
    with pytest.raises(SchemaError, match="x"):
        joiner.transform({"z": [1, 0]})
    with pytest.raises(SchemaError, match="'x' was a number"):
        joiner.transform({"x": ["many", "few"], "z": [1, 0]})
    with pytest.raises(ProgramError, match="no Program"):
        joiner.program_


def test_a_table_for_a_text_net_is_saved_whole(tmp_path):
    tiny = {"width": 8, "depth": 1, "heads": 1, "max_epochs": 1, "random_state": 0}
    model = make_pipeline(TextJoiner(), TextClassifier(**tiny)).fit(COLUMNS, [0, 1] * 10)
    again = dv.load(dv.save(model, tmp_path / "model.dove"))
    np.testing.assert_array_equal(again.predict_proba(COLUMNS), model.predict_proba(COLUMNS))
    assert list(again[0].get_feature_names_out()) == ["text"]

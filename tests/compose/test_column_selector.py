"""Columns chosen by type and name, from frames of every make."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from dovetail.compose import make_column_selector

COLUMNS = {"n": [1, 2], "x": [0.5, 1.5], "s": ["u", "v"], "flag": [True, False]}


def frames() -> list[Any]:
    pd = pytest.importorskip("pandas")
    frame = pl.DataFrame(COLUMNS)
    return [pd.DataFrame(COLUMNS), frame, frame.to_arrow(), COLUMNS]


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ({}, ["n", "x", "s", "flag"]),
        ({"dtype_include": "number"}, ["n", "x"]),
        ({"dtype_include": np.number}, ["n", "x"]),
        ({"dtype_include": "float64"}, ["x"]),
        ({"dtype_include": [np.int64, "string"]}, ["n", "s"]),
        ({"dtype_exclude": ["number", bool]}, ["s"]),
        ({"dtype_include": ["number", "bool"], "dtype_exclude": "floating"}, ["n", "flag"]),
        ({"pattern": "^[nf]"}, ["n", "flag"]),
        ({"pattern": "s|x", "dtype_include": "number"}, ["x"]),
    ],
)
def test_the_same_from_every_frame(options: dict[str, Any], chosen: list[str]) -> None:
    for frame in frames():
        assert make_column_selector(**options)(frame) == chosen


def test_types_of_the_frame_itself() -> None:
    frame = pl.DataFrame({"c": ["u", "v"], "d": [1, 2]}).with_columns(
        pl.col("c").cast(pl.Categorical)
    )
    assert make_column_selector(dtype_include=pl.Categorical)(frame) == ["c"]
    assert make_column_selector(dtype_include="category")(frame) == ["c"]
    table = frame.to_arrow()
    assert make_column_selector(dtype_include=table.schema.field("d").type)(table) == ["d"]


def test_refuses_arrays_and_unknown_types() -> None:
    with pytest.raises(ValueError, match="can only be applied to pandas dataframes"):
        make_column_selector()(np.zeros((2, 2)))
    with pytest.raises(ValueError, match=r"'numbre' is no type of columns\. Allowed: 'number'"):
        make_column_selector(dtype_include="numbre")(pl.DataFrame(COLUMNS))

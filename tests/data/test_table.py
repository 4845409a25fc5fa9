"""Kinds are inferred from values, the schema is kept, and differences are told all at once."""

from datetime import datetime

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from dovetail.data.schema import Kind, Role, nearest
from dovetail.data.table import Table
from dovetail.errors import DataError, SchemaError

COLUMNS = {
    "size": [1.5, None, 3.0] * 20,
    "count": [1, 2, 5] * 20,
    "flag": [True, False, True] * 20,
    "color": ["red", "blue", "?"] * 20,
    "price": ["1.5", "2e3", " 3 "] * 20,
    "zip": ["02139", "10001", "94110"] * 20,
    "day": ["2024-01-31", "2024-02-01", None] * 20,
    "month": ["1949-01", "1949-02", "1949-03"] * 20,
    "us": ["12/11/2024", "01/02/2024", "03/04/2024"] * 20,
    "when": [datetime(2024, 1, 1), datetime(2024, 1, 2), None] * 20,
    "same": ["x"] * 60,
    "nothing": [None] * 60,
    "row": list(range(100, 160)),
    "key": [f"K{i:05d}" for i in range(60)],
    "title": [f"a short story about number {i}" for i in range(60)],
}

EXPECTED = {
    "size": (Kind.NUMBER, Role.FEATURE),
    "count": (Kind.NUMBER, Role.FEATURE),
    "flag": (Kind.BOOL, Role.FEATURE),
    "color": (Kind.CATEGORY, Role.FEATURE),
    "price": (Kind.NUMBER, Role.FEATURE),
    "zip": (Kind.CATEGORY, Role.FEATURE),
    "day": (Kind.DATE, Role.FEATURE),
    "month": (Kind.DATE, Role.FEATURE),
    "us": (Kind.DATE, Role.FEATURE),
    "when": (Kind.DATE, Role.FEATURE),
    "same": (Kind.CATEGORY, Role.CONSTANT),
    "row": (Kind.NUMBER, Role.IDENTIFIER),
    "key": (Kind.CATEGORY, Role.IDENTIFIER),
    "title": (Kind.TEXT, Role.FEATURE),
}


@pytest.fixture(params=["pandas", "polars", "pyarrow", "dict"])
def source(request):
    make = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "pyarrow": pa.table, "dict": dict}
    return make[request.param](COLUMNS)


def test_kinds_and_roles(source):
    schema = Table.read(source).schema
    found = {c.name: (c.kind, c.role) for c in schema.columns if c.name in EXPECTED}
    assert found == EXPECTED
    assert schema["nothing"].role is Role.CONSTANT
    assert schema["color"].n_missing == 20, "'?' means no value"
    assert schema["color"].categories == ("blue", "red")
    assert "month first" in schema["us"].notes[0]
    assert "leading zeros" in schema["zip"].notes[0]


def test_typed_columns_have_their_true_types(source):
    frame = Table.read(source).typed()
    assert frame["price"].to_list()[:3] == [1.5, 2000.0, 3.0]
    assert frame["day"].to_list()[0] == datetime(2024, 1, 31)
    assert frame["us"].to_list()[0] == datetime(2024, 12, 11)
    assert frame["color"].to_list()[:2] == ["red", "blue"]
    assert frame["color"].null_count() == 20
    assert "Categorical" in str(frame["color"].dtype) or "Enum" in str(frame["color"].dtype)


def test_kinds_can_be_overridden(source):
    schema = Table.read(source, kinds={"count": "category", "zip": "number"}).schema
    assert schema["count"].kind is Kind.CATEGORY
    assert schema["zip"].reads_as == "number"
    with pytest.raises(SchemaError, match="'cuont'.*Is it 'count'"):
        Table.read(source, kinds={"cuont": "category"})


def test_every_difference_is_told_at_once():
    fitted = Table.read(
        {"age": [1, 2], "name": ["x", "y"], "day": ["2024-01-01", "2024-01-02"]}
    ).schema
    found = Table.read(
        {"Age": [1, 2], "name": [1.0, 2.0], "day": ["2024-01-01", "2024-01-02"]}
    ).schema
    with pytest.raises(SchemaError) as error:
        fitted.require(found)
    message = str(error.value)
    assert "'age' is missing (is it 'Age' now?)" in message
    assert "'name' was a category (String) and is now a number (Float64)" in message
    assert "'Age' is extra" in message
    assert "day" not in message.split("Expected")[0]


def test_order_and_missing_values_are_no_difference():
    fitted = Table.read({"a": [1, 2], "b": ["x", "y"]}).schema
    fitted.require(Table.read({"b": ["y", "z"], "a": [2.5, None]}).schema)
    fitted.require(Table.read({"b": [None, None], "a": [None, None]}).schema)


def test_arrays_and_bad_tables():
    assert Table.read(np.zeros((3, 2))).schema.names == ["x0", "x1"]
    with pytest.raises(DataError, match="rows and columns"):
        Table.read(np.zeros(3))
    with pytest.raises(DataError, match="Twice: 'a'"):
        Table.read(pd.DataFrame([[1, 2]], columns=["a", "a"]))


def test_a_pandas_index_is_kept_apart():
    frame = pd.DataFrame({"c": ["a", "b", "?"], "n": ["1", "2", "3"]}, index=[5, 2, 9])
    typed = Table.read(frame).typed().to_native()
    assert typed.index.tolist() == [5, 2, 9]
    assert typed["n"].tolist() == [1.0, 2.0, 3.0]


def test_nearest_name():
    assert nearest("Incom", ["age", "income"]) == "income"
    assert nearest("zzz", ["age", "income"]) is None

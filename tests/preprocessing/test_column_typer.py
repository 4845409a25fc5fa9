"""ColumnTyper: true types for columns, and errors that name every difference."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from dovetail.errors import SchemaError
from dovetail.preprocessing import ColumnTyper

rng = np.random.default_rng(0)
SIZES = [str(x) for x in rng.normal(size=40).round(2)]
SIZES[::7] = ["?"] * 6
COLUMNS = {
    "id": [f"row-{i}" for i in range(40)],
    "size": SIZES,
    "color": rng.choice(["red", "blue"], 40).tolist(),
    "when": [f"2024-01-{i % 28 + 1:02d}" for i in range(40)],
    "same": ["x"] * 40,
}
TABLE = pa.table(COLUMNS)


@pytest.mark.parametrize("make", ["pandas", "polars", "pyarrow", "dict"])
def test_columns_get_their_types(make: str) -> None:
    frame: Any = TABLE
    if make in ("pandas", "polars"):
        frame = pytest.importorskip(make).DataFrame(COLUMNS)
    elif make == "dict":
        frame = COLUMNS
    typer = ColumnTyper().fit(frame)
    assert typer.get_feature_names_out().tolist() == ["size", "color", "when"]
    kinds = {c.name: str(c.kind) for c in typer.schema_.columns}
    assert (kinds["size"], kinds["color"], kinds["when"]) == ("number", "category", "date")
    out = typer.transform(frame)
    assert type(out) is type(TABLE if make == "dict" else frame)
    sizes = np.asarray(out["size"], dtype=float)
    np.testing.assert_array_equal(np.isnan(sizes), [s == "?" for s in SIZES])
    np.testing.assert_array_equal(sizes[1:7], [float(s) for s in SIZES[1:7]])


def test_the_order_of_columns_is_that_of_fit() -> None:
    moved = TABLE.select(["same", "when", "color", "size", "id"])
    typer = ColumnTyper().fit(TABLE)
    assert typer.transform(moved).equals(typer.transform(TABLE))


def test_every_difference_is_named() -> None:
    typer = ColumnTyper().fit(TABLE)
    renamed = TABLE.rename_columns(["id", "Size", "color", "when", "same"])
    with pytest.raises(SchemaError, match=r"'size' is missing \(is it 'Size' now\?\)"):
        typer.transform(renamed)
    more = TABLE.append_column("new", pa.array(range(40)))
    with pytest.raises(SchemaError, match="'new' is extra"):
        typer.transform(more)
    lenient = ColumnTyper(extra="ignore").fit(TABLE)
    assert lenient.transform(more).column_names == ["size", "color", "when"]


def test_kinds_may_be_given() -> None:
    typer = ColumnTyper(kinds={"color": "drop", "size": "text"}).fit(TABLE)
    out = typer.transform(TABLE)
    assert out.column_names == ["size", "when"]
    assert out["size"].to_pylist()[1] == SIZES[1]
    with pytest.raises(ValueError, match="names the column 'nope', which is not there"):
        ColumnTyper(kinds={"nope": "number"}).fit(TABLE)


def test_arrays_stay_arrays() -> None:
    X = rng.normal(size=(5, 2))
    np.testing.assert_array_equal(ColumnTyper().fit_transform(X), X)
    out = ColumnTyper().fit_transform(torch.from_numpy(X))
    assert isinstance(out, torch.Tensor)
    np.testing.assert_array_equal(out, X)

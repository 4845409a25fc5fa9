"""Predicting a file block by block."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from dovetail.data.images import beside, image_files
from dovetail.data.read import atomic_path, iterate_frame
from dovetail.data.schema import Kind, Role, Schema
from dovetail.errors import DataError

__all__ = ["predict_file"]


def predict_file(
    model: Any, data: Path, out: Path, *, keep: bool, proba: bool, rows: int, target: str | None
) -> int:
    """Predict every row of a CSV or Parquet file, or every image of a folder, into a table; the
    number of rows.

    The output has the column "prediction", with `proba` one column per class, with `keep` those of
    the data before them. It appears whole or not at all.

    model : fitted estimator
    target : name of the column that is to be predicted; it is not shown to the model
    rows : rows in memory at a time
    """
    if out.suffix not in (".csv", ".parquet"):
        raise DataError(f"--out {out.name}: the ending must be .csv or .parquet.")
    if proba and not hasattr(model, "predict_proba"):
        raise DataError("--proba needs a model of classes; this one predicts numbers.")
    schema: Schema | None = getattr(getattr(model, "steps", [("", None)])[0][1], "schema_", None)
    n = 0
    with atomic_path(out) as temporary:
        writer: Any = None
        try:
            blocks = (
                _files(data, rows)
                if data.is_dir()
                else iterate_frame(data, rows, types=_types(schema))
            )
            images = [] if schema is None else schema.select(kinds=[Kind.IMAGE], role=Role.FEATURE)
            for block in blocks:
                if images and not data.is_dir():
                    block = beside(block, images, data.parent)
                result = _predict_block(model, block, keep=keep, proba=proba, target=target)
                if writer is None:
                    make = (
                        pyarrow.csv.CSVWriter
                        if out.suffix == ".csv"
                        else pyarrow.parquet.ParquetWriter
                    )
                    writer = make(temporary, result.schema)
                writer.write_table(
                    result.cast(writer.schema) if out.suffix == ".parquet" else result
                )
                n += len(block)
        finally:
            if writer is not None:
                writer.close()
    return n


def _files(folder: Path, rows: int) -> Iterator[pa.Table]:
    """The images of a folder, as tables of their paths."""
    found = image_files(folder)
    assert found is not None
    names = [str(path) for path in found[0]]
    for start in range(0, len(names), rows):
        yield pa.table({"file": names[start : start + rows]})


def _types(schema: Schema | None) -> dict[str, pa.DataType]:
    """How to read the columns of a CSV: a block may not show what a column was in fit."""
    if schema is None:
        return {}
    numbers = {
        c.name: pa.float64() for c in schema.columns if c.kind is Kind.NUMBER and not c.reads_as
    }
    strings = {c.name: pa.string() for c in schema.columns if c.dtype == "String"}
    return numbers | strings


def _predict_block(
    model: Any, block: pa.Table, *, keep: bool, proba: bool, target: str | None
) -> pa.Table:
    X = block.drop_columns([target]) if target in block.column_names else block
    columns: dict[str, Any] = (
        {name: block.column(name) for name in block.column_names} if keep else {}
    )
    name = "prediction" if "prediction" not in columns else "prediction_"
    if proba:
        p = np.asarray(model.predict_proba(X))
        columns[name] = model.classes_[p.argmax(1)]
        columns |= {f"p_{c}": p[:, j] for j, c in enumerate(model.classes_)}
    else:
        columns[name] = np.asarray(model.predict(X))
    return pa.table(
        {k: v if isinstance(v, pa.ChunkedArray) else pa.array(v) for k, v in columns.items()}
    )

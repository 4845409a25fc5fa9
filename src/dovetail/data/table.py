"""Tables: a frame of any make with a schema."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from dovetail.data.frames import dict_to_arrow, is_frame, is_path, normalize
from dovetail.data.images import beside
from dovetail.data.kinds import infer_column, read_strings, strings_of
from dovetail.data.read import read_frame
from dovetail.data.schema import ColumnInfo, Kind, Schema, nearest
from dovetail.data.tensors import as_numpy
from dovetail.errors import DataError, SchemaError

__all__ = ["Table"]


@dataclass(frozen=True, eq=False)
class Table:
    """Named, typed columns.

    Parameters
    ----------
    frame : narwhals DataFrame over pandas, polars or pyarrow
    schema : Schema
    """

    frame: nw.DataFrame[Any]
    schema: Schema

    @classmethod
    def read(cls, source: Any, *, kinds: Mapping[str, Kind | str] | None = None) -> Table:
        """A table from whatever holds one.

        Parameters
        ----------
        source : frame, dict of columns, array, list of rows, tensor, Table or path of a CSV or
            Parquet file
            Frames are not copied. Arrays get the names x0, x1, … Names of image files in a file
            are relative to it.
        kinds : dict of column name to kind, or None
            Kinds that differ from what the values suggest.

        Raises
        ------
        DataError
            Not two-dimensional, no rows, duplicate or unknown names.
        """
        if isinstance(source, Table):
            return source if not kinds else cls.read(source.native, kinds=kinds)
        native = as_frame(source)
        names = [str(c) for c in getattr(native, "column_names", None) or native.columns]
        twice = sorted({n for n in names if names.count(n) > 1})
        if twice:
            raise DataError(
                f"Columns must have different names. Twice: {', '.join(map(repr, twice))}."
            )
        frame = nw.from_native(native, eager_only=True)
        given = {str(k): Kind(v) for k, v in (kinds or {}).items()}
        unknown = [n for n in given if n not in names]
        if unknown:
            near = nearest(unknown[0], names)
            raise SchemaError(
                f"`kinds` names the column {unknown[0]!r}, which is not there."
                + (f" Is it {near!r}?" if near else "")
            )
        columns = tuple(
            infer_column(c.alias(n), given.get(n))
            for n, c in zip(names, frame.iter_columns(), strict=True)
        )
        table = cls(frame, Schema(columns, len(frame)))
        return table._beside(Path(source).parent) if is_path(source) else table

    def _beside(self, folder: Path) -> Table:
        """The same, with names of image files relative to a folder as names from here."""
        names = self.schema.select(kinds=[Kind.IMAGE])
        if not names:
            return self
        found = beside(self.native, names, folder)
        return Table(nw.from_native(found, eager_only=True), self.schema)

    @property
    def native(self) -> Any:
        """The frame in its own type."""
        return self.frame.to_native()

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: npt.NDArray[Any]) -> Table:
        """Some of the rows; the schema stays."""
        index = np.flatnonzero(rows) if rows.dtype == bool else rows
        return Table(self.frame[index.tolist(), :], self.schema)

    def select(self, names: Sequence[str]) -> Table:
        """Some of the columns, in this order."""
        return Table(
            self.frame.select(list(names)),
            Schema(tuple(self.schema[n] for n in names), self.schema.n_rows),
        )

    def typed(self, schema: Schema | None = None) -> nw.DataFrame[Any]:
        """The frame with its columns in the schema's order and of their true types.

        Categories become categorical columns; strings that are numbers or dates are converted, and
        what stands for "no value" in strings is null.
        """
        schema = schema or self.schema
        return self.frame.select(
            *(_typed(self.frame.get_column(c.name), c) for c in schema.columns)
        )


def _typed(series: nw.Series[Any], column: ColumnInfo) -> nw.Series[Any]:
    stringy = series.dtype in (nw.String, nw.Object, nw.Unknown)
    if column.reads_as and stringy:
        return _like(series, read_strings(strings_of(series), column.reads_as))
    if column.kind is Kind.TEXT:
        return _like(series, strings_of(series)) if stringy else series.cast(nw.String)
    if column.kind is Kind.CATEGORY:
        return _categories(series, stringy)
    return (
        series.cast(nw.Float64)
        if column.kind is Kind.NUMBER and series.dtype == nw.Boolean
        else series
    )


def _categories(series: nw.Series[Any], stringy: bool) -> nw.Series[Any]:
    if isinstance(series.dtype, nw.Categorical | nw.Enum):
        return series
    if stringy:
        return _like(series, strings_of(series)).cast(nw.Categorical)
    if series.dtype.is_float():
        whole = series.drop_nulls()
        whole = whole.filter(~whole.is_nan())
        if (whole == whole.round(0)).all():  # integers that a missing value has made floats
            series = _like(series, pa.array(series.to_numpy(), from_pandas=True)).cast(nw.Int64)
    return series.cast(nw.String).cast(nw.Categorical)


def _like(series: nw.Series[Any], array: pa.Array) -> nw.Series[Any]:
    """An arrow array as a column of the same make."""
    table = pa.table({str(series.name): array})
    native: Any = table
    if series.implementation.is_pandas_like():
        native = table.to_pandas().set_index(series.to_native().index)
    elif not series.implementation.is_pyarrow():
        native = nw.from_arrow(table, backend=series.implementation).to_native()
    return nw.from_native(native, eager_only=True)[:, 0]


def as_frame(source: Any) -> Any:
    """A native frame from whatever holds a table."""
    if is_path(source):
        return read_frame(source)
    source = normalize(source)
    if is_frame(source):
        return source
    if hasattr(source, "detach"):
        source = as_numpy(source)
    array = np.asarray(source)
    if array.ndim != 2:
        raise DataError(f"A table has rows and columns. Got an array of shape {array.shape}.")
    return dict_to_arrow({f"x{j}": _plain(array[:, j]) for j in range(array.shape[1])})


def _plain(column: npt.NDArray[Any]) -> Any:
    """A column of Python objects as the type its values have."""
    return column.tolist() if column.dtype == object else np.ascontiguousarray(column)

"""What a column's values mean: kinds, inferred from types and values.

Rules, in order, for a column of strings: all distinct values name image files -> image; all are
dates -> date; all are numbers
(without leading zeros, as codes have them) -> number; many distinct values of several words ->
text; else category. Columns that never vary are constants; a column that numbers the rows, or a
code that is different in every row, is an identifier.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dovetail.data.read import MISSING_MARKS
from dovetail.data.schema import ColumnInfo, Kind, Role

__all__ = ["date_format", "infer_column", "notes_of", "read_strings", "strings_of", "unmark"]

# Formats tried on strings that look like dates; the first that reads every one is taken.
DATE_FORMATS = (
    "%Y-%m-%d",
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M",
    "%Y/%m/%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y-%m",
    "%m/%d/%Y",
    "%d/%m/%Y",
    "%m/%d/%Y %H:%M",
    "%d.%m.%Y",
    "%d.%m.%Y %H:%M",
    "%d-%b-%Y",
    "%d %b %Y",
    "%b %d, %Y",
)

_DATE_LIKE = re.compile(r"^\s*(\w{1,4}[-/. ]\w{1,3}[-/., ]+\d{2,4}|\d{4}-\d{2}\s*$)")
_NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$"
_LEADING_ZERO = r"^\s*0\d"
_IMAGE_FILE = r"\.(bmp|gif|jpe?g|pgm|png|ppm|tiff?|webp)$"
_FEW = 1000  # distinct values kept as categories, and looked at when words are counted
_MANY_WORDS = 3.0  # mean words of a distinct value from which strings are taken to be text
_WORDY = 50  # distinct values from which they may be


def infer_column(series: nw.Series[Any], kind: Kind | None = None) -> ColumnInfo:
    """Describe one column; `kind` overrides what its values suggest."""
    dtype = series.dtype
    name = str(series.name)
    if isinstance(dtype, nw.Object | nw.Unknown) or dtype in (nw.Object, nw.Unknown):
        return _from_strings(name, _object_strings(series), str(dtype), len(series), kind)
    if dtype == nw.String or isinstance(dtype, nw.Categorical | nw.Enum):
        label = "String" if dtype == nw.String else type(dtype).__name__
        return _from_strings(
            name, strings_of(series), label, len(series), kind, fixed=dtype != nw.String
        )
    if dtype == nw.Boolean:
        found = Kind.BOOL
    elif dtype.is_temporal():
        found = Kind.DATE
    elif dtype.is_numeric():
        found = Kind.NUMBER
    else:
        found = Kind.SEQUENCE
    if found is Kind.SEQUENCE:
        return ColumnInfo(name, kind or found, str(dtype))
    values = _dropped(series)
    n_unique = int(values.n_unique()) if len(values) else 0
    role, notes = _role(values, n_unique, len(series), found)
    unit = getattr(dtype, "time_unit", None)
    missing = len(series) - len(values)
    wanted = kind or found
    categories: tuple[Any, ...] = ()
    if wanted is Kind.CATEGORY and n_unique <= _FEW:
        categories = tuple(values.unique().sort().to_list())
    label = type(dtype).__name__ if dtype.is_temporal() else str(dtype)
    return ColumnInfo(name, wanted, label, role, "", unit, missing, n_unique, categories, notes)


def _dropped(series: nw.Series[Any]) -> nw.Series[Any]:
    """The values that are not missing; NaN counts as missing."""
    series = series.drop_nulls()
    return series.filter(~series.is_nan()) if series.dtype.is_float() else series


def strings_of(series: nw.Series[Any]) -> pa.Array:
    """A string or categorical column as arrow strings; what people type for "no value" is null."""
    array = series.cast(nw.String).to_arrow() if series.dtype != nw.String else series.to_arrow()
    return unmark(array)


def _object_strings(series: nw.Series[Any]) -> pa.Array:
    """A column of Python objects as strings; None and NaN are null."""
    values = [
        None if v is None or (isinstance(v, float) and v != v) else str(v) for v in series.to_list()
    ]
    return unmark(pa.array(values, type=pa.string()))


def unmark(array: Any) -> pa.Array:
    """Strings as one arrow array; what people type for "no value" is null."""
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    array = array.cast(pa.large_string()) if not pa.types.is_large_string(array.type) else array
    marked = pc.is_in(pc.utf8_trim_whitespace(array), pa.array(MISSING_MARKS, type=array.type))
    return pc.if_else(pc.fill_null(marked, False), pa.scalar(None, type=array.type), array)


def _from_strings(
    name: str, array: pa.Array, dtype: str, rows: int, kind: Kind | None, *, fixed: bool = False
) -> ColumnInfo:
    distinct = pc.drop_null(pc.unique(array))
    missing, n_unique = array.null_count, len(distinct)
    reads_as, notes = ("", ()) if fixed else _reading(distinct)
    found = Kind.CATEGORY
    if not fixed and kind in (None, Kind.IMAGE) and _are_image_files(distinct):
        role = Role.IDENTIFIER if kind is None else Role.FEATURE
        notes = ("names image files",)
        return ColumnInfo(name, Kind.IMAGE, dtype, role, "", None, missing, n_unique, (), notes)
    if reads_as:
        found = Kind.NUMBER if reads_as == "number" else Kind.DATE
    elif not fixed and _is_text(distinct, rows - missing):
        found = Kind.TEXT
    wanted = kind or found
    if kind is not None and kind is not found:
        reads_as, notes = (_forced_reading(kind, distinct), ())
    role = Role.FEATURE
    if n_unique <= 1:
        role, notes = Role.CONSTANT, ("never varies" if n_unique else "has no values",)
    elif found is Kind.CATEGORY and not fixed and _is_code(distinct, rows - missing):
        role, notes = Role.IDENTIFIER, ("is different in every row: an identifier",)
    elif wanted is Kind.CATEGORY and n_unique > 255:
        notes = (*notes, f"has {n_unique:,} distinct values")
    categories = (
        tuple(sorted(distinct.to_pylist())) if wanted is Kind.CATEGORY and n_unique <= _FEW else ()
    )
    return ColumnInfo(
        name, wanted, dtype, role, reads_as, None, missing, n_unique, categories, notes
    )


def _reading(distinct: pa.Array) -> tuple[str, tuple[str, ...]]:
    """How all of these strings can be read, if as anything else, and what to say of it."""
    if not len(distinct):
        return "", ()
    numbers = pc.match_substring_regex(distinct, _NUMBER)
    if pc.all(numbers).as_py():
        if pc.any(pc.match_substring_regex(distinct, _LEADING_ZERO)).as_py():
            return "", ("looks like numbers, but leading zeros make them codes",)
        return "number", ("numbers stored as text, read as numbers",)
    format = date_format(distinct)
    if format is None:
        return "", ()
    both = format == "%m/%d/%Y" and _parses(distinct, "%d/%m/%Y")
    note = "dates stored as text, read as dates"
    return f"date:{format}", (note + (" with the month first" if both else ""),)


def date_format(distinct: pa.Array) -> str | None:
    """The first known format in which all of these strings are dates, None where there is none."""
    if not len(distinct) or not _DATE_LIKE.match(distinct[0].as_py()):
        return None
    return next((f for f in DATE_FORMATS if _parses(distinct, f)), None)


def _forced_reading(kind: Kind, distinct: pa.Array) -> str:
    if kind is Kind.NUMBER:
        return "number"
    if kind is Kind.DATE:
        return next(
            (f"date:{f}" for f in DATE_FORMATS if _parses(distinct, f)), f"date:{DATE_FORMATS[0]}"
        )
    return ""


def _parses(distinct: pa.Array, format: str) -> bool:
    parsed = pc.strptime(distinct, format=format, unit="us", error_is_null=True)
    return bool(parsed.null_count == 0)


def _is_text(distinct: pa.Array, rows: int) -> bool:
    """Many different strings, of several words each or hardly ever the same twice."""
    if len(distinct) < _WORDY:
        return False
    words = pc.add(
        pc.count_substring_regex(pc.utf8_trim_whitespace(distinct.slice(0, _FEW)), r"\s+"), 1
    )
    wordy: bool = pc.mean(words).as_py() >= _MANY_WORDS
    return (wordy and len(distinct) > 0.1 * rows) or (
        len(distinct) > _FEW and len(distinct) > 0.5 * rows and not _is_code(distinct, rows)
    )


def _are_image_files(distinct: pa.Array) -> bool:
    """Whether all of these are names of image files."""
    named = pc.match_substring_regex(distinct, _IMAGE_FILE, ignore_case=True)
    return len(distinct) > 1 and bool(pc.all(named).as_py())


def _is_code(distinct: pa.Array, rows: int) -> bool:
    """Different in every row, without spaces and with digits: a key, not a description."""
    if len(distinct) < max(20, rows):
        return False
    sample = distinct.slice(0, _FEW)
    codes = pc.match_substring_regex(sample, r"^[^\s]*\d[^\s]*$")
    return bool(pc.mean(pc.cast(codes, pa.float64())).as_py() > 0.95)


def _role(
    values: nw.Series[Any], n_unique: int, rows: int, kind: Kind
) -> tuple[Role, tuple[str, ...]]:
    if n_unique <= 1:
        return Role.CONSTANT, ("never varies" if n_unique else "has no values",)
    if kind is Kind.NUMBER and values.dtype.is_integer() and n_unique == rows >= 20:
        ordered = np.sort(values.to_numpy())
        if int(ordered[-1]) - int(ordered[0]) == rows - 1:
            return Role.IDENTIFIER, ("numbers the rows: an identifier",)
    return Role.FEATURE, ()


def read_strings(array: pa.Array, reads_as: str) -> pa.Array:
    """Strings as the numbers (float64) or dates (timestamps in µs) they are; what cannot be read is
    null.
    """
    if reads_as == "number":
        fits = pc.match_substring_regex(array, _NUMBER)
        return pc.cast(pc.utf8_trim_whitespace(pc.if_else(fits, array, None)), pa.float64())
    return pc.strptime(array, format=reads_as.removeprefix("date:"), unit="us", error_is_null=True)


def notes_of(columns: Sequence[ColumnInfo]) -> list[str]:
    """Every note, with its column."""
    return [f"{c.name!r} {note}" for c in columns for note in c.notes]

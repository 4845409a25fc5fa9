"""Files of rows and columns: CSV and Parquet, read and written through pyarrow."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from dovetail.errors import DataError

__all__ = ["MISSING_MARKS", "atomic_path", "read_frame"]

# What people type for "no value", beside the empty field.
MISSING_MARKS = (
    "",
    "NA",
    "N/A",
    "n/a",
    "NaN",
    "nan",
    "NULL",
    "null",
    "None",
    "#N/A",
    "?",
    "-",
    "<NA>",
)


def read_frame(path: str | Path) -> pa.Table:
    """A CSV, TSV or Parquet file as a pyarrow table.

    Raises
    ------
    DataError
        No such file, a directory, an unknown ending, not the format its ending says, no rows,
        duplicate names.
    """
    path = Path(path)
    if not path.exists():
        near = (
            sorted(p.name for p in path.parent.glob("*") if p.suffix in _READERS)
            if path.parent.is_dir()
            else []
        )
        hint = f" In {path.parent} there are: {', '.join(near[:8])}." if near else ""
        raise DataError(f"No such file: {path}.{hint}")
    if path.is_dir():
        raise DataError(f"{path} is a directory. Name a CSV or Parquet file in it.")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise DataError(
            f"{path.name} is not a table this reads. Allowed endings: {', '.join(_READERS)}."
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty.")
    table = reader(path)
    names = table.column_names
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise DataError(
            f"{path.name} has columns of the same name: {', '.join(map(repr, twice))}. Rename them."
        )
    if not table.num_columns or not table.num_rows:
        raise DataError(f"{path.name} has a header but no rows.")
    return table


def _read_parquet(path: Path) -> pa.Table:
    try:
        return pyarrow.parquet.read_table(path)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path.name} is not a readable Parquet file: {error}") from error


def _read_csv(path: Path) -> pa.Table:
    delimiter = _delimiter(path)
    options = pyarrow.csv.ConvertOptions(
        null_values=list(MISSING_MARKS), strings_can_be_null=True, quoted_strings_can_be_null=True
    )
    try:
        return pyarrow.csv.read_csv(
            path,
            parse_options=pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
            convert_options=options,
        )
    except pa.ArrowInvalid as error:
        message = str(error)
        if "UTF8" in message or "utf8" in message.lower() or "codec" in message:
            raise DataError(
                f"{path.name} is not UTF-8 text. Convert it, for example with: iconv -f latin1 "
                "-t utf-8"
            ) from error
        raise DataError(
            f"{path.name} is not a readable CSV file (read with delimiter {delimiter!r}): {message}"
        ) from error


def _delimiter(path: Path) -> str:
    """The delimiter that splits the first lines into the same number of fields, more than one."""
    with open(path, "rb") as file:
        head = file.read(64 * 1024)
    try:
        lines = head.decode(
            "utf-8", errors="strict" if len(head) < 64 * 1024 else "ignore"
        ).splitlines()[:20]
    except UnicodeDecodeError as error:
        raise DataError(
            f"{path.name} is not UTF-8 text (byte {error.start}). Convert it, for example with: "
            "iconv -f latin1 -t utf-8"
        ) from error
    if b"\x00" in head:
        raise DataError(f"{path.name} is a binary file, not CSV text.")
    if path.suffix.lower() == ".tsv":
        return "\t"
    fields = {c: lines[0].count(c) for c in ",;\t|"} if lines else {}
    best = max(fields, key=lambda c: fields[c]) if fields else ","
    return best if fields.get(best) else ","


_READERS = {
    ".csv": _read_csv,
    ".tsv": _read_csv,
    ".txt": _read_csv,
    ".parquet": _read_parquet,
    ".pq": _read_parquet,
}


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it when the block ends well and removed when it
    does not.
    """
    path = Path(path)
    if path.is_dir():
        raise DataError(f"{path} is a directory. Name the file to write.")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)

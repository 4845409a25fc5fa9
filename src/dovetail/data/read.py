"""Files of rows and columns: CSV and Parquet, read and written through pyarrow."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from dovetail.errors import DataError

__all__ = ["MISSING_MARKS", "atomic_path", "iterate_frame", "read_frame"]

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
    path = _checked(path)
    blocks = list(iterate_frame(path, 1 << 62))
    return pa.concat_tables(blocks)


def iterate_frame(
    path: str | Path, rows: int, *, types: Mapping[str, pa.DataType] | None = None
) -> Iterator[pa.Table]:
    """The same file as tables of at most `rows` rows, none of them empty, read as they are asked
    for.

    types : arrow types of CSV columns that are known beforehand; those of the others go by the
        values
    """
    path = _checked(path)
    n = 0
    for batch in _READERS[path.suffix.lower()](path, rows, types or {}):
        table = pa.Table.from_batches([batch]) if isinstance(batch, pa.RecordBatch) else batch
        if not n:
            _check_names(path, table.column_names)
        n += len(table)
        for start in range(0, len(table), rows):
            yield table.slice(start, rows)
    if not n:
        raise DataError(f"{path.name} has a header but no rows.")


def _checked(path: str | Path) -> Path:
    path = Path(path)
    if not path.exists():
        here = path.parent.glob("*") if path.parent.is_dir() else []
        near = sorted(p.name for p in here if p.suffix in _READERS)
        hint = f" In {path.parent} there are: {', '.join(near[:8])}." if near else ""
        raise DataError(f"No such file: {path}.{hint}")
    if path.is_dir():
        raise DataError(f"{path} is a directory. Name a CSV or Parquet file in it.")
    if path.suffix.lower() not in _READERS:
        raise DataError(
            f"{path.name} is not a table this reads. Allowed endings: {', '.join(_READERS)}."
        )
    if path.stat().st_size == 0:
        raise DataError(f"{path} is empty.")
    return path


def _check_names(path: Path, names: list[str]) -> None:
    twice = sorted({n for n in names if names.count(n) > 1})
    if twice:
        raise DataError(
            f"{path.name} has columns of the same name: {', '.join(map(repr, twice))}. Rename them."
        )
    if not names:
        raise DataError(f"{path.name} has no columns.")


def _parquet_blocks(path: Path, rows: int, types: Mapping[str, pa.DataType]) -> Iterator[Any]:
    try:
        file = pyarrow.parquet.ParquetFile(path)
        if rows >= file.metadata.num_rows:
            yield file.read()
            return
        yield from file.iter_batches(batch_size=rows)
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path.name} is not a readable Parquet file: {error}") from error


def _csv_blocks(path: Path, rows: int, types: Mapping[str, pa.DataType]) -> Iterator[Any]:
    delimiter = _delimiter(path)
    parse = pyarrow.csv.ParseOptions(delimiter=delimiter, newlines_in_values=True)
    convert = pyarrow.csv.ConvertOptions(
        null_values=list(MISSING_MARKS),
        strings_can_be_null=True,
        quoted_strings_can_be_null=True,
        column_types=dict(types),
    )
    try:
        if (
            rows >= path.stat().st_size
        ):  # a row takes at least a byte: all of it fits into one block
            yield pyarrow.csv.read_csv(path, parse_options=parse, convert_options=convert)
            return
        with pyarrow.csv.open_csv(path, parse_options=parse, convert_options=convert) as reader:
            yield from reader
    except pa.ArrowInvalid as error:
        if "utf8" in str(error).lower():
            raise DataError(_not_text(path)) from error
        raise DataError(
            f"{path.name} is not a readable CSV file (read with the delimiter {delimiter!r}): "
            f"{error}"
        ) from error


def _not_text(path: Path) -> str:
    return (
        f"{path.name} is not UTF-8 text. Convert it, for example with: "
        f"iconv -f latin1 -t utf-8 {path.name} -o utf8.csv"
    )


def _delimiter(path: Path) -> str:
    """The character among , ; tab | that occurs most often in the header."""
    with open(path, "rb") as file:
        head = file.read(64 * 1024)
    if b"\x00" in head:
        raise DataError(f"{path.name} is a binary file, not CSV text.")
    try:
        text = head.decode("utf-8-sig", errors="strict" if len(head) < 64 * 1024 else "ignore")
    except UnicodeDecodeError as error:
        raise DataError(_not_text(path)) from error
    if path.suffix.lower() == ".tsv":
        return "\t"
    header = text.splitlines()[0] if text.strip() else ""
    counts = {c: header.count(c) for c in ",;\t|"}
    best = max(counts, key=lambda c: counts[c])
    return best if counts[best] else ","


_READERS = {
    ".csv": _csv_blocks,
    ".tsv": _csv_blocks,
    ".txt": _csv_blocks,
    ".parquet": _parquet_blocks,
    ".pq": _parquet_blocks,
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

"""Rows that are read a block at a time: Parquet files larger than memory.

A `Scan` stands where X stands: estimators learn from it in passes over its blocks, transformers
turn it into another scan that transforms each block on its way, predictions are put together from
those of the blocks. Under `dovetail.distributed` each process reads its own share of the row
groups.
"""

from __future__ import annotations

import glob
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet
import scipy.sparse as sp
from sklearn.exceptions import NotFittedError

from dovetail.data.frames import is_frame, take_columns
from dovetail.data.prefetch import prefetched
from dovetail.data.schema import nearest
from dovetail.distributed import rank, size
from dovetail.errors import DataError, SchemaError, needs_all_rows

__all__ = ["Rows", "Scan", "first_rows", "in_one_memory", "scan_parquet"]

# Numbers in a block: 16 MB of float64, which is much beside the cost of a block and little beside
# memory.
_NUMBERS, _LEAST_ROWS = 2**21, 256
_TEXT = 2**25  # bytes of strings in a block
_COLUMN_ROWS = 2**18  # of a single column
_HEAD = 4096  # rows from which widths, names and types are found


class Rows(NamedTuple):
    """A block of rows: X, its targets and weights as numpy arrays or None, the number of its first
    row among those of this process, and the file and rows that it is.
    """

    X: Any
    y: Any
    w: Any
    start: int
    where: str = ""

    def blamed(self) -> AbstractContextManager[None]:
        """Within this, errors of the data name the file and the rows that are at fault."""
        return _blamed(self.where)


@contextmanager
def _blamed(where: str) -> Iterator[None]:
    try:
        yield
    except NotFittedError:
        raise
    except ValueError as error:
        if not where or str(error).startswith(where):
            raise
        kind = type(error) if isinstance(error, DataError) else DataError
        raise kind(f"{where}: {error}") from error


def scan_parquet(
    source: str | Path | Sequence[str | Path],
    target: str | Sequence[str] | None = None,
    *,
    columns: Sequence[str] | None = None,
    sample_weight: str | None = None,
    block_rows: int | None = None,
) -> Scan:
    """Parquet files as X (and y) of estimators, read a block at a time.

    Parameters
    ----------
    source : path, pattern such as "rows/*.parquet", or list of paths
        All files need the same columns, of the same types.
    target : str, list of str or None
        The column to predict, or the columns where there are several outputs.
    columns : list of str or None
        The columns of X; None takes all but the target and the weights.
    sample_weight : str or None
        A column of weights of the rows.
    block_rows : int >= 1 or None
        Rows in memory at a time; None takes about 16 MB of numbers, or 32 MB of text.

    Returns
    -------
    Scan
        Give it to `fit` in place of X and y; to `predict` and the like, which return one array of
        all rows; or to `transform`, which returns another Scan.

    Raises
    ------
    DataError
        No such file, a damaged or truncated file, no rows. The files' footers are read at once, so
        that this is known before any work.
    SchemaError
        A column that is not there, or of another type in another file.

    Cost: one read of the needed columns for each pass that an estimator makes; solvers that make
    many keep the numbers of the rows in a file of the temporary folder (see `tempfile`) and read
    that.

    Examples
    --------
    >>> import dovetail as dv
    >>> from dovetail.datasets import example
    >>> rows = dv.scan_parquet(example("california").path, target="median_house_value")
    >>> rows.shape
    (20640, 9)
    """
    files = _Files.of(source)
    targets = (target,) if isinstance(target, str) else tuple(target or ())
    flat = target is None or isinstance(target, str)
    kept = [*targets, *([sample_weight] if sample_weight else [])]
    names = [n for n in files.schema.names if n not in kept] if columns is None else list(columns)
    for name in kept:
        if name in names:
            role = "target" if name in targets else "weight"
            raise SchemaError(f"The column {name!r} cannot be both the {role} and a column of X.")
    files.check([*names, *kept])
    if not names:
        raise DataError("A scan needs at least one column besides the target.")
    if block_rows is not None and block_rows < 1:
        raise ValueError(f"block_rows must be at least 1. Got {block_rows}.")
    block_rows = block_rows or max(
        _LEAST_ROWS, min(_NUMBERS // len(names), int(_TEXT / files.letters(names)))
    )
    return Scan(files, tuple(names), targets, flat, sample_weight, block_rows)


@dataclass(frozen=True, eq=False)
class Scan:
    """Blocks of rows, with what is done to X on the way. Made by `scan_parquet`."""

    _files: _Files
    names: tuple[str, ...]
    target: tuple[str, ...]
    flat: bool
    sample_weight: str | None
    block_rows: int
    _steps: tuple[Callable[[Any, int], Any], ...] = ()

    # -- facts

    def __len__(self) -> int:
        """Rows of this process: all, or its share under `dovetail.distributed`."""
        return sum(piece.rows for piece in self._files.share())

    @property
    def shape(self) -> tuple[int, int]:
        """(rows of this process, columns of X)."""
        return len(self), int(self.head.X.shape[1])

    @property
    def total(self) -> int:
        """Rows of all processes."""
        return sum(piece.rows for piece in self._files.pieces)

    @cached_property
    def head(self) -> Rows:
        """The first rows; none where this process has none."""
        for rows in self._read(min(_HEAD, self.block_rows), prefetch=False):
            return rows
        return self._rows(self._files.empty(self._columns), 0)

    # -- reading

    def blocks(self) -> Iterator[Rows]:
        """The rows of this process in blocks; where it has none, one block without rows."""
        if not len(self):
            yield self.head
            return
        yield from self._read(self.block_rows)

    def _read(self, rows: int, *, prefetch: bool = True) -> Iterator[Rows]:
        tables = self._files.tables(self._columns, rows)
        start = 0
        for where, table in prefetched(tables) if prefetch else tables:
            with _blamed(where):
                block = self._rows(table, start)
            yield block._replace(where=where)
            start += len(table)

    @property
    def _columns(self) -> list[str]:
        weights = [self.sample_weight] if self.sample_weight else []
        return [*dict.fromkeys(self.names), *self.target, *weights]

    def _rows(self, table: pa.Table, start: int) -> Rows:
        X: Any = table.select(list(self.names))
        for step in self._steps:
            X = step(X, start)
        w = _values(table, self.sample_weight) if self.sample_weight else None
        return Rows(X, self._target_of(table) if self.target else None, w, start)

    def _target_of(self, table: pa.Table) -> npt.NDArray[Any]:
        """Targets of shape (n,), or (n, t) where a list of columns was named."""
        found = [_values(table, name) for name in self.target]
        return found[0] if self.flat else np.column_stack(found)

    def targets(self) -> Iterator[npt.NDArray[Any]]:
        """The targets of this process's rows, some at a time; where it has no rows, none once."""
        if not self.target:
            raise DataError(
                "This needs a target: say which column it is, scan_parquet(..., target=...)."
            )
        for where, table in self._tables(list(self.target)):
            with _blamed(where):
                target = self._target_of(table)
            yield target

    def target_values(self) -> npt.NDArray[Any]:
        """The targets of all rows of this process, shape (n,)."""
        return np.concatenate(list(self.targets()))

    def weights(self) -> npt.NDArray[Any] | None:
        """The weights of all rows of this process, None without."""
        if self.sample_weight is None:
            return None
        name = self.sample_weight
        return np.concatenate([_values(table, name) for _, table in self._tables([name])])

    def has_weight(self) -> bool:
        """Whether a row of this process has a weight other than zero."""
        name = self.sample_weight
        return name is None or any(_values(t, name).any() for _, t in self._tables([name]))

    def _tables(self, names: list[str]) -> Iterator[tuple[str, pa.Table]]:
        """A few columns of this process's rows, and where they are; where it has no rows, a table
        without any.
        """
        if not len(self):
            yield "", self._files.empty(names)
        yield from self._files.tables(names, _COLUMN_ROWS)

    # -- other scans

    def mapped(self, f: Callable[[Any], Any]) -> Scan:
        """The scan whose X is f(X) of each block."""
        return self.mapped_rows(lambda X, start: f(X))

    def mapped_rows(self, f: Callable[[Any, int], Any]) -> Scan:
        """The scan whose X is f(X, number of the first row) of each block."""
        return replace(self, _steps=(*self._steps, f))

    def take_columns(self, columns: Any) -> Scan:
        """The scan of some columns by position; one integer gives the column itself. Columns that
        are not asked for are not read.
        """
        if self._steps or isinstance(columns, int):
            return self.mapped(lambda X: take_columns(X, columns))
        names = np.asarray(self.names, dtype=object)[columns]
        return replace(self, names=tuple(names.tolist()))

    def beside(self, parts: Sequence[Any], join: Callable[[list[Any]], Any]) -> Scan:
        """The scan whose X is what `join` makes of the X of scans that came from this one."""
        names = tuple(dict.fromkeys(name for part in parts for name in part.names))

        def joined(X: Any, start: int) -> Any:
            found = []
            for part in parts:
                own = X.select(list(part.names))
                for step in part._steps:
                    own = step(own, start)
                found.append(own)
            return join(found)

        return replace(self, names=names, _steps=(joined,))

    def gathered(self, f: Callable[[Any], Any]) -> Any:
        """f(X) of each block, one below the other."""
        parts = [f(rows.X) for rows in self.blocks()]
        if isinstance(parts[0], tuple):
            return tuple(_stacked(list(column)) for column in zip(*parts, strict=True))
        return _stacked(parts)


def first_rows(X: Any) -> Any:
    """The first rows of a scan, to look at; anything else itself."""
    return X.head.X if isinstance(X, Scan) else X


def in_one_memory(X: Any) -> Any:
    """X itself.

    Raises
    ------
    DataError
        It is a scan, or other processes hold other rows.
    """
    if isinstance(X, Scan):
        raise needs_all_rows("are read in blocks")
    if size() > 1:
        raise needs_all_rows("are shared among processes")
    return X


def _stacked(parts: list[Any]) -> Any:
    if sp.issparse(parts[0]):
        return sp.vstack(parts, format=parts[0].format)
    if is_frame(parts[0]):
        raise DataError("Frames of a scan's blocks are not put together. Use transform on blocks.")
    return np.concatenate(parts)


def _values(table: pa.Table, name: str) -> npt.NDArray[Any]:
    column = table.column(name)
    values: npt.NDArray[Any] = column.to_numpy()
    if column.null_count or (values.dtype.kind == "f" and np.isnan(values).any()):
        raise DataError(
            f"The column {name!r} has missing values. Drop these rows before they are scanned."
        )
    return values


# -- files


class _Piece(NamedTuple):
    """A row group."""

    path: Path
    group: int
    start: int
    rows: int
    within: int  # rows of the file before it


@dataclass(frozen=True)
class _Files:
    """Parquet files of one schema, as pieces."""

    schema: pa.Schema
    pieces: tuple[_Piece, ...]
    text: dict[str, int]  # bytes of each column of strings

    @classmethod
    def of(cls, source: str | Path | Sequence[str | Path]) -> _Files:
        pieces: list[_Piece] = []
        first: tuple[Path, pa.Schema] | None = None
        text: dict[str, int] = {}
        start = 0
        for path in _paths(source):
            metadata, schema = _footer(path)
            if first is None:
                first = path, schema
            else:
                _check_same(path, schema, *first)
            within = 0
            _count_text(text, metadata, schema)
            for group in range(metadata.num_row_groups):
                rows = metadata.row_group(group).num_rows
                if rows:
                    pieces.append(_Piece(path, group, start, rows, within))
                start, within = start + rows, within + rows
        assert first is not None
        if not pieces:
            raise DataError(f"{first[0].name} has columns but no rows.")
        return cls(first[1], tuple(pieces), text)

    def letters(self, names: Sequence[str]) -> float:
        """Bytes of text in a row of some columns, as stored before compression; at least 1."""
        rows = self.pieces[-1].start + self.pieces[-1].rows
        return max(1.0, sum(self.text.get(name, 0) for name in names) / rows)

    def check(self, names: Sequence[str]) -> None:
        """Refuse columns that are not there."""
        for name in names:
            if name not in self.schema.names:
                near = nearest(name, self.schema.names)
                hint = f" Did you mean {near!r}?" if near else ""
                there = ", ".join(self.schema.names[:10])
                raise SchemaError(
                    f"There is no column {name!r} in the files.{hint} There are: {there}."
                )
        twice = sorted({n for n in names if self.schema.names.count(n) > 1 or names.count(n) > 1})
        if twice:
            raise SchemaError(f"Columns of the same name: {', '.join(map(repr, twice))}.")

    def share(self) -> list[_Piece]:
        """The pieces of this process: consecutive ones, about as many rows as the others have."""
        total = self.pieces[-1].start + self.pieces[-1].rows
        mine = rank()
        return [p for p in self.pieces if int((p.start + p.rows / 2) * size() / total) == mine]

    def tables(self, columns: Sequence[str], rows: int) -> Iterator[tuple[str, pa.Table]]:
        """The rows of this process, at most `rows` at a time, and where they are."""
        for path, pieces in _by_path(self.share()).items():
            at = pieces[0].within
            try:
                with pyarrow.parquet.ParquetFile(path, pre_buffer=False) as file:
                    batches = file.iter_batches(
                        rows, row_groups=[p.group for p in pieces], columns=list(columns)
                    )
                    for batch in batches:
                        where = f"{path}, rows {at} to {at + len(batch) - 1}"
                        at += len(batch)
                        yield where, pa.Table.from_batches([batch]).select(list(columns))
            except (pa.ArrowInvalid, OSError) as error:
                raise DataError(f"{path} cannot be read to its end: {error}") from error

    def empty(self, columns: Sequence[str]) -> pa.Table:
        """A table without rows."""
        return self.schema.empty_table().select(list(columns))


def _count_text(text: dict[str, int], metadata: Any, schema: pa.Schema) -> None:
    """Add the bytes of a file's columns of strings."""
    if metadata.num_columns != len(schema):
        return  # nested columns, which cannot be used anyway
    for j, field in enumerate(schema):
        if pa.types.is_string(field.type) or pa.types.is_large_string(field.type):
            groups = (metadata.row_group(g).column(j) for g in range(metadata.num_row_groups))
            size = sum(group.total_uncompressed_size for group in groups)
            text[field.name] = text.get(field.name, 0) + size


def _by_path(pieces: Sequence[_Piece]) -> dict[Path, list[_Piece]]:
    found: dict[Path, list[_Piece]] = {}
    for piece in pieces:
        found.setdefault(piece.path, []).append(piece)
    return found


def _paths(source: str | Path | Sequence[str | Path]) -> list[Path]:
    if isinstance(source, str | Path):
        text = str(source)
        if any(c in text for c in "*?["):
            found = sorted(Path(p) for p in glob.glob(text, recursive=True))
            if not found:
                raise DataError(f"No file matches {text!r}.")
            return found
        source = [source]
    paths = [Path(p) for p in source]
    if not paths:
        raise DataError("A scan needs at least one file. Got an empty list.")
    for path in paths:
        if path.is_dir():
            raise DataError(f"{path} is a directory. Name its files, as in {path}/*.parquet.")
        if not path.exists():
            raise DataError(f"No such file: {path}.")
    return paths


def _footer(path: Path) -> tuple[Any, pa.Schema]:
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            return file.metadata, file.schema_arrow.remove_metadata()
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(
            f"{path} is not a whole Parquet file, it may have been truncated: {error}"
        ) from error


def _check_same(path: Path, schema: pa.Schema, first: Path, wanted: pa.Schema) -> None:
    missing = [n for n in wanted.names if n not in schema.names]
    more = [n for n in schema.names if n not in wanted.names]
    if missing or more:
        said = [f"lacks {', '.join(map(repr, missing))}"] * bool(missing)
        said += [f"has besides {', '.join(map(repr, more))}"] * bool(more)
        raise SchemaError(
            f"All files of a scan need the same columns: {path} {' and '.join(said)}, compared "
            f"with {first}."
        )
    for name in wanted.names:
        here, there = schema.field(name).type, wanted.field(name).type
        if here != there:
            raise SchemaError(
                f"The column {name!r} is of type {here} in {path} and {there} in {first}. Write "
                "the files with one type."
            )

"""What is to be learned: the task, its rows, and what can be noticed about them before any model is
fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import numpy as np
import numpy.typing as npt

from dovetail.data.columns import Columns, to_numpy
from dovetail.data.kinds import notes_of
from dovetail.data.schema import ColumnInfo, Kind, Role, Schema, nearest
from dovetail.data.table import Table
from dovetail.errors import DataError, TargetError
from dovetail.leaderboard.leaks import leak

__all__ = ["Problem", "pose"]

TaskName = Literal["classification", "regression"]

_FEW_CLASSES = 10  # integers with at most so many distinct values are taken to be classes


@dataclass(frozen=True, eq=False)
class Problem:
    """A table of features and what to predict from them.

    Parameters
    ----------
    table : Table
        Features of the rows that have a target.
    y : ndarray of shape (n,)
        Labels (str, bool or int objects as numpy holds them) or numbers (float64).
    target : str
    task : "classification" or "regression"
    classes : ndarray of the distinct labels, or None
    findings : list of sentences about the data
    """

    table: Table
    y: npt.NDArray[Any]
    target: str
    task: TaskName
    classes: npt.NDArray[Any] | None
    findings: list[str]

    @property
    def n_classes(self) -> int:
        return 0 if self.classes is None else len(self.classes)

    @property
    def kinds(self) -> dict[str, str]:
        """The kind of every column, "drop" for those that cannot tell anything."""
        return {c.name: str(c.kind) if _tells(c) else "drop" for c in self.table.schema.columns}


def _tells(column: ColumnInfo) -> bool:
    """Whether it may tell something; images do, to a net that reads them."""
    return column.role is Role.FEATURE or column.kind is Kind.IMAGE


def pose(
    source: Any,
    target: str,
    *,
    task: Literal["auto", "classification", "regression"] = "auto",
    kinds: Mapping[str, Kind | str] | None = None,
    leave_out: tuple[str, ...] = (),
) -> Problem:
    """Read a table and split off its target.

    Parameters
    ----------
    source : whatever Table.read takes
    target : name of the column to predict
    task : what to learn; "auto" goes by the target's values
    kinds : kinds of columns, instead of those inferred
    leave_out : columns that are no features (groups, time)

    Raises
    ------
    TargetError
        The target is missing, constant, without values, or not fit for the task.
    DataError
        No features, infinite values, duplicate names.
    """
    table = Table.read(source, kinds=kinds)
    schema = table.schema
    for name in (target, *leave_out):
        _require_column(schema, name, what="target" if name == target else "column")
    info = schema[target]
    if info.n_unique == 0:
        raise TargetError(
            f"The target {target!r} has no values: all {len(table):,} rows are missing."
        )
    if info.n_unique == 1:
        raise TargetError(f"The target {target!r} never varies: there is nothing to predict.")
    values = to_numpy(*_column(table.select([target]).typed()))
    there = ~_missing(values)
    findings = _notice_rows(there, target)
    chosen = _task(info.kind, values[there], info.n_unique) if task == "auto" else task
    y, classes = _targets(values[there], chosen, target, findings, asked=task != "auto")
    features = table.select([n for n in schema.names if n not in (target, *leave_out)])
    if not any(map(_tells, features.schema.columns)):
        raise DataError(
            f"Beside the target {target!r} there is no column that varies: nothing to learn from."
        )
    if not there.all():
        features = features.take(there)
    _refuse_infinite(features)
    findings += notes_of(features.schema.columns) + _notice_columns(features, y, target)
    return Problem(features, y, target, chosen, classes, findings)


def _require_column(schema: Schema, name: str, *, what: str) -> None:
    if name not in schema.names:
        near = nearest(name, schema.names)
        hint = f" Is it {near!r}?" if near else ""
        raise TargetError(
            f"There is no {what} {name!r} in the table.{hint} Columns: {', '.join(schema.names)}."
        )


def _column(frame: nw.DataFrame[Any]) -> tuple[Any, Any]:
    columns = Columns.from_frame(frame.to_native())
    return columns[0], None


def _missing(values: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    if values.dtype == object:
        return np.array([v is None or v != v for v in values], dtype=bool)
    return (
        np.isnan(values)
        if values.dtype.kind == "f"
        else np.isnat(values)
        if values.dtype.kind in "mM"
        else np.zeros(len(values), bool)
    )


def _notice_rows(there: npt.NDArray[np.bool_], target: str) -> list[str]:
    dropped = int((~there).sum())
    if not dropped:
        return []
    rows = "1 row has" if dropped == 1 else f"{dropped:,} rows have"
    return [f"{rows} no {target!r} and {'was' if dropped == 1 else 'were'} left out"]


def _task(kind: Kind, values: npt.NDArray[Any], n_unique: int) -> TaskName:
    """Classes where the target is made of words, of two values, or of a few whole numbers."""
    if kind not in (Kind.NUMBER, Kind.DATE):
        return "classification"
    whole = values.dtype.kind in "iu" or (
        values.dtype.kind == "f" and bool((values == np.round(values)).all())
    )
    return (
        "classification" if n_unique == 2 or (whole and n_unique <= _FEW_CLASSES) else "regression"
    )


def _targets(
    values: npt.NDArray[Any], task: TaskName, target: str, findings: list[str], *, asked: bool
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    if task == "regression":
        try:
            y = values.astype(np.float64)
        except (TypeError, ValueError):
            raise TargetError(
                f"The target {target!r} holds {str(values[0])!r}: regression needs numbers. Use "
                "--task classification."
            ) from None
        if not np.isfinite(y).all():
            raise DataError(
                f"The target {target!r} has {int((~np.isfinite(y)).sum()):,} infinite values."
            )
        return y, None
    if values.dtype.kind == "f":
        if not np.isfinite(values).all():
            raise DataError(f"The target {target!r} has infinite values.")
        if (values == np.round(values)).all():
            values = values.astype(np.int64)
    if values.dtype == object:
        values = values.astype(str)
    classes, counts = np.unique(values, return_counts=True)
    if len(classes) > max(100, len(values) // 10) or len(classes) > len(values) // 2:
        raise TargetError(
            f"The target {target!r} has {len(classes):,} different values in {len(values):,} "
            "rows: too many for classes. "
            "Use --task regression, or another target."
        )
    if not asked and values.dtype.kind in "iu" and len(classes) > 2:
        findings.append(
            f"{target!r} is read as {len(classes)} classes, since it has few whole numbers; "
            "--task regression predicts it "
            "as a number"
        )
    if counts.min() < 0.05 * len(values):
        rare = classes[counts.argmin()]
        findings.append(
            f"class {str(rare)!r} is rare: {counts.min() / len(values):.1%} of the rows"
        )
    return values, classes


def _refuse_infinite(table: Table) -> None:
    bad = {}
    for name in table.schema.select(kinds=[Kind.NUMBER]):
        series = table.frame.get_column(name)
        if series.dtype.is_float():
            count = int(np.isinf(series.to_numpy()).sum())
            if count:
                bad[name] = count
    if bad:
        listed = ", ".join(f"{name!r} ({count:,})" for name, count in bad.items())
        raise DataError(
            f"There are infinite values in: {listed}. Replace them by numbers or leave them empty."
        )


def _notice_columns(table: Table, y: npt.NDArray[Any], target: str) -> list[str]:
    """Columns that give the target away, that are mostly missing, and rows that are there twice."""
    found = []
    for info in table.schema.columns:
        if info.role is not Role.FEATURE:
            continue
        if info.n_missing > 0.5 * len(table):
            found.append(
                f"{info.name!r} is missing in {info.n_missing / table.schema.n_rows:.0%} of the "
                "rows"
            )
        found += filter(None, [leak(table, info.name, y, target)])
    return found

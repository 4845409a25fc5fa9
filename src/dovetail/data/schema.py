"""What a table's columns are, and how another table differs from that."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dovetail.errors import SchemaError

__all__ = ["ColumnInfo", "Kind", "Role", "Schema", "nearest"]


class Kind(StrEnum):
    """What a column's values mean."""

    NUMBER = "number"
    BOOL = "bool"
    CATEGORY = "category"
    TEXT = "text"
    DATE = "date"
    IMAGE = "image"
    SEQUENCE = "sequence"


class Role(StrEnum):
    """Whether a column can tell anything about another one."""

    FEATURE = "feature"
    IDENTIFIER = "identifier"
    CONSTANT = "constant"


@dataclass(frozen=True)
class ColumnInfo:
    """One column.

    Parameters
    ----------
    name : str
    kind : Kind
    dtype : str
        How its values are stored, in narwhals' words ("Float64", "String", "Datetime").
    role : Role
    reads_as : str
        Empty, or how its strings are to be read: "number", or "date:" and a strptime format.
    unit : str or None
        Resolution of dates ("us", "ns", ...).
    n_missing, n_unique : int
    categories : tuple
        Distinct values of a category column, sorted, where there are at most 1,000.
    notes : tuple of str
        What was noticed about it.
    """

    name: str
    kind: Kind
    dtype: str
    role: Role = Role.FEATURE
    reads_as: str = ""
    unit: str | None = None
    n_missing: int = 0
    n_unique: int = 0
    categories: tuple[Any, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Schema:
    """The columns of a table, in order.

    Parameters
    ----------
    columns : tuple of ColumnInfo
    n_rows : int
        Rows it was read from.
    """

    columns: tuple[ColumnInfo, ...]
    n_rows: int = 0

    @property
    def names(self) -> list[str]:
        return [c.name for c in self.columns]

    def __getitem__(self, name: str) -> ColumnInfo:
        return self.columns[self.names.index(name)]

    def select(self, *, kinds: Iterable[Kind] | None = None, role: Role | None = None) -> list[str]:
        """Names of the columns of these kinds and this role."""
        wanted = None if kinds is None else set(kinds)
        return [
            c.name
            for c in self.columns
            if (wanted is None or c.kind in wanted) and (role is None or c.role is role)
        ]

    def without(self, *names: str) -> Schema:
        """The schema with some columns left out."""
        return Schema(tuple(c for c in self.columns if c.name not in names), self.n_rows)

    def require(self, found: Schema, *, whose: str = "the model", extra: bool = False) -> None:
        """Hold another table's schema against this one.

        Parameters
        ----------
        found : Schema
            Of the table at hand; its columns may be in any order.
        whose : str
            Who was fitted on this schema, for the message.
        extra : bool
            Whether further columns are allowed.

        Raises
        ------
        SchemaError
            One message with every difference: missing columns and the nearest name that is there,
            columns of another type, extra columns.
        """
        differences = self.differences(found, extra=extra)
        if differences:
            lines = "\n".join(f"  - {d}" for d in differences)
            raise SchemaError(
                f"The columns are not those {whose} was fitted on:\n{lines}\n"
                f"Expected, in any order: {', '.join(self.names)}."
            )

    def differences(self, found: Schema, *, extra: bool = False) -> list[str]:
        """Every way in which another table's columns do not fit, a line each."""
        here, there = set(self.names), set(found.names)
        surplus = [n for n in found.names if n not in here]
        lines = []
        for column in self.columns:
            if column.name not in there:
                lines.append(f"{column.name!r} is missing{_hint(column.name, surplus)}")
            elif not compatible(column, found[column.name]):
                other = found[column.name]
                lines.append(
                    f"{column.name!r} was {_article(column.kind)} ({column.dtype}) and is now "
                    f"{_article(other.kind)} ({other.dtype})"
                )
        if not extra:
            lines += [f"{name!r} is extra" for name in surplus]
        return lines


def compatible(fitted: ColumnInfo, found: ColumnInfo) -> bool:
    """Whether values of the found column can be read as the fitted one's."""
    if found.dtype in ("Unknown", "Null") or found.n_unique == 0:
        return True  # nothing but missing values
    if fitted.kind in _NUMERIC:
        return found.kind in _NUMERIC
    if fitted.kind is Kind.DATE:
        return found.kind is Kind.DATE
    # a category or text column, however its values look in a smaller table, is still made of
    # strings or categories
    return found.dtype == fitted.dtype or (_is_stringy(fitted) and _is_stringy(found))


_NUMERIC = (Kind.NUMBER, Kind.BOOL)


def _is_stringy(column: ColumnInfo) -> bool:
    return column.dtype in ("String", "Object", "Categorical", "Enum")


def _article(kind: Kind) -> str:
    return "text" if kind is Kind.TEXT else f"a {kind}"


def _hint(name: str, candidates: Sequence[str]) -> str:
    near = nearest(name, candidates)
    return f" (is it {near!r} now?)" if near else ""


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate most like a name, None where none is near."""
    table = {str(c).lower(): str(c) for c in candidates}
    found = difflib.get_close_matches(str(name).lower(), list(table), n=1, cutoff=0.6)
    return table[found[0]] if found else None

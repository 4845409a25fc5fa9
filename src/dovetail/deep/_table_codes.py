"""Tables of any columns as codes, and codes as tables again.

A number becomes the place of its bin, of about as many rows each, where a value of many rows has a
bin of its own; from a bin a number is drawn again, as round as those that were seen. Any other
value is its own code, and so is a missing one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.data.codes import encode_columns
from dovetail.data.columns import Columns, factorize, is_nan
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.errors import DataError

__all__ = ["CodedColumn", "CodedTable"]

_BINS = 64  # of a column of numbers
_MOST = 1000  # distinct values of another
_DECIMALS = 6  # up to which numbers may be round


@dataclass(frozen=True)
class CodedColumn:
    """One column.

    Parameters
    ----------
    name : str
    dtype : str
        In narwhals' words; empty for columns of arrays and of Python objects.
    unit, zone : of dates
    values : array of the values that codes stand for; None where they are bins of numbers
    low, high : ends of the bins
    decimals : to which all numbers are round, None where they are not
    missing : bool, whether there is one more code, of missing values
    """

    name: str
    dtype: str = ""
    unit: str | None = None
    zone: str | None = None
    values: Any = None
    low: Any = None
    high: Any = None
    decimals: int | None = None
    missing: bool = False

    @property
    def n_codes(self) -> int:
        return int(len(self.low if self.values is None else self.values) + self.missing)

    def drawn(self, codes: npt.NDArray[np.int64], random: np.random.RandomState) -> Any:
        """Values that codes stand for; None where they are missing, NaN where they are numbers."""
        if self.values is not None:
            kept = np.append(self.values.astype(object), [None])
            return kept[codes]
        at = np.minimum(codes, len(self.low) - 1)
        low, high = self.low[at], self.high[at]
        if self.decimals is None:
            numbers = low + random.uniform(size=len(codes)) * (high - low)
        else:
            step = 10.0**-self.decimals
            places = np.rint((high - low) / step) + 1
            numbers = low + np.floor(random.uniform(size=len(codes)) * places) * step
            numbers = np.round(numbers, self.decimals)
        return np.where(codes == len(self.low), np.nan, numbers)


@dataclass(frozen=True)
class CodedTable:
    """A table's columns, and what it was made by.

    make : "pandas", "polars", "pyarrow", "numpy" or "torch"
    """

    columns: tuple[CodedColumn, ...]
    make: str
    dtype: str = ""

    @classmethod
    def of_frame(cls, X: Any) -> tuple[CodedTable, Tensor]:
        """How a frame is coded, and its codes, int64 of shape (n, d).

        Raises
        ------
        DataError
            No rows; a column of text, of sequences, or without any value.
        """
        frame = nw.from_native(X, eager_only=True)
        if not len(frame):
            raise DataError(f"Found a table with 0 sample(s) (shape={frame.shape}).")
        values = Columns.from_frame(X).values
        found = [_column(s, v) for s, v in zip(frame.iter_columns(), values, strict=True)]
        make = str(frame.implementation).lower()
        return cls(tuple(c for c, _ in found), make), torch.stack([x for _, x in found], 1)

    @classmethod
    def of_matrix(cls, X: npt.NDArray[Any], make: str) -> tuple[CodedTable, Tensor]:
        """The same of an array of numbers, where NaN is missing."""
        found = [_numbers(f"x{j}", column.astype(float)) for j, column in enumerate(X.T)]
        table = cls(tuple(c for c, _ in found), make, X.dtype.str)
        return table, torch.stack([x for _, x in found], 1)

    @property
    def n_codes(self) -> list[int]:
        return [c.n_codes for c in self.columns]

    def drawn(self, codes: Tensor, random: np.random.RandomState) -> Any:
        """Rows that codes (n, d) stand for, of the make of the table that was read."""
        at = as_numpy(codes).T
        values = [c.drawn(x, random) for c, x in zip(self.columns, at, strict=True)]
        if self.make in ("numpy", "torch"):
            matrix = np.stack(values, 1).astype(self.dtype)
            return as_tensor(matrix) if self.make == "torch" else matrix
        named = zip(self.columns, values, strict=True)
        series = [_series(c, v, self.make) for c, v in named]
        return nw.concat([s.to_frame() for s in series], how="horizontal").to_native()


def _column(series: nw.Series[Any], values: Any) -> tuple[CodedColumn, Tensor]:
    name, dtype = str(series.name), series.dtype
    if dtype.is_nested():
        raise DataError(f"Column {name!r} holds {dtype}, which no code stands for. Leave it out.")
    label = type(dtype).__name__
    if dtype.is_temporal() and label in ("Date", "Datetime"):
        moments = series.cast(nw.Datetime("us")).to_numpy().astype("datetime64[us]")
        numbers = np.where(np.isnat(moments), np.nan, moments.view(np.int64))
        unit, zone = getattr(dtype, "time_unit", None), getattr(dtype, "time_zone", None)
        return _numbers(name, numbers, dtype=label, unit=unit, zone=zone)
    if dtype.is_numeric():
        return _numbers(name, series.cast(nw.Float64).to_numpy(), dtype=label)
    codes, kept = factorize(values)
    absent = np.array([v is None or is_nan(v) for v in kept])
    if absent.all() or len(kept) > _MOST:
        what = "no values" if absent.all() else f"{len(kept):,} different values"
        raise DataError(
            f"Column {name!r} has {what}; a generator needs 1 to {_MOST:,} that repeat. Leave it "
            "out."
        )
    order = _sorted(kept, absent)
    place = np.empty(len(kept), np.int64)
    place[order] = np.arange(len(kept))
    place = np.minimum(place, (~absent).sum())
    label = "" if label in ("Object", "Unknown") else label
    column = CodedColumn(
        name, label, values=kept[order][: (~absent).sum()], missing=bool(absent.any())
    )
    return column, as_tensor(place[codes])


def _sorted(kept: npt.NDArray[Any], absent: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """The order of distinct values by how they read, missing ones last."""
    keys = [(bool(a), str(v)) for v, a in zip(kept, absent, strict=True)]
    return np.array(sorted(range(len(kept)), key=keys.__getitem__), dtype=np.int64)


def _numbers(name: str, numbers: Any, **facts: Any) -> tuple[CodedColumn, Tensor]:
    there = numbers[~np.isnan(numbers)]
    if not len(there) or not np.isfinite(there).all():
        what = "infinite values" if len(there) else "no values"
        raise DataError(f"Column {name!r} has {what}. Leave it out.")
    coded = encode_columns(as_tensor(numbers[:, None])).coarse(_BINS)
    rounded = (k for k in range(_DECIMALS + 1) if np.array_equal(np.round(there, k), there))
    column = CodedColumn(
        name,
        low=coded.low,
        high=coded.high,
        decimals=next(rounded, None),
        missing=bool(coded.missing[0]),
        **facts,
    )
    return column, as_tensor(coded.by_column[0].astype(np.int64))


def _series(column: CodedColumn, values: Any, make: Any) -> nw.Series[Any]:
    """A column of a frame, of the type it had."""
    if column.values is None:
        absent = np.isnan(values)
        if column.dtype in ("Date", "Datetime"):
            whole = np.where(absent, 0, values).astype(np.int64)
            moments = np.where(absent, np.datetime64("NaT"), whole.astype("datetime64[us]"))
            dates = nw.new_series(column.name, moments, nw.Datetime("us"), backend=make)
            return dates.cast(_dtype(column))
        if not absent.any():
            made = nw.new_series(column.name, values, nw.Float64, backend=make)
            return made.cast(_dtype(column))
        items = [None if a else v for v, a in zip(values.tolist(), absent, strict=True)]
        made = nw.new_series(column.name, items, nw.Float64, backend=make)
        floats = make == "pandas" and not column.dtype.startswith("Float")
        return made if floats else made.cast(_dtype(column))
    if not column.dtype:
        return nw.new_series(column.name, values.tolist(), backend=make)
    if column.dtype in ("Categorical", "Enum"):
        strings = nw.new_series(column.name, values.tolist(), nw.String, backend=make)
        return strings.cast(_dtype(column))
    return nw.new_series(column.name, values.tolist(), _dtype(column), backend=make)


def _dtype(column: CodedColumn) -> Any:
    if column.dtype == "Datetime":
        return nw.Datetime(column.unit or "us", column.zone)  # type: ignore[arg-type]
    if column.dtype == "Enum":
        return nw.Enum(list(column.values))
    return getattr(nw, column.dtype)

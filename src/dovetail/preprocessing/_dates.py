"""Moments as whole numbers, and the calendar as a Program.

Shapes: n rows, d columns, k outputs.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from dovetail.data.kinds import date_format, read_strings
from dovetail.errors import DataError
from dovetail.program import Program

__all__ = ["CYCLES", "MISSING", "PARTS", "DateParts", "moments"]

MISSING = int(np.iinfo(np.int64).min)  # numpy's own mark, NaT

PARTS = ("year", "month", "day", "weekday", "hour", "minute", "second", "time")
# What comes round again, and after how many units.
CYCLES = {"month": 12, "weekday": 7, "hour": 24, "minute": 60, "second": 60}

_MICROSECONDS = 1_000_000
_DAY = 86_400 * _MICROSECONDS


class DateParts(Program):
    """Parts and cycles of moments.

    The input are microseconds since 1970, int64 of shape (n, d); the output is float64 of shape
    (n, k), NaN where the moment is missing.

    parts : parts of each column
    cycles : whether sine and cosine follow a part that comes round again
    """

    parts: list[list[str]]
    cycles: bool

    def forward(self, T: Tensor) -> Tensor:
        found = calendar(T)
        columns = []
        for j, parts in enumerate(self.parts):
            for part in parts:
                values = found[part][:, j]
                columns.append(values)
                if self.cycles and part in CYCLES:
                    angle = values * (2 * torch.pi / CYCLES[part])
                    columns += [angle.sin(), angle.cos()]
        if not columns:
            return T.new_empty((len(T), 0), dtype=torch.float64)
        out = torch.stack(columns, dim=1)
        width = [sum(self.width(part) for part in parts) for parts in self.parts]
        gone = (T == MISSING).repeat_interleave(torch.tensor(width, device=T.device), dim=1)
        return out.masked_fill(gone, torch.nan)

    def width(self, part: str) -> int:
        """Outputs of a part."""
        return 3 if self.cycles and part in CYCLES else 1


def calendar(T: Tensor) -> dict[str, Tensor]:
    """Every part of moments in microseconds since 1970, each float64 of the shape of T.

    Months count from 1, weekdays from Monday = 0; "time" is days since 1970 with their fraction.
    Exact for the whole range of int64, in the Gregorian calendar: the year is taken to begin in
    March, so that its leap day comes last
    (https://howardhinnant.github.io/date_algorithms.html#civil_from_days).
    """

    def over(a: Tensor, b: int) -> Tensor:
        return torch.div(a, b, rounding_mode="floor")

    days = over(T, _DAY)
    inside = over(T - days * _DAY, _MICROSECONDS)  # seconds since midnight
    z = days + 719_468  # days since 1 March of the year 0
    era = over(z, 146_097)
    day_of_era = z - era * 146_097
    year_of_era = over(
        day_of_era - over(day_of_era, 1460) + over(day_of_era, 36_524) - over(day_of_era, 146_096),
        365,
    )
    day_of_year = day_of_era - (365 * year_of_era + over(year_of_era, 4) - over(year_of_era, 100))
    shifted = over(5 * day_of_year + 2, 153)  # March is 0
    month = torch.where(shifted < 10, shifted + 3, shifted - 9)
    found = {
        "year": year_of_era + era * 400 + (month <= 2),
        "month": month,
        "day": day_of_year - over(153 * shifted + 2, 5) + 1,
        "weekday": torch.remainder(days + 3, 7),
        "hour": over(inside, 3600),
        "minute": torch.remainder(over(inside, 60), 60),
        "second": torch.remainder(inside, 60),
    }
    parts = {name: values.to(torch.float64) for name, values in found.items()}
    return parts | {"time": T.to(torch.float64) / _DAY}


def moments(values: Any, name: str, format: str | None) -> tuple[npt.NDArray[np.int64], str | None]:
    """A column as microseconds since 1970, `MISSING` where there is none; and how its strings read.

    Parameters
    ----------
    values : numpy or arrow array of dates, times, strings or numbers (seconds since 1970)
    name : of the column, for messages
    format : of strings, None to find it out

    Raises
    ------
    DataError
        Values that are no dates; the first of them is named.
    """
    if isinstance(values, np.ndarray):
        if values.dtype.kind == "M":
            return values.astype("datetime64[us]").view(np.int64), None
        if values.dtype.kind in "iufb":
            return _from_seconds(values, name), None
        values = _as_arrow(values, name)
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return _from_seconds(values.to_numpy(zero_copy_only=False), name), None
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        format = format or date_format(pc.drop_null(pc.unique(values))) or ""
        values = _read(values, name, format)
    elif pa.types.is_timestamp(values.type) and values.type.tz is not None:
        values = pc.local_timestamp(values)  # what the clock on the wall shows
    elif pa.types.is_null(values.type):
        values = values.cast(pa.timestamp("us"))
    elif not (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        raise DataError(f"Column {name!r} holds {values.type}, which are no dates.")
    whole = values.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    return np.asarray(pc.fill_null(whole, MISSING)), format


def _from_seconds(values: npt.NDArray[Any], name: str) -> npt.NDArray[np.int64]:
    scaled = np.rint(values.astype(np.float64) * _MICROSECONDS)
    there = ~np.isnan(scaled)
    if (np.abs(scaled[there]) >= 2.0**63).any():
        raise DataError(
            f"Column {name!r} holds {values[there][0]!r}, too great for seconds since 1970."
        )
    out = np.full(scaled.shape, MISSING, dtype=np.int64)
    out[there] = scaled[there].astype(np.int64)
    return out


def _as_arrow(values: npt.NDArray[Any], name: str) -> pa.Array:
    """Objects (dates, strings) in the type they have in common."""
    try:
        return pa.array(values.tolist(), from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise DataError(f"Column {name!r} holds values of several types: {error}") from error


def _read(strings: pa.Array, name: str, format: str) -> pa.Array:
    known = pc.drop_null(strings)
    if not len(known):
        return strings.cast(pa.timestamp("us"))
    found = read_strings(strings, f"date:{format}") if format else None
    if found is None or found.null_count > strings.null_count:
        bad = (
            known
            if found is None
            else strings.filter(pc.and_(pc.is_null(found), pc.is_valid(strings)))
        )
        raise DataError(
            f"Column {name!r} holds {bad[0].as_py()!r}, which does not read as a date"
            + (f" like the others ({format})." if format else ". Use a form such as 2024-01-31.")
        )
    return found

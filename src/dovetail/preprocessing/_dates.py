"""Moments as whole numbers, and the calendar as a Program.

Shapes: n rows, d columns, k outputs.
"""

from collections.abc import Collection
from datetime import date
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import torch
from torch import Tensor

from dovetail.data.columns import is_nan
from dovetail.data.kinds import date_format, read_strings, unmark
from dovetail.errors import DataError
from dovetail.program import Program

__all__ = ["CYCLES", "MISSING", "PARTS", "DateParts", "calendar", "moments", "outputs"]

MISSING = int(np.iinfo(np.int64).min)  # numpy's own mark, NaT

PARTS = (
    "year",
    "month",
    "day",
    "weekday",
    "hour",
    "minute",
    "second",
    "day_of_year",
    "weekend",
    "time",
)
# What comes round again, and after how many units.
CYCLES = {
    "month": 12,
    "weekday": 7,
    "hour": 24,
    "minute": 60,
    "second": 60,
    "day_of_year": 365.2425,
}
ISO = "ISO 8601"  # the name of a format that arrow reads: 2024-01-31, 2024-01-31T12:30:00.5, ...
# The zone that may follow a time of day; the clock there shows what is before it.
_ZONE = r"(:\d{2}(\.\d+)?)\s?(Z|[+-]\d{2}(:?\d{2})?)$"

_MICROSECONDS = 1_000_000
_DAY = 86_400 * _MICROSECONDS


class DateParts(Program):
    """Parts and cycles of moments.

    The input are microseconds since 1970, int64 of shape (n, d); the output is float64 of shape
    (n, k), NaN where the moment is missing.

    parts : parts of each column
    cycles : whether sine and cosine follow a part that comes round again
    widths : int64 Tensor of shape (d,), outputs of each column
    """

    parts: list[list[str]]
    cycles: bool
    widths: Tensor

    @classmethod
    def of(cls, parts: list[list[str]], *, cycles: bool, device: torch.device) -> Self:
        """The Program of these parts."""
        widths = [sum(outputs(part, cycles=cycles) for part in some) for some in parts]
        return cls(parts, cycles, torch.tensor(widths, dtype=torch.long, device=device))

    def forward(self, T: Tensor) -> Tensor:
        found = calendar(T, {part for parts in self.parts for part in parts})
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
        gone = (T == MISSING).repeat_interleave(self.widths, dim=1, output_size=len(columns))
        return out.masked_fill(gone, torch.nan)


def outputs(part: str, *, cycles: bool) -> int:
    """How many numbers a part becomes."""
    return 3 if cycles and part in CYCLES else 1


def calendar(T: Tensor, wanted: Collection[str] = PARTS) -> dict[str, Tensor]:
    """Parts of moments in microseconds since 1970, each float64 of the shape of T.

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
    year = year_of_era + era * 400 + (month <= 2)
    weekday = torch.remainder(days + 3, 7)
    found = {
        "year": lambda: year,
        "month": lambda: month,
        "day": lambda: day_of_year - over(153 * shifted + 2, 5) + 1,
        "weekday": lambda: weekday,
        "hour": lambda: over(inside, 3600),
        "minute": lambda: torch.remainder(over(inside, 60), 60),
        "second": lambda: torch.remainder(inside, 60),
        "day_of_year": lambda: torch.where(
            month <= 2, day_of_year - 305, day_of_year + 60 + leap(year)
        ),
        "weekend": lambda: weekday >= 5,
        "time": lambda: T.to(torch.float64) / _DAY,
    }
    return {part: found[part]().to(torch.float64) for part in PARTS if part in wanted}


def leap(year: Tensor) -> Tensor:
    """Whether years have a 29 February."""
    return (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))


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
        if values.dtype.kind in "iufb":
            return _from_seconds(values, name), None
        if values.dtype.kind != "M":
            values = _typed(values, name)
        if isinstance(values, np.ndarray):
            return _from_numpy(values, name), None
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_integer(values.type) or pa.types.is_floating(values.type):
        return _from_seconds(values.to_numpy(zero_copy_only=False), name), None
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        values = unmark(values)
        known = pc.drop_null(pc.unique(values))
        format = format or (ISO if _reads_as_iso(known) else date_format(known) or "")
        values = _read(values, known, name, format)
    elif pa.types.is_timestamp(values.type) and values.type.tz is not None:
        values = pc.local_timestamp(values)  # what the clock on the wall shows
    elif pa.types.is_null(values.type):
        values = values.cast(pa.timestamp("us"))
    elif not (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        raise DataError(f"Column {name!r} holds {values.type}, which are no dates.")
    whole = values.cast(pa.timestamp("us"), safe=False).cast(pa.int64())
    return np.asarray(pc.fill_null(whole, MISSING)), format


def _from_numpy(values: npt.NDArray[Any], name: str) -> npt.NDArray[np.int64]:
    if np.datetime_data(values.dtype)[0] not in ("us", "ns", "ps", "fs", "as"):
        seconds = values.astype("datetime64[s]")
        far = ~np.isnat(seconds) & (np.abs(seconds.view(np.int64)) > 2.0**63 / _MICROSECONDS)
        if far.any():
            raise DataError(
                f"Column {name!r} holds {values[far][0]}, more than 292,000 years from 1970."
            )
    return values.astype("datetime64[us]").view(np.int64)


def _from_seconds(values: npt.NDArray[Any], name: str) -> npt.NDArray[np.int64]:
    scaled = np.rint(values.astype(np.float64) * _MICROSECONDS)
    far = np.abs(scaled) >= 2.0**63
    if far.any():
        raise DataError(
            f"Column {name!r} holds {values[far][0]!r}, too great for seconds since 1970."
        )
    there = ~np.isnan(scaled)
    out = np.full(scaled.shape, MISSING, dtype=np.int64)
    out[there] = scaled[there].astype(np.int64)
    return out


def _typed(values: npt.NDArray[Any], name: str) -> Any:
    """Objects (dates, strings) in the type they have in common."""
    items = values.tolist()
    try:
        return pa.array(items, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        items = [None if is_nan(item) else item for item in items]
        if all(item is None or isinstance(item, date) for item in items):
            return np.array(items, dtype="datetime64[us]")  # dates beside times
        raise DataError(f"Column {name!r} holds values of several types: {error}") from error


def _reads_as_iso(known: pa.Array) -> bool:
    try:
        _iso(known)
    except pa.ArrowInvalid:
        return False
    return True


def _iso(strings: pa.Array) -> pa.Array:
    return pc.replace_substring_regex(strings, _ZONE, r"\1").cast(pa.timestamp("us"))


def _read(strings: pa.Array, known: pa.Array, name: str, format: str) -> pa.Array:
    """Strings in a format, empty where there is none; `known` are the distinct ones."""
    if format == ISO and _reads_as_iso(known):
        return _iso(strings)
    if format in ("", ISO):
        bad = next(s.as_py() for s in known if not _reads_as_iso(pa.array([s])))
    else:
        found = read_strings(strings, f"date:{format}")
        wrong = pc.and_(pc.is_null(found), pc.is_valid(strings))
        if not pc.any(wrong).as_py():
            return found
        bad = strings.filter(wrong)[0].as_py()
    raise DataError(
        f"Column {name!r} holds {bad!r}, which does not read as a date"
        + (f" like the others ({format})." if format else ". Use a form such as 2024-01-31.")
    )

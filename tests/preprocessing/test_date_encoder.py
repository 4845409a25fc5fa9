"""Calendar arithmetic against Python's, parts against pandas, and every container of dates."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dovetail.errors import DataError
from dovetail.preprocessing import DateEncoder
from dovetail.preprocessing._dates import MISSING, PARTS, calendar

MOMENTS = pd.to_datetime(
    [
        "1969-12-31 23:59:59",
        "1970-01-01 00:00:00",
        "2000-02-29 06:30:15",
        "1899-03-01 00:00:00",
        "2024-12-31 12:00:00",
    ]
)


@given(st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)))
def test_the_calendar_is_pythons(moment: dt.datetime) -> None:
    microseconds = (moment - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)
    found = {k: v.item() for k, v in calendar(torch.tensor(microseconds)).items()}
    days = found.pop("time")
    assert found == {
        "year": moment.year,
        "month": moment.month,
        "day": moment.day,
        "weekday": moment.weekday(),
        "hour": moment.hour,
        "minute": moment.minute,
        "second": moment.second,
        "day_of_year": moment.timetuple().tm_yday,
        "weekend": moment.weekday() >= 5,
    }
    assert days == pytest.approx((moment - dt.datetime(1970, 1, 1)) / dt.timedelta(days=1))


@pytest.mark.parametrize("part", [p for p in PARTS if p not in ("time", "weekend")])
def test_parts_are_those_of_pandas(part: str) -> None:
    frame = pd.DataFrame({"t": MOMENTS})
    found = DateEncoder([part], cycles=False).fit_transform(frame)[:, 0]
    name = "day_of_week" if part == "weekday" else part
    np.testing.assert_array_equal(found, getattr(frame["t"].dt, name))


def containers() -> list[Any]:
    """The same moments, however they are stored."""
    naive = pd.DataFrame({"t": MOMENTS})
    return [
        naive,
        pl.DataFrame({"t": MOMENTS.to_pydatetime().tolist()}),
        pa.table({"t": pa.array(MOMENTS)}),
        pa.table({"t": pa.array(MOMENTS.astype(str).tolist())}),
        pd.DataFrame({"t": MOMENTS.to_pydatetime().astype(object)}),
        MOMENTS.to_numpy()[:, None],
        MOMENTS.tz_localize("Europe/Vienna").to_frame(name="t"),
    ]


@pytest.mark.parametrize("data", containers(), ids=lambda d: type(d).__module__)
def test_containers_agree(data: Any) -> None:
    expected = DateEncoder().fit_transform(pd.DataFrame({"t": MOMENTS}))
    np.testing.assert_array_equal(DateEncoder().fit_transform(data), expected)


def test_numbers_are_seconds_since_1970() -> None:
    found = DateEncoder(["year", "second"], cycles=False).fit_transform([[86_400.0 * 366 + 7]])
    np.testing.assert_array_equal(found, [[1971.0, 7.0]])


def test_only_parts_that_vary_are_taken() -> None:
    days = pa.table(
        {"t": pa.array([dt.date(2024, 3, d) for d in (1, 2, 9)]), "same": ["2024-01-01"] * 3}
    )
    encoder = DateEncoder(cycles=False).fit(days)
    assert encoder.parts_ == [["day", "weekday", "time"], ["time"]]
    assert encoder.get_feature_names_out().tolist() == ["t_day", "t_weekday", "t_time", "same_time"]


def test_cycles_close() -> None:
    months = pd.DataFrame({"t": pd.to_datetime([f"2023-{m:02}-01" for m in range(1, 13)])})
    found = DateEncoder(["month"]).fit_transform(months)[:, 1:]
    steps = np.linalg.norm(found - np.roll(found, 1, axis=0), axis=1)
    np.testing.assert_allclose(steps, steps[0])
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1)


def test_missing_dates_are_missing_everywhere() -> None:
    frame = pd.DataFrame({"a": MOMENTS, "b": MOMENTS[::-1]})
    frame.loc[1, "a"] = None
    encoder = DateEncoder().fit(frame)
    out = pd.DataFrame(encoder.transform(frame), columns=encoder.get_feature_names_out())
    gone = out.iloc[1].isna()
    assert gone[[c for c in out if c.startswith("a_")]].all()
    assert not gone[[c for c in out if c.startswith("b_")]].any()
    assert not out.drop(index=1).isna().any(axis=None)


def test_the_program_goes_on_from_microseconds() -> None:
    frame = pd.DataFrame({"t": MOMENTS})
    frame.loc[0, "t"] = None
    encoder = DateEncoder().fit(frame)
    front = encoder.front(frame)
    assert front.dtype == torch.int64
    assert front[0, 0] == MISSING
    np.testing.assert_array_equal(encoder.program_(front).numpy(), encoder.transform(frame))


def test_a_format_holds_for_later_rows() -> None:
    encoder = DateEncoder(["month"], cycles=False).fit([["13/01/2024"], ["02/03/2024"]])
    np.testing.assert_array_equal(encoder.transform([["05/06/2024"]]), [[6.0]])
    with pytest.raises(DataError, match=r"'x0' holds '2024-01-01'.*%d/%m/%Y"):
        encoder.transform([["2024-01-01"]])


@pytest.mark.parametrize(
    "text",
    ["2024-02-29", "2024-02-29 00:00", "2024-02-29T00:00:00.000", "2024-02-29T00:00:00Z"],
)
def test_strings_of_iso_8601(text: str) -> None:
    frame = pd.DataFrame({"t": [text, "2024-03-01T12:30:15.5+02:00", "n/a", None]})
    expected = DateEncoder().fit_transform(
        pd.DataFrame(
            {"t": pd.to_datetime(["2024-02-29 00:00:00.0", "2024-03-01 12:30:15.5", None, None])}
        )
    )
    np.testing.assert_array_equal(DateEncoder().fit_transform(frame), expected)


def test_dates_beside_times() -> None:
    column = np.array(
        [[dt.datetime(2024, 1, 1, 12)], [dt.date(2024, 1, 2)], [pd.NaT]], dtype=object
    )
    found = DateEncoder(["time"]).fit_transform(column)
    np.testing.assert_array_equal(found, [[19723.5], [19724.0], [np.nan]])


def test_the_one_string_that_is_no_date_is_named() -> None:
    with pytest.raises(DataError, match="'x0' holds 'soon'"):
        DateEncoder().fit([["2024-01-01"], ["soon"]])


def test_what_microseconds_cannot_hold_is_refused() -> None:
    with pytest.raises(DataError, match="300000-01-01"):
        DateEncoder().fit(np.array([["2024-01-01"], ["300000-01-01"]], dtype="M8[D]"))


@pytest.mark.parametrize("value", ["soon", b"2024", dt.timedelta(1), 1e300])
def test_what_is_no_date_is_named(value: Any) -> None:
    with pytest.raises(DataError, match="'t'"):
        DateEncoder().fit(pd.DataFrame({"t": pd.Series([value])}))


def test_an_unknown_part_is_refused() -> None:
    with pytest.raises(ValueError, match="'week'"):
        DateEncoder(["week"]).fit([["2024-01-01"]])

"""Columns that give the target away."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from dovetail.data.columns import Columns, factorize
from dovetail.data.table import Table

__all__ = ["leak"]

_BINS = 64
_TOLD = 0.9  # share of the errors of guessing that one column removes, from which it is suspicious
_TOLD_NUMBERS = 0.97  # of their variance
_FEWEST = 50  # rows


def leak(table: Table, name: str, y: npt.NDArray[Any], target: str) -> str | None:
    """What is suspicious about a column: that it is the target under another name, or that it alone
    tells nearly all of it. None where nothing is.

    What a column tells is measured on every other row, by the most frequent class, or the mean, of
    the other rows with its value or in its bin.
    """
    codes, n_codes, distinct = _codes(table, name)
    classes = np.unique(y, return_inverse=True)[1].reshape(-1)
    if _is_the_target(table, name, codes, distinct, y, classes):
        return (
            f"{name!r} equals the target {target!r}, or is the same under other names: is it known "
            "in time?"
        )
    if len(y) < _FEWEST or n_codes > len(y) / 4:
        return None
    numbers = y.dtype.kind == "f"
    told = _variance(codes, n_codes, y) if numbers else _errors(codes, n_codes, classes)
    if told < (_TOLD_NUMBERS if numbers else _TOLD):
        return None
    of = "variance" if numbers else "errors that guessing makes"
    return (
        f"{name!r} alone removes {told:.0%} of the {of} about {target!r}: is it known in time? If "
        "not, leave it out"
    )


def _codes(table: Table, name: str) -> tuple[npt.NDArray[np.int64], int, int]:
    """What each row has: a value, a bin of numbers, or nothing; how many such there are, and how
    many distinct values.
    """
    values = Columns.from_frame(table.select([name]).typed().to_native())[0]
    codes, distinct = factorize(values)
    numbers = np.asarray(distinct)
    if len(distinct) > _BINS and numbers.dtype.kind in "iuf":
        there = codes >= 0
        x = numbers[codes].astype(np.float64)
        there &= np.isfinite(x)
        edges = np.unique(np.quantile(x[there], np.linspace(0, 1, _BINS + 1)[1:-1]))
        codes = np.where(there, np.searchsorted(edges, x), len(edges) + 1)
    codes = np.where(codes < 0, len(distinct), codes)
    found = np.unique(codes, return_inverse=True)[1].reshape(-1)
    return found, int(found.max()) + 1, len(distinct)


def _is_the_target(
    table: Table,
    name: str,
    codes: npt.NDArray[np.int64],
    distinct: int,
    y: npt.NDArray[Any],
    classes: npt.NDArray[np.int64],
) -> bool:
    """Whether values and targets go one to one, or as numbers lie on one line."""
    n_targets = int(classes.max()) + 1
    if distinct == n_targets == int(codes.max()) + 1 < len(y):
        return len(np.unique(codes * n_targets + classes)) == n_targets
    series = table.frame.get_column(name)
    if y.dtype.kind != "f" or not series.dtype.is_numeric():
        return False
    x = series.to_numpy().astype(np.float64)
    both = np.isfinite(x)
    if both.sum() < 3 or not (x[both].std() > 0 and y[both].std() > 0):
        return False
    return bool(abs(np.corrcoef(x[both], y[both])[0, 1]) > 0.9999)


def _errors(codes: npt.NDArray[np.int64], n_codes: int, classes: npt.NDArray[np.int64]) -> float:
    """Share of the errors of the most frequent class that that of a code does not make."""
    counts = np.zeros((n_codes, int(classes.max()) + 1))
    np.add.at(counts, (codes[::2], classes[::2]), 1)
    guess = int(counts.sum(0).argmax())
    best = np.where(counts.sum(1) > 0, counts.argmax(1), guess)
    later, seen = classes[1::2], codes[1::2]
    wrong = (later != guess).mean()
    return 1 - float((later != best[seen]).mean() / wrong) if wrong else 0.0


def _variance(codes: npt.NDArray[np.int64], n_codes: int, y: npt.NDArray[Any]) -> float:
    """Share of the variance about the mean that is not about the mean of a code."""
    count = np.bincount(codes[::2], minlength=n_codes)
    total = np.bincount(codes[::2], weights=y[::2], minlength=n_codes)
    mean = np.where(count > 0, total / np.maximum(count, 1), y[::2].mean())
    later = y[1::2]
    spread = np.square(later - y[::2].mean()).mean()
    return 1 - float(np.square(later - mean[codes[1::2]]).mean() / spread) if spread else 0.0

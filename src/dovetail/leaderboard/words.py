"""Numbers as people read them."""

from __future__ import annotations

import math

from dovetail.leaderboard.entry import Entry
from dovetail.leaderboard.metrics import Metric

__all__ = ["number", "score", "short"]


def number(x: float) -> str:
    """Four digits that matter, without an exponent where that is readable."""
    return f"{x:,.0f}" if abs(x) >= 1000 else f"{x:.4g}" if abs(x) >= 1 else f"{x:.4f}"


def score(entry: Entry, metric: Metric) -> str:
    """Mean and standard error of an entry's score."""
    if not entry.scores:
        return "–"
    mean = number(entry.mean(metric.name))
    return mean if len(entry.scores) < 2 else f"{mean} ± {number(entry.se(metric.name))}"


def short(x: float) -> str:
    """A cost, with as many digits as matter; a dash where it is not known."""
    if math.isnan(x):
        return "–"
    return f"{x:,.0f}" if x >= 100 else f"{x:.1f}" if x >= 1 else f"{x:.2f}"

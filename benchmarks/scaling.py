"""Gradient boosting over rows, columns and leaves, beside LightGBM and scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.boosting import contestants, made_up
from benchmarks.harness import Case

_PEERS = ("dovetail", "sklearn", "LightGBM")
_TREES = 20


def cases() -> Iterator[Case]:
    """Each size once; the name ends with what grows."""
    for rows in (1_000, 10_000, 100_000, 1_000_000, 3_000_000):
        yield _case(rows, 28, 31, f"rows {rows}")
    for columns in (10, 30, 100, 300, 1000):
        yield _case(20_000, columns, 31, f"columns {columns}")
    for leaves in (4, 16, 64, 256, 1024):
        yield _case(100_000, 28, leaves, f"leaves {leaves}")


def _case(rows: int, columns: int, leaves: int, name: str) -> Case:
    X, y = made_up(rows, columns)
    X, y = X[:rows], y[:rows]
    models = contestants("Classifier", _TREES, leaves)
    return Case(name, {who: (lambda m=models[who]: m.fit(X, y)) for who in _PEERS if who in models})

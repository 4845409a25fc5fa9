"""What fails on purpose among scikit-learn's own tests and checks: the list `exceptions.toml`."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Entry", "expected_failures", "floors", "listed"]

_LIST = Path(__file__).with_name("exceptions.toml")


class Entry(NamedTuple):
    """One exception.

    name : id of a test from scikit-learn's folder on, where * stands for anything; or of a check
    estimator : family and class, such as "linear_model.Ridge"
    reason : why it is right that it fails
    """

    name: str
    estimator: str
    reason: str

    def matches(self, test: str) -> bool:
        """Whether the entry is about this test."""
        return bool(re.fullmatch(".*".join(map(re.escape, self.name.split("*"))), test))


@cache
def _tables() -> dict[str, list[dict[str, Any]]]:
    tables: dict[str, list[dict[str, Any]]] = tomllib.loads(_LIST.read_text("utf-8"))
    return tables


def listed(kind: str) -> list[Entry]:
    """All entries of a kind: "test" or "check"."""
    return [Entry(**entry) for entry in _tables()[kind]]


def floors() -> dict[str, float]:
    """The share of tests, in percent, that a class must pass where it is not the usual one."""
    return {entry["estimator"]: entry["percent"] for entry in _tables()["floor"]}


def expected_failures(estimator: Any) -> dict[str, str]:
    """The checks of `check_estimator` that an estimator fails, with the reasons."""
    cls = type(estimator)
    name = ".".join([*cls.__module__.split(".")[1:-1], cls.__name__])
    return {e.name: e.reason for e in listed("check") if e.estimator == name}

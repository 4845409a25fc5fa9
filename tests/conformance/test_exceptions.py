"""The list of exceptions is well formed."""

from __future__ import annotations

import importlib
from collections import Counter
from typing import Any

import pytest
from sklearn.utils.estimator_checks import check_estimator

from dovetail.linear_model import LinearRegression, Ridge
from tests.conformance.exceptions import Entry, _tables, expected_failures, floors, listed
from tests.contract.instances import default_instance, public_classes

NAMES = {".".join([*c.__module__.split(".")[1:-1], c.__name__]) for c in public_classes()}
ENTRIES = [(kind, entry) for kind in ("test", "check") for entry in listed(kind)]


@pytest.mark.parametrize(("kind", "entry"), ENTRIES, ids=[f"{k}-{e.name}" for k, e in ENTRIES])
def test_every_entry_says_what_whose_and_why(kind: str, entry: Entry) -> None:
    assert len(entry.reason) > 20
    assert entry.reason.endswith(".")
    assert entry.estimator in NAMES
    if kind == "test":
        path, _, function = entry.name.partition("::")
        assert path.endswith(".py")
        assert function.startswith("test_")
        assert "*" not in function.partition("[")[0], "an entry is about one test function"
    else:
        assert entry.name.startswith("check_")


def test_no_entry_is_there_twice() -> None:
    assert not [
        e for e, n in Counter((k, e.name, e.estimator) for k, e in ENTRIES).items() if n > 1
    ]
    tests = listed("test")
    assert not [(a.name, b.name) for a in tests for b in tests if a is not b and a.matches(b.name)]


def test_floors_have_reasons() -> None:
    assert set(_tables()) == {"test", "check", "floor"}
    for name in set(floors()) - NAMES:
        family, _, function = name.rpartition(".")
        assert callable(getattr(importlib.import_module(f"dovetail.{family}"), function))
    for floor in _tables()["floor"]:
        assert floor["percent"] < 95
        assert len(floor["reason"]) > 20


def test_expected_failures_are_found_by_class() -> None:
    assert expected_failures(LinearRegression()) == {}
    assert "check_non_transformer_estimators_n_iter" in expected_failures(Ridge())


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", sorted({e.estimator for e in listed("check")}))
def test_listed_checks_fail(name: str) -> None:
    cls: Any = next(c for c in public_classes() if name.split(".")[-1] == c.__name__)
    estimator = default_instance(cls)
    found = check_estimator(estimator, on_fail=None, on_skip=None)
    failed = {r["check_name"] for r in found if r["status"] == "failed"}
    assert failed == set(expected_failures(estimator))

"""scikit-learn's own tests, with our classes in the place of its own.

They are run by a harness that substitutes the classes in scikit-learn's test modules; the variable
DOVETAIL_CONFORMANCE names its folder. It takes from seconds to twenty minutes a family. Its reports
can be kept: DOVETAIL_CONFORMANCE_REPORTS names a folder of them, FAMILY.json; what is not there is
run and written there.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import dovetail
from tests.conformance.exceptions import floors, listed

HARNESS = os.environ.get("DOVETAIL_CONFORMANCE")
REPORTS = os.environ.get("DOVETAIL_CONFORMANCE_REPORTS")
PERCENT = 95  # of the tests of public behavior that every class must pass
FAMILIES = dovetail._FAMILIES

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(
        not HARNESS, reason="DOVETAIL_CONFORMANCE does not name the folder of the harness"
    ),
]
every = pytest.mark.parametrize("family", FAMILIES)


@cache
def results(folder: Path, family: str) -> dict[str, Any]:
    """What the harness reports of a family; each family is run once."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{family}.json"
    if not path.exists():
        harness = Path(str(HARNESS)) / "upstream.py"
        options = ["--only", family, "--functions", "--public-only", "--timeout-per-file", "3600"]
        run = subprocess.run(
            [sys.executable, str(harness), *options, "--json", str(path)],
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
        )
        assert path.exists(), run.stdout[-2000:] + run.stderr[-2000:]
    report: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return report


@pytest.fixture
def report(family: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = Path(REPORTS) if REPORTS else tmp_path_factory.getbasetemp()
    return results(folder, family)


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    """Outcome of each test of public behavior that ran to an end."""
    ends = ("passed", "failed", "errored")
    tests = [t for t in report["tests"] if t["outcome"] in ends and not t["private"]]
    return {t["id"].removeprefix("sklearn/"): t["outcome"] for t in tests}


@every
def test_every_class_passes_nearly_all(family: str, report: dict[str, Any]) -> None:
    table = report["tables"]["estimator (own tests)"]
    rates = {name: row["public"]["pass_rate"] for name, row in table.items()}
    rates = {name: rate for name, rate in rates.items() if rate is not None}
    assert rates, "no test was run"
    low = floors()
    assert not {n: rate for n, rate in rates.items() if rate < low.get(n, PERCENT)}
    higher = {n: rate for n, rate in rates.items() if n in low and rate >= PERCENT}
    assert not higher, "these classes no longer need a floor of their own"


@every
def test_what_fails_is_listed(family: str, report: dict[str, Any]) -> None:
    entries = listed("test")
    failed = [test for test, outcome in outcomes(report).items() if outcome != "passed"]
    assert not [test for test in failed if not any(e.matches(test) for e in entries)]
    assert not report["notes"], "tests were lost"


@every
def test_what_is_listed_fails(family: str, report: dict[str, Any]) -> None:
    ended = outcomes(report)
    mine = [e for e in listed("test") if _is_of(e.name, family)]
    found = {e: [test for test in ended if e.matches(test)] for e in mine}
    assert not [e.name for e, tests in found.items() if not tests], "these match no test"
    assert not [t for tests in found.values() for t in tests if ended[t] == "passed"]


def _is_of(test: str, family: str) -> bool:
    return test.startswith((f"{family}/tests/", f"tests/test_{family}.py"))

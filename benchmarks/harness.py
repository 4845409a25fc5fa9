"""Interleaved timing of the same work by us and by peers, in one process.

Each case names its contestants; after a warm-up (which compiles kernels) they take turns, so that a
drift of the machine hits all alike. Reported are medians, the ratio of ours to the best peer, and
the memory each needs beyond the data.
"""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Any

import psutil
import torch
from rich.console import Console
from rich.table import Table
from threadpoolctl import threadpool_limits

import dovetail as dv
from dovetail.leaderboard.evaluate import memory_peak

OURS = "dovetail"
RESULTS = Path(__file__).parent / "results"
_ENOUGH = 5.0  # seconds of a case, after which no other turn begins


@dataclass(frozen=True)
class Case:
    """One piece of work.

    name : what it is, with its size
    work : contestant to function; each does all of the work
    quality : contestant to score of its result (more is better), beside the time
    """

    name: str
    work: dict[str, Callable[[], Any]]
    quality: dict[str, Callable[[], float]] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """What was measured of a case: median seconds, peak megabytes and quality by contestant."""

    name: str
    seconds: dict[str, float]
    megabytes: dict[str, float]
    quality: dict[str, float]

    @property
    def best_peer(self) -> str:
        return min((c for c in self.seconds if c != OURS), key=self.seconds.__getitem__)

    @property
    def ratio(self) -> float:
        """Ours over the best peer."""
        return self.seconds[OURS] / self.seconds[self.best_peer]


def run(case: Case, *, repeats: int, threads: int) -> Row:
    """Measure a case; short work is repeated more often, long work less, down to once."""
    with dv.config(threads=threads, verbosity=0), threadpool_limits(threads):
        first = {name: _once(work) for name, work in case.work.items()}
        slowest = max(first.values())
        turns = 3 * repeats if slowest <= 0.2 else repeats if slowest <= 3 else max(1, repeats // 2)
        times: dict[str, list[float]] = {name: [] for name in case.work}
        end = time.perf_counter() + _ENOUGH
        while turns and (time.perf_counter() < end or not min(map(len, times.values()))):
            for name, work in case.work.items():
                times[name].append(_once(work))
            turns -= 1
        memory = {}
        for name, work in case.work.items():
            with memory_peak() as peak:
                work()
            memory[name] = peak[0]
        quality = {name: score() for name, score in case.quality.items()}
    row = Row(case.name, {n: median(t) for n, t in times.items()}, memory, quality)
    Console(stderr=True).print(f"{row.name}: {row.ratio:.2f} × {row.best_peer}", highlight=False)
    return row


def _once(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def report(family: str, rows: list[Row], *, threads: int, keep: bool) -> None:
    """Print the table, and append it to `results/FAMILY.jsonl`."""
    table = Table(title=f"{family}, {threads} thread(s)", title_justify="left")
    table.add_column("work")
    for heading in (
        "ours ms",
        "best peer ms",
        "ours ÷ best",
        "ours MB",
        "peer MB",
        "quality ours / peer",
    ):
        table.add_column(heading, justify="right")
    for row in rows:
        peer = row.best_peer
        scores = " / ".join(f"{row.quality[c]:.4f}" for c in (OURS, peer) if c in row.quality)
        table.add_row(
            row.name,
            f"{1e3 * row.seconds[OURS]:,.1f}",
            f"{1e3 * row.seconds[peer]:,.1f} ({peer})",
            f"{row.ratio:.2f}",
            f"{row.megabytes[OURS]:,.0f}",
            f"{row.megabytes[peer]:,.0f}",
            scores,
            style=None if row.ratio <= 1 else "red",
        )
    Console(width=150).print(table)
    if not keep:
        return
    RESULTS.mkdir(exist_ok=True)
    record = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "threads": threads,
        "machine": _machine(),
        "versions": _versions(rows),
        "rows": [vars(r) | {"ratio": r.ratio} for r in rows],
    }
    with open(RESULTS / f"{family}.jsonl", "a") as file:
        file.write(json.dumps(record) + "\n")


def _machine() -> dict[str, Any]:
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = [x for x in cpuinfo.read_text().splitlines() if x.startswith("model name")]
        model = lines[0].split(":")[1].strip() if lines else ""
    return {
        "system": platform.platform(),
        "processor": model,
        "cores": psutil.cpu_count(),
        "gigabytes": round(psutil.virtual_memory().total / 2**30),
    }


def _versions(rows: list[Row]) -> dict[str, str]:
    names = {"dovetail", "torch", "numpy", "scikit-learn", "numba", "pyarrow", "pandas", "polars"}
    names |= {c for r in rows for c in r.seconds} - {"sklearn"}
    found = {}
    for name in sorted(names):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found | {"torch": torch.__version__}

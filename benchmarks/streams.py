"""Fits on a scan of a Parquet file, which is in the page cache, beside reading it whole and fitting
in memory; and the same scan under torchrun, two processes of one thread beside one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from sklearn.base import clone

import dovetail as dv
from benchmarks.harness import OURS, Case, Row
from dovetail.cluster import KMeans
from dovetail.decomposition import PCA
from dovetail.leaderboard.evaluate import memory_peak
from dovetail.linear_model import LassoCV, LogisticRegression, Ridge
from dovetail.preprocessing import QuantileTransformer, StandardScaler

_ROWS, _COLUMNS = 500_000, 28
_MEMORY = "in memory"


def _models() -> dict[str, Any]:
    return {
        "StandardScaler": StandardScaler(),
        "QuantileTransformer": QuantileTransformer(random_state=0),
        "Ridge": Ridge(),
        "LassoCV": LassoCV(),
        "LogisticRegression": LogisticRegression(),
        "PCA": PCA(8),
        "KMeans": KMeans(8, max_iter=10, tol=0.0, random_state=0),
    }


def cases() -> Iterator[Case | Row]:
    """A scan and memory, by estimator; then processes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.parquet"
        _write(path)
        size = f"{_ROWS:,} x {_COLUMNS} float32"
        for name, model in _models().items():
            work = {OURS: _on_scan(model, path), _MEMORY: _in_memory(model, path)}
            yield Case(f"{name} {size}", work)
        one, two = (_launched(processes, path) for processes in (1, 2))
        for name in one:
            measured = {OURS: two[name], "one process": one[name]}
            seconds, megabytes = ({w: m[i] for w, m in measured.items()} for i in (0, 1))
            yield Row(f"{name}, two processes", seconds, megabytes, {})


def _write(path: Path) -> None:
    random = np.random.default_rng(0)
    X = random.normal(size=(_ROWS, _COLUMNS)).astype(np.float32)
    y = X[:, :5].sum(1) + random.normal(size=_ROWS) > 0
    columns = {f"x{j}": X[:, j] for j in range(_COLUMNS)}
    pq.write_table(pa.table({**columns, "y": y.astype(np.int64)}), path, row_group_size=100_000)


def _on_scan(model: Any, path: Path) -> Callable[[], Any]:
    return lambda: clone(model).fit(dv.scan_parquet(path, target="y"))


def _in_memory(model: Any, path: Path) -> Callable[[], Any]:
    def fit() -> Any:
        table = pq.read_table(path)
        return clone(model).fit(table.drop_columns("y"), table.column("y").to_numpy())

    return fit


def _launched(processes: int, path: Path) -> dict[str, list[float]]:
    """Median seconds and peak megabytes of each fit, as the first of some processes finds them."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]
    done = subprocess.run(
        [*command, str(processes), "-m", "benchmarks.streams", str(path)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


def _measure(path: Path) -> None:
    """What each process does."""
    dv.distributed.init()
    found = {}
    for name, model in _models().items():
        fit = _on_scan(model, path)
        with memory_peak() as peak:
            fit()
        times = []
        for _ in range(3):
            start = time.perf_counter()
            fit()
            times.append(time.perf_counter() - start)
        found[name] = [median(times), peak[0]]
    if dv.distributed.rank() == 0:
        print(json.dumps(found))


if __name__ == "__main__":
    _measure(Path(sys.argv[1]))

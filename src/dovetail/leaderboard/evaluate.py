"""Fitting a model on the folds and measuring what it costs."""

from __future__ import annotations

import ctypes
import gc
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from dovetail.bundle import save
from dovetail.data.frames import take_rows
from dovetail.leaderboard.metrics import Metric

__all__ = [
    "FoldResult",
    "evaluate_fold",
    "memory_peak",
    "one_row_milliseconds",
    "predictions",
    "saved_megabytes",
]


@dataclass(frozen=True)
class FoldResult:
    """One model on one fold.

    scores : dict of metric to value
    fit_seconds, predict_seconds : wall time of fit on the training rows and of predict on the test
        rows
    n_train, n_test : rows
    """

    scores: dict[str, float]
    fit_seconds: float
    predict_seconds: float
    n_train: int
    n_test: int
    predicted: npt.NDArray[Any] = field(repr=False, compare=False)


def evaluate_fold(
    model: Any, X: Any, y: npt.NDArray[Any], fold: tuple[Any, Any], metrics: list[Metric]
) -> FoldResult:
    """Fit on the fold's training rows, score on its test rows. The model is left fitted."""
    train, test = fold
    X_train, X_test = take_rows(X, train), take_rows(X, test)
    start = time.perf_counter()
    model.fit(X_train, y[train])
    fitted = time.perf_counter()
    outputs = predictions(model, X_test, {m.needs for m in metrics})
    done = time.perf_counter()
    classes = getattr(model, "classes_", None)
    scores = {m.name: m.compute(y[test], outputs[m.needs], classes) for m in metrics}
    # predict is timed as a caller would call it, once; probabilities and labels come from one pass
    shown = outputs.get("proba", outputs.get("numbers", outputs.get("labels")))
    assert shown is not None
    return FoldResult(scores, fitted - start, done - fitted, len(train), len(test), shown)


def predictions(model: Any, X: Any, needs: set[str]) -> dict[str, npt.NDArray[Any]]:
    """What the metrics look at; labels are the most probable class, where there is one."""
    if "numbers" in needs:
        return {"numbers": np.asarray(model.predict(X))}
    proba = np.asarray(model.predict_proba(X))
    return {"proba": proba, "labels": model.classes_[proba.argmax(1)]}


def one_row_milliseconds(model: Any, X: Any, *, repeats: int = 15) -> float:
    """Median time of predicting a single row, given as a frame of one row."""
    rows = [take_rows(X, np.array([i])) for i in range(min(repeats, len(X)))]
    model.predict(rows[0])
    times = []
    for row in rows:
        start = time.perf_counter()
        model.predict(row)
        times.append(time.perf_counter() - start)
    return 1000 * float(np.median(times))


def saved_megabytes(model: Any) -> float:
    """Size of the model's file."""
    with tempfile.TemporaryDirectory() as folder:
        return save(model, Path(folder) / "model.dove").stat().st_size / 2**20


@contextmanager
def memory_peak() -> Iterator[list[float]]:
    """Collects, as its only item, the most memory in MB that the block needed beyond what was in
    use before; memory that was freed goes back to the system first, lest it hides what is reused.
    """
    gc.collect()
    if sys.platform == "linux":
        getattr(ctypes.CDLL(None), "malloc_trim", abs)(0)  # glibc's
    process, done, peak = psutil.Process(), threading.Event(), [0.0]
    before = process.memory_info().rss

    def watch() -> None:
        while not done.wait(0.01):
            peak[0] = max(peak[0], (process.memory_info().rss - before) / 2**20)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        done.set()
        thread.join()

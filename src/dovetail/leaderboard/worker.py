"""The process that fits models, so that its parent can stop one that takes too long or too much.

It is started as `python -m dovetail.leaderboard.worker FOLDER`, reads requests as lines of JSON
from standard input and answers with events, lines of JSON on standard output; rows and folds lie in
the folder as files of plain numbers. Whatever models print goes to standard error.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from dovetail.bundle import save
from dovetail.data.frames import take_rows
from dovetail.leaderboard.candidates import build
from dovetail.leaderboard.evaluate import (
    evaluate_fold,
    memory_peak,
    one_row_milliseconds,
    saved_megabytes,
)
from dovetail.leaderboard.metrics import metrics_for
from dovetail.settings import config

__all__ = ["main", "write_folder"]

_WARM_UP_ROWS = 300  # enough for every class and step to be met once


def write_folder(
    folder: Path, X: pa.Table, y: Any, folds: list[Any], options: dict[str, Any]
) -> None:
    """Put everything a worker needs in a folder: Arrow IPC, npz without objects, JSON."""
    with (
        pa.OSFile(str(folder / "rows.arrow"), "wb") as sink,
        pa.ipc.new_file(sink, X.schema) as writer,
    ):
        writer.write_table(X)
    arrays = {
        f"{side}{i}": rows
        for i, fold in enumerate(folds)
        for side, rows in zip(("train", "test"), fold, strict=True)
    }
    np.savez(folder / "folds.npz", y=y, **arrays)
    (folder / "options.json").write_text(json.dumps(options))


class Worker:
    """Reads the folder once and serves requests."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.options = json.loads((folder / "options.json").read_text())
        self.X = pa.ipc.open_file(pa.memory_map(str(folder / "rows.arrow"))).read_all()
        with np.load(folder / "folds.npz", allow_pickle=False) as arrays:
            self.y = arrays["y"]
            self.folds = [
                (arrays[f"train{i}"], arrays[f"test{i}"]) for i in range(self.options["n_folds"])
            ]
        self.metrics = metrics_for(self.options["task"])
        config(device=self.options["device"], verbosity=0)

    def build(self, name: str) -> Any:
        """The unfitted model of a name."""
        return build(name, self.options["task"], self.options["kinds"], self.options["seed"])

    def warm_up(self, name: str) -> None:
        """Fit on a few rows, so that compiling and importing are not counted as fitting."""
        first = [np.flatnonzero(self.y == c)[:20] for c in np.unique(self.y)[:50]]
        rows = np.unique(np.concatenate([*first, np.arange(min(_WARM_UP_ROWS, len(self.y)))]))
        few = take_rows(self.X, rows)
        self.build(name).fit(few, self.y[rows]).predict(few)

    def run(self, name: str, say: Any) -> None:
        """Evaluate a model on every fold."""
        self.warm_up(name)
        for i, fold in enumerate(self.folds):
            say(event="fold starts", model=name, fold=i)
            model = self.build(name)
            with memory_peak() as peak:
                result = evaluate_fold(model, self.X, self.y, fold, self.metrics)
            np.save(self.folder / f"{name}-{i}.npy", result.predicted, allow_pickle=False)
            say(
                event="fold",
                model=name,
                fold=i,
                scores=result.scores,
                fit_seconds=result.fit_seconds,
                predict_seconds=result.predict_seconds,
                n_test=result.n_test,
                peak_mb=peak[0],
            )
        test = take_rows(self.X, self.folds[-1][1][:50])
        say(
            event="done",
            model=name,
            one_row_ms=one_row_milliseconds(model, test),
            saved_mb=saved_megabytes(model),
        )

    def refit(self, name: str, path: str, card: dict[str, Any], say: Any) -> None:
        """Fit a model on all rows and save it."""
        model = self.build(name).fit(self.X, self.y)
        save(model, path, card=card)
        say(event="refitted", model=name, path=path)


def main() -> None:
    """Serve requests until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # whatever models print must not mix with the answers
    warnings.simplefilter("ignore")

    def say(**event: Any) -> None:
        answers.write(json.dumps(event) + "\n")

    worker = Worker(Path(sys.argv[1]))
    say(event="ready", threads=torch.get_num_threads())
    for line in sys.stdin:
        request = json.loads(line)
        kind = request.pop("do")
        try:
            (worker.run if kind == "run" else worker.refit)(**request, say=say)
        except MemoryError:
            say(event="failed", model=request["name"], why="out of memory")
        except Exception as error:
            traceback.print_exc()
            say(event="failed", model=request["name"], why=f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()

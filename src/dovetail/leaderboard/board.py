"""The result of a comparison: entries, the table they make, and how it shows itself."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.table import Table as RichTable
from rich.text import Text

from dovetail.bundle import load
from dovetail.data.frames import to_frame
from dovetail.data.read import atomic_path
from dovetail.errors import DovetailError
from dovetail.leaderboard.entry import Entry
from dovetail.leaderboard.markup import advice_html, leaderboard_html, styled
from dovetail.leaderboard.metrics import Metric, metrics_for
from dovetail.leaderboard.problem import Problem
from dovetail.leaderboard.recommend import Advice
from dovetail.leaderboard.words import score, short

__all__ = ["COLUMNS", "Leaderboard", "terminal_table"]

COLUMNS = (
    "model",
    "metric",
    "mean",
    "se",
    "fit_seconds",
    "predict_ms_per_1k",
    "one_row_ms",
    "peak_mb",
    "saved_mb",
    "status",
    "recommended",
)


@dataclass
class Leaderboard:
    """Models compared on the same folds of one table.

    Parameters
    ----------
    entries : list of Entry, from the simplest to the most complex model
    metric : Metric that decides
    problem : Problem
    advice : Advice, or None where no model was finished
    folds : list of (training rows, test rows)
    predicted : dict of model to what it predicted for the test rows of each fold
    about : dict of plain facts: rows, seconds, seed, versions, device
    path : Path of the recommended model's file, or None

    It shows itself as a table in a terminal (`rich`) and in a notebook; `table` is a DataFrame,
    `model` the recommended model, fitted on all rows.
    """

    entries: list[Entry]
    metric: Metric
    problem: Problem
    advice: Advice | None
    folds: list[Any]
    predicted: dict[str, list[npt.NDArray[Any]]]
    about: dict[str, Any]
    path: Path | None = None

    def __getitem__(self, name: str) -> Entry:
        return next(e for e in self.entries if e.name == name)

    @property
    def metrics(self) -> list[Metric]:
        """Every metric of the task, the one that decides first."""
        others = [m for m in metrics_for(self.problem.task) if m is not self.metric]
        return [self.metric, *others]

    @property
    def chosen(self) -> str | None:
        """Name of the recommended model."""
        return None if self.advice is None else self.advice.model

    @property
    def model(self) -> Any:
        """The recommended model, fitted on all rows."""
        if self.path is None:
            raise DovetailError(
                "No model was fitted on all rows: the comparison was interrupted or nothing "
                "finished."
            )
        return load(self.path)

    @property
    def table(self) -> Any:
        """A row per model and metric, as a frame of the data's make (pandas for a path)."""
        rows = list(self.rows())
        return to_frame({c: [r[c] for r in rows] for c in COLUMNS}, like=self.about.get("like"))

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of the table as dicts; the deciding metric first."""
        for entry in self.ranked():
            for metric in self.metrics:
                yield {
                    "model": entry.name,
                    "metric": metric.name,
                    "mean": entry.mean(metric.name),
                    "se": entry.se(metric.name),
                    "fit_seconds": entry.fit_seconds,
                    "predict_ms_per_1k": entry.predict_ms_per_1k,
                    "one_row_ms": entry.one_row_ms,
                    "peak_mb": entry.peak_mb,
                    "saved_mb": entry.saved_mb,
                    "status": entry.status,
                    "recommended": entry.name == self.chosen,
                }

    def ranked(self) -> list[Entry]:
        """Entries from the best score to the worst; what has no score last."""
        sign = 1 if self.metric.higher else -1
        return sorted(
            self.entries,
            key=lambda e: (not e.finished, -sign * e.mean(self.metric.name) if e.scores else 0.0),
        )

    def sentences(self) -> list[str]:
        """The recommendation, and whether the neural network paid."""
        if self.advice is None:
            return ["No model was finished; there is nothing to recommend."]
        return [s for s in (self.advice.why, self.advice.deep) if s]

    def save(self, folder: str | Path) -> Path:
        """Write leaderboard.csv and leaderboard.json to a folder, each whole or not at all."""
        folder = Path(folder)
        with atomic_path(folder / "leaderboard.csv") as path, open(path, "w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows({k: _cell(v) for k, v in row.items()} for row in self.rows())
        with atomic_path(folder / "leaderboard.json") as path:
            path.write_text(json.dumps(self.to_dict(), indent=1, ensure_ascii=False) + "\n")
        return folder

    def to_dict(self) -> dict[str, Any]:
        """Everything but rows and predictions, as plain data."""
        return {
            "target": self.problem.target,
            "task": self.problem.task,
            "metric": self.metric.name,
            "recommended": self.chosen,
            "why": self.sentences(),
            "findings": self.problem.findings,
            "about": {k: v for k, v in self.about.items() if k != "like"},
            "models": [
                {
                    "model": e.name,
                    "class": e.label,
                    "status": e.status,
                    "folds": e.scores,
                    "fit_seconds": e.fits,
                    "predict_ms_per_1k": _plain(e.predict_ms_per_1k),
                    "one_row_ms": _plain(e.one_row_ms),
                    "peak_mb": _plain(e.peak_mb),
                    "saved_mb": _plain(e.saved_mb),
                }
                for e in self.entries
            ],
        }

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Group(terminal_table(self), Text(), *(Text(s) for s in self.sentences()))

    def _repr_html_(self) -> str:
        table = leaderboard_html(self.ranked(), self.metric, self.chosen)
        return styled(advice_html(self.sentences()) + table)

    def __repr__(self) -> str:
        return "\n".join(
            f"{e.name:<10} {self.metric.name} {score(e, self.metric)}  {e.status}"
            for e in self.ranked()
        )


def terminal_table(board: Leaderboard, *, live: bool = False) -> RichTable:
    """The table a person sees: a row per model, the score that decides, and what it costs.

    It fits in 80 columns.
    """
    table = RichTable(
        title=f"{board.problem.target} ({board.problem.task}, {len(board.folds)} folds)",
        title_justify="left",
        box=SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
        pad_edge=False,
    )
    metric = board.metric
    table.add_column("model", no_wrap=True)
    table.add_column(
        f"{metric.name} {'↑' if metric.higher else '↓'}", justify="right", no_wrap=True
    )
    for heading in ("fit\ns", "1k rows\nms", "one row\nms", "peak\nMB", "saved\nMB"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("")
    for entry in board.entries if live else board.ranked():
        chosen = entry.name == board.chosen
        costs = (
            entry.fit_seconds,
            entry.predict_ms_per_1k,
            entry.one_row_ms,
            entry.peak_mb,
            entry.saved_mb,
        )
        state = "◀ take" if chosen and not live else "" if entry.status == "ok" else entry.status
        table.add_row(
            entry.name,
            score(entry, metric),
            *map(short, costs),
            state,
            style="bold green" if chosen and not live else None,
        )
    return table


def _plain(x: float) -> float | None:
    return None if math.isnan(x) else x


def _cell(value: Any) -> Any:
    return "" if isinstance(value, float) and math.isnan(value) else value

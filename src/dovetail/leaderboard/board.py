"""The result of a comparison: entries, the table they make, and how it shows itself."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from rich.box import SIMPLE_HEAD
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.table import Table as RichTable
from rich.text import Text

from dovetail.bundle import load
from dovetail.data.frames import to_frame
from dovetail.data.read import atomic_path
from dovetail.errors import DovetailError
from dovetail.leaderboard.markup import advice_html, leaderboard_html, styled
from dovetail.leaderboard.metrics import Metric, metrics_for
from dovetail.leaderboard.problem import Problem
from dovetail.leaderboard.recommend import Advice
from dovetail.leaderboard.words import score, short

__all__ = ["COLUMNS", "Entry", "Leaderboard"]

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
class Entry:
    """One model: its scores fold by fold and what it cost.

    Parameters
    ----------
    name, label : what `--models` calls it, and its class's name
    deep : bool
    n_folds : int
        Folds there are to run.
    """

    name: str
    label: str
    deep: bool
    n_folds: int
    scores: list[dict[str, float]] = field(default_factory=list)
    fits: list[float] = field(default_factory=list)
    predict_per_1k: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    one_row_ms: float = math.nan
    saved_mb: float = math.nan
    status: str = "waiting"

    def add(self, event: dict[str, Any]) -> None:
        """Take in the result of a fold."""
        self.scores.append(event["scores"])
        self.fits.append(event["fit_seconds"])
        self.predict_per_1k.append(1e6 * event["predict_seconds"] / event["n_test"])
        self.peaks.append(event["peak_mb"])

    @property
    def finished(self) -> bool:
        """Whether every fold was run."""
        return len(self.scores) == self.n_folds

    def values(self, metric: str) -> list[float]:
        """The score of every fold that was run."""
        return [s[metric] for s in self.scores]

    def mean(self, metric: str) -> float:
        """Mean over folds, NaN before the first."""
        return float(np.mean(self.values(metric))) if self.scores else math.nan

    def se(self, metric: str) -> float:
        """Standard error of the mean over folds, NaN before the second."""
        if len(self.scores) < 2:
            return math.nan
        return float(np.std(self.values(metric), ddof=1) / math.sqrt(len(self.scores)))

    @property
    def fit_seconds(self) -> float:
        return float(np.mean(self.fits)) if self.fits else math.nan

    @property
    def predict_ms_per_1k(self) -> float:
        return float(np.mean(self.predict_per_1k)) if self.predict_per_1k else math.nan

    @property
    def peak_mb(self) -> float:
        return max(self.peaks) if self.peaks else math.nan


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
        metrics = [
            self.metric,
            *(m for m in metrics_for(self.problem.task) if m is not self.metric),
        ]
        for entry in self.ranked():
            for metric in metrics:
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
                    "recommended": self.advice is not None and entry.name == self.advice.model,
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
        advice = self.advice
        return {
            "target": self.problem.target,
            "task": self.problem.task,
            "metric": self.metric.name,
            "recommended": None if advice is None else advice.model,
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
        return styled(advice_html(self) + leaderboard_html(self))

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
        chosen = board.advice is not None and entry.name == board.advice.model
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

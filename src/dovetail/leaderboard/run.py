"""Comparing models on one table, within a budget."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import psutil
import torch
from rich.console import Console
from rich.live import Live

from dovetail.bundle import versions
from dovetail.data.columns import Columns, to_numpy
from dovetail.data.frames import as_arrow, is_frame
from dovetail.data.schema import Kind
from dovetail.data.table import Table
from dovetail.errors import DataError
from dovetail.leaderboard.board import Leaderboard, terminal_table
from dovetail.leaderboard.candidates import Candidate, choose, suited
from dovetail.leaderboard.entry import Entry
from dovetail.leaderboard.folds import Fold, make_folds
from dovetail.leaderboard.metrics import choose_metric
from dovetail.leaderboard.problem import pose
from dovetail.leaderboard.recommend import recommend
from dovetail.leaderboard.session import Session, StoppedError
from dovetail.leaderboard.worker import write_folder
from dovetail.settings import config, settings

__all__ = ["compare"]


def compare(
    data: Any,
    target: str,
    *,
    task: Literal["auto", "classification", "regression"] = "auto",
    models: str | Iterable[str] = "all",
    cv: int = 5,
    metric: str = "auto",
    budget: float = 300.0,
    memory: float | None = None,
    device: str | None = None,
    seed: int = 0,
    group: str | None = None,
    time_column: str | None = None,
    kinds: Mapping[str, Kind | str] | None = None,
    out: str | Path | None = None,
    console: Console | None = None,
) -> Leaderboard:
    """Compare models on a table, from guessing to a neural network, and fit the recommended one on
    all rows.

    Every model gets the same folds and is prepared inside them; a model that exceeds the budget is
    stopped and shown as such.

    Parameters
    ----------
    data : frame (pandas, polars, pyarrow), dict of columns, array, or path of a CSV or Parquet file
    target : str
        Column to predict. Rows without it are left out.
    task : {"auto", "classification", "regression"}
    models : "all", names separated by commas, or a list of names
        Of "dummy", "linear", "bayes", "lda", "svm", "nystroem", "boosting", "mlp", "tabular",
        "text" and "image"; the dummy is always there. "all" leaves out those that do not do the
        task or find no column that they read: "text" reads rows as texts, where a column has texts,
        and "image" the files that a column names. It goes by the number of rows, too: "nystroem",
        the kernel's approximation, stands in for "svm" above 1,000 times the root of the budget in
        seconds, "mlp" for "tabular" above 200 times the budget; "text" and "image" are tried up to
        40 and 20 times the budget.
    cv : int >= 2
        Folds: stratified for classes; by `group`, or forward in time by `time_column`, where these
        are given.
    metric : str
        What decides: "auto", or one of "accuracy", "balanced_accuracy", "f1_macro", "roc_auc",
        "log_loss", "r2", "rmse", "mae". All of the task's metrics are reported.
    budget : float > 0
        Seconds for all models together; each may use what the ones before it left, but for a share
        kept for those after it.
    memory : float or None
        Gigabytes the fitting process may hold; None means four fifths of what is free now.
    device : str or None
        Where nets are trained: "cpu", "cuda", "auto"; None follows `dovetail.config`.
    seed : int
    group, time_column : str or None
        Columns that define the folds; they are not features.
    kinds : dict of column name to kind, or None
        Kinds ("number", "category", "text", "date", "bool") instead of those inferred.
    out : path or None
        Folder for leaderboard.csv, leaderboard.json and model.dove.
    console : rich Console or None
        Where progress is shown; None shows it on standard error where verbosity is at least 1.

    Returns
    -------
    Leaderboard
        `table` (DataFrame), `advice`, `model` (the recommended one, fitted on all rows).

    Raises
    ------
    DataError
        The table or the target cannot be used; the message says why.

    Examples
    --------
    >>> import dovetail as dv
    >>> from dovetail.datasets import load_penguins
    >>> board = dv.compare(load_penguins().frame, "species", models="linear", cv=3)  # doctest:
    +SKIP
    >>> board.advice.model  # doctest: +SKIP
    'linear'
    """
    started = time.monotonic()
    chosen = choose(models)
    with config(**({} if device is None else {"device": device})):
        place = str(settings().device or "cpu")
    table = Table.read(data, kinds=kinds)
    left_out = tuple(c for c in (group, time_column) if c)
    problem = pose(table, target, task=task, kinds=kinds, leave_out=left_out)
    deciding = choose_metric(metric, problem.task, problem.y)
    folds = make_folds(
        problem, cv, seed, groups=_ids(table, target, group), time=_ids(table, target, time_column)
    )
    if not budget > 0:
        raise DataError(f"The budget must be a positive time. Got {budget} seconds.")
    chosen = suited(chosen, models, problem.task, problem.kinds, len(problem.y), budget)
    about = {
        "rows": len(problem.y),
        "columns": len(problem.table.schema.columns),
        "seed": seed,
        "budget_seconds": budget,
        "device": place,
        "threads": torch.get_num_threads(),
        "versions": versions(),
        "like": data if is_frame(data) else None,
    }
    entries = [Entry(c.name, c.label[problem.task], c.deep, len(folds)) for c in chosen]
    board = Leaderboard(entries, deciding, problem, None, folds, {}, about)
    keep = Path(tempfile.mkdtemp(prefix="dovetail-"))
    with tempfile.TemporaryDirectory(prefix="dovetail-") as folder:
        run = _Run(board, chosen, Path(folder), started + budget, memory, console)
        run.write(folds, place, seed)
        run.all(Path(out) / "model.dove" if out else keep / "model.dove")
    about["seconds"] = round(time.monotonic() - started, 1)
    if out is not None:
        board.save(out)
    return board


def _ids(table: Table, target: str, name: str | None) -> Any:
    """Values of a column that defines folds, for the rows that have a target; as sortable codes."""
    if name is None:
        return None
    frame = table.select([name, target]).typed().to_native()
    columns = Columns.from_frame(frame)
    values, y = to_numpy(columns[0]), to_numpy(columns[1])
    there = np.array([v is not None and v == v for v in y.tolist()])
    values = values[there]
    if any(v is None or v != v for v in values.tolist()):
        raise DataError(f"The column {name!r} that defines the folds has missing values.")
    return np.unique(values.astype(str) if values.dtype == object else values, return_inverse=True)[
        1
    ].reshape(-1)


class _Run:
    """A comparison under way."""

    def __init__(
        self,
        board: Leaderboard,
        chosen: list[Candidate],
        folder: Path,
        deadline: float,
        memory: float | None,
        console: Console | None,
    ) -> None:
        self.board, self.chosen, self.folder, self.deadline = board, chosen, folder, deadline
        limit = memory * 2**30 if memory else 0.8 * psutil.virtual_memory().available
        self.console = console or Console(stderr=True, quiet=settings().verbosity < 1)
        self.live = Live(
            console=self.console, refresh_per_second=4, transient=True, auto_refresh=False
        )
        self.session = Session(folder, int(limit), self.show)

    def write(self, folds: list[Fold], device: str, seed: int) -> None:
        """Put the rows where the worker finds them."""
        problem = self.board.problem
        options = {
            "task": problem.task,
            "kinds": problem.kinds,
            "n_folds": len(folds),
            "device": device,
            "seed": seed,
        }
        write_folder(self.folder, as_arrow(problem.table.native), problem.y, folds, options)

    def show(self) -> None:
        """Redraw the live table; one line a step where there is no terminal."""
        if self.console.is_terminal:
            self.live.update(terminal_table(self.board, live=True), refresh=True)

    def all(self, path: Path) -> None:
        """Every model, then the recommended one on all rows; Ctrl-C keeps what is finished."""
        try:
            with self.live:
                self.session.start()
                for i, candidate in enumerate(self.chosen):
                    self.one(candidate, remaining=len(self.chosen) - i)
                self.board.advice = recommend(self.board.entries, self.board.metric)
                self.refit(path)
        except KeyboardInterrupt:
            self.board.about["interrupted"] = True
            for entry in self.board.entries:
                if entry.status in ("waiting", "running") or entry.status.startswith("fold"):
                    entry.status = "interrupted"
            self.board.advice = recommend(self.board.entries, self.board.metric)
        finally:
            self.session.stop()

    def one(self, candidate: Candidate, *, remaining: int) -> None:
        """One model on every fold."""
        entry = self.board[candidate.name]
        now = time.monotonic()
        # half of an equal share is kept for each model that is still to come
        left = self.deadline - now
        deadline = now + max(0.0, left - (remaining - 1) * 0.5 * left / remaining)
        entry.status = "running"
        self.say(f"{entry.label} ...")
        try:
            for event in self.session.ask({"do": "run", "name": candidate.name}, deadline=deadline):
                self.take(entry, event)
        except StoppedError as stopped:
            done = len(entry.scores)
            entry.status = f"stopped: {stopped}" + (
                f" ({done} of {entry.n_folds} folds)" if done else ""
            )
        self.collect(entry)
        self.say(f"{entry.label}: {entry.status}")

    def take(self, entry: Entry, event: dict[str, Any]) -> None:
        """What a worker tells of a model."""
        kind = event["event"]
        if kind == "fold starts":
            entry.status = f"fold {event['fold'] + 1} of {entry.n_folds}"
        elif kind == "fold":
            entry.add(event)
        elif kind == "done":
            entry.one_row_ms, entry.saved_mb = event["one_row_ms"], event["saved_mb"]
            entry.status = "ok"
        elif kind == "failed":
            entry.status = f"failed: {event['why']}"
        self.show()

    def collect(self, entry: Entry) -> None:
        """Keep what the model predicted, for the report's pictures."""
        paths = [self.folder / f"{entry.name}-{i}.npy" for i in range(len(entry.scores))]
        self.board.predicted[entry.name] = [np.load(p, allow_pickle=False) for p in paths]

    def refit(self, path: Path) -> None:
        """The recommended model on all rows; it may take what one fold took twice over, and at
        least ten seconds.
        """
        board = self.board
        if board.advice is None:
            return
        entry = board[board.advice.model]
        self.say(f"{entry.label}: fitting on all rows")
        limit = time.monotonic() + max(10.0, 4 * max(entry.fits), self.deadline - time.monotonic())
        path.parent.mkdir(parents=True, exist_ok=True)
        request = {
            "do": "refit",
            "name": entry.name,
            "path": str(path.resolve()),
            "card": self.card(entry),
        }
        try:
            for event in self.session.ask(request, deadline=limit):
                if event["event"] == "refitted":
                    board.path = path
                elif event["event"] == "failed":
                    self.say(
                        f"The recommended model could not be fitted on all rows: {event['why']}"
                    )
        except StoppedError as stopped:
            self.say(f"The recommended model could not be fitted on all rows: {stopped}")

    def card(self, entry: Entry) -> dict[str, Any]:
        """What the model's file says of it."""
        problem, metric = self.board.problem, self.board.metric
        return {
            "target": problem.target,
            "task": problem.task,
            "classes": None if problem.classes is None else problem.classes.tolist(),
            "model": entry.label,
            "rows": len(problem.y),
            "metric": metric.name,
            "mean": entry.mean(metric.name),
            "se": entry.se(metric.name),
        }

    def say(self, line: str) -> None:
        """A line of progress where there is no live table."""
        if not self.console.is_terminal:
            self.console.print(line, highlight=False)

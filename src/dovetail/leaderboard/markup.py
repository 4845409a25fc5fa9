"""The leaderboard as HTML: for the report and for notebooks."""

from __future__ import annotations

import html
from importlib import resources
from typing import TYPE_CHECKING, Any

from dovetail.leaderboard.metrics import metrics_for
from dovetail.leaderboard.words import score, short

if TYPE_CHECKING:
    from dovetail.leaderboard.board import Entry, Leaderboard
    from dovetail.leaderboard.metrics import Metric

__all__ = [
    "advice_html",
    "columns_html",
    "esc",
    "leaderboard_html",
    "metrics_html",
    "resource",
    "styled",
]


def advice_html(board: Leaderboard) -> str:
    """The recommendation in a box."""
    return f'<div class="advice">{"".join(f"<p>{esc(s)}</p>" for s in board.sentences())}</div>'


def leaderboard_html(board: Leaderboard) -> str:
    """A row per model: the score that decides, and what it costs."""
    heads = ["model", _heading(board.metric), "fit s", "predict ms / 1k rows", "one row ms"]
    heads += ["peak MB", "saved MB", ""]
    return _table(heads, [_row(board, entry) for entry in board.ranked()])


def metrics_html(board: Leaderboard) -> str:
    """A row per model: every metric."""
    metrics = [board.metric, *(m for m in metrics_for(board.problem.task) if m is not board.metric)]
    rows = [
        f"<tr{_class(board, e)}>{_cells(e.label, *(score(e, m) for m in metrics))}</tr>"
        for e in board.ranked()
    ]
    return _table(["model", *map(_heading, metrics)], rows)


def columns_html(board: Leaderboard) -> str:
    """A row per column of the data: what it is taken for."""
    rows = []
    for c in board.problem.table.schema.columns:
        kind = str(c.kind) if c.role == "feature" else f"{c.role}, left out"
        cells = (c.name, kind, f"{c.n_missing:,}", f"{c.n_unique:,}")
        notes = esc("; ".join(c.notes))
        rows.append(f'<tr>{_cells(*cells)}<td class="note">{notes}</td></tr>')
    return _table(["column", "kind", "missing", "distinct", ""], rows)


def _table(heads: list[str], rows: list[str]) -> str:
    head = "".join(f"<th>{esc(h)}</th>" for h in heads)
    body = "".join(rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _heading(metric: Metric) -> str:
    return f"{metric.name.replace('_', ' ')} {'↑' if metric.higher else '↓'}"


def _cells(*values: Any) -> str:
    return "".join(f"<td>{esc(v)}</td>" for v in values)


def _class(board: Leaderboard, entry: Entry) -> str:
    if board.advice is not None and entry.name == board.advice.model:
        return ' class="chosen"'
    return "" if entry.status == "ok" else ' class="broken"'


def _row(board: Leaderboard, entry: Entry) -> str:
    chosen = board.advice is not None and entry.name == board.advice.model
    costs = [
        entry.fit_seconds,
        entry.predict_ms_per_1k,
        entry.one_row_ms,
        entry.peak_mb,
        entry.saved_mb,
    ]
    state = (
        '<span class="tag">recommended</span>'
        if chosen
        else ""
        if entry.status == "ok"
        else esc(entry.status)
    )
    cells = _cells(entry.label, score(entry, board.metric), *map(short, costs))
    row_class = _class(board, entry)
    return f'<tr{row_class}>{cells}<td class="note">{state}</td></tr>'


def styled(body: str) -> str:
    """A piece of the report that brings its own style."""
    return f'<style>{resource("report.css")}</style><div class="dovetail">{body}</div>'


def resource(name: str) -> str:
    """The text of a file that ships beside this module."""
    return resources.files("dovetail.leaderboard").joinpath(name).read_text(encoding="utf-8")


def esc(value: Any) -> str:
    """Text that is safe inside HTML."""
    return html.escape(str(value))

"""The leaderboard as HTML: for the report and for notebooks."""

from __future__ import annotations

import html
from importlib import resources
from typing import TYPE_CHECKING, Any

from dovetail.leaderboard.metrics import metrics_for
from dovetail.leaderboard.words import score, short

if TYPE_CHECKING:
    from dovetail.leaderboard.board import Entry, Leaderboard

__all__ = ["advice_html", "esc", "leaderboard_html", "resource", "styled"]


def advice_html(board: Leaderboard) -> str:
    """The recommendation in a box."""
    return f'<div class="advice">{"".join(f"<p>{esc(s)}</p>" for s in board.sentences())}</div>'


def leaderboard_html(board: Leaderboard) -> str:
    """The table: a row per model, every metric, and what it costs."""
    metrics = [board.metric, *(m for m in metrics_for(board.problem.task) if m is not board.metric)]
    heads = ["model", *(f"{m.name.replace('_', ' ')} {'↑' if m.higher else '↓'}" for m in metrics)]
    heads += ["fit s", "predict ms / 1k rows", "one row ms", "peak MB", "saved MB", ""]
    rows = [_row(board, entry, metrics) for entry in board.ranked()]
    head = "".join(f"<th>{esc(h)}</th>" for h in heads)
    body = "".join(rows)
    table = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="wide">{table}</div>'


def _row(board: Leaderboard, entry: Entry, metrics: list[Any]) -> str:
    chosen = board.advice is not None and entry.name == board.advice.model
    scores = [score(entry, m, short=m is not board.metric) for m in metrics]
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
    cells = "".join(f"<td>{esc(c)}</td>" for c in (entry.label, *scores, *map(short, costs)))
    kind = ' class="chosen"' if chosen else "" if entry.status == "ok" else ' class="broken"'
    return f"<tr{kind}>{cells}<td>{state}</td></tr>"


def styled(body: str) -> str:
    """A piece of the report that brings its own style."""
    return f'<style>{resource("report.css")}</style><div class="dovetail">{body}</div>'


def resource(name: str) -> str:
    """The text of a file that ships beside this module."""
    return resources.files("dovetail.leaderboard").joinpath(name).read_text(encoding="utf-8")


def esc(value: Any) -> str:
    """Text that is safe inside HTML."""
    return html.escape(str(value))

"""The leaderboard as HTML: for the report and for notebooks."""

from __future__ import annotations

import html
from importlib import resources
from typing import Any

from dovetail.data.schema import Role, Schema
from dovetail.leaderboard.entry import Entry
from dovetail.leaderboard.metrics import Metric
from dovetail.leaderboard.words import score, short

__all__ = [
    "advice_html",
    "columns_html",
    "esc",
    "leaderboard_html",
    "metrics_html",
    "resource",
    "styled",
]


def advice_html(sentences: list[str]) -> str:
    """The recommendation in a box."""
    return f'<div class="advice">{"".join(f"<p>{esc(s)}</p>" for s in sentences)}</div>'


def leaderboard_html(entries: list[Entry], metric: Metric, chosen: str | None) -> str:
    """A row per model: the score that decides, and what it costs."""
    heads = ["model", _heading(metric), "fit s", "predict ms / 1k rows", "one row ms"]
    heads += ["peak MB", "saved MB", ""]
    return _table(heads, [_row(entry, metric, chosen) for entry in entries])


def metrics_html(entries: list[Entry], metrics: list[Metric], chosen: str | None) -> str:
    """A row per model: every metric."""
    rows = [
        f"<tr{_class(e, chosen)}>{_cells(e.label, *(score(e, m) for m in metrics))}</tr>"
        for e in entries
    ]
    return _table(["model", *map(_heading, metrics)], rows)


def columns_html(schema: Schema) -> str:
    """A row per column of the data: what it is taken for."""
    rows = []
    for c in schema.columns:
        kind = str(c.kind) if c.role is Role.FEATURE else f"{c.role}, left out"
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


def _class(entry: Entry, chosen: str | None) -> str:
    if entry.name == chosen:
        return ' class="chosen"'
    return "" if entry.status == "ok" else ' class="broken"'


def _row(entry: Entry, metric: Metric, chosen: str | None) -> str:
    costs = map(
        short,
        (
            entry.fit_seconds,
            entry.predict_ms_per_1k,
            entry.one_row_ms,
            entry.peak_mb,
            entry.saved_mb,
        ),
    )
    state = "" if entry.status == "ok" else esc(entry.status)
    if entry.name == chosen:
        state = '<span class="tag">recommended</span>'
    cells = _cells(entry.label, score(entry, metric), *costs)
    return f'<tr{_class(entry, chosen)}>{cells}<td class="note">{state}</td></tr>'


def styled(body: str) -> str:
    """A piece of the report that brings its own style."""
    return f'<style>{resource("report.css")}</style><div class="dovetail">{body}</div>'


def resource(name: str) -> str:
    """The text of a file that ships beside this module."""
    return resources.files("dovetail.leaderboard").joinpath(name).read_text(encoding="utf-8")


def esc(value: Any) -> str:
    """Text that is safe inside HTML."""
    return html.escape(str(value))

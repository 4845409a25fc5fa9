"""The report: one HTML file that needs nothing else."""

from __future__ import annotations

import math
from pathlib import Path
from string import Template

from dovetail.data.read import atomic_path
from dovetail.leaderboard import pictures
from dovetail.leaderboard.board import Leaderboard
from dovetail.leaderboard.markup import (
    advice_html,
    columns_html,
    esc,
    leaderboard_html,
    metrics_html,
    resource,
)

__all__ = ["report_html", "write_report"]


_LEGEND = (
    '<p class="legend">Means over folds, ± one standard error. ↑ more is better, ↓ less is better. '
    "Fit: seconds per fold, preparation included. Peak: memory a fit needs beyond the data. Saved: "
    "size of the model's file.</p>"
)


def write_report(board: Leaderboard, path: str | Path) -> Path:
    """Write the report; it appears whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(report_html(board), encoding="utf-8")
    return Path(path)


def report_html(board: Leaderboard) -> str:
    """The report as a page."""
    problem, about = board.problem, board.about
    title = f"What predicts {problem.target}?"
    facts = f"{about['rows']:,} rows, {about['columns']} columns, {problem.task}"
    if problem.n_classes:
        facts += f" with {problem.n_classes} classes"
    facts += f"; {len(board.folds)} folds, the same for every model"
    body = [
        f"<h1>{esc(title)}</h1>",
        f'<p class="sub">{esc(facts)}</p>',
        advice_html(board.sentences()),
    ]
    entries, chosen = board.ranked(), board.chosen
    body += ["<h2>Leaderboard</h2>", leaderboard_html(entries, board.metric, chosen), _LEGEND]
    body += [_pictures(board)]
    body += ["<h2>Every metric</h2>", metrics_html(entries, board.metrics, chosen)]
    body += ["<h2>The data</h2>"]
    if problem.findings:
        body += [f"<ul>{''.join(f'<li>{esc(f)}</li>' for f in problem.findings)}</ul>"]
    body += [columns_html(problem.table.schema), "<h2>How this was done</h2>", _method(board)]
    parts = {"title": esc(title), "css": resource("report.css"), "body": "\n".join(body)}
    return Template(resource("report_page.html")).substitute(parts)


def _pictures(board: Leaderboard) -> str:
    if not any(e.scores for e in board.entries):
        return ""
    figures = [
        (
            pictures.score_against_time(board),
            "Score against time. Up and to the left is better; bars are standard errors.",
        ),
        (pictures.spread(board), "How the score varies: a dot is a fold, the bar their mean."),
    ]
    best = board.chosen
    if best is not None and board.predicted.get(best):
        label = board[best].label
        if board.problem.task == "classification":
            caption = (
                f"{label}: percent of each true class (rows) predicted as each class (columns), "
                "on rows it had not seen."
            )
            figures.append((pictures.confusion(board, best), caption))
        else:
            caption = f"{label}: predicted against true values, on rows it had not seen."
            figures.append((pictures.residuals(board, best), caption))
    parts = "".join(
        f"<figure>{svg}<figcaption>{esc(text)}</figcaption></figure>" for svg, text in figures
    )
    return f'<h2>Pictures</h2><div class="pictures">{parts}</div>'


def _method(board: Leaderboard) -> str:
    about = board.about
    versions = ", ".join(f"{k} {v}" for k, v in about["versions"].items())
    seconds = about.get("seconds", math.nan)
    lines = [
        "Every model learns and is tested on the same rows; imputing, scaling and encoding are "
        "learned inside each fold.",
        "Recommended is the simplest model whose mean score lies within one standard error of "
        "the best mean score.",
        f"Seed {about['seed']}, device {about['device']}, {about['threads']} threads, {seconds} "
        "seconds in all.",
        f"Versions: {versions}.",
    ]
    return f"<ul>{''.join(f'<li>{esc(line)}</li>' for line in lines)}</ul>"

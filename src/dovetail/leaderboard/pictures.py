"""The report's pictures, as SVG text.

One look for all: thin gray axes, one strong color for the recommended model, gray for the others.
"""

from __future__ import annotations

import io
import math
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from dovetail.leaderboard.board import Leaderboard
from dovetail.leaderboard.entry import Entry

__all__ = ["confusion", "residuals", "score_against_time", "spread"]

# where a name stands beside its point, the first that hides nothing
_PLACES = ((0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, -1), (1, -1), (-1, 1))
_STRONG, _WEAK, _INK, _GRID = "#0f766e", "#94a3b8", "#1e293b", "#e2e8f0"
_STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _WEAK,
    "axes.labelcolor": _INK,
    "axes.linewidth": 0.8,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "svg.fonttype": "none",
    "svg.hashsalt": "dovetail",
}


def score_against_time(board: Leaderboard) -> str:
    """Mean score over mean fitting time, with standard errors: up and to the left is better."""
    entries = [e for e in board.entries if e.scores]
    figure, axes = _canvas(5.2, 3.6)
    for entry in entries:
        color = _color(board, entry)
        error = entry.se(board.metric.name)
        x = max(entry.fit_seconds, 1e-3)
        axes.errorbar(
            x, entry.mean(board.metric.name), yerr=0 if math.isnan(error) else error,
            fmt="o", ms=9, color=color, ecolor=color, capsize=3, elinewidth=1.5,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.margins(x=0.3, y=0.2)
    axes.xaxis.set_major_formatter(matplotlib.ticker.FuncFormatter(lambda x, _: f"{x:g}"))
    axes.set_xlabel("seconds to fit, per fold")
    axes.set_ylabel(_metric_label(board))
    figure.draw_without_rendering()
    _name_points(board, entries, axes)
    return _svg(figure)


def _name_points(board: Leaderboard, entries: list[Entry], axes: Axes) -> None:
    """Each model's name above, below or beside its point, where it hides no other."""
    at = [(max(e.fit_seconds, 1e-3), e.mean(board.metric.name)) for e in entries]
    taken = [Bbox.from_extents(*(p - 6), *(p + 6)) for p in axes.transData.transform(at)]
    frame = axes.get_window_extent()
    for entry, point in zip(entries, at, strict=True):
        notes = [
            axes.annotate(
                entry.label, point, xytext=(10 * dx, 10 * dy), textcoords="offset points",
                ha=("right", "center", "left")[dx + 1], va=("top", "center", "bottom")[dy + 1],
                color=_color(board, entry), fontsize=9,
            )
            for dx, dy in _PLACES
        ]  # fmt: skip
        boxes = [note.get_window_extent() for note in notes]

        def hidden(k: int, boxes: list[Bbox] = boxes) -> float:
            box = boxes[k]
            outside = not (frame.x0 <= box.x0 and box.x1 <= frame.x1)
            return box.count_overlaps(taken) + 0.5 * outside

        best = min(range(len(notes)), key=hidden)
        taken.append(boxes[best])
        for k, note in enumerate(notes):
            if k != best:
                note.remove()


def spread(board: Leaderboard) -> str:
    """The score of every fold, a line of dots a model."""
    entries = [e for e in board.ranked() if e.scores][::-1]
    figure, axes = _canvas(5.2, 1.2 + 0.6 * len(entries))
    for row, entry in enumerate(entries):
        values = entry.values(board.metric.name)
        axes.plot(
            values, [row] * len(values), "o", ms=7, color=_color(board, entry), alpha=0.55, mew=0
        )
        axes.plot([np.mean(values)], [row], "|", ms=18, mew=2, color=_color(board, entry))
    axes.set_yticks(range(len(entries)), [e.label for e in entries])
    axes.set_ylim(-0.6, len(entries) - 0.4)
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel(_metric_label(board))
    return _svg(figure)


def confusion(board: Leaderboard, name: str, *, most: int = 15) -> str:
    """Rows: true classes; columns: predicted ones; in percent of the true class. The rarest classes
    are left out.
    """
    y, predicted = _out_of_fold(board, name)
    classes = np.asarray(board.problem.classes)
    labels = classes[predicted.argmax(1)]
    shown = classes
    if len(classes) > most:
        values, counts = np.unique(y, return_counts=True)
        shown = np.sort(values[np.argsort(-counts)[:most]])
    table = np.array(
        [[np.sum((y == a) & (labels == b)) for b in shown] for a in shown], dtype=float
    )
    share = table / np.maximum(np.array([[np.sum(y == a)] for a in shown]), 1)
    size = 1.6 + 0.55 * len(shown)
    figure, axes = _canvas(max(3.2, size + 0.8), max(2.6, size))
    axes.grid(False)
    blend = matplotlib.colors.LinearSegmentedColormap.from_list("strong", ["#ffffff", _STRONG])
    axes.imshow(share, cmap=blend, vmin=0, vmax=1)
    for i in range(len(shown)):
        for j in range(len(shown)):
            axes.text(
                j, i, f"{100 * share[i, j]:.0f}", ha="center", va="center", fontsize=9,
                color="white" if share[i, j] > 0.55 else _INK,
            )  # fmt: skip
    names = [_clip(c) for c in shown]
    axes.set_xticks(
        range(len(shown)),
        names,
        rotation=45 if len(shown) > 3 else 0,
        ha="right" if len(shown) > 3 else "center",
    )
    axes.set_yticks(range(len(shown)), names)
    axes.tick_params(length=0)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    return _svg(figure)


def residuals(board: Leaderboard, name: str, *, most: int = 3000) -> str:
    """Predicted against true numbers of test rows, a sample of them, with the line where both are
    equal.
    """
    y, predicted = _out_of_fold(board, name)
    if len(y) > most:
        keep = np.random.default_rng(0).choice(len(y), most, replace=False)
        y, predicted = y[keep], predicted[keep]
    figure, axes = _canvas(4.6, 4.2)
    low, high = min(y.min(), predicted.min()), max(y.max(), predicted.max())
    axes.plot([low, high], [low, high], color=_WEAK, lw=1.2, zorder=1)
    axes.scatter(
        y, predicted, s=8, color=_STRONG, alpha=0.25, linewidths=0, rasterized=True, zorder=2
    )
    axes.set_xlabel(f"true {_clip(board.problem.target, 30)}")
    axes.set_ylabel("predicted")
    return _svg(figure)


def _out_of_fold(board: Leaderboard, name: str) -> tuple[Any, Any]:
    """True values and predictions of all test rows, fold after fold."""
    predicted = board.predicted[name]
    tests = [test for _, test in board.folds[: len(predicted)]]
    return board.problem.y[np.concatenate(tests)], np.concatenate(predicted)


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width, height), layout="constrained")
        axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(True, color=_GRID, lw=0.8)
    axes.set_axisbelow(True)
    return figure, axes


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    with matplotlib.rc_context(_STYLE):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None}, dpi=150)
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _color(board: Leaderboard, entry: Entry) -> str:
    return _STRONG if entry.name == board.chosen else _WEAK


def _metric_label(board: Leaderboard) -> str:
    metric = board.metric
    return f"{metric.name.replace('_', ' ')} ({'more' if metric.higher else 'less'} is better)"


def _clip(value: Any, length: int = 14) -> str:
    text = str(value)
    return text if len(text) <= length else text[: length - 1] + "…"

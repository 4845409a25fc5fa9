"""Which model to take: the simplest within one standard error of the best, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dovetail.leaderboard.entry import Entry
from dovetail.leaderboard.metrics import Metric
from dovetail.leaderboard.words import number

__all__ = ["Advice", "recommend"]


@dataclass(frozen=True)
class Advice:
    """The recommended model, the best-scoring one, and sentences."""

    model: str
    best: str
    why: str
    deep: str


def recommend(entries: list[Entry], metric: Metric) -> Advice | None:
    """Choose among the finished entries, which come in order of complexity."""
    finished = [e for e in entries if e.finished]
    if not finished:
        return None
    sign = 1 if metric.higher else -1
    best = max(finished, key=lambda e: sign * e.mean(metric.name))
    limit = sign * best.mean(metric.name) - best.se(metric.name)
    chosen = next(e for e in finished if sign * e.mean(metric.name) >= limit)
    why = _why(chosen, best, finished[0], metric)
    stopped = [e for e in entries if not e.finished]
    if stopped:
        why = _of_the_finished(why, chosen, stopped, metric)
    return Advice(chosen.name, best.name, why, _deep(finished, metric))


def _of_the_finished(why: str, chosen: Entry, stopped: list[Entry], metric: Metric) -> str:
    """The reason, when models did not finish: what they reached, and that more time may tell."""
    listed = ", ".join(
        f"{e.label} ({metric.name} {number(e.mean(metric.name))} in {len(e.scores)} of "
        f"{e.n_folds} folds)"
        if e.scores
        else e.label
        for e in stopped
    )
    if chosen.name == "dummy":
        why = "Only guessing finished, so there is nothing to recommend yet."
    return f"{why} Not finished: {listed}; a larger budget would tell."


def _why(chosen: Entry, best: Entry, baseline: Entry, metric: Metric) -> str:
    name = metric.name
    score = f"{name} {number(chosen.mean(name))} ± {number(chosen.se(name))}"
    if chosen is baseline and chosen.name == "dummy":
        return (
            f"No model is better than guessing ({score}) by more than one standard error: these "
            "columns do not tell the target."
        )
    if chosen is best:
        others = [e for e in (baseline,) if e is not chosen]
        than = f", against {number(others[0].mean(name))} for guessing" if others else ""
        return (
            f"{chosen.label} scores best ({score}{than}), "
            "and no simpler model comes within one standard error of it."
        )
    return (
        f"{chosen.label} ({score}) is the simplest model within one standard error of the best, "
        f"{best.label} "
        f"({number(best.mean(name))} ± {number(best.se(name))})."
    )


def _deep(finished: list[Entry], metric: Metric) -> str:
    """Whether the neural network paid for itself, measured against the best of the others."""
    deep = [e for e in finished if e.deep]
    rest = [e for e in finished if not e.deep]
    if not deep or not rest:
        return ""
    sign = 1 if metric.higher else -1
    net = max(deep, key=lambda e: sign * e.mean(metric.name))
    other = max(rest, key=lambda e: sign * e.mean(metric.name))
    gain = sign * (net.mean(metric.name) - other.mean(metric.name))
    spread = math.hypot(net.se(metric.name), other.se(metric.name))
    times = net.fit_seconds / max(other.fit_seconds, 1e-9)
    cost = "the same fitting time"
    if not 0.95 < times < 1.05:
        cost = f"{times:.1f} times the" if times > 1 else f"{1 / times:.1f} times less"
        cost += " fitting time"
    than = f"in {metric.name} than {other.label}, for {cost}."
    if gain > spread:
        return f"The neural network pays: {number(gain)} better {than}"
    if gain < -spread:
        return f"The neural network does not pay: {number(-gain)} worse {than}"
    return (
        f"The neural network does not pay: it is as good as {other.label} within the noise, for "
        f"{cost}."
    )

"""Draw the newest results into docs/pictures: python -m benchmarks.plots."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from benchmarks.harness import OURS, RESULTS

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
_COLORS = {OURS: "#0b6e4f", "sklearn": "#f4a259", "LightGBM": "#5b7db1", "XGBoost": "#8c8c8c"}
_COLORS |= {"LightGBM quantized": "#bc4b51", "oneDAL": "#5b7db1"}
_COLORS |= {"saga": "#5b7db1", "liblinear": "#bc4b51"}


_RATIOS = ("boosting", "trees", "linear", "svm", "cluster", "decomposition", "bayes", "text")


def newest(family: str, threads: int = 2) -> dict[str, Any]:
    """The last record of a family with that many threads."""
    lines = (RESULTS / f"{family}.jsonl").read_text().splitlines()
    records = [json.loads(line) for line in lines]
    last: dict[str, Any] = [r for r in records if r["threads"] == threads][-1]
    return last


def draw_scaling() -> None:
    """Seconds over rows, columns and leaves, both on logarithmic scales, on one thread and two."""
    figure, grid = plt.subplots(2, 3, figsize=(12, 6.4), layout="constrained")
    for threads, axes in zip((1, 2), grid, strict=True):
        rows = newest("scaling", threads)["rows"]
        for axis, what in zip(axes, ("rows", "columns", "leaves"), strict=True):
            some = [r for r in rows if r["name"].startswith(what)]
            sizes = [int(r["name"].split()[1]) for r in some]
            for who in some[0]["seconds"]:
                seconds = [r["seconds"][who] for r in some]
                axis.loglog(sizes, seconds, "o-", color=_COLORS[who], label=who)
            axis.set_xlabel(what)
            axis.grid(alpha=0.3)
        axes[0].set_ylabel(f"seconds for 20 trees, {threads} thread{'s' * (threads > 1)}")
    grid[0, 0].legend(frameon=False)
    figure.savefig(PICTURES / "boosting-scaling.png", dpi=110)
    plt.close(figure)


def draw_ratios(family: str) -> None:
    """Time of each peer over ours, a bar a case: right of the line we are faster."""
    rows = newest(family)["rows"]
    peers = list(dict.fromkeys(w for r in rows for w in r["seconds"] if w != OURS))
    figure, axis = plt.subplots(figsize=(9, 0.55 * len(rows) + 1.2), layout="constrained")
    height = 0.8 / len(peers)
    for i, who in enumerate(peers):
        at = [k + i * height for k, r in enumerate(rows) if who in r["seconds"]]
        ratios = [r["seconds"][who] / r["seconds"][OURS] for r in rows if who in r["seconds"]]
        widths = [ratio - 1 for ratio in ratios]
        axis.barh(at, widths, height, left=1, label=who, color=_COLORS[who])
    names = [textwrap.fill(r["name"].replace("HistGradientBoosting", ""), 48) for r in rows]
    axis.set_yticks([k + 0.4 - height / 2 for k in range(len(rows))], names)
    axis.axvline(1, color="black", linewidth=1)
    axis.set_xscale("log")
    low, high = axis.get_xlim()
    ticks = [t for t in (0.2, 0.5, 1, 2, 5, 10, 20, 50) if low <= t <= high]
    axis.set_xticks(ticks, [f"{t:g}" for t in ticks])
    axis.set_xticks([], minor=True)
    axis.set_xlabel("time of the peer ÷ ours")
    axis.invert_yaxis()
    figure.legend(loc="outside upper center", ncols=len(peers), frameon=False)
    figure.savefig(PICTURES / f"{family}.png", dpi=110)
    plt.close(figure)


def draw_nets() -> None:
    """Loss over the seconds of training, of the newest run on each set of `benchmarks.nets`."""
    lines = (RESULTS / "nets.jsonl").read_text().splitlines()
    runs = {run["name"]: run for run in map(json.loads, lines)}
    figure, axes = plt.subplots(1, len(runs), figsize=(4 * len(runs), 3.2), layout="constrained")
    for axis, run in zip(axes, runs.values(), strict=True):
        history = run["history"]
        seconds = [sum(history["seconds"][: i + 1]) for i in range(len(history["seconds"]))]
        axis.plot(seconds, history["loss"], "o-", markersize=3, label="rows learned from")
        test = [-score for score in history["validation_score"]]
        axis.plot(seconds, test, "o-", markersize=3, label="test rows")
        quality = f"accuracy {run['accuracy']:.2%}" if "accuracy" in run else ""
        if "nats_a_character" in run:
            quality = f"{run['nats_a_character']:.2f} nats a character"
            axis.axhline(1.88, color="black", linewidth=1, linestyle=":", label="nanoGPT's recipe")
        axis.set(xlabel="seconds of training", ylabel="loss", title=f"{run['name']}: {quality}")
        axis.legend(frameon=False)
        axis.grid(alpha=0.3)
    figure.savefig(PICTURES / "nets.png", dpi=90)
    plt.close(figure)


def draw_streams() -> None:
    """Speed of fits on a scan over that of the same in memory, and of two processes over one."""
    rows = newest("streams")["rows"]
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.2), layout="constrained", sharey=True)
    titles = ("scan ÷ memory", "two processes ÷ one")
    for axis, title, two in zip(axes, titles, (False, True), strict=True):
        some = [r for r in rows if ("two processes" in r["name"]) == two]
        names = [r["name"].split()[0].rstrip(",") for r in some]
        axis.barh(names, [1 / r["ratio"] for r in some], color=_COLORS[OURS])
        axis.axvline(2 if two else 0.7, color="black", linewidth=1)
        axis.set_xlabel(f"speed, {title}")
        axis.grid(axis="x", alpha=0.3)
    axes[0].invert_yaxis()
    figure.savefig(PICTURES / "streams.png", dpi=110)
    plt.close(figure)


if __name__ == "__main__":
    kept = {path.stem for path in RESULTS.glob("*.jsonl")}
    if "scaling" in kept:
        draw_scaling()
    if "streams" in kept:
        draw_streams()
    if "nets" in kept:
        draw_nets()
    for name in _RATIOS:
        if name in kept:
            draw_ratios(name)

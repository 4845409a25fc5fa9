"""Draw the newest results into docs/pictures: python -m benchmarks.plots."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt

from benchmarks.harness import OURS, RESULTS

PICTURES = Path(__file__).parent.parent / "docs" / "pictures"
_COLORS = {OURS: "#0b6e4f", "sklearn": "#f4a259", "LightGBM": "#5b8e7d", "XGBoost": "#8c8c8c"}
_COLORS |= {"LightGBM quantized": "#bc4b51", "oneDAL": "#5b7db1"}


def newest(family: str) -> dict[str, Any]:
    """The last record of a family."""
    lines = (RESULTS / f"{family}.jsonl").read_text().splitlines()
    record: dict[str, Any] = json.loads(lines[-1])
    return record


def draw_scaling() -> None:
    """Seconds over rows, columns and leaves, both on logarithmic scales."""
    rows = newest("scaling")["rows"]
    figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), layout="constrained")
    for axis, what in zip(axes, ("rows", "columns", "leaves"), strict=True):
        some = [r for r in rows if r["name"].startswith(what)]
        sizes = [int(r["name"].split()[1]) for r in some]
        for who in some[0]["seconds"]:
            axis.loglog(
                sizes, [r["seconds"][who] for r in some], "o-", color=_COLORS[who], label=who
            )
        axis.set_xlabel(what)
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("seconds for 20 trees")
    axes[0].legend(frameon=False)
    figure.savefig(PICTURES / "boosting-scaling.png", dpi=110)


def draw_ratios(family: str) -> None:
    """Time of each peer over ours, a bar a case: above 1 we are faster."""
    rows = newest(family)["rows"]
    peers = list(dict.fromkeys(w for r in rows for w in r["seconds"] if w != OURS))
    figure, axis = plt.subplots(figsize=(9, 0.55 * len(rows) + 1.2), layout="constrained")
    height = 0.8 / len(peers)
    for i, who in enumerate(peers):
        at = [k + i * height for k, r in enumerate(rows) if who in r["seconds"]]
        wide = [r["seconds"][who] / r["seconds"][OURS] for r in rows if who in r["seconds"]]
        axis.barh(at, wide, height, label=who, color=_COLORS[who])
    axis.set_yticks([k + 0.4 - height / 2 for k in range(len(rows))], [r["name"] for r in rows])
    axis.axvline(1, color="black", linewidth=1)
    axis.set_xscale("log")
    axis.set_xlabel("time of the peer over ours (right of the line we are faster)")
    axis.invert_yaxis()
    axis.legend(frameon=False)
    figure.savefig(PICTURES / f"{family}.png", dpi=110)


if __name__ == "__main__":
    draw_scaling()
    for name in ("boosting", "trees"):
        draw_ratios(name)

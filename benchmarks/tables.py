"""Print the newest results as tables of Markdown: python -m benchmarks.tables FAMILY [...]
[--threads N].
"""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks.harness import OURS
from benchmarks.plots import newest

_HEAD = (
    "| | ours, ms | best peer, ms | ÷ best | MB | its MB | score | its score |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|"
)


def table(family: str, threads: int = 2) -> str:
    """A row a case, as the pages of measurements show them, under the record's date and machine."""
    record = newest(family, threads)
    machine = record["machine"]
    told = (
        f"{record['when'][:10]}, {threads} thread(s), {machine['processor']}, {machine['system']}"
    )
    return "\n".join([f"<!-- {family}: {told} -->", _HEAD, *map(_line, record["rows"])])


def _line(row: dict[str, Any]) -> str:
    seconds = row["seconds"]
    peer = min((who for who in seconds if who != OURS), key=seconds.__getitem__)
    scores = [f"{row['quality'][who]:.4f}" if row["quality"] else "" for who in (OURS, peer)]
    cells = [
        row["name"],
        _milliseconds(seconds[OURS]),
        f"{_milliseconds(seconds[peer])} ({peer})",
        f"{row['ratio']:.2f}",
        *(f"{row['megabytes'][who]:,.0f}" for who in (OURS, peer)),
        *scores,
    ]
    return f"| {' | '.join(cells)} |"


def _milliseconds(seconds: float) -> str:
    return f"{1e3 * seconds:,.{1 if seconds < 0.01 else 0}f}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tables", description=__doc__)
    parser.add_argument("families", nargs="+")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    print("\n\n".join(table(family, options.threads) for family in options.families))

"""Timings beside peers: `python -m benchmarks FAMILY` prints a table, kept in `results/`."""

import dovetail  # noqa: F401  before torch: it tells waiting threads to give way, which torch reads once

"""Timings beside peers: `python -m benchmarks FAMILY` prints a table, kept in `results/`."""

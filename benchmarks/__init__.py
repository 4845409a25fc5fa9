"""Timings against peers: `python -m benchmarks FAMILY` prints a table and keeps it in `results/`."""

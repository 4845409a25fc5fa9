# One command each; CI calls the same ones.
.PHONY: check lint types layers test test-slow bench wheel

check: lint types layers test

lint:
	ruff format --check .
	ruff check .

types:
	mypy

layers:
	lint-imports

test:
	pytest -n 2

test-slow:
	pytest -n 2 -m "slow or not slow"

bench:
	python -m benchmarks

wheel:
	python -m build --wheel

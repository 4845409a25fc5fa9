"""Run the benchmarks of a family: python -m benchmarks [FAMILY ...] [--threads N] [--repeats N]
[--only TEXT].
"""

import argparse
import importlib
import warnings

from benchmarks.harness import Row, report, run

FAMILIES = (
    "preparation",
    "text",
    "models",
    "linear",
    "decomposition",
    "cluster",
    "svm",
    "trees",
    "boosting",
    "bayes",
    "scaling",
    "streams",
)


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("families", nargs="*", choices=[[], *FAMILIES], help="default: all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--only", default="", help="only cases whose name contains this")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    for family in options.families or FAMILIES:
        module = importlib.import_module(f"benchmarks.{family}")
        cases = (c for c in module.cases() if options.only in c.name)
        rows = [
            case
            if isinstance(case, Row)  # measured in processes of their own
            else run(case, repeats=options.repeats, threads=options.threads)
            for case in cases
        ]
        report(family, rows, threads=options.threads, keep=not options.only)


if __name__ == "__main__":
    main()

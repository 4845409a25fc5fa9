"""Accuracy and time of ImageClassifier on MNIST-like sets: python -m benchmarks.images FOLDER
[NAME ...], a folder of npz files with x_train, y_train, x_test, y_test.

A line of JSON for each is appended to `results/images.jsonl`: the official test split, defaults.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import torch

import dovetail
from benchmarks.harness import RESULTS
from dovetail.deep import ImageClassifier


def main() -> None:
    """Train, test, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.images", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", default=["mnist", "fashion_mnist"])
    parser.add_argument("--epochs", type=int, default=None, help="default: the estimator's")
    options = parser.parse_args()
    for name in options.names:
        data = np.load(options.folder / f"{name}.npz")
        epochs = {} if options.epochs is None else {"max_epochs": options.epochs}
        began, worked = time.perf_counter(), time.process_time()
        model = ImageClassifier(random_state=0, verbose=True, **epochs)
        model.fit(data["x_train"], data["y_train"])
        line = {
            "name": name,
            "accuracy": round(float(model.score(data["x_test"], data["y_test"])), 4),
            "epochs": model.n_iter_,
            "seconds": round(time.perf_counter() - began, 1),
            "cpu_seconds": round(time.process_time() - worked, 1),
            "threads": torch.get_num_threads(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "torch": torch.__version__,
            "dovetail": dovetail.__version__,
        }
        print(line)
        with (RESULTS / "images.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()

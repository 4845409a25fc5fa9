"""Quality, time and the course of training of nets on images and text: python -m benchmarks.nets
FOLDER [NAME ...], a folder with mnist.npz, fashion_mnist.npz and tinyshakespeare.txt.

Images: ImageClassifier's defaults, the official split of training and test images. Shakespeare:
nanoGPT's recipe for a CPU (a model of 4 layers, 128 wide, that looks back at 64 characters; 2,000
steps of 12 windows; the last tenth of the text is for validation). Test rows are looked at after
each epoch, for the picture, and nothing goes by what is seen. A line of JSON for each is appended
to `results/nets.jsonl`.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

import dovetail
from benchmarks.harness import RESULTS
from dovetail.deep import ImageClassifier, LanguageModel

_NAMES = ("mnist", "fashion_mnist", "tinyshakespeare")


def main() -> None:
    """Train, test, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nets", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*", default=_NAMES)
    options = parser.parse_args()
    for name in options.names:
        began, worked = time.perf_counter(), time.process_time()
        model, quality = (_shakespeare if name == _NAMES[2] else _images)(options.folder, name)
        history = {k: [round(float(v), 5) for v in vs] for k, vs in model.history_.items()}
        line = {
            "name": name,
            **quality,
            "epochs": model.n_iter_,
            "seconds": round(time.perf_counter() - began, 1),
            "cpu_seconds": round(time.process_time() - worked, 1),
            "threads": torch.get_num_threads(),
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "torch": torch.__version__,
            "dovetail": dovetail.__version__,
            "history": history,
        }
        print({k: v for k, v in line.items() if k != "history"})
        with (RESULTS / "nets.jsonl").open("a") as file:
            file.write(json.dumps(line) + "\n")


def _images(folder: Path, name: str) -> tuple[Any, dict[str, float]]:
    data = np.load(folder / f"{name}.npz")
    test = data["x_test"], data["y_test"]
    model = ImageClassifier(validation_data=test, random_state=0, verbose=True)
    model.fit(data["x_train"], data["y_train"])
    return model, {"accuracy": round(float(model.score(*test)), 4)}


def _shakespeare(folder: Path, name: str) -> tuple[Any, dict[str, float]]:
    text = (folder / f"{name}.txt").read_text()
    cut = len(text) * 9 // 10
    model = LanguageModel(
        "char", width=128, depth=4, heads=4, context=64, dropout=0.0, batch_size=12,
        steps_per_epoch=250, max_epochs=8, lr=1e-3, random_state=0, verbose=True,
        validation_data=([text[cut:]], None),
    )  # fmt: skip
    model.fit([text[:cut]])
    nats = model.bits_per_byte([text[cut:]]) * np.log(2)
    return model, {"nats_a_character": round(float(nats), 4)}


if __name__ == "__main__":
    main()

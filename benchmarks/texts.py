"""TextClassifier with its defaults beside logistic regression on tf-idf, on real texts:
python -m benchmarks.texts FOLDER [NAME ...], a folder of parquet files.

The official split where there is one, else a fifth at random. Scores are shares of texts told
right; of tf-idf with C = 1 and C = 10, of words, or of characters within words where languages are
told apart. Seconds are of the processor.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from rich.console import Console
from rich.table import Table
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline

from benchmarks.harness import RESULTS
from dovetail.deep import TextClassifier

# How tf-idf reads each set, and parameters of the net that are not its defaults.
_SETS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "trec": ({}, {}),
    "sms_spam": ({}, {}),
    "names_lang": ({"analyzer": "char_wb", "ngram_range": (1, 4)}, {}),
    "udhr_langid": ({"analyzer": "char_wb", "ngram_range": (1, 3)}, {}),
    "newsgroups20": ({}, {"max_epochs": 1, "max_tokens": 128}),
}


def split(folder: Path, name: str) -> tuple[Any, Any, Any, Any]:
    """Texts to learn from and to test on, and the labels of both."""
    frame = pd.read_parquet(folder / f"{name}.parquet")
    texts = frame["name" if "name" in frame else "text"].to_numpy(object)
    labels = frame["language" if "language" in frame else "label"].to_numpy(object)
    if "split" not in frame:
        found: Any = train_test_split(texts, labels, test_size=0.2, random_state=0)
        return tuple(found)
    train = (frame["split"] == "train").to_numpy()
    return texts[train], texts[~train], labels[train], labels[~train]


def models(name: str) -> dict[str, Any]:
    """By name, not fitted."""
    reading, options = _SETS[name]
    linear = {
        f"tf-idf, C = {C}": make_pipeline(
            TfidfVectorizer(**reading), LogisticRegression(C=C, max_iter=300)
        )
        for C in (1, 10)
    }
    return {"net": TextClassifier(random_state=0, **options), **linear}


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.texts", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("names", nargs="*")
    given = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for name in given.names or _SETS:
        X, X_test, y, y_test = split(given.folder, name)
        for who, model in models(name).items():
            began = time.process_time()
            model.fit(X, y)
            seconds = time.process_time() - began
            score = float(np.mean(model.predict(X_test) == y_test))
            epochs = model.n_iter_ if who == "net" else 0
            row = {"data": name, "model": who, "score": score, "seconds": seconds}
            rows.append(row | {"epochs": epochs, "tests": len(y_test)})
            Console(stderr=True).print(rows[-1])
    table = Table("data", "model", "score", "seconds", "epochs")
    for row in rows:
        table.add_row(
            row["data"],
            row["model"],
            f"{row['score']:.4f}",
            f"{row['seconds']:.0f}",
            str(row["epochs"] or ""),
        )
    Console().print(table)
    with open(RESULTS / "texts.jsonl", "a") as file:
        file.write(json.dumps({"rows": rows}) + "\n")


if __name__ == "__main__":
    main()

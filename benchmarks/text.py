"""Vectorizers on real text, against scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pyarrow.parquet
import sklearn.feature_extraction.text as theirs

import dovetail.feature_extraction.text as ours
from benchmarks.harness import OURS, Case
from benchmarks.sources import FOLDER


def cases() -> Iterator[Case]:
    """Words, pairs of words, characters and hashes, of 20 Newsgroups (18,846 messages) and the UCI
    SMS spam collection.
    """
    for file in ("newsgroups20", "sms_spam"):
        path = FOLDER / f"{file}.parquet"
        if not path.exists():
            print(f"left out: {path.name} is not here")
            continue
        documents = pyarrow.parquet.read_table(path).column("text").to_pylist()
        for name, options in (
            ("CountVectorizer", {}),
            ("TfidfVectorizer", {"ngram_range": (1, 2)}),
            (
                "TfidfVectorizer",
                {"analyzer": "char_wb", "ngram_range": (2, 4), "max_features": 50_000},
            ),
            ("HashingVectorizer", {}),
        ):
            if file == "newsgroups20" and options.get("analyzer"):
                continue  # a minute for the peer
            pair = {
                OURS: getattr(ours, name)(**options),
                "sklearn": getattr(theirs, name)(**options),
            }
            label = f"{name}({', '.join(f'{k}={v}' for k, v in options.items())}) {file}"
            yield Case(
                f"{label} fit_transform",
                {n: partial(e.fit_transform, documents) for n, e in pair.items()},
            )
            yield Case(
                f"{label} transform",
                {n: partial(e.transform, documents) for n, e in pair.items()},
            )

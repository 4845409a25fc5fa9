"""Real data that some benchmarks use where it is at hand, in a folder beside the project."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.parquet
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.preprocessing import LabelEncoder, StandardScaler

__all__ = ["FOLDER", "newsgroups", "table"]

FOLDER = Path(__file__).parents[2] / "shared" / "data"


@cache
def table(name: str, target: str) -> Any:
    """Numbers, scaled, and classes of a table; None, and a word of it, where it is not there."""
    path = FOLDER / f"{name}.parquet"
    if not path.exists():
        print(f"left out: {path.name} is not here")
        return None
    frame = pyarrow.parquet.read_table(path).to_pandas()
    frame = frame.sample(frac=1.0, random_state=0)
    X = frame.drop(columns=target).select_dtypes("number").to_numpy(float)
    return StandardScaler().fit_transform(X), LabelEncoder().fit_transform(frame[target])


@cache
def newsgroups() -> Any:
    """tf-idf of 20 Newsgroups' words, (18,846, 100,000 and more) compressed, and the groups."""
    path = FOLDER / "newsgroups20.parquet"
    if not path.exists():
        print(f"left out: {path.name} is not here")
        return None
    frame = pyarrow.parquet.read_table(path).to_pandas()
    frame = frame.sample(frac=1.0, random_state=0)
    X = TfidfVectorizer().fit_transform(frame["text"])
    return X, LabelEncoder().fit_transform(frame["label"])

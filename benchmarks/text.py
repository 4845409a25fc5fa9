"""Vectorizers on real text, and linear models of its words, against scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
import pyarrow.parquet
import sklearn.feature_extraction.text as theirs
import sklearn.linear_model
import sklearn.svm
from scipy.special import logsumexp

import dovetail.feature_extraction.text as ours
from benchmarks.harness import OURS, Case
from benchmarks.sources import FOLDER, newsgroups
from dovetail.linear_model import LogisticRegression
from dovetail.svm import LinearSVC


def cases() -> Iterator[Case]:
    """Words, pairs of words, characters and hashes, of 20 Newsgroups (18,846 messages) and the UCI
    SMS spam collection; classifiers of the words of the first, whose quality is minus the value of
    their objective.
    """
    yield from _classifiers()
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


def _classifiers() -> Iterator[Case]:
    words = newsgroups()
    if words is None:
        return
    X, y = words
    ours_and_theirs: dict[str, Any] = {
        OURS: LogisticRegression(),
        "lbfgs": sklearn.linear_model.LogisticRegression(),
        "saga": sklearn.linear_model.LogisticRegression(solver="saga", random_state=0),
    }
    yield Case(
        "LogisticRegression, words of newsgroups20, 20 classes",
        {who: partial(model.fit, X, y) for who, model in ours_and_theirs.items()},
        {who: partial(_likelihood, model, X, y) for who, model in ours_and_theirs.items()},
    )
    for options in ({}, {"loss": "hinge"}):
        pair: dict[str, Any] = {
            OURS: LinearSVC(random_state=0, **options),
            "liblinear": sklearn.svm.LinearSVC(random_state=0, **options),
        }
        power = 1 if options else 2
        yield Case(
            f"LinearSVC({options or ''}), words of newsgroups20, 20 classes",
            {who: partial(model.fit, X, y) for who, model in pair.items()},
            {who: partial(_margins, model, X, y, power) for who, model in pair.items()},
        )


def _likelihood(model: Any, X: Any, y: Any) -> float:
    F = X @ model.coef_.T + model.intercept_
    losses = logsumexp(F, axis=1) - F[np.arange(len(y)), y]
    return -float(losses.sum() + 0.5 * np.square(model.coef_).sum())


def _margins(model: Any, X: Any, y: Any, power: int) -> float:
    F = X @ model.coef_.T + model.intercept_
    signs = np.where(y[:, None] == model.classes_, 1, -1)
    errors = np.maximum(0, 1 - signs * F) ** power
    size = np.square(model.coef_).sum() + np.square(model.intercept_).sum()
    return -float(errors.sum() + 0.5 * size)

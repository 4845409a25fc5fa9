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
from dovetail.linear_model import LogisticRegression, SGDClassifier
from dovetail.svm import LinearSVC

_DOCUMENTS = 6_000  # of 20 Newsgroups, for vectorizers
_FEW = 6  # classes of it, where each has scores of its own


def cases() -> Iterator[Case]:
    """Words, pairs of words, characters and hashes, of 6,000 messages of 20 Newsgroups and of the
    UCI SMS spam collection; classifiers of the words of all 18,846 messages of the first, or of six
    groups, whose quality is minus the value of their objective.
    """
    yield from _classifiers()
    for file in ("newsgroups20", "sms_spam"):
        path = FOLDER / f"{file}.parquet"
        if not path.exists():
            print(f"left out: {path.name} is not here")
            continue
        documents = pyarrow.parquet.read_table(path).column("text").to_pylist()[:_DOCUMENTS]
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
                continue  # half a minute for the peer
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
    size = f"{X.shape[1]:,} words of newsgroups20"
    two = y < 10
    for solver in ("lbfgs", "liblinear", "saga"):
        same: dict[str, Any] = {"solver": solver, "random_state": 0}
        yield _logistic(f"{size}, 2 classes, solver={solver}", X, two, **same)
    lasso: dict[str, Any] = {"solver": "liblinear", "l1_ratio": 1.0, "random_state": 0}
    yield _logistic(f"{size}, 2 classes, solver=liblinear, l1", X, two, **lasso)
    few = y < _FEW  # all twenty take half a minute with each of the peers
    X, y = X[few], y[few]
    size += f", {_FEW} classes"
    fast = sklearn.linear_model.LogisticRegression(solver="saga", random_state=0)
    yield _logistic(size, X, y, saga=fast)
    for options in ({}, {"loss": "hinge"}):
        pair: dict[str, Any] = {
            OURS: LinearSVC(random_state=0, **options),
            "liblinear": sklearn.svm.LinearSVC(random_state=0, **options),
        }
        power = 1 if options else 2
        yield Case(
            f"LinearSVC({options or ''}), {size}",
            {who: partial(model.fit, X, y) for who, model in pair.items()},
            {who: partial(_margins, model, X, y, power) for who, model in pair.items()},
        )
    descents = {
        OURS: SGDClassifier(random_state=0),
        "sklearn": sklearn.linear_model.SGDClassifier(random_state=0),
    }
    yield Case(
        f"SGDClassifier, {size}",
        {who: partial(model.fit, X, y) for who, model in descents.items()},
        {who: partial(model.score, X, y) for who, model in descents.items()},
    )


def _logistic(size: str, X: Any, y: Any, saga: Any = None, **options: Any) -> Case:
    models: dict[str, Any] = {
        OURS: LogisticRegression(**options),
        "sklearn": sklearn.linear_model.LogisticRegression(**options),
    }
    if saga is not None:
        models["saga"] = saga
    return Case(
        f"LogisticRegression, {size}",
        {who: partial(model.fit, X, y) for who, model in models.items()},
        {who: partial(_likelihood, model, X, y) for who, model in models.items()},
    )


def _likelihood(model: Any, X: Any, y: Any) -> float:
    F = X @ model.coef_.T + model.intercept_
    if F.shape[1] == 1:
        F = np.column_stack([0 * F, F])
    losses = logsumexp(F, axis=1) - F[np.arange(len(y)), y.astype(int)]
    numbers = model.coef_
    if model.solver == "liblinear":  # which penalizes the intercept
        numbers = np.column_stack([numbers, model.intercept_])
    size = np.abs(numbers).sum() if model.l1_ratio else 0.5 * np.square(numbers).sum()
    return -float(losses.sum() + size)


def _margins(model: Any, X: Any, y: Any, power: int) -> float:
    F = X @ model.coef_.T + model.intercept_
    signs = np.where(y[:, None] == model.classes_, 1, -1)
    errors = np.maximum(0, 1 - signs * F) ** power
    size = np.square(model.coef_).sum() + np.square(model.intercept_).sum()
    return -float(errors.sum() + 0.5 * size)

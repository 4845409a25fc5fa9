"""The models that are compared, from the simplest to the most complex."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

from sklearn.dummy import DummyClassifier, DummyRegressor

from dovetail.compose import TransformedTargetRegressor
from dovetail.compose.tables import PreparationKind, preparation
from dovetail.data.schema import nearest
from dovetail.deep import (
    ImageClassifier,
    TabularClassifier,
    TabularRegressor,
    TextClassifier,
    TextRegressor,
)
from dovetail.discriminant_analysis import LinearDiscriminantAnalysis
from dovetail.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from dovetail.errors import DataError
from dovetail.feature_extraction.text import TextJoiner
from dovetail.kernel_approximation import Nystroem
from dovetail.linear_model import LogisticRegression, Ridge
from dovetail.naive_bayes import GaussianNB
from dovetail.neural_network import MLPClassifier, MLPRegressor
from dovetail.pipeline import Pipeline, make_pipeline
from dovetail.preprocessing import ColumnTyper, StandardScaler
from dovetail.svm import SVC, SVR

__all__ = ["CANDIDATES", "Candidate", "build", "choose", "suited"]


_ENCODED = ("text", "image")


def _kernel_rows(budget: float) -> float:
    """Up to how many rows a kernel machine is tried: its time grows with their square, five folds
    with probabilities take about 1.5e-7 n² seconds at 30 columns, so that these take a seventh of
    the budget.
    """
    return 1000 * math.sqrt(budget)


def _text_rows(budget: float) -> float:
    """Up to how many rows a text net is tried: five folds take some 20 ms a row."""
    return 40 * budget


def _image_rows(budget: float) -> float:
    """Up to how many rows an image net is tried: five folds take some 50 ms an image of 28 × 28."""
    return 20 * budget


def _net_rows(budget: float) -> float:
    """Up to how many rows the tabular net is tried: five folds take 1 to 3 ms a row, so that these
    take a fifth to three fifths of the budget.
    """
    return 200 * budget


@dataclass(frozen=True)
class Candidate:
    """A model and the preparation it needs.

    Parameters
    ----------
    name : str
        What `--models` calls it.
    label : dict of task to the class's name, for people; other tasks it does not do
    kind : "linear", "tree", "net" or "dense", or "text" or "image" for what reads such columns
        Preparation.
    estimator : function of (task, seed) that makes the model
    deep : bool
        Whether it is a neural network.
    rows : "few", "many" or None
        "few" for one that would take too long on many rows, "many" for what stands in for it.
    limit : function of the budget in seconds, up to how many rows are few
    """

    name: str
    label: dict[str, str]
    kind: PreparationKind | Literal["text", "image"]
    estimator: Callable[[str, int], Any]
    deep: bool = False
    rows: Literal["few", "many"] | None = None
    limit: Callable[[float], float] = _kernel_rows

    def suits(self, task: str, kinds: dict[str, str], rows: int, budget: float) -> bool:
        """Whether it does a task on columns of these kinds, so many rows within so many seconds."""
        many = rows > self.limit(budget)
        fits = self.rows in (None, "many" if many else "few")
        return task in self.label and self.reads(kinds) and fits

    def reads(self, kinds: dict[str, str]) -> bool:
        """Whether there are columns that it reads."""
        if self.kind in _ENCODED:
            return self.kind in kinds.values()
        return self.name == "dummy" or bool(set(kinds.values()) - {"drop", "image"})


def _dummy(task: str, seed: int) -> Any:
    return DummyClassifier(strategy="prior") if task == "classification" else DummyRegressor()


def _linear(task: str, seed: int) -> Any:
    if task == "classification":
        return LogisticRegression(max_iter=500, random_state=seed)
    return Ridge(random_state=seed)


def _bayes(task: str, seed: int) -> Any:
    return GaussianNB(var_smoothing=1e-3)


def _lda(task: str, seed: int) -> Any:
    return LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")


def _svm(task: str, seed: int) -> Any:
    if task == "classification":
        return SVC(probability=True, random_state=seed)
    return TransformedTargetRegressor(SVR(), transformer=StandardScaler())


def _nystroem(task: str, seed: int) -> Any:
    # gamma is that of `SVC` for columns of unit variance
    return make_pipeline(Nystroem(n_components=300, random_state=seed), _linear(task, seed))


def _boosting(task: str, seed: int) -> Any:
    # A small rate with many trees and early stopping: 0.002 better on Adult than scikit-learn's 100
    # trees.
    options: dict[str, Any] = {
        "learning_rate": 0.08,
        "max_iter": 500,
        "early_stopping": True,
        "n_iter_no_change": 15,
        "random_state": seed,
    }
    if task == "classification":
        return HistGradientBoostingClassifier(**options)
    return HistGradientBoostingRegressor(**options)


def _mlp(task: str, seed: int) -> Any:
    options: dict[str, Any] = {
        "hidden_layer_sizes": (128, 64),
        "early_stopping": True,
        "n_iter_no_change": 5,
        "alpha": 1e-3,
        "max_iter": 60,
        "random_state": seed,
    }
    if task == "classification":
        return MLPClassifier(**options)
    return TransformedTargetRegressor(MLPRegressor(**options), transformer=StandardScaler())


def _tabular(task: str, seed: int) -> Any:
    # half of the default's members and of its patience, for a fraction of its time
    options: dict[str, Any] = {
        "n_members": 8,
        "n_iter_no_change": 4,
        "max_epochs": 40,
        "random_state": seed,
    }
    if task == "classification":
        return TabularClassifier(**options)
    return TabularRegressor(**options)


def _text(task: str, seed: int) -> Any:
    options: dict[str, Any] = {"max_epochs": 8, "n_iter_no_change": 2, "random_state": seed}
    return TextClassifier(**options) if task == "classification" else TextRegressor(**options)


def _image(task: str, seed: int) -> Any:
    return ImageClassifier(size="auto", random_state=seed)


CANDIDATES = {
    c.name: c
    for c in (
        Candidate(
            "dummy",
            {"classification": "DummyClassifier", "regression": "DummyRegressor"},
            "tree",
            _dummy,
        ),
        Candidate(
            "linear",
            {"classification": "LogisticRegression", "regression": "Ridge"},
            "linear",
            _linear,
        ),
        Candidate("bayes", {"classification": "GaussianNB"}, "dense", _bayes),
        Candidate("lda", {"classification": "LinearDiscriminantAnalysis"}, "dense", _lda),
        Candidate(
            "svm", {"classification": "SVC", "regression": "SVR"}, "linear", _svm, rows="few"
        ),
        Candidate(
            "nystroem",
            {"classification": "Nystroem, LogisticRegression", "regression": "Nystroem, Ridge"},
            "linear",
            _nystroem,
            rows="many",
        ),
        Candidate(
            "boosting",
            {
                "classification": "HistGradientBoostingClassifier",
                "regression": "HistGradientBoostingRegressor",
            },
            "tree",
            _boosting,
        ),
        Candidate(
            "mlp",
            {"classification": "MLPClassifier", "regression": "MLPRegressor"},
            "net",
            _mlp,
            deep=True,
            rows="many",
            limit=_net_rows,
        ),
        Candidate(
            "tabular",
            {"classification": "TabularClassifier", "regression": "TabularRegressor"},
            "tree",
            _tabular,
            deep=True,
            rows="few",
            limit=_net_rows,
        ),
        Candidate(
            "text",
            {"classification": "TextClassifier", "regression": "TextRegressor"},
            "text",
            _text,
            deep=True,
            rows="few",
            limit=_text_rows,
        ),
        Candidate(
            "image",
            {"classification": "ImageClassifier"},
            "image",
            _image,
            deep=True,
            rows="few",
            limit=_image_rows,
        ),
    )
}


def choose(names: str | Iterable[str]) -> list[Candidate]:
    """The candidates of these names, the baseline always first; "all" is all.

    Raises
    ------
    DataError
        A name is not known; the nearest one is offered.
    """
    wanted = [n.strip() for n in names.split(",")] if isinstance(names, str) else list(names)
    wanted = [n for n in wanted if n]
    if not wanted or wanted == ["all"]:
        return list(CANDIDATES.values())
    for name in wanted:
        if name not in CANDIDATES:
            near = nearest(name, CANDIDATES)
            hint = f" Is it {near!r}?" if near else ""
            raise DataError(
                f"There is no model {name!r}.{hint} Allowed: all, {', '.join(CANDIDATES)}."
            )
    return [c for c in CANDIDATES.values() if c.name in {"dummy", *wanted}]


def suited(
    candidates: list[Candidate],
    names: str | Iterable[str],
    task: str,
    kinds: dict[str, str],
    rows: int,
    budget: float,
) -> list[Candidate]:
    """Of the candidates of these names those that suit the task, the kinds of columns and, unless
    they were asked for by name, the number of rows.

    Raises
    ------
    DataError
        One was asked for by name that does not do the task, or finds no column that it reads.
    """
    if names == "all" or list(names) == ["all"]:
        return [c for c in candidates if c.suits(task, kinds, rows, budget)]
    for candidate in candidates:
        if not candidate.reads(kinds):
            what = f"a column of {candidate.kind}s" if candidate.kind in _ENCODED else "columns"
            raise DataError(
                f"The model {candidate.name!r} needs {what} beside the target, and there is none. "
                f"Where one is taken for something else, say kinds={{name: {candidate.kind!r}}}."
            )
        if task not in candidate.label:
            others = ", ".join(c.name for c in CANDIDATES.values() if task in c.label)
            raise DataError(
                f"The model {candidate.name!r} is for {', '.join(candidate.label)}, and this is "
                f"{task}. Allowed: {others}."
            )
    return candidates


def build(name: str, task: str, kinds: dict[str, str], seed: int) -> Pipeline:
    """The whole model: a table in, predictions out.

    name : of a candidate
    kinds : kind of every column, "drop" to leave it out
    """
    candidate = CANDIDATES[name]
    model = ("model", candidate.estimator(task, seed))
    if name == "dummy":  # looks at no column
        return Pipeline([("types", ColumnTyper(kinds=kinds)), model])
    images = candidate.kind == "image"
    kinds = {n: kind if (kind == "image") is images else "drop" for n, kind in kinds.items()}
    if candidate.kind == "image":
        return Pipeline([("types", ColumnTyper(kinds=kinds)), model])
    if candidate.kind == "text":
        return Pipeline([("types", ColumnTyper(kinds=kinds)), ("texts", TextJoiner()), model])
    steps = preparation(
        candidate.kind,
        kinds=kinds,
        target_type="continuous" if task == "regression" else "auto",
        random_state=seed,
    ).steps
    return Pipeline([*steps, model])

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
from dovetail.deep import TabularClassifier, TabularRegressor
from dovetail.discriminant_analysis import LinearDiscriminantAnalysis
from dovetail.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from dovetail.errors import DataError
from dovetail.kernel_approximation import Nystroem
from dovetail.linear_model import LogisticRegression, Ridge
from dovetail.naive_bayes import GaussianNB
from dovetail.neural_network import MLPClassifier, MLPRegressor
from dovetail.pipeline import Pipeline, make_pipeline
from dovetail.preprocessing import StandardScaler
from dovetail.svm import SVC, SVR

__all__ = ["CANDIDATES", "Candidate", "build", "choose", "suited"]


def _kernel_rows(budget: float) -> float:
    """Up to how many rows a kernel machine is tried: its time grows with their square, five folds
    with probabilities take about 1.5e-7 n² seconds at 30 columns, so that these take a seventh of
    the budget.
    """
    return 1000 * math.sqrt(budget)


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
    kind : "linear", "tree", "net" or "dense"
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
    kind: PreparationKind
    estimator: Callable[[str, int], Any]
    deep: bool = False
    rows: Literal["few", "many"] | None = None
    limit: Callable[[float], float] = _kernel_rows

    def suits(self, task: str, rows: int, budget: float) -> bool:
        """Whether it does a task, on so many rows within so many seconds."""
        many = rows > self.limit(budget)
        return task in self.label and self.rows in (None, "many" if many else "few")


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
    candidates: list[Candidate], names: str | Iterable[str], task: str, rows: int, budget: float
) -> list[Candidate]:
    """Of the candidates of these names those that suit the task and, unless they were asked for by
    name, the number of rows.

    Raises
    ------
    DataError
        One was asked for by name that does not do the task.
    """
    if names == "all" or list(names) == ["all"]:
        return [c for c in candidates if c.suits(task, rows, budget)]
    for candidate in candidates:
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
    steps = preparation(
        candidate.kind,
        kinds=kinds,
        target_type="continuous" if task == "regression" else "auto",
        random_state=seed,
    ).steps
    return Pipeline([*steps, ("model", candidate.estimator(task, seed))])

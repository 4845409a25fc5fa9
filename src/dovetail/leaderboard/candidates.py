"""The models that are compared, from the simplest to the most complex."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from sklearn.dummy import DummyClassifier, DummyRegressor

from dovetail.compose import TransformedTargetRegressor
from dovetail.compose.tables import PreparationKind, preparation
from dovetail.data.schema import nearest
from dovetail.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from dovetail.errors import DataError
from dovetail.linear_model import LogisticRegression, Ridge
from dovetail.neural_network import MLPClassifier, MLPRegressor
from dovetail.pipeline import Pipeline
from dovetail.preprocessing import StandardScaler

__all__ = ["CANDIDATES", "Candidate", "build", "choose"]


@dataclass(frozen=True)
class Candidate:
    """A model and the preparation it needs.

    Parameters
    ----------
    name : str
        What `--models` calls it.
    label : dict of task to the class's name, for people
    kind : "linear", "tree" or "net"
        Preparation.
    estimator : function of (task, seed) that makes the model
    deep : bool
        Whether it is a neural network.
    """

    name: str
    label: dict[str, str]
    kind: PreparationKind
    estimator: Callable[[str, int], Any]
    deep: bool = False


def _dummy(task: str, seed: int) -> Any:
    return DummyClassifier(strategy="prior") if task == "classification" else DummyRegressor()


def _linear(task: str, seed: int) -> Any:
    if task == "classification":
        return LogisticRegression(max_iter=500, random_state=seed)
    return Ridge(random_state=seed)


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

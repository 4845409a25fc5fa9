"""The scores of a leaderboard, as scikit-learn computes them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn import metrics

from dovetail.data.schema import nearest
from dovetail.errors import DataError

__all__ = ["METRICS", "Metric", "choose_metric", "metrics_for"]


@dataclass(frozen=True)
class Metric:
    """A score of predictions.

    Parameters
    ----------
    name : str
        scikit-learn's name for it, without "neg_".
    task : "classification" or "regression"
    higher : bool
        Whether more is better.
    needs : "labels", "proba" or "numbers"
        What it looks at.
    compute : function of (true values, predictions, classes)
    unit : bool
        Whether it is in the target's unit.
    """

    name: str
    task: Literal["classification", "regression"]
    higher: bool
    needs: Literal["labels", "proba", "numbers"]
    compute: Callable[[npt.NDArray[Any], npt.NDArray[Any], Any], float]
    unit: bool = False


def _roc_auc(y: npt.NDArray[Any], proba: npt.NDArray[Any], classes: Any) -> float:
    if len(classes) == 2:
        return float(metrics.roc_auc_score(y == classes[1], proba[:, 1]))
    return float(
        metrics.roc_auc_score(y, proba, multi_class="ovr", average="macro", labels=classes)
    )


def _log_loss(y: npt.NDArray[Any], proba: npt.NDArray[Any], classes: Any) -> float:
    return float(metrics.log_loss(y, proba, labels=classes))


def _accuracy(y: npt.NDArray[Any], labels: npt.NDArray[Any], classes: Any) -> float:
    return float(np.mean(y == labels))


def _balanced_accuracy(y: npt.NDArray[Any], labels: npt.NDArray[Any], classes: Any) -> float:
    return float(metrics.balanced_accuracy_score(y, labels))


def _f1_macro(y: npt.NDArray[Any], labels: npt.NDArray[Any], classes: Any) -> float:
    return float(metrics.f1_score(y, labels, average="macro", zero_division=0))


def _r2(y: npt.NDArray[Any], predicted: npt.NDArray[Any], classes: Any) -> float:
    return float(metrics.r2_score(y, predicted))


def _rmse(y: npt.NDArray[Any], predicted: npt.NDArray[Any], classes: Any) -> float:
    return float(metrics.root_mean_squared_error(y, predicted))


def _mae(y: npt.NDArray[Any], predicted: npt.NDArray[Any], classes: Any) -> float:
    return float(metrics.mean_absolute_error(y, predicted))


METRICS = {
    m.name: m
    for m in (
        Metric("accuracy", "classification", True, "labels", _accuracy),
        Metric("balanced_accuracy", "classification", True, "labels", _balanced_accuracy),
        Metric("f1_macro", "classification", True, "labels", _f1_macro),
        Metric("roc_auc", "classification", True, "proba", _roc_auc),
        Metric("log_loss", "classification", False, "proba", _log_loss),
        Metric("r2", "regression", True, "numbers", _r2),
        Metric("rmse", "regression", False, "numbers", _rmse, unit=True),
        Metric("mae", "regression", False, "numbers", _mae, unit=True),
    )
}


def metrics_for(task: str) -> list[Metric]:
    """Every metric of a task."""
    return [m for m in METRICS.values() if m.task == task]


def choose_metric(name: str, task: str, y: npt.NDArray[Any]) -> Metric:
    """The metric that decides.

    "auto" is R² for numbers and accuracy for classes, but the area under the ROC curve for two
    classes of which one has less than a tenth of the rows, and balanced accuracy for more classes
    of which one has more than four fifths.
    """
    if name == "auto":
        if task == "regression":
            return METRICS["r2"]
        counts = np.unique(y, return_counts=True)[1]
        share = counts / counts.sum()
        if len(counts) == 2 and share.min() < 0.1:
            return METRICS["roc_auc"]
        return METRICS["balanced_accuracy" if len(counts) > 2 and share.max() > 0.8 else "accuracy"]
    allowed = [m.name for m in metrics_for(task)]
    if name not in allowed:
        near = nearest(name, allowed)
        hint = f" Is it {near!r}?" if near else ""
        raise DataError(
            f"There is no metric {name!r} for {task}.{hint} Allowed: auto, {', '.join(allowed)}."
        )
    return METRICS[name]

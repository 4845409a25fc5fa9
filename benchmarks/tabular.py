"""The tabular net beside boosted trees, scikit-learn's perceptron and a linear model, all with
defaults, on real tables: python -m benchmarks.tabular FOLDER, a folder of parquet files.

One split of three to one. Scores are areas under the curve for two classes, accuracies for more, R²
for numbers; a standard error is that of the boosted trees' score over resampled test rows.
"""

from __future__ import annotations

import argparse
import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from sklearn.compose import (
    TransformedTargetRegressor,
    make_column_selector,
    make_column_transformer,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, r2_score, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from benchmarks.harness import RESULTS
from benchmarks.quality import read
from dovetail.deep import TabularClassifier, TabularRegressor
from dovetail.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

_SETS = (
    "german_credit", "abalone", "spambase", "wine_quality", "higgs_7500", "bike_hour",
    "california_housing", "letter", "elec2", "adult", "diamonds",
)  # fmt: skip
_RESAMPLES = 200


def models(task: str) -> dict[str, Any]:
    """By name, not fitted."""
    if task == "classes":
        return {
            "tabular net": TabularClassifier(random_state=0),
            "boosting": HistGradientBoostingClassifier(random_state=0),
            "sklearn MLP": _prepared(MLPClassifier(random_state=0)),
            "linear": _prepared(LogisticRegression(max_iter=500)),
        }
    mlp = TransformedTargetRegressor(MLPRegressor(random_state=0), transformer=StandardScaler())
    return {
        "tabular net": TabularRegressor(random_state=0),
        "boosting": HistGradientBoostingRegressor(random_state=0),
        "sklearn MLP": _prepared(mlp),
        "linear": _prepared(Ridge()),
    }


def _prepared(model: Any) -> Any:
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    levels = OneHotEncoder(handle_unknown="ignore")
    columns = make_column_transformer(
        (numbers, make_column_selector(dtype_include="number")),
        (levels, make_column_selector(dtype_include="category")),
    )
    return make_pipeline(columns, model)


def outputs(model: Any, X: Any, task: str) -> Any:
    """What the score looks at: probabilities, or numbers."""
    return model.predict_proba(X) if task == "classes" else model.predict(X)


def score(y: Any, found: Any) -> float:
    """Area under the curve, accuracy or R²."""
    if found.ndim == 1:
        return float(r2_score(y, found))
    if found.shape[1] == 2:
        return float(roc_auc_score(y, found[:, 1]))
    return float(accuracy_score(y, found.argmax(1)))


def standard_error(y: Any, found: Any) -> float:
    """Of the score, over test rows drawn again."""
    random = np.random.default_rng(0)
    drawn = [random.integers(0, len(y), len(y)) for _ in range(_RESAMPLES)]
    return float(np.std([score(y[rows], found[rows]) for rows in drawn], ddof=1))


def measure(folder: Path, name: str, rows: int | None) -> dict[str, Any]:
    """Scores and processor seconds of every model on one table."""
    X, y, task = read(folder, name)
    X, y = X.iloc[:rows], y[:rows]
    strata = y if task == "classes" else None
    X, X_test, y, y_test = train_test_split(X, y, random_state=0, test_size=0.25, stratify=strata)
    result: dict[str, Any] = {"data": name, "rows": len(X), "columns": X.shape[1]}
    for model_name, model in models(task).items():
        began = time.process_time()
        model.fit(X, y)
        seconds = time.process_time() - began
        found = outputs(model, X_test, task)
        result[model_name] = {"score": score(y_test, found), "cpu_seconds": seconds}
        if model_name == "boosting":
            result["standard_error"] = standard_error(y_test, found)
        Console(stderr=True).print(name, model_name, result[model_name])
    return result


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tabular", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rows", type=int, help="most rows of a table, before the split")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sets", nargs="*", default=_SETS)
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    torch.set_num_threads(options.threads)
    results = [measure(options.folder, name, options.rows) for name in options.sets]
    names = list(models("classes"))
    table = Table("data", "rows", *names, "to boosting, standard errors")
    for r in results:
        errors = (r["tabular net"]["score"] - r["boosting"]["score"]) / r["standard_error"]
        scores = [f"{r[n]['score']:.4f} ({r[n]['cpu_seconds']:.0f} s)" for n in names]
        table.add_row(r["data"], str(r["rows"]), *scores, f"{errors:+.1f}")
    Console().print(table)
    with open(RESULTS / "tabular.jsonl", "a") as file:
        file.write(json.dumps({"threads": options.threads, "rows": results}) + "\n")


if __name__ == "__main__":
    main()

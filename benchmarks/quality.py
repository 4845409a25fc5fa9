"""Five-fold scores of trees beside LightGBM's (boosting) and scikit-learn's (forests) on real
tables: python -m benchmarks.quality FOLDER, a folder of parquet files.

Scores are areas under the curve for two classes, accuracies for more, R² for numbers. A difference
is said in standard errors of the peer's mean over folds.
"""

from __future__ import annotations

import argparse
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import sklearn.ensemble as theirs
from lightgbm import LGBMClassifier, LGBMRegressor
from rich.console import Console
from rich.table import Table
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import KFold, StratifiedKFold

import dovetail.ensemble as ours
from benchmarks.harness import RESULTS

_MOST = 30_000  # rows of a set, drawn
_TARGETS = {
    "adult": ("income", "classes"),
    "titanic": ("survived", "classes"),
    "german_credit": ("default", "classes"),
    "mushroom": ("class", "classes"),
    "letter": ("letter", "classes"),
    "spambase": ("spam", "classes"),
    "higgs_7500": ("label", "classes"),
    "elec2": ("class", "classes"),
    "penguins": ("species", "classes"),
    "ad_shuttle": ("anomaly", "classes"),
    "wine_quality": ("quality", "numbers"),
    "california_housing": ("median_house_value", "numbers"),
    "diamonds": ("price", "numbers"),
    "auto_mpg": ("mpg", "numbers"),
    "nyc_taxis": ("fare", "numbers"),
    "nycflights13": ("arr_delay", "numbers"),
    "bike_hour": ("cnt", "numbers"),
    "abalone": ("Rings", "numbers"),
}
_LEAKS = {
    "titanic": ["boat", "body", "name", "ticket", "home.dest", "cabin"],
    "nyc_taxis": ["total", "pickup", "dropoff"],
    "bike_hour": ["casual", "registered", "dteday"],
    "adult": ["split"],
    "auto_mpg": ["name"],
    "nycflights13": ["arr_time", "tailnum", "time_hour"],
}


def read(folder: Path, name: str) -> tuple[pd.DataFrame, Any, str]:
    """Columns, target and task; what is no number becomes a category."""
    target, task = _TARGETS[name]
    frame = pd.read_parquet(folder / f"{name}.parquet").dropna(subset=[target])
    frame = frame.sample(min(len(frame), _MOST), random_state=0)
    y = frame.pop(target)
    X = frame.drop(columns=[c for c in _LEAKS.get(name, []) if c in frame])
    for column in X:
        if not pd.api.types.is_numeric_dtype(X[column]):
            X[column] = X[column].astype(str).where(X[column].notna()).astype("category")
    return X, pd.factorize(y, sort=True)[0] if task == "classes" else y.to_numpy(float), task


def models(task: str) -> Iterator[tuple[str, Any, Any]]:
    """Name, ours, and the peer's."""
    role = "Classifier" if task == "classes" else "Regressor"
    boosting = getattr(ours, f"HistGradientBoosting{role}")
    peer = (LGBMClassifier if task == "classes" else LGBMRegressor)(verbose=-1, n_jobs=1)
    yield "boosting", boosting(early_stopping=False), peer
    yield "boosting, exact sums", boosting(early_stopping=False, quantized=False), peer
    for name in ("RandomForest", "ExtraTrees"):
        options = {"n_estimators": 50, "n_jobs": 1, "random_state": 0}
        yield name, *(getattr(m, f"{name}{role}")(**options) for m in (ours, theirs))


def scores(model: Any, X: Any, y: Any, task: str) -> Any:
    """One score a fold."""
    kind = StratifiedKFold if task == "classes" else KFold
    found = []
    for fit, held in kind(5, shuffle=True, random_state=0).split(X, y):
        parts = (X.iloc[fit], X.iloc[held]) if hasattr(X, "iloc") else (X[fit], X[held])
        model.fit(parts[0], y[fit])
        if task == "classes" and len(np.unique(y)) == 2:
            found.append(roc_auc_score(y[held], model.predict_proba(parts[1])[:, 1]))
        else:
            found.append(model.score(parts[1], y[held]))
    return np.array(found)


def main() -> None:
    """Measure, print, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    warnings.simplefilter("ignore")
    rows: list[dict[str, Any]] = []
    for name in _TARGETS:
        X, y, task = read(folder, name)
        codes = X.apply(lambda c: c.cat.codes if isinstance(c.dtype, pd.CategoricalDtype) else c)
        codes = codes.to_numpy(np.float32)
        for model, mine, peer in models(task):
            data = X if model.startswith("boosting") else codes
            a, b = scores(mine, data, y, task), scores(peer, data, y, task)
            error = b.std(ddof=1) / np.sqrt(len(b))
            means = {"ours": a.mean(), "peer": b.mean(), "errors": (a - b).mean() / error}
            rows.append({"data": name, "model": model, **means})
            Console(stderr=True).print(rows[-1])
    for model in dict.fromkeys(r["model"] for r in rows):
        of = [r for r in rows if r["model"] == model]
        table = Table("data", "ours", "peer", "difference, standard errors", title=model)
        for r in of:
            table.add_row(
                r["data"], *(f"{r[k]:.4f}" for k in ("ours", "peer")), f"{r['errors']:+.2f}"
            )
        mean = [f"{np.mean([r[k] for r in of]):.4f}" for k in ("ours", "peer")]
        table.add_row("mean", *mean, f"{np.mean([r['errors'] for r in of]):+.2f}")
        Console().print(table)
    with open(RESULTS / "quality.jsonl", "a") as file:
        file.write(json.dumps({"rows": rows}) + "\n")


if __name__ == "__main__":
    main()

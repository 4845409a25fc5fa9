"""Preparation of a million rows, numbers and strings, against scikit-learn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import polars as pl

from benchmarks.harness import OURS, Case

ROWS = 1_000_000


def cases() -> Iterator[Case]:
    """Numbers, strings, and a mixed table."""
    yield from _numbers()
    yield from _strings()
    yield from _mixed()


def _pair(module: str, name: str, **options: Any) -> dict[str, Any]:
    ours = getattr(__import__(f"dovetail.{module}", fromlist=[name]), name)
    theirs = getattr(__import__(f"sklearn.{module}", fromlist=[name]), name)
    return {OURS: ours(**options), "sklearn": theirs(**options)}


def _fit_and_transform(
    label: str, pair: dict[str, Any], X: Any, y: Any = None, *, joint: bool = False
) -> Iterator[Case]:
    def work(method: str) -> dict[str, Callable[[], Any]]:
        args = (X,) if method == "transform" else (X, y)
        return {name: (lambda e=e: getattr(e, method)(*args)) for name, e in pair.items()}

    yield Case(f"{label} fit", work("fit"))
    yield Case(f"{label} transform", work("transform"))
    if joint:
        yield Case(f"{label} fit_transform", work("fit_transform"))


def _numbers() -> Iterator[Case]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(ROWS, 10))
    holes = X.copy()
    holes[rng.random(X.shape) < 0.05] = np.nan
    for dtype in ("float64", "float32"):
        A = X.astype(dtype)
        label = f"1M x 10 {dtype}"
        for name, options in (
            ("StandardScaler", {}),
            ("MinMaxScaler", {}),
            ("MaxAbsScaler", {}),
            ("RobustScaler", {}),
            ("QuantileTransformer", {}),
            ("KBinsDiscretizer", {"encode": "ordinal", "quantile_method": "averaged_inverted_cdf"}),
        ):
            yield from _fit_and_transform(
                f"{name} {label}", _pair("preprocessing", name, **options), A
            )
    few = X[:100_000]
    yield from _fit_and_transform(
        "PowerTransformer 100k x 10", _pair("preprocessing", "PowerTransformer"), few
    )
    yield from _fit_and_transform(
        "PolynomialFeatures(2) 100k x 10", _pair("preprocessing", "PolynomialFeatures"), few
    )
    yield from _fit_and_transform(
        "SplineTransformer 100k x 10", _pair("preprocessing", "SplineTransformer"), few
    )
    yield from _fit_and_transform("Normalizer 1M x 10", _pair("preprocessing", "Normalizer"), X)
    yield from _fit_and_transform(
        "StandardScaler with holes 1M x 10", _pair("preprocessing", "StandardScaler"), holes
    )
    for strategy in ("mean", "median"):
        pair = _pair("impute", "SimpleImputer", strategy=strategy)
        yield from _fit_and_transform(f"SimpleImputer({strategy}) 1M x 10", pair, holes)


def _words(levels: int, columns: int) -> dict[str, Any]:
    rng = np.random.default_rng(0)
    vocabulary = np.array([f"level {i}" for i in range(levels)], dtype=object)
    return {f"c{j}": vocabulary[rng.integers(0, levels, ROWS)] for j in range(columns)}


def _strings() -> Iterator[Case]:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, ROWS)
    for levels, columns in ((10, 1), (1000, 1), (10, 6)):
        data = _words(levels, columns)
        frames = {
            "pandas str": pd.DataFrame({k: v.astype(str) for k, v in data.items()}),
            "pandas object": pd.DataFrame({k: pd.Series(v, dtype=object) for k, v in data.items()}),
            "polars": pl.DataFrame({k: v.astype(str) for k, v in data.items()}),
        }
        for make, frame in frames.items():
            if columns > 1 and make != "pandas str":
                continue
            label = f"1M x {columns} {make}, {levels} levels"
            for name in ("OneHotEncoder", "OrdinalEncoder"):
                yield from _fit_and_transform(
                    f"{name} {label}", _pair("preprocessing", name), frame, joint=True
                )
            pair = _pair("preprocessing", "TargetEncoder", random_state=0)
            yield from _fit_and_transform(f"TargetEncoder {label}", pair, frame, y, joint=True)
            if make == "pandas object":
                pair = _pair("impute", "SimpleImputer", strategy="most_frequent")
                yield from _fit_and_transform(f"SimpleImputer(most_frequent) {label}", pair, frame)


def _mixed() -> Iterator[Case]:
    rng = np.random.default_rng(2)
    numbers = {
        f"n{j}": np.where(rng.random(ROWS) < 0.05, np.nan, rng.normal(size=ROWS)) for j in range(6)
    }
    frame = pd.DataFrame(numbers | {k: v.astype(str) for k, v in _words(20, 6).items()})

    def build(library: Any, kit: Any) -> Any:
        scaled = library["pipeline"].make_pipeline(
            library["impute"].SimpleImputer(), kit.StandardScaler()
        )
        make = library["compose"].make_column_transformer
        return make((scaled, list(numbers)), (kit.OneHotEncoder(), [f"c{j}" for j in range(6)]))

    import sklearn.pipeline

    import dovetail.pipeline

    pair = {}
    for name, root in ((OURS, dovetail), ("sklearn", sklearn)):
        library = {part: getattr(root, part) for part in ("pipeline", "impute", "compose")}
        pair[name] = build(library, root.preprocessing)
    yield from _fit_and_transform(
        "ColumnTransformer 1M x (6 numbers, 6 strings)", pair, frame, joint=True
    )

"""Every public estimator, and data it can be fitted on."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import numpy as np
import pyarrow.parquet
from sklearn.base import BaseEstimator, is_classifier, is_regressor
from sklearn.utils import get_tags

import dovetail
from dovetail.datasets import example

NUMBERS = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
WORDS = ["island", "sex"]


def public_classes() -> list[type]:
    """The estimator classes that the families export."""
    found = []
    for family in dovetail._FAMILIES:
        for module in _modules(family):
            found += [
                c
                for name, c in inspect.getmembers(module, inspect.isclass)
                if name in module.__all__ and issubclass(c, BaseEstimator)
            ]
    return sorted(set(found), key=lambda c: c.__name__)


def _modules(family: str) -> list[Any]:
    module = importlib.import_module(f"dovetail.{family}")
    return [
        module,
        *(
            m
            for _, m in inspect.getmembers(module, inspect.ismodule)
            if not m.__name__.split(".")[-1].startswith("_")
            and m.__name__.count(".") == 2
            and hasattr(m, "__all__")
        ),
    ]


def instances() -> list[Any]:
    """The examples of every class, but for those that only draw rows."""
    found = [e for c in public_classes() for e in c._examples()]
    return [e for e in found if not hasattr(e, "sample") or hasattr(e, "predict")]


_DEPRECATED_DEFAULTS = ("LogisticRegressionCV",)  # scikit-learn 1.9 warns of its own
# many members, or as many epochs as few rows need
_LONG_DEFAULTS = (
    "Autoencoder",
    "Embedder",
    "GAN",
    "TabularClassifier",
    "TabularRegressor",
    "VAE",
)


def default_instance(cls: Any) -> Any:
    """The class without arguments, or its first example where it needs some."""
    if cls.__name__ in _DEPRECATED_DEFAULTS + _LONG_DEFAULTS:
        return cls._examples()[0]
    try:
        return cls()
    except TypeError:
        return next(iter(cls._examples()), None)


def name_of(estimator: Any) -> str:
    """A short name for test ids."""
    text = " ".join(repr(estimator).split())
    return text if len(text) < 70 else text[:67] + "..."


def penguins() -> Any:
    """300 penguins in random order, without the few that miss a measurement."""
    table = pyarrow.parquet.read_table(example("penguins").path)
    numbers = np.column_stack([table.column(c).to_numpy() for c in NUMBERS])
    there = np.isfinite(numbers).all(1)
    rows = np.random.default_rng(0).permutation(np.flatnonzero(there))[:300]
    return table.take(rows)


def is_text(estimator: Any) -> bool:
    """Whether it reads documents."""
    tags = get_tags(estimator)
    return not tags.input_tags.two_d_array and not tags.target_tags.one_d_labels


def data_for(estimator: Any) -> tuple[Any, Any]:
    """Features and targets that suit an estimator, as plain numpy; documents are a list."""
    table = penguins()
    tags = get_tags(estimator)
    numbers = np.column_stack([table.column(c).to_numpy() for c in NUMBERS])
    numbers = (numbers - numbers.mean(0)) / numbers.std(0)
    species = np.asarray(table.column("species").to_pylist())
    y: Any = numbers[:, 3] * 2 + numbers[:, 0] if is_regressor(estimator) else species
    if getattr(estimator, "loss", None) in ("poisson", "gamma") or tags.target_tags.positive_only:
        y = np.exp(0.5 * y)
    if is_regressor(estimator) and not tags.target_tags.single_output:
        y = np.column_stack([y, numbers[:, 1] - y])
    if getattr(estimator, "solver", None) == "liblinear":
        y = species == "Gentoo"
    if is_text(estimator):
        words = [table.column(c).to_pylist() for c in ("species", "island", "sex")]
        return [" ".join(str(w) for w in row) for row in zip(*words, strict=True)], y
    if tags.target_tags.one_d_labels:
        return species, None
    if tags.input_tags.positive_only:
        numbers = np.abs(numbers) + 0.1
    X = numbers[:, :3] if is_regressor(estimator) else numbers
    if not (is_classifier(estimator) or is_regressor(estimator)) and not tags.target_tags.required:
        y = None
    if tags.target_tags.required and not is_classifier(estimator) and not is_regressor(estimator):
        y = (species == "Adelie").astype(int)
    return np.ascontiguousarray(X), y


OUTPUTS = ("predict_proba", "decision_function", "predict", "transform", "mahalanobis")


def output(estimator: Any, X: Any) -> Any:
    """What a fitted estimator makes of X, as a dense array: the most telling of its methods."""
    method = next(m for m in OUTPUTS if hasattr(estimator, m))
    out = getattr(estimator, method)(X)
    return out.toarray() if hasattr(out, "toarray") else out


def is_checked(estimator: Any) -> bool:
    """Whether it looks at what it is given, rather than pass it to a function as it is."""
    parts = [e for e in estimator.get_params().values() if isinstance(e, BaseEstimator)]
    return not any(get_tags(e).no_validation for e in (estimator, *parts))

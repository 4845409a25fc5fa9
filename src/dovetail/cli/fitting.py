"""Fitting one model on a table, texts or images, and saving it."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from dovetail.bundle import save
from dovetail.data.columns import Columns, to_numpy
from dovetail.data.images import image_files
from dovetail.data.schema import Kind, nearest
from dovetail.data.table import Table
from dovetail.deep import GAN, VAE, ImageClassifier, LanguageModel
from dovetail.deep._texts import open_texts
from dovetail.errors import DataError
from dovetail.leaderboard.candidates import CANDIDATES, build, suited
from dovetail.leaderboard.problem import pose

__all__ = ["MODELS", "Fitted", "fit_file"]

_TABLES = (".csv", ".tsv", ".parquet", ".pq")
_OTHERS = {"image": ImageClassifier, "language": LanguageModel, "vae": VAE, "gan": GAN}
MODELS = tuple(CANDIDATES | _OTHERS)


@dataclass(frozen=True)
class Fitted:
    """What was fitted: the model's name, how many rows, texts or images, in how many seconds."""

    model: str
    rows: int
    what: str
    seconds: float


@dataclass(frozen=True)
class _Given:
    """A model that is not fitted yet, and what it is fitted on."""

    model: Any
    X: Any
    y: Any
    what: str
    card: dict[str, Any]
    step: str = ""  # before the names of parameters

    @property
    def rows(self) -> int:
        return len(self.X if self.y is None else self.y)


def fit_file(
    data: Path,
    name: str,
    out: Path,
    *,
    target: str | None = None,
    task: Literal["auto", "classification", "regression"] = "auto",
    changes: Sequence[str] = (),
    seed: int = 0,
) -> Fitted:
    """Fit a model on all rows of a file or folder, and save it.

    Parameters
    ----------
    data : a table, a text or a folder of texts, a folder of images
    name : one of `MODELS`: those of `compare`, with their preparation, "image", "language", "vae"
        or "gan"
    out : file to write
    target : column to predict; of "vae" and "gan" the classes that rows are drawn of
    changes : "parameter=value", of the model; values are read as JSON, or else as strings
    seed : of the model

    Raises
    ------
    DataError
        An unknown model or parameter, or data that do not fit the model.
    """
    if name not in MODELS:
        near = nearest(name, MODELS)
        hint = f" Is it {near!r}?" if near else ""
        raise DataError(f"There is no model {name!r}.{hint} Allowed: {', '.join(MODELS)}.")
    if out.is_dir():
        raise DataError(f"--out {out} is a folder. Name a file, such as model.dove.")
    own: dict[str, Any] = {}
    if name in _RECEIVE and not (name in CANDIDATES and target is not None):
        if task != "auto":
            raise DataError(f"--task says what to predict, and here {name!r} has no choice.")
        given = _RECEIVE[name](name, data, target)
        own = {"random_state": seed, "verbose": True}
    else:
        given = _table(name, data, target, task, seed)
    _change(given.model, given.step, own, changes)
    began = time.perf_counter()
    try:
        model = given.model.fit(given.X, given.y)
    except (ValueError, TypeError) as error:
        raise DataError(str(error)) from error
    seconds = time.perf_counter() - began
    save(model, out, card={"rows": given.rows, "data": data.name, **given.card})
    return Fitted(given.card["model"], given.rows, given.what, seconds)


def _table(name: str, data: Path, target: str | None, task: Any, seed: int) -> _Given:
    """A table for the models of `compare`."""
    if target is None:
        raise DataError(f"The model {name!r} predicts a column. Name it with --target COLUMN.")
    problem = pose(data, target, task=task)
    kinds, rows = problem.kinds, len(problem.y)
    suited([CANDIDATES[name]], [name], problem.task, kinds, rows, math.inf)
    model = build(name, problem.task, kinds, seed)
    classes = None if problem.classes is None else problem.classes.tolist()
    label = CANDIDATES[name].label[problem.task]
    card = {"target": target, "task": problem.task, "classes": classes, "model": label}
    return _Given(model, problem.table.native, problem.y, "row", card, "model__")


def _images(name: str, data: Path, target: str | None) -> _Given:
    """A folder of images, in class folders or not."""
    if not data.is_dir():
        raise DataError(
            f"The model {name!r} reads a folder of images, and {data} is none. Where a table names "
            "them, say what to predict with --target COLUMN."
        )
    if target is not None:
        raise DataError("Images have no columns: leave --target out. Their folders are classes.")
    found = image_files(data)
    assert found is not None
    files, labels = found
    model = _OTHERS[name]()
    if labels is None and name == "image":
        raise DataError(f"There are no class folders in {data}: a folder for each class, please.")
    card = {"model": type(model).__name__, "classes": _distinct(labels)}
    return _Given(model, files, labels, "image", card)


def _drawable(name: str, data: Path, target: str | None) -> _Given:
    """A table or images, to draw further ones from."""
    if data.is_dir():
        return _images(name, data, target)
    y = None
    if target is not None:
        problem = pose(data, target, task="classification")
        table, y = problem.table, problem.y
    else:
        table = Table.read(data)
    model = _OTHERS[name]()
    card = {"model": type(model).__name__, "target": target, "classes": _distinct(y)}
    return _Given(model, table.typed().to_native(), y, "row", card)


def _texts(name: str, data: Path, target: str | None) -> _Given:
    """A text file, a folder of them, or the column of texts of a table."""
    in_table = data.suffix.lower() in _TABLES
    if target is not None and not in_table:
        raise DataError(f"{data} has no columns: leave --target out.")
    if data.is_dir():
        files = sorted(p for p in data.rglob("*.txt") if p.is_file())
        if not files:
            raise DataError(f"There are no texts in {data}: files that end in .txt are read.")
        texts = [open_texts(path, name)[0] for path in files]
    elif in_table:
        texts = _column_of_texts(data, target)
    else:
        texts = open_texts(data, name)
    return _Given(LanguageModel(), texts, None, "text", {"model": "LanguageModel"})


def _column_of_texts(data: Path, target: str | None) -> list[str]:
    table = Table.read(data)
    names = table.schema.select(kinds=[Kind.TEXT]) if target is None else [target]
    if len(names) != 1 or names[0] not in table.schema.names:
        raise DataError(
            f"Say which column of {data.name} has the texts, with --target COLUMN. Columns: "
            f"{', '.join(table.schema.names)}."
        )
    values = to_numpy(Columns.from_frame(table.select(names).native)[0])
    return [text for text in values.tolist() if isinstance(text, str) and text]


def _distinct(y: Any) -> list[Any] | None:
    return None if y is None else np.unique(y).tolist()


_RECEIVE = {"image": _images, "language": _texts, "vae": _drawable, "gan": _drawable}


def _change(model: Any, step: str, defaults: dict[str, Any], changes: Sequence[str]) -> None:
    """Set the parameters that were asked for."""
    asked = dict(_parameter(change) for change in changes)
    known = [n.removeprefix(step) for n in model.get_params() if n.startswith(step)]
    for name in asked:
        if name not in known:
            near = nearest(name, known)
            hint = f" Is it {near!r}?" if near else ""
            plain = sorted(n for n in known if "__" not in n and n)
            raise DataError(
                f"The model has no parameter {name!r}.{hint} It has {', '.join(plain)}."
            )
    model.set_params(**{step + name: value for name, value in (defaults | asked).items()})


def _parameter(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise DataError(f"--set {text}: write it as parameter=value.")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError:
        return name, value

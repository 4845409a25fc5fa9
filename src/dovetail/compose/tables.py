"""The sound default preparation of a table, by the kind of model that follows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import narwhals as nw
import numpy as np
from sklearn.model_selection import KFold

from dovetail.arrow_output import PYARROW
from dovetail.compose.column_selector import make_column_selector
from dovetail.compose.column_transformer import ColumnTransformer
from dovetail.compose.for_each import ForEach
from dovetail.feature_extraction.text import TfidfVectorizer
from dovetail.impute import SimpleImputer
from dovetail.pipeline import Pipeline, make_pipeline
from dovetail.preprocessing import (
    ColumnTyper,
    DateEncoder,
    OneHotEncoder,
    StandardScaler,
    TargetEncoder,
)

__all__ = ["CategoriesOf", "PreparationKind", "preparation"]

# From more levels on, a category is encoded by the mean target of its levels, not by a column each.
_ONE_HOT_LEVELS = 60
# What a histogram of 255 bins can tell apart; one more bin is for missing values.
_TREE_LEVELS = 254
# Levels and words that fewer rows have are one level "infrequent", or no word.
_RARE = 3

_NUMBERS = make_column_selector(dtype_include=["number", "bool"])
_DATES = make_column_selector(dtype_include=["date", "datetime"])
_TEXTS = make_column_selector(dtype_include="string")


@dataclass(frozen=True)
class CategoriesOf:
    """Chooses the categorical columns with at least `least` and at most `most` levels."""

    least: int = 0
    most: int | None = None

    def __call__(self, X: Any) -> list[str]:
        frame = nw.from_native(X, eager_only=True)
        names = make_column_selector(dtype_include="category")(X)
        levels = {n: int(frame.get_column(n).drop_nulls().n_unique()) for n in names}
        most = max(levels.values(), default=0) if self.most is None else self.most
        return [n for n in names if self.least <= levels[n] <= most]


PreparationKind = Literal["linear", "tree", "net", "dense"]


def preparation(
    kind: PreparationKind = "linear",
    *,
    kinds: Mapping[Any, str] | None = None,
    target_type: Literal["auto", "continuous", "binary", "multiclass"] = "auto",
    random_state: Any = None,
) -> Pipeline:
    """The steps that make a raw table fit for a model.

    Every kind finds out what the columns mean, leaves identifiers and constants out, and holds
    later tables against the one it was fitted on (`ColumnTyper`). Then

    ========== ================================================ ==================================
    column     "linear", "net", "dense"                         "tree"
    ========== ================================================ ==================================
    number     median for missing values, an indicator, scaled  as it is; NaN where missing
    category   a column a level; above 60 levels the target's   as it is; above 254 levels the
               mean, cross-fitted                               target's mean, cross-fitted
    date       parts and cycles, scaled                         parts
    text       tf-idf of words, of at most 20,000 ("net":       tf-idf of the 256 most frequent
               2,000; "dense": 256)                             words
    ========== ================================================ ==================================

    Parameters
    ----------
    kind : {"linear", "tree", "net", "dense"}, default="linear"
        "linear" for whatever adds up; "dense" for what measures distances or densities and takes no
        sparse matrix; "tree" for histogram gradient boosting
        with `categorical_features="from_dtype"`, whose output is a pyarrow table; "net" for neural
        networks.
    kinds : dict of column name to kind, or None
        Kinds to use instead of those the values suggest: "number", "bool", "category", "text",
        "date"; or "drop", to leave a column out.
    target_type : {"auto", "continuous", "binary", "multiclass"}, default="auto"
        What the target is, for the target's means. "auto" takes whole numbers for classes: say
        "continuous" where they are to be predicted as numbers.
    random_state : int, RandomState or None
        Draws the folds of the target's means.

    Returns
    -------
    Pipeline
        Of a ColumnTyper, "types", and a ColumnTransformer, "columns"; put a model after it.

    Raises
    ------
    ValueError
        Another kind.

    Examples
    --------
    >>> import dovetail as dv
    >>> from dovetail.datasets import load_penguins
    >>> X, y = load_penguins()
    >>> dv.preparation("linear").fit_transform(X, y).shape
    (344, 14)
    """
    if kind not in _COLUMNS:
        raise ValueError(f"There is no kind {kind!r} of preparation. Allowed: {set(_COLUMNS)}.")
    typer = ColumnTyper(kinds=None if kinds is None else dict(kinds))
    folds = KFold(5, shuffle=True, random_state=random_state)
    columns = _COLUMNS[kind](TargetEncoder(target_type=target_type, cv=folds))
    # everything is read as arrow columns: the one frame that holds categories and nulls of any type
    return Pipeline([("types", typer.set_output(transform=PYARROW)), ("columns", columns)])


def _for_sums(words: int, sparse_threshold: float, means: TargetEncoder) -> ColumnTransformer:
    """Columns of like scale, without missing values, categories spread out."""
    levels = OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=_RARE)
    scaled_means = make_pipeline(means, StandardScaler())
    dates = make_pipeline(DateEncoder(), SimpleImputer(add_indicator=True), StandardScaler())
    return ColumnTransformer(
        [
            ("numbers", _scaled(), _NUMBERS),
            ("levels", levels, CategoriesOf(most=_ONE_HOT_LEVELS)),
            ("means", scaled_means, CategoriesOf(least=_ONE_HOT_LEVELS + 1)),
            ("dates", dates, _DATES),
            ("words", ForEach(TfidfVectorizer(max_features=words, sublinear_tf=True)), _TEXTS),
        ],
        sparse_threshold=sparse_threshold,
    )


def _scaled() -> Pipeline:
    return make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler())


def _for_trees(means: TargetEncoder) -> ColumnTransformer:
    """Columns as they are, where a tree can split them; as a pyarrow table, which keeps categories
    beside numbers.
    """
    words = TfidfVectorizer(max_features=256, dtype=np.float32)
    return ColumnTransformer(
        [
            ("numbers", "passthrough", _NUMBERS),
            ("levels", "passthrough", CategoriesOf(most=_TREE_LEVELS)),
            ("means", means, CategoriesOf(least=_TREE_LEVELS + 1)),
            ("dates", DateEncoder(cycles=False), _DATES),
            ("words", ForEach(words, sparse_output=False), _TEXTS),
        ]
    ).set_output(transform=PYARROW)


_COLUMNS = {
    "linear": lambda means: _for_sums(20_000, 0.3, means),
    # mini-batches of dense rows take half the time of sparse ones, down to about this density
    "net": lambda means: _for_sums(2_000, 0.05, means),
    "dense": lambda means: _for_sums(256, 0.0, means),
    "tree": _for_trees,
}

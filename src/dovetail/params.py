"""Parameters declared once: an annotated field is the init, the check, the repr and the
documentation.

    class Ridge(Regressor):
        alpha: Annotated[float, AtLeast(0)] | ArrayLike = 1.0
        _: KW_ONLY
        solver: Literal["auto", "cholesky"] = "auto"
        random_state: Seed = None

`constraints_of` turns such an annotation into scikit-learn's constraints, so that a wrong value is
refused in scikit-learn's words. This is the one file that knows scikit-learn's validation
vocabulary.
"""

from __future__ import annotations

import inspect
import math
import types
import typing
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Annotated, Any, Literal, TypeVar, Union

import numpy as np
from sklearn.metrics import get_scorer_names
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    MissingValues,
    Options,
    RealNotInt,
    StrOptions,
    validate_params,
)

__all__ = [
    "AboveZero",
    "AnyFloat",
    "ArrayLike",
    "AtLeast",
    "Between",
    "FloatType",
    "Fraction",
    "Has",
    "Infinity",
    "MissingMark",
    "OpenFraction",
    "Range",
    "Rule",
    "Scoring",
    "Seed",
    "Splitter",
    "Verbosity",
    "checked",
    "constraints_of",
]

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`; `closed` says which ends belong to it ("left", "right", "both",
    "neither").
    """

    low: float | None
    high: float | None
    closed: Literal["left", "right", "both", "neither"] = "both"


def AtLeast(low: float) -> Range:
    """low or more."""
    return Range(low, None, "left")


def Between(
    low: float, high: float, closed: Literal["left", "right", "both", "neither"] = "both"
) -> Range:
    """From low to high."""
    return Range(low, high, closed)


AboveZero = Range(0, None, "neither")


@dataclass(frozen=True)
class Rule:
    """A constraint in scikit-learn's own words, such as "array-like" or "cv_object"."""

    constraint: Any


def Has(*methods: str) -> Rule:
    """Any object with these methods."""
    return Rule(HasMethods(list(methods)))


ArrayLike = Annotated[Any, Rule("array-like")]
FloatType = Annotated[Any, Rule(Options(type, {np.float32, np.float64}))]  # numpy's, as a dtype
Seed = Annotated[Any, Rule("random_state")]  # None, an integer or a numpy RandomState
Splitter = Annotated[
    Any, Rule("cv_object")
]  # a number of folds, a splitter, or an iterable of splits
# the name of a metric, a scorer, or None for the estimator's own score
Scoring = Annotated[Any, Rule(StrOptions(set(get_scorer_names())))] | Callable[..., Any] | None
Infinity = Annotated[float, Rule(Options(Real, {math.inf}))]
Verbosity = Annotated[int | bool, Rule("verbose")]
# a float from 0 to 1; 0 and 1 as integers are none, where integers mean numbers of something
Fraction = Annotated[float, Rule(Interval(RealNotInt, 0, 1, closed="both"))]
PartFraction = Annotated[float, Rule(Interval(RealNotInt, 0, 1, closed="right"))]
OpenFraction = Annotated[float, Rule(Interval(RealNotInt, 0, 1, closed="neither"))]
AnyFloat = Annotated[float, Rule(float)]  # nan and infinity too
MissingMark = Annotated[Any, Rule(MissingValues())]  # a number, a string, nan, None or pandas.NA


def constraints_of(annotation: Any) -> list[Any] | Literal["no_validation"]:
    """The constraints, in scikit-learn's vocabulary, that an annotation means.

    >>> constraints_of(Annotated[float, AtLeast(0)] | None)
    [<sklearn.utils._param_validation.Interval object at ...>, None]
    """
    if annotation is Any:
        return "no_validation"
    found: list[Any] = []
    for option in _options(annotation):
        found += option
    return found


def checked(function: F) -> F:
    """Have a function refuse what the annotations of its parameters do not allow."""
    hints = typing.get_type_hints(function, include_extras=True)
    names = inspect.signature(function).parameters
    constraints = {name: constraints_of(hints[name]) for name in names}
    checking: F = validate_params(constraints, prefer_skip_nested_validation=True)(function)
    return checking


def _options(annotation: Any) -> list[list[Any]]:
    origin = typing.get_origin(annotation)
    if origin in (Union, types.UnionType):
        return [o for a in typing.get_args(annotation) for o in _options(a)]
    if origin is Annotated:
        base, *notes = typing.get_args(annotation)
        rules = [n for n in notes if isinstance(n, Rule)]
        if rules:
            return [[r.constraint for r in rules]]
        (limits,) = (n for n in notes if isinstance(n, Range))
        return [[_interval(base, limits)]]
    return [[_simple(annotation, origin)]]


def _interval(base: Any, limits: Range) -> Interval:
    kind = Integral if base is int else Real
    return Interval(kind, limits.low, limits.high, closed=limits.closed)


def _simple(annotation: Any, origin: Any) -> Any:
    if annotation is None or annotation is type(None):
        return None
    if annotation is bool:
        return "boolean"
    if annotation is int:
        return Interval(Integral, None, None, closed="neither")
    if annotation is float:
        return Interval(Real, None, None, closed="neither")
    if origin is Literal:
        values = typing.get_args(annotation)
        if all(isinstance(v, str) for v in values):
            return StrOptions(set(values))
        return Options(type(values[0]), set(values))
    if annotation is Callable or origin is typing.get_origin(Callable[..., Any]):
        return callable
    if annotation is np.random.RandomState:
        return "random_state"
    return origin or annotation

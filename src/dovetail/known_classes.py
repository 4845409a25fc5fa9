"""Classes that were told in the first `partial_fit`, and stay those of later ones."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sklearn.utils.multiclass import _check_partial_fit_first_call
from torch import Tensor

from dovetail.data.tensors import as_numpy

__all__ = ["learn_classes", "same_classes"]


def learn_classes(estimator: Any, classes: Any) -> None:
    """Keep in `classes_` what a first call tells; refuse other classes in a later one, and none in
    the first.
    """
    given = as_numpy(classes) if isinstance(classes, Tensor) else classes
    _check_partial_fit_first_call(estimator, given)


@contextmanager
def same_classes(estimator: Any) -> Iterator[Any]:
    """The classes of the fit so far, which opening other targets does not change."""
    known = estimator.classes_
    try:
        yield known
    finally:
        estimator.classes_ = known

"""What estimators made of named estimators share: their parameters, and how data and Programs pass
from one to the next.

A step is *ours* if it is a `dovetail.base.Estimator`, else *foreign*: scikit-learn's, or anybody's.
Foreign steps are given numpy arrays where the data is a tensor or a pyarrow column. Between our own
steps data stays on an accelerator, whatever container it came in, and only the outermost
composition gives it back.
"""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any, ClassVar, Self

import numpy as np
import pyarrow as pa
import torch
from sklearn.base import TransformerMixin
from sklearn.exceptions import NotFittedError
from sklearn.utils import get_tags
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.metaestimators import _BaseComposition
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from dovetail.base import Estimator
from dovetail.data.columns import to_numpy
from dovetail.data.scan import Scan
from dovetail.data.tensors import as_numpy, as_tensor, target_device
from dovetail.errors import DataError, ProgramError
from dovetail.program import Program

__all__ = [
    "Composition",
    "NamedMembers",
    "Nest",
    "Routed",
    "as_foreign",
    "as_given",
    "call",
    "carry",
    "fit_step",
    "is_fitted",
    "keep_container",
    "name_estimators",
    "params_for",
    "program_of",
    "skipped",
]

Routed = Mapping[str, Mapping[str, Mapping[str, Any]]] | None  # {step: {method: {name: value}}}


class Nest(Estimator):
    """An estimator made of others; its learned numbers are theirs."""

    def _fitted_members(self) -> Sequence[tuple[str, Any]]:
        """The estimators that a fit left, in order, with their names."""
        raise NotImplementedError

    def _require_fitted(self) -> None:
        if not self.__sklearn_is_fitted__():
            check_is_fitted(self)  # which raises

    def to(self, device: str | torch.device) -> Self:
        """Move the learned numbers of all parts; foreign estimators stay where they are."""
        self._require_fitted()
        for _, member in self._fitted_members():
            if isinstance(member, Estimator):
                member.to(device)
        return self


class Composition(Nest):
    """A nest that transforms, so that data can stay on an accelerator within it."""

    def _carry(self, X: Any, routed: Routed = None) -> Any:
        """`transform`, its result left on the device where it was computed."""
        raise NotImplementedError

    def _fit_carry(self, X: Any, y: Any, params: Mapping[str, Any]) -> Any:
        """`fit_transform`, its result left on the device where it was computed."""
        raise NotImplementedError


class NamedMembers(_BaseComposition):
    """An estimator whose parameter `_members` is a list of (name, estimator)."""

    _members: ClassVar[str]

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Parameters of the composition and, deep, the named estimators and theirs as
        `name__parameter`.
        """
        params: dict[str, Any] = self._get_params(self._members, deep=deep)
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters, replace estimators by their name, or set theirs as `name__parameter`."""
        self._set_params(self._members, **params)
        return self


def skipped(step: Any) -> bool:
    """Whether a step stands for the identity."""
    return step is None or (isinstance(step, str) and step == "passthrough")


def is_fitted(step: Any) -> bool:
    """Whether a step is fitted, or needs no fit; scikit-learn's `check_is_fitted` without an error,
    and without asking for tags where the step itself can tell.
    """
    tell = getattr(step, "__sklearn_is_fitted__", None)
    if tell is not None:
        return bool(tell()) or not get_tags(step).requires_fit
    try:
        check_is_fitted(step)
    except NotFittedError:
        return False
    return True


def name_estimators(estimators: Sequence[Any]) -> list[tuple[str, Any]]:
    """(name, estimator) pairs, named by class in lower case, numbered where several share one."""
    names = [e if isinstance(e, str) else type(e).__name__.lower() for e in estimators]
    seen: dict[str, int] = {}
    numbered = []
    for name in names:
        seen[name] = seen.get(name, 0) + 1
        numbered.append(name if names.count(name) == 1 else f"{name}-{seen[name]}")
    return list(zip(numbered, estimators, strict=True))


# -- data from step to step


def params_for(routed: Routed, name: str, method: str) -> Mapping[str, Any]:
    """What was routed to a method of a step."""
    return routed[name][method] if routed else {}


def call(step: Any, method: str, X: Any, *args: Any, **params: Any) -> Any:
    """A method of a step; a foreign one is given what others take."""
    if not isinstance(step, Estimator):
        if isinstance(X, Scan):
            raise DataError(
                f"{type(step).__name__} is not an estimator of this package and cannot read a "
                "scan. Replace it, or load the rows."
            )
        return getattr(step, method)(as_foreign(X), *map(as_foreign, args), **params)
    return getattr(step, method)(X, *args, **params)


def carry(step: Any, X: Any, params: Mapping[str, Any] | None = None) -> Any:
    """A step's transform of X. What our own step computes on an accelerator stays there."""
    if params or not _stays(step, X):
        return call(step, "transform", X, **(params or {}))
    if isinstance(step, Composition):
        return step._carry(X)
    with torch.no_grad():
        return step.program_(step.front(X))


def _fit_carry(step: Any, X: Any, y: Any, params: Mapping[str, Mapping[str, Any]] | None) -> Any:
    """A step's fit and transform of X, with what was routed to it; likewise."""
    params = params or {}
    if not hasattr(step, "fit_transform"):
        call(step, "fit", X, y, **params.get("fit", {}))
        return carry(step, X, params.get("transform"))
    given = params.get("fit_transform", {})
    on_accelerator = not isinstance(X, Tensor | Scan) and _accelerator(target_device())
    if on_accelerator and isinstance(step, Composition) and _default_output(step):
        return step._fit_carry(X, y, given)
    # an overridden fit_transform may mean something else than transform after fit
    plain = type(step).fit_transform is TransformerMixin.fit_transform
    if on_accelerator and plain and isinstance(step, Estimator) and not given:
        step.fit(X, y)
        return carry(step, X)
    return call(step, "fit_transform", X, y, **given)


def fit_step(step: Any, caller: str, X: Any, y: Any, given: Any, owner: Any, context: Any) -> Any:
    """Fit a step by `caller`, as the task of `owner` that `context` stands for; what that gives,
    and X itself for "fit".
    """
    with nullcontext() if skipped(step) else context.propagate_callback_context(step):
        context.call_on_fit_task_begin(estimator=owner, X=X, y=y)
        out = X
        if caller == "fit_transform" and not skipped(step):
            out = _fit_carry(step, X, y, given)
        elif not skipped(step):
            result = call(step, caller, X, y, **(given or {}).get(caller, {}))
            out = X if caller == "fit" else result
        context.call_on_fit_task_end(estimator=owner, X=X, y=y)
    return out


def _stays(step: Any, X: Any) -> bool:
    """Whether what `step` makes of X is to stay on the accelerator that the step is on."""
    if isinstance(X, Tensor | Scan) or not isinstance(step, Estimator) or not _on_accelerator(step):
        return False
    leaf = not isinstance(step, Composition)
    # an encoder's output may be sparse, and must not become dense for the sake of the device
    return _default_output(step) and not (leaf and step.accepts.columns)


def _on_accelerator(step: Any) -> bool:
    if isinstance(step, Nest):
        return any(_on_accelerator(member) for _, member in step._fitted_members())
    program = getattr(step, "_program", None) if isinstance(step, Estimator) else None
    return program is not None and _accelerator(program.device)


def _accelerator(device: torch.device) -> bool:
    """Whether data is worth keeping on a device: to and from the CPU nothing is copied."""
    return device.type != "cpu"


def _default_output(step: Any) -> bool:
    return bool(_get_output_config("transform", step)["dense"] == "default")


def as_foreign(X: Any) -> Any:
    """X as others take it: numpy for a tensor and for a column of a pyarrow table."""
    if isinstance(X, pa.ChunkedArray):
        return to_numpy(X)
    return as_numpy(X) if isinstance(X, Tensor) else X


def as_given(result: Any, X: Any) -> Any:
    """A result in the container of X: a tensor on its device, else numpy. Labels that are no
    numbers, sparse matrices and frames are left as they are.
    """
    if isinstance(result, tuple):
        return tuple(as_given(r, X) for r in result)
    if not isinstance(X, Tensor):
        return as_foreign(result)
    if isinstance(result, np.ndarray) and result.dtype.kind in "biuf":
        result = as_tensor(result)
    return result.to(X.device) if isinstance(result, Tensor) else result


def keep_container(step: Any, X: Any) -> None:
    """Let learned attributes be read in the container of X, though on the way X became a tensor on
    an accelerator.
    """
    if isinstance(X, Tensor) or not _accelerator(target_device()):
        return
    if isinstance(step, Nest):
        for _, member in step._fitted_members():
            keep_container(member, X)
    elif isinstance(step, Estimator):
        step._container = "numpy"


# -- Programs


def program_of(step: Any, whose: str) -> Program:
    """The Program of a step.

    Raises
    ------
    ProgramError
        There is none; the message names the step, as `whose` calls it, and the reason.
    """
    kind = f"{type(step).__module__.split('.')[0]}'s {type(step).__name__}"
    if not isinstance(step, Estimator):
        raise ProgramError(
            f"{whose} is {kind}, which has no Program: only estimators of this package have one. "
            "Replace it by an estimator of this package."
        )
    try:
        return step.program_
    except ProgramError as error:
        raise ProgramError(f"{whose} is {kind}, which has no Program: {error}") from error

"""Estimators and their roles: the one place where `fit`, `predict` and `transform` are written.

An estimator declares its parameters as annotated fields, says in `accepts` what may pass its door,
and writes `_fit`, which receives checked `Batches` and returns a `Program`:

    class Centre(OneToOneFeatureMixin, Transformer):
        accepts = Accepts(missing=True)
        mean_ = Learned("mean")

        def _fit(self, batches: Batches) -> Program:
            return Shift(mean=column_moments(batches).mean)

Its role does the rest: checks parameters and data, keeps scikit-learn's book (`n_features_in_`,
`classes_`, tags, metadata), runs the Program, and hands the result back in the container and on the
device the input came in. A role's methods are overridden only to add an argument that
scikit-learn's signature has.
"""

from __future__ import annotations

import functools
import typing
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, ClassVar, Self, dataclass_transform

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from sklearn.base import (
    BaseEstimator,
    ClassifierMixin,
    RegressorMixin,
    TransformerMixin,
    _fit_context,
)
from sklearn.callback import CallbackSupportMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.columns import Columns
from dovetail.data.door import (
    Accepts,
    Container,
    Given,
    classes_in,
    codes_among,
    give_back,
    open_classes,
    open_columns,
    open_matrix,
    open_targets,
    open_weights,
    refuse_weightless,
)
from dovetail.data.scan import Rows, Scan
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.stream import Stream
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.distributed import Group, current
from dovetail.errors import DataError, ProgramError, SchemaError, warn
from dovetail.params import constraints_of
from dovetail.program import NoProgram, Program, TensorList
from dovetail.settings import settings
from dovetail.solve.loop import Watch
from dovetail.solve.solution import Solution

__all__ = [
    "Accepts",
    "Classifier",
    "Estimator",
    "Incremental",
    "Invertible",
    "Learned",
    "Regressor",
    "Stateless",
    "Transformer",
    "WeightedClassifier",
    "WeightedIncremental",
    "WeightedRegressor",
    "WeightedTransformer",
    "over_blocks",
    "truth_of",
]


class Learned:
    """A fitted attribute that reads a field of the Program: numpy after a fit on numpy, else the
    tensor itself.

    Parameters
    ----------
    path : name of the field, dotted where it is a field of a sub-program
    scalar : whether to give a Python number
    """

    def __init__(self, path: str, *, scalar: bool = False) -> None:
        self.path = path.split(".")
        self.scalar = scalar

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        if instance is None:
            return self
        value = self._holder(instance)
        value = getattr(value, self.path[-1])
        if isinstance(value, TensorList):
            return [self._shown(v, instance) for v in value]
        return self._shown(value, instance) if isinstance(value, Tensor) else value

    def _shown(self, value: Tensor, instance: Any) -> Any:
        if self.scalar:
            return value.item()
        if value.layout == torch.sparse_csr:
            return SparseMatrix.from_torch(value).to_scipy()
        return value if instance._container == "torch" else as_numpy(value)

    def __set__(self, instance: Any, value: Any) -> None:
        holder = self._holder(instance)
        name, device = self.path[-1], holder.device
        if isinstance(getattr(holder, name), TensorList):
            value = TensorList([_tensor_of(v, device) for v in value])
        elif value is not None and name in holder._tensors:
            value = _tensor_of(value, device)
        setattr(holder, name, value)

    def _holder(self, instance: Any) -> Any:
        holder = instance.__dict__.get("_program")
        if holder is None:
            raise AttributeError(
                f"{type(instance).__name__!r} object has no attribute {self.name!r} before fit."
            )
        for part in self.path[:-1]:
            holder = getattr(holder, part)
        return holder


def _tensor_of(value: Any, device: torch.device) -> Tensor:
    return value if isinstance(value, Tensor) else as_tensor(np.asarray(value), device)


class _Fitted:
    """Types of what a fit leaves on an estimator (apart, so that they are no parameters)."""

    _program: Any
    _container: Container
    _weighted: bool
    classes_: npt.NDArray[Any]
    n_features_in_: int


@dataclass_transform()
class Estimator(_Fitted, CallbackSupportMixin, BaseEstimator):
    """Parameters, the door, the fitted Program, and scikit-learn's callbacks around a fit."""

    accepts: ClassVar[Accepts] = Accepts()
    _doc_link_module: ClassVar[str] = "dovetail"

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__init__" not in cls.__dict__:
            dataclass(eq=False, repr=False, match_args=False)(cls)

    @classmethod
    def _examples(cls) -> list[Self]:
        """Instances the contract tests run on: the default one, and others where an option changes
        the program.
        """
        return [cls()]

    # -- what scikit-learn asks

    @property
    def _parameter_constraints(self) -> dict[str, Any]:
        cls: Any = type(self)
        return _constraints(cls)

    def __sklearn_tags__(self) -> Tags:
        tags: Tags = super().__sklearn_tags__()
        accepts = self.accepts
        tags.input_tags.sparse = bool(accepts.sparse)
        tags.input_tags.allow_nan = accepts.missing
        tags.input_tags.positive_only = accepts.positive
        tags.input_tags.string = tags.input_tags.categorical = accepts.columns
        tags.target_tags.multi_output = accepts.multi_output
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return "_program" in self.__dict__

    # -- the fitted program

    @property
    def program_(self) -> Program:
        """The fitted Program: a torch module from tensors to tensors.

        Raises
        ------
        ProgramError
            What was fitted works on values that no tensor can hold (its `_fit` gave a NoProgram).
        """
        check_is_fitted(self)
        program: Program = self._program
        if isinstance(program, NoProgram):
            raise ProgramError(program.reason)
        return program

    def to(self, device: str | torch.device) -> Self:
        """Move the learned numbers; what is computed from now on is computed there."""
        check_is_fitted(self)
        self._program = self._program.to(device)
        return self

    def front(self, X: Any) -> Any:
        """X as the tensor that `program_` takes: checked, its strings as codes, on the program's
        device.
        """
        check_is_fitted(self)
        device = None if isinstance(X, Tensor) else self._program.device
        return self._open(X, reset=False, device=device)

    def _program_on_numbers(self) -> Program | None:
        """The Program as a map of a matrix of numbers, so that it can follow another Program; None
        where `front` does more than check the matrix.
        """
        plain = type(self).front is Estimator.front and not self.accepts.columns
        return self.program_ if plain else None

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Any:
        if self.accepts.columns:
            return open_columns(self, X, self.accepts, reset=reset)
        return open_matrix(self, X, self.accepts, reset=reset, device=device)

    # -- learning

    def _fit(self, batches: Batches) -> Program:
        raise TypeError(f"{type(self).__name__} does not say how it learns.")

    def _learn(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """The template of every `fit`."""
        return self._template(self._fit, X, y, sample_weight, reset=True)

    @_fit_context(prefer_skip_nested_validation=True)  # checks the parameters, ends the callbacks
    def _template(
        self,
        learn: Callable[[Batches], Program],
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        reset: bool,
    ) -> Self:
        """Check, open the door, learn, keep; callbacks are told of the beginning and the end."""
        context = self._init_callback_context(max_subtasks=None)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        self._container = Given.of(X).container
        program = learn(self._receive(X, y, sample_weight, reset=reset))
        self._program = program.requires_grad_(False).eval()
        context.call_on_fit_task_end(estimator=self, X=X, y=y, reconstruction_attributes=dict)
        return self

    def _receive(self, X: Any, y: Any, sample_weight: Any, *, reset: bool = True) -> Batches:
        """What was given to a fit, checked: rows in memory, a scan, or a share of a group's."""

        def opened() -> Batches:
            if isinstance(X, Scan):
                _refuse_beside(X, y, sample_weight)
                return Batches(self._opened(X, reset=reset))
            rows = self._open(X, reset=reset)
            w = self._open_weights(sample_weight, rows, whole=group is None)
            return Batches(Batch(rows, self._open_y(y, rows), w))

        group = current()
        batches = opened() if group is None else self._joined(group.together(opened), group)
        if batches.weighted and not batches.in_memory:
            _refuse_weightless(X, batches)
        return batches

    def _open_weights(self, w: Any, X: Any, *, whole: bool) -> Tensor | None:
        return open_weights(w, X, whole=whole, negative=self.accepts.negative_weights)

    def _opened(self, scan: Scan, *, reset: bool) -> Stream:
        """A scan behind the door: its first block as a fit opens it, the others held against
        that.
        """
        rows = scan.head
        self._prepare_target(scan)

        def opened(rows: Rows, *, reset: bool = False) -> Batch:
            with rows.blamed():
                X = self._open(rows.X, reset=reset)
                w = self._open_weights(rows.w, X, whole=False)
            with rows.blamed() if rows.y is not None else nullcontext():
                y = self._open_scanned_y(rows.y, X)
            return Batch(X, y, w, rows.start)

        return Stream(scan, opened, opened(rows, reset=reset))

    def _prepare_target(self, scan: Scan) -> None:
        """Learn of a scan's target what must be known of all rows before the first is opened."""

    def _open_scanned_y(self, y: Any, X: Matrix | Columns) -> Tensor | None:
        """The targets of a scan's block."""
        return self._open_y(y, X)

    def _joined(self, batches: Batches, group: Group) -> Batches:
        """The rows of this process among those of a group."""
        X = batches.head.X
        facts = (len(batches), X.shape[1], str(X.dtype))
        found = [f for f in group.gather(lambda: facts) if f[0]]
        if len({f[1:] for f in found}) > 1:
            raise SchemaError(
                "The processes give other columns to the same fit. Columns and dtype by rank: "
                f"{[f[1:] for f in found]}."
            )
        return replace(batches, group=group, total=sum(f[0] for f in found))

    def _open_y(self, y: Any, X: Matrix | Columns) -> Tensor | None:
        return None

    def _report(self, solution: Solution[Any]) -> None:
        """Say once, with advice, that a solver stopped before it converged."""
        if solution.advice and settings().verbosity:
            warn(f"{type(self).__name__}: {solution.advice}", ConvergenceWarning)

    def _watch(self, program: Callable[[Any], Program]) -> Watch:
        """What a solver tells of every step: scikit-learn's callbacks, where there are any.

        program : makes the Program of a solver's learned numbers, for callbacks that want a fitted
            estimator
        """
        return CallbackWatch(self, program) if hasattr(self, "_skl_callbacks") else Watch()

    def _run(self, compute: Any, X: Any) -> Any:
        """compute(opened X), given back the way X came; without autograd unless X is a tensor. Of a
        scan, the results of its blocks one below the other.
        """
        if isinstance(X, Scan):
            return X.gathered(lambda block: self._run(compute, block))
        opened = self.front(X)
        if isinstance(X, Tensor):
            return give_back(compute(opened), Given.of(X))
        with torch.no_grad():
            result = compute(opened)
        if result is opened and _shares_memory(opened, X):
            return X
        return give_back(result, Given.of(X))


def _refuse_beside(scan: Scan, *given: Any) -> None:
    if any(each is not None for each in given):
        raise DataError(
            "With a scan, targets and weights are columns of it: "
            "scan_parquet(..., target=..., sample_weight=...)."
        )


def _refuse_weightless(X: Any, batches: Batches) -> None:
    def weighty() -> bool:
        w = batches.head.w
        return X.has_weight() if isinstance(X, Scan) else w is not None and bool(w.any())

    group = batches.group
    refuse_weightless(weighty() if group is None else any(group.gather(weighty)))


def over_blocks(method: Callable[..., Any]) -> Callable[..., Any]:
    """A `transform` that makes of a scan the scan whose blocks it transforms."""

    @functools.wraps(method)
    def transform(self: Any, X: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(X, Scan):
            return X.mapped(lambda block: method(self, block, *args, **kwargs))
        return method(self, X, *args, **kwargs)

    return transform


def _shares_memory(opened: Any, X: Any) -> bool:
    if isinstance(opened, SparseMatrix):
        return sp.issparse(X) and _shares_memory(opened.values, X.data)
    return (
        isinstance(X, np.ndarray)
        and isinstance(opened, Tensor)
        and opened.data_ptr() == X.ctypes.data
    )


class CallbackWatch(Watch):
    """Makes a task of every step of a solver, under the task of the fit."""

    def __init__(self, estimator: Any, program: Callable[[Any], Program]) -> None:
        self.estimator, self.program = estimator, program

    def begin(self, n_iter: int, value: Any) -> None:
        self.task = self.estimator._callback_fit_ctx.subcontext(task_name="iteration")
        self.task.call_on_fit_task_begin(
            estimator=self.estimator, reconstruction_attributes=lambda: self._fitted(value)
        )

    def end(self, n_iter: int, value: Any, record: dict[str, float]) -> bool:
        stop: bool = self.task.call_on_fit_task_end(
            estimator=self.estimator,
            metadata=record,
            reconstruction_attributes=lambda: self._fitted(value),
        )
        return stop

    def close(self, n_iter: int, value: Any) -> None:
        """One more task, in which nothing happens: scikit-learn's L-BFGS makes it, and its
        callbacks count on it.
        """
        self.begin(n_iter, value)
        self.task.call_on_fit_task_end(estimator=self.estimator)

    def _fitted(self, value: Any) -> dict[str, Any]:
        return {"_program": self.program(value).requires_grad_(False).eval()}


@functools.cache
def _constraints(cls: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(cls, include_extras=True)
    names = [field.name for field in fields(cls)] if is_dataclass(cls) else []
    return {name: constraints_of(hints[name]) for name in names}


class Incremental:
    """An estimator that can go on learning: `_update` of the Program so far, None at first, is its
    `_fit`.
    """

    def partial_fit(self, X: Any, y: Any = None) -> Self:
        """Go on learning from more rows; the result is that of one fit on all of them."""
        return self._continue(X, y)

    def _continue(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        before = self.__dict__.get("_program")
        me: Any = self
        me._template(
            lambda batches: me._update(before, batches), X, y, sample_weight, reset=before is None
        )
        return self

    def _fit(self, batches: Batches) -> Program:
        me: Any = self
        program: Program = me._update(None, batches)
        return program


class WeightedIncremental(Incremental):
    """The same with weights of rows."""

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Go on learning from more rows; the result is that of one fit on all of them."""
        return self._continue(X, y, sample_weight)


class Transformer(TransformerMixin, Estimator):
    """Learns from X and maps X to new columns."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from X.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        y : ignored, there for the Pipeline

        Returns
        -------
        self
        """
        return self._learn(X, y)

    @over_blocks
    def transform(self, X: Any) -> Any:
        """Map X, of the columns that fit saw, to new columns.

        Returns
        -------
        array or tensor of shape (n_samples, n_features_out), in the container and dtype of X; of a
        scan another scan
        """
        return self._run(self._transform, X)

    def _transform(self, X: Any) -> Matrix:
        out: Tensor = self._program(X)
        return out


class WeightedTransformer(Transformer):
    """A transformer whose statistics may weigh rows."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn from X.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        y : ignored, there for the Pipeline
        sample_weight : array-like of shape (n_samples,) or None
            How often each row counts.

        Returns
        -------
        self
        """
        return self._learn(X, y, sample_weight)


class Invertible:
    """A transformer that can be undone."""

    def inverse_transform(self, X: Any) -> Any:
        """Map transformed columns back, shape (n_samples, n_features_in_).

        Where information was lost, the result is one that transforms to X.
        """
        return run_inverse(self, X)


def run_inverse(
    estimator: Any,
    X: Any,
    compute: Callable[[Any], Any] | None = None,
    accepts: Accepts | None = None,
) -> Any:
    """`estimator._inverse` of X, its width unchecked, given back the way X came."""
    opened = open_matrix(
        estimator, X, accepts or estimator.accepts, reset=None, device=estimator.program_.device
    )
    with torch.no_grad():
        result = (compute or estimator._inverse)(opened)
    if result is opened and _shares_memory(opened, X):
        return X
    return give_back(result, Given.of(X))


class Stateless(Transformer):
    """A transformer that learns nothing: its Program follows from its parameters alone, so that
    `transform` needs no fit. `_stateless` makes it.
    """

    def _stateless(self) -> Program:
        raise TypeError(f"{type(self).__name__} does not say what it computes.")

    def _fit(self, batches: Batches) -> Program:
        return self._stateless()

    @property
    def _program(self) -> Program:
        return self._stateless()

    @_program.setter
    def _program(self, program: Program) -> None:
        """What a fit would keep is what the parameters say."""

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


class Regressor(RegressorMixin, Estimator):
    """Predicts numbers. The Program's output is the prediction."""

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn to predict y from X.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or (n_samples, n_outputs) where several are supported

        Returns
        -------
        self
        """
        return self._learn(X, y)

    def predict(self, X: Any) -> Any:
        """Predicted numbers, shape (n_samples,) or (n_samples, n_outputs), in X's container."""
        return self._run(self._predict, X)

    def _predict(self, X: Any) -> Tensor:
        out: Tensor = self._program(X)
        return out

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Coefficient of determination R² of the prediction, weighted.

        Parameters
        ----------
        X : as in `predict`
        y : array-like of true values; of a scan its target column
        sample_weight : array-like of shape (n_samples,) or None
        """
        y, sample_weight = truth_of(X, y, sample_weight)
        score: float = super().score(X, y, sample_weight)
        return score

    def _open_y(self, y: Any, X: Matrix | Columns) -> Tensor | None:
        return open_targets(y, X, self, multi_output=self.accepts.multi_output)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


class WeightedRegressor(Regressor):
    """A regressor whose loss may weigh rows."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn to predict y from X.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or (n_samples, n_outputs) where several are supported
        sample_weight : array-like of shape (n_samples,), float or None
            Weight of each row's loss; an integer weight equals that many copies of the row.

        Returns
        -------
        self
        """
        return self._learn(X, y, sample_weight)


class Classifier(ClassifierMixin, Estimator):
    """Predicts classes. The Program's output are scores: (n,) for two classes, where positive means
    the second, else (n, k).
    """

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn to tell the classes in y apart.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), labels of any type

        Returns
        -------
        self
        """
        return self._learn(X, y)

    def predict(self, X: Any) -> Any:
        """Predicted labels, shape (n_samples,): a tensor where X is one and the labels are numbers,
        else numpy.
        """
        return self._decoded(self._run(lambda opened: self._codes(self._scores(opened)), X))

    def _decoded(self, codes: Any) -> Any:
        """The labels that codes stand for."""
        if isinstance(codes, Tensor):
            if self.classes_.dtype.kind not in "biuf":
                return self.classes_[as_numpy(codes)]
            return as_tensor(self.classes_, codes.device)[codes]
        return self.classes_[codes]

    def _scores(self, X: Any) -> Tensor:
        out: Tensor = self._program(X)
        return out

    def _codes(self, scores: Tensor) -> Tensor:
        return (scores > 0).long() if scores.ndim == 1 else scores.argmax(1)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Share of rows whose class is predicted, weighted.

        Parameters
        ----------
        X : as in `predict`
        y : array-like of true classes; of a scan its target column
        sample_weight : array-like of shape (n_samples,) or None
        """
        y, sample_weight = truth_of(X, y, sample_weight)
        score: float = super().score(X, y, sample_weight)
        return score

    def _open_y(self, y: Any, X: Matrix | Columns) -> Tensor | None:
        codes, self.classes_ = open_classes(y, X, self)
        group = current()
        if group is not None:
            self.classes_, codes = _joint_classes(self.classes_, codes, group)
        return codes

    def _prepare_target(self, scan: Scan) -> None:
        found = [classes_in(labels, self) for labels in scan.targets()]
        classes = np.unique(np.concatenate(found))
        group = current()
        self.classes_ = classes if group is None else _joint_classes(classes, None, group)[0]

    def _open_scanned_y(self, y: Any, X: Matrix | Columns) -> Tensor | None:
        return codes_among(y, self.classes_, X)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def truth_of(X: Any, y: Any, sample_weight: Any) -> tuple[Any, Any]:
    """True values and weights to score with: those given, or the columns of a scan."""
    if not isinstance(X, Scan):
        return y, sample_weight
    _refuse_beside(X, y, sample_weight)
    return X.target_values(), X.weights()


def _joint_classes(
    classes: npt.NDArray[Any], codes: Any, group: Group
) -> tuple[npt.NDArray[Any], Any]:
    """The classes that the processes of a group have seen, and codes of them in place of codes of
    this one's.
    """
    found = [part for part in group.gather(lambda: classes) if len(part)]
    joint = np.unique(np.concatenate(found)) if found else classes
    if codes is not None and len(classes):
        codes = as_tensor(np.searchsorted(joint, classes), codes.device)[codes]
    return joint, codes


class WeightedClassifier(Classifier):
    """A classifier whose loss weighs rows, and classes where it has a `class_weight`."""

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn to tell the classes in y apart.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), labels of any type
        sample_weight : array-like of shape (n_samples,), float or None
            Weight of each row's loss; an integer weight equals that many copies of the row.

        Returns
        -------
        self
        """
        return self._learn(X, y, sample_weight)

    def _receive(self, X: Any, y: Any, sample_weight: Any, *, reset: bool = True) -> Batches:
        batches = super()._receive(X, y, sample_weight, reset=reset)
        if getattr(self, "class_weight", None) is None:
            return batches
        dtype = batches.dtype if batches.dtype.is_floating_point else torch.float32
        each = as_tensor(self._weight_of_classes(batches), batches.device).to(dtype)

        def weighed(b: Batch) -> Batch:
            assert b.y is not None
            return replace(b, w=each[b.y] if b.w is None else each[b.y] * b.w)

        return batches.mapped(weighed)

    def _weight_of_classes(self, batches: Batches) -> npt.NDArray[np.float64]:
        """What `class_weight` says of each class; "balanced" counts rows by their weights."""
        k = len(self.classes_)

        def counts(b: Batch) -> Tensor:
            assert b.y is not None
            return torch.bincount(b.y, None if b.w is None else b.w.double(), k).double()

        by_class: npt.NDArray[np.float64] = compute_class_weight(
            getattr(self, "class_weight", None),
            classes=self.classes_,
            y=self.classes_,
            sample_weight=as_numpy(batches.sum(counts)),
        )
        return by_class


class Decisions(Classifier):
    """A classifier that has scores."""

    def decision_function(self, X: Any) -> Any:
        """Scores, shape (n_samples,) for two classes (positive: the second), else (n_samples,
        n_classes).
        """
        return self._run(self._scores, X)


class Probabilities(Classifier):
    """A classifier that has probabilities: its Program has a `link` from scores to them."""

    def predict_proba(self, X: Any) -> Any:
        """Probability of each class, shape (n_samples, n_classes), rows sum to 1."""
        return self._run(lambda opened: self._program.link(self._scores(opened)), X)

    def predict_log_proba(self, X: Any) -> Any:
        """Logarithm of `predict_proba`."""
        proba = self.predict_proba(X)
        return proba.log() if isinstance(proba, Tensor) else np.log(proba)

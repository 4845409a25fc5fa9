"""Transformers side by side: what FeatureUnion, ColumnTransformer and ForEach share.

A *branch* is one of the transformers with the part of X that it takes. Branches are fitted and
asked one by one or in parallel, and their outputs are joined along the columns.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt
from joblib import effective_n_jobs
from sklearn.base import TransformerMixin
from sklearn.utils._set_output import _get_container_adapter, _safe_set_output
from sklearn.utils._user_interface import _print_elapsed_time
from sklearn.utils.metadata_routing import _raise_for_params, process_routing
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _num_samples
from torch import Tensor

from dovetail.base import Estimator
from dovetail.data.frames import column_names
from dovetail.data.scan import Scan, first_rows
from dovetail.errors import ProgramError
from dovetail.params import Verbosity
from dovetail.pipeline._composition import (
    Composition,
    Routed,
    as_given,
    carry,
    fit_step,
    keep_container,
    params_for,
    program_of,
)
from dovetail.pipeline._joining import join_arrays, join_frames, no_columns
from dovetail.program import Chain, Program, SideBySide

__all__ = ["Branch", "Branches", "Split", "is_word"]


class Branch(NamedTuple):
    """A transformer, its name, and the part of X it takes."""

    name: str
    transformer: Any
    X: Any


def is_word(word: str, transformer: Any) -> bool:
    """Whether a word, "drop" or "passthrough", stands where a transformer could."""
    return isinstance(transformer, str) and transformer == word


class Split(Program):
    """Columns of one matrix, one group a branch: what SideBySide takes.

    columns : positions of each branch, or None for all
    """

    columns: list[list[int] | None]

    def forward(self, X: Tensor) -> list[Tensor]:
        return [X if c is None else X[:, c] for c in self.columns]


class Branches(TransformerMixin, Composition):
    """Transformers side by side, their outputs joined along the columns."""

    _: KW_ONLY
    n_jobs: int | None = None
    transformer_weights: dict[str, float] | None = None
    verbose: Verbosity = False
    verbose_feature_names_out: bool | str | Callable[[str, str], str] = True

    def _received(self, X: Any) -> Any:
        """X in a container that parts can be taken from."""
        return X

    def _branches(self, X: Any) -> list[Branch]:
        """The fitted branches, with their parts of a received X."""
        raise NotImplementedError

    def _columns(self, name: str) -> list[int] | None:
        """Positions of the columns that a branch takes; None for all."""
        raise NotImplementedError

    def _message(self, name: str, index: int, total: int) -> str:
        """What `verbose` prints of a branch."""
        raise NotImplementedError

    def _weight(self, name: str) -> float | None:
        return (self.transformer_weights or {}).get(name)

    # -- learning

    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Fit every branch on its part of X.

        Parameters
        ----------
        X : of shape (n_samples, n_features), in any container the branches take
        y : targets, given to every branch
        **params : routed metadata

        Returns
        -------
        self
        """
        self._fit_as("fit", self._received(X), y, params)
        keep_container(self, X)
        return self

    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit every branch and join what they make of their parts; parameters as in `fit`."""
        return as_given(self._fit_carry(X, y, params), X)

    def _fit_carry(self, X: Any, y: Any, params: Mapping[str, Any]) -> Any:
        received = self._received(X)
        outputs = self._fit_as("fit_transform", received, y, params)
        keep_container(self, X)
        names = [name for name, _ in self._fitted_members()]
        if isinstance(X, Scan):
            return X.beside(outputs, lambda parts: self._join(names, parts, X.head.X))
        return self._join(names, outputs, received)

    def _fit_as(self, caller: str, X: Any, y: Any, params: Mapping[str, Any]) -> list[Any]:
        """The body of `fit` and `fit_transform`, `caller` says which, on received X: fit the
        branches, keep them; their outputs.
        """
        raise NotImplementedError

    def _run_fit(
        self, branches: Sequence[Branch], y: Any, routed: Routed, caller: str
    ) -> tuple[list[Any], list[Any]]:
        """Fit the branches, each a task that callbacks are told of: (outputs, transformers)."""
        context = self._init_callback_context(
            task_name=caller.replace("_", "-"),
            max_subtasks=len(branches),
            sequential_subtasks=False,
        )
        context.call_on_fit_task_begin(estimator=self, y=y)
        jobs = [
            (
                transformer,
                X,
                y,
                self._weight(name),
                routed[name] if routed else {},
                caller,
                self,
                context.subcontext(task_name=f"{caller.replace('_', '-')}-{name}", task_id=index),
                self._message(name, index + 1, len(branches)) if self.verbose else None,
            )
            for index, (name, transformer, X) in enumerate(branches)
        ]
        done = _in_parallel(_fit_branch, jobs, self.n_jobs)
        outputs, transformers = [out for out, _ in done], [fitted for _, fitted in done]
        if caller == "fit_transform":
            outputs_seen = [first_rows(out) for out in outputs]
            self._check_outputs([branch.name for branch in branches], outputs_seen)
        context.call_on_fit_task_end(estimator=self, y=y)
        return outputs, transformers

    # -- transforming

    def transform(self, X: Any, **params: Any) -> Any:
        """What every branch makes of X, side by side.

        Parameters
        ----------
        X : of shape (n_samples, n_features), in any container the branches take
        **params : routed metadata

        Returns
        -------
        array, sparse matrix, frame or tensor of shape (n_samples, n_features_out)
        """
        _raise_for_params(params, self, "transform")
        routed = process_routing(self, "transform", **params) if params else None
        if isinstance(X, Scan):
            return X.mapped(lambda block: self._carry(block, routed))
        return as_given(self._carry(X, routed), X)

    def _carry(self, X: Any, routed: Routed = None) -> Any:
        X = self._received(X)
        branches = self._branches(X)
        jobs = [
            (t, part, self._weight(name), params_for(routed, name, "transform"))
            for name, t, part in branches
        ]
        outputs = _in_parallel(_ask_branch, jobs, self.n_jobs)
        names = [branch.name for branch in branches]
        self._check_outputs(names, outputs)
        return self._join(names, outputs, X)

    def _join(self, names: Sequence[str], outputs: list[Any], X: Any) -> Any:
        """Outputs of the branches side by side: a frame where all are frames of the configured
        make, sparse where one is, a tensor where one is, else an array.
        """
        if not outputs:
            return no_columns(X)
        adapter = _get_container_adapter("transform", self)
        if adapter and all(adapter.is_supported_container(out) for out in outputs):
            self._remember_names(names, outputs)
            return join_frames(outputs, adapter, _num_samples(X))
        return self._join_arrays(outputs)

    def _check_outputs(self, names: Sequence[str], outputs: Sequence[Any]) -> None:
        for name, out in zip(names, outputs, strict=True):
            self._check_output(name, out)

    def _check_output(self, name: str, output: Any) -> None:
        raise NotImplementedError

    def _join_arrays(self, outputs: Sequence[Any]) -> Any:
        return join_arrays(outputs)

    # -- names

    def _names_out(self, named: Sequence[tuple[str, Sequence[str]]]) -> npt.NDArray[Any]:
        """Names of all output columns from the branches' own, as `verbose_feature_names_out`
        says.
        """
        style = self.verbose_feature_names_out
        if style is not False:
            pattern = style if isinstance(style, str) else "{transformer_name}__{feature_name}"
            rename = (
                style
                if callable(style)
                else lambda branch, column: pattern.format(
                    transformer_name=branch, feature_name=column
                )
            )
            return np.asarray([rename(b, c) for b, columns in named for c in columns], dtype=object)
        names = [c for _, columns in named for c in columns]
        twice = sorted(name for name, count in Counter(names).most_common(6) if count > 1)
        if twice:
            shown = f"{str(twice[:5])[:-1]}, ...]" if len(twice) == 6 else str(twice)
            raise ValueError(
                f"Output feature names: {shown} are not unique. Please set "
                "verbose_feature_names_out=True to add prefixes to feature names"
            )
        return np.asarray(names, dtype=object)

    def _remember_names(self, names: Sequence[str], outputs: Sequence[Any]) -> None:
        """Keep the columns of output frames, for branches that name them nowhere else."""
        if _get_container_adapter("transform", self) is None:
            return
        columns = {name: column_names(out) for name, out in zip(names, outputs, strict=True)}
        self._frame_names = {name: found for name, found in columns.items() if found is not None}

    def _own_names(self, name: str, transformer: Any, columns: Any) -> Sequence[str]:
        """The output columns as a branch names them."""
        if hasattr(transformer, "get_feature_names_out"):
            names: Sequence[str] = transformer.get_feature_names_out(columns)
            return names
        if name in getattr(self, "_frame_names", {}):
            return self._frame_names[name]
        raise AttributeError(
            f"Transformer {name} (type {type(transformer).__name__}) does not provide "
            "get_feature_names_out."
        )

    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose the container ("default", "pandas" or "polars") of the output, here and in every
        branch.
        """
        super().set_output(transform=transform)
        for step in self._all_members():
            if not isinstance(step, str):
                _safe_set_output(step, transform=transform)
        return self

    def _all_members(self) -> list[Any]:
        """Every transformer, given and fitted."""
        raise NotImplementedError

    # -- the program

    @property
    def program_(self) -> Program:
        """The branches' Programs side by side; what it takes is `front(X)`, a list of their
        fronts.
        """
        self._require_fitted()
        return self._side_by_side(
            [program_of(t, f"The branch {name!r}") for name, t in self._fitted_members()]
        )

    def _side_by_side(self, parts: list[Program]) -> Program:
        if not parts:
            raise ProgramError(f"{type(self).__name__} has no branch that gives columns.")
        weights = [self._weight(name) for name, _ in self._fitted_members()]
        return SideBySide(parts, weights).eval()

    def _program_on_numbers(self) -> Program | None:
        members = self._fitted_members()
        if not all(isinstance(t, Estimator) for _, t in members):
            return None
        parts = [t._program_on_numbers() for _, t in members]
        whole = [part for part in parts if part is not None]
        if len(whole) < len(parts):
            return None
        return Chain(
            [Split([self._columns(name) for name, _ in members]), self._side_by_side(whole)]
        )

    def front(self, X: Any) -> list[Any]:
        """X as `program_` takes it: the front of every branch, on its part of X."""
        self._require_fitted()
        return [
            transformer.front(part) for _, transformer, part in self._branches(self._received(X))
        ]


def _fit_branch(
    transformer: Any,
    X: Any,
    y: Any,
    weight: float | None,
    given: Mapping[str, Mapping[str, Any]],
    caller: str,
    owner: Any,
    context: Any,
    message: str | None,
) -> tuple[Any, Any]:
    """Fit a branch: (its output where that is asked, the transformer)."""
    with _print_elapsed_time(type(owner).__name__, message):
        out = fit_step(transformer, caller, X, y, given, owner, context)
    return None if caller == "fit" else _weighted(out, weight), transformer


def _ask_branch(transformer: Any, X: Any, weight: float | None, given: Mapping[str, Any]) -> Any:
    return _weighted(carry(transformer, X, given), weight)


def _weighted(output: Any, weight: float | None) -> Any:
    if weight is None:
        return output
    if isinstance(output, Scan):
        return output.mapped(lambda block: block * weight)
    return output * weight


def _in_parallel(
    work: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], n_jobs: Any
) -> list[Any]:
    """work(*job) of every job. Without workers nothing of joblib is entered: that would cost more
    than a row's transform.
    """
    if len(jobs) < 2 or effective_n_jobs(n_jobs) == 1:
        return [work(*job) for job in jobs]
    done: list[Any] = Parallel(n_jobs=n_jobs)(delayed(work)(*job) for job in jobs)
    return done

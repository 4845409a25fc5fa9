"""What classifiers with a kernel share: machines of pairs, votes, probabilities."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any, Literal

import numpy as np
import torch
from sklearn.exceptions import NotFittedError
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from dovetail.base import Decisions, WeightedClassifier
from dovetail.data.batches import Batches
from dovetail.data.tensors import as_numpy
from dovetail.errors import warn
from dovetail.params import Seed
from dovetail.solve.smo import SupportProblem
from dovetail.solve.smo_pairs import PairedOptimization
from dovetail.solve.solution import Solution
from dovetail.svm._machine import Gram, KernelMachine, refuse_infinite
from dovetail.svm._pairs import Floats, Index, Task, platt, solve_pairs
from dovetail.svm._program import Expansion, OneVersusOne

__all__ = ["PairwiseClassifier"]


def _has_probabilities(estimator: Any) -> bool:
    if estimator.probability is True:
        return True
    raise AttributeError("predict_proba is not available when probability=False")


class PairwiseClassifier(Decisions, WeightedClassifier, KernelMachine):
    """A machine for each pair of classes; what a problem of two classes is, the class says."""

    _: KW_ONLY
    probability: bool | Literal["deprecated"] = "deprecated"
    class_weight: dict[Any, float] | Literal["balanced"] | None = None
    decision_function_shape: Literal["ovr", "ovo"] = "ovr"
    break_ties: bool = False
    random_state: Seed = None

    def _pose(self, y: Floats, C: Floats) -> SupportProblem:
        raise TypeError(f"{type(self).__name__} does not say what it solves.")

    def _bound(self) -> float:
        """C of a row of weight 1."""
        raise TypeError(f"{type(self).__name__} does not say what bounds its rows.")

    def _receive(self, X: Any, y: Any, sample_weight: Any, *, reset: bool = True) -> Batches:
        """Without weights of classes, which are no weights of rows where these are balanced."""
        return super(WeightedClassifier, self)._receive(X, y, sample_weight, reset=reset)

    def _fit(self, batches: Batches) -> Expansion | OneVersusOne:
        self._warn_of_probability()
        codes = as_numpy(batches.y)
        k = len(self.classes_)
        if k < 2:
            raise ValueError(
                f"The number of classes has to be greater than one; got {k} class: y holds nothing "
                f"but {self.classes_.tolist()[0]!r}."
            )
        self.class_weight_ = compute_class_weight(
            self.class_weight, classes=self.classes_, y=self.classes_[codes]
        )
        w = np.ones(len(codes)) if batches.w is None else as_numpy(batches.w).astype(np.float64)
        C = self._bound() * self.class_weight_[codes] * w
        members = [np.flatnonzero((codes == c) & (w > 0)) for c in range(k)]
        self._refuse_few([len(m) for m in members])
        largest = sum(sorted(len(m) for m in members)[-2:])
        gram = self._gram(batches, max(1.0, float(C.max())), largest)
        task = Task(gram, C, self._pose, self._solve, self._solve_together)
        pairs, found, solutions = solve_pairs(task, members)
        random = check_random_state(self.random_state)
        ab = platt(task, found, random) if self.probability is True else (None, None)
        a, b = (None if v is None else torch.from_numpy(v).to(batches.device) for v in ab)
        self._keep_status(solutions)
        self.n_iter_ = np.array([p.steps for p in found], dtype=np.int32)
        self._n_support = np.array(pairs.counts, dtype=np.int32)
        coef = torch.from_numpy(pairs.coef).to(batches.device, batches.dtype)
        offsets = torch.from_numpy(pairs.offsets).to(batches.device, batches.dtype)
        vectors = self._support(gram, pairs.index)
        if k == 2:  # positive speaks for the second class
            return Expansion(vectors, -coef, offsets, a, b)
        ovr = self.decision_function_shape == "ovr"
        return OneVersusOne(vectors, coef, -offsets, pairs.counts, ovr, a, b)

    def _solve_together(
        self, gram: Gram, members: list[Index], pose: Callable[[int, int], SupportProblem]
    ) -> Solution[Any] | None:
        solver = PairedOptimization(
            gram.columns,
            gram.dtype,
            gram.megabytes,
            members,
            pose,
            self.tol,
            self._steps,
            self.shrinking,
        )
        if not solver.fits:
            return None
        solution = self._run_solver(solver)
        for machine in solution.value.values():
            refuse_infinite(machine)
        return solution

    def _warn_of_probability(self) -> None:
        if self.probability != "deprecated":
            name = type(self).__name__
            warn(
                "The `probability` parameter was deprecated in 1.9 and will be removed in version "
                f"1.11. Use `CalibratedClassifierCV({name}(), ensemble=False)` instead of "
                f"`{name}(probability=True)`",
                FutureWarning,
            )

    def _refuse_few(self, counts: list[int]) -> None:
        """counts : rows with a positive weight, of each class."""
        if sum(c > 0 for c in counts) == 1:
            raise ValueError(
                "Invalid input - all samples with positive weights belong to the same class."
            )

    # -- what it says of rows

    def _scores(self, X: Any) -> Tensor:
        program: Any = self._program
        if isinstance(program, Expansion):
            scores: Tensor = program(X)
            return scores
        pairs: Tensor = program.pairs(X)
        ovr = self.decision_function_shape == "ovr"
        return program.by_class(pairs) if ovr else pairs

    def decision_function(self, X: Any) -> Any:
        """Scores: (n_samples,) for two classes, positive for the second; else (n_samples,
        n_classes), or a column for each pair with decision_function_shape="ovo".
        """
        return super().decision_function(X)

    def predict(self, X: Any) -> Any:
        """Predicted labels, shape (n_samples,): those that most pairs vote for; where several have
        as many votes, the first of them, or with break_ties=True the one of the greatest score.
        """
        check_is_fitted(self)
        if self.break_ties and self.decision_function_shape == "ovo":
            raise ValueError("break_ties must be False when decision_function_shape is 'ovo'")
        program: Any = self._program

        def codes(opened: Any) -> Tensor:
            if isinstance(program, Expansion):
                return self._codes(program(opened))
            pairs = program.pairs(opened)
            votes: Tensor = (program.by_class if self.break_ties else program.votes)(pairs)
            return votes.argmax(1)

        return self._decoded(self._run(codes, X))

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:
        """Probability of each class, shape (n_samples, n_classes), by Platt's scaling."""
        check_is_fitted(self)
        program: Any = self._program
        if program.link_a is None:
            raise NotFittedError(
                "predict_proba is not available when fitted with probability=False"
            )

        def probabilities(opened: Any) -> Tensor:
            binary = isinstance(program, Expansion)
            scores: Tensor = program(opened) if binary else program.pairs(opened)
            linked: Tensor = program.link(scores.double())
            return linked.to(scores.dtype)

        return self._run(probabilities, X)

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Any:
        """Logarithm of `predict_proba`."""
        proba = self.predict_proba(X)
        return proba.log() if isinstance(proba, Tensor) else np.log(proba)

    @property
    def probA_(self) -> Any:
        """a of Platt's scaling, one a pair; empty without probability=True."""
        return self._platt("A", "link_a")

    @property
    def probB_(self) -> Any:
        """b of Platt's scaling, one a pair; empty without probability=True."""
        return self._platt("B", "link_b")

    def _platt(self, letter: str, field: str) -> Any:
        warn(
            f"Attribute `prob{letter}_` was deprecated in version 1.9 and will be removed in 1.11 "
            "as the `probability=True` option for SVC and NuSVC was deprecated and will be removed "
            "in 1.11.",
            FutureWarning,
        )
        value = getattr(self._held, field)
        return np.empty(0) if value is None else self._shown(value)

    def _combinations(self, held: Any) -> Tensor:
        if isinstance(held, Expansion):
            return held.coef
        k, starts = len(held.counts), np.cumsum([0, *held.counts])
        rows = []
        for i in range(k):
            for j in range(i + 1, k):
                row = held.coef.new_zeros(held.coef.shape[1])
                row[starts[i] : starts[i + 1]] = held.coef[j - 1, starts[i] : starts[i + 1]]
                row[starts[j] : starts[j + 1]] = held.coef[i, starts[j] : starts[j + 1]]
                rows.append(row)
        return torch.stack(rows)

"""What estimators that learn a row at a time share: parameters, training, and what is kept."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.model_selection import BaseShuffleSplit
from sklearn.utils import check_random_state

from dovetail.base import Accepts, Estimator, Learned
from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.errors import warn
from dovetail.kernels.compiled import thread_count
from dovetail.linear_model._roles import Sparsifiable
from dovetail.linear_scores import Linear
from dovetail.objective.losses import Loss
from dovetail.params import AboveZero, AtLeast, Between, OpenFraction, Seed, Verbosity
from dovetail.solve.loop import solve
from dovetail.solve.row_descent import RateName, RowData, RowDescent, RowSchedule, Walk
from dovetail.solve.saga import row_arrays
from dovetail.solve.solution import Solution, Status

__all__ = ["OneScore", "StochasticLinear"]

Floats = npt.NDArray[np.float64]
# Steps of the intercept are a hundredth of the coefficients' for sparse rows, which move the
# intercept every time and a coefficient rarely (as scikit-learn).
_SPARSE_LIFT = 0.01
_TOP = np.iinfo(np.int32).max


class OneScore(NamedTuple):
    """What one vector of coefficients is to learn.

    y, w : targets and weights of the rows
    strata : what a validation split keeps the shares of
    """

    y: Floats
    w: Floats


class StochasticLinear(Sparsifiable, Estimator):
    """Parameters and training; a subclass says what each score is to learn, and makes the Program
    of the scores.
    """

    accepts = Accepts(sparse=("csr",))
    splitter: ClassVar[type[BaseShuffleSplit]]  # what rows are held out by
    passive_loss: ClassVar[str]  # the loss of "pa1" and "pa2"

    coef_ = Learned("coef")
    intercept_ = Learned("intercept")

    loss: Any
    _: KW_ONLY
    penalty: Literal["l2", "l1", "elasticnet"] | None = "l2"
    alpha: Annotated[float, AtLeast(0)] = 0.0001
    l1_ratio: Annotated[float, Between(0, 1)] | None = 0.15
    fit_intercept: bool = True
    max_iter: Annotated[int, AtLeast(1)] = 1000
    tol: Annotated[float, AtLeast(0)] | None = 1e-3
    shuffle: bool = True
    verbose: Verbosity = 0
    epsilon: Annotated[float, AtLeast(0)] = 0.1
    random_state: Seed = None
    learning_rate: RateName = "optimal"
    eta0: Annotated[float, AboveZero] = 0.01
    power_t: float = 0.5
    early_stopping: bool = False
    validation_fraction: OpenFraction = 0.1
    n_iter_no_change: Annotated[int, AtLeast(1)] = 5
    warm_start: bool = False
    average: bool | Annotated[int, AtLeast(1)] = False

    # -- what a subclass says

    def _loss(self) -> Loss:
        """The loss of one score."""
        raise TypeError(f"{type(self).__name__} does not say what it minimizes.")

    def _n_scores(self) -> int:
        """Vectors of coefficients to learn."""
        return 1

    def _scores_to_learn(self, y: Any, w: Floats) -> list[OneScore]:
        """One for each vector of coefficients."""
        raise TypeError(f"{type(self).__name__} does not say what its scores learn.")

    def _made(self, coef: torch.Tensor, intercept: torch.Tensor) -> Linear:
        """The Program of learned coefficients (k, d) and intercepts (k,)."""
        raise TypeError(f"{type(self).__name__} does not say what it predicts with.")

    def _quality(self, scores: Floats, one: OneScore) -> float:
        """The validation score, higher is better."""
        raise TypeError(f"{type(self).__name__} does not say how it is validated.")

    # -- the ways in

    def _go_on(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        incremental: bool,
        coef: Any = None,
        intercept: Any = None,
        receive: Callable[[Batches], Batches] = lambda batches: batches,
    ) -> Self:
        """Train: one epoch from the numbers so far, or until the objective rests."""
        before = self.__dict__.get("_program")
        going_on = incremental and before is not None
        if not going_on:
            self._refuse(incremental)
        if not incremental and self.warm_start and before is not None:
            coef = before.coef.to_dense() if coef is None else coef
            intercept = before.intercept if intercept is None else intercept

        def learn(batches: Batches) -> Linear:
            batches = receive(batches)
            if not going_on:
                self._walks = self._start(batches, coef, intercept)
                self.t_: float = 1.0
            return self._train(batches.whole, incremental)

        self._template(learn, X, y, sample_weight, reset=not going_on)
        if self.power_t < 0 and not incremental:
            warn(
                "Negative values for `power_t` are deprecated in version 1.8 and will raise an "
                "error in 1.10. Use values in the range [0.0, inf) instead.",
                FutureWarning,
            )
        return self

    def _refuse(self, incremental: bool) -> None:
        """Say which parameters do not go together, before any work."""
        if incremental and self.early_stopping:
            raise ValueError(
                "early_stopping should be False with partial_fit: what is held out in one call "
                "would be learned in the next."
            )
        if self.learning_rate == "optimal" and self.alpha == 0:
            raise ValueError(
                "alpha must be > 0 since learning_rate is 'optimal'. alpha is used to compute the "
                "optimal learning rate. Use another learning_rate, with eta0."
            )
        if self.penalty == "elasticnet" and self.l1_ratio is None:
            raise ValueError("l1_ratio must be set when penalty is 'elasticnet'")
        if self.learning_rate in ("pa1", "pa2") and self.loss != self.passive_loss:
            raise ValueError(
                f"Learning rate '{self.learning_rate}' only works with loss "
                f"'{self.passive_loss}'. Got "
                f"loss={self.loss!r}."
            )

    # -- training

    def _start(self, batches: Batches, coef: Any, intercept: Any) -> list[Walk]:
        """Zero, or the numbers given."""
        k, d = self._n_scores(), batches.n_features
        c = np.zeros((k, d)) if coef is None else _numbers(coef)
        b = np.zeros(k) if intercept is None else _numbers(intercept)
        if c.size != k * d or (k > 1 and c.shape != (k, d)):
            raise ValueError(
                f"Provided coef_init does not match dataset: its shape is {c.shape}, expected "
                f"{(k, d)}."
            )
        if b.size != k:
            raise ValueError(
                f"Provided intercept_init does not match dataset: its shape is {b.shape}, "
                f"expected {(k,)}."
            )
        starts = zip(c.reshape(k, d), b.reshape(k), strict=True)
        return [Walk.at(coef, intercept) for coef, intercept in starts]

    def _train(self, rows: Batch, incremental: bool) -> Linear:
        X = rows.X.tocsr() if isinstance(rows.X, SparseMatrix) else rows.X.detach()
        w = np.ones(len(rows)) if rows.w is None else as_numpy(rows.w).astype(np.float64)
        assert rows.y is not None
        y = as_numpy(rows.y)
        several = self._scores_to_learn(y, w)
        held_out = self._held_out(y, w)
        seeds = self._seeds(len(several))
        descents = [
            self._descent(X, one, walk, held_out, seed)
            for one, walk, seed in zip(several, self._walks, seeds, strict=True)
        ]

        def program(_: Any = None) -> Linear:
            coef, intercept = self._kept()
            dtype, device = rows.X.dtype, rows.X.device
            numbers = torch.from_numpy(coef), torch.from_numpy(intercept)
            return self._made(*(t.to(device=device, dtype=dtype) for t in numbers))

        watch = self._watch(program)
        say = print if self.verbose else None

        def run(descent: RowDescent) -> Solution[Walk]:
            return solve(descent, max_iter=limit, watch=watch, say=say)

        limit = 1 if incremental else self.max_iter
        watched = hasattr(self, "_skl_callbacks") or say is not None
        threads = 1 if watched else min(len(descents), thread_count())
        if threads > 1:
            with ThreadPoolExecutor(threads) as pool:
                solutions = list(pool.map(run, descents))
        else:
            solutions = [run(descent) for descent in descents]
        self.n_iter_: int = max(solution.n_iter for solution in solutions)
        self.t_ += self.n_iter_ * len(rows)
        if not incremental and self.tol is not None:
            cut = [s for s in solutions if s.status is not Status.CONVERGED]
            self._report((cut or solutions)[0])
        return program()

    def _seed(self, random: np.random.RandomState) -> int:
        """Of the order of rows; drawn as scikit-learn does, so that the order is its own."""
        return int(random.randint(_TOP))

    def _seeds(self, k: int) -> list[int | None]:
        """Of the order of rows, for each score."""
        if not self.shuffle:
            return [None] * k
        random = check_random_state(self.random_state)
        if k == 1:
            return [self._seed(random)]
        return [self._seed(check_random_state(each)) for each in random.randint(_TOP, size=k)]

    def _descent(
        self, X: Any, one: OneScore, walk: Walk, held_out: npt.NDArray[np.int64], seed: int | None
    ) -> RowDescent:
        left_out = np.zeros(len(one.y), dtype=bool)
        left_out[held_out] = True
        share = {None: 0.0, "l2": 0.0, "l1": 1.0}.get(self.penalty, self.l1_ratio or 0.0)
        strength = 0.0 if self.penalty is None else float(self.alpha)
        score = self._validation(X, one, held_out) if self.early_stopping else None
        return RowDescent(
            RowData(*row_arrays(X), one.y, one.w, left_out),
            self._loss(),
            walk,
            RowSchedule(
                self.learning_rate, float(self.eta0), float(self.power_t), float(self.alpha)
            ),
            l2=strength * (1 - share),
            l1=strength * share,
            seed=seed,
            patience=int(self.n_iter_no_change),
            tol=None if self.tol is None else float(self.tol),
            average=int(self.average),
            fit_intercept=self.fit_intercept,
            lift=_SPARSE_LIFT if isinstance(X, SparseMatrix) else 1.0,
            score=score,
        )

    def _held_out(self, y: Any, w: Floats) -> npt.NDArray[np.int64]:
        """Rows to validate on; none without early stopping."""
        if not self.early_stopping:
            return np.empty(0, np.int64)
        splitter = self.splitter(test_size=self.validation_fraction, random_state=self.random_state)
        learned, held_out = next(splitter.split(np.zeros((len(y), 1)), y))
        if not (w[held_out] > 0).any():
            raise ValueError(
                "The sample weights for validation set are all zero, consider using a different "
                "random state."
            )
        if not len(learned) or not len(held_out):
            raise ValueError(
                f"Splitting {len(y)} samples into a train set and a validation set with "
                f"validation_fraction={self.validation_fraction!r} led to an empty set "
                f"({len(learned)} and {len(held_out)} samples). Please either change "
                "validation_fraction, increase number of samples, or disable early_stopping."
            )
        return held_out

    def _validation(
        self, X: Any, one: OneScore, held_out: npt.NDArray[np.int64]
    ) -> Callable[[Walk], float]:
        index = torch.from_numpy(held_out)
        rows = X.take_rows(index) if isinstance(X, SparseMatrix) else X.index_select(0, index)
        target = OneScore(one.y[held_out], one.w[held_out])

        def score(walk: Walk) -> float:
            coef = torch.from_numpy(walk.coef).to(rows.dtype)
            return self._quality(as_numpy(rows @ coef) + walk.intercept, target)

        return score

    def _kept(self) -> tuple[Floats, Floats]:
        """Coefficients (k, d) and intercepts (k,): averaged ones where enough steps were."""
        averaged = 0 < int(self.average) <= max(walk.steps for walk in self._walks) - 1
        pairs = [
            (w.mean, w.mean_intercept) if averaged else (w.coef, w.intercept) for w in self._walks
        ]
        return np.stack([c for c, _ in pairs]), np.array([b for _, b in pairs])


def _numbers(given: Any) -> Floats:
    values: Floats = np.asarray(as_numpy(given) if isinstance(given, torch.Tensor) else given)
    return np.atleast_1d(values.astype(np.float64))

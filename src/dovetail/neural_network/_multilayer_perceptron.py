"""What the perceptron estimators share: parameters, training, and what is kept of it."""

from collections.abc import Callable
from dataclasses import KW_ONLY
from functools import partial
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, Self

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from torch import Tensor

from dovetail.base import Accepts, Estimator, Learned
from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import as_tensor
from dovetail.errors import warn
from dovetail.neural_network._optimizers import OPTIMIZERS, rate_of
from dovetail.neural_network._program import NetScores
from dovetail.nn.backpropagation import Backpropagation
from dovetail.nn.mlp import glorot_uniform, mlp_scores
from dovetail.objective.losses import Loss
from dovetail.params import AboveZero, AtLeast, Between, Infinity, Seed, Verbosity
from dovetail.settings import threads_at_most
from dovetail.solve.by_epochs import Progress
from dovetail.solve.flat import Flat
from dovetail.solve.lbfgs import LBFGS
from dovetail.solve.loop import Watch, solve
from dovetail.solve.solution import Solution, Status
from dovetail.solve.stochastic import Stochastic

__all__ = ["MultilayerPerceptron", "Target"]

_BLOCK_ROWS = 2048  # of passes over all rows: a block's activations stay in the cache
# Steps of less work run on one thread: at 28-128-128-2 and 256 rows, 31 million operations in
# 0.7 ms, a second thread gains nothing on an idle machine and costs a factor of 3 to 10 on a busy
# one, where each of a step's operations waits for it.
_PARALLEL_WORK = 1e8
_OUT_ACTIVATIONS = {"sigmoid": "logistic"}  # scikit-learn's word, where it is not the response's


class Target(NamedTuple):
    """What a net is trained to, and how its output is read.

    loss : of one row
    outputs : k
    response : from scores to predictions
    averaged : whether the loss that is reported is averaged over the outputs
    """

    loss: Loss
    outputs: int
    response: str
    averaged: bool = False


class MultilayerPerceptron(Estimator):
    """Parameters and training of a perceptron; subclasses say what it is trained to."""

    accepts = Accepts(sparse=("csr", "csc"))
    program_type: ClassVar[type[NetScores]] = NetScores

    _: KW_ONLY
    solver: Literal["lbfgs", "sgd", "adam", "adamw"] = "adam"
    alpha: Annotated[float, AtLeast(0)] = 0.0001
    batch_size: Literal["auto"] | Annotated[int, AtLeast(1)] = "auto"
    learning_rate: Literal["constant", "invscaling", "adaptive"] = "constant"
    learning_rate_init: Annotated[float, AboveZero] = 0.001
    power_t: Annotated[float, AtLeast(0)] = 0.5
    max_iter: Annotated[int, AtLeast(1)] = 200
    shuffle: bool = True
    random_state: Seed = None
    tol: Annotated[float, AtLeast(0)] = 1e-4
    verbose: Verbosity = False
    warm_start: bool = False
    momentum: Annotated[float, Between(0, 1)] = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool = False
    validation_fraction: Annotated[float, Between(0, 1, "left")] = 0.1
    beta_1: Annotated[float, Between(0, 1, "left")] = 0.9
    beta_2: Annotated[float, Between(0, 1, "left")] = 0.999
    epsilon: Annotated[float, AboveZero] = 1e-8
    n_iter_no_change: Annotated[int, AtLeast(1)] | Infinity = 10
    max_fun: Annotated[int, AtLeast(1)] = 15000

    coefs_ = Learned("coefs")
    intercepts_ = Learned("intercepts")

    # -- what a subclass says

    def _target(self, rows: Batch) -> tuple[Batch, Target]:
        """The rows with targets as the loss wants them, and what to train to."""
        raise TypeError(f"{type(self).__name__} does not say what it is trained to.")

    def _quality(self, F: Tensor, rows: Batch) -> float:
        """The validation score of scores F."""
        raise TypeError(f"{type(self).__name__} does not say how it is validated.")

    def _strata(self, rows: Batch) -> Any:
        """What a validation split keeps the shares of; None for nothing."""
        return None

    # -- the ways in

    def _learn(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        return self._go_on(X, y, sample_weight, incremental=False)

    def _go_on(self, X: Any, y: Any, sample_weight: Any, *, incremental: bool) -> Self:
        """Train, from the net so far where there is one and `warm_start` or partial_fit says so."""
        before = self.__dict__.get("_program") if incremental or self.warm_start else None
        self._going_on: bool = incremental or before is not None
        return self._template(
            lambda batches: self._train(batches, before, incremental=incremental),
            X,
            y,
            sample_weight,
            reset=before is None,
        )

    # -- training

    def _train(self, batches: Batches, before: Any, *, incremental: bool) -> NetScores:
        if incremental and self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: what is held out in one call "
                "would be learned in the next."
            )
        rows, target = self._target(_trainable(batches.whole))
        random = check_random_state(self.random_state)
        if before is None:
            self._progress, self._memory = Progress(), dict[str, Any]()
        sizes = [batches.n_features, *self._hidden(), target.outputs]
        start = _numbers_of(before, sizes) or glorot_uniform(sizes, self.activation, random)
        newton = self.solver == "lbfgs"
        dtype = torch.float64 if newton else batches.dtype
        flat = Flat([t.to(device=batches.device, dtype=dtype) for t in start])

        def program(values: Tensor) -> NetScores:
            parts = [p.to(batches.dtype, copy=True) for p in flat.split(values)]
            layers, single = len(parts) // 2, target.outputs == 1
            return self.program_type(
                parts[:layers], parts[layers:], self.activation, target.response, single
            )

        train = self._minimize if newton else partial(self._descend, random, incremental)
        with torch.no_grad():
            solution = train(rows, target, flat, self._watch(program))
        self._keep(solution, sizes, target)
        if not (incremental and solution.status is Status.LIMIT):
            self._report(solution)
        return program(solution.value)

    def _hidden(self) -> list[int]:
        sizes = self.hidden_layer_sizes
        hidden = list(sizes) if np.iterable(sizes) else [sizes]
        if any(u <= 0 for u in hidden):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {hidden}.")
        return [int(u) for u in hidden]

    def _minimize(self, rows: Batch, target: Target, flat: Flat, watch: Watch) -> Solution[Tensor]:
        """L-BFGS on the mean loss over all rows."""
        blocks = Batches(rows).in_blocks(_BLOCK_ROWS)
        total = len(rows) if rows.w is None else float(rows.w.double().sum())
        objective = Backpropagation(flat, self.activation, target.loss, l2=self.alpha)

        def value_gradient(values: Tensor) -> tuple[float, Tensor]:
            flat.values.copy_(values)
            return float(objective.over(blocks, total)), flat.gradient.clone()

        # relative_decrease is that of scipy's L-BFGS-B, the bar that scikit-learn's fits stop at
        solver = LBFGS(
            value_gradient,
            flat.values.clone(),
            self.tol,
            relative_decrease=1e7 * torch.finfo(torch.float64).eps,
            max_calls=self.max_fun,
        )
        say = print if self.verbose else None
        solution = solve(solver, max_iter=self.max_iter, watch=watch, say=say)
        flat.values.copy_(solution.value)
        objective.averaged = target.averaged
        self.loss_: float = float(objective.over(blocks, total))
        return solution

    def _descend(
        self,
        random: np.random.RandomState,
        incremental: bool,
        rows: Batch,
        target: Target,
        flat: Flat,
        watch: Watch,
    ) -> Solution[Tensor]:
        """Mini-batches in random order."""
        score = None
        if self.early_stopping:
            rows, validation = self._hold_out(rows, random)
            score = partial(self._validate, flat, validation)
        gradient = Backpropagation(
            flat,
            self.activation,
            target.loss,
            l2=0.0 if self.solver == "adamw" else self.alpha,
            averaged=target.averaged,
        )
        optimizer = OPTIMIZERS[self.solver](self, flat, gradient.weights)
        if incremental and self.solver in self._memory:
            optimizer.load_state_dict(self._memory[self.solver])
        solver = Stochastic(
            rows,
            flat.values,
            gradient,
            optimizer,
            batch_size=self._batch_rows(len(rows)),
            random=random if self.shuffle else None,
            patience=self.n_iter_no_change,
            tol=self.tol,
            score=score,
            rate=rate_of(self),
            progress=self._progress,
        )
        say = print if self.verbose else None
        limit = 1 if incremental else self.max_iter
        work = 6 * solver.batch_size * flat.values.numel()  # of a step, in operations
        with threads_at_most(1 if work < _PARALLEL_WORK else torch.get_num_threads()):
            solution = solve(solver, max_iter=limit, watch=watch, say=say)
        self._memory = {self.solver: optimizer.state_dict()}
        self._record(early=score is not None)
        return solution

    def _batch_rows(self, n: int) -> int:
        if self.batch_size == "auto":
            return min(200, n)
        if self.batch_size > n:
            warn(
                f"Got `batch_size` less than 1 or larger than sample size ({n}). It is going to be "
                "clipped",
            )
        return min(self.batch_size, n)

    def _hold_out(self, rows: Batch, random: np.random.RandomState) -> tuple[Batch, Batch]:
        """Rows to learn from and rows to validate on."""
        parts = train_test_split(
            np.arange(len(rows)),
            random_state=random,
            test_size=self.validation_fraction,
            stratify=self._strata(rows),
        )
        if len(parts[1]) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                "your dataset."
            )
        learned, held_out = (rows.take(as_tensor(p, rows.X.device)) for p in parts)
        return learned, held_out

    def _validate(self, flat: Flat, rows: Batch) -> float:
        """The validation score now; nan where the net has diverged."""
        layers = len(flat.parts) // 2
        F = mlp_scores(rows.X, flat.parts[:layers], flat.parts[layers:], self.activation)
        return self._quality(F, rows) if bool(torch.isfinite(F).all()) else float("nan")

    # -- predicting

    def _run(self, compute: Any, X: Any) -> Any:
        """Block by block, so that the layers' outputs stay in the cache: 2 to 3 times as fast as
        all rows at once.
        """
        return super()._run(lambda opened: _by_blocks(compute, opened), X)

    # -- what is kept

    def _record(self, *, early: bool) -> None:
        progress = self._progress
        self.loss_ = progress.losses[-1] if progress.losses else float("nan")
        self.loss_curve_ = progress.losses
        self.best_loss_ = None if early else -progress.best
        self.validation_scores_ = progress.scores
        self.best_validation_score_ = progress.best if early else None

    def _keep(self, solution: Solution[Tensor], sizes: list[int], target: Target) -> None:
        self.n_iter_: int = solution.n_iter
        self.t_: int = self._progress.rows
        self.n_layers_: int = len(sizes)
        self.n_outputs_: int = target.outputs
        self.out_activation_: str = _OUT_ACTIVATIONS.get(target.response, target.response)
        if not bool(torch.isfinite(solution.value).all()):
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large "
                "values and need to be preprocessed. Scale them with "
                "dovetail.preprocessing.StandardScaler, or lower learning_rate_init."
            )


def _by_blocks(compute: Callable[[Any], Tensor], X: Any) -> Tensor:
    if len(X) <= _BLOCK_ROWS:
        return compute(X)
    return torch.cat([compute(block.X) for block in Batch(X).split(_BLOCK_ROWS)])


def _trainable(rows: Batch) -> Batch:
    """The rows that count, X compressed by rows where it is sparse."""
    X = rows.X.tocsr() if isinstance(rows.X, SparseMatrix) else rows.X.detach()
    rows = Batch(X, rows.y, rows.w)
    counts = None if rows.w is None else rows.w != 0
    return rows if counts is None or bool(counts.all()) else rows.take(counts)


def _numbers_of(before: Any, sizes: list[int]) -> list[Tensor] | None:
    """Weights and intercepts of the net to go on with; None where there is none."""
    if before is None:
        return None
    coefs, intercepts = list(before.coefs), list(before.intercepts)
    had = [coefs[0].shape[0], *(len(b) for b in intercepts)]
    if had != sizes:
        raise ValueError(
            f"Training goes on with layers of {had} units, but data and hidden_layer_sizes now "
            f"ask for {sizes}. Set warm_start=False to begin anew."
        )
    return coefs + intercepts

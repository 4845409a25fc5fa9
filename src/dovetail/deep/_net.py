"""What every net shares: the parameters of training, and the way from rows to a trained module."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import KW_ONLY
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from sklearn.utils import Tags, check_random_state
from torch import Tensor, nn

from dovetail.base import Accepts, Estimator
from dovetail.data.batches import Batch, Batches
from dovetail.data.epochs import Epochs
from dovetail.data.scan import Scan
from dovetail.deep._losses import Loss
from dovetail.deep._making import Recipe
from dovetail.deep._nested import Nested
from dovetail.deep._program import NetOutputs
from dovetail.deep._sharing import advised, looked_at, source_of
from dovetail.deep._training import Ongoing, Score, Trainer, seeded
from dovetail.deep._validation import quality, split
from dovetail.deep._workers import trained_by_workers
from dovetail.distributed import current
from dovetail.params import AboveZero, AtLeast, Between, OpenFraction, Seed, Verbosity
from dovetail.settings import settings, threads_at_most
from dovetail.solve.loop import Watch
from dovetail.solve.solution import Solution, Status
from dovetail.solve.wrappers import Schedule

__all__ = ["Net"]

# Numbers times vectors of a step up to which one thread is taken: threads would wait for one
# another longer than they work.
_PARALLEL_WORK = 1e8 / 6


class Net(Nested, Estimator):
    """A torch module, trained. A subclass says which, and to what; each in a method of its own:

    * `_open(X, reset, device)`: X as a tensor of any shape (n, ...), or as NamedTensors, which the
      module takes by name; `_open_y(y, X)`: the targets as a tensor;
    * `_targets(rows)`: the rows with targets as the loss wants them;
    * `_recipe(rows)`: the class of the module and its arguments, from sizes and statistics of the
      data (of a scan, its first rows), as plain data and tensors, so that a file can hold them;
    * `_begin(module, rows)`: gives a new module numbers to start from that follow from the rows to
      learn from; where `begins_fitted`, the validation score of the start has to be beaten;
    * `_default_loss()`: of outputs and targets, a number a row or their mean;
      `_fitting(outputs, rows)`: outputs in the shape that it wants, for one that cannot be meant an
      error; `_criterion(module)`: instead of both, the mean loss of outputs for a batch;
    * `_augment(batch, generator)`: a batch changed at random on its device, before each step
      (never in validation). Draw from the generator alone, so that a resumed training draws the
      same. Targets may become probabilities of classes, (n, k): the default loss takes them;
    * `_rows_of_a_step(n)`: the size of a mini-batch; `_parts_of_a_step(rows)`: into how many it is
      cut; `_epochs(n)`: how many there are; `_half(device)`: the precision of the module's
      operations;
    * `_vectors_of_a_row()`: how often the module's numbers are used for a row (tokens of a text);
    * `_source(rows)`: the mini-batches, epoch after epoch, of that size;
    * `_split(batches, random)`: rows to learn from and rows to validate on; `_strata(rows)`: what
      the split at random keeps the shares of;
    * `_program_of(module, recipe)`: the Program. Whatever maps rows to what the net computes with
      (scales, bins) is best a part of the module, as buffers.
    """

    accepts = Accepts()
    parts: ClassVar[tuple[str, ...]] = ("optimizer",)
    program_type: ClassVar[type[NetOutputs]] = NetOutputs
    block_rows: ClassVar[int] = 2048  # of passes without gradients
    begins_fitted: ClassVar[bool] = False

    _: KW_ONLY
    optimizer: Any = "adamw"
    lr: Annotated[float, AboveZero] = 1e-3
    weight_decay: Annotated[float, AtLeast(0)] = 0.01
    max_epochs: Annotated[int, AtLeast(1)] = 50
    batch_size: Annotated[int, AtLeast(1)] = 128
    shuffle: bool = True
    schedule: Schedule | Callable[[int], float] = "constant"
    warmup: Annotated[float, Between(0, 1)] = 0.0
    clip_norm: Annotated[float, AboveZero] | None = None
    accumulate: Annotated[int, AtLeast(1)] = 1
    ema: Annotated[float, Between(0, 1, "neither")] | None = None
    precision: Literal["bf16", "fp16"] | None = None
    compile: bool = False
    recompute: bool = False
    early_stopping: bool = False
    validation_fraction: OpenFraction = 0.1
    validation_data: Any = None
    n_iter_no_change: Annotated[int, AtLeast(1)] = 10
    tol: Annotated[float, AtLeast(0)] = 0.0
    checkpoint: str | Path | None = None
    checkpoint_every: Annotated[int, AtLeast(1)] = 1
    checkpoint_minutes: Annotated[float, AboveZero] | None = None
    resume: bool = False
    warm_start: bool = False
    watch: Watch | None = None
    random_state: Seed = None
    verbose: Verbosity = False

    # -- what a subclass says

    @property
    def _dtype(self) -> torch.dtype:
        """Of the numbers that the module learns and takes."""
        return torch.float32

    def _targets(self, rows: Batch) -> Batch:
        return rows

    def _recipe(self, rows: Batch) -> Recipe:
        raise TypeError(f"{type(self).__name__} does not say what module it trains.")

    def _default_loss(self) -> Any:
        raise TypeError(f"{type(self).__name__} does not say what it minimizes.")

    def _mean_loss(self) -> Loss:
        return Loss.of(self._default_loss(), {})

    def _criterion(self, module: nn.Module) -> Callable[[Any, Batch], Tensor]:
        mean = self._mean_loss()
        if isinstance(mean.function, nn.Module):
            mean.function.to(next(module.parameters()).device)
        return lambda outputs, batch: mean(self._fitting(outputs, batch), batch)

    def _fitting(self, outputs: Any, rows: Batch) -> Any:
        return outputs

    def _augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        return batch

    def _custom_step(self) -> Callable[..., Any] | None:
        """What computes the loss of a batch in the place of module and criterion."""
        return None

    def _rows_of_a_step(self, n: int) -> int:
        return min(self.batch_size, n)

    def _parts_of_a_step(self, rows: int) -> int:
        return self.accumulate

    def _epochs(self, n: int) -> int:
        return self.max_epochs

    def _half(self, device: torch.device) -> Literal["bf16", "fp16"] | None:
        return self.precision

    def _begin(self, module: nn.Module, rows: Batches) -> None:
        pass

    def _vectors_of_a_row(self) -> int:
        return 1

    def _source(self, rows: Batches) -> Epochs:
        return source_of(self, rows)

    def _split(
        self, batches: Batches, random: np.random.RandomState
    ) -> tuple[Batches, Batches | None]:
        return split(self, batches, random)

    def _strata(self, rows: Batch) -> Any:
        return None

    def _program_fields(self, module: nn.Module) -> dict[str, Any]:
        return {"flat": False, "method": ""}

    def _program_of(self, module: nn.Module, recipe: Recipe) -> NetOutputs:
        return self.program_type(
            module=module,
            make=recipe.make,
            arguments=recipe.arguments,
            **self._program_fields(module),
        )

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = False
        return tags

    # -- the ways in

    def _open_validation_y(self, y: Any, X: Any) -> Tensor | None:
        """Targets of rows beside those of the fit."""
        return self._open_y(y, X)

    def _open_validation_scan(self, scan: Scan) -> Batches:
        """A scan of rows beside those of the fit."""
        return Batches(self._opened(scan, reset=False))

    def _learn(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        return self._go_on(X, y, sample_weight, incremental=False)

    def _go_on(self, X: Any, y: Any, sample_weight: Any, *, incremental: bool) -> Self:
        """Train, from the net so far where there is one and `warm_start` or partial_fit says so."""
        before = self.__dict__.get("_program") if incremental or self.warm_start else None
        self._going_on: bool = incremental or before is not None
        several = current() is None and (settings().devices or 1) > 1
        train = partial(trained_by_workers, self) if several else self._train
        return self._template(
            lambda batches: train(batches, before, incremental=incremental),
            X,
            y,
            sample_weight,
            reset=before is None,
        )

    # -- training

    def _train(self, batches: Batches, before: Any, *, incremental: bool) -> NetOutputs:
        if incremental and self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: what is held out in one call "
                "would be learned in the next."
            )
        batches = batches.mapped(lambda rows: self._targets(_counted(rows)))
        return self._trained(batches, before, incremental=incremental)

    def _trained(self, batches: Batches, before: Any, *, incremental: bool) -> NetOutputs:
        """The epochs."""
        ongoing = self.__dict__.get("_ongoing") if before is not None else None
        if ongoing is None:
            ongoing = Ongoing(check_random_state(self.random_state))
        trainer = Trainer(self, ongoing, one_epoch=incremental)
        with seeded(trainer.seed, batches.device), advised(batches.group):
            module, recipe = self._module(looked_at(batches), before)
            module = trainer.placed(module, batches)
            learned, validation = self._split(batches, trainer.random)
            with self._threads(module):
                if before is None:
                    self._begin(module, learned)
                solution = trainer.run(
                    module,
                    learned,
                    score=self._score(validation),
                    program=lambda twin: self._program_of(twin, recipe),
                )
        self._ongoing, self._records = ongoing, ongoing.history
        self.n_iter_: int = trainer.done_before + solution.n_iter
        self._say(solution)
        return self._program_of(module, recipe)

    def _score(self, validation: Batches | None) -> Score | None:
        """What tells how good a module is, by rows that it does not learn from."""
        if validation is None:
            return None
        return partial(quality, validation=validation.in_blocks(self.block_rows))

    def _say(self, solution: Solution[Tensor]) -> None:
        if solution.status not in (Status.LIMIT, Status.EARLY, Status.CONVERGED):
            self._report(solution)

    @contextmanager
    def _threads(self, module: nn.Module) -> Iterator[None]:
        """One thread where a step is little work."""
        numbers = sum(p.numel() for p in module.parameters())
        convolves = any(p.ndim > 2 for p in module.parameters())
        vectors = self._rows_of_a_step(2**31) * self._vectors_of_a_row()
        little = numbers * vectors < _PARALLEL_WORK and not convolves
        with threads_at_most(1 if little else torch.get_num_threads()):
            yield

    def _module(self, rows: Batch, before: Any) -> tuple[nn.Module, Recipe]:
        """The module to train, that of the last fit or a new one, and how it is made."""
        if before is not None:
            module: nn.Module = copy.deepcopy(before.module)
            return module.requires_grad_(True), Recipe(before.make, before.arguments)
        recipe = self._recipe(rows)
        return recipe.module().to(self._dtype), recipe

    @property
    def history_(self) -> dict[str, list[float]]:
        """A list of each thing that was recorded, an entry an epoch, as `pandas.DataFrame` takes
        it: the number of the epoch, its mean loss, the validation score where there is one (the
        negative of the loss on rows held out), the learning rate at its end, and seconds.
        """
        if "_program" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} has no history_ before fit.")
        names = dict.fromkeys(name for record in self._records for name in record)
        return {name: [r.get(name, math.nan) for r in self._records] for name in names}

    # -- predicting

    def _run(self, compute: Any, X: Any) -> Any:
        """Block by block, so that outputs of layers stay small."""
        return super()._run(lambda opened: _by_blocks(compute, opened, self.block_rows), X)


def _counted(rows: Batch) -> Batch:
    """The rows that count."""
    counts = None if rows.w is None else rows.w != 0
    return rows if counts is None or bool(counts.all()) else rows.take(counts)


def _by_blocks(compute: Callable[[Any], Tensor], X: Any, size: int) -> Tensor:
    if torch.compiler.is_compiling() or len(X) <= size:
        return compute(X)
    return torch.cat([compute(block.X) for block in Batch(X).split(size)])

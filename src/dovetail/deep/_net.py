"""What every net estimator shares: parameters, nested parameters, training, and what is kept."""

from __future__ import annotations

import copy
import difflib
import functools
import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import KW_ONLY
from functools import partial
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from sklearn.model_selection import train_test_split
from sklearn.utils import Tags, check_random_state
from torch import Tensor, nn

from dovetail.base import Accepts, Estimator
from dovetail.data.batches import Batch, Batches
from dovetail.data.tensors import as_tensor
from dovetail.deep._inputs import open_inputs
from dovetail.deep._making import Loss, accepted, made, optimizer_of, parameters_in_order
from dovetail.deep._program import NetOutputs
from dovetail.nn.dense import Dense
from dovetail.params import AboveZero, AtLeast, Between, OpenFraction, Seed, Verbosity
from dovetail.settings import threads_at_most
from dovetail.solve.checkpoint import read_state
from dovetail.solve.flat import Flat
from dovetail.solve.lbfgs import LBFGS
from dovetail.solve.loop import Watch, solve
from dovetail.solve.solution import Solution, Status
from dovetail.solve.stochastic import Progress
from dovetail.solve.training import Criterion, NetGradient, Training
from dovetail.solve.wrappers import Averaged, Clipped, Schedule, Scheduled, Unscaled, factor_at

__all__ = ["Net"]

_NESTED = ("module", "loss", "optimizer")
# Numbers times rows of a step up to which one thread is taken: threads would wait for one another
# longer than they work.
_PARALLEL_WORK = 1e8 / 6
_PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}
_DTYPES = {"float32": torch.float32, "float64": torch.float64}


class Net(Estimator):
    """Any torch module, trained; subclasses say to what."""

    accepts = Accepts()
    program_type: ClassVar[type[NetOutputs]] = NetOutputs
    block_rows: ClassVar[int] = 2048  # of passes without gradients

    module: Any = Dense
    loss: Any = None
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
    early_stopping: bool = False
    validation_fraction: OpenFraction = 0.1
    validation_data: Any = None
    n_iter_no_change: Annotated[int, AtLeast(1)] = 10
    tol: Annotated[float, AtLeast(0)] = 0.0
    step: Callable[..., Any] | None = None
    inputs: dict[str, Any] | None = None
    dtype: Literal["float32", "float64"] = "float32"
    checkpoint: str | Path | None = None
    checkpoint_every: Annotated[int, AtLeast(1)] = 1
    resume: bool = False
    warm_start: bool = False
    random_state: Seed = None
    verbose: Verbosity = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        plain = cls.__init__

        @functools.wraps(plain)
        def with_nested(self: Any, *args: Any, **given: Any) -> None:
            nested = {name: given.pop(name) for name in list(given) if "__" in name}
            plain(self, *args, **given)
            for name, value in nested.items():
                self._set_nested(name, value)

        cls.__init__ = with_nested  # type: ignore[method-assign]

    # -- nested parameters, such as module__hidden

    def _set_nested(self, name: str, value: Any) -> None:
        head, _, tail = name.partition("__")
        if head not in _NESTED or not tail:
            near = difflib.get_close_matches(head, _NESTED, 1)
            hint = f" Did you mean {near[0]}__{tail}?" if near else ""
            raise TypeError(
                f"{type(self).__name__} has no parameter {name!r}: arguments are given on to "
                f"{', '.join(f'{n}__name' for n in _NESTED)}.{hint}"
            )
        setattr(self, name, value)

    def _nested(self, head: str) -> dict[str, Any]:
        """The arguments given on to one of the parts."""
        mark = f"{head}__"
        return {k.removeprefix(mark): v for k, v in vars(self).items() if k.startswith(mark)}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All parameters, those given on to the module, the loss and the optimizer too."""
        own: dict[str, Any] = super().get_params(deep=deep)
        heads = tuple(f"{n}__" for n in _NESTED)
        return own | {k: v for k, v in vars(self).items() if k.startswith(heads)}

    def set_params(self, **params: Any) -> Self:
        """Set parameters; `module__name=value` is given on to the module."""
        nested = {k: params.pop(k) for k in list(params) if k.partition("__")[0] in _NESTED}
        nested_only = {k: v for k, v in nested.items() if "__" in k}
        super().set_params(**params, **{k: v for k, v in nested.items() if "__" not in k})
        for name, value in nested_only.items():
            self._set_nested(name, value)
        return self

    # -- what a subclass says

    def _targets(self, rows: Batch) -> Batch:
        """The rows with targets as the loss wants them."""
        return rows

    def _sizes(self, rows: Batch) -> dict[str, Any]:
        """What a module may ask to be told of the data, by the name of its argument."""
        return {"n_features": rows.X.shape[1]}

    def _default_loss(self) -> type[nn.Module]:
        """The loss where none is given."""
        raise TypeError(f"{type(self).__name__} does not say what it minimizes.")

    def _fitting(self, outputs: Any, rows: Batch) -> Any:
        """Outputs in the shape the loss wants; refuses those that cannot be meant."""
        return outputs

    def _strata(self, rows: Batch) -> Any:
        """What a validation split keeps the shares of; None for nothing."""
        return None

    def _program_fields(self, module: nn.Module) -> dict[str, Any]:
        return {"flat": False, "method": ""}

    def _rows_of_a_step(self, n: int) -> int:
        """Rows of a mini-batch, of n rows to learn from."""
        return min(self.batch_size, n)

    # -- the door

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Any:
        dtype = _DTYPES[self.dtype]
        return open_inputs(self, X, reset=reset, device=device, dtype=dtype)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.non_deterministic = False
        return tags

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

    def _train(self, batches: Batches, before: Any, *, incremental: bool) -> NetOutputs:
        if incremental and self.early_stopping:
            raise ValueError(
                "partial_fit does not support early_stopping=True: what is held out in one call "
                "would be learned in the next."
            )
        rows = self._targets(_counted(batches.whole))
        if before is None:
            self._progress, self._memory = Progress(), dict[str, Any]()
            self._records = list[dict[str, float]]()
        path, seed = self._checkpoint_path(), self._drawn_seed()
        if path is not None and self.resume and path.exists():
            seed = read_state(path, torch.device("cpu"))["seed"]
        with _seeded(seed, batches.device):
            module = self._module(rows, before).to(device=batches.device)
            with self._threads(module):
                solution = self._solve(rows, module, seed, path, incremental=incremental)
        self.n_iter_: int = solution.n_iter
        if solution.status not in (Status.LIMIT, Status.EARLY, Status.CONVERGED):
            self._report(solution)
        return self._program_of(module)

    def _drawn_seed(self) -> int:
        return int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))

    def _checkpoint_path(self) -> Path | None:
        if self.checkpoint is None:
            if self.resume:
                raise ValueError("resume=True needs checkpoint=, the file to go on from.")
            return None
        return Path(self.checkpoint)

    @contextmanager
    def _threads(self, module: nn.Module) -> Iterator[None]:
        """One thread where a step is little work."""
        numbers = sum(p.numel() for p in module.parameters())
        convolves = any(p.ndim > 2 for p in module.parameters())
        little = numbers * self.batch_size < _PARALLEL_WORK and not convolves
        with threads_at_most(1 if little else torch.get_num_threads()):
            yield

    def _module(self, rows: Batch, before: Any) -> nn.Module:
        """The module to train: that of the last fit, or a new one."""
        dtype = _DTYPES[self.dtype]
        if before is not None:
            module: nn.Module = copy.deepcopy(before.module)
            return module.requires_grad_(True)
        if isinstance(self.module, nn.Module):
            if self._nested("module"):
                raise TypeError(
                    "module__... arguments need a class or a function to give them to; module is "
                    f"an instance of {type(self.module).__name__}."
                )
            self._arguments: dict[str, Any] = {}
            return copy.deepcopy(self.module).to(dtype)
        known, given = self._sizes(rows), self._nested("module")
        module = made("module", self.module, given, known)
        if not isinstance(module, nn.Module):
            raise TypeError(f"module must make a torch.nn.Module. Got {type(module).__name__}.")
        names = set(known) & accepted(self.module)[0]
        self._arguments = {k: known[k] for k in names} | given
        return module.to(dtype)

    def _solve(
        self, rows: Batch, module: nn.Module, seed: int, path: Path | None, *, incremental: bool
    ) -> Solution[Tensor]:
        random = np.random.RandomState(seed)
        rows, validation = self._validation(rows, random)
        parameters = parameters_in_order(module)
        if not parameters:
            raise ValueError(f"{type(module).__name__} has no parameters to learn.")
        flat = Flat.over(parameters)
        criterion = self._criterion(module)
        gradient = self._gradient(module, flat, criterion, rows)
        say = print if self.verbose else None
        watch = self._watch(lambda values: self._snapshot(module, flat, values))
        score = None
        if validation is not None:
            score = partial(self._quality, gradient, criterion, validation)
        if self.optimizer == "lbfgs":
            return self._minimize(rows, gradient, flat, watch, say)
        optimizer, averaged = self._optimizer(flat, parameters, gradient, len(rows))
        if incremental and self._memory:
            optimizer.load_state_dict(self._memory)
        if averaged is not None and score is not None:
            score = partial(_scored_with, averaged, flat.values, score)
        training = Training(
            rows,
            flat.values,
            gradient,
            optimizer,
            batch_size=self._rows_of_a_step(len(rows)),
            random=random if self.shuffle else None,
            patience=self.n_iter_no_change - 1 if score is not None else math.inf,
            tol=self.tol,
            score=score,
            progress=self._progress,
            guard=flat.values.device.type == "cpu" and self.step is None,
            module=module,
            averaged=averaged,
            checkpoint=path,
            every=self.checkpoint_every,
            history=self._records,
            facts={"seed": seed},
        )
        done = training.resume() if self.resume else 0
        limit = 1 if incremental else self.max_epochs - done
        with torch.no_grad():
            solution = solve(training, max_iter=limit, watch=watch, say=say)
            flat.values.copy_(solution.value)
        self._memory = optimizer.state_dict()
        return solution

    def _validation(self, rows: Batch, random: np.random.RandomState) -> tuple[Batch, Batch | None]:
        """Rows to learn from and rows to validate on."""
        if self.validation_data is not None:
            X, y, *w = self.validation_data
            opened = self._open(X, reset=False, device=rows.X.device)
            target = self._open_validation_y(y, opened)
            weights = as_tensor(np.asarray(w[0], float)) if w else None
            return rows, self._targets(Batch(opened, target, weights))
        if not self.early_stopping:
            return rows, None
        parts = train_test_split(
            np.arange(len(rows)),
            random_state=random,
            test_size=self.validation_fraction,
            stratify=self._strata(rows),
        )
        learned, held_out = (rows.take(as_tensor(p, rows.X.device)) for p in parts)
        return learned, held_out

    def _open_validation_y(self, y: Any, X: Any) -> Tensor | None:
        return self._open_y(y, X)

    def _criterion(self, module: nn.Module) -> Criterion:
        """The mean loss of a batch, its outputs brought in shape."""
        loss = self._default_loss() if self.loss is None else self.loss
        mean = Loss.of(loss, self._nested("loss"))
        if isinstance(mean.function, nn.Module):
            device = next(module.parameters()).device
            mean.function = mean.function.to(device)

        def criterion(outputs: Any, batch: Batch) -> Tensor:
            return mean(self._fitting(outputs, batch), batch)

        return criterion

    def _gradient(
        self, module: nn.Module, flat: Flat, criterion: Criterion, rows: Batch
    ) -> NetGradient:
        run: Any = torch.compile(module) if self.compile else module
        optimizers = {}
        if isinstance(self.optimizer, dict):
            optimizers = {
                part: self._optimizer_of_part(module.get_submodule(part), choice)
                for part, choice in self.optimizer.items()
            }
        return NetGradient(
            run,
            criterion,
            flat,
            autocast=self._autocast(flat.values.device),
            parts=self.accumulate,
            step=self.step,
            optimizers=optimizers,
        )

    def _autocast(self, device: torch.device) -> Callable[[], AbstractContextManager[Any]]:
        if self.precision is None:
            return nullcontext
        return partial(torch.autocast, device.type, dtype=_PRECISIONS[self.precision])

    def _optimizer_of_part(self, part: nn.Module, choice: Any) -> Any:
        numbers = [p for p in part.parameters() if p.requires_grad]
        cls = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
        return made(
            "optimizer",
            cls.get(choice, choice),
            self._nested("optimizer"),
            {"params": numbers, "lr": self.lr},
        )

    def _optimizer(
        self, flat: Flat, parameters: list[nn.Parameter], gradient: NetGradient, n: int
    ) -> tuple[Any, Averaged | None]:
        """The optimizer within its wrappers, and that of them which averages."""
        if gradient.optimizers:
            return _Stepped(gradient.optimizers), None
        more = self._nested("optimizer")
        optimizer = optimizer_of(self.optimizer, flat, parameters, self.lr, self.weight_decay, more)
        if self.clip_norm is not None:
            optimizer = Clipped(optimizer, flat.gradient, self.clip_norm)
        if self.precision == "fp16":
            gradient.scaled = optimizer = Unscaled(optimizer, flat.gradient)
        averaged = None
        if self.ema is not None:
            optimizer = averaged = Averaged(optimizer, flat.values, self.ema)
        factor = self._factor(n)
        return (optimizer if factor is None else Scheduled(optimizer, factor)), averaged

    def _factor(self, n: int) -> Callable[[int], float] | None:
        if callable(self.schedule):
            return self.schedule
        if self.schedule == "constant" and not self.warmup:
            return None
        total = self.max_epochs * -(-n // self._rows_of_a_step(n))
        schedule, warmup = self.schedule, float(self.warmup)
        return lambda t: factor_at(schedule, t, total, warmup)

    def _minimize(
        self, rows: Batch, gradient: NetGradient, flat: Flat, watch: Watch, say: Any
    ) -> Solution[Tensor]:
        """L-BFGS on the mean loss of all rows."""
        gradient.module.train()

        def value_gradient(values: Tensor) -> tuple[float, Tensor]:
            flat.values.copy_(values)
            return float(gradient(rows)), flat.gradient.double().clone()

        with torch.no_grad():
            solver = LBFGS(value_gradient, flat.values.double().clone(), 1e-5)
            solution = solve(solver, max_iter=self.max_epochs, watch=watch, say=say)
            flat.values.copy_(solution.value)
        self._records.extend(solution.history)
        return solution

    def _quality(self, gradient: NetGradient, criterion: Criterion, rows: Batch) -> float:
        """The negative of the mean loss on rows, without dropout and the like."""
        gradient.module.eval()
        total, weight = 0.0, 0.0
        with torch.no_grad():
            for block in rows.split(self.block_rows):
                share = float(len(block) if block.w is None else block.w.sum())
                with gradient.autocast():
                    total += float(criterion(gradient.forward(block.X), block)) * share
                weight += share
        gradient.module.train()
        return -total / weight

    # -- what is kept

    def _program_of(self, module: nn.Module) -> NetOutputs:
        for p in module.parameters():  # no longer parts of one vector
            p.grad, p.data = None, p.data.clone()
        make = None if isinstance(self.module, nn.Module) else self.module
        return self.program_type(
            module=module, make=make, arguments=self._arguments, **self._program_fields(module)
        )

    def _snapshot(self, module: nn.Module, flat: Flat, values: Tensor) -> NetOutputs:
        """The Program of numbers on the way, for callbacks."""
        twin = copy.deepcopy(module)
        for p, part in zip(parameters_in_order(twin), flat.split(values), strict=True):
            p.data = part.detach().clone()
        return self._program_of(twin)

    @property
    def history_(self) -> list[dict[str, float]]:
        """A record of each epoch: its number, mean loss, validation score where there is one
        (the negative of the loss on rows held out), learning rate, seconds.
        """
        if "_program" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__!r} has no history_ before fit.")
        return self._records

    # -- predicting

    def _run(self, compute: Any, X: Any) -> Any:
        """Block by block, so that outputs of layers stay small."""
        return super()._run(lambda opened: _by_blocks(compute, opened, self.block_rows), X)


class _Stepped:
    """In the place of one optimizer where a step of the user's own updates parts itself."""

    def __init__(self, optimizers: dict[str, Any]) -> None:
        self.optimizers = optimizers

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        return [group for each in self.optimizers.values() for group in each.param_groups]

    def step(self) -> None:
        """Nothing: it was done."""

    def state_dict(self) -> dict[str, Any]:
        return {name: each.state_dict() for name, each in self.optimizers.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        for name, each in self.optimizers.items():
            each.load_state_dict(state[name])


def _scored_with(averaged: Averaged, values: Tensor, score: Callable[[], float]) -> float:
    """The score with the average in the place of the numbers."""
    kept = values.clone()
    values.copy_(averaged.average)
    found = score()
    values.copy_(kept)
    return found


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """torch's generators from a seed, and as they were afterwards."""
    with torch.random.fork_rng([device] if device.type == "cuda" else [], device_type="cuda"):
        torch.manual_seed(seed)
        yield


def _counted(rows: Batch) -> Batch:
    """The rows that count."""
    counts = None if rows.w is None else rows.w != 0
    return rows if counts is None or bool(counts.all()) else rows.take(counts)


def _by_blocks(compute: Callable[[Any], Tensor], X: Any, size: int) -> Tensor:
    if torch.compiler.is_compiling() or len(X) <= size:
        return compute(X)
    return torch.cat([compute(block.X) for block in Batch(X).split(size)])

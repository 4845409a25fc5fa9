"""A net's parameters turned into its training: gradient, optimizer and wrappers, checkpoints."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from dovetail.data.batches import Batch, Batches
from dovetail.data.epochs import Epochs
from dovetail.deep._holding import Sharded, Whole
from dovetail.deep._optimizers import Stepped, optimizer_of
from dovetail.deep._sharing import spreads
from dovetail.distributed import agreed, rank
from dovetail.nn.recompute import recomputed
from dovetail.program import Program
from dovetail.solve.by_epochs import Progress
from dovetail.solve.checkpoint import Checkpoints, newest, read_state
from dovetail.solve.joint_gradient import JointGradient
from dovetail.solve.lbfgs import LBFGS
from dovetail.solve.loop import Watch, Watches, solve
from dovetail.solve.net_gradient import NetGradient
from dovetail.solve.shard_files import filled
from dovetail.solve.solution import Solution
from dovetail.solve.training import Training
from dovetail.solve.wrappers import Averaged, Clipped, Scheduled, Unscaled, factor_at

__all__ = ["Ongoing", "Score", "Trainer", "seeded"]

_PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}
# What acts between batches or on their updates.
_OF_BATCHES = (
    "early_stopping", "validation_data", "schedule", "warmup", "clip_norm", "ema", "precision",
    "checkpoint",
)  # fmt: skip
_OF_ONE_UPDATE = ("clip_norm", "accumulate")

Score = Callable[..., float]  # of a NetGradient


@dataclass
class Ongoing:
    """What a later fit may go on with.

    random : draws seeds
    optimizer : what it remembers
    """

    random: np.random.RandomState
    progress: Progress = field(default_factory=Progress)
    history: list[dict[str, float]] = field(default_factory=list)
    optimizer: dict[str, Any] = field(default_factory=dict)


class Trainer:
    """One fit of a net.

    seed : of all that it draws
    random : for the validation split and the orders of rows
    done_before : epochs that a checkpoint had
    sharded : whether its numbers are spread over the processes
    """

    def __init__(self, net: Any, ongoing: Ongoing, *, one_epoch: bool) -> None:
        self.net, self.ongoing, self.one_epoch = net, ongoing, one_epoch
        self.seed = agreed(lambda: int(ongoing.random.randint(2**31 - 1)))
        self.checkpoints, self.saved = None, None
        self.done_before, self.sharded = 0, False
        if net.checkpoint is not None:
            path, minutes = Path(net.checkpoint), net.checkpoint_minutes
            if net.resume and (saved := agreed(lambda: _read_first(path))) is not None:
                self.saved, self.seed = saved, saved["seed"]
            self.checkpoints = Checkpoints(
                path,
                net.checkpoint_every,
                60 * minutes if minutes is not None and rank() == 0 else None,
                {"seed": self.seed},
            )
        elif net.resume:
            raise ValueError("resume=True needs checkpoint=, the file to go on from.")
        self.random = np.random.RandomState(self.seed)

    def placed(self, module: nn.Module, rows: Batches) -> nn.Module:
        """The module on the device of the rows; where it will be sharded, as it is."""
        self.sharded = spreads(self.net, module, rows, going_on=self.one_epoch)
        return module if self.sharded else module.to(device=rows.device)

    def run(
        self,
        module: nn.Module,
        rows: Batches,
        *,
        score: Score | None,
        program: Callable[[nn.Module], Program],
    ) -> Solution[Tensor]:
        """Train the module in place."""
        if not any(p.requires_grad for p in module.parameters()):
            raise ValueError(f"{type(module).__name__} has no parameters to learn.")
        if rows.group is not None and isinstance(self.net.optimizer, dict):
            raise ValueError(
                "Steps that update parts of a module by their own optimizers are taken by one "
                "process: a process without rows of a batch could not take part. Give one "
                "optimizer, or fit within `dv.distributed.alone()`."
            )
        held = Sharded(module, rows) if self.sharded else Whole(module, rows)
        watch = self.net._watch(lambda values: program(held.twin(values)))
        if self.net.watch is not None and rank() == 0:
            watch = Watches([watch, self.net.watch])
        gradient = self.gradient(held, len(rows))
        recompute = recomputed(held.module) if self.net.recompute else nullcontext()
        with torch.no_grad(), recompute:
            solution = self._solve(held, rows, gradient, watch, score)
            held.release(solution.value)
        return solution

    def _solve(
        self,
        held: Whole | Sharded,
        rows: Batches,
        gradient: NetGradient,
        watch: Watch,
        score: Score | None,
    ) -> Solution[Tensor]:
        net = self.net
        say = print if net.verbose and rank() == 0 else None
        if net.optimizer == "lbfgs":
            refuse_beside(net, "optimizer='lbfgs', which takes all rows a step,", _OF_BATCHES)
            solver = _over_all(rows, gradient)
            solution = solve(solver, max_iter=net._epochs(len(rows)), watch=watch, say=say)
            self.ongoing.history.extend(solution.history)
            return solution
        training = self.training(held, rows, gradient, score)
        limit = 1 if self.one_epoch else net._epochs(len(rows)) - self.done_before
        solution = solve(training, max_iter=limit, watch=watch, say=say)
        self.ongoing.optimizer = training.optimizer.state_dict()
        if self.sharded:  # what is spread over processes does not outlive them
            progress = self.ongoing.progress
            self.ongoing.optimizer, progress.best_values, progress.best = {}, None, -math.inf
        return solution

    def training(
        self, held: Whole | Sharded, rows: Batches, gradient: NetGradient, score: Score | None
    ) -> Training:
        """The solver, where the last fit or a checkpoint left it."""
        net, ongoing = self.net, self.ongoing
        source = net._source(rows)
        optimizer, averaged = self._optimizer(held, gradient, source)
        if self.one_epoch and ongoing.optimizer:
            optimizer.load_state_dict(ongoing.optimizer)
        generator = torch.Generator(rows.device).manual_seed(self.seed)

        def prepare(batch: Batch) -> Batch:
            augmented: Batch = net._augment(batch, generator)
            return augmented

        kind, joint = held.training(gradient, prepare, self.seed)
        if score is not None and self.sharded:
            score = partial(score, summed=joint.sum)
        training: Training = kind(
            source=source,
            values=gradient.flat.values,
            gradient=joint,
            optimizer=optimizer,
            random=self.random if net.shuffle else None,
            module=held.module,
            patience=net.n_iter_no_change - 1 if score is not None else math.inf,
            tol=net.tol,
            score=None if score is None else _scored(score, gradient, averaged),
            generator=generator,
            averaged=averaged,
            checkpoints=self.checkpoints,
            progress=ongoing.progress,
            history=ongoing.history,
            begins_fitted=net.begins_fitted,
        )
        if self.saved is not None:
            training.check(self.saved)
            training.resume(filled(self.saved, self.saved["entry"], held.flat, held.names))
            self.done_before = len(ongoing.progress.losses)
        return training

    def gradient(self, held: Whole | Sharded, n: int) -> NetGradient:
        """The gradient in the precision and the parts that the net asks for."""
        net, flat = self.net, held.flat
        module: Any = torch.compile(held.module) if net.compile else held.module
        optimizers = {}
        if isinstance(net.optimizer, dict):
            refuse_beside(net, "an optimizer for each part of the module", _OF_ONE_UPDATE)
            optimizers = Stepped.of(module, net.optimizer, net.lr, net._nested("optimizer"))
        return NetGradient(
            module,
            net._criterion(module),
            flat,
            autocast=_autocast(net._half(flat.values.device), flat.values.device),
            parts=net._parts_of_a_step(net._rows_of_a_step(n)),
            custom=net._custom_step(),
            optimizers=optimizers,
        )

    def _optimizer(
        self, held: Whole | Sharded, gradient: NetGradient, source: Epochs
    ) -> tuple[Any, Averaged | None]:
        """The optimizer within its wrappers, and that of them which averages."""
        net, flat = self.net, gradient.flat
        if gradient.optimizers:
            optimizer: Any = Stepped(gradient.optimizers)
        else:
            more = net._nested("optimizer")
            optimizer = optimizer_of(net.optimizer, held, net.lr, net.weight_decay, more)
        if net.clip_norm is not None:
            optimizer = Clipped(optimizer, flat, net.clip_norm)
        if net.precision == "fp16":
            gradient.scaled = optimizer = Unscaled(optimizer, flat)
        averaged = None
        if net.ema is not None:
            optimizer = averaged = Averaged(optimizer, flat.values, net.ema)
        factor = _factor(net, net._epochs(len(source)) * -(-len(source) // source.size))
        return (optimizer if factor is None else Scheduled(optimizer, factor)), averaged


def _read_first(path: Path) -> dict[str, Any] | None:
    """What the checkpoint holds, read by rank 0."""
    file = newest(path) if rank() == 0 else None
    if file is None:
        return None
    return {**read_state(file, torch.device("cpu")), "entry": file.parent}


def refuse_beside(net: Any, what: str, names: tuple[str, ...]) -> None:
    """Refuse parameters that would have no effect."""
    defaults = {name: getattr(type(net), name) for name in names}
    given = [name for name in names if getattr(net, name) != defaults[name]]
    if given:
        raise ValueError(f"{given[0]}={getattr(net, given[0])!r} has no effect beside {what}.")


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """torch's generators from a seed, and as they were afterwards."""
    with torch.random.fork_rng([device] if device.type == "cuda" else [], device_type="cuda"):
        torch.manual_seed(seed)
        yield


def _autocast(
    precision: str | None, device: torch.device
) -> Callable[[], AbstractContextManager[Any]]:
    if precision is None:
        return nullcontext
    return partial(torch.autocast, device.type, dtype=_PRECISIONS[precision])


def _factor(net: Any, steps: int) -> Callable[[int], float] | None:
    """By what the learning rate is multiplied, of the number of steps done."""
    if callable(net.schedule):
        return net.schedule
    if net.schedule == "constant" and not net.warmup:
        return None
    return partial(factor_at, net.schedule, total=steps, warmup=float(net.warmup))


def _scored(score: Score, gradient: NetGradient, averaged: Averaged | None) -> Callable[[], float]:
    """The score of what is learned."""

    def scored() -> float:
        with nullcontext() if averaged is None else averaged.shown():
            return score(gradient)

    return scored


def _over_all(rows: Batches, gradient: NetGradient) -> LBFGS:
    """L-BFGS on the mean loss of all rows."""
    own, flat, group = rows.own, gradient.flat, rows.group
    joint = None if group is None else JointGradient(gradient, group)
    gradient.module.train()

    def value_gradient(values: Tensor) -> tuple[float, Tensor]:
        flat.values.copy_(values)
        loss = float(gradient(own) if joint is None else joint(own))
        if joint is not None:
            joint.settle()
        return loss, flat.gradient.double().clone()

    return LBFGS(value_gradient, flat.values.double().clone(), 1e-5)

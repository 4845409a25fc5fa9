"""A net's parameters turned into its training: gradient, optimizer and wrappers, checkpoints."""

from __future__ import annotations

import copy
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
from dovetail.deep._optimizers import Stepped, optimizer_of, parameters_in_order
from dovetail.deep._sharing import alike
from dovetail.distributed import agreed, rank
from dovetail.nn.recompute import recomputed
from dovetail.program import Program
from dovetail.solve.by_epochs import Progress
from dovetail.solve.checkpoint import Checkpoints, read_state
from dovetail.solve.flat import Flat
from dovetail.solve.joint_gradient import BESIDE, JointGradient
from dovetail.solve.lbfgs import LBFGS
from dovetail.solve.loop import Watch, Watches, solve
from dovetail.solve.net_gradient import NetGradient
from dovetail.solve.shared_training import SharedTraining
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

Score = Callable[[NetGradient], float]


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
    """

    def __init__(self, net: Any, ongoing: Ongoing, *, one_epoch: bool) -> None:
        self.net, self.ongoing, self.one_epoch = net, ongoing, one_epoch
        self.seed = agreed(lambda: int(ongoing.random.randint(2**31 - 1)))
        self.checkpoints, self.saved = None, None
        self.done_before = 0
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

    def run(
        self,
        module: nn.Module,
        rows: Batches,
        *,
        score: Score | None,
        program: Callable[[nn.Module], Program],
    ) -> Solution[Tensor]:
        """Train the module in place."""
        parameters = parameters_in_order(module)
        if not parameters:
            raise ValueError(f"{type(module).__name__} has no parameters to learn.")
        if rows.group is not None and isinstance(self.net.optimizer, dict):
            raise ValueError(
                "Steps that update parts of a module by their own optimizers are taken by one "
                "process: a process without rows of a batch could not take part. Give one "
                "optimizer, or fit within `dv.distributed.alone()`."
            )
        alike(module, rows.group)
        flat = Flat.over(parameters, beside=0 if rows.group is None else BESIDE)
        watch = self.net._watch(lambda values: program(_twin(module, flat, values)))
        if self.net.watch is not None and rank() == 0:
            watch = Watches([watch, self.net.watch])
        run: Any = torch.compile(module) if self.net.compile else module
        gradient = self.gradient(run, flat, len(rows))
        with torch.no_grad(), recomputed(module) if self.net.recompute else nullcontext():
            solution = self._solve(module, rows, gradient, watch, score)
            flat.values.copy_(solution.value)
            if rows.group is not None:  # to the last bit, whatever machines the others are
                rows.group.copy_first(flat.values)
        for p in module.parameters():  # no longer parts of one vector
            p.grad, p.data = None, p.data.clone()
        return solution

    def _solve(
        self,
        module: nn.Module,
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
        training = self.training(module, rows, gradient, score)
        limit = 1 if self.one_epoch else net._epochs(len(rows)) - self.done_before
        solution = solve(training, max_iter=limit, watch=watch, say=say)
        self.ongoing.optimizer = training.optimizer.state_dict()
        return solution

    def training(
        self, module: nn.Module, rows: Batches, gradient: NetGradient, score: Score | None
    ) -> Training:
        """The solver, where the last fit or a checkpoint left it."""
        net, ongoing, group = self.net, self.ongoing, rows.group
        source = net._source(rows)
        optimizer, averaged = self._optimizer(module, gradient, source)
        if self.one_epoch and ongoing.optimizer:
            optimizer.load_state_dict(ongoing.optimizer)
        generator = torch.Generator(rows.device).manual_seed(self.seed)

        def prepare(batch: Batch) -> Batch:
            augmented: Batch = net._augment(batch, generator)
            return augmented

        kind: Any = Training
        joint: Any = gradient
        if group is not None:
            kind = partial(SharedTraining, group=group, seed=self.seed)
            joint = JointGradient(gradient, group, prepare)
        training: Training = kind(
            source=source,
            values=gradient.flat.values,
            gradient=joint,
            optimizer=optimizer,
            random=self.random if net.shuffle else None,
            module=module,
            patience=net.n_iter_no_change - 1 if score is not None else math.inf,
            tol=net.tol,
            score=None if score is None else _scored(score, gradient, averaged),
            prepare=prepare if group is None else None,
            generator=generator,
            averaged=averaged,
            checkpoints=self.checkpoints,
            progress=ongoing.progress,
            history=ongoing.history,
            begins_fitted=net.begins_fitted,
        )
        if self.saved is not None:
            training.resume(self.saved)
            self.done_before = len(ongoing.progress.losses)
        return training

    def gradient(self, module: Any, flat: Flat, n: int) -> NetGradient:
        """The gradient in the precision and the parts that the net asks for."""
        net = self.net
        optimizers = {}
        if isinstance(net.optimizer, dict):
            refuse_beside(net, "an optimizer for each part of the module", _OF_ONE_UPDATE)
            optimizers = Stepped.of(module, net.optimizer, net._rate(), net._nested("optimizer"))
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
        self, module: nn.Module, gradient: NetGradient, source: Epochs
    ) -> tuple[Any, Averaged | None]:
        """The optimizer within its wrappers, and that of them which averages."""
        net, flat = self.net, gradient.flat
        if gradient.optimizers:
            optimizer: Any = Stepped(gradient.optimizers)
        else:
            more = net._nested("optimizer")
            optimizer = optimizer_of(
                net.optimizer, flat, module, net._rate(), net.weight_decay, more
            )
        if net.clip_norm is not None:
            optimizer = Clipped(optimizer, flat.gradient, net.clip_norm)
        if net.precision == "fp16":
            gradient.scaled = optimizer = Unscaled(optimizer, flat.gradient)
        averaged = None
        if net.ema is not None:
            optimizer = averaged = Averaged(optimizer, flat.values, net.ema)
        factor = _factor(net, net._epochs(len(source)) * -(-len(source) // source.size))
        return (optimizer if factor is None else Scheduled(optimizer, factor)), averaged


def _read_first(path: Path) -> dict[str, Any] | None:
    """What the checkpoint holds, read by rank 0."""
    exists = rank() == 0 and path.exists()
    return read_state(path, torch.device("cpu")) if exists else None


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


def _twin(module: nn.Module, flat: Flat, values: Tensor) -> nn.Module:
    """A copy of the module with other numbers, for callbacks."""
    twin = copy.deepcopy(module)
    for p, part in zip(parameters_in_order(twin), flat.split(values), strict=True):
        p.data = part.detach().clone()
    return twin

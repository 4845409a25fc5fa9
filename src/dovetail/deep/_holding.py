"""Where the numbers of a module are while it is trained: whole in each process, or sharded."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import torch
from torch import nn

from dovetail.data.batches import Batch, Batches
from dovetail.deep._optimizers import parameters_in_order
from dovetail.deep._sharing import alike, fits
from dovetail.distributed import Group
from dovetail.nn.recompute import layers_of
from dovetail.solve.flat import Flat
from dovetail.solve.joint_gradient import BESIDE, JointGradient
from dovetail.solve.net_gradient import NetGradient
from dovetail.solve.sharded_gradient import ShardedGradient
from dovetail.solve.sharded_training import ShardedTraining
from dovetail.solve.shards import Shards
from dovetail.solve.shared_training import SharedTraining
from dovetail.solve.training import Training

__all__ = ["Sharded", "Whole"]

Prepare = Callable[[Batch], Batch]


class Whole:
    """The numbers of a module as one vector, the same in every process of a group.

    module : to compute with
    flat : its numbers
    parameters : those to learn, parts of `flat`, in its order
    """

    def __init__(self, module: nn.Module, rows: Batches) -> None:
        alike(module, rows.group)
        self.module, self.group = module, rows.group
        self.parameters = parameters_in_order(module)
        self.names = _names(module, self.parameters)
        self.flat = Flat.over(self.parameters, beside=0 if self.group is None else BESIDE)

    def training(self, gradient: NetGradient, prepare: Prepare, seed: int) -> tuple[Any, Any]:
        """The kind of training, and the gradient that it takes."""
        if self.group is None:
            return partial(Training, prepare=prepare), gradient
        joint = JointGradient(gradient, self.group, prepare)
        return partial(SharedTraining, group=self.group, seed=seed), joint

    def twin(self, values: Any) -> nn.Module:
        """A copy of the module with other numbers, for callbacks."""
        twin = copy.deepcopy(self.module)
        for p, part in zip(parameters_in_order(twin), self.flat.split(values), strict=True):
            p.data = part.detach().clone()
        return twin

    def release(self, values: Any) -> None:
        """Leave the module with these numbers, which are no longer parts of one vector."""
        self.flat.values.copy_(values)
        if self.group is not None:  # to the last bit, whatever machines the others are
            self.group.copy_first(self.flat.values)
        for p in self.module.parameters():
            p.grad, p.data = None, p.data.clone()


class Sharded:
    """The numbers of a module spread over the processes of a group, by torch's `fully_shard`: each
    holds some rows of every parameter. A layer is gathered when it is computed, and only then.

    The layers are the members of Sequentials and ModuleLists, from the outside in as long as there
    are ModuleLists in them; what is outside of all layers is gathered once a step.

    module : a twin of the module given, whose parameters are empty until `release`
    flat : what this process holds
    parameters : what it holds of each parameter to learn, parts of `flat`
    """

    def __init__(self, module: nn.Module, rows: Batches) -> None:
        assert rows.group is not None
        self.group, self._given, self._device = rows.group, module, rows.device
        alike(module, self.group)
        self.module: Any = _sharded(module, self._device, self.group)
        learned = parameters_in_order(self.module)
        self.names = _names(self.module, learned)
        self.flat = Shards(self.module, dict(zip(self.names, learned, strict=True)), self.group)
        self.parameters = [nn.Parameter(part) for part in self.flat.parts]
        for p, gradient in zip(self.parameters, self.flat.gradients, strict=True):
            p.grad = gradient
        self._spare = self._first_row(rows.head)

    def _first_row(self, head: Batch) -> Batch:
        """The same row in every process."""

        def first() -> Batch | None:
            return head.rows(0, 1).on(torch.device("cpu")) if len(head) else None

        return self.group.merge(first, lambda a, b: a).on(self._device)

    def training(self, gradient: NetGradient, prepare: Prepare, seed: int) -> tuple[Any, Any]:
        """The kind of training, and the gradient that it takes."""
        joint = ShardedGradient(gradient, self.group, prepare, shards=self.flat, spare=self._spare)
        return partial(ShardedTraining, group=self.group, seed=seed, shards=self.flat), joint

    def twin(self, values: Any) -> nn.Module:
        """Refused: to put it together would take all processes, and the memory for it."""
        raise ValueError(
            "A callback asks for the model as it is within a fit, but its numbers are spread over "
            "the processes. Leave the callback out, or fit with dv.config(sharding=False)."
        )

    def release(self, values: Any) -> None:
        """Leave the module that was given with all of these numbers: in main memory, if they do not
        fit on the device of the rows.
        """
        self.flat.values.copy_(values)
        self.flat.show()
        trained = dict(self.module.named_parameters())
        for name, p in self._given.named_parameters():
            with self.group.joined():
                p.grad, p.data = None, trained[name].detach().full_tensor().cpu().clone()
        self._given.to(self._device if fits(self._given, self._device) else "cpu")


def _names(module: nn.Module, parameters: list[nn.Parameter]) -> list[str]:
    names = {id(p): name for name, p in module.named_parameters()}
    return [names[id(p)] for p in parameters]


def _sharded(module: nn.Module, device: torch.device, group: Group) -> nn.Module:
    """A twin of a module, whose parameters it takes to a device, shards and empties."""
    # a second of imports that only sharded nets need
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import FSDPModule, fully_shard

    mesh = init_device_mesh(device.type, (group.size,))
    twin = copy.deepcopy(module, {id(t): t for t in [*module.parameters(), *module.buffers()]})
    for layer in [*_layers(twin), twin]:
        whole = [p for p in layer.parameters() if not hasattr(p, "device_mesh")]
        for p in whole:
            p.data = p.data.contiguous()
        if whole or layer is twin:
            fully_shard(layer, mesh=mesh)
        for p in whole:
            p.data = p.data.new_empty(0)
    for part in twin.modules():
        if isinstance(part, FSDPModule):  # gradients are summed, as their weights say
            part.set_gradient_divide_factor(1.0)
            part.set_force_sum_reduction_for_comms(True)
    return twin


def _layers(module: nn.Module) -> list[nn.Module]:
    """The layers whose parameters are used nowhere else, those within others first."""
    uses = Counter(id(p) for _, p in module.named_parameters(remove_duplicate=False))
    return [m for m in _nested(module) if all(uses[id(p)] == 1 for p in m.parameters())]


def _nested(module: nn.Module) -> Iterator[nn.Module]:
    for layer in layers_of(module):
        if any(isinstance(part, nn.ModuleList) for part in layer.modules()):
            yield from _nested(layer)
        if not isinstance(layer, nn.ModuleList):
            yield layer

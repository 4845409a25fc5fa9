"""Outputs of layers that are computed twice instead of kept: activation checkpointing."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

__all__ = ["recomputed"]


@contextmanager
def recomputed(module: nn.Module) -> Iterator[None]:
    """For a block, the layers of the module's outermost Sequentials and ModuleLists keep nothing
    but their input for the backward pass, which computes them again, with the same random draws.

    Raises
    ------
    ValueError
        The module has neither.

    Costs a second forward pass, saves all memory but that of one layer and of the inputs of all
    (Chen et al. 2016, https://arxiv.org/abs/1604.06174).
    """
    layers = list(_layers(module))
    if not layers:
        raise ValueError(
            f"recompute=True works on the layers of a Sequential or a ModuleList, and "
            f"{type(module).__name__} has none."
        )
    for layer in layers:
        layer.forward = functools.partial(_twice, layer.forward)
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward  # what hid the method of the class


def _layers(module: nn.Module) -> Iterator[nn.Module]:
    for child in [module] if isinstance(module, nn.Sequential) else module.children():
        if isinstance(child, nn.Sequential | nn.ModuleList):
            yield from child
        else:
            yield from _layers(child)


def _twice(forward: Any, *args: Any, **kwargs: Any) -> Any:
    if not torch.is_grad_enabled():
        return forward(*args, **kwargs)
    return checkpoint(forward, *args, use_reentrant=False, **kwargs)

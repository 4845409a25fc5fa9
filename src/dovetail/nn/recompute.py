"""Outputs of layers that are computed twice instead of kept: activation checkpointing."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

__all__ = ["layers_of", "recomputed"]

_LISTS = (nn.Sequential, nn.ModuleList)


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
    layers = list(layers_of(module))
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


def layers_of(module: nn.Module) -> Iterator[nn.Module]:
    """The members of a module's outermost Sequentials and ModuleLists."""
    for child in [module] if isinstance(module, _LISTS) else module.children():
        if isinstance(child, _LISTS):
            yield from child
        else:
            yield from layers_of(child)


def _twice(forward: Any, *args: Any, **kwargs: Any) -> Any:
    if not torch.is_grad_enabled():
        return forward(*args, **kwargs)
    return checkpoint(forward, *args, use_reentrant=False, **kwargs)

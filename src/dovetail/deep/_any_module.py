"""Nets of a module, a loss and a step that the user names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any, ClassVar, Literal

import torch
from torch import nn

from dovetail.data.batches import Batch
from dovetail.deep._inputs import open_inputs
from dovetail.deep._losses import Loss
from dovetail.deep._making import Recipe, accepted, check_arguments
from dovetail.deep._net import Net
from dovetail.nn.dense import Dense

__all__ = ["ModuleNet"]


class ModuleNet(Net):
    """A net whose module, loss, step and inputs are parameters."""

    parts: ClassVar[tuple[str, ...]] = ("module", "loss", "optimizer")

    module: Any = Dense
    loss: Any = None
    _: KW_ONLY
    step: Callable[..., Any] | None = None
    inputs: dict[str, Any] | None = None
    dtype: Literal["float32", "float64"] = "float32"

    @property
    def _dtype(self) -> torch.dtype:
        return torch.float64 if self.dtype == "float64" else torch.float32

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Any:
        return open_inputs(self, X, reset=reset, device=device, dtype=self._dtype)

    def _sizes(self, rows: Batch) -> dict[str, Any]:
        """What a module may ask to be told of the data, by the name of its argument."""
        return {"n_features": rows.X.shape[1]}

    def _recipe(self, rows: Batch) -> Recipe:
        given = self._nested("module")
        if isinstance(self.module, nn.Module):
            if given:
                raise TypeError(
                    "module__... arguments need a class or a function to give them to; module is "
                    f"an instance of {type(self.module).__name__}."
                )
            return Recipe(None, {}, self.module)
        check_arguments("module", self.module, given)
        names, _ = accepted(self.module)
        known = {k: v for k, v in self._sizes(rows).items() if k in names}
        return Recipe(self.module, known | given)

    def _mean_loss(self) -> Loss:
        loss = self._default_loss() if self.loss is None else self.loss
        return Loss.of(loss, self._nested("loss"))

    def _custom_step(self) -> Callable[..., Any] | None:
        return self.step

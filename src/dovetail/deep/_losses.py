"""The mean loss of a batch from whatever loss a user names."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from dovetail.data.batches import Batch
from dovetail.deep._making import accepted, made, title

__all__ = ["Loss"]


class Loss:
    """The mean loss of a batch, weighted, from a function or module of outputs and targets.

    function : of (outputs, y), or of (outputs, y, w); gives a loss a row, or the mean
    weighs : whether it takes the weights
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        call = function.forward if isinstance(function, nn.Module) else function
        names, _ = accepted(call)
        self._compared_before = False
        self.weighs = len(names) >= 3 and not isinstance(function, nn.modules.loss._Loss)

    @classmethod
    def of(cls, loss: Any, arguments: dict[str, Any]) -> Loss:
        """From what a user gives; torch's losses are made to give a loss a row."""
        if isinstance(loss, type):
            names, _ = accepted(loss)
            known = {"reduction": "none"} if "reduction" in names else {}
            return cls(made("loss", loss, arguments, known))
        if arguments:
            raise TypeError(
                f"loss__{min(arguments)} needs a class to give it to; loss is {loss!r}, which "
                "exists already."
            )
        if isinstance(loss, nn.Module) and getattr(loss, "reduction", None) == "mean":
            loss = copy.deepcopy(loss)
            loss.reduction = "none"
        return cls(loss)

    def __call__(self, outputs: Any, batch: Batch) -> Tensor:
        value = self._compared(outputs, batch)
        if not isinstance(value, Tensor):
            raise ValueError(f"The loss must give a tensor. Got {type(value).__name__}.")
        if value.ndim == 0:
            if batch.w is not None and not self.weighs:
                raise ValueError(
                    "Rows have weights, but the loss gives their mean without them. Have it give "
                    "one loss a row, or take the weights as its third argument."
                )
            return value
        if len(value) != len(batch):
            raise ValueError(
                f"The loss must give one number a row, {len(batch)}, or their mean. Got shape "
                f"{_shape(value)} from outputs of shape {_shape(outputs)} and targets of shape "
                f"{_shape(batch.y)}."
            )
        each = value.flatten(1).mean(1) if value.ndim > 1 else value
        return each.mean() if batch.w is None else (each * batch.w).sum() / batch.w.sum()

    def _compared(self, outputs: Any, batch: Batch) -> Any:
        arguments = (outputs, batch.y, batch.w) if self.weighs else (outputs, batch.y)
        try:
            if self._compared_before:
                return self.function(*arguments)
            with warnings.catch_warnings():  # where torch would go on with shapes broadcast
                warnings.filterwarnings("error", "Using a target size")
                value = self.function(*arguments)
        except (RuntimeError, ValueError, IndexError, UserWarning) as error:
            raise ValueError(
                f"The module's output has shape {_shape(outputs)}, which {title(self.function)} "
                f"cannot compare with targets of shape {_shape(batch.y)}: {error}"
            ) from error
        self._compared_before = True
        return value


def _shape(value: Any) -> Any:
    return tuple(value.shape) if hasattr(value, "shape") else type(value).__name__

"""Modules, losses and optimizers made from what a user names: classes, functions or instances, and
arguments given as nested parameters.
"""

from __future__ import annotations

import copy
import difflib
import inspect
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from dovetail.data.batches import Batch
from dovetail.solve.flat import Flat
from dovetail.solve.optimizers import Adam
from dovetail.solve.wrappers import Together

__all__ = ["Loss", "accepted", "made", "optimizer_of", "parameters_in_order"]


def accepted(make: Any) -> tuple[set[str], bool]:
    """Names of the arguments that a class or function takes, and whether it takes any others."""
    try:
        parameters = inspect.signature(make).parameters.values()
    except (TypeError, ValueError):
        return set(), True
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    names = {p.name for p in parameters if p.kind in named}
    return names, any(p.kind is inspect.Parameter.VAR_KEYWORD for p in parameters)


def made(what: str, make: Any, given: dict[str, Any], known: dict[str, Any]) -> Any:
    """`make` called with the arguments given, and with those known of the data that it asks for.

    Raises
    ------
    TypeError
        An argument that it does not take; the message names the nearest.
    """
    names, any_name = accepted(make)
    strange = set() if any_name else set(given) - names
    if strange:
        name = min(strange)
        near = difflib.get_close_matches(name, names, 1)
        hint = f" Did you mean {what}__{near[0]}?" if near else ""
        raise TypeError(
            f"{what}__{name} is no argument of {_title(make)}, which takes "
            f"{', '.join(sorted(names)) or 'none'}.{hint}"
        )
    return make(**{k: v for k, v in known.items() if k in names} | given)


def _title(make: Any) -> str:
    return str(getattr(make, "__name__", type(make).__name__))


class Loss:
    """The mean loss of a batch, weighted, from a function or module of outputs and targets.

    function : of (outputs, y), or of (outputs, y, w); gives a loss a row, or the mean
    weighs : whether it takes the weights
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        call = function.forward if isinstance(function, nn.Module) else function
        names, _ = accepted(call)
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
        y = batch.y
        arguments = (outputs, y, batch.w) if self.weighs else (outputs, y)
        try:
            value = self.function(*arguments)
        except (RuntimeError, ValueError, IndexError) as error:
            raise ValueError(
                f"The module's output has shape {_shape(outputs)}, which {_title(self.function)} "
                f"cannot compare with targets of shape {_shape(y)}: {error}"
            ) from error
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
                f"{_shape(y)}."
            )
        each = value.flatten(1).mean(1) if value.ndim > 1 else value
        return each.mean() if batch.w is None else (each * batch.w).sum() / batch.w.sum()


def _shape(value: Any) -> Any:
    return tuple(value.shape) if hasattr(value, "shape") else type(value).__name__


def parameters_in_order(module: nn.Module) -> list[nn.Parameter]:
    """The parameters to learn, first those that decay: matrices and more, not biases, norms and
    other vectors.
    """
    learned = [p for p in module.parameters() if p.requires_grad]
    return [p for p in learned if p.ndim > 1] + [p for p in learned if p.ndim < 2]


def optimizer_of(
    choice: Any, flat: Flat, parameters: list[nn.Parameter], rate: float, decay: float, more: Any
) -> Any:
    """The optimizer of a module's numbers.

    choice : "adamw", "adam", "sgd", "muon", or a class of torch.optim or alike
    parameters : parts of `flat`, those that decay first
    more : further arguments of it
    """
    size = sum(p.numel() for p in parameters if p.ndim > 1)
    if choice in ("adam", "adamw"):
        options = {"betas": (0.9, 0.999), "epsilon": 1e-8} | _renamed(more, {"eps": "epsilon"})
        decayed = flat.values[:size]
        strength = decay if choice == "adamw" and size else 0.0
        return made(
            "optimizer",
            Adam,
            {**options, "decay": strength, "decayed": decayed},
            {"values": flat.values, "gradient": flat.gradient, "rate": rate},
        )
    matrices = [p for p in parameters if p.ndim == 2]
    if choice == "muon" and matrices:
        rest = [p for p in parameters if p.ndim != 2]
        muon = made(
            "optimizer",
            torch.optim.Muon,
            {"weight_decay": decay, "adjust_lr_fn": "match_rms_adamw", **more},
            {"params": matrices, "lr": rate},
        )
        adam = torch.optim.AdamW(_groups(rest, decay), lr=rate) if rest else None
        return Together([muon, adam] if adam else [muon])
    cls = {"sgd": torch.optim.SGD, "muon": torch.optim.AdamW}.get(choice, choice)
    if choice == "sgd":
        more = {"momentum": 0.9, "nesterov": True} | more
    names, any_name = accepted(cls)
    groups = _groups(parameters, decay) if any_name or "weight_decay" in names else parameters
    return made("optimizer", cls, more, {"params": groups, "lr": rate})


def _renamed(given: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    return {names.get(k, k): v for k, v in given.items()}


def _groups(parameters: list[nn.Parameter], decay: float) -> list[dict[str, Any]]:
    """Parameters that decay, and those that do not."""
    heavy = [p for p in parameters if p.ndim > 1]
    light = [p for p in parameters if p.ndim < 2]
    found = [{"params": heavy, "weight_decay": decay}, {"params": light, "weight_decay": 0.0}]
    return [group for group in found if group["params"]]

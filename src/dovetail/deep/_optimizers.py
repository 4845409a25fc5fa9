"""Optimizers from what a user names."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import nn

from dovetail.deep._making import accepted, made
from dovetail.solve.flat import Flat
from dovetail.solve.optimizers import Adam
from dovetail.solve.wrappers import Together

__all__ = ["Stepped", "one_by_one", "optimizer_of", "parameters_in_order"]


def parameters_in_order(module: nn.Module) -> list[nn.Parameter]:
    """The parameters to learn, first those that decay: matrices and more, not biases, norms and
    other vectors.
    """
    learned = [p for p in module.parameters() if p.requires_grad]
    return [p for p in learned if p.ndim > 1] + [p for p in learned if p.ndim < 2]


class Held(Protocol):
    """Numbers of a module: its parameters to learn, or what a process holds of each, are parts of
    `flat`.
    """

    @property
    def module(self) -> nn.Module: ...

    @property
    def flat(self) -> Flat: ...

    @property
    def parameters(self) -> list[nn.Parameter]: ...


def optimizer_of(choice: Any, held: Held, rate: float, decay: float, more: dict[str, Any]) -> Any:
    """The optimizer of a module's numbers.

    choice : one of the names, or a class of torch.optim or alike
    decay : of weights; vectors do not decay
    more : further arguments of it
    """
    _check(choice, (*_NAMED, "lbfgs"))
    parameters = held.parameters
    if choice in ("adam", "adamw"):
        return _adam(choice, held.flat, parameters, rate, decay, more)
    if choice == "muon":
        return _muon(held.module, parameters, rate, decay, more)
    cls = _NAMED.get(choice, choice) if isinstance(choice, str) else choice
    if choice == "sgd":
        more = {"momentum": 0.9, "nesterov": True} | more
    names, any_name = accepted(cls)
    groups = _groups(parameters, decay) if any_name or "weight_decay" in names else parameters
    return made("optimizer", cls, more, {"params": groups, "lr": rate})


_NAMED: dict[str, Any] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "sgd": torch.optim.SGD,
    "muon": torch.optim.Muon,
}

# Of torch.optim, those that move each number by its own gradients alone.
_ONE_BY_ONE = (
    "Adadelta", "Adagrad", "Adam", "AdamW", "Adamax", "ASGD", "NAdam", "RAdam", "RMSprop", "Rprop",
    "SGD",
)  # fmt: skip


def one_by_one(choice: Any) -> bool:
    """Whether an optimizer is known to be as well off with a part of the numbers."""
    _check(choice, (*_NAMED, "lbfgs"))
    classes = [getattr(torch.optim, name) for name in _ONE_BY_ONE]
    return (_NAMED.get(choice) if isinstance(choice, str) else choice) in classes


def _check(choice: Any, names: tuple[str, ...]) -> None:
    if isinstance(choice, str) and choice not in names:
        raise ValueError(
            f"optimizer must be one of {', '.join(map(repr, names))}, or a class. Got {choice!r}."
        )


def _adam(
    name: str,
    flat: Flat,
    parameters: list[nn.Parameter],
    rate: float,
    decay: float,
    more: dict[str, Any],
) -> Any:
    """On one vector, of which those that decay are the first part."""
    size = sum(p.numel() for p in parameters if p.ndim > 1)
    options = {"corrected": True} | {"epsilon" if k == "eps" else k: v for k, v in more.items()}
    return made(
        "optimizer",
        Adam,
        {
            **options,
            "decay": decay if name == "adamw" and size else 0.0,
            "decayed": flat.values[:size],
        },
        {"values": flat.values, "gradient": flat.gradient, "rate": rate},
    )


def _muon(
    module: nn.Module,
    parameters: list[nn.Parameter],
    rate: float,
    decay: float,
    more: dict[str, Any],
) -> Any:
    """Muon for matrices, and AdamW at the same rate for everything else, embeddings too."""
    embeddings = {id(m.weight) for m in module.modules() if isinstance(m, nn.Embedding)}
    matrices = [p for p in parameters if p.ndim == 2 and id(p) not in embeddings]
    chosen = set(map(id, matrices))
    rest = [p for p in parameters if id(p) not in chosen]
    options = {"weight_decay": decay, "adjust_lr_fn": "match_rms_adamw", **more}
    found: list[Any] = []
    if matrices:
        known = {"params": matrices, "lr": rate}
        found.append(made("optimizer", torch.optim.Muon, options, known))
    if rest:
        found.append(torch.optim.AdamW(_groups(rest, decay), lr=rate))
    return Together(found)


class Stepped:
    """In the place of one optimizer where a step of the user's own updates parts itself."""

    def __init__(self, optimizers: dict[str, Any]) -> None:
        self.optimizers = optimizers

    @staticmethod
    def of(
        module: nn.Module, choices: dict[str, Any], rate: float, more: dict[str, Any]
    ) -> dict[str, Any]:
        """The optimizer of each part of a module."""
        found = {}
        for part, choice in choices.items():
            _check(choice, ("adam", "adamw", "sgd"))
            try:
                numbers = [p for p in module.get_submodule(part).parameters() if p.requires_grad]
            except AttributeError as error:
                names = ", ".join(name for name, _ in module.named_children())
                raise ValueError(
                    f"optimizer={{{part!r}: ...}} names no part of {type(module).__name__}, which "
                    f"has {names or 'none'}."
                ) from error
            cls = _NAMED[choice] if isinstance(choice, str) else choice
            found[part] = made("optimizer", cls, more, {"params": numbers, "lr": rate})
        return found

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Those of all."""
        return [group for each in self.optimizers.values() for group in each.param_groups]

    def step(self) -> None:
        """Nothing: it was done."""

    def state_dict(self) -> dict[str, Any]:
        """What they remember."""
        return {name: each.state_dict() for name, each in self.optimizers.items()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for name, each in self.optimizers.items():
            each.load_state_dict(state[name])


def _groups(parameters: list[nn.Parameter], decay: float) -> list[dict[str, Any]]:
    """Parameters that decay, and those that do not."""
    heavy = [p for p in parameters if p.ndim > 1]
    light = [p for p in parameters if p.ndim < 2]
    found = [{"params": heavy, "weight_decay": decay}, {"params": light, "weight_decay": 0.0}]
    return [group for group in found if group["params"]]

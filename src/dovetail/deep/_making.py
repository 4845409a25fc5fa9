"""Modules, losses and optimizers made from what a user names: classes, functions or instances, and
arguments given as nested parameters.
"""

from __future__ import annotations

import copy
import difflib
import inspect
from dataclasses import dataclass
from typing import Any

from torch import nn

__all__ = ["Recipe", "accepted", "check_arguments", "made", "title"]


@dataclass(frozen=True)
class Recipe:
    """How a module is made, so that it can be made again from a file.

    make : a class or function; None where there is only an instance
    arguments : plain data and tensors
    instance : the module, to be copied
    """

    make: Any
    arguments: dict[str, Any]
    instance: nn.Module | None = None

    def module(self) -> nn.Module:
        """A new one."""
        if self.instance is not None:
            return copy.deepcopy(self.instance)
        module = self.make(**self.arguments)
        if not isinstance(module, nn.Module):
            raise TypeError(f"module must make a torch.nn.Module. Got {type(module).__name__}.")
        return module


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
    check_arguments(what, make, given)
    names, _ = accepted(make)
    return make(**{k: v for k, v in known.items() if k in names} | given)


def check_arguments(what: str, make: Any, given: dict[str, Any]) -> None:
    """Refuse what `make` does not take."""
    names, any_name = accepted(make)
    strange = set() if any_name else set(given) - names
    if strange:
        name = min(strange)
        near = difflib.get_close_matches(name, names, 1)
        hint = f" Did you mean {what}__{near[0]}?" if near else ""
        raise TypeError(
            f"{what}__{name} is no argument of {title(make)}, which takes "
            f"{', '.join(sorted(names)) or 'none'}.{hint}"
        )


def title(make: Any) -> str:
    """What to call it in a message."""
    return str(getattr(make, "__name__", type(make).__name__))

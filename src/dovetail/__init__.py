"""Dovetail: scikit-learn's interface, PyTorch's engine.

Names are loaded when they are first used, so that importing the package costs nothing and the
command line can answer `--help` without torch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dovetail.settings import config as config
    from dovetail.settings import settings as settings

__version__ = "0.1.0"

_HOMES = {
    "config": "dovetail.settings",
    "settings": "dovetail.settings",
}
_FAMILIES = ("linear_model", "preprocessing")

__all__ = ["__version__", "config", "linear_model", "preprocessing", "settings"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _FAMILIES:
        return importlib.import_module(f"dovetail.{name}")
    raise AttributeError(f"module 'dovetail' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

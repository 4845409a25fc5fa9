"""Dovetail: scikit-learn's interface, PyTorch's engine.

Names are loaded when they are first used, so that importing the package costs nothing and the
command line can answer `--help` without torch.
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dovetail.bundle import load as load
    from dovetail.bundle import save as save
    from dovetail.compose.tables import preparation as preparation
    from dovetail.data.scan import scan_parquet as scan_parquet
    from dovetail.leaderboard.run import compare as compare
    from dovetail.settings import config as config

__version__ = "0.1.0"

# GNU OpenMP's threads wait for one another by spinning, for a third of a million turns unless told
# otherwise; where other programs want the cores, a fit of boosted trees then takes 25 s instead of
# 1.7. Ten thousand turns cost nothing on an idle machine. It is read when torch is loaded, so it
# has an effect where this package is imported before torch.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")

_HOMES = {
    "compare": "dovetail.leaderboard.run",
    "config": "dovetail.settings",
    "load": "dovetail.bundle",
    "preparation": "dovetail.compose.tables",
    "save": "dovetail.bundle",
    "scan_parquet": "dovetail.data.scan",
}
_FAMILIES = (
    "cluster",
    "compose",
    "covariance",
    "decomposition",
    "deep",
    "discriminant_analysis",
    "ensemble",
    "feature_extraction",
    "impute",
    "kernel_approximation",
    "kernel_ridge",
    "linear_model",
    "mixture",
    "naive_bayes",
    "neural_network",
    "pipeline",
    "preprocessing",
    "svm",
    "tree",
)
_TOOLS = ("distributed", "inspection")

__all__ = [
    "__version__",
    "cluster",
    "compare",
    "compose",
    "config",
    "covariance",
    "decomposition",
    "deep",
    "discriminant_analysis",
    "distributed",
    "ensemble",
    "feature_extraction",
    "impute",
    "inspection",
    "kernel_approximation",
    "kernel_ridge",
    "linear_model",
    "load",
    "mixture",
    "naive_bayes",
    "neural_network",
    "pipeline",
    "preparation",
    "preprocessing",
    "save",
    "scan_parquet",
    "svm",
    "tree",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    if name in _FAMILIES or name in _TOOLS:
        return importlib.import_module(f"dovetail.{name}")
    raise AttributeError(f"module 'dovetail' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

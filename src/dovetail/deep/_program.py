"""The Program of a net: any torch module, rebuilt from its class and arguments."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from dovetail.data.named import NamedTensors
from dovetail.errors import BundleError
from dovetail.objective.losses import respond
from dovetail.program import Program

__all__ = ["NetOutputs", "NetScores"]


class NetOutputs(Program):
    """What a module makes of its input; of shape (n,) where `flat` and it is (n, 1).

    make : the class or function that made the module; None where an instance was given
    arguments : with which it was made
    flat : whether outputs (n, 1) are shown as (n,)
    method : of the module to call, "" for the module itself
    module, weights : the module, or the state to make it again with
    """

    make: Any
    arguments: dict[str, Any]
    flat: bool
    method: str

    def __init__(
        self,
        *,
        module: nn.Module | None = None,
        weights: dict[str, Tensor] | None = None,
        **fields: Any,
    ) -> None:
        super().__init__(**fields)
        self.module = self._made(weights or {}) if module is None else module

    def _made(self, weights: dict[str, Tensor]) -> nn.Module:
        module: nn.Module = self.make(**self.arguments)
        dtype = next((t.dtype for t in weights.values() if t.is_floating_point()), None)
        module = module if dtype is None else module.to(dtype)
        module.load_state_dict(weights)
        return module

    def state(self) -> dict[str, Any]:
        if self.make is None:
            raise BundleError(
                f"The net was given as an instance, {type(self.module).__name__}(...), and a file "
                "cannot hold how it was made. Give module=the class (or a function) and its "
                "arguments as module__name=value; name it in `trusted` when saving and loading."
            )
        return super().state() | {"weights": dict(self.module.state_dict())}

    def outputs(self, X: Any) -> Any:
        """What the module makes of the rows."""
        call = getattr(self.module, self.method) if self.method else self.module
        return call(**X) if isinstance(X, NamedTensors) else call(X)

    def forward(self, X: Any) -> Tensor:
        F: Tensor = self.outputs(X)
        return F[:, 0] if self.flat and F.ndim == 2 and F.shape[1] == 1 else F


class NetScores(NetOutputs):
    """Scores of classes: (n,) for two, positive for the second; else (n, k)."""

    def forward(self, X: Any) -> Tensor:
        F = super().forward(X)
        return F[:, 1] - F[:, 0] if F.ndim == 2 and F.shape[1] == 2 else F

    def link(self, F: Tensor) -> Tensor:
        """Probabilities of the classes."""
        return respond("logistic" if F.ndim == 1 else "softmax", F)

"""The Programs of multi-layer perceptrons."""

from typing import Any

from torch import Tensor

from dovetail.nn.mlp import mlp_scores
from dovetail.objective.losses import respond
from dovetail.program import Program

__all__ = ["NetPrediction", "NetScores"]


class NetScores(Program):
    """Scores of a perceptron.

    coefs : list of Tensors of shape (u_{l-1}, u_l)
    intercepts : list of Tensors of shape (u_l,)
    activation : of the hidden layers
    response : from scores to predictions, a name that `objective.losses.respond` knows
    flat : whether there is one score a row and the output has shape (n,) instead of (n, 1)
    """

    coefs: list[Tensor]
    intercepts: list[Tensor]
    activation: str
    response: str
    flat: bool

    def forward(self, X: Any) -> Tensor:
        F = mlp_scores(X, self.coefs, self.intercepts, self.activation)
        return F[:, 0] if self.flat else F

    def link(self, F: Tensor) -> Tensor:
        """Predictions from scores."""
        return respond(self.response, F)


class NetPrediction(NetScores):
    """What a perceptron's scores mean: the predicted numbers themselves."""

    def forward(self, X: Any) -> Tensor:
        return self.link(super().forward(X))

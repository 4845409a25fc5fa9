"""The Program of linear models."""

from typing import Any

from torch import Tensor

from dovetail.objective.linear import scores
from dovetail.objective.losses import respond
from dovetail.program import Program

__all__ = ["Linear", "LinearMean", "flat_when"]


class Linear(Program):
    """Scores X · coefᵀ + intercept.

    coef : Tensor of shape (k, d)
    intercept : Tensor of shape (k,)
    response : from scores to predictions, a name that `objective.losses.respond` knows
    flat : whether k is 1 and the output has shape (n,) instead of (n, 1)
    """

    coef: Tensor
    intercept: Tensor
    response: str
    flat: bool

    def forward(self, X: Any) -> Tensor:
        F = scores(X, self.coef, self.intercept)
        return F[:, 0] if self.flat else F

    def link(self, F: Tensor) -> Tensor:
        """Predictions from scores."""
        return respond(self.response, F)


class LinearMean(Linear):
    """Predictions of a generalized linear model: the response to the scores."""

    def forward(self, X: Any) -> Tensor:
        return self.link(super().forward(X))


def flat_when(flat: bool, values: Any) -> Any:
    """The only row of coefficients, or the only intercept, where the target was one-dimensional."""
    return values[0] if flat else values

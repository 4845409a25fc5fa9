"""The Program of linear models."""

from typing import Any

import torch
from torch import Tensor

from dovetail.linear_scores import Linear

__all__ = ["LinearMean", "OneVersusRest", "flat_when"]


class LinearMean(Linear):
    """Predictions of a generalized linear model: the response to the scores."""

    def forward(self, X: Any) -> Tensor:
        return self.link(super().forward(X))


class OneVersusRest(Linear):
    """Scores of classes that were each learned against all others, or of two.

    response : "logistic" or "clipped" where scores have a probability, (clip(F, −1, 1) + 1) / 2
    """

    def link(self, F: Tensor) -> Tensor:
        """Probabilities: of several classes each one's own, divided by their sum; where all are 0,
        equal ones.
        """
        p = F.sigmoid() if self.response == "logistic" else (F.clamp(-1, 1) + 1) / 2
        if F.ndim == 1:
            return torch.stack([1 - p, p], 1)
        total = p.sum(1, keepdim=True)
        return torch.where(total > 0, p / total, torch.full_like(p, 1 / p.shape[1]))


def flat_when(flat: bool, values: Any) -> Any:
    """The only row of coefficients, or the only intercept, where the target was one-dimensional."""
    return values[0] if flat else values

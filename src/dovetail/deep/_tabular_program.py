"""The Programs of tabular nets: what their members say together."""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor

from dovetail.deep._program import NetOutputs, NetScores

__all__ = ["TabularNumbers", "TabularScores", "log_mean_probabilities"]


def log_mean_probabilities(scores: Tensor) -> Tensor:
    """The logarithm of the mean of the members' probabilities, (m, k, classes) to (m, classes)."""
    return scores.log_softmax(2).logsumexp(1) - math.log(scores.shape[1])


class TabularScores(NetScores):
    """The logarithms of the members' mean probabilities, (n, classes); for two classes their
    difference, (n,).
    """

    def outputs(self, X: Any) -> Tensor:
        return log_mean_probabilities(super().outputs(X))


class TabularNumbers(NetOutputs):
    """The members' mean, in the unit of the targets.

    center, spread : of the targets, shape (o,)
    """

    center: Tensor
    spread: Tensor

    def outputs(self, X: Any) -> Tensor:
        mean: Tensor = super().outputs(X).mean(1)
        return mean * self.spread + self.center

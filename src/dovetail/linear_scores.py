"""The Program that linear models and linear support-vector machines are: X · coefᵀ + intercept."""

from __future__ import annotations

from typing import Any, Self

from torch import Tensor

from dovetail.objective.linear import scores
from dovetail.objective.losses import respond
from dovetail.program import Program

__all__ = ["Linear", "Sparsifiable"]


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


class Sparsifiable:
    """Coefficients that can be kept compressed."""

    program_: Any
    _program: Any

    def sparsify(self) -> Self:
        """Keep `coef_` compressed, as a scipy CSR matrix: less memory where most coefficients are
        zero.
        """
        self.program_.coef = self._program.coef.to_sparse_csr()
        return self

    def densify(self) -> Self:
        """Undo `sparsify`."""
        self.program_.coef = self._program.coef.to_dense()
        return self

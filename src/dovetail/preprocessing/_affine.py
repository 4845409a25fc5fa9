"""The Program of the scalers: shift and scale each column."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import empty_like
from dovetail.program import Program

__all__ = ["Affine", "applied", "scaled_sparse"]


class Affine(Program):
    """(X - center) / scale, either part left out where it is None.

    center, scale : Tensor of shape (d,) or None
    """

    center: Tensor | None
    scale: Tensor | None

    def forward(self, X: Tensor) -> Tensor:
        if self.center is not None:
            X = X - self.center.to(X.dtype)
        return X if self.scale is None else X / self.scale.to(X.dtype)

    def transformed(self, X: Matrix, *, copy: bool) -> Matrix:
        """The same for sparse matrices too, outside autograd without temporaries: into a new
        matrix, or over X.
        """
        if isinstance(X, SparseMatrix):
            return scaled_sparse(X, None if self.scale is None else 1 / self.scale, copy=copy)
        if X.requires_grad:
            out: Tensor = self(X)
            return out
        return applied(X, (torch.sub, self.center), (torch.div, self.scale), copy=copy)

    def inverse(self, X: Matrix, *, copy: bool = True) -> Matrix:
        """X · scale + center."""
        if isinstance(X, SparseMatrix):
            return scaled_sparse(X, self.scale, copy=copy)
        return applied(X, (torch.mul, self.scale), (torch.add, self.center), copy=copy)


def scaled_sparse(X: SparseMatrix, factors: Tensor | None, *, copy: bool) -> SparseMatrix:
    """X · diag(factors), into a new matrix or over X."""
    scaled = X.with_values(X.values.clone()) if factors is None else X.scale_columns(factors)
    if copy:
        return scaled
    X.values.copy_(scaled.values)
    return X


def applied(X: Tensor, *steps: tuple[Callable[..., Any], Tensor | None], copy: bool) -> Tensor:
    """X with each operation and its operand applied, those without operand left out, into a new
    tensor or over X.
    """
    if X.requires_grad:  # autograd does not follow operations that write to a given tensor
        for operation, operand in steps:
            X = X if operand is None else operation(X, operand.to(X.dtype))
        return X
    out = empty_like(X) if copy else X
    done = X
    for operation, operand in steps:
        if operand is not None:
            operation(done, operand.to(X.dtype), out=out)
            done = out
    return done if done is out else out.copy_(X)

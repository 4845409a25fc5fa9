"""Kernel functions: k(a, b) for every row of A and every row of B, shape (m, n).

Shapes: A (m, d), B (n, d), dense; `inner` and what follows from it also for compressed rows.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_tensor

__all__ = [
    "additive_chi2",
    "chi2",
    "cosine",
    "inner",
    "laplacian",
    "linear",
    "polynomial",
    "rbf",
    "rbf_with",
    "sigmoid",
    "square_norms",
]

_CELLS = 1 << 22  # numbers of a block of differences, 32 MB in float64


def inner(A: Matrix, B: Matrix) -> Tensor:
    """a·b, dense."""
    if isinstance(A, SparseMatrix) and isinstance(B, SparseMatrix):
        return as_tensor((A.to_scipy() @ B.to_scipy().T).toarray(), A.device)
    if isinstance(B, SparseMatrix):
        assert isinstance(A, Tensor)
        return (B @ A.T).T
    return A @ B.T


def square_norms(A: Matrix) -> Tensor:
    """‖a‖² of every row."""
    if isinstance(A, SparseMatrix):
        return A.row_sums(A.values.square())
    return A.square().sum(1)


def linear(A: Matrix, B: Matrix) -> Tensor:
    """a·b."""
    return inner(A, B)


def polynomial(A: Matrix, B: Matrix, gamma: float, degree: float = 3, coef0: float = 1.0) -> Tensor:
    """(γ a·b + coef0)^degree."""
    return (inner(A, B) * gamma + coef0).pow(degree)


def sigmoid(A: Matrix, B: Matrix, gamma: float, coef0: float = 1.0) -> Tensor:
    """tanh(γ a·b + coef0)."""
    return (inner(A, B) * gamma + coef0).tanh()


def rbf(A: Matrix, B: Matrix, gamma: float) -> Tensor:
    """exp(−γ ‖a − b‖²)."""
    return rbf_with(B, gamma)(A)


def rbf_with(B: Matrix, gamma: float) -> Callable[[Matrix], Tensor]:
    """`rbf` of any rows with those of B, for which what it needs of B is formed once.

    The square is written out; dense, one matrix product gives the exponents: that of (2γ a, −γ‖a‖²,
    1) and (b, 1, −γ‖b‖²).
    """
    b = square_norms(B)[:, None] * -gamma
    if isinstance(B, SparseMatrix):
        return lambda A: _exp(inner(A, B) * (2 * gamma) - gamma * square_norms(A)[:, None] + b.T)
    right = torch.cat([B, torch.ones_like(b), b], 1).T

    def values(A: Matrix) -> Tensor:
        a = square_norms(A)[:, None] * -gamma
        if isinstance(A, SparseMatrix):
            return _exp(inner(A, B) * (2 * gamma) + a + b.T)
        return _exp(torch.cat([A * (2 * gamma), a, torch.ones_like(a)], 1) @ right)

    return values


def _exp(exponent: Tensor) -> Tensor:
    """exp of what rounding may have made positive, in its place."""
    return exponent.clamp_(max=0).exp_()


def laplacian(A: Tensor, B: Tensor, gamma: float) -> Tensor:
    """exp(−γ ‖a − b‖₁)."""
    if torch.compiler.is_compiling():  # a traced cdist is of a fixed number of rows
        return torch.exp(-gamma * (A[:, None] - B).abs().sum(2))
    return torch.exp(-gamma * torch.cdist(A, B, p=1))


def cosine(A: Matrix, B: Matrix) -> Tensor:
    """a·b / (‖a‖ ‖b‖), 0 where a norm is."""
    a, b = (square_norms(M).sqrt() for M in (A, B))
    a, b = (torch.where(v > 0, v, torch.ones_like(v)) for v in (a, b))
    return inner(A, B) / a[:, None] / b


def additive_chi2(A: Tensor, B: Tensor) -> Tensor:
    """−Σ_j (a_j − b_j)² / (a_j + b_j), where 0 / 0 is 0; for numbers that are not negative."""
    rows = max(1, _CELLS // max(1, B.numel()))
    return torch.cat([_chi2_of_block(block, B) for block in torch.split(A, rows)])


def _chi2_of_block(A: Tensor, B: Tensor) -> Tensor:
    total = A[:, None] + B
    total = torch.where(total > 0, total, torch.ones_like(total))
    return -((A[:, None] - B).square() / total).sum(2)


def chi2(A: Tensor, B: Tensor, gamma: float = 1.0) -> Tensor:
    """exp(−γ Σ_j (a_j − b_j)² / (a_j + b_j))."""
    return (gamma * additive_chi2(A, B)).exp()

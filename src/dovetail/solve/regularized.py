"""Linear systems with a symmetric matrix and a multiple of the identity added to it."""

from __future__ import annotations

import torch
from scipy.linalg import LinAlgWarning
from torch import Tensor

from dovetail.errors import warn

__all__ = ["solve_shifted"]


def solve_shifted(K: Tensor, Y: Tensor, shifts: Tensor) -> Tensor:
    """The columns a of shape (n,) with (K + shift I) a = y, one for each column of Y.

    K : of shape (n, n), symmetric; its diagonal is used as working space and restored
    Y : of shape (n, t)
    shifts : of shape (t,); columns with the same one share a factorization

    Cholesky's, and least squares, with one warning, where the matrix is not positive definite. Cost
    O(n³) for each distinct shift, and O(n² t).
    """
    A, diagonal = torch.empty_like(Y), K.diagonal().clone()
    for shift in torch.unique(shifts):
        columns = shifts == shift
        K.diagonal().copy_(diagonal + shift)
        L, info = torch.linalg.cholesky_ex(K)
        if bool(info):
            warn(
                "Singular matrix in solving dual problem. Using least-squares solution instead. "
                "A larger alpha makes it regular.",
                LinAlgWarning,
            )
            A[:, columns] = torch.linalg.lstsq(K, Y[:, columns], driver=_driver(K)).solution
        else:
            A[:, columns] = torch.cholesky_solve(Y[:, columns], L)
    K.diagonal().copy_(diagonal)
    return A


def _driver(K: Tensor) -> str:
    """One that takes matrices of any rank, which there is only on the CPU."""
    return "gelsd" if K.device.type == "cpu" else "gels"

"""Eigenvalues and eigenvectors of symmetric matrices; small ones without threads."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TypeVar

import torch
from torch import Tensor

__all__ = ["eigenvalues", "eigenvectors"]

# Columns up to which threads only wait for one another: the eigenvalues of 200 take 1.1 ms with one
# thread, and with two 1 to 100, by what else the machine does.
_SMALL = 512
_lock = Lock()  # torch's number of threads is that of the whole process

R = TypeVar("R")


def eigenvalues(A: Tensor) -> Tensor:
    """Those of a symmetric matrix, from the least up. Cost O(d³)."""
    return _decomposed(torch.linalg.eigvalsh, A)


def eigenvectors(A: Tensor) -> tuple[Tensor, Tensor]:
    """The eigenvalues of a symmetric matrix, from the least up, and their vectors as columns. Cost
    O(d³).
    """
    values, vectors = _decomposed(torch.linalg.eigh, A)
    return values, vectors


def _decomposed(decompose: Callable[[Tensor], R], A: Tensor) -> R:
    threads = torch.get_num_threads()
    if A.device.type != "cpu" or len(A) > _SMALL or threads == 1:
        return decompose(A)
    with _lock:
        torch.set_num_threads(1)
        try:
            return decompose(A)
        finally:
            torch.set_num_threads(threads)

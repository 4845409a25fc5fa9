"""Products of columns: the terms of a polynomial, row by row.

Terms of a degree stand in lexicographic order. Those of degree r whose first factor is column f are
column f times the terms of degree r − 1 that start at f or later (later, where factors have to be
distinct): a contiguous range. So a `Plan` of few multiplications of ranges makes all terms of dense
rows; in sparse rows the stored values take the place of columns.

Shapes: n rows, d columns, m stored values.
"""

from __future__ import annotations

import torch
from torch import Tensor

from dovetail.kernels.memory import empty
from dovetail.kernels.polynomials import cpu, reference
from dovetail.kernels.polynomials.plan import Plan, make_plan

__all__ = ["Plan", "expand", "expand_sparse", "make_plan"]


def expand(X: Tensor, plan: Plan, *, columns_first: bool = False) -> Tensor:
    """The terms of X that `plan` asks for.

    Parameters
    ----------
    X : Tensor of shape (n, d)
    plan : what `make_plan` gives for d columns
    columns_first : whether the result lies column by column in memory

    Returns
    -------
    Tensor of shape (n, plan.width), in the dtype of X
    """
    if not _native(X):
        out = reference.expand(X, plan)
        return out.T.contiguous().T if columns_first else out
    if columns_first:
        out = empty((plan.width, len(X)), X.dtype)
        cpu.expand_columns(X, plan, out)
        return out.T
    out = empty((len(X), plan.width), X.dtype)
    cpu.expand(X.numpy(), *plan.arrays(), out.numpy())
    return out


def expand_sparse(
    values: Tensor,
    columns: Tensor,
    starts: Tensor,
    shifts: Tensor,
    row_starts: Tensor,
    least: int,
    *,
    distinct: bool,
    bias: bool,
) -> tuple[Tensor, Tensor]:
    """The stored terms of a CSR matrix, row by row in ascending columns.

    Parameters
    ----------
    values, columns, starts : its arrays, columns ascending in each row
    shifts : Tensor of shape (greatest degree, m), int64: how far to the right of the term without
        it a term of each degree stands that starts at a stored value; of degree 1, of its column
    row_starts : Tensor of shape (n + 1,), where the terms of each row are to start
    least : degree of the first terms given out
    distinct : whether the factors of a term are
    bias : whether a one in column 0 comes before them

    Returns
    -------
    values, columns : Tensor of shape (row_starts[-1],); columns in the dtype of row_starts
    """
    arguments = (values, columns, starts, shifts, row_starts)
    if not _native(values):
        return reference.expand_sparse(*arguments, least, distinct=distinct, bias=bias)
    size = int(row_starts[-1])
    terms, places = empty((size,), values.dtype), empty((size,), row_starts.dtype)
    arrays = [a.numpy() for a in (*arguments, terms, places)]
    cpu.expand_sparse(*arrays[:5], least, int(distinct), bias, *arrays[5:])
    return terms, places


def _native(X: Tensor) -> bool:
    """The compiled kernels are for the CPU, without gradients, outside export."""
    return (
        X.device.type == "cpu"
        and X.dtype in (torch.float32, torch.float64)
        and not X.requires_grad
        and not torch.compiler.is_compiling()
    )

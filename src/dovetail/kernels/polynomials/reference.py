"""Polynomial terms in plain torch: any device, with gradients, traceable."""

from __future__ import annotations

import torch
from torch import Tensor

from dovetail.kernels.polynomials.plan import Plan

__all__ = ["expand", "expand_sparse"]


def expand(X: Tensor, plan: Plan) -> Tensor:
    """The terms of X (n, d) that the plan asks for, (n, plan.width)."""
    terms, more = X[:, : plan.terms], list[Tensor]()
    for column, start, stop, _ in plan.steps:
        if stop > terms.shape[1]:  # a new degree, of the one made last
            terms, more = torch.cat([terms, *more], dim=1), []
        more.append(terms[:, start:stop] * X[:, column : column + 1])
    terms = torch.cat([terms, *more], dim=1)[:, plan.first :]
    return torch.cat([torch.ones_like(X[:, :1]), terms], dim=1) if plan.bias else terms


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
    """The stored terms of a CSR matrix; see `dovetail.kernels.polynomials.expand_sparse`.

    The terms of one degree are those of all rows, one after the other; `begin` (m + 1,) is where
    the ones that start at each stored value begin.
    """
    starts, size = starts.long(), int(row_starts[-1])
    out = values.new_ones(size), torch.zeros(size, dtype=torch.int64, device=values.device)
    filled = row_starts[:-1].long() + int(bias)
    begin = _up_to(len(values) + 1, values)
    factor = stored = begin[:-1]
    terms, places = torch.ones_like(values), columns.long()
    for degree, shift in enumerate(shifts, start=1):
        if degree > 1:
            ends = begin[starts[1:]].repeat_interleave(starts.diff())
            first = begin[1:] if distinct else begin[:-1]
            begin = torch.cat([ends.new_zeros(1), (ends - first).cumsum(0)])
            factor = stored.repeat_interleave(ends - first)
            shorter = (first - begin[:-1])[factor] + _up_to(len(factor), values)
            terms, places = terms[shorter], places[shorter]
        terms, places = terms * values[factor], places + shift[factor]
        if degree >= least:
            part = begin[starts]
            to = (filled - part[:-1]).repeat_interleave(part.diff()) + _up_to(len(terms), values)
            out[0][to], out[1][to] = terms, places
            filled = filled + part.diff()
    return out[0], out[1].to(row_starts.dtype)


def _up_to(n: int, like: Tensor) -> Tensor:
    return torch.arange(n, device=like.device)

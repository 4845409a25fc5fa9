"""Exact quantiles of rows that are not in memory at once, as sums over rows.

The bits of a floating number, read as an integer with the negative ones turned around, order as the
numbers do. So the value of a given rank is found digit by digit: a pass counts how often each value
of the next 11 bits comes among the numbers that begin with the digits found so far. Six passes give
a float64, three a float32; a few more where there are so many ranks that digits have to be shorter.

Weighted quantiles are no such sums. They take a few columns at a time into memory.

Legend: n rows, d columns, q levels, r ranks, p prefixes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.quantiles import QuantileMethod, column_quantiles, positions

__all__ = ["columns_in_turn", "order_statistics", "quantiles"]

_SHORTEST, _DIGIT = 4, 11  # bits of a digit
_NUMBERS = 1 << 22  # counts, or values of columns, in memory: 32 MB


def quantiles(
    batches: Batches,
    levels: Tensor,
    *,
    method: QuantileMethod = "linear",
    of: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """`column_quantiles` of all rows, by their weights where they have some, or of a map of them:
    shape (q, d), float64.

    Cost: one sort of a column in memory; else six or more passes over the rows, or with weights one
    for each few columns.
    """
    mapped = batches if of is None else batches.mapped(lambda b: b.mapped(of))
    if batches.in_memory or batches.sparse:
        return column_quantiles(mapped.X, levels, method=method, w=batches.w)
    mapped = mapped.kept()
    if batches.weighted:
        parts = columns_in_turn(mapped)
        return torch.cat([column_quantiles(X, levels, method=method, w=w) for X, w in parts], 1)
    counts = mapped.sum(lambda b: (~b.X.isnan()).sum(0))
    below, above, share = positions(counts[:, None], levels.to(counts.device), method)
    found = order_statistics(mapped, torch.cat([below, above], 1))
    low, high = found.chunk(2, dim=1)
    return torch.lerp(low, high, share).masked_fill(counts[:, None] == 0, torch.nan).T


def columns_in_turn(batches: Batches) -> Iterator[tuple[Tensor, Tensor | None]]:
    """A few columns of dense X at a time, of all rows in memory, and their weights.

    Cost: one pass for each few columns, and 32 MB or one column.
    """
    w = batches.weights() if batches.weighted else None
    step = max(1, _NUMBERS // max(1, len(batches)))
    for start in range(0, batches.n_features, step):
        some = batches.mapped(partial(_some_columns, start, start + step))
        yield some.column(lambda b: b.X), w


def _some_columns(start: int, stop: int, b: Batch) -> Batch:
    return b.mapped(lambda X: X[:, start:stop])


def order_statistics(batches: Batches, ranks: Tensor) -> Tensor:
    """The values of given ranks, from 0, in each column, missing values left out; float64.

    ranks : int64 Tensor of shape (d, r), less than the number of values of the column
    """
    left = ranks.clamp(min=0)
    bits = 32 if batches.dtype == torch.float32 else 64
    found = torch.zeros_like(left)
    shift = bits
    while shift > 0:
        prefixes, place = _distinct(found)
        room = (_NUMBERS // max(1, place.numel())).bit_length() - 1
        step = min(max(_SHORTEST, min(_DIGIT, room)), shift)
        first = shift == bits
        shift -= step
        counts = batches.sum(_Digits(prefixes, shift, step, first=first))
        upto = counts.cumsum(2)
        own = upto.gather(1, place[:, :, None].expand(-1, -1, upto.shape[2]))
        digit = torch.searchsorted(own, left[:, :, None], right=True)[:, :, 0]
        digit = digit.clamp(max=(1 << step) - 1)
        before = upto.flatten(1).gather(1, (place << step) + (digit - 1).clamp(min=0))
        left = left - torch.where(digit > 0, before, 0)
        if first:
            digit = digit - (1 << (step - 1))  # the first digit has the sign
        found = (found << step) + digit
    return _values(found, bits)


def _distinct(found: Tensor) -> tuple[Tensor, Tensor]:
    """The distinct prefixes of each column in ascending order, (d, p), the last one repeated where
    a column has fewer; and the place of each rank's prefix among them, (d, r).
    """
    each = [torch.unique(row, return_inverse=True) for row in found]
    width = max((len(values) for values, _ in each), default=0)
    rows = [torch.cat([v, v[-1:].expand(width - len(v))]) for v, _ in each]
    return torch.stack(rows), torch.stack([place for _, place in each])


class _Digits:
    """How often each value of a digit comes in each column among the numbers of a prefix, int64 of
    shape (d, p, 2 ** step).
    """

    def __init__(self, prefixes: Tensor, shift: int, step: int, *, first: bool) -> None:
        self.prefixes, self.shift, self.step, self.first = prefixes, shift, step, first

    def __call__(self, block: Batch) -> Tensor:
        keys_dn = _keys(block.X).T
        size, p = 1 << self.step, self.prefixes.shape[1]
        counts = keys_dn.new_zeros(len(keys_dn), p * size)
        for j, keys in enumerate(keys_dn):
            above = keys >> self.shift
            if self.first:
                counts[j] = torch.bincount(above + size // 2, minlength=size)
                continue
            digit, prefix = above & (size - 1), above >> self.step
            place = torch.searchsorted(self.prefixes[j], prefix).clamp_(max=p - 1)
            wanted = self.prefixes[j][place] == prefix
            counts[j] = torch.bincount(((place << self.step) + digit)[wanted], minlength=p * size)
        return counts.view(len(keys_dn), p, size)


def _keys(X: Tensor) -> Tensor:
    """Integers that order as the numbers do, missing values last; int64."""
    wide = X.dtype == torch.float64
    bits = (X + 0.0).contiguous().view(torch.int64 if wide else torch.int32)  # no −0.0
    most = torch.iinfo(bits.dtype).max
    keys = bits ^ ((bits >> (63 if wide else 31)) & most)
    return keys.masked_fill(X.isnan(), most).long()


def _values(keys: Tensor, bits: int) -> Tensor:
    """The numbers of keys."""
    kind, number = (torch.int64, torch.float64) if bits == 64 else (torch.int32, torch.float32)
    keys = keys.to(kind)
    turned = keys ^ ((keys >> (bits - 1)) & torch.iinfo(kind).max)
    return turned.contiguous().view(number).double()

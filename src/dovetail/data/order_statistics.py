"""Exact quantiles of rows that are not in memory at once, as sums over rows.

The bits of a floating number, read as an integer with the negative ones turned around, order as the
numbers do. So the value of a given rank is found digit by digit: a pass counts how often each value
of the next 11 bits comes among the numbers that begin with the digits found so far. Six passes give
a float64, three a float32.

Legend: d columns, q levels, r ranks.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.quantiles import QuantileMethod, column_quantiles, positions

__all__ = ["order_statistics", "quantiles"]

_DIGIT = 11  # bits
_VALUES = 1 << _DIGIT


def quantiles(
    batches: Batches,
    levels: Tensor,
    *,
    method: QuantileMethod = "linear",
    of: Callable[[Tensor], Tensor] | None = None,
) -> Tensor:
    """`column_quantiles` of all rows, or of a map of them: shape (q, d), float64.

    Cost: one sort of a column in memory, else six or seven passes over the rows.
    """
    mapped = batches if of is None else batches.mapped(lambda b: b.mapped(of))
    if batches.in_memory or batches.sparse:
        return column_quantiles(mapped.X, levels, method=method)
    counts = mapped.sum(lambda b: (~b.X.isnan()).sum(0))
    below, above, share = positions(counts[:, None], levels.to(counts.device), method)
    found = order_statistics(mapped, torch.cat([below, above], 1))
    low, high = found.chunk(2, dim=1)
    return torch.lerp(low, high, share).masked_fill(counts[:, None] == 0, torch.nan).T


def order_statistics(batches: Batches, ranks: Tensor) -> Tensor:
    """The values of given ranks, from 0, in each column, missing values left out; float64.

    ranks : int64 Tensor of shape (d, r), less than the number of values of the column
    """
    left = ranks.clamp(min=0)
    bits = 32 if batches.dtype == torch.float32 else 64
    found = torch.zeros_like(left)
    shift = bits
    while shift > 0:
        step = min(_DIGIT, shift)
        shift -= step
        counts = batches.sum(_Digits(found, shift, step, first=shift + step == bits))
        upto = counts.cumsum(2)
        digit = (upto <= left[:, :, None]).sum(2).clamp(max=(1 << step) - 1)
        below = upto.gather(2, (digit - 1).clamp(min=0)[:, :, None])[:, :, 0]
        left = left - torch.where(digit > 0, below, 0)
        if shift + step == bits:
            digit = digit - (1 << (step - 1))  # the first digit has the sign
        found = (found << step) + digit
    return _values(found, bits)


class _Digits:
    """How often each value of a digit comes in each column among the numbers of a prefix, int64 of
    shape (d, r, 2 ** step).
    """

    def __init__(self, prefixes: Tensor, shift: int, step: int, *, first: bool) -> None:
        self.prefixes, self.shift, self.step, self.first = prefixes, shift, step, first

    def __call__(self, block: Batch) -> Tensor:
        keys_dn = _keys(block.X).T
        size = 1 << self.step
        counts = keys_dn.new_zeros(*self.prefixes.shape, size)
        for j, keys in enumerate(keys_dn):
            above = keys >> self.shift
            if self.first:
                counts[j] = torch.bincount(above + size // 2, minlength=size)
                continue
            digit, prefix = above & (size - 1), above >> self.step
            wanted, places = torch.unique(self.prefixes[j], return_inverse=True)
            each = [torch.bincount(digit[prefix == p], minlength=size) for p in wanted]
            counts[j] = torch.stack(each)[places]
        return counts


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

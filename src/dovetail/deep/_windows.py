"""A stream of tokens as windows: rows that a language model learns from.

Legend: s tokens of the stream, t tokens of a window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.epochs import minibatches
from dovetail.data.tensors import as_tensor
from dovetail.deep._tokens import END, Ids

__all__ = [
    "DrawnWindows",
    "batched",
    "held_out",
    "mean_nats",
    "nats",
    "side_by_side",
    "stream_of",
    "windows",
]


def stream_of(texts: Sequence[Ids]) -> Tensor:
    """Texts one after the other, a mark before each and after the last; int64 of shape (s,)."""
    parts = [part for ids in texts for part in (_MARK, ids)]
    return as_tensor(np.concatenate([*parts, _MARK]))


_MARK = np.array([END])


def windows(stream: Tensor, length: int) -> Tensor:
    """Every run of `length` tokens and the one that follows, shape (s − t, t + 1), in the memory of
    the stream; a stream that is shorter is one window.
    """
    return stream.unfold(0, min(length + 1, len(stream)), 1)


def held_out(rows: Batch, fraction: float) -> tuple[Batch, Batch]:
    """Windows of the beginning, and apart from them those of the last part of the stream, side by
    side.
    """
    t = rows.X.shape[1]
    first = int(len(rows) * (1 - fraction))
    learned = rows.rows(0, max(1, first - t))
    return learned, side_by_side(rows.rows(min(first, len(rows) - 1), len(rows)))


def side_by_side(rows: Batch) -> Batch:
    """Of all windows those that begin where another ends."""
    y = rows.y
    t = rows.X.shape[1]
    return Batch(rows.X[::t], None if y is None else y[::t])


class DrawnWindows:
    """Windows drawn at random, each as likely and from anywhere in the stream.

    rows : all windows
    size : of a batch
    steps : batches of an epoch; None for so many that they hold as many tokens as the stream
    """

    def __init__(self, rows: Batches, size: int, steps: int | None) -> None:
        self.rows, self.size = rows.whole, size
        tokens = len(self.rows) + self.rows.X.shape[1]
        self.steps = steps or -(-tokens // (self.rows.X.shape[1] * size))

    def __len__(self) -> int:
        return self.steps * self.size

    def batches(self, seed: int | None, done: int = 0) -> Iterator[Batch]:
        """The batches of the epoch of this seed from the one of number `done` on; None takes the
        windows in their order, those that begin where another ends first.
        """
        n, t = len(self.rows), self.rows.X.shape[1]
        if seed is None:
            drawn = np.arange(len(self)) * t
            drawn = (drawn + drawn // n) % n
        else:
            drawn = np.random.RandomState(seed).randint(0, n, len(self))
        index: Tensor = as_tensor(drawn[done * self.size :], self.rows.X.device)
        yield from minibatches(self.rows, self.size, index)


def positions(n: int, length: int) -> Iterator[tuple[int, int, int]]:
    """Windows over n tokens such that each token but the first few is predicted from at least half
    a window of others: (start, stop, first token to count).
    """
    counted = 1
    step = max(1, length // 2)
    for start in range(0, n, step):
        stop = min(start + length + 1, n)
        if stop > counted:
            yield start, stop, counted
            counted = stop
        if stop == n:
            return


def batched(n: int, length: int, rows: int) -> Iterator[list[tuple[int, int, int]]]:
    """`positions` in lists of windows of equal length, at most `rows` each."""
    found: list[tuple[int, int, int]] = []
    for window in positions(n, length):
        same = not found or window[1] - window[0] == found[0][1] - found[0][0]
        if found and (len(found) == rows or not same):
            yield found
            found = []
        found.append(window)
    if found:
        yield found


def nats(scores: Tensor, following: Tensor) -> Tensor:
    """The negative logarithm of the probability of each token that follows; (b, t)."""
    return F.cross_entropy(scores.transpose(1, 2), following, reduction="none")


def mean_nats(scores: Tensor, batch: Batch) -> Tensor:
    """Their mean over a batch."""
    assert batch.y is not None
    return F.cross_entropy(scores.flatten(0, 1), batch.y.flatten())

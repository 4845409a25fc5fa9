"""Rows that a net does not learn from, to see how well it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.model_selection import train_test_split

from dovetail.data.batches import Batch, Batches
from dovetail.data.scan import Scan
from dovetail.data.tensors import as_tensor
from dovetail.errors import DataError
from dovetail.solve.net_gradient import NetGradient

__all__ = ["quality", "split"]


def split(
    net: Any, batches: Batches, random: np.random.RandomState
) -> tuple[Batches, Batches | None]:
    """Rows to learn from, and rows to validate on: those given, or some that are held out."""
    group = batches.group
    if net.validation_data is not None:
        data, device = net.validation_data, batches.device
        if group is None:
            return batches, _given(net, data, device)
        given = group.together(lambda: _given(net, data, device))
        return batches, replace(given, group=group)
    if not net.early_stopping:
        return batches, None
    if not batches.loaded:
        raise DataError(
            "Rows can be held out only where all are in memory. Give validation_data=, a scan of "
            "other files or (X, y)."
        )
    counts, rows = batches.counts(), batches.own
    first, n = batches.rows_before(), sum(counts)
    parts = train_test_split(
        np.arange(n),
        random_state=random,
        test_size=net.validation_fraction,
        stratify=net._strata(rows if group is None else _labels(batches)),
    )

    def own(part: npt.NDArray[Any]) -> Batches:
        mine = np.sort(part[(part >= first) & (part < first + len(rows))]) - first
        return Batches(rows.take(as_tensor(mine, batches.device)), group=group, total=len(part))

    learned, held_out = map(own, parts)
    return learned, held_out


def _labels(batches: Batches) -> Batch:
    """The classes of the rows of all processes, in X, too; nothing of other targets."""
    y = batches.head.y
    if y is None or y.is_floating_point():
        return Batch(torch.empty(0))
    labels = batches.targets()
    return Batch(labels, labels)


def _given(net: Any, data: Any, device: torch.device) -> Batches:
    if isinstance(data, Scan):
        return net._open_validation_scan(data).mapped(net._targets)
    X, y, *w = data
    opened = net._open(X, reset=False, device=device)
    target = net._open_validation_y(y, opened)
    weights = as_tensor(np.asarray(w[0]), device).to(net._dtype) if w else None
    return Batches(net._targets(Batch(opened, target, weights)))


def quality(
    gradient: NetGradient, validation: Batches, summed: Callable[..., Any] = Batches.sum
) -> float:
    """The negative of the mean loss on rows, without dropout and the like.

    summed : the sum over rows of what is computed of a block
    """

    def weighed(block: Batch) -> tuple[float, float]:
        if not len(block):
            return 0.0, 0.0
        weight = float(len(block) if block.w is None else block.w.sum())
        with gradient.autocast():
            return float(gradient.criterion(gradient.forward(block.X), block)) * weight, weight

    gradient.module.eval()
    with torch.no_grad():
        total, weight = summed(validation, weighed)
    gradient.module.train()
    return -total / weight

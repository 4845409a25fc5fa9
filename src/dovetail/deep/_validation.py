"""Rows that a net does not learn from, to see how well it does."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.model_selection import train_test_split

from dovetail.data.batches import Batch, Batches
from dovetail.data.scan import Scan
from dovetail.data.tensors import as_tensor
from dovetail.errors import DataError
from dovetail.solve.net_gradient import NetGradient

__all__ = ["quality", "split"]

_ROWS = 2048  # of a pass without gradients


def split(
    net: Any, batches: Batches, random: np.random.RandomState
) -> tuple[Batches, Batches | None]:
    """Rows to learn from, and rows to validate on: those given, or some that are held out."""
    if net.validation_data is not None:
        return batches, _given(net, net.validation_data, batches.device)
    if not net.early_stopping:
        return batches, None
    if not batches.in_memory:
        raise DataError(
            "Rows can be held out only where all are in memory. Give validation_data=, a scan of "
            "other files or (X, y)."
        )
    rows = batches.whole
    parts = train_test_split(
        np.arange(len(rows)),
        random_state=random,
        test_size=net.validation_fraction,
        stratify=net._strata(rows),
    )
    learned, held_out = (Batches(rows.take(as_tensor(p, batches.device))) for p in parts)
    return learned, held_out


def _given(net: Any, data: Any, device: torch.device) -> Batches:
    if isinstance(data, Scan):
        return net._open_validation_scan(data).mapped(net._targets)
    X, y, *w = data
    opened = net._open(X, reset=False, device=device)
    target = net._open_validation_y(y, opened)
    weights = as_tensor(np.asarray(w[0]), device).to(net._dtype) if w else None
    return Batches(net._targets(Batch(opened, target, weights)))


def quality(gradient: NetGradient, validation: Batches) -> float:
    """The negative of the mean loss on rows, without dropout and the like."""
    total, weight = 0.0, 0.0
    gradient.module.eval()
    with torch.no_grad():
        for block in validation.in_blocks(_ROWS):
            share = float(len(block) if block.w is None else block.w.sum())
            with gradient.autocast():
                total += float(gradient.criterion(gradient.forward(block.X), block)) * share
            weight += share
    gradient.module.train()
    return -total / weight

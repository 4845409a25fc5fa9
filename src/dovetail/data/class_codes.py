"""Codes of classes that are known before the rows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from dovetail.data.batches import Batch, Batches
from dovetail.data.tensors import as_tensor

__all__ = ["recoded"]


def recoded(batches: Batches, here: Any, known: Any) -> Batches:
    """The rows with codes among the known classes instead of those among the classes here.

    Raises
    ------
    ValueError
        A class that is not known.
    """
    strange = here[~np.isin(here, known)]
    if len(strange):
        raise ValueError(
            f"The target label(s) {strange} in y do not exist in the initial classes {known}"
        )
    place = as_tensor(np.searchsorted(known, here), batches.device)

    def changed(b: Batch) -> Batch:
        assert b.y is not None
        return replace(b, y=place[b.y])

    return batches.mapped(changed)

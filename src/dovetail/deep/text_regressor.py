"""Numbers told from texts."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Self

import torch

from dovetail.data.batches import Batch, Batches
from dovetail.deep._numbers import NumbersNet, columns_of
from dovetail.deep._text_net import TextNet
from dovetail.objective.losses import Loss, SquaredError

__all__ = ["TextRegressor"]


class TextRegressor(TextNet, NumbersNet):
    """Numbers from raw strings: a transformer beside a sum over the runs of tokens in a text, or a
    pretrained encoder.

    y is standardized inside. All parameters but `label_smoothing` and `class_weight` are those of
    `TextClassifier`; the loss is the squared error.

    Attributes
    ----------
    tokenizer_ : the tokenizer, learned from the texts or the encoder's
    history_ : dict of lists, an entry an epoch
    n_iter_ : int, epochs
    program_ : ids (n, t) and, of a net of its own, runs and their counts (n, m),
        int64, to predictions

    Raises
    ------
    DataError
        No texts, texts that are all empty, something that is no string, or a folder without an
        encoder that can be read.

    Examples
    --------
    >>> from dovetail.deep import TextRegressor
    >>> texts = ["two rooms", "two rooms, garden", "five rooms", "five rooms, garden"] * 5
    >>> model = TextRegressor(width=16, depth=1, max_epochs=2, random_state=0)
    >>> model.fit(texts, [200.0, 250.0, 500.0, 550.0] * 5).predict(["five rooms"]).shape
    (1,)
    >>> bool(model.score(texts, [200.0, 250.0, 500.0, 550.0] * 5) > 0.9)
    True
    """

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(**cls._quick())]

    def _outputs(self, rows: Batch) -> dict[str, Any]:
        y = columns_of(rows)
        spread = y.std(0, correction=0)
        scale = torch.where(spread > 0, spread, 1.0)
        return {"n_outputs": y.shape[1], "shift": y.mean(0), "scale": scale}

    def _problems(self, module: Any, rows: Batches) -> list[tuple[Batches, Loss]]:
        def of_column(j: int, batch: Batch) -> Batch:
            y = columns_of(batch)[:, j]
            return replace(batch, y=(y - module.shift[j]) / module.scale[j])

        return [
            (rows.mapped(partial(of_column, j)), SquaredError()) for j in range(len(module.shift))
        ]

"""Numbers told from texts."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor

from dovetail.data.batches import Batch
from dovetail.deep._numbers import NumbersNet
from dovetail.deep._text_net import TextNet
from dovetail.deep._wide import best_sum
from dovetail.objective.losses import SquaredError

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
    program_ : ids (n, t) and, of a net of its own, runs (n, m), int64, to predictions

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
        assert rows.y is not None
        y = rows.y.view(len(rows), -1)
        spread = y.std(0, correction=0)
        scale = torch.where(spread > 0, spread, 1.0)
        return {"n_outputs": y.shape[1], "shift": y.mean(0), "scale": scale}

    def _best_sum(self, module: Any, rows: Batch) -> tuple[Tensor, Tensor]:
        assert rows.y is not None
        y = (rows.y.view(len(rows), -1) - module.shift) / module.scale
        found = [best_sum(Batch(rows.X, column, rows.w), SquaredError()) for column in y.unbind(1)]
        return torch.cat([coef for coef, _ in found]), torch.cat([b for _, b in found])

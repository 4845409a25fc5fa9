"""Texts told apart."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

from dovetail.data.batches import Batch
from dovetail.deep._classes import ClassesNet
from dovetail.deep._losses import Loss
from dovetail.deep._text_net import TextNet
from dovetail.params import Between

__all__ = ["TextClassifier"]


class TextClassifier(TextNet, ClassesNet):
    """DOC"""

    _: KW_ONLY
    label_smoothing: Annotated[float, Between(0, 1, "left")] = 0.05

    @classmethod
    def _examples(cls) -> list[Self]:
        return [
            cls(
                width=8,
                depth=1,
                heads=2,
                max_epochs=2,
                early_stopping=False,
                dtype="float64",
                random_state=0,
            )
        ]

    def _outputs(self, rows: Batch) -> dict[str, Any]:
        return {"n_outputs": len(self.classes_)}

    def _mean_loss(self) -> Loss:
        return Loss.of(self._default_loss(), {"label_smoothing": self.label_smoothing})

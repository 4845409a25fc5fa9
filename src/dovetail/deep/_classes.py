"""Nets that tell classes apart."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any, Literal, Self

import numpy as np
from torch import Tensor, nn

from dovetail.base import Decisions, Probabilities, WeightedClassifier
from dovetail.data.batches import Batch, Batches
from dovetail.data.class_codes import recoded
from dovetail.data.scan import Scan
from dovetail.data.tensors import as_numpy
from dovetail.deep._net import Net
from dovetail.deep._program import NetScores
from dovetail.known_classes import learn_classes, same_classes
from dovetail.nn.criteria import CrossEntropy

__all__ = ["ClassesNet"]


class ClassesNet(Net, Probabilities, Decisions, WeightedClassifier):
    """A net whose module gives scores, (n, n_classes), or (n, 1) for two classes."""

    program_type = NetScores

    _: KW_ONLY
    class_weight: dict[Any, float] | Literal["balanced"] | None = None

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train one more epoch, on these rows.

        Parameters
        ----------
        X, y, sample_weight : as in `fit`
        classes : array-like of shape (n_classes,) or None
            All classes there will ever be; needed in the first call.

        Returns
        -------
        self
        """
        self._validate_params()
        learn_classes(self, classes)
        return self._go_on(X, y, sample_weight, incremental=True)

    def _receive(self, X: Any, y: Any, sample_weight: Any, *, reset: bool = True) -> Batches:
        if self._going_on:
            with same_classes(self) as known:
                batches = super()._receive(X, y, sample_weight, reset=reset)
                return recoded(batches, self.classes_, known)
        batches = super()._receive(X, y, sample_weight, reset=reset)
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs rows of at least 2 classes to tell apart. Got 1 "
                f"class: {self.classes_.tolist()[0]!r}."
            )
        return batches

    def _open_validation_y(self, y: Any, X: Any) -> Tensor | None:
        with same_classes(self) as known:
            codes = self._open_y(y, X)
            return recoded(Batches(Batch(X, codes)), self.classes_, known).y

    def _open_validation_scan(self, scan: Scan) -> Batches:
        with same_classes(self) as known:
            batches = super()._open_validation_scan(scan)
            strange = sorted(set(self.classes_) - set(known))
        if strange:
            raise ValueError(f"validation_data has classes that fit does not see: {strange}.")
        return batches

    def _default_loss(self) -> type[nn.Module]:
        return CrossEntropy

    def _fitting(self, outputs: Any, rows: Batch) -> Any:
        k = len(self.classes_)
        if isinstance(outputs, Tensor) and outputs.ndim == 1:
            outputs = outputs[:, None]
        shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        allowed = {(len(rows), k)} | ({(len(rows), 1)} if k == 2 else set())
        if shape not in allowed:
            raise ValueError(
                f"The module's output has shape {shape}, but {k} classes in targets of shape "
                f"{(len(rows),)} need {' or '.join(map(str, sorted(allowed)))}. Have the module "
                "take n_outputs."
            )
        return outputs

    def _strata(self, rows: Batch) -> Any:
        assert rows.y is not None
        y = as_numpy(rows.y)
        counts = np.bincount(y)
        return y if counts[counts > 0].min() > 1 else None

    def _program_fields(self, module: nn.Module) -> dict[str, Any]:
        return {"flat": len(self.classes_) == 2, "method": ""}

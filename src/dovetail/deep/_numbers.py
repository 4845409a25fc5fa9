"""Nets that predict numbers."""

from __future__ import annotations

from typing import Any, Self

from torch import Tensor, nn

from dovetail.base import Accepts, WeightedRegressor
from dovetail.data.batches import Batch, Batches
from dovetail.data.door import flat_if_single
from dovetail.deep._net import Net
from dovetail.deep._program import NetOutputs
from dovetail.nn.criteria import SquaredDistance

__all__ = ["NumbersNet", "columns_of"]


class NumbersNet(Net, WeightedRegressor):
    """A net whose module gives predictions, (n, n_outputs); (n, 1) and (n,) are the same."""

    accepts = Accepts(multi_output=True)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one more epoch, on these rows; arguments as in `fit`.

        Returns
        -------
        self
        """
        self._validate_params()
        return self._go_on(X, y, sample_weight, incremental=True)

    def _open_y(self, y: Any, X: Any) -> Tensor | None:
        target = super()._open_y(y, X)
        return None if target is None else flat_if_single(target)

    def _train(self, batches: Batches, before: Any, *, incremental: bool) -> NetOutputs:
        target = batches.head.y
        assert target is not None
        self._flat_target: bool = target.ndim == 1
        return super()._train(batches, before, incremental=incremental)

    def _default_loss(self) -> type[nn.Module]:
        return SquaredDistance

    def _fitting(self, outputs: Any, rows: Batch) -> Any:
        if not isinstance(outputs, Tensor) or rows.y is None:
            return outputs
        if self._flat_target and outputs.ndim == 2 and outputs.shape[1] == 1:
            outputs = outputs[:, 0]
        if self._compares_numbers() and outputs.shape != rows.y.shape:
            raise ValueError(
                f"The module's output has shape {tuple(outputs.shape)}, but the targets have "
                f"{tuple(rows.y.shape)}. Have the module take n_outputs."
            )
        return outputs

    def _compares_numbers(self) -> bool:
        """Whether the loss sets outputs against targets one by one."""
        return True

    def _program_fields(self, module: nn.Module) -> dict[str, Any]:
        return {"flat": self._flat_target, "method": ""}


def columns_of(rows: Batch) -> Tensor:
    """The targets of rows, (n, n_outputs)."""
    assert rows.y is not None
    return rows.y[:, None] if rows.y.ndim == 1 else rows.y

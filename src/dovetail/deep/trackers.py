"""What tells other programs of a net's training: `watch=TensorBoard("runs/first")`."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dovetail.errors import optional_dependency
from dovetail.solve.loop import Watch

__all__ = ["MLflow", "TensorBoard"]


@dataclass
class TensorBoard(Watch):
    """Writes what is recorded of each epoch where TensorBoard reads it.

    folder : of this training's events
    """

    folder: str | Path

    def end(self, n_iter: int, value: Any, record: dict[str, float]) -> bool:
        if n_iter == 1 or not hasattr(self, "_writer"):
            tensorboard = _needed("torch.utils.tensorboard", "tensorboard", "TensorBoard")
            self._writer = tensorboard.SummaryWriter(str(self.folder))
        for name, number in record.items():
            self._writer.add_scalar(name, number, n_iter)
        self._writer.flush()
        return False

    def __deepcopy__(self, memory: Any) -> TensorBoard:
        """A copy is of another training, and writes by itself."""
        return TensorBoard(self.folder)


@dataclass
class MLflow(Watch):
    """Logs what is recorded of each epoch as metrics of MLflow's active run, or of a new one."""

    def end(self, n_iter: int, value: Any, record: dict[str, float]) -> bool:
        _needed("mlflow", "mlflow", "MLflow").log_metrics(record, step=n_iter)
        return False


def _needed(module: str, package: str, purpose: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise optional_dependency(package, purpose) from error

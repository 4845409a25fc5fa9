"""Training of a module whose numbers the processes of a group hold together."""

from __future__ import annotations

from dataclasses import dataclass

from dovetail.solve.shard_files import write_sharded
from dovetail.solve.sharded_gradient import ShardedGradient
from dovetail.solve.shards import Shards
from dovetail.solve.shared_training import SharedTraining

__all__ = ["ShardedTraining"]


@dataclass(kw_only=True)
class ShardedTraining(SharedTraining):
    """`SharedTraining` in which `values`, averages, and what the optimizer remembers are those of
    this process's shards. All processes write a checkpoint together, each what it holds.

    shards : the numbers
    """

    gradient: ShardedGradient
    shards: Shards

    def _tell(self) -> None:
        super()._tell()
        self.gradient.wants = super()._due()

    def _due(self) -> bool:
        return self.gradient.due

    def _finite(self) -> bool:
        return self.shards.finite(self.learned())

    def _kind(self) -> dict[str, int]:
        return super()._kind() | {"numbers to learn": self.shards.total}

    def _write(self) -> None:
        assert self.checkpoints is not None
        state = {**self.checkpoints.facts, **self.state()}
        write_sharded(self.checkpoints.path, state, self.shards, self.group)
        self.checkpoints.restart()

"""What was measured of one model."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

__all__ = ["Entry"]


@dataclass
class Entry:
    """One model: its scores fold by fold and what it cost.

    Parameters
    ----------
    name, label : what `--models` calls it, and its class's name
    deep : bool
    n_folds : int
        Folds there are to run.
    """

    name: str
    label: str
    deep: bool
    n_folds: int
    scores: list[dict[str, float]] = field(default_factory=list)
    fits: list[float] = field(default_factory=list)
    predict_per_1k: list[float] = field(default_factory=list)
    peaks: list[float] = field(default_factory=list)
    one_row_ms: float = math.nan
    saved_mb: float = math.nan
    status: str = "waiting"

    def add(self, event: dict[str, Any]) -> None:
        """Take in the result of a fold."""
        self.scores.append(event["scores"])
        self.fits.append(event["fit_seconds"])
        self.predict_per_1k.append(1e6 * event["predict_seconds"] / event["n_test"])
        self.peaks.append(event["peak_mb"])

    @property
    def finished(self) -> bool:
        """Whether every fold was run."""
        return len(self.scores) == self.n_folds

    def values(self, metric: str) -> list[float]:
        """The score of every fold that was run."""
        return [s[metric] for s in self.scores]

    def mean(self, metric: str) -> float:
        """Mean over folds, NaN before the first."""
        return float(np.mean(self.values(metric))) if self.scores else math.nan

    def se(self, metric: str) -> float:
        """Standard error of the mean over folds, NaN before the second."""
        if len(self.scores) < 2:
            return math.nan
        return float(np.std(self.values(metric), ddof=1) / math.sqrt(len(self.scores)))

    @property
    def fit_seconds(self) -> float:
        return float(np.mean(self.fits)) if self.fits else math.nan

    @property
    def predict_ms_per_1k(self) -> float:
        return float(np.mean(self.predict_per_1k)) if self.predict_per_1k else math.nan

    @property
    def peak_mb(self) -> float:
        return max(self.peaks) if self.peaks else math.nan

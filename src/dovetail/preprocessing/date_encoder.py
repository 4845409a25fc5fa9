"""Dates and times as numbers."""

from dataclasses import KW_ONLY
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils import Tags
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted
from torch import Tensor

from dovetail.base import Accepts, Transformer
from dovetail.data.batches import Batch, Batches
from dovetail.data.door import open_columns
from dovetail.data.statistics import in_blocks
from dovetail.data.tensors import as_tensor, target_device
from dovetail.params import ArrayLike
from dovetail.preprocessing._dates import MISSING, PARTS, DateParts, calendar, moments, outputs

__all__ = ["DateEncoder"]

_ON_DEMAND = ("second", "day_of_year", "weekend")  # parts that "auto" leaves out


class DateEncoder(Transformer):
    """Replace dates and times by their parts, and by sine and cosine of those that come round.

    A part that comes round again after p units, as months do after 12, is a point on a circle:
    sin(2π value / p) and cos(2π value / p) bring December next to January.

    Parameters
    ----------
    parts : "auto" or list of str, default="auto"
        Of "year", "month" (1 to 12), "day" (of the month), "weekday" (Monday is 0), "hour",
        "minute", "second", "day_of_year" (1 to 366), "weekend" (1 on Saturday and Sunday) and
        "time" (days since 1970, with their fraction). "auto" takes those that vary in fit, but
        for seconds, and for the last two but one, which follow from the others.
    cycles : bool, default=True
        Whether sine and cosine follow month, weekday, hour, minute, second and day of the year.

    Attributes
    ----------
    parts_ : list of list of str, the parts of each column
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Raises
    ------
    DataError
        A column holds what is no date; the message names it.

    Columns may be dates or times of pandas, polars, arrow and numpy, Python's own, strings that are
    all of ISO 8601 or all of one other format, or numbers (seconds since 1970). Times of a zone
    count as the clock shows them there. Missing ones give NaN. The output is float64, because days
    since 1970 do not fit float32 with their minutes. Cost O(n) a column.

    Examples
    --------
    >>> from dovetail.preprocessing import DateEncoder
    >>> encoder = DateEncoder(cycles=False).fit([["2024-02-28"], ["2024-03-01"]])
    >>> encoder.get_feature_names_out().tolist()
    ['x0_month', 'x0_day', 'x0_weekday', 'x0_time']
    >>> encoder.transform([["2024-02-29"]])
    array([[2.0000e+00, 2.9000e+01, 3.0000e+00, 1.9782e+04]])
    """

    accepts = Accepts(columns=True, missing=True)

    parts: Literal["auto"] | ArrayLike = "auto"
    _: KW_ONLY
    cycles: bool = True

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(["month", "weekday"]), cls(cycles=False)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags

    @property
    def parts_(self) -> list[list[str]]:
        """The parts of each column."""
        program: Any = self.program_
        return [list(parts) for parts in program.parts]

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Tensor:
        """Microseconds since 1970, int64 of shape (n, d)."""
        columns = open_columns(self, X, self.accepts, reset=reset)
        formats = [None] * columns.shape[1] if reset else self._formats
        read = [
            moments(values, name, format)
            for values, name, format in zip(columns.values, columns.names, formats, strict=True)
        ]
        if reset:
            self._formats: list[str | None] = [format for _, format in read]
        found = np.stack([whole for whole, _ in read], axis=1)
        return as_tensor(found, device or target_device(X))

    def _fit(self, batches: Batches) -> DateParts:
        if isinstance(self.parts, str):
            return self._program_of(self._varying(batches), batches)
        unknown = [part for part in self.parts if part not in PARTS]
        if unknown:
            raise ValueError(
                f"There is no part {unknown[0]!r} of a date. Allowed: {', '.join(PARTS)}."
            )
        return self._program_of([list(self.parts)] * batches.n_features, batches)

    def _program_of(self, parts: list[list[str]], batches: Batches) -> DateParts:
        return DateParts.of(parts, cycles=self.cycles, device=batches.device)

    def _varying(self, batches: Batches) -> list[list[str]]:
        """The parts that vary in each column; the time where nothing does."""

        def extremes(b: Batch) -> tuple[Tensor, Tensor]:
            there = b.X != MISSING
            every = torch.stack(list(calendar(b.X).values()))  # (parts, n, d)
            low = every.masked_fill(~there, torch.inf).amin(1)
            return low, every.masked_fill(~there, -torch.inf).amax(1)

        low, high = in_blocks(batches).fold(
            extremes, lambda a, b: (torch.minimum(a[0], b[0]), torch.maximum(a[1], b[1]))
        )
        varies = (low < high).cpu()
        names = [p for p in PARTS if p not in _ON_DEMAND]
        rows = [PARTS.index(p) for p in names]
        return [
            [p for p, i in zip(names, rows, strict=True) if varies[i, j]] or ["time"]
            for j in range(batches.n_features)
        ]

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the output columns, such as "day_month", "day_month_sin".

        Parameters
        ----------
        input_features : array-like of str or None
            None takes `feature_names_in_`, or x0, x1, ...
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        program: Any = self.program_
        return np.asarray(
            [
                f"{name}_{part}{ending}"
                for name, parts in zip(names, program.parts, strict=True)
                for part in parts
                for ending in ("", "_sin", "_cos")[: outputs(part, cycles=program.cycles)]
            ],
            dtype=object,
        )

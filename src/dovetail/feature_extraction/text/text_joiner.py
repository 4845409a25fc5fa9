"""Rows of a table as texts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import _fit_context
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from dovetail.base import Transformer, over_blocks
from dovetail.data.columns import Columns, missing_mask, to_numpy
from dovetail.data.door import aligned, source
from dovetail.data.frames import is_frame
from dovetail.data.scan import in_one_memory
from dovetail.data.schema import Kind
from dovetail.data.table import Table
from dovetail.errors import ProgramError
from dovetail.params import AtLeast
from dovetail.program import Program

__all__ = ["TextJoiner"]


class TextJoiner(Transformer):
    """Write each row of a table as one text, for estimators that read texts.

    Each value is a line `name: value`; texts come last, and one that is alone has no name. A
    number is written as the bin it is in, `q1` to `q10` for tenths of the rows of fit, so that like
    numbers share a word. Missing values are left out.

    Parameters
    ----------
    n_bins : int >= 2, default=10
        Words of a column of numbers; columns of no more different ones keep their numbers.

    Attributes
    ----------
    schema_ : Schema, what the columns of X are
    edges_ : dict of column name to ndarray, the numbers at which a next bin begins
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    The output is an array of strings of shape (n_samples, 1). Cost O(n d).

    Source: Hegselmann et al. (2023), TabLLM, https://arxiv.org/abs/2210.10723, for rows as texts.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from dovetail.feature_extraction.text import TextJoiner
    >>> table = pa.table({"stars": [5, 1], "review": ["well made and cheap", None]})
    >>> TextJoiner().fit_transform(table).tolist()
    [['stars: 5\\nreview: well made and cheap'], ['stars: 1']]
    """

    n_bins: Annotated[int, AtLeast(2)] = 10
    _: KW_ONLY

    @classmethod
    def _examples(cls) -> list[Self]:
        return []  # it has no tensors

    def __sklearn_is_fitted__(self) -> bool:
        return "schema_" in self.__dict__

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.string = tags.input_tags.categorical = tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = []
        return tags

    @property
    def program_(self) -> Program:
        """None: strings have no tensors."""
        raise ProgramError("TextJoiner writes strings, not tensors: it has no Program.")

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what the columns are, and the bins of numbers.

        Parameters
        ----------
        X : frame, dict of columns, or array-like of shape (n_samples, n_features)
        y : ignored

        Returns
        -------
        self
        """
        in_one_memory(X)
        table = self._table(X, reset=True)
        self.schema_, self.edges_ = table.schema, {}
        columns = Columns.from_frame(table.typed().to_native())
        for info, values in zip(table.schema.columns, columns.values, strict=True):
            if info.kind is Kind.NUMBER and info.n_unique > self.n_bins:
                numbers = to_numpy(values).astype(np.float64)
                inner = np.linspace(0, 1, self.n_bins + 1)[1:-1]
                edges = np.quantile(numbers[np.isfinite(numbers)], inner)
                self.edges_[info.name] = np.unique(edges)
        return self

    @over_blocks
    def transform(self, X: Any) -> npt.NDArray[np.object_]:
        """A text for each row of X, (n_samples, 1).

        Raises
        ------
        SchemaError
            The columns are not those of fit.
        """
        check_is_fitted(self)
        table = self._table(X, reset=False)
        self.schema_.require(table.schema)
        columns = Columns.from_frame(table.typed(self.schema_).to_native())
        lines: list[list[str]] = [[] for _ in range(len(table))]
        named = dict(zip(columns.names, columns.values, strict=True))
        texts = self.schema_.select(kinds=[Kind.TEXT])
        for info in sorted(self.schema_.columns, key=lambda c: c.kind is Kind.TEXT):
            before = "" if texts == [info.name] else f"{info.name}: "
            for row, word in self._words(info.name, named[info.name]):
                lines[row].append(before + word)
        joined = np.empty((len(lines), 1), dtype=object)
        joined[:, 0] = ["\n".join(parts) for parts in lines]
        return joined

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """The name of the one column: "text"."""
        check_is_fitted(self)
        return np.asarray(["text"], dtype=object)

    def _table(self, X: Any, *, reset: bool) -> Table:
        X = source(X) if reset else aligned(self, source(X))
        if is_frame(X):
            validate_data(self, X, reset=reset, skip_check_array=True)
        return Table.read(X)

    def _words(self, name: str, values: Any) -> Iterable[tuple[int, str]]:
        """The rows where a column has a value, and how it is written."""
        edges, there = self.edges_.get(name), np.flatnonzero(~missing_mask(values))
        found = to_numpy(values)[there]
        if edges is not None:
            bins = np.searchsorted(edges, found.astype(np.float64), side="right")
            return zip(there.tolist(), (f"q{b + 1}" for b in bins.tolist()), strict=True)
        if found.dtype.kind == "f" and (found == np.round(found)).all():
            found = found.astype(np.int64)  # whole numbers that a missing value has made floats
        return zip(there.tolist(), map(str, found.tolist()), strict=True)

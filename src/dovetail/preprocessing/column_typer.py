"""The door of a table, as a step of a pipeline."""

from dataclasses import KW_ONLY
from typing import Any, Literal, Self

import narwhals as nw
import numpy as np
import numpy.typing as npt
from sklearn.base import _fit_context
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted, validate_data

from dovetail.base import Accepts, Transformer, over_blocks
from dovetail.data.door import Given, open_columns, source
from dovetail.data.frames import dict_to_arrow, is_frame
from dovetail.data.scan import first_rows
from dovetail.data.schema import Role
from dovetail.data.table import Table
from dovetail.data.tensors import as_tensor
from dovetail.distributed import agreed
from dovetail.errors import ProgramError
from dovetail.program import Program

__all__ = ["ColumnTyper"]


class ColumnTyper(Transformer):
    """Learn what a table's columns are, hold later tables against it, and give every column its
    true type.

    Identifiers and constants are left out, categories become categorical columns, numbers and dates
    stored as text are converted, and what people type for "no value" ("", "NA", "?", ...) becomes
    missing. A later table may have its columns in any order; a missing, extra, renamed or re-typed
    column is an error that lists every difference.

    Parameters
    ----------
    kinds : dict of column name to kind, or None
        Kinds to use instead of those the values suggest: "number", "bool", "category", "text",
        "date"; or "drop", to leave a column out.
    extra : {"error", "ignore"}, default="error"
        What to do about columns that were not there in fit.

    Attributes
    ----------
    schema_ : Schema
        Name, kind, role, stored type, categories, missing values and notes of each column of X.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    The output is a frame of the same make as X (pandas, polars, pyarrow; pyarrow for a dict or a
    path), an array for an array. Cost O(n) a column, one hash of every string.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from dovetail.preprocessing import ColumnTyper
    >>> typer = ColumnTyper().fit(pa.table({"size": ["1.5", "?", "2"], "day": ["2024-01-01"] * 3}))
    >>> [str(c.kind) for c in typer.schema_.columns]
    ['number', 'date']
    """

    accepts = Accepts(columns=True, missing=True)

    _: KW_ONLY
    kinds: dict[Any, str] | None = None
    extra: Literal["error", "ignore"] = "error"

    def __sklearn_is_fitted__(self) -> bool:
        return "schema_" in self.__dict__

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = []
        return tags

    @property
    def program_(self) -> Program:
        """None: strings have no tensors."""
        raise ProgramError("ColumnTyper works on frames, not on tensors: it has no Program.")

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the columns of X.

        Parameters
        ----------
        X : frame, dict of columns, path, array-like of shape (n_samples, n_features), or scan, of
            which the first rows tell
        y : ignored, there for the Pipeline

        Returns
        -------
        self
        """
        X = source(first_rows(X))
        if is_frame(X):
            validate_data(self, X, reset=True, skip_check_array=True)
        dropped = [n for n, kind in (self.kinds or {}).items() if kind == "drop"]
        self.schema_ = agreed(lambda: self._table(X, reset=True).schema)
        features = set(self.schema_.select(role=Role.FEATURE)) - set(dropped)
        self._output = self.schema_.without(*(set(self.schema_.names) - features))
        return self

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the columns that are kept."""
        check_is_fitted(self)
        if input_features is not None and list(input_features) != self.schema_.names:
            raise ValueError("input_features is not equal to feature_names_in_")
        return np.asarray(self._output.names, dtype=object)

    @over_blocks
    def transform(self, X: Any) -> Any:
        """X with its columns checked, in the order of fit, and of their true types.

        Raises
        ------
        SchemaError
            The columns are not those of fit.
        """
        check_is_fitted(self)
        given, X = Given.of(X), source(X)
        table = self._table(X, reset=False)
        if is_frame(X):
            self.schema_.require(table.schema, extra=self.extra == "ignore")
        typed = table.typed(self._output)
        if is_frame(X):
            return typed.to_native()
        out = _as_array(typed)
        tensor = given.container == "torch" and out.dtype != object
        return as_tensor(out, given.device) if tensor else out

    def _table(self, X: Any, *, reset: bool) -> Table:
        kinds = {n: k for n, k in (self.kinds or {}).items() if k != "drop"} if reset else None
        if is_frame(X):
            return Table.read(X, kinds=kinds)
        columns = open_columns(self, X, self.accepts, reset=reset)
        frame = dict_to_arrow(
            {n: _plain(v) for n, v in zip(columns.names, columns.values, strict=True)}
        )
        return Table.read(frame, kinds=kinds)


def _plain(values: Any) -> Any:
    """Objects as a list, so that arrow finds their common type."""
    return values.tolist() if isinstance(values, np.ndarray) and values.dtype == object else values


def _as_array(typed: nw.DataFrame[Any]) -> npt.NDArray[Any]:
    """Numbers where all columns are, else objects."""
    columns = [column.to_numpy() for column in typed.iter_columns()]
    numbers = all(c.dtype.kind in "biuf" for c in columns)
    return np.column_stack(columns if numbers else [c.astype(object) for c in columns])

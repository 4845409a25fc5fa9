"""One transformer for any number of columns, each on its own."""

from collections.abc import Mapping
from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

import narwhals as nw
import numpy as np
import scipy.sparse as sp
from sklearn.base import TransformerMixin, _fit_context, clone
from sklearn.utils import Tags
from sklearn.utils.metadata_routing import MetadataRouter, _raise_for_params, process_routing
from sklearn.utils.validation import _check_feature_names_in, validate_data

from dovetail.compose._columns import with_columns
from dovetail.compose._outputs import refuse_flat
from dovetail.data.columns import is_nan
from dovetail.data.door import aligned
from dovetail.data.frames import is_frame, take_columns
from dovetail.data.scan import Scan, first_rows
from dovetail.params import Has
from dovetail.pipeline._branches import Branch, Branches
from dovetail.pipeline._composition import Routed
from dovetail.pipeline._metadata import branch_mapping

__all__ = ["ForEach"]


class ForEach(Branches):
    """A clone of one transformer for every column of X, their outputs joined along the columns.

    For transformers that read one column as a vector, such as the text vectorizers, where it is
    known only at fit how many columns there will be. Each clone is given what a ColumnTransformer
    gives for a column that is chosen by a single name.

    Parameters
    ----------
    transformer : transformer
        Cloned for each column.
    sparse_output : bool, default=True
        Whether the output is sparse where that of a column is. A container of `set_output` holds
        dense columns only.
    n_jobs : int or None, default=None
        Workers that fit and transform columns at the same time, as joblib counts them.
    transformer_weights : dict of str to float or None, default=None
        Factor of a column's output, by the column's name.
    verbose : bool, default=False
        Whether to print the time each column takes to fit.
    verbose_feature_names_out : bool, str or callable, default=True
        How `get_feature_names_out` names an output of a column: True by `column__output`, False by
        the output alone, which must then be unique; a string as in
        "{feature_name}@{transformer_name}"; a function of (column, output).

    Attributes
    ----------
    transformers_ : list of (str, transformer)
        The fitted transformers, with the names of their columns: x0, x1, … where X has none.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names
    program_ : SideBySide
        The Programs of the clones; it takes `front(X)`, the list of their fronts.

    Missing values (null, None, NaN) in a column of strings are empty strings to the transformer,
    and so empty documents. Of no columns the output is an array of shape (n_samples, 0).

    Raises
    ------
    TypeError
        X is a sparse matrix.
    SchemaError
        Columns are missing, or there are others than in fit; their order does not matter.
    ProgramError
        `program_` where there are no columns, or the transformer has no Program.

    Cost: that of the transformer, once a column, and one copy of the outputs.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from dovetail.compose import ForEach
    >>> from dovetail.feature_extraction.text import CountVectorizer
    >>> frame = pa.table({"title": ["to be", None], "body": ["or not to be", "to be"]})
    >>> words = ForEach(CountVectorizer())
    >>> words.fit_transform(frame).toarray()
    array([[1, 1, 1, 1, 1, 1],
           [0, 0, 1, 0, 0, 1]])
    >>> words.get_feature_names_out().tolist()
    ['title__be', 'title__to', 'body__be', 'body__not', 'body__or', 'body__to']
    """

    transformer: (
        Annotated[Any, Has("fit", "transform")] | Annotated[Any, Has("fit_transform", "transform")]
    )
    _: KW_ONLY
    sparse_output: bool = True

    @classmethod
    def _examples(cls) -> list[Self]:
        """None: what reads one column of numbers is the user's own."""
        return []

    # -- a branch a column

    def _received(self, X: Any) -> Any:
        if sp.issparse(X):
            raise TypeError(
                "Sparse data was passed to ForEach, which takes columns as dense vectors. Use "
                "X.toarray()."
            )
        return with_columns(X, type(self).__name__)

    def _branches(self, X: Any) -> list[Branch]:
        X = aligned(self, X)
        validate_data(self, X=X, reset=False, skip_check_array=True)
        return [Branch(name, t, _column(X, j)) for j, (name, t) in enumerate(self.transformers_)]

    def _fitted_members(self) -> list[tuple[str, Any]]:
        return self.transformers_

    def _message(self, name: str, index: int, total: int) -> str:
        return f"({index} of {total}) Processing {name}"

    def _check_output(self, name: str, output: Any) -> None:
        refuse_flat(name, output)

    # -- learning and transforming

    @_fit_context(prefer_skip_nested_validation=False)
    def _fit_as(self, caller: str, X: Any, y: Any, params: Mapping[str, Any]) -> list[Any]:
        _raise_for_params(params, self, caller)
        validate_data(self, X=first_rows(X), skip_check_array=True)
        names = [str(name) for name in _check_feature_names_in(self)]
        branches = [Branch(n, clone(self.transformer), _column(X, j)) for j, n in enumerate(names)]
        routed = process_routing(self, caller, **params) if params else None
        outputs, fitted = self._run_fit(branches, y, self._to_each(routed, names), caller)
        self.transformers_ = list(zip(names, fitted, strict=True))
        self._remember_names(names, outputs)
        return outputs

    def _carry(self, X: Any, routed: Routed = None) -> Any:
        self._require_fitted()
        return super()._carry(X, self._to_each(routed, [name for name, _ in self.transformers_]))

    def _to_each(self, routed: Routed, names: list[str]) -> Routed:
        """What was routed to the transformer, for its clones."""
        return dict.fromkeys(names, routed["transformer"]) if routed else None

    def _join_arrays(self, outputs: Any) -> Any:
        if not self.sparse_output:
            outputs = [out.toarray() if sp.issparse(out) else out for out in outputs]
        return super()._join_arrays(outputs)

    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose the container ("default", "pandas" or "polars") of the output. Those of the single
        columns stay as they are, because vectorizers have no choice.
        """
        return TransformerMixin.set_output(self, transform=transform)

    def _program_on_numbers(self) -> None:
        """None: what reads a vector cannot follow a Program of matrices."""

    # -- what scikit-learn asks

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names of the output columns."""
        self._require_fitted()
        columns = _check_feature_names_in(self, input_features)
        return self._names_out(
            [
                (str(column), self._own_names(name, transformer, [column]))
                for column, (name, transformer) in zip(columns, self.transformers_, strict=True)
            ]
        )

    def __sklearn_is_fitted__(self) -> bool:
        return "transformers_" in self.__dict__

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.allow_nan = True
        return tags

    def get_metadata_routing(self) -> MetadataRouter:
        """Which metadata goes from which method of this to which method of the transformer."""
        mapping = branch_mapping(self.transformer)
        return MetadataRouter(owner=self).add(method_mapping=mapping, transformer=self.transformer)


def _column(X: Any, j: int) -> Any:
    """A column as a vector; missing strings are empty ones."""
    if isinstance(X, Scan):
        return X.take_columns([j]).mapped(lambda block: _column(block, 0))
    column = take_columns(X, j)
    if is_frame(X):
        return _filled(nw.from_native(column, series_only=True))
    if isinstance(column, np.ndarray) and column.dtype == object:
        missing = np.fromiter((v is None or is_nan(v) for v in column), bool, len(column))
        if missing.any() and all(isinstance(v, str) for v in column[~missing]):
            return np.where(missing, "", column)
    return column


def _filled(series: nw.Series[Any]) -> Any:
    """A column of a frame, the same rule."""
    words = series.dtype in (nw.String, nw.Categorical, nw.Enum)
    if not words or not series.null_count():
        return series.to_native()
    return series.cast(nw.String).fill_null("").to_native()

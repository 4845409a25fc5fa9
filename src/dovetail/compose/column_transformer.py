"""Different transformers for different columns."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import KW_ONLY
from functools import partial
from typing import Annotated, Any, Literal, Self

import scipy.sparse as sp
from sklearn.base import _fit_context, clone
from sklearn.utils import Bunch, Tags, get_tags
from sklearn.utils._param_validation import Hidden
from sklearn.utils._repr_html.estimator import _VisualBlock
from sklearn.utils._set_output import _get_output_config
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    _raise_for_params,
    process_routing,
)
from sklearn.utils.validation import (
    _check_feature_names_in,
    _check_n_features,
    check_array,
    validate_data,
)

from dovetail.compose._columns import (
    as_slice,
    is_single,
    kind_of,
    missing_columns,
    positions_of,
    with_columns,
)
from dovetail.compose._outputs import (
    places,
    refuse_flat,
    refuse_pandas_na,
    sparse_enough,
    vectors_explained,
)
from dovetail.data.frames import column_names, take_columns
from dovetail.data.scan import Scan, first_rows
from dovetail.distributed import agreed
from dovetail.params import Between, Has, Rule
from dovetail.pipeline._branches import Branch, Branches, is_word
from dovetail.pipeline._composition import NamedMembers, Routed, as_foreign, name_estimators
from dovetail.pipeline._joining import join_sparse
from dovetail.pipeline._metadata import branch_mapping
from dovetail.preprocessing import FunctionTransformer, StandardScaler

__all__ = ["ColumnTransformer", "make_column_transformer"]

_Transformer = (
    Literal["drop", "passthrough"]
    | Annotated[Any, Has("fit", "transform")]
    | Annotated[Any, Has("fit_transform", "transform")]
)


class ColumnTransformer(NamedMembers, Branches):
    """A transformer for each group of columns, their outputs joined along the columns.

    Columns that were chosen from a frame are found again by name, whatever their order and whatever
    other columns there are.

    Parameters
    ----------
    transformers : list of (str, transformer, columns)
        The transformer may be "passthrough" or "drop". The columns are positions, names, a slice of
        either, a mask, or a function of X that gives one of these (`make_column_selector`). A
        single position or name gives the transformer a vector, a list a matrix.
    remainder : transformer, "passthrough" or "drop", default="drop"
        For the columns that no transformer takes.
    sparse_threshold : float in [0, 1], default=0.3
        Where a branch gives a sparse matrix, the whole is sparse if its share of stored values is
        below this.
    n_jobs : int or None, default=None
        Workers that fit and transform branches at the same time, as joblib counts them.
    transformer_weights : dict of str to float or None, default=None
        Factor of a branch's output, by name.
    verbose : bool or int, default=False
        Whether to print the time each branch takes to fit.
    verbose_feature_names_out : bool, str or callable, default=True
        How `get_feature_names_out` names a column: True by `branch__column`, False by the column
        alone, which must then be unique; a string as in "{feature_name}@{transformer_name}"; a
        function of (branch, column).

    Attributes
    ----------
    transformers_ : list of (str, transformer, columns)
        The fitted transformers, with the columns as they were chosen, and those of the remainder.
    named_transformers_ : Bunch
        The fitted transformers by name; `transformer[name]` gives one.
    sparse_output_ : bool
    output_indices_ : dict of str to slice
        Where each branch's columns are in the output.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names
    program_ : SideBySide
        The branches' Programs; it takes `front(X)`, the list of their fronts.

    Raises
    ------
    SchemaError
        Columns are missing; all of them are named, each with the nearest name that is there.

    Cost: that of the branches, their parts of X (shared where the container can share, as a slice
    of an array), and one copy of their outputs.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from dovetail.compose import ColumnTransformer
    >>> from dovetail.preprocessing import StandardScaler
    >>> frame = pa.table({"age": [20, 40], "size": [1.5, 2.5], "city": ["Lyon", "Graz"]})
    >>> branches = [("scaled", StandardScaler(), ["size"]), ("as_is", "passthrough", ["age"])]
    >>> columns = ColumnTransformer(branches)
    >>> columns.fit_transform(frame)
    array([[-1., 20.],
           [ 1., 40.]])
    >>> columns.transform(frame.select(["age", "size"]))
    array([[-1., 20.],
           [ 1., 40.]])
    """

    _members = "_pairs"

    transformers: Annotated[list[Any], Rule(list)] | Annotated[tuple[Any, ...], Rule(Hidden(tuple))]
    _: KW_ONLY
    remainder: _Transformer = "drop"
    sparse_threshold: Annotated[float, Between(0, 1)] = 0.3

    @classmethod
    def _examples(cls) -> list[Self]:
        two = [("scaled", StandardScaler(), [0]), ("as_is", "passthrough", slice(1, 2))]
        return [cls(two, remainder="passthrough"), cls(two, remainder=StandardScaler())]

    # -- the list of branches

    @property
    def _pairs(self) -> Any:
        """(name, transformer) without the columns: what nested parameters are looked up in."""
        try:
            return [(name, transformer) for name, transformer, _ in self.transformers]
        except (TypeError, ValueError):  # no list of triples; `fit` will say so
            return self.transformers

    @_pairs.setter
    def _pairs(self, pairs: Any) -> None:
        try:
            self.transformers = [
                (name, transformer, columns)
                for (name, transformer), (_, _, columns) in zip(
                    pairs, self.transformers, strict=True
                )
            ]
        except (TypeError, ValueError):
            self.transformers = pairs

    @property
    def named_transformers_(self) -> Bunch:
        """The fitted transformers by name."""
        return Bunch(**{name: transformer for name, transformer, _ in self.transformers_})

    def __getitem__(self, name: str) -> Any:
        if not hasattr(self, "transformers_"):
            raise TypeError("ColumnTransformer is subscriptable after it is fitted")
        if name not in self.named_transformers_:
            raise KeyError(f"'{name}' is not a valid transformer name")
        return self.named_transformers_[name]

    def _fitted_members(self) -> list[tuple[str, Any]]:
        return [(name, t) for name, t, _ in self.transformers_ if self._takes_part(name, t)]

    def _takes_part(self, name: str, transformer: Any) -> bool:
        return not is_word("drop", transformer) and bool(self._positions[name])

    def _all_members(self) -> list[Any]:
        given = [*self.transformers, *getattr(self, "transformers_", [])]
        return [*(transformer for _, transformer, _ in given), self.remainder]

    def _columns(self, name: str) -> list[int]:
        return self._positions[name]

    def _message(self, name: str, index: int, total: int) -> str:
        return f"({index} of {total}) Processing {name}"

    def _check_branches(self) -> None:
        if not self.transformers:
            return
        names, transformers, _ = zip(*self.transformers, strict=True)
        self._validate_names(names)
        self._check_estimators_are_instances(transformers)
        for name, t, _ in self.transformers:
            fits = hasattr(t, "fit") or hasattr(t, "fit_transform")
            word = is_word("drop", t) or is_word("passthrough", t)
            if not word and not (fits and hasattr(t, "transform")):
                raise TypeError(
                    "All estimators should implement fit and transform, or can be 'drop' or "
                    f"'passthrough' specifiers. The branch {name!r}, '{t}' (type {type(t)}), "
                    "doesn't."
                )

    # -- columns

    def _choose(self, X: Any) -> list[tuple[str, Any, Any]]:
        """(name, transformer, columns) of all branches, the remainder among them, for this X; keeps
        the positions.
        """
        names, width = column_names(X), X.shape[1]
        asked = {n: partial(c, X) for n, _, c in self.transformers if callable(c)}
        chosen = [(n, t, agreed(asked[n]) if n in asked else c) for n, t, c in self.transformers]
        self._positions = {n: positions_of(c, names, width) for n, _, c in chosen}
        taken = {j for positions in self._positions.values() for j in positions}
        rest = self._positions["remainder"] = [j for j in range(width) if j not in taken]
        return [*chosen, ("remainder", self.remainder, self._said(rest))] if rest else chosen

    def _said(self, positions: list[int]) -> list[Any]:
        """The remaining columns, in the way that all others were chosen."""
        given = [columns for _, _, columns in self.transformers]
        kinds = {"int" if callable(columns) else kind_of(columns) for columns in given}
        if kinds == {"str"}:
            return list(self.feature_names_in_[positions])
        if kinds == {"bool"}:
            return [j in set(positions) for j in range(self.n_features_in_)]
        return positions

    def _received(self, X: Any) -> Any:
        return with_columns(X, type(self).__name__)

    def _branches(self, X: Any) -> list[Branch]:
        active = [each for each in self.transformers_ if self._takes_part(each[0], each[1])]
        names = column_names(X) if hasattr(self, "feature_names_in_") else None
        if names is None:
            _check_n_features(self, X, reset=False)
            place = {n: positions_of(c, None, X.shape[1]) for n, _, c in active}
        else:
            place = self._found([name for name, _, _ in active], names)
        return [Branch(n, t, _part(X, c, place[n])) for n, t, c in active]

    def _found(self, branches: Sequence[str], there: list[str]) -> dict[str, list[int]]:
        """Positions of the branches' columns in a frame, by their names."""
        before = self.feature_names_in_.tolist()
        if there == before:
            return self._positions
        place = {name: j for j, name in enumerate(there)}
        needed = dict.fromkeys(before[j] for b in branches for j in self._positions[b])
        missing = [name for name in needed if name not in place]
        if missing:
            raise missing_columns("columns are missing", missing, there)
        return {b: [place[before[j]] for j in self._positions[b]] for b in branches}

    # -- learning

    @_fit_context(prefer_skip_nested_validation=False)
    def _fit_as(self, caller: str, X: Any, y: Any, params: Mapping[str, Any]) -> list[Any]:
        """Every branch transforms too, because the outputs decide whether the whole is sparse."""
        _raise_for_params(params, self, caller)
        seen = first_rows(X)
        validate_data(self, X=seen, skip_check_array=True)
        if not X.shape[1]:
            raise ValueError(
                f"Found array with 0 feature(s) (shape={X.shape}) while a minimum of 1 is required "
                "by ColumnTransformer."
            )
        self._check_branches()
        chosen = self._choose(seen)
        routed = process_routing(self, "fit_transform", **params) if params else None
        active = [(n, t, c) for n, t, c in chosen if self._takes_part(n, t)]
        branches = [
            Branch(
                name,
                self._identity() if is_word("passthrough", t) else clone(t),
                _part(X, columns, self._positions[name]),
            )
            for name, t, columns in active
        ]
        with vectors_explained():
            outputs, fitted = self._run_fit(branches, y, routed, "fit_transform")
        made = [first_rows(out) for out in outputs]
        by_name = dict(zip([branch.name for branch in branches], fitted, strict=True))
        self.transformers_ = [(name, by_name.get(name, t), c) for name, t, c in chosen]
        self.sparse_output_ = sparse_enough(made, self.sparse_threshold)
        self.output_indices_ = places(by_name, made, self._positions)
        self._remember_names(list(by_name), made)
        return outputs

    def _identity(self) -> FunctionTransformer:
        """What "passthrough" becomes."""
        identity = FunctionTransformer(
            accept_sparse=True, check_inverse=False, feature_names_out="one-to-one"
        )
        return identity.set_output(transform=_get_output_config("transform", self)["dense"])

    def _carry(self, X: Any, routed: Routed = None) -> Any:
        self._require_fitted()
        with vectors_explained():
            return super()._carry(X, routed)

    def _join_arrays(self, outputs: Sequence[Any]) -> Any:
        if not self.sparse_output_:
            return super()._join_arrays([o.toarray() if sp.issparse(o) else o for o in outputs])
        try:
            return join_sparse(
                [
                    check_array(as_foreign(out), accept_sparse=True, ensure_all_finite=False)
                    for out in outputs
                ]
            )
        except ValueError as error:
            raise ValueError(
                "For a sparse output, all columns should be a numeric or convertible to a numeric."
            ) from error

    def _check_output(self, name: str, output: Any) -> None:
        refuse_flat(name, output)
        if _get_output_config("transform", self)["dense"] != "pandas":
            refuse_pandas_na(name, output)

    # -- what scikit-learn asks

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names of the output columns."""
        self._require_fitted()
        names = _check_feature_names_in(self, input_features)
        return self._names_out(
            [
                (name, self._own_names(name, transformer, names[self._positions[name]]))
                for name, transformer in self._fitted_members()
            ]
        )

    def __sklearn_is_fitted__(self) -> bool:
        return "transformers_" in self.__dict__

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        try:
            inner = [get_tags(t) for _, t, _ in self.transformers if not isinstance(t, str)]
        except (TypeError, ValueError, AttributeError):
            return tags  # no list of triples; `fit` will say so
        tags.input_tags.sparse = all(t.input_tags.sparse for t in inner)
        tags.input_tags.allow_nan = all(t.input_tags.allow_nan for t in inner)
        return tags

    def _sk_visual_block_(self) -> _VisualBlock:
        shown = list(self.transformers)
        if self.__sklearn_is_fitted__():
            shown = [each for each in self.transformers_ if each[0] != "remainder"]
        if not is_word("drop", self.remainder):
            shown += self._shown_remainder()
        return _VisualBlock(
            "parallel",
            [transformer for _, transformer, _ in shown],
            names=tuple(name for name, _, _ in shown),
            name_details=tuple(columns for _, _, columns in shown),
        )

    def _shown_remainder(self) -> list[tuple[str, Any, Any]]:
        if not self.__sklearn_is_fitted__():
            return [("remainder", self.remainder, [])]
        if not self._positions["remainder"]:
            return []
        name, transformer, columns = self.transformers_[-1]
        if hasattr(self, "feature_names_in_"):
            columns = self.feature_names_in_[self._positions["remainder"]].tolist()
        return [(name, transformer, columns)]

    def get_metadata_routing(self) -> MetadataRouter:
        """Which metadata goes from which method of this to which method of a branch; every branch
        is asked, whether or not it will have columns.
        """
        router = MetadataRouter(owner=self)
        rest = [] if is_word("drop", self.remainder) else [("remainder", self.remainder, None)]
        for name, transformer, _ in [*self.transformers, *rest]:
            router.add(method_mapping=branch_mapping(transformer, fit=False), **{name: transformer})
        return router


def _part(X: Any, columns: Any, positions: list[int]) -> Any:
    """A branch's columns: a vector where a single one was chosen."""
    if isinstance(X, Scan):
        return X.take_columns(positions[0] if is_single(columns) else positions)
    return take_columns(X, positions[0] if is_single(columns) else as_slice(positions))


def make_column_transformer(
    *transformers: Any,
    remainder: Any = "drop",
    sparse_threshold: float = 0.3,
    n_jobs: int | None = None,
    verbose: bool = False,
    verbose_feature_names_out: bool | str | Callable[[str, str], str] = True,
) -> ColumnTransformer:
    """A ColumnTransformer of branches named by the transformers' classes in lower case.

    Parameters
    ----------
    *transformers : (transformer, columns)
    remainder, sparse_threshold, n_jobs, verbose, verbose_feature_names_out : as in
        ColumnTransformer

    Examples
    --------
    >>> from dovetail.compose import make_column_transformer
    >>> from dovetail.preprocessing import StandardScaler
    >>> make_column_transformer((StandardScaler(), ["age"]), ("passthrough", ["size"]))
    ColumnTransformer(transformers=[('standardscaler', StandardScaler(), ['age']),
                                    ('passthrough', 'passthrough', ['size'])])
    """
    named = name_estimators([transformer for transformer, _ in transformers])
    columns = [chosen for _, chosen in transformers]
    return ColumnTransformer(
        [(name, t, chosen) for (name, t), chosen in zip(named, columns, strict=True)],
        remainder=remainder,
        sparse_threshold=sparse_threshold,
        n_jobs=n_jobs,
        verbose=verbose,
        verbose_feature_names_out=verbose_feature_names_out,
    )

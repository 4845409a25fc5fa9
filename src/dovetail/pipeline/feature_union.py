"""Transformers side by side, each on all columns."""

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Self

from sklearn.base import _fit_context
from sklearn.utils import Bunch, Tags, get_tags
from sklearn.utils._param_validation import Hidden
from sklearn.utils._repr_html.estimator import _VisualBlock
from sklearn.utils.metadata_routing import MetadataRouter, _routing_enabled, process_routing

from dovetail.data.door import aligned
from dovetail.params import Rule
from dovetail.pipeline._branches import Branch, Branches, is_word
from dovetail.pipeline._composition import NamedMembers, Routed, is_fitted, name_estimators
from dovetail.pipeline._metadata import branch_mapping
from dovetail.preprocessing import FunctionTransformer, StandardScaler

__all__ = ["FeatureUnion", "make_union"]


class FeatureUnion(NamedMembers, Branches):
    """Several transformers, each on all of X, their outputs joined along the columns.

    Parameters
    ----------
    transformer_list : list of (str, transformer)
        "drop" leaves a branch out, "passthrough" gives X itself. `set_params` reaches into the
        branches by `name__parameter`.
    n_jobs : int or None, default=None
        Workers that fit and transform branches at the same time, as joblib counts them.
    transformer_weights : dict of str to float or None, default=None
        Factor of a branch's output, by name.
    verbose : bool, default=False
        Whether to print the time each branch takes to fit.
    verbose_feature_names_out : bool, str or callable, default=True
        How `get_feature_names_out` names a column: True by `branch__column`, False by the column
        alone, which must then be unique; a string as in "{feature_name}@{transformer_name}"; a
        function of (branch, column).

    Attributes
    ----------
    named_transformers : Bunch
        The branches by name; `union[name]` gives one.
    n_features_in_, feature_names_in_ : of the first branch
    program_ : SideBySide
        The branches' Programs; it takes `front(X)`, the list of their fronts.

    Cost: that of the branches, and one copy of their outputs.

    Examples
    --------
    >>> from dovetail.pipeline import FeatureUnion
    >>> from dovetail.preprocessing import StandardScaler
    >>> union = FeatureUnion([("scaled", StandardScaler()), ("as_is", "passthrough")])
    >>> union.fit_transform([[0.0], [2.0]])
    array([[-1.,  0.],
           [ 1.,  2.]])
    >>> union.get_feature_names_out()
    array(['scaled__x0', 'as_is__x0'], dtype=object)
    """

    _members = "transformer_list"

    transformer_list: (
        Annotated[list[Any], Rule(list)] | Annotated[tuple[Any, ...], Rule(Hidden(tuple))]
    )

    @classmethod
    def _examples(cls) -> list[Self]:
        two = [("scaled", StandardScaler()), ("as_is", "passthrough")]
        return [cls(two), cls(two, transformer_weights={"scaled": 2.0})]

    # -- the list of branches

    @property
    def named_transformers(self) -> Bunch:
        """The branches by name."""
        return Bunch(**dict(self.transformer_list))

    def __getitem__(self, name: str) -> Any:
        if not isinstance(name, str):
            raise KeyError("Only string keys are supported")
        return self.named_transformers[name]

    def _fitted_members(self) -> list[tuple[str, Any]]:
        fitted = getattr(self, "_identities", {})
        return [
            (name, (fitted.get(name) or _identity()) if is_word("passthrough", t) else t)
            for name, t in self.transformer_list
            if not is_word("drop", t)
        ]

    def _all_members(self) -> list[Any]:
        return [transformer for _, transformer in self.transformer_list]

    def _carry(self, X: Any, routed: Routed = None) -> Any:
        return super()._carry(aligned(self, X), routed)

    def _branches(self, X: Any) -> list[Branch]:
        return [Branch(name, transformer, X) for name, transformer in self._fitted_members()]

    def _columns(self, name: str) -> None:
        return None

    def _message(self, name: str, index: int, total: int) -> str:
        return f"(step {index} of {total}) Processing {name}"

    def _check_branches(self) -> None:
        names, transformers = zip(*self.transformer_list, strict=True)
        self._validate_names(names)
        self._check_estimators_are_instances(transformers)
        for name, t in self.transformer_list:
            if is_word("drop", t) or is_word("passthrough", t):
                continue
            fits = hasattr(t, "fit") or hasattr(t, "fit_transform")
            if not (fits and hasattr(t, "transform")):
                raise TypeError(
                    "All estimators should implement fit and transform. The branch "
                    f"{name!r}, '{t}' (type {type(t)}), doesn't."
                )
        for name in self.transformer_weights or {}:
            if name not in names:
                raise ValueError(
                    f'Attempting to weight transformer "{name}", but it is not present in '
                    "transformer_list."
                )

    # -- learning

    @_fit_context(prefer_skip_nested_validation=False)
    def _fit_as(self, caller: str, X: Any, y: Any, params: Mapping[str, Any]) -> list[Any]:
        self.transformer_list = list(self.transformer_list)
        self._check_branches()
        if _routing_enabled():
            routed = process_routing(self, caller, **params)
        else:
            given = {"fit": params, "fit_transform": params}
            routed = {name: given for name, _ in self.transformer_list}
        outputs, fitted = self._run_fit(self._branches(X), y, routed, caller)
        by_name = dict(zip([name for name, _ in self._fitted_members()], fitted, strict=True))
        # "passthrough" stays in the parameter; what stands for it is kept beside it
        passed = [name for name, t in self.transformer_list if is_word("passthrough", t)]
        self._identities = {name: by_name[name] for name in passed}
        self.transformer_list = [
            (name, t if isinstance(t, str) else by_name[name]) for name, t in self.transformer_list
        ]
        return outputs

    def _check_output(self, name: str, output: Any) -> None:
        dimensions = len(getattr(output, "shape", (0, 0)))
        if dimensions != 2:
            raise ValueError(
                f"Transformer '{name}' returned an array or dataframe with {dimensions} "
                "dimensions, but expected 2 dimensions (n_samples, n_features)."
            )

    # -- what scikit-learn asks

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names of the output columns."""
        return self._names_out(
            [
                (name, self._own_names(name, transformer, input_features))
                for name, transformer in self._fitted_members()
            ]
        )

    @property
    def n_features_in_(self) -> Any:  # type: ignore[override]
        """Number of columns that the first branch was fitted on."""
        return self._first().n_features_in_

    @property
    def feature_names_in_(self) -> Any:
        """Names of the columns that the first branch was fitted on."""
        return self._first().feature_names_in_

    def _first(self) -> Any:
        members = self._fitted_members()
        if not members:
            raise AttributeError(f"{type(self).__name__!r} object has no branch to ask.")
        return members[0][1]

    def __sklearn_is_fitted__(self) -> bool:
        return all(is_fitted(t) for _, t in self._fitted_members())

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        try:
            inner = [get_tags(t) for _, t in self.transformer_list if not isinstance(t, str)]
        except (TypeError, ValueError, AttributeError):
            return tags  # no list of pairs; `fit` will say so
        tags.input_tags.sparse = all(t.input_tags.sparse for t in inner)
        tags.input_tags.allow_nan = all(t.input_tags.allow_nan for t in inner)
        tags.array_api_support = all(t.array_api_support for t in inner)
        return tags

    def _sk_visual_block_(self) -> _VisualBlock:
        names = [name for name, _ in self.transformer_list]
        return _VisualBlock("parallel", self._all_members(), names=names)

    def get_metadata_routing(self) -> MetadataRouter:
        """Which metadata goes from which method of the union to which method of a branch."""
        router = MetadataRouter(owner=self)
        for name, transformer in self.transformer_list:
            router.add(method_mapping=branch_mapping(transformer), **{name: transformer})
        return router


def _identity() -> FunctionTransformer:
    return FunctionTransformer(accept_sparse=True, feature_names_out="one-to-one")


def make_union(
    *transformers: Any,
    n_jobs: int | None = None,
    verbose: bool = False,
    verbose_feature_names_out: bool | str | Callable[[str, str], str] = True,
) -> FeatureUnion:
    """A FeatureUnion of transformers named by their classes in lower case.

    Parameters
    ----------
    *transformers : estimators, or "drop" or "passthrough"
    n_jobs, verbose, verbose_feature_names_out : as in FeatureUnion

    Examples
    --------
    >>> from dovetail.pipeline import make_union
    >>> from dovetail.preprocessing import StandardScaler
    >>> make_union(StandardScaler(), "passthrough").named_transformers.keys()
    dict_keys(['standardscaler', 'passthrough'])
    """
    return FeatureUnion(
        name_estimators(transformers),
        n_jobs=n_jobs,
        verbose=verbose,
        verbose_feature_names_out=verbose_feature_names_out,
    )

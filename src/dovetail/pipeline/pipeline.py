"""Steps one after the other."""

from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

from sklearn.base import _fit_context, clone
from sklearn.utils import Bunch, Tags, TransformerTags, get_tags
from sklearn.utils._param_validation import HasMethods, Hidden
from sklearn.utils._repr_html.estimator import _VisualBlock
from sklearn.utils._set_output import _safe_set_output
from sklearn.utils._user_interface import _print_elapsed_time
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_memory

from dovetail.data.door import Accepts, open_matrix
from dovetail.errors import ProgramError
from dovetail.params import Rule
from dovetail.pipeline._composition import (
    Composition,
    NamedMembers,
    Routed,
    as_given,
    call,
    carry,
    fit_step,
    is_fitted,
    keep_container,
    name_estimators,
    params_for,
    program_of,
    skipped,
)
from dovetail.pipeline._metadata import fit_params, router_of, sent_through
from dovetail.preprocessing import StandardScaler
from dovetail.program import Chain, Program

__all__ = ["Pipeline", "make_pipeline"]


def _final_has(method: str) -> Callable[[Any], bool]:
    def check(pipeline: Any) -> bool:
        getattr(pipeline._final, method)  # its AttributeError is the cause of ours
        return True

    return check


def _can_transform(pipeline: Any) -> bool:
    return skipped(pipeline._final) or hasattr(pipeline._final, "transform")


def _can_fit_transform(pipeline: Any) -> bool:
    return _can_transform(pipeline) or hasattr(pipeline._final, "fit_transform")


def _can_inverse(pipeline: Any) -> bool:
    return all(hasattr(step, "inverse_transform") for _, step in pipeline._active())


class Pipeline(NamedMembers, Composition):
    """Transformers one after the other, and an estimator on what they make of X.

    `fit` fits each step on the output of the one before; `predict`, `transform` and the others
    send X through the transformers and call the method of the last step. So a search or a
    cross-validation treats preparation and model as one estimator, and nothing of a test set
    leaks into the preparation.

    Parameters
    ----------
    steps : list of (str, estimator)
        All but the last transform. "passthrough" (or None) is a step that does nothing.
        `set_params(name__parameter=value)` sets a parameter of a step, `set_params(name=step)`
        replaces a step.
    transform_input : list of str or None, default=None
        Names of routed metadata (a validation set, say) that are sent through the steps before
        the one that asks for them. Needs scikit-learn's `enable_metadata_routing`.
    memory : str, object with a `cache` method or None, default=None
        Folder (or joblib.Memory) where fitted transformers are kept and looked up, with what
        they were fitted on. The transformers are then cloned before they are fitted. The last
        step is never cached.
    verbose : bool, default=False
        Whether to print the time each step takes to fit.

    Attributes
    ----------
    named_steps : Bunch
        The steps by name. `pipeline[name]`, `pipeline[index]` give a step,
        `pipeline[start:stop]` a pipeline that shares its steps.
    classes_ : ndarray, of the last step
    n_features_in_, feature_names_in_ : of the first step
    program_ : Program
        The Programs of the steps as one module, from the first of the longest run of steps at
        the end that have one: `program_(front(X))` is what `transform`, `decision_function` or
        `predict` give.

    Raises
    ------
    ProgramError
        `program_` and `front` where the last step has no Program.

    Data stays on the device from step to step, and goes back in the container it came in. Cost:
    that of the steps, and some 10 µs.

    Examples
    --------
    >>> from dovetail.linear_model import Ridge
    >>> from dovetail.pipeline import Pipeline
    >>> from dovetail.preprocessing import StandardScaler
    >>> model = Pipeline([("scale", StandardScaler()), ("model", Ridge())])
    >>> model.set_params(model__alpha=0.0).fit([[0.0], [2.0]], [1.0, 5.0]).predict([[3.0]])
    array([7.])
    """

    _members = "steps"

    steps: Annotated[list[Any], Rule(list)] | Annotated[tuple[Any, ...], Rule(Hidden(tuple))]
    _: KW_ONLY
    transform_input: list[str] | None = None
    memory: str | Annotated[Any, Rule(HasMethods(["cache"]))] | None = None
    verbose: bool = False

    @classmethod
    def _examples(cls) -> list[Self]:
        twice = [("first", StandardScaler()), ("second", StandardScaler(with_mean=False))]
        return [cls([("scale", StandardScaler())]), cls([*twice, ("last", "passthrough")])]

    # -- the list of steps

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, index: int | slice | str) -> Any:
        if isinstance(index, slice):
            if index.step not in (1, None):
                raise ValueError("Pipeline slicing only supports a step of 1")
            return type(self)(self.steps[index], memory=self.memory, verbose=self.verbose)
        return self.named_steps[index] if isinstance(index, str) else self.steps[index][1]

    @property
    def named_steps(self) -> Bunch:
        """The steps by name."""
        return Bunch(**dict(self.steps))

    @property
    def _final(self) -> Any:
        if not self.steps:
            raise AttributeError(f"{type(self).__name__!r} object has no last step: it is empty.")
        try:
            final = self.steps[-1][1]
            return "passthrough" if final is None else final
        except (TypeError, IndexError, KeyError):  # no list of pairs; `fit` will say so
            return None

    def _active(self, stop: int | None = None) -> Iterator[tuple[str, Any]]:
        return ((name, step) for name, step in self.steps[:stop] if not skipped(step))

    def _fitted_members(self) -> list[tuple[str, Any]]:
        return list(self._active())

    def _check_steps(self) -> None:
        if not self.steps:
            raise ValueError("The pipeline is empty. Please add steps.")
        names, steps = zip(*self.steps, strict=True)
        self._validate_names(names)
        self._check_estimators_are_instances(steps)
        for name, step in self._active(-1):
            fits = hasattr(step, "fit") or hasattr(step, "fit_transform")
            if not (fits and hasattr(step, "transform")):
                raise TypeError(
                    "All intermediate steps should be transformers and implement fit and transform "
                    f"or be the string 'passthrough'. The step {name!r}, '{step}' "
                    f"(type {type(step)}), doesn't."
                )
        if not (skipped(steps[-1]) or hasattr(steps[-1], "fit")):
            raise TypeError(
                "Last step of Pipeline should implement fit or be the string 'passthrough'. "
                f"'{steps[-1]}' (type {type(steps[-1])}) doesn't."
            )

    # -- learning

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **params: Any) -> Self:
        """Fit each step on what the steps before it make of X.

        Parameters
        ----------
        X : whatever the first step takes
        y : targets, given to every step
        **params
            `step__parameter` goes to the `fit` of a step; with scikit-learn's metadata routing,
            metadata goes to the steps that asked for it.

        Returns
        -------
        self
        """
        self._fit_as("fit", X, y, params)
        return self

    @available_if(_can_fit_transform)
    @_fit_context(prefer_skip_nested_validation=False)
    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit every step and give what the last one makes of X; parameters as in `fit`."""
        return as_given(self._fit_as("fit_transform", X, y, params), X)

    @available_if(_final_has("fit_predict"))
    @_fit_context(prefer_skip_nested_validation=False)
    def fit_predict(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Fit every step, by `fit_predict` the last, and give what that says; parameters as in
        `fit`.
        """
        return as_given(self._fit_as("fit_predict", X, y, params), X)

    @_fit_context(prefer_skip_nested_validation=False)
    def _fit_carry(self, X: Any, y: Any, params: Mapping[str, Any]) -> Any:
        return self._fit_as("fit_transform", X, y, params)

    def _fit_as(self, caller: str, X: Any, y: Any, params: Mapping[str, Any]) -> Any:
        """The body of every fit: the steps in order, each a task that callbacks are told of."""
        task = caller.replace("_", "-")
        self._check_steps()
        if self.transform_input is not None and not _routing_enabled():
            raise ValueError(
                "The `transform_input` parameter can only be set if metadata routing is enabled. "
                "You can enable metadata routing using "
                "`sklearn.set_config(enable_metadata_routing=True)`."
            )
        context = self._init_callback_context(task_name=task, max_subtasks=len(self.steps))
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        routed = fit_params(self, caller, params)
        Xt = self._fit_transformers(X, y, routed, params, context)

        name, final = self.steps[-1]
        sub = context.subcontext(task_name=f"{task}-final-estimator")
        given = sent_through(self, len(self) - 1, routed.get(name), params)
        with _print_elapsed_time("Pipeline", self._message(len(self) - 1)):
            out = fit_step(final, caller, Xt, y, given, self, sub)
        context.call_on_fit_task_end(estimator=self, X=Xt, y=y)
        keep_container(self, X)
        return out

    def _fit_transformers(
        self, X: Any, y: Any, routed: Any, params: Mapping[str, Any], context: Any
    ) -> Any:
        """Fit all steps but the last, or find them in the memory; X as they transform it."""
        memory = check_memory(self.memory)
        fit = memory.cache(_fit_transformer, ignore=["owner", "context"])
        cached = getattr(memory, "location", self) is not None
        self.steps = steps = list(self.steps)  # a copy, because the memory replaces steps
        for index, (name, step) in enumerate(self.steps[:-1]):
            sub = context.subcontext(task_name=f"fit-transform-{name}")
            given = sent_through(self, index, routed.get(name), params)
            own = clone(step) if cached and not skipped(step) else step
            X, fitted = fit(own, X, y, given, self._message(index), owner=self, context=sub)
            steps[index] = (name, fitted)
        return X

    def _message(self, index: int) -> str | None:
        """What `verbose` prints of a step."""
        name, _ = self.steps[index]
        place = f"(step {index + 1} of {len(self.steps)})"
        return f"{place} Processing {name}" if self.verbose else None

    # -- answering

    def _through(self, X: Any, routed: Routed = None, stop: int | None = -1) -> Any:
        """X as the steps before `stop` transform it."""
        for name, step in self._active(stop):
            X = carry(step, X, params_for(routed, name, "transform"))
        return X

    def _ask(self, method: str, X: Any, params: Mapping[str, Any], *args: Any) -> Any:
        """A method of the last step, on what the others make of X."""
        self._require_fitted()
        name, final = self.steps[-1]
        routed = None
        if params and _routing_enabled():
            routed = process_routing(self, method, **params)
            params = params_for(routed, name, method)
        result = call(final, method, self._through(X, routed), *args, **params)
        return as_given(result, X)

    @available_if(_final_has("predict"))
    def predict(self, X: Any, **params: Any) -> Any:
        """Prediction of the last step; parameters are its own, or routed metadata."""
        return self._ask("predict", X, params)

    @available_if(_final_has("predict_proba"))
    def predict_proba(self, X: Any, **params: Any) -> Any:
        """Probabilities by the last step; parameters are its own, or routed metadata."""
        return self._ask("predict_proba", X, params)

    @available_if(_final_has("predict_log_proba"))
    def predict_log_proba(self, X: Any, **params: Any) -> Any:
        """Logarithms of probabilities; parameters are the last step's, or routed metadata."""
        return self._ask("predict_log_proba", X, params)

    @available_if(_final_has("decision_function"))
    def decision_function(self, X: Any, **params: Any) -> Any:
        """Scores by the last step; parameters are routed metadata."""
        _raise_for_params(params, self, "decision_function")
        return self._ask("decision_function", X, params)

    @available_if(_final_has("score_samples"))
    def score_samples(self, X: Any) -> Any:
        """Scores of the rows by the last step."""
        return self._ask("score_samples", X, {})

    @available_if(_final_has("score"))
    def score(self, X: Any, y: Any = None, sample_weight: Any = None, **params: Any) -> Any:
        """Score of the last step.

        Parameters
        ----------
        X, y : data and targets
        sample_weight : array-like of shape (n_samples,) or None
            Given to the last step where it is not None.
        **params : routed metadata
        """
        _raise_for_params(params, self, "score")
        if sample_weight is not None:
            params["sample_weight"] = sample_weight
        return self._ask("score", X, params, y)

    @available_if(_can_transform)
    def transform(self, X: Any, **params: Any) -> Any:
        """X sent through every step; parameters are routed metadata."""
        _raise_for_params(params, self, "transform")
        self._require_fitted()
        routed = process_routing(self, "transform", **params) if params else None
        return as_given(self._through(X, routed, stop=None), X)

    def _carry(self, X: Any, routed: Routed = None) -> Any:
        return self._through(X, routed, stop=None)

    @available_if(_can_inverse)
    def inverse_transform(self, X: Any, **params: Any) -> Any:
        """X sent back through every step, the last one first; parameters are routed metadata."""
        _raise_for_params(params, self, "inverse_transform")
        self._require_fitted()
        routed = process_routing(self, "inverse_transform", **params) if params else None
        out = X
        for name, step in reversed(list(self._active())):
            out = call(
                step, "inverse_transform", out, **params_for(routed, name, "inverse_transform")
            )
        return as_given(out, X)

    # -- the program

    def _lowered(self) -> tuple[int, list[Program]]:
        """Where the longest run of Programs at the end begins, and its Programs."""
        self._require_fitted()
        start = len(self.steps)
        programs: list[Program] = []
        follow: list[Program] = []
        for index in reversed(range(len(self.steps))):
            name, step = self.steps[index]
            if skipped(step):
                continue
            try:
                program = program_of(step, f"The step {name!r}")
            except ProgramError:
                if not programs:
                    raise
                break
            start, programs = index, [program, *follow]
            inner = step._program_on_numbers()
            if inner is None:
                break
            follow = [inner, *follow]
        return start, programs

    @property
    def program_(self) -> Chain:
        """The Programs of the steps, one after the other; what it takes is `front(X)`."""
        _, programs = self._lowered()
        return Chain(programs).eval()

    def _program_on_numbers(self) -> Program | None:
        start, programs = self._lowered()
        if any(True for _ in self._active(start)):
            return None
        if not programs:
            return Chain([])
        head = self.steps[start][1]._program_on_numbers()
        return None if head is None else Chain([head, *programs[1:]]).eval()

    def front(self, X: Any) -> Any:
        """X as `program_` takes it: sent through the steps before the first that is part of it,
        then through that step's own front.
        """
        start, _ = self._lowered()
        before = self._through(X, stop=start)
        if start == len(self.steps):
            return open_matrix(self, before, Accepts(missing=True), reset=None)
        return self.steps[start][1].front(before)

    # -- what scikit-learn asks

    def __sklearn_is_fitted__(self) -> bool:
        last = next((step for _, step in reversed(self.steps) if not skipped(step)), None)
        return last is None or is_fitted(last)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        try:
            active = [get_tags(step) for _, step in self._active()]
            first, last = self.steps[0][1], self.steps[-1][1]
        except (TypeError, ValueError, AttributeError, IndexError):
            return tags  # no list of pairs; `fit` will say so
        # a step that makes sparse dense, or fills in what is missing, is not known by its tags:
        # these two err on the side of False
        tags.input_tags.sparse = all(t.input_tags.sparse for t in active)
        tags.input_tags.allow_nan = all(t.input_tags.allow_nan for t in active)
        if not skipped(first):
            tags.input_tags.pairwise = active[0].input_tags.pairwise
        if skipped(last):
            tags.transformer_tags = TransformerTags()
            return tags
        tags.estimator_type = active[-1].estimator_type
        tags.target_tags.multi_output = active[-1].target_tags.multi_output
        tags.classifier_tags = deepcopy(active[-1].classifier_tags)
        tags.regressor_tags = deepcopy(active[-1].regressor_tags)
        tags.transformer_tags = deepcopy(active[-1].transformer_tags)
        return tags

    def set_output(self, *, transform: str | None = None) -> Self:
        """Choose the container ("default", "pandas" or "polars") of every step's `transform`."""
        for _, step in self._active():
            _safe_set_output(step, transform=transform)
        return self

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Names of the columns that `transform` gives, each step naming its own."""
        names = input_features
        for name, step in self._active():
            if not hasattr(step, "get_feature_names_out"):
                raise AttributeError(
                    f"Estimator {name} does not provide get_feature_names_out. Did you mean to "
                    "call pipeline[:-1].get_feature_names_out()?"
                )
            names = step.get_feature_names_out(names)
        return names

    @property
    def classes_(self) -> Any:  # type: ignore[override]
        """Class labels of the last step."""
        return self._end(-1).classes_

    @property
    def n_features_in_(self) -> Any:  # type: ignore[override]
        """Number of columns that the first step was fitted on."""
        return self._end(0).n_features_in_

    @property
    def feature_names_in_(self) -> Any:
        """Names of the columns that the first step was fitted on."""
        return self._end(0).feature_names_in_

    def _end(self, index: int) -> Any:
        if not self.steps:
            raise AttributeError(f"{type(self).__name__!r} object has no step to ask: it is empty.")
        return self.steps[index][1]

    def _sk_visual_block_(self) -> _VisualBlock:
        names = [
            f"{name}: {'passthrough' if skipped(step) else type(step).__name__}"
            for name, step in self.steps
        ]
        steps = [step for _, step in self.steps]
        return _VisualBlock(
            "serial",
            steps,
            names=names,
            name_details=[str(step) for step in steps],
            dash_wrapped=False,
        )

    def get_metadata_routing(self) -> MetadataRouter:
        """Which metadata goes from which method of the pipeline to which method of a step."""
        return router_of(self)


def _fit_transformer(
    step: Any, X: Any, y: Any, given: Any, message: str | None, owner: Any, context: Any
) -> tuple[Any, Any]:
    """Fit a step and transform X: the part that `memory` caches, but for who asks."""
    with _print_elapsed_time("Pipeline", message):
        return fit_step(step, "fit_transform", X, y, given, owner, context), step


def make_pipeline(
    *steps: Any,
    memory: Any = None,
    transform_input: list[str] | None = None,
    verbose: bool = False,
) -> Pipeline:
    """A Pipeline of steps named by their classes in lower case.

    Parameters
    ----------
    *steps : estimators, or "passthrough"
    memory, transform_input, verbose : as in Pipeline

    Examples
    --------
    >>> from dovetail.pipeline import make_pipeline
    >>> from dovetail.preprocessing import StandardScaler
    >>> make_pipeline(StandardScaler(), StandardScaler(with_mean=False))
    Pipeline(steps=[('standardscaler-1', StandardScaler()),
                    ('standardscaler-2', StandardScaler(with_mean=False))])
    """
    return Pipeline(
        name_estimators(steps), memory=memory, transform_input=transform_input, verbose=verbose
    )

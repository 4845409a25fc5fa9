"""Which parameters and metadata a composition hands to its members."""

from collections.abc import Mapping
from typing import Any

from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _routing_enabled,
    get_routing_for_object,
    process_routing,
)

from dovetail.pipeline._composition import skipped

__all__ = ["branch_mapping", "fit_params", "router_of", "sent_through"]

_FITS = ("fit", "fit_transform", "fit_predict")
# What a method of the pipeline calls on the steps before the last.
_BEFORE = {
    "predict": "transform",
    "predict_proba": "transform",
    "predict_log_proba": "transform",
    "decision_function": "transform",
    "transform": "transform",
    "score": "transform",
    "inverse_transform": "inverse_transform",
}


def router_of(pipeline: Any) -> MetadataRouter:
    """The routes from methods of a pipeline to methods of its steps."""
    router = MetadataRouter(owner=pipeline)
    for name, step in pipeline.steps[:-1]:
        if not skipped(step):
            router.add(
                method_mapping=_mapping({**_fit_callees(step, _FITS), **_BEFORE}), **{name: step}
            )
    name, final = pipeline.steps[-1]
    if not skipped(final):
        itself = {method: method for method in ("fit", "fit_predict", *_BEFORE)}
        routes = {**itself, **_fit_callees(final, ("fit_transform",))}
        router.add(method_mapping=_mapping(routes), **{name: final})
    return router


def branch_mapping(transformer: Any, *, fit: bool = True) -> MethodMapping:
    """The routes from methods of a composition to those of a branch; fit=False where `fit`
    transforms too.
    """
    callees = _fit_callees(transformer, ("fit", "fit_transform"))
    return _mapping(callees | {"transform": "transform"} | ({"fit": "fit"} if fit else {}))


def _fit_callees(step: Any, callers: tuple[str, ...]) -> dict[str, Any]:
    """What fits and transforms a step."""
    whole = hasattr(step, "fit_transform")
    return dict.fromkeys(callers, ("fit_transform",) if whole else ("fit", "transform"))


def _mapping(routes: Mapping[str, Any]) -> MethodMapping:
    mapping = MethodMapping()
    for caller, callees in routes.items():
        for callee in (callees,) if isinstance(callees, str) else callees:
            mapping.add(caller=caller, callee=callee)
    return mapping


def fit_params(pipeline: Any, caller: str, params: Mapping[str, Any]) -> Any:
    """Parameters of a fit by step and method: routed metadata, or what is named
    `step__parameter`.
    """
    if _routing_enabled():
        return process_routing(pipeline, caller, **params)
    by_step: dict[str, dict[str, Any]] = {name: {} for name, _ in pipeline.steps}
    for key, value in params.items():
        name, separator, parameter = key.partition("__")
        if not separator:
            last, _ = pipeline.steps[-1]
            raise ValueError(
                f"Pipeline.fit does not accept the {key} parameter. You can pass parameters to "
                "specific steps of your pipeline using the stepname__parameter format, e.g. "
                f"`Pipeline.fit(X, y, {last}__{key}={key})`."
            )
        if name not in by_step:
            raise KeyError(
                f"{key}: Pipeline has no step {name!r}. Its steps are {', '.join(by_step)}."
            )
        by_step[name][parameter] = value
    return {name: dict.fromkeys(_FITS, given) for name, given in by_step.items()}


def sent_through(pipeline: Any, index: int, given: Any, params: Mapping[str, Any]) -> Any:
    """What was routed to a step; that named in `transform_input` as the steps before it make it."""
    named = pipeline.transform_input
    if named is None or not params or not given or index == 0:
        return given
    before = pipeline[:index]
    asked = get_routing_for_object(before).consumes(method="transform", params=params.keys())
    wanted = {name: params[name] for name in asked}
    done: dict[str, Any] = {}

    def sent(name: str, value: Any) -> Any:
        if name not in named:
            return value
        if name not in done:
            several = isinstance(value, tuple)  # as boosters take several validation sets
            parts = [before.transform(v, **wanted) for v in (value if several else (value,))]
            done[name] = tuple(parts) if several else parts[0]
        return done[name]

    return {
        method: {name: sent(name, value) for name, value in kwargs.items()}
        for method, kwargs in given.items()
    }

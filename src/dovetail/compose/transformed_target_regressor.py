"""Regression on a transformed target."""

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

import numpy as np
import torch
from sklearn.base import RegressorMixin, _fit_context, clone
from sklearn.utils import Tags, check_array, get_tags
from sklearn.utils._repr_html.estimator import _VisualBlock
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _routing_enabled,
    process_routing,
)
from torch import Tensor

from dovetail.base import Estimator
from dovetail.data.scan import in_one_memory
from dovetail.errors import ProgramError, warn
from dovetail.linear_model import LinearRegression, Ridge
from dovetail.params import Has
from dovetail.pipeline._composition import Nest, as_foreign, as_given, call, program_of
from dovetail.preprocessing import FunctionTransformer, StandardScaler
from dovetail.program import Chain, Program

__all__ = ["TransformedTargetRegressor"]


class _Inverse(Program):
    """A Program backwards, where it has an inverse."""

    of: Program

    def forward(self, X: Tensor) -> Tensor:
        of: Any = self.of
        out: Tensor = of.inverse(X)
        return out


class _Undo(Program):
    """A Program of columns, applied to predictions.

    flat : whether a single target is a vector
    """

    of: Program
    flat: bool

    def forward(self, y: Tensor) -> Tensor:
        undone: Tensor = self.of(y[:, None] if y.ndim == 1 else y)
        return undone[:, 0] if self.flat else undone


class TransformedTargetRegressor(RegressorMixin, Nest):
    """Fit a regressor to g(y) and predict g⁻¹ of what it says.

    Parameters
    ----------
    regressor : regressor or None, default=None
        Cloned before it is fitted; None means LinearRegression.
    transformer : transformer or None, default=None
        g, fitted to y as a matrix; not together with `func`.
    func, inverse_func : functions of a matrix, or None
        g and g⁻¹, given both or not at all. Without any of the three g is the identity.
    check_inverse : bool, default=True
        Whether to warn if g⁻¹(g(y)) is not y for one row in ten.

    Attributes
    ----------
    regressor_ : fitted regressor
    transformer_ : fitted transformer (a FunctionTransformer of the functions)
    n_features_in_, feature_names_in_ : of the regressor
    program_ : the regressor's Program, and the transformer's backwards

    Raises
    ------
    ProgramError
        `program_` where g⁻¹ is a function that torch has not, or a transformer whose Program cannot
        be undone.

    Cost: that of the regressor.

    Examples
    --------
    >>> import numpy as np
    >>> from dovetail.compose import TransformedTargetRegressor
    >>> model = TransformedTargetRegressor(func=np.log, inverse_func=np.exp)
    >>> model.fit([[0.0], [1.0], [2.0]], np.exp([1.0, 3.0, 5.0])).predict([[0.5]]).round(4)
    array([7.3891])
    """

    regressor: Annotated[Any, Has("fit", "predict")] | None = None
    _: KW_ONLY
    transformer: Annotated[Any, Has("transform")] | None = None
    func: Callable[..., Any] | None = None
    inverse_func: Callable[..., Any] | None = None
    check_inverse: bool = True

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(Ridge(), transformer=StandardScaler())]

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None, **fit_params: Any) -> Self:
        """Fit the transformer to y, and the regressor to transformed y.

        Parameters
        ----------
        X : of shape (n_samples, n_features), whatever the regressor takes
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        **fit_params
            Given to the regressor's `fit`; with metadata routing, as far as it asked.

        Returns
        -------
        self
        """
        in_one_memory(X)
        context = self._init_callback_context(max_subtasks=1)
        context.call_on_fit_task_begin(estimator=self, X=X, y=y)
        target = self._target(y)
        self._training_dim = target.ndim
        matrix = target.reshape(-1, 1) if target.ndim == 1 else target
        self.transformer_ = self._fit_transformer(matrix)
        transformed = self.transformer_.transform(matrix)
        if target.ndim == 1 and transformed.ndim == 2 and transformed.shape[1] == 1:
            transformed = transformed[:, 0]

        self.regressor_ = self._default() if self.regressor is None else clone(self.regressor)
        if _routing_enabled():
            fit_params = process_routing(self, "fit", **fit_params)["regressor"]["fit"]
        task = context.subcontext(task_name="fit-regressor")
        with task.propagate_callback_context(self.regressor_):
            task.call_on_fit_task_begin(estimator=self, X=X, y=transformed)
            call(self.regressor_, "fit", X, transformed, **fit_params)
            task.call_on_fit_task_end(estimator=self, X=X, y=transformed)
        if hasattr(self.regressor_, "feature_names_in_"):
            self.feature_names_in_ = self.regressor_.feature_names_in_
        context.call_on_fit_task_end(estimator=self, X=X, y=y)
        return self

    def _target(self, y: Any) -> Any:
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y "
                "is None."
            )
        return check_array(
            as_foreign(y), input_name="y", ensure_2d=False, dtype="numeric", allow_nd=True
        )

    def _fit_transformer(self, y: Any) -> Any:
        functions: dict[str, Any] = {"func": self.func, "inverse_func": self.inverse_func}
        absent = [name for name, function in functions.items() if function is None]
        if self.transformer is not None:
            if len(absent) < 2:
                raise ValueError(
                    "'transformer' and functions 'func'/'inverse_func' cannot both be set."
                )
            transformer = clone(self.transformer)
        elif len(absent) == 1:
            (lacking,), (there,) = absent, functions.keys() - absent
            raise ValueError(
                f"When '{there}' is provided, '{lacking}' must also be provided. If {lacking} is "
                "supposed to be the default, you need to explicitly pass it the identity function."
            )
        else:
            transformer = FunctionTransformer(
                **functions, validate=True, check_inverse=self.check_inverse
            ).set_output(transform="default")  # y is no frame, whatever the configuration says
        transformer.fit(y)
        if self.check_inverse:
            some = y[:: max(1, len(y) // 10)]
            if not np.allclose(some, transformer.inverse_transform(transformer.transform(some))):
                warn(
                    "The provided functions or transformer are not strictly inverse of each other. "
                    "If you are sure you want to proceed regardless, set 'check_inverse=False'",
                    UserWarning,
                )
        return transformer

    def predict(self, X: Any, **predict_params: Any) -> Any:
        """g⁻¹ of the regressor's prediction.

        Parameters
        ----------
        X : of shape (n_samples, n_features), whatever the regressor takes
        **predict_params
            Given to the regressor's `predict`; with metadata routing, as far as it asked.

        Returns
        -------
        array or tensor of shape (n_samples,) or (n_samples, n_targets)
        """
        self._require_fitted()
        if _routing_enabled():
            routed = process_routing(self, "predict", **predict_params)
            predict_params = routed["regressor"]["predict"]
        predicted = call(self.regressor_, "predict", X, **predict_params)
        matrix = predicted.reshape(-1, 1) if predicted.ndim == 1 else predicted
        undone = self.transformer_.inverse_transform(as_foreign(matrix))
        if self._training_dim == 1 and undone.ndim == 2 and undone.shape[1] == 1:
            undone = undone[:, 0]
        return as_given(undone, X)

    # -- the program

    @property
    def program_(self) -> Program:
        """The regressor's Program followed by the transformer's backwards; it takes `front(X)`."""
        self._require_fitted()
        return self._undone(program_of(self.regressor_, "The regressor"))

    def _program_on_numbers(self) -> Program | None:
        if not isinstance(self.regressor_, Estimator):
            return None
        inner = self.regressor_._program_on_numbers()
        return None if inner is None else self._undone(inner)

    def _undone(self, program: Program) -> Program:
        if self.transformer is None and self.func is None:
            return program
        undo = self._function_backwards() if self.transformer is None else self._backwards()
        return Chain([program, _Undo(undo, self._training_dim == 1)]).eval()

    def _function_backwards(self) -> Program:
        function: Any = self.inverse_func
        of_numpy = isinstance(function, np.ufunc) and hasattr(torch, function.__name__)
        if not (of_numpy or str(getattr(function, "__module__", "")).startswith("torch")):
            raise ProgramError(
                f"TransformedTargetRegressor undoes the target by the function {function}, which "
                "torch does not know. Use a function of torch, or one of numpy that torch has too, "
                "such as numpy.exp."
            )
        return program_of(FunctionTransformer(function), "The inverse function")

    def _backwards(self) -> Program:
        forwards = program_of(self.transformer_, "The transformer of the target")
        if not callable(getattr(forwards, "inverse", None)):
            raise ProgramError(
                f"The Program of {type(self.transformer_).__name__} cannot be undone, so that "
                "TransformedTargetRegressor has none. Use a scaler."
            )
        return _Inverse(forwards)

    def front(self, X: Any) -> Any:
        """X as `program_` takes it: the regressor's own front."""
        self._require_fitted()
        program_of(self.regressor_, "The regressor")
        return self.regressor_.front(X)

    def _fitted_members(self) -> list[tuple[str, Any]]:
        return [("regressor", self.regressor_), ("transformer", self.transformer_)]

    # -- what scikit-learn asks

    def _default(self) -> Any:
        """What None for the regressor means."""
        model = LinearRegression()
        return model.set_fit_request(sample_weight=True) if _routing_enabled() else model

    def _shown(self) -> Any:
        return self._default() if self.regressor is None else self.regressor

    @property
    def n_features_in_(self) -> Any:  # type: ignore[override]
        """Number of columns that the regressor was fitted on."""
        if not self.__sklearn_is_fitted__():
            raise AttributeError(f"{type(self).__name__} object has no n_features_in_ attribute.")
        return self.regressor_.n_features_in_

    def __sklearn_is_fitted__(self) -> bool:
        return "regressor_" in self.__dict__

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        inner = get_tags(self._shown())
        tags.regressor_tags.poor_score = True
        tags.input_tags.sparse = inner.input_tags.sparse
        tags.target_tags.multi_output = inner.target_tags.multi_output
        return tags

    def get_metadata_routing(self) -> MetadataRouter:
        """Metadata of `fit` and `predict` goes to those of the regressor."""
        mapping = MethodMapping().add(caller="fit", callee="fit")
        mapping.add(caller="predict", callee="predict")
        return MetadataRouter(owner=self).add(regressor=self._shown(), method_mapping=mapping)

    def _sk_visual_block_(self) -> _VisualBlock:
        regressor = self.regressor_ if self.__sklearn_is_fitted__() else self._shown()
        return _VisualBlock(
            "serial",
            [regressor],
            names=[f"regressor: {type(regressor).__name__}"],
            name_details=[str(regressor)],
            dash_wrapped=True,
        )

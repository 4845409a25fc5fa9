"""A function as a transformer."""

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import torch
from sklearn.exceptions import NotFittedError
from sklearn.utils import Tags
from sklearn.utils._set_output import _get_adapter_from_container, _get_output_config
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import (
    _allclose_dense_sparse,
    _check_feature_names_in,
    _get_feature_names,
    check_array,
    validate_data,
)
from torch import Tensor

from dovetail.base import Accepts, Stateless, over_blocks
from dovetail.data.door import open_matrix, source
from dovetail.data.frames import column_names
from dovetail.data.scan import first_rows
from dovetail.errors import warn
from dovetail.program import Program

__all__ = ["FunctionTransformer"]


class _Call(Program):
    """A function of the input: torch's function of that name, else the callable, else none."""

    name: str | None
    func: Any
    kw_args: dict[str, Any]

    def forward(self, X: Any) -> Any:
        func = getattr(torch, self.name) if self.name else self.func or _itself
        return func(X, **self.kw_args)


class FunctionTransformer(Stateless):
    """Apply a function to X; for logarithms, ratios and whatever else needs no learning.

    Parameters
    ----------
    func : callable or None, default=None
        Gets X and `kw_args`, gives the result; None gives X itself.
    inverse_func : callable or None, default=None
        Undoes `func` in `inverse_transform`; None gives X itself.
    validate : bool, default=False
        Whether X is checked and turned into a two-dimensional array before it goes to the
        functions; they get it as it is otherwise.
    accept_sparse : bool, default=False
        Whether sparse X passes that check.
    check_inverse : bool, default=True
        Whether fit warns where `inverse_func` does not undo `func` on some of the rows.
    feature_names_out : callable, "one-to-one" or None, default=None
        Names of the output columns: those of the input, or what a function of the transformer and
        the input names gives. None: they are not known, and there is no `get_feature_names_out`.
    kw_args, inv_kw_args : dict or None, default=None
        Further arguments of the functions, by name.

    Attributes
    ----------
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    A function of torch, and a universal function of numpy that torch has too (numpy.log1p,
    numpy.sqrt), become part of the Program, with gradients. A lambda cannot be pickled.

    Examples
    --------
    >>> import numpy as np
    >>> from dovetail.preprocessing import FunctionTransformer
    >>> FunctionTransformer(np.sqrt).transform(np.array([[4.0, 9.0]]))
    array([[2., 3.]])
    """

    accepts = Accepts(sparse=("csr", "csc"), missing=True)

    func: Callable[..., Any] | None = None
    inverse_func: Callable[..., Any] | None = None
    _: KW_ONLY
    validate: bool = False
    accept_sparse: bool = False
    check_inverse: bool = True
    feature_names_out: Callable[..., Any] | Literal["one-to-one"] | None = None
    kw_args: dict[str, Any] | None = None
    inv_kw_args: dict[str, Any] | None = None

    @classmethod
    def _examples(cls) -> list["FunctionTransformer"]:
        return [cls(), cls(np.arctan, np.tan, feature_names_out="one-to-one")]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.no_validation = not self.validate
        tags.input_tags.sparse = not self.validate or self.accept_sparse
        tags.input_tags.allow_nan = False
        return tags

    def _stateless(self) -> Program:
        return _call(self.func, self.kw_args)

    def _receive(self, X: Any, y: Any, sample_weight: Any, *, reset: bool = True) -> Any:
        X = self._checked(first_rows(X), reset=reset)
        if self.check_inverse and self.func is not None and self.inverse_func is not None:
            self._check_inverse(X)

    def _checked(self, X: Any, *, reset: bool) -> Any:
        """X itself, or the array it is turned into."""
        if self.validate and isinstance(X, Tensor):
            return open_matrix(self, X, Accepts(), reset=reset)
        if self.validate:
            return validate_data(self, X, reset=reset, accept_sparse=self.accept_sparse)
        X = source(X) if isinstance(X, dict) else X
        return validate_data(self, X, reset=True, skip_check_array=True) if reset else X

    def _check_inverse(self, X: Any) -> None:
        """Warn where a hundred or so rows do not come back."""
        X = X if hasattr(X, "shape") else np.asarray(X)
        dtypes = [X.dtype] if hasattr(X, "dtype") else X.dtypes
        if not all(_is_numeric(dtype) for dtype in dtypes):
            raise ValueError(
                "'check_inverse' is only supported when all the elements in `X` is numerical. "
                "Pass check_inverse=False for other data."
            )
        some = X[slice(None, None, max(1, X.shape[0] // 100))]
        back = self.inverse_transform(self.transform(some))
        alike = torch.allclose if isinstance(X, Tensor) else _allclose_dense_sparse
        if not alike(some, back):
            warn(
                "The provided functions are not strictly inverse of each other. If you are sure "
                "you want to proceed regardless, set 'check_inverse=False'.",
                UserWarning,
            )

    @over_blocks
    def transform(self, X: Any) -> Any:
        """`func` of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features); with validate=False anything `func` takes

        Returns
        -------
        What `func` gives; a frame gets the names of `get_feature_names_out` where its own are
        those of the input or no strings.

        Raises
        ------
        ValueError
            A frame with other names than `get_feature_names_out`.
        """
        X = self._checked(X, reset=False)
        out = _apply(self.func, X, self.kw_args)
        wanted = _get_output_config("transform", self)["dense"]
        if wanted == "pandas" and isinstance(out, pa.Table):  # which no DataFrame is made from
            out = out.to_pandas()
        if self.feature_names_out is not None:
            given = column_names(out)
            return out if given is None else self._renamed(out, given, X)
        if wanted != "default" and type(out).__module__.split(".")[0] != wanted:
            warn(
                f"When `set_output` is configured to be '{wanted}', `func` should return a "
                f"{wanted} DataFrame to follow the `set_output` API  or `feature_names_out` "
                "should be defined.",
            )
        return out

    def _renamed(self, out: Any, given: list[str], X: Any) -> Any:
        """A frame that `func` gave, under the names of `get_feature_names_out`."""
        names = list(self.get_feature_names_out())
        if given == names:
            return out
        of_input = _get_feature_names(X)
        kept = of_input is not None and list(of_input) == given
        if not kept and all(isinstance(name, str) for name in given):
            raise ValueError(
                "The output generated by `func` have different column names than the ones "
                f"provided by `get_feature_names_out`. Got output with columns names: {given} and "
                f"`get_feature_names_out` returned: {names}. The column names can be overridden by "
                "setting `set_output(transform='pandas')` or `set_output(transform='polars')` such "
                "that the column names are set to the names provided by `get_feature_names_out`."
            )
        return _get_adapter_from_container(out).create_container(
            X_output=out, X_original=out, columns=names, inplace=False
        )

    def inverse_transform(self, X: Any) -> Any:
        """`inverse_func` of X.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features); with validate=False anything
            `inverse_func` takes
        """
        if self.validate and not isinstance(X, Tensor):
            X = check_array(X, accept_sparse=self.accept_sparse)
        return _apply(self.inverse_func, X, self.inv_kw_args)

    @available_if(lambda self: self.feature_names_out is not None)  # type: ignore[untyped-decorator]
    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the output columns, as `feature_names_out` says; where it is None, there is no
        such method.

        Parameters
        ----------
        input_features : array-like of str or None
            None takes `feature_names_in_`, or x0, x1, ...
        """
        if hasattr(self, "n_features_in_") or input_features is not None:
            input_features = _check_feature_names_in(self, input_features)
        elif not callable(self.feature_names_out):
            raise NotFittedError(
                "Names of the input are not known before fit: fit, or pass `input_features`."
            )
        if callable(self.feature_names_out):
            input_features = self.feature_names_out(self, input_features)
        return np.asarray(input_features, dtype=object)

    def set_output(self, *, transform: Any = None) -> Self:
        """Choose the container of `transform`'s result.

        Parameters
        ----------
        transform : {"default", "pandas", "polars"} or None
            None leaves the choice as it is.
        """
        if not hasattr(self, "_sklearn_output_config"):
            self._sklearn_output_config: dict[str, Any] = {}
        self._sklearn_output_config["transform"] = transform
        return self


def _call(func: Any, kw_args: dict[str, Any] | None) -> _Call:
    """A function as a Program, under torch's name where it has one."""
    name = func.__name__ if isinstance(func, np.ufunc) and not kw_args else ""
    known = hasattr(torch, name)
    return _Call(name if known else None, None if known else func, kw_args or {})


def _apply(func: Any, X: Any, kw_args: dict[str, Any] | None) -> Any:
    """A function of X; of a tensor torch's, where there is one."""
    if isinstance(X, Tensor):
        return _call(func, kw_args)(X)
    return (func or _itself)(X, **(kw_args or {}))


def _itself(X: Any) -> Any:
    return X


def _is_numeric(dtype: Any) -> bool:
    if isinstance(dtype, torch.dtype):
        return dtype != torch.bool
    return isinstance(dtype, np.dtype) and np.issubdtype(dtype, np.number)

"""Columns chosen by type or name."""

import re
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Any

import narwhals as nw
import numpy as np

from dovetail.data.frames import is_frame, normalize

__all__ = ["make_column_selector"]

_Dtype = Any  # a narwhals data type

# What people write for a type, and narwhals' test for it.
_KINDS: dict[Any, Callable[[_Dtype], bool]] = {
    "number": lambda t: t.is_numeric(),
    "numeric": lambda t: t.is_numeric(),
    "integer": lambda t: t.is_integer(),
    "float": lambda t: t.is_float(),
    "floating": lambda t: t.is_float(),
    "bool": lambda t: t == nw.Boolean,
    "boolean": lambda t: t == nw.Boolean,
    "string": lambda t: t == nw.String,
    "str": lambda t: t == nw.String,
    "object": lambda t: t in (nw.String, nw.Object),
    "category": lambda t: t in (nw.Categorical, nw.Enum),
    "datetime": lambda t: t == nw.Datetime,
    "date": lambda t: t == nw.Date,
    "timedelta": lambda t: t == nw.Duration,
    np.number: lambda t: t.is_numeric(),
    np.integer: lambda t: t.is_integer(),
    np.floating: lambda t: t.is_float(),
    int: lambda t: t.is_integer(),
    float: lambda t: t.is_float(),
    bool: lambda t: t == nw.Boolean,
    str: lambda t: t == nw.String,
    object: lambda t: t in (nw.String, nw.Object),
}


@dataclass(eq=False)
class make_column_selector:
    """Choose columns of a frame by type and by name: what ColumnTransformer takes for `columns`.

    A column is chosen if it passes all tests given.

    Parameters
    ----------
    pattern : str or None, default=None
        Regular expression to be found in the name.
    dtype_include, dtype_exclude : type, or list of types, or None, default=None
        For pandas, as in `DataFrame.select_dtypes`. For other frames "number", "integer", "float",
        "bool", "string", "object" (strings and objects), "category", "datetime", "date",
        "timedelta", Python's or numpy's types, or the frame's own data types.

    Raises
    ------
    ValueError
        X is no frame, or a type is unknown.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from dovetail.compose import make_column_selector
    >>> frame = pa.table({"age": [31, 45], "city": ["Lyon", "Graz"], "size": [1.7, 1.8]})
    >>> make_column_selector(dtype_include="number")(frame)
    ['age', 'size']
    >>> make_column_selector("^c|z")(frame)
    ['city', 'size']
    """

    pattern: str | None = None
    _: KW_ONLY
    dtype_include: Any = None
    dtype_exclude: Any = None

    def __call__(self, df: Any) -> list[str]:
        """The names of the chosen columns of a frame."""
        frame = normalize(df)
        if hasattr(frame, "iloc"):
            names = self._of_pandas(frame.iloc[:1])
        elif is_frame(frame):
            names = self._of_frame(nw.from_native(frame, eager_only=True))
        else:
            raise ValueError(
                "make_column_selector can only be applied to pandas dataframes, or to polars and "
                f"pyarrow ones. Got {type(df).__name__}; select its columns by position."
            )
        return [n for n in names if self.pattern is None or re.search(self.pattern, str(n))]

    def _of_pandas(self, frame: Any) -> list[str]:
        if self.dtype_include is not None or self.dtype_exclude is not None:
            frame = frame.select_dtypes(include=self.dtype_include, exclude=self.dtype_exclude)
        names: list[str] = frame.columns.tolist()
        return names

    def _of_frame(self, frame: nw.DataFrame[Any]) -> list[str]:
        native = _native_types(frame.to_native())
        return [
            name
            for name, dtype in frame.schema.items()
            if (self.dtype_include is None or _any_of(self.dtype_include, dtype, native[name]))
            and not (
                self.dtype_exclude is not None and _any_of(self.dtype_exclude, dtype, native[name])
            )
        ]


def _native_types(frame: Any) -> dict[str, Any]:
    schema = frame.schema
    return (
        dict(zip(schema.names, schema.types, strict=True))
        if hasattr(schema, "types")
        else dict(schema)
    )


def _any_of(wanted: Any, dtype: _Dtype, native: Any) -> bool:
    options = wanted if isinstance(wanted, list | tuple | set) else [wanted]
    return any(_is_a(option, dtype, native) for option in options)


def _is_a(option: Any, dtype: _Dtype, native: Any) -> bool:
    if isinstance(option, str | type) and option in _KINDS:
        return _KINDS[option](dtype)
    if isinstance(option, str | np.dtype) or (
        isinstance(option, type) and issubclass(option, np.generic)
    ):
        try:
            return str(dtype).lower() == np.dtype(option).name
        except TypeError:
            kinds = ", ".join(repr(kind) for kind in _KINDS if isinstance(kind, str))
            raise ValueError(
                f"{option!r} is no type of columns. Allowed: {kinds}, numpy's names and types, or "
                "the frame's own."
            ) from None
    return bool(native == option or dtype == option)

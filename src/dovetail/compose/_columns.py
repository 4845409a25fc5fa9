"""Columns of X: in what container, and which of them a branch takes, as positions.

A selection is an integer, a name, a slice of either (names: both ends belong to it), a list of
either, or a mask.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from sklearn.utils.validation import _ensure_no_complex_data, check_array

from dovetail.data.door import source
from dovetail.data.frames import is_frame
from dovetail.data.scan import Scan
from dovetail.data.schema import nearest
from dovetail.errors import SchemaError

__all__ = ["as_slice", "is_single", "kind_of", "missing_columns", "positions_of", "with_columns"]

Kind = Literal["int", "str", "bool"]


def with_columns(X: Any, whom: str) -> Any:
    """X in a container that columns can be taken from: an array, sparse matrix, tensor or frame.

    Raises
    ------
    ValueError
        Not two-dimensional, or complex.
    """
    if isinstance(X, Scan):
        return X
    X = source(X)
    _ensure_no_complex_data(X)
    if not (sp.issparse(X) or (hasattr(X, "shape") and hasattr(X, "__array__")) or is_frame(X)):
        array = check_array(X, ensure_all_finite="allow-nan", dtype=None)
        # numpy makes text of rows that mix numbers and text
        mixed = array.dtype.kind in "US"
        return check_array(X, ensure_all_finite="allow-nan", dtype=object) if mixed else array
    if len(X.shape) != 2:
        raise ValueError(
            f"{whom} takes 2D data, got {len(X.shape)}D. Reshape your data either using "
            "array.reshape(-1, 1) if it has a single column or array.reshape(1, -1) if it "
            "contains a single row."
        )
    return X


def is_single(selection: Any) -> bool:
    """Whether one column is meant, and is to be given as a vector."""
    return bool(np.isscalar(selection))


def kind_of(selection: Any) -> Kind | None:
    """What a selection is made of; None where it does not tell (an empty list, a full slice).

    Raises
    ------
    ValueError
        Neither integers, nor names, nor a mask.
    """
    if isinstance(selection, slice):
        kinds = {kind_of(end) for end in (selection.start, selection.stop) if end is not None}
    elif isinstance(selection, str):
        return "str"
    elif isinstance(selection, bool | np.bool_):
        return "bool"
    elif isinstance(selection, int | np.integer):
        return "int"
    elif isinstance(selection, Iterable):
        kinds = {kind_of(each) for each in _elements(selection)}
    else:
        kinds = {None}
    if len(kinds) > 1 or (None in kinds):
        raise ValueError(
            "No valid specification of the columns. Only a scalar, list or slice of all integers "
            f"or all strings, or boolean mask is allowed. Got {selection!r}."
        )
    return kinds.pop() if kinds else None


def _elements(selection: Any) -> list[Any]:
    return (
        list(selection) if isinstance(selection, list | tuple) else np.asarray(selection).tolist()
    )


def positions_of(selection: Any, names: Sequence[str] | None, width: int) -> list[int]:
    """Positions of the selected columns among `width`, named `names` where X is a frame.

    Raises
    ------
    ValueError
        No such position, names where X has none, a mask of another length.
    SchemaError
        No columns of these names.
    """
    kind = kind_of(selection)
    if isinstance(selection, slice):
        return list(range(width)[_positional(selection, names) if kind == "str" else selection])
    if is_single(selection):
        selection = [selection]
    elements = _elements(selection)
    if kind == "str":
        return _named(elements, names)
    if kind == "bool":
        if len(elements) != width:
            raise ValueError(
                f"A mask of {len(elements)} entries cannot select among {width} columns."
            )
        return [j for j, taken in enumerate(elements) if taken]
    outside = [j for j in elements if not -width <= j < width]
    if outside:
        raise ValueError(
            f"all features must be in [0, {width - 1}] or [-{width}, 0]. Got {outside[0]}, where X "
            f"has {width} feature(s)."
        )
    return [int(j) % width for j in elements]


def _named(wanted: Sequence[str], names: Sequence[str] | None) -> list[int]:
    if names is None:
        raise ValueError(
            "Specifying the columns using strings is only supported for dataframes. Give "
            "positions, or a frame that has columns of these names."
        )
    place = {name: j for j, name in enumerate(names)}
    missing = [name for name in wanted if name not in place]
    if missing:
        raise missing_columns("A given column is not a column of the dataframe", missing, names)
    return [place[name] for name in wanted]


def _positional(selection: slice, names: Sequence[str] | None) -> slice:
    """A slice of names as one of positions; its last name belongs to it."""
    if selection.step not in (1, None):
        raise NotImplementedError("key.step must be 1 or None")
    ends = [end for end in (selection.start, selection.stop) if end is not None]
    at = dict(zip(ends, _named(ends, names), strict=True))
    stop = None if selection.stop is None else at[selection.stop] + 1
    return slice(None if selection.start is None else at[selection.start], stop)


def missing_columns(what: str, missing: Sequence[str], there: Sequence[str]) -> SchemaError:
    """The error that names all missing columns at once, with the nearest names that are there."""
    near = {name: nearest(name, there) for name in missing}
    hints = [f"{name!r} is {found!r}" for name, found in near.items() if found]
    hint = f" Nearest to {', to '.join(hints)}." if hints else ""
    listed = ", ".join(repr(name) for name in missing)
    shown = ", ".join(map(repr, there[:20])) + (", ..." if len(there) > 20 else "")
    return SchemaError(f"{what}: {{{listed}}}.{hint} The columns there are: {shown}.")


def as_slice(positions: Sequence[int]) -> slice | list[int]:
    """The same positions as a slice where they are evenly spaced, so that arrays are not copied."""
    step = positions[1] - positions[0] if len(positions) > 1 else 1
    even = range(positions[0], positions[0] + step * len(positions), step) if step > 0 else ()
    return (
        slice(positions[0], positions[-1] + 1, step) if list(even) == [*positions] else [*positions]
    )

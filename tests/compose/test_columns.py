"""What a user may say of columns, as positions."""

from typing import Any

import numpy as np
import pytest

from dovetail.compose._columns import as_slice, kind_of, positions_of
from dovetail.errors import SchemaError

NAMES = ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("said", "positions"),
    [
        (1, [1]),
        (-1, [3]),
        ([3, -3], [3, 1]),
        (np.array([2, 0]), [2, 0]),
        (slice(1, 3), [1, 2]),
        (slice(None), [0, 1, 2, 3]),
        (slice(None, None, 2), [0, 2]),
        ("c", [2]),
        (["d", "a"], [3, 0]),
        (np.array(["b"]), [1]),
        (slice("b", "d"), [1, 2, 3]),
        (slice(None, "b"), [0, 1]),
        ([True, False, False, True], [0, 3]),
        (np.zeros(4, dtype=bool), []),
        ([], []),
        ((0, 1), [0, 1]),
    ],
)
def test_every_way_of_saying_columns(said: Any, positions: list[int]) -> None:
    assert positions_of(said, NAMES, 4) == positions


def test_pandas_indexes_and_masks() -> None:
    pd = pytest.importorskip("pandas")
    frame = pd.DataFrame(np.zeros((1, 4)), columns=NAMES)
    assert positions_of(frame.columns[1:], NAMES, 4) == [1, 2, 3]
    assert positions_of(frame.sum() == 0, NAMES, 4) == [0, 1, 2, 3]


@pytest.mark.parametrize("said", [1.5, ["a", 1], [None], slice("a", 2), {1.0}, [True, 2]])
def test_refuses_mixtures(said: Any) -> None:
    with pytest.raises(ValueError, match="No valid specification of the columns"):
        kind_of(said)


def test_refuses_what_is_not_there() -> None:
    with pytest.raises(ValueError, match=r"all features must be in \[0, 3\] or \[-4, 0\]. Got 4"):
        positions_of([0, 4], NAMES, 4)
    with pytest.raises(ValueError, match="mask of 3 entries cannot select among 4"):
        positions_of([True] * 3, NAMES, 4)
    with pytest.raises(ValueError, match="only supported for dataframes"):
        positions_of("a", None, 4)
    names = ["income", "age", "city"]
    with pytest.raises(SchemaError) as caught:
        positions_of(["Incom", "age", "xyz", "citty"], names, 3)
    assert "{'Incom', 'xyz', 'citty'}" in str(caught.value)
    assert "Nearest to 'Incom' is 'income', to 'citty' is 'city'." in str(caught.value)


@pytest.mark.parametrize("positions", [[0], [1, 2, 3], [0, 2, 4], [3, 1], [0, 1, 3], [2, 2]])
def test_slices_select_the_same(positions: list[int]) -> None:
    chosen = as_slice(positions)
    assert np.arange(9)[chosen].tolist() == positions
    even = len(set(np.diff(positions))) <= 1 and all(np.diff(positions) > 0)
    assert isinstance(chosen, slice) == even

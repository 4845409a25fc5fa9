"""Small real data sets that ship with the package; `README.md` beside them holds sources and
licences.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
from sklearn.utils import Bunch

from dovetail.data.frames import to_frame
from dovetail.data.schema import nearest
from dovetail.errors import DataError

__all__ = [
    "EXAMPLES",
    "Example",
    "example",
    "load_adult",
    "load_california",
    "load_penguins",
    "load_sms",
]


@dataclass(frozen=True)
class Example:
    """A data set and what is to be predicted in it."""

    name: str
    target: str
    about: str

    @property
    def path(self) -> Path:
        """The Parquet file."""
        return Path(__file__).parent / f"{self.name}.parquet"


EXAMPLES = {
    e.name: e
    for e in (
        Example(
            "adult",
            "income",
            "48,842 people of the 1994 US census: who earns more than 50,000 USD?",
        ),
        Example(
            "california",
            "median_house_value",
            "20,640 districts of California in 1990: house values",
        ),
        Example("penguins", "species", "344 penguins of three species, measured"),
        Example("sms", "label", "5,574 text messages: which are spam?"),
    )
}


def example(name: str) -> Example:
    """The bundled example of a name."""
    if name not in EXAMPLES:
        near = nearest(name, EXAMPLES)
        hint = f" Is it {near!r}?" if near else ""
        raise DataError(f"There is no example {name!r}.{hint} Bundled are: {', '.join(EXAMPLES)}.")
    return EXAMPLES[name]


def load_adult(*, return_X_y: bool = False) -> Any:
    """48,842 people of the 1994 US census; the target says whether one earns more than 50,000 USD a
    year.

    Six numbers, eight categories with missing values. UCI Machine Learning Repository, CC BY 4.0,
    https://doi.org/10.24432/C5XW20.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to give (data, target) instead of a Bunch.

    Returns
    -------
    Bunch with data (frame), target (column), frame (both), target_name, or (data, target)
        Frames are pandas where it is installed, else polars, else pyarrow.

    Examples
    --------
    >>> from dovetail.datasets import load_adult
    >>> load_adult().data.shape
    (48842, 14)
    """
    return _load("adult", return_X_y)


def load_california(*, return_X_y: bool = False) -> Any:
    """20,640 districts of California in the 1990 US census; the target is the median house value in
    USD.

    Eight numbers, one of them with missing values, and one category. US government data,
    Apache-2.0.

    Parameters and result as for `load_adult`.
    """
    return _load("california", return_X_y)


def load_penguins(*, return_X_y: bool = False) -> Any:
    """344 penguins; the target is the species (Adelie, Chinstrap, Gentoo).

    Five numbers and two categories, some missing. Horst, Hill & Gorman 2020, CC0.

    Parameters and result as for `load_adult`.
    """
    return _load("penguins", return_X_y)


def load_sms(*, return_X_y: bool = False) -> Any:
    """5,574 text messages; the target says which are spam ("ham", "spam").

    One column of text. Almeida & Hidalgo 2011, UCI Machine Learning Repository, CC BY 4.0,
    https://doi.org/10.24432/C5CC84.

    Parameters and result as for `load_adult`.
    """
    return _load("sms", return_X_y)


def _load(name: str, return_X_y: bool) -> Any:
    about = example(name)
    table: pa.Table = pyarrow.parquet.read_table(about.path)
    features = table.drop_columns([about.target])
    data = to_frame({n: features.column(n) for n in features.column_names})
    whole = to_frame({n: table.column(n) for n in table.column_names})
    target = whole[about.target]
    if return_X_y:
        return data, target
    return Bunch(data=data, target=target, frame=whole, target_name=about.target, DESCR=about.about)

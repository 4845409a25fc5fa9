"""What text nets are given: lists of strings, columns of them, or a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dovetail.data.documents import open_documents
from dovetail.distributed import current
from dovetail.errors import DataError, warn

__all__ = ["open_texts", "say_cut", "say_empty"]


def open_texts(X: Any, whom: str) -> list[str]:
    """The texts in X: an iterable of strings, a Series, a frame of one column, an array, or the
    path of a text file, which is one text. Missing values of columns are empty.

    Raises
    ------
    DataError
        No texts, something that is no string, a string that is no path.
    """
    if isinstance(X, str | Path):
        return [_read(X, whom)]
    texts = list(open_documents(X, whom, content=True))
    if not texts and current() is None:  # a process of a group may have none
        raise DataError(f"{whom} needs texts. Found array with 0 sample(s) (shape=(0,)).")
    for i, text in enumerate(texts):
        if type(text) is not str:
            texts[i] = _string(text, i, whom)
    return texts


def _read(X: str | Path, whom: str) -> str:
    if len(str(X)) > 4096 or not Path(X).is_file():
        shown = str(X) if len(str(X)) < 60 else f"{str(X)[:57]}..."
        raise DataError(
            f"{whom} takes a list of texts, or the path of a text file; there is no file "
            f"{shown!r}. Put a single text in a list: [text]."
        )
    try:
        return Path(X).read_text("utf-8")
    except UnicodeDecodeError as error:
        raise DataError(f"{X} is not UTF-8: {error}. Read it yourself, and give [text].") from error


def _string(text: Any, i: int, whom: str) -> str:
    if isinstance(text, str):  # numpy's own strings
        return str(text)
    raise DataError(f"{whom} reads strings, but text {i} is {text!r:.40}, a {type(text).__name__}.")


def say_empty(texts: list[str], whom: str) -> None:
    """Warn of texts without a letter, and refuse to learn where there is nothing else."""
    empty = [i for i, text in enumerate(texts) if not text.strip()]
    if len(empty) == len(texts):
        n = "The only text is" if len(texts) == 1 else f"All {len(texts)} texts are"
        raise DataError(
            f"All texts are empty: {whom} has nothing to learn from. {n} without a letter; was "
            "the wrong column given?"
        )
    if empty:
        warn(
            f"{whom}: {len(empty)} of {len(texts)} texts are empty, the first of them text "
            f"{empty[0]}. They are learned from as they are; leave them out if they only stand "
            "for what is missing."
        )


def say_cut(whom: str, cut: int, of: int, limit: int, advice: str) -> None:
    """Warn of texts of which the end is not read.

    cut, of : how many there are, of how many
    limit : tokens that are read
    """
    if cut:
        warn(
            f"{whom} reads the first {limit} tokens of a text, and {cut} of {of} texts are longer. "
            f"{advice}"
        )

"""What a generative model draws, as a table or as images."""

from __future__ import annotations

import math
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet
from PIL import Image

from dovetail.data.frames import as_arrow, dict_to_arrow, is_frame
from dovetail.data.read import atomic_path
from dovetail.errors import DataError

__all__ = ["sample_file"]


def sample_file(
    model: Any, out: Path, *, rows: int, label: str | None, seed: int | None, target: str
) -> None:
    """Draw rows or images with a fitted model, and write them; all of them, or nothing.

    A table is written as CSV or Parquet, by the ending of `out`, its classes as the column
    `target`. Images are written as one sheet where `out` ends in .png, else as files of a folder,
    which has a folder for each class.

    Raises
    ------
    DataError
        A model that does not draw, an unknown class, an ending that does not fit.
    """
    if not hasattr(model, "sample"):
        raise DataError(
            f"The model is a {type(model).__name__}, which does not draw rows. Fit one with: "
            "dovetail fit DATA --model vae."
        )
    drawn = model.sample(rows, _class(model, label), seed)
    X, y = drawn if isinstance(drawn, tuple) else (drawn, None)
    if is_frame(X) or X.ndim == 2:
        _write_table(X, y, out, target)
    elif out.suffix.lower() == ".png":
        with atomic_path(out) as temporary:
            Image.fromarray(_sheet(_bytes(np.asarray(X)))).save(temporary, "PNG")
    else:
        _write_images(_bytes(np.asarray(X)), y, out)


def _class(model: Any, label: str | None) -> Any:
    """The class that people write as `label`."""
    if label is None:
        return None
    classes = getattr(model, "classes_", None)
    if classes is None:
        raise DataError("The model was fitted without classes: leave --label out.")
    known = {str(c): c for c in classes.tolist()}
    if label not in known:
        raise DataError(f"There is no class {label!r}. The model knows: {', '.join(known)}.")
    return known[label]


def _write_table(X: Any, y: Any, out: Path, target: str) -> None:
    if out.suffix not in (".csv", ".parquet"):
        raise DataError(f"--out {out.name}: rows are written to a file ending in .csv or .parquet.")
    table: pa.Table = (
        as_arrow(X) if is_frame(X) else dict_to_arrow({f"x{j}": x for j, x in enumerate(X.T)})
    )
    if y is not None:
        table = table.append_column(target, pa.array(y.tolist()))
    with atomic_path(out) as temporary:
        if out.suffix == ".csv":
            pyarrow.csv.write_csv(_plain(table), temporary)
        else:
            pyarrow.parquet.write_table(table, temporary)


def _plain(table: pa.Table) -> pa.Table:
    """Categories as the strings that a CSV file has."""
    fields = [
        pa.field(f.name, f.type.value_type) if pa.types.is_dictionary(f.type) else f
        for f in table.schema
    ]
    return table.cast(pa.schema(fields))


def _bytes(X: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Pixels from 0 to 255."""
    if X.dtype == np.uint8:
        return X
    low, high = float(X.min()), float(X.max())
    return np.rint((X - low) * (255 / max(high - low, 1e-12))).astype(np.uint8)


def _sheet(X: npt.NDArray[np.uint8], gap: int = 2) -> npt.NDArray[np.uint8]:
    """Images side by side, in rows."""
    n, h, w = X.shape[:3]
    across = math.ceil(math.sqrt(n))
    down = math.ceil(n / across)
    shape = (down * (h + gap) - gap, across * (w + gap) - gap, *X.shape[3:])
    sheet = np.full(shape, 255, np.uint8)
    for i, image in enumerate(X):
        top, left = i // across * (h + gap), i % across * (w + gap)
        sheet[top : top + h, left : left + w] = image
    return sheet


def _write_images(X: npt.NDArray[np.uint8], y: Any, out: Path) -> None:
    if out.exists():
        raise DataError(
            f"--out {out} is there already. Name a new folder, or a file ending in .png."
        )
    temporary = out.with_name(f".{out.name}.{os.getpid()}.part")
    digits = len(str(len(X) - 1))
    try:
        for i, image in enumerate(X):
            folder = temporary if y is None else temporary / str(y[i])
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(image).save(folder / f"{i:0{digits}}.png")
        os.replace(temporary, out)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)

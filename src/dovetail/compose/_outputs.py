"""What the branches of a ColumnTransformer give: checks, places, and whether it is to be sparse."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import narwhals as nw
import numpy as np
import scipy.sparse as sp

from dovetail.data.frames import is_frame

__all__ = ["places", "refuse_flat", "refuse_pandas_na", "sparse_enough", "vectors_explained"]


def sparse_enough(outputs: Sequence[Any], threshold: float) -> bool:
    """Whether a sparse matrix is among the outputs, and the share of stored values is below the
    threshold.
    """
    if not any(sp.issparse(out) for out in outputs):
        return False
    cells = [out.shape[0] * out.shape[1] for out in outputs]
    stored = [out.nnz if sp.issparse(out) else n for out, n in zip(outputs, cells, strict=True)]
    return bool(sum(stored) / max(sum(cells), 1) < threshold)


def places(
    names: Iterable[str], outputs: Sequence[Any], all_names: Iterable[str]
) -> dict[str, slice]:
    """Where each branch's columns are in the output; nowhere for branches without."""
    ends = np.cumsum([0, *(out.shape[1] for out in outputs)]).tolist()
    found = {name: slice(*span) for name, span in zip(names, pairwise(ends), strict=True)}
    return found | {name: slice(0, 0) for name in all_names if name not in found}


@contextmanager
def vectors_explained() -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        if "Expected 2D" in str(error) and "got 1D" in str(error):
            raise ValueError(
                "1D data passed to a transformer that expects 2D data. Try to specify the column "
                "selection as a list of one item instead of a scalar."
            ) from error
        raise


def refuse_flat(name: str, output: Any) -> None:
    """Outputs are joined along the columns."""
    if getattr(output, "ndim", 0) != 2 and not is_frame(output):
        raise ValueError(
            f"The output of the '{name}' transformer should be 2D (numpy array, scipy sparse "
            "array, dataframe)."
        )


def refuse_pandas_na(name: str, output: Any) -> None:
    """pandas.NA has no place in a numpy array."""
    if not nw.dependencies.is_pandas_dataframe(output):
        return
    missing = nw.dependencies.get_pandas().NA
    for column, dtype in output.dtypes.items():
        if getattr(dtype, "na_value", None) is missing and output[column].isna().any():
            raise ValueError(
                f"The output of the '{name}' transformer for column '{column}' has dtype {dtype} "
                "and uses pandas.NA to represent null values. Storing this output in a numpy array "
                "can cause errors in downstream scikit-learn estimators, and inefficiencies. To "
                "avoid this problem you can (i) store the output in a pandas DataFrame by using "
                "ColumnTransformer.set_output(transform='pandas') or (ii) modify the input data or "
                f"the '{name}' transformer to avoid the presence of pandas.NA (for example by "
                "using pandas.DataFrame.astype)."
            )

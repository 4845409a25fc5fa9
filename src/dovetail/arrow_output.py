"""`set_output(transform="pyarrow")`, beside scikit-learn's "pandas" and "polars".

A pyarrow table keeps what an array cannot: categories beside numbers. scikit-learn has a register
for such containers; importing this module enters pyarrow in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from sklearn.utils._set_output import ADAPTERS_MANAGER, get_columns

from dovetail.data.frames import as_arrow, is_frame
from dovetail.data.scan import Scan

__all__ = ["PYARROW", "PyarrowAdapter"]

PYARROW = "pyarrow"


class PyarrowAdapter:
    """What scikit-learn asks of a container of outputs."""

    container_lib = PYARROW

    def create_container(
        self, X_output: Any, X_original: Any, columns: Any, inplace: bool = True
    ) -> Any:
        """A table over the columns of an output; a scan itself, whose blocks are tables."""
        if isinstance(X_output, Scan):
            return X_output
        names = get_columns(columns)
        if is_frame(X_output):
            table = as_arrow(X_output)
            return table if names is None else table.rename_columns(list(names))
        array = np.asarray(X_output)
        labels = [f"x{j}" for j in range(array.shape[1])] if names is None else list(names)
        return pa.table({str(n): np.ascontiguousarray(array[:, j]) for j, n in enumerate(labels)})

    def is_supported_container(self, X: Any) -> bool:
        """Whether X is such a container."""
        return isinstance(X, pa.Table)

    def rename_columns(self, X: pa.Table, columns: Sequence[str]) -> pa.Table:
        """The table with other names."""
        return X.rename_columns(list(columns))

    def hstack(self, Xs: Sequence[pa.Table]) -> pa.Table:
        """Tables side by side."""
        names = [n for X in Xs for n in X.column_names]
        return pa.table([c for X in Xs for c in X.columns], names=names)


ADAPTERS_MANAGER.register(PyarrowAdapter())

"""What linear regressors show of their Program."""

from dataclasses import replace
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.model_selection import KFold, ShuffleSplit, check_cv
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.distributed import agreed
from dovetail.linear_model._program import flat_when
from dovetail.linear_scores import Linear, Sparsifiable

__all__ = [
    "Coefficients",
    "SparseCoefficients",
    "Sparsifiable",
    "goes_by_number",
    "of_all_processes",
    "shape_of",
    "splits_of",
    "with_matrix",
]


def with_matrix(batches: Batches) -> Batches:
    """The rows with targets of shape (n, t)."""

    def matrix(b: Batch) -> Batch:
        assert b.y is not None
        return b if b.y.ndim == 2 else replace(b, y=b.y[:, None])

    return batches.mapped(matrix)


def shape_of(y: Any) -> tuple[int, ...]:
    """The shape of targets as the user gives them."""
    return tuple(y.shape if hasattr(y, "shape") else np.asarray(y).shape)


def splits_of(
    cv: Any, batches: Batches, y: Any, params: dict[str, Any], *, classifier: bool = False
) -> list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Rows to train on and rows to test on, of each fold, by their numbers among all.

    y : what the splitter may look at besides X, of which it sees only the number of rows where they
        are not in memory; params : for its `split`
    """
    splitter = check_cv(cv, y, classifier=classifier)
    if not batches.in_memory:
        X: Any = np.empty((len(batches), 0))
        return agreed(lambda: list(splitter.split(X, y, **params)))
    X = batches.X
    X = X.to_scipy() if isinstance(X, SparseMatrix) else as_numpy(X)
    return list(splitter.split(X, y, **params))


def goes_by_number(cv: Any) -> bool:
    """Whether folds of a regressor follow from the number of rows alone."""
    return cv is None or isinstance(cv, Integral) or type(cv) in (KFold, ShuffleSplit)


def of_all_processes(params: dict[str, Any], batches: Batches) -> dict[str, Any]:
    """Metadata of this process's rows, as that of the rows of all."""
    group = batches.group
    if group is None:
        return params
    gathered = group.gather(lambda: params)
    return {
        name: np.concatenate([np.asarray(part[name]) for part in gathered])
        for name, value in params.items()
        if value is not None
    }


class Coefficients:
    """Coefficients and intercepts; `_fit` keeps in `_flat_target` whether y had one dimension."""

    _flat_target: bool
    _container: Any
    _program: Any
    fit_intercept: bool

    @property
    def coef_(self) -> Any:
        """Coefficients, shape (n_features,) or (n_targets, n_features)."""
        program = _program_of(self, "coef_")
        coef = flat_when(program.flat, program.coef)
        return coef if self._container == "torch" else as_numpy(coef)

    @coef_.setter
    def coef_(self, coef: Any) -> None:
        program = self.__dict__.get("_program")
        if program is None:  # a start for a first fit with warm_start
            c = torch.as_tensor(coef)
            self._flat_target, self._container = c.ndim == 1, "numpy"
            c = c if c.ndim == 2 else c[None]
            self._program = Linear(c, c.new_zeros(len(c)), "identity", self._flat_target)
            return
        program.coef = _like(coef, program.coef).reshape(program.coef.shape)

    @property
    def intercept_(self) -> Any:
        """Intercept, one a target; 0.0 without."""
        if not self.fit_intercept:
            return 0.0
        b = flat_when(self._flat_target, _program_of(self, "intercept_").intercept)
        return b if self._container == "torch" else as_numpy(b)[()]

    @intercept_.setter
    def intercept_(self, intercept: Any) -> None:
        program = _program_of(self, "intercept_")
        program.intercept = _like(intercept, program.intercept).reshape(program.intercept.shape)


def _program_of(estimator: Any, attribute: str) -> Any:
    program = estimator.__dict__.get("_program")
    if program is None:
        raise AttributeError(
            f"{type(estimator).__name__!r} object has no attribute {attribute!r} before fit."
        )
    return program


def _like(values: Any, held: Tensor) -> Tensor:
    """Numbers given by the user, as those they replace."""
    return torch.as_tensor(values, dtype=held.dtype, device=held.device)


class SparseCoefficients(Coefficients):
    """The same where many coefficients are zero."""

    @property
    def sparse_coef_(self) -> Any:
        """Coefficients as a scipy CSR array of shape (1 or n_targets, n_features)."""
        return SparseMatrix.from_torch(self._program.coef.to_sparse_csr()).to_scipy()

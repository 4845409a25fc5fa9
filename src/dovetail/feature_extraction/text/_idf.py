"""Inverse document frequency: how it is learned, and how an estimator shows it."""

from typing import Any, Literal

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.errors import warn
from dovetail.feature_extraction.text._weights import TermWeights

__all__ = ["WeighsByIdf"]


class WeighsByIdf:
    """An estimator whose Program weighs terms by their idf, as its parameters say."""

    norm: Literal["l1", "l2"] | None
    use_idf: bool
    smooth_idf: bool
    sublinear_tf: bool
    _program: Any
    _container: Any

    @property
    def idf_(self) -> Any:
        """Inverse document frequency of each term."""
        check_is_fitted(self)
        if self._program.idf is None:
            raise AttributeError("There is no idf_, because use_idf=False.")
        return self._program.idf if self._container == "torch" else as_numpy(self._program.idf)

    @idf_.setter
    def idf_(self, value: Any) -> None:
        self._take_idf(value)

    def _take_idf(self, idf: Any) -> None:
        if not self.use_idf:
            raise ValueError("`idf_` cannot be set when `user_idf=False`.")
        self._container = "torch" if isinstance(idf, Tensor) else "numpy"
        if not isinstance(idf, Tensor):
            idf = as_tensor(np.array(idf, dtype=np.result_type(np.asarray(idf), np.float32)))
        self._program = self._weights(idf)

    def _fit(self, batches: Batches) -> TermWeights:
        return self._weights(_learn_idf(batches, smooth=self.smooth_idf) if self.use_idf else None)

    def _weights(self, idf: Tensor | None) -> TermWeights:
        return TermWeights(binary=False, sublinear=self.sublinear_tf, idf=idf, norm=self.norm)


def _learn_idf(batches: Batches, *, smooth: bool) -> Tensor:
    """log(n / df) + 1, one more document with every term counted where it is to be smooth."""
    df = batches.sum(_document_frequency).to(batches.dtype) + float(smooth)
    n = batches.sum(len) + int(smooth)
    if not bool(df.all()):
        missing = torch.nonzero(df == 0)[:, 0].tolist()
        warn(
            f"divide by zero: {len(missing)} terms are in no document (columns "
            f"{', '.join(map(str, missing[:5]))}{', …' if len(missing) > 5 else ''}), and their "
            "idf is infinite. Set smooth_idf=True.",
            RuntimeWarning,
        )
    return (n / df).log() + 1


def _document_frequency(batch: Batch) -> Tensor:
    """In how many documents each term is, shape (d,)."""
    X: Any = batch.X
    if isinstance(X, SparseMatrix):
        return X.columns[X.values != 0].bincount(minlength=X.shape[1])
    return (X != 0).sum(0)

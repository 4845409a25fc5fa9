"""Naive Bayes with categories."""

from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils import Tags
from torch import Tensor

from dovetail.base import Accepts
from dovetail.data.batches import Batch, Batches
from dovetail.data.class_statistics import class_weights
from dovetail.data.statistics import column_ranges, in_blocks
from dovetail.data.tensors import as_numpy
from dovetail.naive_bayes._discrete import Discrete
from dovetail.naive_bayes._naive_bayes import JointLogProbability
from dovetail.params import ArrayLike, AtLeast

__all__ = ["CategoricalNB"]


class _Categorical(JointLogProbability):
    """Joint log probabilities of independent categories: a sum of rows of a table.

    class_count, log_prior : Tensor of shape (k,)
    counts, log_prob : Tensor of shape (t, k), the categories of all features one below the other
    starts : int64 Tensor of shape (d,), the row of category 0 of each feature
    """

    class_count: Tensor
    log_prior: Tensor
    counts: Tensor
    log_prob: Tensor
    starts: Tensor

    def forward(self, X: Tensor) -> Tensor:
        """Feature by feature: torch's sum of gathered rows takes five times as long in float64."""
        table, places = self.log_prob.to(X.dtype), X.long() + self.starts
        joint = self.log_prior.to(X.dtype)
        for place in places.unbind(1):
            joint = joint + table.index_select(0, place)
        return joint

    def sizes(self) -> Tensor:
        """Categories of each feature, (d,)."""
        end = self.starts.new_tensor([len(self.counts)])
        return torch.cat([self.starts, end]).diff()

    def by_feature(self, table: Tensor) -> list[Tensor]:
        """The part of a table that is of each feature, shape (k, categories)."""
        return [part.T for part in torch.split(table, self.sizes().tolist())]


class CategoricalNB(Discrete):
    """The class of greatest P(class) Π_j p_j(x_j), where p_j(x) is the share of the class's rows
    whose feature j is category x, with α added to all counts.

    Parameters
    ----------
    alpha : float >= 0, default=1.0
        What is added to the counts, so that no probability is zero.
    force_alpha : bool, default=True
        Whether an alpha below 1e-10 is left as it is.
    fit_prior : bool, default=True
        Whether probabilities of classes are their shares of the rows; else all are equal.
    class_prior : array-like of shape (n_classes,) or None
        Probabilities of the classes, instead.
    min_categories : int >= 1, array-like of shape (n_features,) or None
        Fewest categories of each feature, for those that a fit may not see; None takes the greatest
        category that is seen, and all below it.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    class_count_ : ndarray or tensor of shape (n_classes,)
        Rows of each class, or their weight.
    category_count_ : list of n_features arrays or tensors of shape (n_classes, n_categories_[j])
        Rows of each class and category.
    class_log_prior_ : ndarray or tensor of shape (n_classes,)
    feature_log_prob_ : list of n_features arrays or tensors of shape (n_classes, n_categories_[j])
        log p.
    n_categories_ : ndarray of shape (n_features,), int64
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    X holds categories as whole numbers from 0 on, such as OrdinalEncoder gives; fractions are cut
    off. Cost O(n d), one pass to find the categories and one to count them.

    Examples
    --------
    >>> from dovetail.naive_bayes import CategoricalNB
    >>> X = [[0, 1], [0, 0], [2, 1], [1, 1]]
    >>> CategoricalNB().fit(X, ["a", "a", "b", "b"]).predict([[0, 0], [2, 1]])
    array(['a', 'b'], dtype='<U1')
    """

    accepts = Accepts()

    _: KW_ONLY
    alpha: Annotated[float, AtLeast(0)] = 1.0
    force_alpha: bool = True
    fit_prior: bool = True
    class_prior: ArrayLike | None = None
    min_categories: Annotated[int, AtLeast(1)] | ArrayLike | None = None

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(), cls(min_categories=6, alpha=0.5)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.categorical = True
        tags.input_tags.positive_only = True
        return tags

    @property
    def category_count_(self) -> list[Any]:
        """Rows of each class and category, shape (n_classes, n_categories) a feature."""
        return self._tables("counts")

    @property
    def feature_log_prob_(self) -> list[Any]:
        """Log probability of each category, shape (n_classes, n_categories) a feature."""
        return self._tables("log_prob")

    @property
    def n_categories_(self) -> npt.NDArray[np.int64]:
        """Categories of each feature."""
        program: Any = self.program_
        return as_numpy(program.sizes())

    def _tables(self, name: str) -> list[Any]:
        program: Any = self.program_
        parts = program.by_feature(getattr(program, name))
        return parts if self._container == "torch" else [as_numpy(part) for part in parts]

    def _update(self, before: Any, batches: Batches) -> _Categorical:
        k = len(self.classes_)
        self._refuse_negative(batches)
        sizes = self._sizes(batches)
        if before is not None:
            sizes = torch.maximum(sizes, before.sizes())
        starts = sizes.cumsum(0) - sizes
        cells = int(sizes.sum()) * k

        def counts_of(block: Batch) -> Tensor:
            assert block.y is not None
            place = (block.X.long() + starts) * k + block.y[:, None]
            w = None
            if block.w is not None:
                w = block.w.double()[:, None].expand(place.shape).reshape(-1)
            return torch.bincount(place.reshape(-1), w, minlength=cells).double()

        rows = max(in_blocks(batches).rows_per_block or 1, cells // batches.n_features)
        counts = batches.in_blocks(rows).sum(counts_of).view(-1, k)
        class_count = class_weights(batches, k)
        if before is not None:
            class_count = class_count + before.class_count
            own = before.sizes()
            offset = torch.arange(len(before.counts), device=counts.device)
            place = offset - before.starts.repeat_interleave(own) + starts.repeat_interleave(own)
            counts.index_add_(0, place, before.counts)
        smoothed = counts + self._smoothing(batches.device)
        feature = torch.arange(len(sizes), device=sizes.device).repeat_interleave(sizes)
        total = smoothed.new_zeros(len(sizes), k).index_add_(0, feature, smoothed)
        log_prob = smoothed.log() - total.log()[feature]
        return _Categorical(class_count, self._log_prior(class_count), counts, log_prob, starts)

    def _sizes(self, batches: Batches) -> Tensor:
        """Categories of each feature in these rows, at least as many as asked for, (d,)."""
        sizes = column_ranges(batches)[1].long() + 1
        if self.min_categories is None:
            return sizes
        least = np.asarray(self.min_categories)
        if not np.issubdtype(least.dtype, np.signedinteger):
            raise ValueError(
                f"'min_categories' should have integral type. Got {least.dtype} instead."
            )
        if least.shape not in ((), (len(sizes),)):
            raise ValueError(
                f"'min_categories' should have shape ({len(sizes)},) when an array-like is "
                f"provided. Got {least.shape} instead."
            )
        return torch.maximum(sizes, torch.as_tensor(least, device=sizes.device))

    def _scores(self, X: Tensor) -> Tensor:
        self._refuse_negative(Batches(Batch(X)))
        sizes = self._program.sizes()
        unseen = X.long() >= sizes
        if bool(unseen.any()):
            j = int(unseen.any(0).nonzero()[0, 0])
            raise IndexError(
                f"Feature {j} has category {int(X[:, j].max())}, but CategoricalNB knows its "
                f"categories 0 to {int(sizes[j]) - 1} only, those that fit saw. Give more as "
                "min_categories, or map unknown categories to known ones beforehand."
            )
        joint: Tensor = self._program(X)
        return joint

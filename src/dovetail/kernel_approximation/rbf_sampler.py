"""The rbf kernel approximated by random waves."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils import Tags, check_random_state
from torch import Tensor

from dovetail.base import Accepts, Learned, Transformer
from dovetail.data.batches import Batches
from dovetail.objective.kernel import scale_of
from dovetail.params import AtLeast, Seed
from dovetail.program import Program

__all__ = ["RBFSampler"]


class _Waves(Program):
    """√(2 / m) cos(X weights + offset), (n, m).

    weights : Tensor of shape (d, m); offset : Tensor of shape (m,)
    """

    weights: Tensor
    offset: Tensor

    def forward(self, X: Any) -> Tensor:
        phase: Tensor = X @ self.weights.to(X.dtype)
        scale = math.sqrt(2.0 / len(self.offset))
        return (phase + self.offset.to(X.dtype)).cos() * scale


class RBFSampler(ClassNamePrefixFeaturesOutMixin, Transformer):
    """Features whose products approximate exp(−γ ‖a − b‖²), whatever the rows.

    m waves √(2 / m) cos(w·x + b) with w from N(0, 2 γ I) and b uniform on [0, 2π): their products
    have the kernel as their mean, and an error that falls as 1 / √m. Nothing is learned of the rows
    but their number of columns (and variance, for gamma="scale").

    Parameters
    ----------
    gamma : "scale" or float >= 0, default=1.0
        γ; "scale" is 1 / (n_features × variance of X).
    n_components : int >= 1, default=100
        m.
    random_state : int, RandomState or None

    Attributes
    ----------
    random_weights_ : array of shape (n_features, m)
    random_offset_ : array of shape (m,)

    Cost: transform O(n d m).

    Rahimi & Recht 2007,
    https://papers.nips.cc/paper/3182-random-features-for-large-scale-kernel-machines.

    Examples
    --------
    >>> from dovetail.kernel_approximation import RBFSampler
    >>> Z = RBFSampler(gamma=0.5, n_components=5000, random_state=0).fit_transform([[0.0], [1.0]])
    >>> (Z @ Z.T).round(1)
    array([[1. , 0.6],
           [0.6, 1. ]])
    """

    accepts = Accepts(sparse=("csr", "csc"))

    random_weights_ = Learned("weights")
    random_offset_ = Learned("offset")

    _: KW_ONLY
    gamma: Literal["scale"] | Annotated[float, AtLeast(0)] = 1.0
    n_components: Annotated[int, AtLeast(1)] = 100
    random_state: Seed = None

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(random_state=0), cls(gamma="scale", n_components=7, random_state=0)]

    def _fit(self, batches: Batches) -> _Waves:
        random = check_random_state(self.random_state)
        d, m = batches.n_features, self.n_components
        gamma = scale_of(batches.X) if self.gamma == "scale" else float(self.gamma)
        weights = math.sqrt(2 * gamma) * random.normal(size=(d, m))
        offset = random.uniform(0, 2 * np.pi, size=m)
        held: dict[str, Any] = {"device": batches.device, "dtype": batches.dtype}
        return _Waves(torch.as_tensor(weights, **held), torch.as_tensor(offset, **held))

    @property
    def _n_features_out(self) -> int:
        return len(self._program.offset)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

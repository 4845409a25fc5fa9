"""The Program of linear decompositions, and what principal components say of the data.

Legend: n rows, d columns, k components.
"""

from __future__ import annotations

from typing import Any

import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils import Tags
from torch import Tensor

from dovetail.base import Invertible, Learned, Transformer
from dovetail.data.sparse import Matrix
from dovetail.program import Program
from dovetail.solve.singular_values import Singular

__all__ = ["Components", "Principal", "Projection", "projection"]


class Projection(Program):
    """(X − mean) componentsᵀ, divided by the standard deviation of each component when whitening.

    components : Tensor of shape (k, d); mean : Tensor of shape (d,) or None
    values : singular values, (k,)
    variance, ratio : variance of each component, and its share, (k,)
    noise : mean variance of the directions left out, a scalar
    rows : number of rows it was learned from; whiten : whether components get unit variance
    spread : variance of each column, (d,), where learning goes on
    """

    components: Tensor
    mean: Tensor | None
    values: Tensor
    variance: Tensor
    ratio: Tensor
    noise: Tensor
    rows: int
    whiten: bool
    spread: Tensor | None = None

    def forward(self, X: Matrix) -> Tensor:
        C = self.components.to(X.dtype)
        out: Tensor = X @ C.T
        if self.mean is not None:  # after the product: X is neither copied nor made dense
            out = out - self.mean.to(X.dtype) @ C.T
        return out / self.deviation.to(X.dtype) if self.whiten else out

    @property
    def deviation(self) -> Tensor:
        """Standard deviation of each component; not zero, so that one can divide by it."""
        root = self.variance.sqrt()
        return root.clamp(min=torch.finfo(root.dtype).eps)

    def inverse(self, Z: Tensor) -> Tensor:
        """The rows whose components are Z."""
        scaled = Z * self.variance.sqrt().to(Z.dtype) if self.whiten else Z
        out = scaled @ self.components.to(Z.dtype)
        return out if self.mean is None else out + self.mean.to(Z.dtype)


def projection(
    found: Singular,
    variance: Tensor,
    total: Tensor,
    *,
    mean: Tensor | None,
    noise: Tensor | None = None,
    spread: Tensor | None = None,
    dtype: torch.dtype,
    rows: int,
    whiten: bool = False,
) -> Projection:
    """The Program, in the dtype of the data.

    variance : of each component, (k,); total : of all columns together
    """

    def own(part: Tensor) -> Tensor:
        return part.to(dtype).clone()

    return Projection(
        components=own(found.vectors),
        mean=None if mean is None else own(mean),
        values=own(found.values),
        variance=own(variance),
        ratio=own(variance / total),
        noise=own(total.new_zeros(()) if noise is None else noise),
        rows=rows,
        whiten=whiten,
        spread=None if spread is None else own(spread),
    )


class Components(ClassNamePrefixFeaturesOutMixin, Invertible, Transformer):
    """A transformer to components."""

    components_ = Learned("components")
    explained_variance_ = Learned("variance")
    explained_variance_ratio_ = Learned("ratio")
    singular_values_ = Learned("values")

    @property
    def _n_features_out(self) -> int:
        return len(self._program.components)

    def _inverse(self, Z: Tensor) -> Tensor:
        program: Projection = self._program
        return program.inverse(Z)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


class Principal(Components):
    """Components of greatest variance, as a model of the data: a normal distribution with the
    variances of the components, and one variance in all other directions (Tipping & Bishop 1999,
    https://doi.org/10.1111/1467-9868.00196).
    """

    mean_ = Learned("mean")

    @property
    def n_components_(self) -> int:
        """Number of components."""
        return self._n_features_out if self.__sklearn_is_fitted__() else self._unfitted()

    @property
    def noise_variance_(self) -> Any:
        """Mean variance of the directions left out."""
        if not self.__sklearn_is_fitted__():
            self._unfitted()
        noise = self._program.noise
        return noise if self._container == "torch" else noise.numpy()[()]

    def _unfitted(self) -> int:
        raise AttributeError(f"{type(self).__name__!r} object has no such attribute before fit.")

    def get_covariance(self) -> Any:
        """Covariance of the model, shape (n_features, n_features)."""
        return self._shown(_covariance(self.program_))

    def get_precision(self) -> Any:
        """Inverse of the covariance of the model, shape (n_features, n_features)."""
        return self._shown(_precision(self.program_))

    def _shown(self, matrix: Tensor) -> Any:
        matrix = matrix.to(self._program.components.dtype)
        return matrix if self._container == "torch" else matrix.cpu().numpy()

    def score_samples(self, X: Any) -> Any:
        """Logarithm of the density of each row in the model, shape (n_samples,)."""
        precision = _precision(self.program_)
        constant = torch.linalg.slogdet(precision)[1] - len(precision) * _LOG_2_PI

        def density(opened: Matrix) -> Tensor:
            rows: Any = opened if isinstance(opened, Tensor) else opened.to_dense()
            off = rows.double() - self._program.mean.double()
            return (0.5 * (constant - ((off @ precision) * off).sum(1))).to(opened.dtype)

        return self._run(density, X)

    def score(self, X: Any, y: Any = None) -> float:
        """Mean of `score_samples`."""
        return float(self.score_samples(X).mean())


_LOG_2_PI = 1.8378770664093453


def _above_noise(program: Any) -> Tensor:
    """Variance of each component beyond that of the noise."""
    return (program.variance.double() - program.noise.double()).clamp(min=0)


def _covariance(program: Any) -> Tensor:
    C = program.components.double()
    out = (C.T * _above_noise(program)) @ C
    out.diagonal().add_(program.noise.double())
    return out


def _precision(program: Any) -> Tensor:
    """By the inversion lemma, a k×k system; by the covariance itself where there is no noise."""
    noise, C = program.noise.double(), program.components.double()
    eye = torch.eye(C.shape[1], dtype=C.dtype, device=C.device)
    if not len(C):
        return eye / noise
    if not float(noise):
        return torch.linalg.inv(_covariance(program))
    inner = C @ C.T / noise
    inner.diagonal().add_(1 / _above_noise(program))
    return eye / noise - C.T @ torch.linalg.inv(inner) @ C / noise.square()

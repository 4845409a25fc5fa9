"""Variational autoencoders of images and of rows of codes.

    minimize −log p(x | z) + KL(q(z | x) ‖ N(0, 1)),   z drawn from q(z | x) = N(μ(x), σ(x)²)

Legend: n rows, k latent numbers, y class codes or None.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from dovetail.nn.dense import Dense
from dovetail.nn.image_coding import ImageDecoder, ImageEncoder
from dovetail.nn.standardize import Standardize

__all__ = ["CodeEmbedding", "ImageVariational", "RowVariational", "with_classes"]


def with_classes(Z: Tensor, y: Tensor | None, n_classes: int) -> Tensor:
    """Numbers beside their class, one column a class; without classes the numbers alone."""
    if y is None or not n_classes:
        return Z
    return torch.cat([Z, functional.one_hot(y, n_classes).to(Z.dtype)], 1)


def _full(values: Tensor) -> Tensor:
    """Half-precision numbers in float32."""
    return values.float() if values.dtype in (torch.bfloat16, torch.float16) else values


class CodeEmbedding(nn.Module):
    """Rows of codes (n, d) as (n, width): the sum of a vector for each code of each column."""

    starts: Tensor

    def __init__(self, n_codes: Sequence[int], width: int) -> None:
        super().__init__()
        ends = torch.tensor(n_codes).cumsum(0)
        self.register_buffer("starts", ends - torch.tensor(n_codes))
        self.table = nn.EmbeddingBag(int(ends[-1]), width, mode="sum")
        nn.init.normal_(self.table.weight, std=len(n_codes) ** -0.5)

    def forward(self, X: Tensor) -> Tensor:
        out: Tensor = self.table(X + self.starts)
        return out


class _Variational(nn.Module):
    """What both share.

    centers, roots : buffers of shape (c, k) and (c, k, k), of each of max(n_classes, 1) classes:
        N(0, 1) numbers are mapped to where the classes' codes lie, N(center, root rootᵀ), before
        they are decoded (Ghosh et al. 2020, https://arxiv.org/abs/1903.12436)
    """

    centers: Tensor
    roots: Tensor

    def __init__(self, n_components: int, n_classes: int) -> None:
        super().__init__()
        self.n_components, self.n_classes = n_components, n_classes
        kinds = max(n_classes, 1)
        self.register_buffer("centers", torch.zeros(kinds, n_components))
        self.register_buffer("roots", torch.eye(n_components).repeat(kinds, 1, 1))

    def placed(self, Z: Tensor, y: Tensor | None) -> Tensor:
        """N(0, 1) numbers as codes of these classes."""
        y = torch.zeros(len(Z), dtype=torch.long, device=Z.device) if y is None else y
        return self.centers[y] + torch.einsum("nij,nj->ni", self.roots[y], Z)

    def decode(self, Z: Tensor, y: Tensor | None = None) -> Tensor:
        """What says what x is likely, of N(0, 1) numbers and classes."""
        return self.decoded(self.placed(Z, y), y)

    def encode(self, X: Tensor, y: Tensor | None) -> Tensor:
        """μ and log σ² of z, side by side, (n, 2 k)."""
        raise TypeError(f"{type(self).__name__} does not say how it encodes.")

    def decoded(self, Z: Tensor, y: Tensor | None) -> Tensor:
        """What says what x is likely given z, and y."""
        raise TypeError(f"{type(self).__name__} does not say how it decodes.")

    def misfit(self, decoded: Tensor, X: Tensor) -> Tensor:
        """−log p(x | z) but for a constant, (n,)."""
        raise TypeError(f"{type(self).__name__} does not say what it compares.")

    def forward(self, X: Tensor, y: Tensor | None = None) -> Tensor:
        """The bound of a row's −log p(x), (n,)."""
        mean, log_variance = _full(self.encode(X, y)).chunk(2, 1)
        Z = mean + torch.randn_like(mean) * (log_variance / 2).exp()
        divergence = (mean.square() + log_variance.exp() - 1 - log_variance).sum(1) / 2
        return self.misfit(self.decoded(Z, y), X) + divergence


class RowVariational(_Variational):
    """Of rows of codes: each column a choice among its codes, independent of the others given z.

    n_codes : of each column
    """

    def __init__(
        self, n_codes: Sequence[int], n_components: int, n_classes: int, hidden: int = 256
    ) -> None:
        super().__init__(n_components, n_classes)
        self.n_codes = list(n_codes)
        self.embedding = CodeEmbedding([*n_codes, max(n_classes, 1)], hidden)
        self.encoder = Dense(hidden, 2 * n_components, (hidden,))
        self.decoder = Dense(n_components + n_classes, sum(n_codes), (hidden, hidden))

    def encode(self, X: Tensor, y: Tensor | None) -> Tensor:
        y = X.new_zeros(len(X)) if y is None else y
        out: Tensor = self.encoder(functional.silu(self.embedding(torch.column_stack([X, y]))))
        return out

    def decoded(self, Z: Tensor, y: Tensor | None) -> Tensor:
        """Scores of all codes of all columns, (n, Σ n_codes)."""
        scores: Tensor = self.decoder(with_classes(Z, y, self.n_classes))
        return scores

    def misfit(self, decoded: Tensor, X: Tensor) -> Tensor:
        parts = zip(torch.split(_full(decoded), self.n_codes, 1), X.T, strict=True)
        losses = [functional.cross_entropy(F, x, reduction="none") for F, x in parts]
        return torch.stack(losses).sum(0)


class ImageVariational(_Variational):
    """Of images: pixels normal about the decoded ones, with one variance, which is that of the
    batch (Rybkin, Daniilidis & Levine 2021, https://arxiv.org/abs/2006.13202).
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        n_components: int,
        n_classes: int,
        mean: Tensor,
        scale: Tensor,
        width: int = 32,
    ) -> None:
        super().__init__(n_components, n_classes)
        self.standard = Standardize(mean, scale)
        self.encoder = ImageEncoder(image_shape, 2 * n_components, width)
        self.decoder = ImageDecoder(n_components + n_classes, image_shape, width)

    def encode(self, X: Tensor, y: Tensor | None) -> Tensor:
        out: Tensor = self.encoder(self.standard(X))
        return out

    def decoded(self, Z: Tensor, y: Tensor | None) -> Tensor:
        """Pixels."""
        return self.standard.inverse(self.decoder(with_classes(Z, y, self.n_classes)))

    def misfit(self, decoded: Tensor, X: Tensor) -> Tensor:
        error = (self.standard(_full(decoded)) - self.standard(X)).flatten(1)
        squares, size = error.square().sum(1), error.shape[1]
        variance = (squares.mean() / size).clamp(min=1e-6).detach()
        return (squares / variance + size * variance.log()) / 2

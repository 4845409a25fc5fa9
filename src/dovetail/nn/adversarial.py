"""A generator and a critic that learn from one another, of images and of rows of codes.

Legend: n rows, k latent numbers, y class codes or None; `real` and `generate` give what the critic
judges, with gradients.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from dovetail.nn.dense import Dense
from dovetail.nn.image_coding import ImageDecoder, ImageEncoder
from dovetail.nn.standardize import Standardize
from dovetail.nn.variational import with_classes

__all__ = ["ImageAdversarial", "RowAdversarial"]

_SHARPNESS = 0.3  # temperature of the softened draws that a critic of rows sees


class _Adversarial(nn.Module):
    """Two modules, `generator` and `critic`, which gives a score a class."""

    n_components: int
    n_classes: int
    generator: nn.Module
    critic: nn.Module

    def real(self, X: Tensor) -> Tensor:
        """Rows as the critic sees them."""
        raise TypeError(f"{type(self).__name__} does not say what its critic sees.")

    def generate(self, Z: Tensor, y: Tensor | None) -> Tensor:
        """Drawn ones."""
        raise TypeError(f"{type(self).__name__} does not say how it draws.")

    def judge(self, seen: Tensor, y: Tensor | None) -> Tensor:
        """How real rows of these classes look, (n,)."""
        scores: Tensor = self.critic(seen)
        return scores[:, 0] if y is None else scores.gather(1, y[:, None])[:, 0]

    def decode(self, Z: Tensor, y: Tensor | None = None) -> Tensor:
        """Pixels, or scores of codes, of latent numbers."""
        raise TypeError(f"{type(self).__name__} does not say what it makes.")


class ImageAdversarial(_Adversarial):
    """Of images; `mean` and `scale` map pixels to −1 … 1."""

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        n_components: int,
        n_classes: int,
        mean: Tensor,
        scale: Tensor,
        width: int = 32,
    ) -> None:
        super().__init__()
        self.n_components, self.n_classes = n_components, n_classes
        self.standard = Standardize(mean, scale)
        self.generator = ImageDecoder(n_components + n_classes, image_shape, width)
        self.critic = ImageEncoder(image_shape, max(n_classes, 1), width, norm=False)

    def real(self, X: Tensor) -> Tensor:
        return self.standard(X)

    def generate(self, Z: Tensor, y: Tensor | None) -> Tensor:
        out: Tensor = self.generator(with_classes(Z, y, self.n_classes))
        return out.tanh()

    def decode(self, Z: Tensor, y: Tensor | None = None) -> Tensor:
        return self.standard.inverse(self.generate(Z, y))


class RowAdversarial(_Adversarial):
    """Of rows of codes; the critic sees a column as the probabilities of a softened draw (Jang, Gu
    & Poole 2017, https://arxiv.org/abs/1611.01144).

    n_codes : of each column
    """

    def __init__(
        self, n_codes: Sequence[int], n_components: int, n_classes: int, hidden: int = 256
    ) -> None:
        super().__init__()
        self.n_codes, self.n_components, self.n_classes = list(n_codes), n_components, n_classes
        inputs, codes = n_components + n_classes, sum(n_codes)
        self.generator = Dense(inputs, codes, (hidden, hidden), norm=True)
        self.critic = Dense(codes, max(n_classes, 1), (hidden, hidden))

    def real(self, X: Tensor) -> Tensor:
        parts = zip(X.T, self.n_codes, strict=True)
        dtype = next(self.parameters()).dtype
        return torch.cat([functional.one_hot(x, k) for x, k in parts], 1).to(dtype)

    def generate(self, Z: Tensor, y: Tensor | None) -> Tensor:
        scores = torch.split(self.decode(Z, y), self.n_codes, 1)
        return torch.cat([functional.gumbel_softmax(F, _SHARPNESS) for F in scores], 1)

    def decode(self, Z: Tensor, y: Tensor | None = None) -> Tensor:
        out: Tensor = self.generator(with_classes(Z, y, self.n_classes))
        return out

"""Modules that give back their input through a few numbers, scales and all."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from dovetail.nn.dense import Dense
from dovetail.nn.image_coding import ImageDecoder, ImageEncoder
from dovetail.nn.standardize import Standardize

__all__ = ["ImageAutoencoding", "RowAutoencoding"]


class _Autoencoding(nn.Module):
    """Standardized numbers through an encoder and a decoder."""

    standard: Standardize
    encoder: nn.Module
    decoder: nn.Module

    def encode(self, X: Tensor) -> Tensor:
        """The numbers between, (n, n_components)."""
        codes: Tensor = self.encoder(self.standard(X))
        return codes

    def decode(self, Z: Tensor) -> Tensor:
        """What these numbers stand for, in the input's units."""
        return self.standard.inverse(self.decoder(Z))

    def forward(self, X: Tensor) -> Tensor:
        """The input again, standardized."""
        out: Tensor = self.decoder(self.encode(X))
        return out


class RowAutoencoding(_Autoencoding):
    """Rows (n, d) through dense layers.

    n_features, n_components : d, and the numbers between
    mean, scale : (d,)
    hidden : units of the encoder's hidden layers; the decoder has them in reverse
    """

    def __init__(
        self,
        n_features: int,
        n_components: int,
        mean: Tensor,
        scale: Tensor,
        hidden: Sequence[int] = (128,),
    ) -> None:
        super().__init__()
        self.standard = Standardize(mean, scale)
        self.encoder = Dense(n_features, n_components, hidden)
        self.decoder = Dense(n_components, n_features, tuple(reversed(hidden)))


class ImageAutoencoding(_Autoencoding):
    """Images (n, c, h, w) through convolutions.

    image_shape, n_components : (c, h, w), and the numbers between
    mean, scale : (c, 1, 1)
    width : channels of the first convolution, and before the last
    """

    def __init__(
        self,
        image_shape: tuple[int, int, int],
        n_components: int,
        mean: Tensor,
        scale: Tensor,
        width: int = 32,
    ) -> None:
        super().__init__()
        self.standard = Standardize(mean, scale)
        self.encoder = ImageEncoder(image_shape, n_components, width)
        self.decoder = ImageDecoder(n_components, image_shape, width)

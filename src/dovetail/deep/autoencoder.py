"""Rows or images as a few numbers, from which they can be made again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin
from sklearn.utils import Tags
from torch import Tensor

from dovetail.base import Invertible, Transformer
from dovetail.data.batches import Batch
from dovetail.data.door import open_matrix
from dovetail.deep._image_door import are_images, named_images
from dovetail.deep._image_net import ImageNet
from dovetail.deep._losses import Loss
from dovetail.deep._making import Recipe
from dovetail.nn.autoencoding import ImageAutoencoding, RowAutoencoding
from dovetail.params import AboveZero, AtLeast
from dovetail.solve.wrappers import Schedule

__all__ = ["Autoencoder"]


class Autoencoder(ClassNamePrefixFeaturesOutMixin, Invertible, ImageNet, Transformer):
    """Rows or images as a few numbers: a net gives back its input through n_components numbers.

        minimize Σ ‖decode(encode(x + noise)) − x‖²,  x standardized

    `transform` gives the numbers, `inverse_transform` makes rows or images of them. Rows go through
    dense layers, images through convolutions.

    Parameters
    ----------
    n_components : int >= 1, default=16
    hidden : tuple of int, default=(128,)
        Units of the encoder's hidden layers, of rows; the decoder has them in reverse.
    width : int >= 1, default=32
        Channels of the first convolution, of images; they double with each.
    noise : float >= 0, default=0
        Size of the normal noise that training adds to the input alone, in standard deviations of a
        column or channel: what is learned is then to take it away (a denoising autoencoder).
    size, image_shape, channels : as in `ImageClassifier`
        With `image_shape`, a table has an image a row.
    max_epochs : int >= 1 or "auto", default="auto"
        Automatic: as many as show 600,000 rows, 10 to 100.
    Others : as in `ImageClassifier`

    Attributes
    ----------
    history_ : dict of lists, an entry an epoch; the loss is the squared error of a standardized
        number
    n_iter_ : int, epochs of this fit
    program_ : the map of rows or pixels to codes

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from dovetail.deep import Autoencoder
    >>> X, _ = load_iris(return_X_y=True)
    >>> model = Autoencoder(2, random_state=0).fit(X)
    >>> codes = model.transform(X)
    >>> codes.shape, bool(abs(model.inverse_transform(codes) - X).mean() < 0.15)
    ((150, 2), True)

    Source: Hinton & Salakhutdinov (2006), https://doi.org/10.1126/science.1127647; Vincent et al.
    (2008) for noise, https://doi.org/10.1145/1390156.1390294.
    """

    _most_epochs = 100

    n_components: Annotated[int, AtLeast(1)] = 16
    _: KW_ONLY
    lr: Annotated[float, AboveZero] = 5e-3
    schedule: Schedule | Callable[[int], float] = "one_cycle"
    hidden: tuple[Any, ...] | list[Any] = (128,)
    width: Annotated[int, AtLeast(1)] = 32
    noise: Annotated[float, AtLeast(0)] = 0.0

    @classmethod
    def _examples(cls) -> list[Self]:
        quick: dict[str, Any] = {"max_epochs": 4, "dtype": "float64", "random_state": 0}
        return [cls(2, hidden=(16,), **quick), cls(2, width=4, image_shape=(2, 2), **quick)]

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from X.

        Parameters
        ----------
        X : rows, a table of numbers, or images, as arrays or as files
        y : ignored, there for the Pipeline

        Returns
        -------
        self
        """
        self._of_images = self.image_shape is not None or are_images(X)
        return super().fit(named_images(X, y)[0])

    def inverse_transform(self, X: Any) -> Any:
        """Rows or images of codes, of the shape, and of images in the order of axes, that fit saw.

        Parameters
        ----------
        X : array-like or tensor of shape (n_samples, n_components)
        """
        return super().inverse_transform(X)

    def _inverse(self, Z: Tensor) -> Tensor:
        made: Tensor = self._program.module.decode(Z.to(self._dtype))
        if not self._of_images:
            return made
        layout = self._layout
        made = made.round().clamp(0, 255).to(torch.uint8) if layout.whole else made
        return layout.given_back(made)

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Any:
        if self._of_images:
            return super()._open(X, reset=reset, device=device)
        return open_matrix(self, X, self.accepts, reset=reset, device=device).to(dtype=self._dtype)

    def _targets(self, rows: Batch) -> Batch:
        return Batch(rows.X, rows.X, rows.w, rows.start)

    def _recipe(self, rows: Batch) -> Recipe:
        mean, scale = self._moments
        known = {"n_components": self.n_components, "mean": mean, "scale": scale}
        if self._of_images:
            shape = self._layout.shape
            return Recipe(ImageAutoencoding, {**known, "image_shape": shape, "width": self.width})
        width = rows.X.shape[1]
        return Recipe(RowAutoencoding, {**known, "n_features": width, "hidden": tuple(self.hidden)})

    def _mean_loss(self) -> Loss:
        mean, scale = self._moments

        def squared(outputs: Tensor, y: Tensor) -> Tensor:
            target = (y.to(mean.dtype) - mean.to(y.device)) / scale.to(y.device)
            return (outputs - target).square()

        return Loss(squared)

    def _augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        if not self.noise:
            return batch
        scale, X = self._moments[1].to(batch.X.device), batch.X.to(self._dtype)
        drawn = torch.randn(X.shape, dtype=X.dtype, device=X.device, generator=generator)
        return Batch(X + self.noise * scale * drawn, batch.y, batch.w, batch.start)

    def _program_fields(self, module: Any) -> dict[str, Any]:
        return {"flat": False, "method": "encode"}

    @property
    def _n_features_out(self) -> int:
        return self.n_components

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.transformer_tags.preserves_dtype = [self.dtype]
        return tags

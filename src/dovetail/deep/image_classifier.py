"""Classes of images by a residual convolutional net."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

import torch
from torch.nn import functional

from dovetail.data.batches import Batch
from dovetail.deep._classes import ClassesNet
from dovetail.deep._image_door import named_images
from dovetail.deep._image_net import ImageNet
from dovetail.deep._losses import Loss
from dovetail.deep._making import Recipe
from dovetail.nn.augment import cut_out, mixed, shift_flip
from dovetail.nn.criteria import CrossEntropy
from dovetail.nn.residual import ResidualCNN
from dovetail.params import AboveZero, AtLeast, Between
from dovetail.solve.wrappers import Schedule

__all__ = ["ImageClassifier"]


class ImageClassifier(ImageNet, ClassesNet):
    """Classes of images by a residual convolutional net, sized by the images.

    A stem halves images to 16 pixels a side or fewer; stages of residual blocks halve them down to
    4 and double the channels. Training shifts each image at random, on the device and a batch at a
    time. Pixels are kept as bytes; their mean and scale are part of the net.

    Parameters
    ----------
    width : int >= 1, default=32
        Channels of the first stage.
    depth : int >= 1, default=1
        Residual blocks of a stage.
    dropout : float in [0, 1), default=0
        Share of the features before the scores that are left out of a training step.
    shift : float in [0, 1), default=0.08
        Greatest random shift along either side, as a share of the shorter one.
    flip : bool, default=False
        Whether to mirror images left to right at random; for photographs, not for digits.
    cutout : float in [0, 1), default=0
        Side of a square that is cut out at random, as a share of the shorter side.
    mixup : float >= 0, default=0
        Mixes pairs of images and their targets with shares of the Beta(mixup, mixup) distribution.
    label_smoothing : float in [0, 1), default=0.05
        Share of the target that is spread over all classes.
    size : int, (height, width), "auto" or None
        Resizes images; without it they must have one size. "auto" resizes files of different sizes
        to the medians of their sides, of at most 96 pixels.
    image_shape : tuple or None
        Of one image where X is a table with an image a row: (h, w), (h, w, c) or (c, h, w).
    channels : {"auto", "first", "last"}, default="auto"
        The axis of channels of arrays with four; "auto" takes that of 1, 3 or 4.
    max_epochs : int >= 1 or "auto", default="auto"
        Automatic: as many as show 600,000 images, 10 to 40.
    precision : {"auto", "bf16", "fp16"} or None, default="auto"
        Of convolutions in training; automatic: bf16 where the hardware multiplies such numbers.
        Predictions are always computed in `dtype`.
    The others are those of `NetClassifier`, which takes a module, a loss and a step of your own.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    history_ : dict of lists, an entry an epoch
    n_iter_ : int, epochs of this fit
    program_ : the net as a map of pixels (n, c, h, w) to scores

    X is an array (n, h, w), (n, h, w, c) or (n, c, h, w) of bytes or other numbers, a tensor, a
    list of images or of paths, or a folder with a folder for each class (y may then be left out).
    Files are decoded once, by Pillow.

    Raises
    ------
    DataError
        Images of unequal sizes, no axis of channels, a folder without images.
    ValueError
        One class only.

    Cost O(n h w) an epoch and channel; 10 million products an image of 28 × 28.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from dovetail.deep import ImageClassifier
    >>> digits = load_digits()
    >>> model = ImageClassifier(width=8, max_epochs=3, random_state=0)
    >>> model.fit(digits.images[:500], digits.target[:500]).predict(digits.images[:3]).shape
    (3,)

    Source: He, Zhang, Ren & Sun (2016), https://arxiv.org/abs/1512.03385; Smith & Topin (2019) for
    the schedule, https://arxiv.org/abs/1708.07120.
    """

    _: KW_ONLY
    lr: Annotated[float, AboveZero] = 0.01
    weight_decay: Annotated[float, AtLeast(0)] = 0.05
    schedule: Schedule | Callable[[int], float] = "one_cycle"
    width: Annotated[int, AtLeast(1)] = 32
    depth: Annotated[int, AtLeast(1)] = 1
    dropout: Annotated[float, Between(0, 1, "left")] = 0.0
    shift: Annotated[float, Between(0, 1, "left")] = 0.08
    flip: bool = False
    cutout: Annotated[float, Between(0, 1, "left")] = 0.0
    mixup: Annotated[float, AtLeast(0)] = 0.0
    label_smoothing: Annotated[float, Between(0, 1, "left")] = 0.05

    @classmethod
    def _examples(cls) -> list[Self]:
        quick: dict[str, Any] = {"width": 4, "max_epochs": 4, "dtype": "float64"}
        return [cls(image_shape=(2, 2), random_state=0, **quick)]

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn to tell the classes of images apart.

        Parameters
        ----------
        X : images, as arrays or as files
        y : array-like of shape (n_samples,); of a folder of class folders their names, by default
        sample_weight : array-like of shape (n_samples,), float or None

        Returns
        -------
        self
        """
        return super().fit(*named_images(X, y), sample_weight)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Share of images whose class is predicted, weighted.

        Parameters
        ----------
        X, y, sample_weight : as in `fit`
        """
        return super().score(*named_images(X, y), sample_weight)

    def embed(self, X: Any) -> Any:
        """The features that scores are an affine map of, (n_samples, n_channels of the last
        stage).
        """
        return self._run(lambda opened: self._program.module.embed(opened), X)

    def _recipe(self, rows: Batch) -> Recipe:
        mean, scale = self._moments
        return Recipe(
            ResidualCNN,
            {
                "image_shape": self._layout.shape,
                "n_outputs": len(self.classes_),
                "mean": mean,
                "scale": scale,
                "width": self.width,
                "depth": self.depth,
                "dropout": self.dropout,
            },
        )

    def _mean_loss(self) -> Loss:
        return Loss(CrossEntropy(self.label_smoothing))

    def _augment(self, batch: Batch, generator: torch.Generator) -> Batch:
        X, y = batch.X, batch.y
        assert y is not None
        side = min(X.shape[2:])
        shift, cut = round(self.shift * side), round(self.cutout * side)
        if shift or self.flip:
            X = shift_flip(X, shift, flip=self.flip, generator=generator)
        if cut:
            fill = X.to(self._dtype).mean((0, 2, 3))[:, None, None]
            X = cut_out(X, cut, fill, generator=generator)
        if self.mixup:
            targets = functional.one_hot(y, len(self.classes_)).to(self._dtype)
            X, y = mixed(X, targets, self.mixup, generator=generator)
        return Batch(X, y, batch.w, batch.start)

"""Images to a few numbers and numbers to images, by strided convolutions.

Legend: n images, c channels, h × w pixels; k numbers of an image.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["ImageDecoder", "ImageEncoder", "halved"]

_COARSE = 7  # pixels of the shorter side from which on images are not halved


def halved(sides: tuple[int, int]) -> list[tuple[int, int]]:
    """Sides of images halved until the shorter has at most 7 pixels: (28, 28), (14, 14), (7, 7)."""
    found = [sides]
    while min(found[-1]) > _COARSE:
        h, w = found[-1]
        found.append((-(-h // 2), -(-w // 2)))
    return found


class ImageEncoder(nn.Module):
    """(n, c, h, w) to (n, k): convolutions that halve, then an affine map of what is left.

    Parameters
    ----------
    image_shape : (c, h, w)
    n_outputs : int, k
    width : int, channels of the first convolution; they double with each
    norm : bool, whether batch norm stands between a convolution and its activation

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.image_coding import ImageEncoder
    >>> ImageEncoder((1, 28, 28), 16)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 16])
    """

    def __init__(
        self, image_shape: tuple[int, int, int], n_outputs: int, width: int = 32, norm: bool = True
    ) -> None:
        super().__init__()
        c, h, w = image_shape
        sides = halved((h, w))
        layers: list[nn.Module] = []
        for stage in range(max(1, len(sides) - 1)):
            out = width * 2**stage
            layers.append(nn.Conv2d(c, out, 3, 2 if len(sides) > 1 else 1, 1, bias=not norm))
            layers += [nn.BatchNorm2d(out)] if norm else []
            layers.append(nn.LeakyReLU(0.2))
            c = out
        self.layers = nn.Sequential(*layers)
        self.out = nn.Linear(c * sides[-1][0] * sides[-1][1], n_outputs)

    def forward(self, X: Tensor) -> Tensor:
        H: Tensor = self.layers(X.contiguous(memory_format=torch.channels_last))
        out: Tensor = self.out(H.flatten(1))
        return out


class ImageDecoder(nn.Module):
    """(n, k) to (n, c, h, w): an affine map to a small image, then transposed convolutions that
    double it.

    Parameters
    ----------
    n_inputs : int, k
    image_shape : (c, h, w)
    width : int, channels before the last convolution; they double with each one before

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.image_coding import ImageDecoder
    >>> ImageDecoder(16, (3, 9, 30))(torch.zeros(2, 16)).shape
    torch.Size([2, 3, 9, 30])

    Source: Radford, Metz & Chintala (2016), https://arxiv.org/abs/1511.06434.
    """

    def __init__(self, n_inputs: int, image_shape: tuple[int, int, int], width: int = 32) -> None:
        super().__init__()
        c, h, w = image_shape
        *larger, (h0, w0) = halved((h, w))
        self.sides = larger[::-1]
        channels = width * 2 ** max(len(larger) - 1, 0)
        self.start = nn.Sequential(
            nn.Linear(n_inputs, channels * h0 * w0, bias=False),
            nn.Unflatten(1, (channels, h0, w0)),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
        )
        steps: list[nn.Module] = []
        for i in range(len(larger)):
            last = i == len(larger) - 1
            out = c if last else channels // 2
            doubled = nn.ConvTranspose2d(channels, out, 4, 2, 1, bias=last)
            between = [] if last else [nn.BatchNorm2d(out), nn.ReLU()]
            steps.append(nn.Sequential(doubled, *between))
            channels = out
        self.steps = nn.ModuleList(steps or [nn.Conv2d(channels, c, 3, 1, 1)])

    def forward(self, Z: Tensor) -> Tensor:
        H: Tensor = self.start(Z).contiguous(memory_format=torch.channels_last)
        for step, (h, w) in zip(self.steps, self.sides or [(H.shape[2], H.shape[3])], strict=True):
            H = step(H)[:, :, :h, :w]
        return H

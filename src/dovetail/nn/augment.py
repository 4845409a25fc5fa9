"""Random changes of images that leave their class as it is, in one operation for a whole batch on
its device.

Legend: n images, c channels, h × w pixels; shapes (n, c, h, w).
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["cut_out", "mixed", "shift_flip"]


def shift_flip(
    X: Tensor, shift: int, *, flip: bool = False, generator: torch.Generator | None = None
) -> Tensor:
    """Each image shifted by up to `shift` pixels along either side, with zeros where nothing was,
    and mirrored left to right in half of the cases where `flip`. Cost O(n c h w): one gather.

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.augment import shift_flip
    >>> X = torch.ones(1, 1, 4, 4)
    >>> shift_flip(X, 1, generator=torch.Generator().manual_seed(0))[0, 0].sum(0)
    tensor([0., 3., 3., 3.])
    """
    n, _, h, w = X.shape
    rows, columns = (_shifted_places(n, s, shift, X.device, generator) for s in (h, w))
    if flip:
        mirrored = torch.rand(n, 1, device=X.device, generator=generator) < 0.5
        columns = torch.where(mirrored, columns.flip(1), columns)
    each = torch.arange(n, device=X.device)[:, None, None]
    at = rows.clamp(0, h - 1)[:, :, None], columns.clamp(0, w - 1)[:, None]
    taken = X.permute(0, 2, 3, 1)[each, *at]  # (n, h, w, c): channels last in memory
    if shift:
        inside = ((rows >= 0) & (rows < h))[:, :, None] & ((columns >= 0) & (columns < w))[:, None]
        taken *= inside[..., None]
    return taken.permute(0, 3, 1, 2)


def _shifted_places(
    n: int, side: int, shift: int, device: torch.device, generator: torch.Generator | None
) -> Tensor:
    """Where the pixels along a side of each image come from, (n, side)."""
    by = torch.randint(-shift, shift + 1, (n, 1), device=device, generator=generator)
    return torch.arange(side, device=device) + by


def cut_out(
    X: Tensor, side: int, fill: Tensor, *, generator: torch.Generator | None = None
) -> Tensor:
    """A square of `side` pixels of each image set to `fill`, (c, 1, 1), at a random place that may
    reach over the border.

    Source: DeVries & Taylor (2017), https://arxiv.org/abs/1708.04552.
    """
    n, _, h, w = X.shape
    rows, columns = (_cut_places(n, s, side, X.device, generator) for s in (h, w))
    inside = (rows[:, :, None] & columns[:, None])[:, None]
    return torch.where(inside, fill.to(X.dtype), X)


def _cut_places(
    n: int, side: int, cut: int, device: torch.device, generator: torch.Generator | None
) -> Tensor:
    """Which pixels along a side each image's square covers, (n, side)."""
    center = torch.randint(side, (n, 1), device=device, generator=generator)
    place, first = torch.arange(side, device=device), center - cut // 2
    return (place >= first) & (place < first + cut)


def mixed(
    X: Tensor, Y: Tensor, alpha: float, *, generator: torch.Generator | None = None
) -> tuple[Tensor, Tensor]:
    """λ x + (1 − λ) x′ of each image and another one of the batch, and the same of their targets
    (n, k), with one λ of the Beta(alpha, alpha) distribution.

    Source: Zhang, Cissé, Dauphin & Lopez-Paz (2018), https://arxiv.org/abs/1710.09412.
    """
    strength = torch.full((2,), alpha, dtype=Y.dtype, device=X.device)
    gammas = torch._standard_gamma(strength, generator=generator)
    share = gammas[0] / gammas.sum().clamp(min=torch.finfo(Y.dtype).tiny)
    other = torch.randperm(len(X), device=X.device, generator=generator)
    X = X.to(Y.dtype)
    return X[other].lerp(X, share), Y[other].lerp(Y, share)

"""What nets of images share: pixels at the door, precision, epochs by the number of images."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated, Any, ClassVar, Literal

import torch
from sklearn.utils import Tags
from torch import Tensor

from dovetail.data.batches import Batches
from dovetail.data.images import Channels, Layout
from dovetail.deep._image_door import open_images
from dovetail.deep._net import Net
from dovetail.deep._program import NetOutputs
from dovetail.nn.standardize import channel_moments
from dovetail.params import AtLeast

__all__ = ["ImageNet", "fast_precision"]

_DTYPES = {"float32": torch.float32, "float64": torch.float64}


class _Seen:
    """Types of what a fit leaves (apart, so that they are no parameters)."""

    _layout: Layout
    _moments: tuple[Tensor, Tensor]


class ImageNet(_Seen, Net):
    """A net of images; its module is given pixels, (n, c, h, w)."""

    # rows that an automatic number of epochs shows, and its limits
    _shown: ClassVar[int] = 600_000
    _fewest_epochs: ClassVar[int] = 10
    _most_epochs: ClassVar[int] = 40

    _: KW_ONLY
    max_epochs: Annotated[int, AtLeast(1)] | Literal["auto"] = "auto"  # type: ignore[assignment]
    precision: Literal["auto", "bf16", "fp16"] | None = "auto"  # type: ignore[assignment]
    dtype: Literal["float32", "float64"] = "float32"
    size: Annotated[int, AtLeast(1)] | tuple[Any, ...] | Literal["auto"] | None = None
    image_shape: tuple[Any, ...] | None = None
    channels: Channels = "auto"

    @property
    def _dtype(self) -> torch.dtype:
        return _DTYPES[self.dtype]

    def _epochs(self, n: int) -> int:
        if self.max_epochs == "auto":
            return min(max(self._shown // n, self._fewest_epochs), self._most_epochs)
        return self.max_epochs

    def _half(self, device: torch.device) -> Literal["bf16", "fp16"] | None:
        return fast_precision(device) if self.precision == "auto" else self.precision

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Any:
        return open_images(self, X, reset=reset, device=device, dtype=self._dtype)

    def _train(self, batches: Batches, before: Any, *, incremental: bool) -> NetOutputs:
        if before is None:
            self._moments = channel_moments(batches, self._dtype)
        return super()._train(batches, before, incremental=incremental)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = self.image_shape is not None
        tags.input_tags.three_d_array = True
        return tags


def fast_precision(device: torch.device) -> Literal["bf16"] | None:
    """bfloat16 where the hardware multiplies such numbers: convolutions then take half of the time
    on a CPU with AMX, and accelerators gain more.
    """
    if device.type == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else None
    # torch before 2.10 does not tell
    told: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return "bf16" if device.type == "cpu" and told.get("amx_bf16") else None

"""What attention remembers while a text is written token by token.

Legend: b rows, h heads, s positions, e numbers of a head.
"""

from __future__ import annotations

from torch import Tensor

__all__ = ["Cache", "LayerCache"]


class LayerCache:
    """Keys and values of the positions so far, in one layer.

    keys, values : Tensor of shape (b, h, room, e)
    length : positions so far
    """

    def __init__(self, shape: tuple[int, int, int, int], like: Tensor) -> None:
        self.keys, self.values = (like.new_empty(shape) for _ in range(2))
        self.length = 0

    def extend(self, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
        """Add positions; the keys and values of all."""
        end = self.length + k.shape[2]
        self.keys[:, :, self.length : end], self.values[:, :, self.length : end] = k, v
        self.length = end
        return self.keys[:, :, :end], self.values[:, :, :end]


class Cache:
    """A `LayerCache` for each layer.

    Parameters
    ----------
    layers : int
    shape : (b, h, room, e)
    like : Tensor of the dtype and on the device

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.transformer_cache import Cache
    >>> Cache(2, (1, 4, 16, 8), torch.zeros(())).length
    0
    """

    def __init__(self, layers: int, shape: tuple[int, int, int, int], like: Tensor) -> None:
        self.layers = [LayerCache(shape, like) for _ in range(layers)]

    @property
    def length(self) -> int:
        """Positions so far."""
        return self.layers[0].length

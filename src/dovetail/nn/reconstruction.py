"""A module that gives back its input through a bottleneck."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from dovetail.nn.dense import Dense

__all__ = ["Reconstruction"]


class Reconstruction(nn.Module):
    """Rows to a few numbers (`encode`) and back (`decode`), by dense layers.

    Parameters
    ----------
    n_features : int, numbers of a row
    n_components : int, numbers between
    hidden : sequence of int, units of the encoder's hidden layers; the decoder has them in reverse

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.reconstruction import Reconstruction
    >>> net = Reconstruction(8, n_components=2)
    >>> net.encode(torch.zeros(5, 8)).shape, net(torch.zeros(5, 8)).shape
    (torch.Size([5, 2]), torch.Size([5, 8]))
    """

    def __init__(
        self, n_features: int, n_components: int = 2, hidden: Sequence[int] = (64,)
    ) -> None:
        super().__init__()
        self.encoder = Dense(n_features, n_components, hidden)
        self.decoder = Dense(n_components, n_features, tuple(reversed(hidden)))

    def encode(self, X: Tensor) -> Tensor:
        """The numbers between."""
        out: Tensor = self.encoder(X)
        return out

    def forward(self, X: Tensor) -> Tensor:
        out: Tensor = self.decoder(self.encode(X)).view_as(X)
        return out

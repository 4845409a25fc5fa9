"""Layers of affine maps with normalization, activation and dropout between them."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

__all__ = ["Dense"]


class Dense(nn.Module):
    """Hidden layers of affine map, layer norm (where asked for), SiLU and dropout, and an affine
    map to the outputs.

    Parameters
    ----------
    n_features : int, numbers of a row
    n_outputs : int
    hidden : sequence of int, units of each hidden layer
    dropout : float in [0, 1), share of the hidden units that are left out of a training step
    norm : bool, whether hidden layers are normalized

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.dense import Dense
    >>> Dense(4, 3, hidden=(16,))(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        n_features: int,
        n_outputs: int,
        hidden: Sequence[int] = (128, 128),
        dropout: float = 0.0,
        norm: bool = False,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = n_features
        for units in hidden:
            layers += [nn.Linear(width, units), *([nn.LayerNorm(units)] if norm else []), nn.SiLU()]
            layers += [nn.Dropout(dropout)] if dropout else []
            width = units
        self.layers = nn.Sequential(*layers, nn.Linear(width, n_outputs))

    def forward(self, X: Tensor) -> Tensor:
        out: Tensor = self.layers(X.flatten(1))
        return out

"""Texts to scores: a pretrained encoder under a linear map.

Legend: n texts, t tokens, c width, k outputs.
"""

from __future__ import annotations

from typing import Any, Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dovetail.nn.bert import Bert

__all__ = ["EncoderScores"]


class EncoderScores(nn.Module):
    """scores = W encoder(tokens) + b.

    Parameters
    ----------
    encoder : arguments of the `Bert`
    n_outputs : k
    dropout : of the encoder and before W
    frozen : whether W and b alone are learned; the encoder then leaves nothing out
    shift, scale : Tensor of shape (k,) or None; outputs are shift + scale · scores

    Devlin et al. (2019), https://arxiv.org/abs/1810.04805.

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.encoder_scores import EncoderScores
    >>> sizes = dict(n_tokens=50, width=16, depth=1, heads=2, units=32, length=8)
    >>> net = EncoderScores(sizes, 3)
    >>> net(torch.tensor([[2, 7, 3], [2, 3, 0]])).shape
    torch.Size([2, 3])
    """

    shift: Tensor | None
    scale: Tensor | None

    def __init__(
        self,
        encoder: dict[str, Any],
        n_outputs: int,
        *,
        dropout: float = 0.0,
        frozen: bool = False,
        shift: Tensor | None = None,
        scale: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.frozen, self.dropout = frozen, dropout
        self.encoder = Bert(**encoder, dropout=0.0 if frozen else dropout)
        self.head = nn.Linear(self.encoder.width, n_outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        self.register_buffer("shift", shift, persistent=False)
        self.register_buffer("scale", scale, persistent=False)
        self.requires_grad_()

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Whether to learn; what is frozen stays so."""
        super().requires_grad_(requires_grad)
        self.encoder.requires_grad_(requires_grad and not self.frozen)
        return self

    def start_from(self, coef: Tensor, intercept: Tensor, mean: Tensor, scale: Tensor) -> None:
        """Give W and b what makes coef · (vector − mean) / scale + intercept of a vector."""
        with torch.no_grad():
            coef = coef / scale
            self.head.weight.copy_(coef)
            self.head.bias.copy_(intercept - coef @ mean.to(coef.dtype))

    def encode(self, ids: Tensor) -> Tensor:
        """One vector a text; (n, c)."""
        out: Tensor = self.encoder(ids)
        return out

    def forward(self, ids: Tensor) -> Tensor:
        """ids : int64 of shape (n, t), 0 at padding."""
        out = self.encode(ids)
        scores: Tensor = self.head(F.dropout(out, self.dropout, self.training))
        if self.shift is None or self.scale is None:
            return scores
        return self.shift + self.scale * scores

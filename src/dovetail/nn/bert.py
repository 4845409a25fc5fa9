"""BERT's encoder, its parts named as in published files, so that their tensors fit by name.

Legend: n texts, t tokens, c width, h heads.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

__all__ = ["Bert"]


class _Named(nn.Module):
    """Modules by name."""

    def __init__(self, /, **parts: nn.Module) -> None:
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


class _Layer(nn.Module):
    """x ← norm(x + attention(x)), then x ← norm(x + gelu layer(x))."""

    def __init__(self, width: int, heads: int, units: int, epsilon: float, dropout: float) -> None:
        super().__init__()
        self.heads, self.dropout = heads, dropout
        self.attention = _Named(
            self=_Named(**{name: nn.Linear(width, width) for name in ("query", "key", "value")}),
            output=_Named(
                dense=nn.Linear(width, width), LayerNorm=nn.LayerNorm(width, eps=epsilon)
            ),
        )
        self.intermediate = _Named(dense=nn.Linear(width, units))
        self.output = _Named(
            dense=nn.Linear(units, width), LayerNorm=nn.LayerNorm(width, eps=epsilon)
        )

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        n, t, c = x.shape
        inner = self.attention.get_submodule("self")
        q, k, v = (
            inner.get_submodule(name)(x).view(n, t, self.heads, c // self.heads).transpose(1, 2)
            for name in ("query", "key", "value")
        )
        p = self.dropout if self.training else 0.0
        out = F.scaled_dot_product_attention(q, k, v, mask, p).transpose(1, 2).reshape(n, t, c)
        x = _added(self.attention.get_submodule("output"), out, x, p)
        units = F.gelu(self.intermediate.get_submodule("dense")(x))
        return _added(self.output, units, x, p)


def _added(part: nn.Module, inputs: Tensor, x: Tensor, p: float) -> Tensor:
    """norm(x + dense(inputs)), of the second a share p left out."""
    more = F.dropout(part.get_submodule("dense")(inputs), p)
    out: Tensor = part.get_submodule("LayerNorm")(x + more)
    return out


class Bert(nn.Module):
    """Texts' tokens to one vector a text: the mean, or the first, of the last layer's vectors,
    scaled to length 1 where asked for.

    Parameters
    ----------
    n_tokens, width, depth, heads, units, length : sizes, `units` those of the hidden layers
    kinds : kinds of segments there are; texts are of the first
    epsilon : of the normalizations
    pooling : {"mean", "first"}
    normalize : bool
    dropout : share of the numbers left out in training: of the embeddings, of attention, and of
        what each layer adds

    Devlin et al. (2019), https://arxiv.org/abs/1810.04805; Reimers & Gurevych (2019),
    https://arxiv.org/abs/1908.10084.

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.bert import Bert
    >>> net = Bert(50, width=16, depth=1, heads=2, units=32, length=8)
    >>> net(torch.tensor([[2, 7, 3], [2, 3, 0]])).shape
    torch.Size([2, 16])
    """

    def __init__(
        self,
        n_tokens: int,
        width: int,
        depth: int,
        heads: int,
        units: int,
        length: int,
        kinds: int = 2,
        epsilon: float = 1e-12,
        pooling: str = "mean",
        normalize: bool = True,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.width, self.pooling, self.normalize = width, pooling, normalize
        self.dropout = dropout
        self.embeddings = _Named(
            word_embeddings=nn.Embedding(n_tokens, width),
            position_embeddings=nn.Embedding(length, width),
            token_type_embeddings=nn.Embedding(kinds, width),
            LayerNorm=nn.LayerNorm(width, eps=epsilon),
        )
        layers = [_Layer(width, heads, units, epsilon, dropout) for _ in range(depth)]
        self.encoder = _Named(layer=nn.ModuleList(layers))

    def vectors(self, ids: Tensor) -> Tensor:
        """The last layer's vectors; (n, t, c)."""
        parts = self.embeddings.get_submodule
        x = parts("word_embeddings")(ids)
        x = x + parts("position_embeddings")(torch.arange(ids.shape[1], device=ids.device))
        x = parts("LayerNorm")(x + parts("token_type_embeddings")(torch.zeros_like(ids)))
        x = F.dropout(x, self.dropout, self.training)
        there = F.pad((ids != 0)[:, 1:], (1, 0), value=True)  # the first, even of an empty text
        mask = there[:, None, None, :]
        for layer in self.encoder.get_submodule("layer").children():
            x = layer(x, mask)
        return x

    def forward(self, ids: Tensor) -> Tensor:
        """ids : int64 of shape (n, t), 0 at padding."""
        x = self.vectors(ids)
        if self.pooling == "first":
            out = x[:, 0]
        else:
            there = (ids != 0).to(x.dtype)[:, :, None]
            out = (x * there).sum(1) / there.sum(1).clamp(min=1)
        return F.normalize(out, dim=1) if self.normalize else out

"""Transformers: rows of vectors that look at one another.

Legend: b rows, t positions, c width, v tokens of the vocabulary.
"""

from __future__ import annotations

import math

import torch.nn.functional as F
from torch import Tensor, nn

from dovetail.nn.transformer_cache import Cache, LayerCache
from dovetail.nn.transformer_parts import Attention, RMSNorm, Rotary, SwiGLU

__all__ = ["Block", "NextToken", "Transformer"]

_SPREAD = 0.02  # of weights at the start: GPT-2's


class Block(nn.Module):
    """x ← x + attention(norm(x)), then x ← x + gated(norm(x))."""

    def __init__(
        self, width: int, heads: int, rotary: Rotary, *, causal: bool, dropout: float
    ) -> None:
        super().__init__()
        self.attention_norm = RMSNorm(width)
        self.attention = Attention(width, heads, rotary, causal=causal, dropout=dropout)
        self.gated_norm = RMSNorm(width)
        self.gated = SwiGLU(width)
        self.dropout = nn.Dropout(dropout)

    def forward(
        self, x: Tensor, there: Tensor | None = None, cache: LayerCache | None = None
    ) -> Tensor:
        x = x + self.dropout(self.attention(self.attention_norm(x), there, cache))
        out: Tensor = x + self.dropout(self.gated(self.gated_norm(x)))
        return out


class Transformer(nn.Module):
    """Blocks of attention and gated layers, normalized before each and at the end, with rotary
    positions.

    Weights start as GPT-2's: normal with deviation 0.02, those that add to the residual stream by
    √(2 · depth) less.

    Parameters
    ----------
    width : c
    depth : int, blocks
    heads : int, a divisor of the width
    length : most positions
    causal : whether a position sees itself and those before it only
    dropout : float in [0, 1)

    Radford et al. (2019), Language Models are Unsupervised Multitask Learners; Touvron et al.
    (2023), LLaMA, https://arxiv.org/abs/2302.13971.

    Cost O(depth · b t (c² + t c)).

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.transformer import Transformer
    >>> Transformer(width=16, depth=2, heads=2, length=8)(torch.zeros(3, 5, 16)).shape
    torch.Size([3, 5, 16])
    """

    def __init__(
        self,
        width: int,
        depth: int,
        heads: int,
        length: int,
        *,
        causal: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width={width} must be a multiple of heads={heads}.")
        rotary = Rotary(width // heads, length)
        self.heads, self.length = heads, length
        self.blocks = nn.ModuleList(
            Block(width, heads, rotary, causal=causal, dropout=dropout) for _ in range(depth)
        )
        self.norm = RMSNorm(width)
        self.apply(_start)
        for name, p in self.named_parameters():
            if name.endswith("output.weight"):
                nn.init.normal_(p, std=_SPREAD / math.sqrt(2 * depth))

    def forward(self, x: Tensor, there: Tensor | None = None, cache: Cache | None = None) -> Tensor:
        """x : (b, t, c); there : (b, t), False at padding; cache : of the positions before."""
        end = x.shape[1] + (0 if cache is None else cache.length)
        if end > self.length:
            raise ValueError(f"There is room for {self.length} positions. Got {end}.")
        for i, block in enumerate(self.blocks):
            x = block(x, there, None if cache is None else cache.layers[i])
        out: Tensor = self.norm(x)
        return out

    def cache(self, rows: int, like: Tensor) -> Cache:
        """Room for the keys and values of all positions of so many rows."""
        size = like.shape[-1] // self.heads
        return Cache(len(self.blocks), (rows, self.heads, self.length, size), like)


def _start(module: nn.Module) -> None:
    if isinstance(module, nn.Linear | nn.Embedding):
        nn.init.normal_(module.weight, std=_SPREAD)


class NextToken(nn.Module):
    """Tokens to scores of the token that follows each: a causal transformer between an
    embedding and its transpose.

    Parameters
    ----------
    n_tokens : v
    width, depth, heads, length, dropout : of the `Transformer`

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.transformer import NextToken
    >>> net = NextToken(50, width=16, depth=1, heads=2, length=8)
    >>> net(torch.zeros(3, 5, dtype=torch.int64)).shape
    torch.Size([3, 5, 50])
    """

    def __init__(
        self,
        n_tokens: int,
        width: int,
        depth: int,
        heads: int,
        length: int,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, width)
        nn.init.normal_(self.embedding.weight, std=_SPREAD)
        self.dropout = nn.Dropout(dropout)
        self.transformer = Transformer(width, depth, heads, length, causal=True, dropout=dropout)

    def hidden(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """The last layer's vector at each position, (b, t, c)."""
        out: Tensor = self.transformer(self.dropout(self.embedding(ids)), None, cache)
        return out

    def forward(self, ids: Tensor, cache: Cache | None = None) -> Tensor:
        """ids : int64 of shape (b, t), t at most `length`; scores of shape (b, t, v)."""
        return F.linear(self.hidden(ids, cache), self.embedding.weight)

    def cache(self, rows: int) -> Cache:
        """An empty cache for so many rows."""
        return self.transformer.cache(rows, self.embedding.weight)

"""Texts to scores: a transformer over tokens beside a sum over the runs of tokens in them.

Legend: n texts, t tokens, m runs, c width, k outputs, g runs that are known.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from dovetail.nn.transformer import Transformer

__all__ = ["TextScores"]


class TextScores(nn.Module):
    """scores = W mean(transformer(tokens)) + Σ a_j V_j over the runs j of tokens in the text,
    a ∝ (1 + ln count) idf, of length 1: wide and deep in one.

    Texts longer than `length` are cut in windows, which are encoded apart, each after a vector that
    stands for the beginning; the mean is over the tokens of all.

    Parameters
    ----------
    n_tokens : int; token 0 is padding
    idf : Tensor of shape (g,), weights of the known runs
    n_outputs : k
    width, depth, heads, length, dropout : of the `Transformer`
    shift, scale : Tensor of shape (k,) or None; outputs are shift + scale · scores

    Cheng et al. (2016), Wide & Deep Learning, https://arxiv.org/abs/1606.07792; Joulin et al.
    (2017), Bag of Tricks for Efficient Text Classification, https://arxiv.org/abs/1607.01759.

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.text_scores import TextScores
    >>> net = TextScores(50, torch.ones(9), 3, width=16, depth=1, heads=2, length=8)
    >>> net(torch.tensor([[4, 5, 6], [7, 0, 0]]), torch.tensor([[1, 9], [3, 0]])).shape
    torch.Size([2, 3])
    """

    idf: Tensor
    shift: Tensor | None
    scale: Tensor | None

    def __init__(
        self,
        n_tokens: int,
        idf: Tensor,
        n_outputs: int,
        *,
        width: int,
        depth: int,
        heads: int,
        length: int,
        dropout: float = 0.0,
        shift: Tensor | None = None,
        scale: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.length = length
        self.embedding = nn.Embedding(n_tokens, width)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.first = nn.Parameter(0.02 * torch.randn(width))
        self.dropout = nn.Dropout(dropout)
        self.transformer = Transformer(width, depth, heads, length + 1, dropout=dropout)
        self.deep = nn.Linear(width, n_outputs)
        nn.init.zeros_(self.deep.weight)
        nn.init.zeros_(self.deep.bias)
        self.wide = nn.Parameter(torch.zeros(len(idf) + 1, n_outputs))
        self.register_buffer("idf", F.pad(idf, (1, 0)), persistent=False)
        self.register_buffer("shift", shift, persistent=False)
        self.register_buffer("scale", scale, persistent=False)

    def encode(self, ids: Tensor) -> Tensor:
        """The mean of the last layer's vectors; (n, c)."""
        n, t = ids.shape
        if t > self.length:
            ids = F.pad(ids, (0, -t % self.length)).view(-1, self.length)
        there = ids != 0
        x = torch.cat([self.first.expand(ids.shape[0], 1, -1), self.embedding(ids)], 1)
        out = self.transformer(self.dropout(x), F.pad(there, (1, 0), value=True))
        total = (out[:, 1:] * there[:, :, None]).sum(1).view(n, -1, out.shape[-1]).sum(1)
        mean: Tensor = total / there.view(n, -1).sum(1, keepdim=True).clamp(min=1)
        return mean

    def add_to_sum(self, coef: Tensor, intercept: Tensor) -> None:
        """Add numbers (k, g) of the runs, and (k,) of every text."""
        with torch.no_grad():
            self.wide[1:].add_(coef.T.to(self.wide))
            self.deep.bias.add_(intercept.to(self.wide))

    def go_back_to_sum(self, coef: Tensor, intercept: Tensor) -> None:
        """Take these for the sum, and nothing of the transformer."""
        with torch.no_grad():
            for p in (self.wide, self.deep.weight, self.deep.bias):
                p.zero_()
        self.add_to_sum(coef, intercept)

    def sums(self, runs: Tensor, counts: Tensor | None = None) -> Tensor:
        """The sum over runs; (n, k)."""
        a = self.idf[runs]
        if counts is not None:
            a = a * (1 + counts.clamp(min=1).to(a.dtype).log())
        a = a / torch.linalg.vector_norm(a, dim=1, keepdim=True).clamp(min=1e-6)
        return F.embedding_bag(runs, self.wide, per_sample_weights=a, mode="sum")

    def scores(self, ids: Tensor, runs: Tensor, counts: Tensor | None = None) -> Tensor:
        """Before shift and scale; (n, k)."""
        out: Tensor = self.deep(self.dropout(self.encode(ids)))
        return out + self.sums(runs, counts)

    def forward(self, ids: Tensor, runs: Tensor, counts: Tensor | None = None) -> Tensor:
        """ids : (n, t), runs : (n, m), int64, from 1 on, zeros at the end of shorter rows;
        counts : (n, m), how often a text has each run, None for once.
        """
        scores = self.scores(ids, runs, counts)
        if self.shift is None or self.scale is None:
            return scores
        return self.shift + self.scale * scores

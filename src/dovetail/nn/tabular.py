"""A net for tables: numbers and categories as vectors, and many nets in one behind them.

Legend: m rows, d columns, e numbers of a column's vector, k members, o outputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from dovetail.nn.category_embedding import CategoryEmbedding
from dovetail.nn.members import MemberHeads, MemberScales, SharedHidden
from dovetail.nn.number_embedding import Embedding, NumberEmbedding

__all__ = ["Tabular"]


class Tabular(nn.Module):
    """k perceptrons that share most of their weights, on vectors that stand for the columns.

    Parameters
    ----------
    categories : sequence of int or None, one a column
        How many categories it has, whose codes it holds (−1 for others, NaN where missing); None
        for numbers.
    n_outputs : int, o
    n_members : int, k
    width, n_layers : int, units of a hidden layer, and number of these
    dropout : float in [0, 1)
    embedding : {"piecewise", "periodic"}
    n_bins : int, breaks of a broken line, or waves
    embedding_width : int, e

    Attributes
    ----------
    numbers, groups : int64 buffers, the columns that are numbers, and those that are categories

    Call `look_at` before training: it learns scales, breaks and which categories are rare.

    Gorishniy, Kotelnikov & Babenko (2025), https://arxiv.org/abs/2410.24210.

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.tabular import Tabular
    >>> net = Tabular([None, 3], n_outputs=2, n_members=4)  # a number and one of three categories
    >>> X = torch.tensor([[0.5, 2.0], [torch.nan, 0.0], [7.0, -1.0]])
    >>> net.look_at(X)
    >>> net(X).shape  # rows, members, outputs
    torch.Size([3, 4, 2])
    """

    numbers: Tensor
    groups: Tensor

    def __init__(
        self,
        categories: Sequence[int | None],
        n_outputs: int,
        *,
        n_members: int = 16,
        width: int = 128,
        n_layers: int = 2,
        dropout: float = 0.1,
        embedding: Embedding = "piecewise",
        n_bins: int = 48,
        embedding_width: int = 16,
    ) -> None:
        super().__init__()
        numbers = [j for j, size in enumerate(categories) if size is None]
        groups = [j for j, size in enumerate(categories) if size is not None]
        self.register_buffer("numbers", torch.tensor(numbers, dtype=torch.int64))
        self.register_buffer("groups", torch.tensor(groups, dtype=torch.int64))
        self.number_vectors = self.category_vectors = None
        if numbers:
            self.number_vectors = NumberEmbedding(len(numbers), embedding, n_bins, embedding_width)
        if groups:
            sizes = [size for size in categories if size is not None]
            self.category_vectors = CategoryEmbedding(sizes, embedding_width)
        self.scales = MemberScales(n_members, len(categories), embedding_width)
        sizes = [len(categories) * embedding_width, *[width] * n_layers]
        self.hidden = nn.ModuleList(SharedHidden(p, q, dropout) for p, q in pairwise(sizes))
        self.heads = MemberHeads(n_members, width, n_outputs)

    def look_at(self, X: Tensor, w: Tensor | None = None) -> None:
        """Learn of rows X what is not trained; w weighs rows."""
        if self.number_vectors is not None:
            self.number_vectors.look_at(X[:, self.numbers], w)
        if self.category_vectors is not None:
            self.category_vectors.look_at(X[:, self.groups], w)

    def vectors(self, X: Tensor) -> Tensor:
        """The columns' vectors side by side, (m, d e)."""
        parts = []
        if self.number_vectors is not None:
            parts.append(self.number_vectors(X.index_select(1, self.numbers)))
        if self.category_vectors is not None:
            parts.append(self.category_vectors(X.index_select(1, self.groups)))
        return torch.cat(parts, 1).flatten(1)

    def forward(self, X: Tensor) -> Tensor:
        H = self.scales(self.vectors(X))
        for layer in self.hidden:
            H = layer(H)
        Y: Tensor = self.heads(H)
        return Y

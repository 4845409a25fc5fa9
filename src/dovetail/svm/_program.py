"""Programs of support-vector machines.

Shapes: m rows, s support vectors, d features, k classes.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from dovetail.kernel_rows import KernelRows
from dovetail.program import Program

__all__ = ["Expansion", "OneVersusOne", "couple"]


class Expansion(Program):
    """Scores Σ_s coef_s k(x_s, x) + intercept, (m,).

    coef : Tensor of shape (1, s)
    intercept : Tensor of shape (1,)
    """

    vectors: KernelRows
    coef: Tensor
    intercept: Tensor
    link_a: Tensor | None = None
    link_b: Tensor | None = None

    def forward(self, X: Any) -> Tensor:
        dtype = self.coef.dtype
        return self.vectors.through(lambda K: K.to(dtype) @ self.coef[0] + self.intercept, X)

    def link(self, scores: Tensor) -> Tensor:
        """Probabilities of both classes: 1 / (1 + exp(a·score + b)) is that of the first."""
        assert self.link_a is not None
        assert self.link_b is not None
        first = torch.sigmoid(self.link_a * scores - self.link_b)
        return torch.stack([first, 1 - first], 1)


class OneVersusOne(Program):
    """Scores of k > 2 classes, from a machine for each pair of them.

    coef : Tensor of shape (k − 1, s); support vectors are in the order of their classes, and row j
        of those of class i belongs to the pair with class j, or with class j + 1 from j = i on
    intercept : Tensor of shape (k (k − 1) / 2,), of the pairs (0, 1), (0, 2), …, (1, 2), …
    counts : support vectors of each class
    ovr : whether to give a score a class, votes and what decides between equal ones, (m, k), or the
        score of each pair, (m, k (k − 1) / 2)
    """

    vectors: KernelRows
    coef: Tensor
    intercept: Tensor
    counts: list[int]
    ovr: bool
    link_a: Tensor | None = None
    link_b: Tensor | None = None

    def forward(self, X: Any) -> Tensor:
        pairs = self.pairs(X)
        return self.by_class(pairs) if self.ovr else pairs

    def pairs(self, X: Any) -> Tensor:
        """Scores of the pairs; positive speaks for the first."""
        return self.vectors.through(self._pairs, X)

    def _pairs(self, K: Tensor) -> Tensor:
        parts = torch.split(K.to(self.coef.dtype), self.counts, 1)
        coef = torch.split(self.coef, self.counts, 1)
        sums = [part @ c.T for part, c in zip(parts, coef, strict=True)]
        k = len(self.counts)
        scores = [sums[i][:, j - 1] + sums[j][:, i] for i in range(k) for j in range(i + 1, k)]
        return torch.stack(scores, 1) + self.intercept

    def by_class(self, pairs: Tensor) -> Tensor:
        """Votes of the pairs for each class, plus a fraction of one, up to a third, that grows with
        the scores for it.
        """
        votes, sums = self.votes(pairs), _signed(pairs, len(self.counts))
        return votes + sums / (3 * (sums.abs() + 1))

    def votes(self, pairs: Tensor) -> Tensor:
        """How many pairs speak for each class, (m, k)."""
        k = len(self.counts)
        first = (pairs > 0).to(pairs.dtype)
        signs = _signed(2 * first - 1, k)
        return (signs + (k - 1)) / 2

    def link(self, pairs: Tensor) -> Tensor:
        """Probabilities of the classes, from scores of the pairs."""
        assert self.link_a is not None
        assert self.link_b is not None
        return couple(torch.sigmoid(-self.link_a * pairs - self.link_b), len(self.counts))


def _signed(pairs: Tensor, k: int) -> Tensor:
    """Sum of the scores for each class: those of pairs where it is first, less those where it is
    second.
    """
    first, second = torch.triu_indices(k, k, 1, device=pairs.device)
    total = pairs.new_zeros(pairs.shape[0], k)
    return total.index_add(1, first, pairs).index_add(1, second, pairs, alpha=-1)


def couple(r: Tensor, k: int) -> Tensor:
    """Class probabilities p, (m, k), that agree best with those of pairs: they minimize
    Σ_{i≠j} (r_ji p_i − r_ij p_j)² over Σ p = 1 (Wu, Lin & Weng 2004,
    https://www.jmlr.org/papers/v5/wu04a.html, their second method), whose optimum is a linear
    system's solution.

    r : Tensor of shape (m, k (k − 1) / 2), probability of the first of each pair
    """
    first, second = torch.triu_indices(k, k, 1, device=r.device)
    r = r.double().clamp(1e-7, 1 - 1e-7)
    R = r.new_zeros(len(r), k, k)
    R[:, first, second], R[:, second, first] = r, 1 - r
    Q = -R * R.transpose(1, 2) + torch.diag_embed((R.transpose(1, 2) ** 2).sum(2))
    # Q is positive definite but where all p agree; p ∝ Q⁻¹ 1 solves Q p = b 1
    ones = r.new_ones(len(r), k, 1)
    jitter = 1e-14 * torch.eye(k, dtype=r.dtype, device=r.device)
    p = torch.linalg.solve(_bordered(Q + jitter), torch.cat([0 * ones, ones[:, :1]], 1))[:, :k, 0]
    p = p.clamp(min=0)
    return p / p.sum(1, keepdim=True)


def _bordered(Q: Tensor) -> Tensor:
    """[[Q, 1], [1ᵀ, 0]]."""
    m, k, _ = Q.shape
    whole = Q.new_zeros(m, k + 1, k + 1)
    whole[:, :k, :k], whole[:, :k, k], whole[:, k, :k] = Q, 1.0, 1.0
    return whole

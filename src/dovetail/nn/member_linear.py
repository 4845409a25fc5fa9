"""Affine maps of several nets at once that share most of their weights.

Legend: m rows, k members, p inputs, q outputs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["MemberLinear"]


class MemberLinear(nn.Module):
    """k affine maps whose weights are one matrix W, scaled by member:

        Y_i = X_i (r_i s_iᵀ ∘ W) + b_i = ((X_i ∘ r_i) W) ∘ s_i + b_i

    Rank-one factors cost k (p + q) numbers beside the p q of W, so that k nets take little more
    memory than one, and the product with W is one for all members' rows.

    Parameters
    ----------
    n_members, n_inputs, n_outputs : int, k, p and q
    first : bool, default=False
        Whether this is the map that tells the members apart: its r start as random signs, those of
        other maps at 1.

    Attributes
    ----------
    weight : parameter of shape (p, q)
    inner, outer, bias : parameters of shape (k, p), (k, q) and (k, q): r, s and b

    Wen, Tran & Ba (2020), https://arxiv.org/abs/2002.06715; starts as in Gorishniy et al. (2025),
    https://arxiv.org/abs/2410.24210.

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.member_linear import MemberLinear
    >>> first, second = MemberLinear(8, 5, 16, first=True), MemberLinear(8, 16, 3)
    >>> second(first(torch.zeros(1, 10, 5))).shape
    torch.Size([8, 10, 3])
    """

    def __init__(
        self, n_members: int, n_inputs: int, n_outputs: int, *, first: bool = False
    ) -> None:
        super().__init__()
        bound = n_inputs**-0.5
        self.weight = nn.Parameter(torch.empty(n_inputs, n_outputs).uniform_(-bound, bound))
        inner = torch.ones(n_members, n_inputs)
        if first:
            inner = torch.randint(0, 2, inner.shape).to(inner) * 2 - 1
        self.inner = nn.Parameter(inner)
        self.outer = nn.Parameter(torch.ones(n_members, n_outputs))
        bias = torch.empty(1, n_outputs).uniform_(-bound, bound)
        self.bias = nn.Parameter(bias.repeat(n_members, 1))

    def forward(self, X: Tensor) -> Tensor:
        """Rows of shape (k, m, p), or (1, m, p) where all members have the same, to (k, m, q)."""
        scaled = X * self.inner[:, None]
        k, m, p = scaled.shape
        product = (scaled.view(k * m, p) @ self.weight).view(k, m, -1)
        return torch.addcmul(self.bias[:, None], product, self.outer[:, None])

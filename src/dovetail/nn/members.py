"""Several nets at once that share most of their weights.

Legend: m rows, k members, p inputs, q outputs.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["MemberHeads", "MemberScales", "SharedHidden"]


class MemberScales(nn.Module):
    """Rows as each member sees them: X_i = X ∘ r_i, (m, p) to (k, m, p).

    An affine map W behind it is then k maps of weights (r_i 1ᵀ) ∘ W, a rank-one factor apart. What
    tells the members apart is that r starts from a normal number for each column and member, the
    same for all inputs that stand for the column: members look at columns with different weights.

    n_members, n_columns, width : int, k, columns, and inputs that stand for one; p is their product

    Attributes
    ----------
    scales : parameter of shape (k, p)

    Wen, Tran & Ba (2020), https://arxiv.org/abs/2002.06715; that factors of the first layer
    suffice: Gorishniy, Kotelnikov & Babenko (2025), https://arxiv.org/abs/2410.24210, TabM-mini.

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.members import MemberScales
    >>> MemberScales(8, 5, 2)(torch.zeros(10, 10)).shape
    torch.Size([8, 10, 10])
    """

    def __init__(self, n_members: int, n_columns: int, width: int) -> None:
        super().__init__()
        scales = torch.randn(n_members, n_columns).repeat_interleave(width, dim=1)
        self.scales = nn.Parameter(scales)

    def forward(self, X: Tensor) -> Tensor:
        return X * self.scales[:, None]


class SharedHidden(nn.Linear):
    """A hidden layer that all members share, (k, m, p) to (k, m, q): affine map, dropout, ReLU.

    Dropout has one mask for all members, because a random number costs six times the multiplication
    that it decides on; and it comes before the ReLU, which it commutes with, so that one array
    holds all that the gradient needs.

    dropout : float in [0, 1), share of the units of a row that are left out of a training step

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.members import SharedHidden
    >>> H = SharedHidden(5, 16, dropout=0.5)(torch.ones(8, 10, 5))
    >>> H.shape, bool(((H[0] == 0) == (H[1] == 0)).all())
    (torch.Size([8, 10, 16]), True)
    """

    def __init__(self, n_inputs: int, n_outputs: int, dropout: float = 0.0) -> None:
        super().__init__(n_inputs, n_outputs)
        self.dropout = dropout

    def forward(self, X: Tensor) -> Tensor:
        Z = super().forward(X)
        if self.training and self.dropout:
            kept = torch.empty_like(Z[0]).bernoulli_(1 - self.dropout)
            Z = Z.mul_(kept.div_(1 - self.dropout))
        return Z.relu_()


class MemberHeads(nn.Module):
    """The last affine map, each member's own: Y_i = H_i V_i + c_i, (k, m, p) to (m, k, q).

    Attributes
    ----------
    weight, bias : parameters of shape (k, p, q) and (k, 1, q): V and c
    """

    def __init__(self, n_members: int, n_inputs: int, n_outputs: int) -> None:
        super().__init__()
        bound = n_inputs**-0.5
        weight = torch.empty(n_members, n_inputs, n_outputs).uniform_(-bound, bound)
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(n_members, 1, n_outputs))

    def forward(self, H: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, H, self.weight).transpose(0, 1)

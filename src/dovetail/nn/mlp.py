"""The multi-layer perceptron: alternating affine maps and elementwise activations.

    h_0 = X,   h_l = act(h_{l-1} W_l + b_l),   scores = h_{L-1} W_L + b_L

Legend: n rows; sizes d = u_0, u_1, ..., u_L = k; W_l has shape (u_{l-1}, u_l), b_l shape (u_l,).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor, nn

from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_tensor

__all__ = ["MLP", "Activation", "affine", "glorot_uniform", "mlp_scores"]

Activation = Literal["identity", "logistic", "tanh", "relu"]

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "identity": lambda h: h,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
}


def affine(X: Matrix, W: Tensor, b: Tensor) -> Tensor:
    """X W + b, in X's dtype."""
    W, b = W.to(X.dtype), b.to(X.dtype)
    return X @ W + b if isinstance(X, SparseMatrix) else torch.addmm(b, X, W)


def mlp_scores(
    X: Matrix, coefs: Iterable[Tensor], intercepts: Iterable[Tensor], activation: str
) -> Tensor:
    """The scores of a perceptron, shape (n, k)."""
    act = _ACTIVATIONS[activation]
    (W, b), *rest = zip(coefs, intercepts, strict=True)
    h = affine(X, W, b)
    for W, b in rest:
        h = affine(act(h), W, b)
    return h


def glorot_uniform(
    sizes: Sequence[int], activation: str, random: np.random.RandomState
) -> list[Tensor]:
    """W_1, ..., W_L, b_1, ..., b_L to start from, float64: uniform within
    ±sqrt(6 / (u_{l-1} + u_l)), for the logistic function within ±sqrt(2 / (u_{l-1} + u_l)).

    Glorot & Bengio (2010), https://proceedings.mlr.press/v9/glorot10a.html.
    """
    coefs, intercepts = [], []
    for inputs, outputs in pairwise(sizes):
        bound = ((2.0 if activation == "logistic" else 6.0) / (inputs + outputs)) ** 0.5
        coefs.append(as_tensor(random.uniform(-bound, bound, (inputs, outputs))))
        intercepts.append(as_tensor(random.uniform(-bound, bound, outputs)))
    return coefs + intercepts


class MLP(nn.Module):
    """A multi-layer perceptron as a torch module.

    Parameters
    ----------
    sizes : inputs, units of each hidden layer, outputs
    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        Of the hidden layers; the outputs are raw scores.
    random : int, numpy RandomState or None
        Draws the start by `glorot_uniform`; None takes its seed from torch's generator.
    device, dtype : of the parameters, by default torch's

    Attributes
    ----------
    coefs, intercepts : ParameterList of W_l, shape (u_{l-1}, u_l), and of b_l, shape (u_l,)
    fields : names of the constructor arguments that, with the state dict, rebuild the module

    Cost O(n Σ u_{l-1} u_l) a pass.

    Examples
    --------
    >>> import torch
    >>> from dovetail.nn.mlp import MLP
    >>> MLP((4, 16, 3), random=0)(torch.zeros(2, 4)).shape
    torch.Size([2, 3])
    """

    fields = ("sizes", "activation")

    def __init__(
        self,
        sizes: Sequence[int],
        activation: Activation = "relu",
        *,
        random: Any = None,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        if len(sizes) < 2 or min(sizes) < 1:
            raise ValueError(f"sizes must be at least two numbers of 1 or more. Got {sizes!r}.")
        if activation not in _ACTIVATIONS:
            allowed = ", ".join(map(repr, get_args(Activation)))
            raise ValueError(f"activation must be one of {allowed}. Got {activation!r}.")
        self.sizes, self.activation = tuple(int(u) for u in sizes), activation
        seed = int(torch.randint(2**31, ())) if random is None else random
        start = glorot_uniform(self.sizes, activation, check_random_state(seed))
        dtype = dtype or torch.get_default_dtype()
        numbers = [nn.Parameter(p.to(device=device, dtype=dtype)) for p in start]
        self.coefs = nn.ParameterList(numbers[: len(sizes) - 1])
        self.intercepts = nn.ParameterList(numbers[len(sizes) - 1 :])

    def forward(self, X: Any) -> Tensor:
        return mlp_scores(X, self.coefs, self.intercepts, self.activation)

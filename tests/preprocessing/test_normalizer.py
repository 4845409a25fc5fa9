"""Normalizer: rows of norm one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from dovetail.preprocessing import Normalizer

rng = np.random.default_rng(3)
X = rng.normal(size=(50, 7)) * (rng.random((50, 7)) < 0.6)
X[[0, 10]] = 0
ORDERS: dict[Any, float] = {"l1": 1, "l2": 2, "max": np.inf}


@pytest.mark.parametrize("norm", ORDERS)
@pytest.mark.parametrize("make", [np.asarray, sp.csr_array, torch.from_numpy])
def test_norms_are_one(norm: Any, make: Any) -> None:
    out = Normalizer(norm).transform(make(X))
    dense = out.toarray() if sp.issparse(out) else np.asarray(out)
    norms = np.linalg.norm(dense, ord=ORDERS[norm], axis=1)
    np.testing.assert_allclose(norms, [0 if i in (0, 10) else 1 for i in range(50)])
    own = np.linalg.norm(X, ord=ORDERS[norm], axis=1, keepdims=True)
    np.testing.assert_allclose(dense * own, X, atol=1e-15)


@pytest.mark.parametrize("make", [np.array, sp.csr_array])
def test_overwrites_where_asked(make: Any) -> None:
    mine = make(X)
    Normalizer(copy=False).transform(mine)
    dense = mine.toarray() if sp.issparse(mine) else mine
    np.testing.assert_allclose(dense, Normalizer().transform(X))
    theirs = make(X)
    Normalizer(copy=False).transform(theirs, copy=True)
    np.testing.assert_array_equal(theirs.toarray() if sp.issparse(theirs) else theirs, X)


@pytest.mark.parametrize("norm", ORDERS)
def test_gradient(norm: Any) -> None:
    T = torch.tensor(rng.normal(size=(3, 4)), requires_grad=True)
    assert torch.autograd.gradcheck(Normalizer(norm).transform, (T,))

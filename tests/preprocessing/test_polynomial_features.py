"""PolynomialFeatures against products written out."""

from __future__ import annotations

from itertools import chain, combinations, combinations_with_replacement
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from dovetail.preprocessing import PolynomialFeatures

rng = np.random.default_rng(0)
X = rng.normal(size=(20, 4))

OPTIONS: list[dict[str, Any]] = [
    {},
    {"degree": 3},
    {"degree": 4, "include_bias": False},
    {"degree": 3, "interaction_only": True},
    {"degree": (2, 3)},
    {"degree": (2, 4), "interaction_only": True, "include_bias": False},
    {"degree": (0, 1)},
    {"degree": 0},
    {"degree": (3, 3)},
]


def terms(options: dict[str, Any]) -> list[tuple[int, ...]]:
    """The columns of each product, in scikit-learn's order."""
    degree = options.get("degree", 2)
    low, high = (1, degree) if isinstance(degree, int) else (max(1, degree[0]), degree[1])
    draw = combinations if options.get("interaction_only") else combinations_with_replacement
    products = chain.from_iterable(draw(range(4), k) for k in range(low, high + 1))
    return [()] * options.get("include_bias", True) + list(products)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("order", ["C", "F"])
def test_products(options: dict[str, Any], order: Any) -> None:
    model = PolynomialFeatures(order=order, **options).fit(X)
    expected = np.column_stack([X[:, list(t)].prod(axis=1) for t in terms(options)])
    out = model.transform(X)
    np.testing.assert_allclose(out, expected)
    assert out.flags[f"{order}_CONTIGUOUS"]
    np.testing.assert_allclose(model.program_(model.front(X)), expected)
    assert model.n_output_features_ == len(terms(options))
    powers = [[t.count(j) for j in range(4)] for t in terms(options)]
    np.testing.assert_array_equal(model.powers_, powers)


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("make", [sp.csr_array, sp.csc_array])
def test_sparse_is_dense(options: dict[str, Any], make: Any) -> None:
    dense = X * (rng.random(X.shape) < 0.4)
    model = PolynomialFeatures(**options).fit(dense)
    out = model.transform(make(dense))
    assert out.format == make(dense).format
    np.testing.assert_allclose(out.toarray(), model.transform(dense))
    assert out.nnz == np.count_nonzero(model.transform(dense))


def test_names() -> None:
    model = PolynomialFeatures(3).fit(X[:, :2])
    names = ["1", "a", "b", "a^2", "a b", "b^2", "a^3", "a^2 b", "a b^2", "b^3"]
    assert model.get_feature_names_out(["a", "b"]).tolist() == names


def test_gradient() -> None:
    model = PolynomialFeatures(3).fit(X)
    T = torch.tensor(X[:3], requires_grad=True)
    assert torch.autograd.gradcheck(model.transform, (T,))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"degree": (1, 2, 3)}, "degree must be a non-negative int or tuple"),
        ({"degree": (3, 2)}, "that fulfil min_degree <= max_degree"),
        ({"degree": 0, "include_bias": False}, "would result in an empty output array"),
        ({"degree": (0, 0), "include_bias": False}, "would result in an empty output array"),
    ],
)
def test_refuses(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PolynomialFeatures(**options).fit(X)


def test_refuses_more_columns_than_can_be_counted() -> None:
    with pytest.raises(ValueError, match="too large to be indexed"):
        PolynomialFeatures(40).fit(np.ones((1, 200)))

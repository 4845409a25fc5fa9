"""Where expectation maximization starts: given numbers, and shares of components in rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn.utils import check_array
from torch import Tensor
from torch.nn import functional

from dovetail.data.batches import Batch, Batches
from dovetail.data.statistics import column_moments
from dovetail.data.tensors import as_tensor
from dovetail.objective.normal import (
    CovarianceKind,
    covariances_of_roots,
    roots_of_precisions,
)
from dovetail.solve.expectation_maximization import Components, ExpectationMaximization
from dovetail.solve.lloyd import Lloyd, large_mean
from dovetail.solve.loop import solve
from dovetail.solve.seeding import plus_plus, sampled

__all__ = ["Given", "start"]

_STEPS, _TOLERANCE = 300, 1e-4  # of k-means: as KMeans
_NUMBERS: Any = [np.float64, np.float32]


class Given:
    """Weights, means and roots of precisions that the user has set, checked; None where not set."""

    def __init__(self, model: Any, d: int) -> None:
        k, self.kind = model.n_components, model.covariance_type
        self.weights = _checked("weights", model.weights_init, (k,))
        self.means = _checked("means", model.means_init, (k, d))
        shapes = {"full": (k, d, d), "tied": (d, d), "diag": (k, d), "spherical": (k,)}
        name = f"{self.kind} precision"
        precisions = _checked(name, model.precisions_init, shapes[self.kind])
        self.roots: Tensor | None = None
        if self.weights is not None:
            _refuse_weights(self.weights)
        if precisions is not None:
            _refuse_precisions(precisions, self.kind)
            self.roots = roots_of_precisions(precisions, self.kind)

    @property
    def complete(self) -> bool:
        """Whether nothing is left to be found."""
        return None not in (self.weights, self.means, self.roots)

    def over(self, found: Components | None, device: torch.device) -> Components:
        """What was given, and what was found for the rest."""
        weights, means, covariances, roots = found or (None, None, None, None)
        if self.roots is not None:
            roots = self.roots.to(device)
            covariances = covariances_of_roots(roots, self.kind)
        weights = weights if self.weights is None else self.weights.to(device)
        means = means if self.means is None else self.means.to(device)
        assert weights is not None
        assert means is not None
        assert covariances is not None
        assert roots is not None
        return Components(weights, means, covariances, roots)


def _checked(name: str, values: Any, shape: tuple[int, ...]) -> Tensor | None:
    if values is None:
        return None
    if isinstance(values, Tensor):
        values = values.detach().cpu().numpy()
    array = check_array(values, dtype=_NUMBERS, ensure_2d=False, allow_nd=True)
    if array.shape != shape:
        raise ValueError(
            f"The parameter '{name}' should have the shape of {shape}, but got {array.shape}"
        )
    return as_tensor(np.array(array)).double()


def _refuse_weights(weights: Tensor) -> None:
    low, high, total = float(weights.min()), float(weights.max()), float(weights.sum())
    if low < 0 or high > 1:
        raise ValueError(
            "The parameter 'weights' should be in the range [0, 1], but got max value "
            f"{high:.5f}, min value {low:.5f}"
        )
    if abs(total - 1) > 1e-6:
        raise ValueError(
            f"The parameter 'weights' should be normalized, but got sum(weights) = {total:.5f}"
        )


def _refuse_precisions(P: Tensor, kind: CovarianceKind) -> None:
    if kind in ("diag", "spherical"):
        if bool((P <= 0).any()):
            raise ValueError(f"'{kind} precision' should be positive")
        return
    if not torch.allclose(P, P.mT) or bool((torch.linalg.eigvalsh(P) <= 0).any()):
        raise ValueError(f"'{kind} precision' should be symmetric, positive-definite")


def start(
    model: Any,
    solver: ExpectationMaximization,
    given: Given,
    random: np.random.RandomState,
) -> Components:
    """The components to start from, by the model's `init_params`, and what was given."""
    batches = solver.batches
    if given.complete:
        return given.over(None, batches.device)
    k: int = model.n_components
    shares = _SHARES[model.init_params](batches, k, random)
    return given.over(solver.from_shares(shares, k), batches.device)


def _by_centers(batches: Batches, k: int, random: np.random.RandomState) -> Any:
    rows, _ = sampled(batches, k, random)
    moments = column_moments(batches)
    tol = _TOLERANCE * float(moments.variance.mean())
    solver = Lloyd(batches, plus_plus(rows, k, random)[0], tol, about=large_mean(moments))
    labels = solve(solver, max_iter=_STEPS).value.labels

    def shares(b: Batch) -> Tensor:
        own = labels[b.start : b.start + len(b)].long().to(b.X.device)
        return functional.one_hot(own, k).to(b.X.dtype)

    return shares


def _at_random(batches: Batches, k: int, random: np.random.RandomState) -> Any:
    random.uniform(size=(batches.rows_before(), k))  # those of the rows of other processes

    def shares(b: Batch) -> Tensor:
        r = torch.from_numpy(random.uniform(size=(len(b), k))).to(b.X)
        return r / r.sum(1, keepdim=True)

    return shares


def _from_data(batches: Batches, k: int, random: np.random.RandomState) -> Any:
    return _of_rows(batches, random.choice(len(batches), size=k, replace=False))


def _spread(batches: Batches, k: int, random: np.random.RandomState) -> Any:
    rows, number = sampled(batches, k, random)
    return _of_rows(batches, number[plus_plus(rows, k, random)[1]])


def _of_rows(batches: Batches, rows: Any) -> Any:
    """Components of one row each, by their numbers among all."""
    before = batches.rows_before()

    def shares(b: Batch) -> Tensor:
        at = before + b.start
        r = b.X.new_zeros(len(b), len(rows))
        for c, row in enumerate(rows.tolist()):
            if at <= row < at + len(b):
                r[row - at, c] = 1
        return r

    return shares


_SHARES: dict[str, Any] = {
    "kmeans": _by_centers,
    "k-means++": _spread,
    "random": _at_random,
    "random_from_data": _from_data,
}

"""Expectation maximization for mixtures of normal distributions.

A step is one pass over the rows: the share of each component in each row (E) is used at once, block
by block, for sums that give the next components (M). Sums are about the components' last means, or
the mean of all rows, so that large means cost no digits.

Dempster, Laird & Rubin (1977), https://doi.org/10.1111/j.2517-6161.1977.tb01600.x.

Legend: n rows, d columns, k components.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.scatter import scatter
from dovetail.data.statistics import column_moments
from dovetail.objective.normal import CovarianceKind, log_densities, roots_of_covariances
from dovetail.solve.loop import State
from dovetail.solve.solution import Status

__all__ = ["Components", "ExpectationMaximization", "IllDefinedError", "Shares"]

_ROUNDING = 10 * torch.finfo(torch.float64).eps  # of a mean square, what a variance may be lost in
_BLOCK = 2**19  # numbers of a block of rows, or of its shares


class Components(NamedTuple):
    """Float64; covariances and roots of precisions have the shapes of `objective.normal`.

    weights : (k,); means : (k, d)
    """

    weights: Tensor
    means: Tensor
    covariances: Tensor
    roots: Tensor


class Sums(NamedTuple):
    """Sums over rows with their shares r: Σ log density, Σ r (k,), Σ r (x − c) (k, d), and Σ r
    (x − c)(x − c)ᵀ, (k, d, d), or its diagonals (k, d), or nothing for tied covariances.
    """

    log_density: Tensor
    weight: Tensor
    away: Tensor
    products: Tensor


class IllDefinedError(ArithmeticError):
    """A covariance is not positive definite."""


Shares = Callable[[Batch], Tensor]  # of each component in each row of a block, (b, k)


@dataclass(frozen=True)
class MixtureState(State[Components]):
    """lower_bound : mean log density of the rows under the components before the last step."""

    lower_bound: float = -float("inf")
    change: float = float("inf")


class ExpectationMaximization:
    """Raises the likelihood of rows, step by step.

    Parameters
    ----------
    batches : the rows
    kind : of covariances
    reg_covar : added to variances
    tol : converged when the mean log density changes by less
    """

    advice = (
        "Best performing initialization did not converge. Try different init parameters, or "
        "increase max_iter, tol, or check for degenerate data. ({n_iter} iterations were taken.)"
    )

    def __init__(
        self, batches: Batches, kind: CovarianceKind, reg_covar: float, tol: float
    ) -> None:
        self.batches, self.kind, self.reg_covar, self.tol = batches, kind, reg_covar, tol
        self.start: Components | None = None
        self.lower_bound = -float("inf")  # of the start, where it is known
        self.mean, self.products = _of_all(batches, kind)

    def from_shares(self, shares: Shares, k: int) -> Components:
        """The components that given shares make: half a step."""
        centers = self._centers(self.mean.expand(k, -1))

        def block(b: Batch) -> Sums:
            r = shares(b)
            return self._sums(b.X, r, centers, r.new_zeros(()))

        return self._components(self._blocks(k).sum(block), centers)

    def init(self) -> MixtureState:
        assert self.start is not None
        return MixtureState(self.start, {}, self.lower_bound)

    def step(self, state: MixtureState) -> MixtureState:
        now = state.value
        centers = self._centers(now.means)

        def block(b: Batch) -> Sums:
            X = b.X.double()  # of float32 rows too: early steps make much of small differences
            joint = log_densities(X, now.means, now.roots, self.kind) + now.weights.log()
            density = joint.logsumexp(1)
            shares = (joint - density[:, None]).exp()
            return self._sums(X, shares, centers, density.sum())

        sums = self._blocks(len(now.weights)).sum(block)
        bound = float(sums.log_density) / len(self.batches)
        change = bound - state.lower_bound
        record = {"lower bound": bound, "change": change}
        return MixtureState(self._components(sums, centers), record, bound, change)

    def stop(self, state: MixtureState) -> Status | None:
        return Status.CONVERGED if abs(state.change) < self.tol else None

    def best(self, state: MixtureState) -> Components:
        return state.value

    def _blocks(self, k: int) -> Batches:
        return self.batches.in_blocks(max(256, _BLOCK // max(k, self.batches.n_features)))

    def _sums(self, X: Tensor, r: Tensor, centers: Tensor, log_density: Tensor) -> Sums:
        weight, log_density = r.double().sum(0), log_density.double()
        if self.kind == "full":
            return Sums(log_density, weight, *_full(X, r, centers))
        Z, r = X.double() - centers, r.double()
        away = r.T @ Z
        products = weight.new_zeros(()) if self.kind == "tied" else r.T @ Z.square_()
        return Sums(log_density, weight, away, products)

    def _centers(self, means: Tensor) -> Tensor:
        """What sums are about: the last means, where each component has products of its own, else
        the mean of all rows.
        """
        return means if self.kind == "full" else self.mean

    def _components(self, sums: Sums, centers: Tensor) -> Components:
        weight = sums.weight + _ROUNDING  # so that a component without rows divides by something
        step = sums.away / weight[:, None]
        means = centers + step
        C = self._covariances(sums, weight, step, means)
        roots = roots_of_covariances(C, self.kind)
        if roots is None:
            raise IllDefinedError
        return Components(weight / weight.sum(), means, C, roots)

    def _covariances(self, sums: Sums, weight: Tensor, step: Tensor, means: Tensor) -> Tensor:
        if self.kind == "tied":
            away = means - self.mean
            C = self.products - (weight[:, None] * away).T @ away
            return _raised(C / weight.sum(), self.reg_covar)
        if self.kind == "full":
            C = sums.products / weight[:, None, None] - step[:, :, None] * step[:, None, :]
            return _raised(C, self.reg_covar)
        square = sums.products / weight[:, None]
        # a component of a single row has no variance but what rounding leaves
        C = torch.maximum(square - step.square(), _ROUNDING * square) + self.reg_covar
        return C if self.kind == "diag" else C.mean(1)


def _full(X: Tensor, r: Tensor, centers: Tensor) -> tuple[Tensor, Tensor]:
    """Σ r (x − c) and Σ r (x − c)(x − c)ᵀ; rows with next to no share in a component, which is most
    where components are far apart, are left out of its sums.
    """
    away, products = [], []
    least = torch.finfo(r.dtype).eps ** 2
    for share, center in zip(r.T.contiguous(), centers, strict=True):
        rows = (share > least).nonzero()[:, 0]
        some = 2 * len(rows) < len(X)
        Z = (X.index_select(0, rows) if some else X).double() - center
        own = (share.index_select(0, rows) if some else share).double()
        Zr = Z * own[:, None]
        away.append(own @ Z)
        products.append(Zr.T @ Z)
    return torch.stack(away), torch.stack(products)


def _raised(C: Tensor, by: float) -> Tensor:
    """C with more on its diagonal; symmetric to the last digit."""
    C = (C + C.mT) / 2
    C.diagonal(dim1=-2, dim2=-1).add_(by)
    return C


def _of_all(batches: Batches, kind: CovarianceKind) -> tuple[Tensor, Tensor]:
    """The mean of all rows and, where covariances are tied, their products about it: shares sum to
    1 in each row, so that these do not depend on them.
    """
    if kind == "tied":
        found = scatter(batches)
        return found.mean, found.products
    mean = column_moments(batches, variance=False).mean
    return mean, mean.new_zeros(())

"""Penalties from strong to weak, each fit beginning where the last ended; and the choice of one by
cross-validation.

Where the Gram matrix is worth its price, every fold is looked at once: its moments are added to
those of the other folds for training, and give the error of any coefficients on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from numbers import Real
from typing import Any, Self

import numpy as np
import torch
from sklearn.model_selection import check_cv
from sklearn.utils import check_scalar
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from torch import Tensor

from dovetail.base import Accepts, WeightedRegressor
from dovetail.data.batches import Batches
from dovetail.data.cross_moments import CrossMoments
from dovetail.data.fold_moments import FoldMoments, Split, fold_moments
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.linear_model._elastic_net import (
    alpha_grid,
    by_moments,
    centers,
    descend,
    numpy_dtype,
    program_of,
    seed_of,
    total_weight,
    worst,
)
from dovetail.linear_model._roles import (
    Coefficients,
    goes_by_number,
    of_all_processes,
    shape_of,
    splits_of,
    with_matrix,
)
from dovetail.linear_scores import Linear
from dovetail.objective.linear import scores
from dovetail.solve.elastic_net import ByMoments, ByRows, Floats, Products, columns
from dovetail.solve.solution import Solution

__all__ = ["PenaltySearch", "follow"]

_ROWS = 8192  # of a block


def follow(
    products: Products,
    weight: float,
    alphas: Sequence[float] | Floats,
    l1_ratio: float,
    model: Any,
    start: Floats | None = None,
) -> Iterator[Solution[Any]]:
    """Solutions for penalties, each from the one before.

    model : has `tol`, `max_iter`, `positive`, `selection`, `random_state`
    """
    coef = np.zeros(products.q.shape) if start is None else start
    seed = seed_of(model)
    for alpha in alphas:
        penalty = weight * alpha * l1_ratio, weight * alpha * (1 - l1_ratio)
        solution = descend(products, penalty, coef, model, seed, on_path=True)
        coef = solution.value.coef
        yield solution


@dataclass
class _Fold:
    """What a fold is trained on, and the mean squared errors of coefficients (a, t, d) and
    intercepts (a, t) on the rest, (a,).
    """

    products: Products
    weight: float
    error: Callable[[Tensor, Tensor], Tensor]

    def errors(self, solutions: list[Solution[Any]]) -> list[float]:
        """The error of each solution."""
        x, y = centers(self.products)
        coefs = as_tensor(np.stack([s.value.coef for s in solutions])).to(x.device)
        found: list[float] = self.error(coefs, y - coefs @ x).tolist()
        return found


class PenaltySearch(Coefficients, WeightedRegressor):
    """The penalty of least mean squared error over folds, and the fit for it on all rows.
    Estimators declare `eps`, `alphas`, `fit_intercept`, `max_iter`, `tol`, `copy_X`, `cv`,
    `verbose`, `n_jobs`, `random_state`, `selection`, and may `l1_ratio`, `precompute`, `positive`.
    """

    accepts = Accepts(sparse=("csc", "csr"))
    _joint = False  # whether targets choose their features together

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, **params: Any) -> Self:
        """Choose the penalty, then fit on all rows.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), or (n_samples, n_targets) for multi-task estimators
        sample_weight : array-like of shape (n_samples,), float or None
            Weight of each row's square, in the fits and in the errors of the folds.
        **params : for the splitter, with scikit-learn's metadata routing

        Returns
        -------
        self
        """
        _raise_for_params(params, self, "fit")
        routed: dict[str, Any] = {}
        if _routing_enabled():
            routed = process_routing(
                self, "fit", sample_weight=sample_weight, **params
            ).splitter.split
        learn = partial(self._choose, routed=routed)
        return self._template(learn, X, y, sample_weight, reset=True)

    def _choose(self, batches: Batches, *, routed: dict[str, Any]) -> Linear:
        """The fit for the best penalty."""
        me: Any = self
        self._flat_target = not self._joint
        numbered = not batches.in_memory and goes_by_number(me.cv)
        truth = None if numbered else as_numpy(batches.targets())
        splits = splits_of(me.cv, batches, truth, of_all_processes(routed, batches))
        batches = with_matrix(batches)
        whole, weight, folds = self._folds(batches, splits)
        ratios = np.atleast_1d(getattr(me, "l1_ratio", 1.0))
        grid = self._grid(whole, weight, ratios)
        positions = [(i, k) for i in range(len(ratios)) for k in range(len(folds))]
        errors = np.empty((len(ratios), len(folds), grid.shape[1]))
        ends = []
        for i, k in positions:
            fold = folds[k]
            solutions = list(follow(fold.products, fold.weight, grid[i], ratios[i], self))
            errors[i, k] = fold.errors(solutions)
            ends.append(worst(solutions))
            if me.verbose:
                print(f"Fold {k + 1} of {len(folds)}, l1_ratio={ratios[i]}: {len(grid[i])} fits")
        means = errors.mean(1)
        best, at = np.unravel_index(int(np.argmin(means)), means.shape)
        me.mse_path_ = np.squeeze(np.moveaxis(errors, 2, 1))
        me.alpha_ = grid[best, at]
        if hasattr(self, "l1_ratio"):
            me.l1_ratio_ = ratios[best]
        many = isinstance(me.alphas, int | np.integer) and len(ratios) > 1
        me.alphas_ = grid if many else grid[0]
        # down the path, not from zero: faster, and rounding does not grow on the way
        *_, last = follow(whole, weight, grid[best, : at + 1], ratios[best], self)
        self._report(worst([*ends, last]))
        me.dual_gap_ = np.asarray(last.value.gap / weight, numpy_dtype(batches))[()]
        me.n_iter_ = last.value.sweeps
        x, y = centers(whole)
        return program_of(
            last.value.coef, x, y, batches, intercept=me.fit_intercept, flat=not self._joint
        )

    def _open_y(self, y: Any, X: Any) -> Tensor | None:
        shape = shape_of(y)
        if not self._joint and len(shape) > 1 and shape[1] > 1:
            raise ValueError(f"For multi-task outputs, use MultiTask{type(self).__name__}")
        return super()._open_y(y, X)

    def _grid(self, whole: Products, weight: float, ratios: Floats) -> Floats:
        """Penalties in falling order, a row for each l1_ratio."""
        me: Any = self
        if isinstance(me.alphas, int | np.integer):
            positive = getattr(me, "positive", False)
            rows = [
                alpha_grid(whole.q, weight, r, eps=me.eps, n=int(me.alphas), positive=positive)
                for r in ratios
            ]
            return np.stack(rows)
        for i, alpha in enumerate(me.alphas):
            check_scalar(alpha, f"alphas[{i}]", target_type=Real, min_val=0.0)
        falling = np.sort(np.asarray(me.alphas, np.float64))[::-1]
        return np.tile(falling, (len(ratios), 1))

    def _folds(self, batches: Batches, splits: list[Split]) -> tuple[Products, float, list[_Fold]]:
        """What all rows say, their weight, and what each fold's rows say."""
        me: Any = self
        intercept = me.fit_intercept
        if by_moments(batches, getattr(me, "precompute", "auto"), me.tol, path=True):
            return _by_fold_moments(fold_moments(batches, splits, centered=intercept))
        folds = []
        for train, test in splits:
            some, rest = (batches.take(torch.from_numpy(i)) for i in (train, test))
            products = ByRows.centered(some, intercept)
            folds.append(_Fold(products, total_weight(some), partial(_errors_of_rows, rest)))
        return ByRows.centered(batches, intercept), total_weight(batches), folds

    def get_metadata_routing(self) -> MetadataRouter:
        """Which metadata go where, for scikit-learn."""
        me: Any = self
        mapping = MethodMapping().add(caller="fit", callee="split")
        router = MetadataRouter(owner=self).add_self_request(self)
        return router.add(splitter=check_cv(me.cv), method_mapping=mapping)


def _by_fold_moments(found: FoldMoments) -> tuple[Products, float, list[_Fold]]:
    """The same by moments."""
    folds = [
        _Fold(ByMoments(train), float(train.weight), partial(_errors_of_moments, test))
        for train, test in zip(found.trains, found.tests, strict=True)
    ]
    return ByMoments(found.whole), float(found.whole.weight), folds


def _errors_of_moments(test: CrossMoments, coefs: Tensor, intercepts: Tensor) -> Tensor:
    each = zip(coefs, intercepts, strict=True)
    return torch.stack([(test.squares(c, b) / test.weight).mean() for c, b in each])


def _errors_of_rows(test: Batches, coefs: Tensor, intercepts: Tensor) -> Tensor:
    """Scores of all coefficients at once, of which many are zero for all."""
    used = (coefs != 0).flatten(0, 1).any(0).nonzero()[:, 0]
    v, b = coefs.flatten(0, 1)[:, used], intercepts.flatten()

    def block(rows: Any) -> Tensor:
        F = scores(columns(rows.X, used), v, b).double().view(len(rows), *intercepts.shape)
        squares = (rows.y.double()[:, None] - F).square()
        return (squares if rows.w is None else squares * rows.w.double()[:, None, None]).sum((0, 2))

    total: Tensor = test.in_blocks(_ROWS).sum(block)
    return total / (total_weight(test) * coefs.shape[1])

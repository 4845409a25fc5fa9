"""What generalized linear models share."""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from sklearn.metrics import d2_tweedie_score
from sklearn.utils import Tags
from torch import Tensor

from dovetail.base import Accepts, WeightedRegressor, truth_of
from dovetail.data.batches import Batch, Batches
from dovetail.data.statistics import column_moments, targets_of
from dovetail.data.tensors import as_numpy
from dovetail.linear_model._program import LinearMean
from dovetail.linear_model._roles import Coefficients, with_matrix
from dovetail.linear_model._smooth import SMOOTH, Task
from dovetail.objective.linear import LinearObjective
from dovetail.objective.losses import Loss

__all__ = ["GeneralizedLinear"]


def _unfit(loss: Loss, b: Batch) -> str:
    """What the loss needs of targets that a block does not have."""
    assert b.y is not None
    return loss.check_targets(b.y)


class GeneralizedLinear(Coefficients, WeightedRegressor):
    """A penalized deviance, minimized over coefficients and intercept. Estimators declare `alpha`,
    `fit_intercept`, `solver`, `max_iter`, `tol`, `warm_start` and `verbose`, and say `_loss` and
    `_power`.
    """

    accepts = Accepts(sparse=("csr", "csc"))
    _flat_target = True

    def _loss(self) -> Loss:
        raise TypeError(f"{type(self).__name__} does not say its loss.")

    def _power(self) -> float:
        """Of the mean, that the variance is."""
        raise TypeError(f"{type(self).__name__} does not say its power.")

    def _fit(self, batches: Batches) -> LinearMean:
        me: Any = self
        loss = self._loss()
        batches = batches.kept()
        needs = batches.fold(partial(_unfit, loss), lambda a, b: a or b)
        if needs:
            raise ValueError(
                "Some value(s) of y are out of the valid range of the loss "
                f"{type(loss).__name__!r}: it needs {needs}."
            )
        objective = LinearObjective(loss, batches, me.alpha, me.fit_intercept)

        def program(theta: Tensor) -> LinearMean:
            coef, intercept = objective.split(theta)
            b = coef.new_zeros(1) if intercept is None else intercept
            dtype = batches.dtype
            return LinearMean(coef.to(dtype), b.to(dtype), loss.response, True)

        task = Task(objective, self._start(objective), self, self._watch(program))
        solution = SMOOTH[me.solver](task)
        me.n_iter_ = solution.n_iter
        self._report(solution)
        return program(solution.value)

    def _start(self, objective: LinearObjective) -> Tensor:
        """The best constant, or the numbers of the last fit with warm_start."""
        me: Any = self
        before = self.__dict__.get("_program")
        theta = objective.zeros()
        if me.warm_start and before is not None and before.coef.shape[1] == me.n_features_in_:
            parts = [before.coef.double()]
            if me.fit_intercept:
                parts.append(before.intercept.double()[:, None])
            return torch.cat(parts, 1).to(theta.device)
        if me.fit_intercept:
            mean = column_moments(targets_of(with_matrix(objective.batches)), variance=False).mean
            theta[0, -1] = objective.loss.constant_fit(mean, None)
        return theta

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Share of the deviance that is explained, D²: 1 at best, 0 for the mean of y.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        y : array-like of shape (n_samples,); of a scan its target column
        sample_weight : array-like of shape (n_samples,) or None
        """
        y, sample_weight = truth_of(X, y, sample_weight)
        predicted = self.predict(X)
        if isinstance(predicted, Tensor):
            predicted = as_numpy(predicted)
        y, w = (as_numpy(v) if isinstance(v, Tensor) else v for v in (y, sample_weight))
        return float(d2_tweedie_score(y, predicted, sample_weight=w, power=self._power()))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = bool(self._loss().check_targets(torch.tensor([-1.0, 2.0])))
        return tags

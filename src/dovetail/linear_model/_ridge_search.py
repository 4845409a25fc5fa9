"""Ridge estimators that choose their penalty by cross-validation."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from numbers import Real
from operator import add
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
from sklearn.metrics import check_scoring, get_scorer
from sklearn.utils import check_scalar
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from torch import Tensor

from dovetail.base import Estimator
from dovetail.data.batches import Batch, Batches
from dovetail.data.fold_moments import Rows, Split, fold_moments
from dovetail.data.scan import Scan
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.linear_model._ridge_path import RidgePath
from dovetail.linear_model._roles import of_all_processes, splits_of
from dovetail.objective.linear import scores

__all__ = ["RidgeSearch"]

Floats = npt.NDArray[np.float64]


class _KnownNumbers(RegressorMixin, BaseEstimator):
    """Stands in for a regressor in a scorer: what it predicts is what it is given."""

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: Any) -> Any:
        return X


class _KnownScores(ClassifierMixin, BaseEstimator):
    """Stands in for a classifier in a scorer: its scores are what it is given."""

    def __init__(self, classes: Any, decide: Any) -> None:
        self.classes_, self.decide = classes, decide

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: Any) -> Any:
        return self.decide(X)

    def decision_function(self, X: Any) -> Any:
        return X


class RidgeSearch(Estimator):
    """The penalty of best cross-validated score, and the fit for it. Estimators declare `alphas`,
    `fit_intercept`, `scoring`, `cv` and `store_cv_results`, may `gcv_mode` and
    `alpha_per_target`, and write `_choose` on `_search`.
    """

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, **params: Any) -> Self:
        """Choose the penalty, then fit on all rows.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
        sample_weight : array-like of shape (n_samples,), float or None
            Weight of each row's square. Errors of left-out rows are weighed too, scores of folds
            are not.
        **params : for the scorer and the splitter, with scikit-learn's metadata routing

        Returns
        -------
        self
        """
        me: Any = self
        _raise_for_params(params, self, "fit")
        routed: dict[str, dict[str, Any]] = {"score": {}, "split": {}}
        if _routing_enabled():
            if sample_weight is not None:
                params["sample_weight"] = sample_weight
            found = process_routing(self, "fit", **params)
            routed = {"score": found.scorer.score, "split": found.splitter.split}
        elif me.cv is None and me.scoring is not None:
            w = X.weights() if isinstance(X, Scan) else sample_weight
            routed["score"] = {} if w is None else {"sample_weight": w}
        learn = partial(me._choose, routed=routed)
        return self._template(learn, X, y, sample_weight, reset=True)

    def _search(
        self, batches: Batches, truth: Callable[[], Any], routed: dict[str, Any]
    ) -> tuple[Tensor, Tensor]:
        """Coefficients (t, d) and intercepts (t,) of the best penalty; sets `alpha_`,
        `best_score_` and `cv_results_`.

        batches : targets of shape (n, t); truth : what a scorer compares predictions with, of all
            rows
        """
        me: Any = self
        alphas = self._penalties()
        batches = batches.kept()
        if me.cv is None:
            return self._leave_one_out(batches, alphas, truth, routed["score"])
        if me.store_cv_results:
            raise ValueError("cv!=None and store_cv_results=True are incompatible")
        if getattr(self, "alpha_per_target", False):
            raise ValueError("cv!=None and alpha_per_target=True are incompatible")
        y, params = truth(), of_all_processes(routed["split"], batches)
        splits = splits_of(me.cv, batches, y, params, classifier=is_classifier(self))
        whole, paths = self._paths(batches, splits)
        score = self._scorer({})
        found = [
            self._fold(batches, path, alphas, y, score, np.sort(test))
            for path, (_, test) in zip(paths, splits, strict=True)
        ]
        means = np.mean(found, axis=0)
        best = int(np.argmax(means))
        me.alpha_, me.best_score_ = alphas[best], means[best]
        return whole.coef(alphas[best])

    def _paths(self, batches: Batches, splits: list[Split]) -> tuple[RidgePath, list[RidgePath]]:
        """Of all rows, and of those that each fold is trained on."""
        me: Any = self
        intercept = me.fit_intercept
        if min(len(train) for train, _ in splits) > batches.n_features:
            m = fold_moments(batches, splits, centered=intercept, exact=True)
            path = partial(RidgePath.by_moments, batches, intercept)
            return path(m.whole), list(map(path, m.trains))
        some = (batches.take(as_tensor(train, batches.device)) for train, _ in splits)
        return RidgePath.of(batches, intercept), [RidgePath.of(b, intercept) for b in some]

    def _fold(
        self,
        batches: Batches,
        path: RidgePath,
        alphas: list[float],
        truth: Any,
        score: Any,
        test: Rows,
    ) -> list[float]:
        """The score of each penalty on the rows that a fold leaves out."""
        ordered, before = as_tensor(test, batches.device), batches.rows_before()
        coefs = [path.coef(alpha) for alpha in alphas]

        def predicted(b: Batch) -> Tensor:
            X = b.among(ordered, before).X
            return torch.stack([scores(X, *coef) for coef in coefs])

        each = torch.cat(batches.fold(lambda b: [predicted(b)], add), 1)
        return [score(as_numpy(F), truth[test]) for F in each]

    def _leave_one_out(
        self,
        batches: Batches,
        alphas: list[float],
        truth: Callable[[], Any],
        params: dict[str, Any],
    ) -> tuple[Tensor, Tensor]:
        """The same where each row is a fold."""
        me: Any = self
        mode: Any = getattr(self, "gcv_mode", None) or "auto"
        path = RidgePath.of(batches, me.fit_intercept, mode)
        grid = torch.tensor(alphas, dtype=torch.float64, device=batches.device)
        each = bool(getattr(self, "alpha_per_target", False)) and batches.n_targets > 1
        if me.scoring is not None or me.store_cv_results:
            found = self._of_each_row(batches, path.left_out(grid), truth, params, each)
        else:
            squares = path.left_out_squares(grid) / len(batches)
            found = -as_numpy(squares if each else squares.mean(0)[None])
        best = found.argmax(1)
        if not each:
            me.alpha_, me.best_score_ = alphas[best[0]], found[0, best[0]]
            return path.coef(alphas[best[0]])
        me.alpha_, me.best_score_ = np.array(alphas)[best], found.max(1)
        parts = [[z[c] for z in path.coef(alphas[b])] for c, b in enumerate(best)]
        coefs, offsets = zip(*parts, strict=True)
        return torch.stack(coefs), torch.stack(offsets)

    def _of_each_row(
        self,
        batches: Batches,
        missed: Tensor,
        truth: Callable[[], Any],
        params: dict[str, Any],
        each: bool,
    ) -> Floats:
        """Scores, (1, a) or for each target (t, a), where they are not sums over rows, or where the
        rows' own results are to be kept; `missed` as `RidgePath.left_out` gives it.
        """
        me: Any = self
        y = truth()
        if me.scoring is None:
            shown = missed.square()
            found: Floats = -as_numpy(shown.mean(0) if each else shown.mean((0, 1))[None])
        else:
            if batches.weighted:
                missed = missed / batches.weights().double().sqrt()[:, None, None]
            shown = batches.targets().double()[:, :, None] - missed
            told = of_all_processes(params, batches)
            found = self._scored(as_numpy(shown), y, self._scorer(told), each)
        if me.store_cv_results:
            kept = as_numpy(shown.to(batches.dtype))
            flat = not is_classifier(self) and np.ndim(y) == 1
            me.cv_results_ = kept[:, 0] if flat else kept
        return found

    def _scored(self, predicted: Floats, truth: Any, score: Any, each: bool) -> Floats:
        """Scores of predictions (n, t, a): of shape (1, a), or (t, a) for each target."""
        columns = range(predicted.shape[2])
        if each:
            return np.array(
                [
                    [score(predicted[:, [c], a], truth[:, c]) for a in columns]
                    for c in range(predicted.shape[1])
                ]
            )
        return np.array([[score(predicted[:, :, a], truth) for a in columns]])

    def _scorer(self, params: dict[str, Any]) -> Any:
        """A function of predictions (n, t) and the truth."""
        me: Any = self
        scorer = check_scoring(self, scoring=me.scoring)
        if not is_classifier(self):
            known: Any = _KnownNumbers()
        else:
            known = _KnownScores(me.classes_, me._decide)
        if me.scoring is None:  # the estimator's own score
            scorer = get_scorer("accuracy" if is_classifier(self) else "r2")

        def score(predicted: Floats, truth: Any) -> float:
            flat = predicted.shape[1] == 1 and np.ndim(truth) == 1
            return float(scorer(known, predicted[:, 0] if flat else predicted, truth, **params))

        return score

    def _penalties(self) -> list[float]:
        me: Any = self
        given = me.alphas
        closed = "neither" if me.cv is None else "left"
        check = partial(check_scalar, target_type=Real, min_val=0.0)
        if np.ndim(given) == 0:
            return [float(given)]
        name = "alphas" if len(given) == 1 else "alphas[{}]"
        for i, alpha in enumerate(given):
            check(alpha, name.format(i), include_boundaries=closed)
        return [float(a) for a in given]

    def get_metadata_routing(self) -> MetadataRouter:
        """Which metadata go where, for scikit-learn."""
        me: Any = self
        router = MetadataRouter(owner=self).add_self_request(self)
        scorer = check_scoring(self, scoring=me.scoring)
        if _routing_enabled() and me.scoring is None:
            own = get_scorer("accuracy" if is_classifier(self) else "r2")
            scorer = own.set_score_request(sample_weight=True)
        for name, given, method in (("scorer", scorer, "score"), ("splitter", me.cv, "split")):
            mapping = MethodMapping().add(caller="fit", callee=method)
            router.add(method_mapping=mapping, **{name: given})
        return router

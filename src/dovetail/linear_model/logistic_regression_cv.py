"""Logistic regression that chooses its penalty."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY
from functools import partial
from numbers import Real
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import get_scorer, get_scorer_names, make_scorer
from sklearn.utils import metadata_routing
from sklearn.utils._param_validation import Hidden, StrOptions
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)

from dovetail.base import Accepts, Decisions, Learned, Probabilities, WeightedClassifier
from dovetail.data.batches import Batches
from dovetail.data.scan import Scan
from dovetail.data.tensors import as_numpy
from dovetail.errors import warn
from dovetail.linear_model._logistic_folds import folds_together
from dovetail.linear_model._logistic_paths import (
    OnePenalty,
    Paths,
    Search,
    fold_by_fold,
    program_of,
)
from dovetail.linear_model._roles import of_all_processes, splits_of
from dovetail.linear_scores import Linear
from dovetail.params import AboveZero, ArrayLike, AtLeast, Rule, Seed, Splitter, Verbosity
from dovetail.solve.solution import Solution

__all__ = ["LogisticRegressionCV"]

_Warn = Annotated[str, Rule(Hidden(StrOptions({"warn"})))]
_SCORERS = Annotated[Any, Rule(StrOptions(set(get_scorer_names())))]


class LogisticRegressionCV(Probabilities, Decisions, WeightedClassifier):
    """`LogisticRegression` with the C (and l1 ratio) of best score over folds.

    In each fold the penalties are solved for from the strongest to the weakest, each from the
    solution before. Where there are two classes, ridge penalties, and at most 64 dense columns,
    "lbfgs" and the Newton solvers all mean exact Newton steps, on all folds at once: `n_iter_`
    counts these then.

    Parameters
    ----------
    Cs : int >= 1 or array-like of float, default=10
        Inverse strengths of the penalty; a number of them means so many from 1e-4 to 1e4, evenly on
        a logarithmic scale.
    l1_ratios : array-like of float in [0, 1] or None
        Shares of the l1 penalty to choose from; 0 is ridge, 1 is lasso. scikit-learn 1.10 will
        demand them.
    fit_intercept, dual, penalty, solver, tol, max_iter, class_weight, verbose, intercept_scaling,
        random_state
        As in `LogisticRegression`.
    cv : int, splitter, iterable or None
        Folds; numbers mean stratified ones, None five.
    scoring : str, callable or None
        What to maximize; None is accuracy, and will be "neg_log_loss" in scikit-learn 1.11.
    n_jobs : int or None
        There for scikit-learn's signature; threads follow `dovetail.config(threads=...)`.
    refit : bool, default=True
        Whether to fit on all rows with what is best on average; else coefficients and penalties
        that are best in each fold are averaged.
    use_legacy_attributes : bool
        Whether attributes have the shapes of scikit-learn before 1.10.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : array of shape (1, n_features) for two classes, else (n_classes, n_features)
    intercept_ : array of shape (1,) or (n_classes,)
    Cs_ : ndarray of shape (n_cs,)
    l1_ratios_ : ndarray of shape (n_l1_ratios,)
    C_, l1_ratio_ : float
    coefs_paths_ : ndarray of shape (n_folds, n_l1_ratios, n_cs, n_classes or 1, n_dof)
    scores_, n_iter_ : ndarray of shape (n_folds, n_l1_ratios, n_cs)
        With `use_legacy_attributes`, `C_` and `l1_ratio_` are repeated for each class,
        `coefs_paths_` and `scores_` are dicts by class with the axes (folds, Cs, ratios), and the
        axis of ratios is left out where `l1_ratios` is None.

    Cost: that of n_folds n_cs fits, less what starts from near solutions save. Rows of a scan are
    read in blocks, but for those of a fold where `scoring` is not "accuracy" or "neg_log_loss".

    Two penalties whose scores differ by less than `tol` lets them differ may be chosen otherwise
    than by scikit-learn; a smaller `tol` tells them apart.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from dovetail.linear_model import LogisticRegressionCV
    >>> X, y = load_iris(return_X_y=True)
    >>> model = LogisticRegressionCV(
    ...     l1_ratios=(0,), scoring="neg_log_loss", use_legacy_attributes=False, max_iter=500
    ... ).fit(X, y)
    >>> model.predict(X[:2])
    array([0, 0])
    """

    # scikit-learn's own scores take weights through routing
    __metadata_request__score: ClassVar[dict[str, Any]] = {"sample_weight": metadata_routing.UNUSED}

    accepts = Accepts(sparse=("csr",))

    _: KW_ONLY
    Cs: Annotated[int, AtLeast(1)] | ArrayLike = 10
    l1_ratios: ArrayLike | _Warn | None = "warn"
    fit_intercept: bool = True
    cv: Splitter = None
    dual: bool = False
    penalty: Literal["l1", "l2", "elasticnet", "deprecated"] = "deprecated"
    scoring: _SCORERS | Callable[..., Any] | _Warn | None = "warn"
    solver: Literal["lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga"] = "lbfgs"
    tol: Annotated[float, AtLeast(0)] = 1e-4
    max_iter: Annotated[int, AtLeast(0)] = 100
    class_weight: dict[Any, float] | Literal["balanced"] | None = None
    n_jobs: int | None = None
    verbose: Verbosity = 0
    refit: bool = True
    intercept_scaling: Annotated[float, AboveZero] = 1.0
    random_state: Seed = None
    use_legacy_attributes: bool | _Warn = "warn"

    intercept_ = Learned("intercept")
    coef_ = Learned("coef")

    @classmethod
    def _examples(cls) -> list[Self]:
        plain: dict[str, Any] = {
            "l1_ratios": (0,),
            "scoring": "neg_log_loss",
            "use_legacy_attributes": False,
        }
        return [
            cls(Cs=3, cv=3, max_iter=1000, **plain),
            cls(Cs=[1.0], cv=3, refit=False, solver="newton-cholesky", **plain),
        ]

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, **params: Any) -> Self:
        """Choose the penalty, then fit on all rows.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), labels of any type
        sample_weight : array-like of shape (n_samples,), float or None
            Weight of each row's loss, and of its score.
        **params : for the splitter and the scorer, with scikit-learn's metadata routing

        Returns
        -------
        self
        """
        _raise_for_params(params, self, "fit")
        routed: dict[str, Mapping[str, Any]] = {"split": {}, "score": dict(params)}
        if _routing_enabled():
            found = process_routing(self, "fit", sample_weight=sample_weight, **params)
            routed = {"split": found.splitter.split, "score": found.scorer.score}
        else:
            w = X.weights() if isinstance(X, Scan) else sample_weight
            routed["score"] = params if w is None else {**params, "sample_weight": w}
        learn = partial(self._choose, routed=routed)
        return self._template(learn, X, y, sample_weight, reset=True)

    # -- learning

    def _choose(self, batches: Batches, *, routed: dict[str, Mapping[str, Any]]) -> Linear:
        penalty, ratios, shown = self._ratios()
        legacy = self._wants_legacy()
        scorer = _with_labels(self._get_scorer(told=True), self.classes_)
        if len(self.classes_) < 2:
            raise ValueError(
                "This solver needs samples of at least 2 classes in the data, but the data "
                f"contains only one class: {self.classes_.tolist()[0]!r}."
            )
        self.Cs_, batches = self._grid(), batches.kept()
        labels = self.classes_[as_numpy(batches.targets())]
        split, score = (of_all_processes(dict(routed[k]), batches) for k in ("split", "score"))
        every = np.arange(len(batches))  # numbers of rows, where a splitter gives masks
        found = splits_of(self.cv, batches, labels, split, classifier=True)
        folds = [(every[train], every[test]) for train, test in found]
        search = Search(
            batches, labels, folds, ratios, self.Cs_, self._model, scorer, self._scoring(),
            score, int(self.verbose),
        )  # fmt: skip
        paths = folds_together(search) or fold_by_fold(search)
        program, unfinished = self._best(batches, penalty, ratios, paths)
        if unfinished is not None:  # one warning for all fits
            self._report(unfinished)
        self.l1_ratios_ = np.asarray(shown)
        self._keep(paths, legacy, one_ratio=shown == [None])
        return program

    def _ratios(self) -> tuple[str, list[float], list[Any]]:
        """The penalty, the l1 ratios to try, and how they are shown; warns of what scikit-learn
        deprecates.
        """
        given: Any = self.l1_ratios
        if isinstance(given, str):
            given = None
            warn(
                "The default value for l1_ratios will change from None to (0.0,) in version 1.10. "
                "From version 1.10 onwards, only array-like with values in [0, 1] will be allowed, "
                "None will be forbidden. To avoid this warning, explicitly set a value, e.g. "
                "l1_ratios=(0,).",
                FutureWarning,
            )
        penalty: str = self.penalty
        if penalty == "deprecated":
            if self.l1_ratios is None:
                warn(
                    "'l1_ratios=None' was deprecated in version 1.8 and will trigger an error in "
                    "1.10. Use an array-like with values in [0, 1] instead.",
                    FutureWarning,
                )
            values = np.asarray(given if given is not None else [0.0], dtype=np.float64)
            penalty = "l2" if (values == 0).all() else "l1" if (values == 1).all() else "elasticnet"
        else:
            warn(
                "'penalty' was deprecated in version 1.8 and will be removed in 1.10. To avoid "
                "this warning, leave 'penalty' set to its default value and use 'l1_ratios' and "
                "'Cs' instead. Use l1_ratios=(0,) instead of penalty='l2', l1_ratios=(1,) instead "
                "of penalty='l1', l1_ratios set to floats between 0 and 1 instead of "
                "penalty='elasticnet', and Cs=(np.inf,) instead of penalty=None.",
                FutureWarning,
            )
        if penalty != "elasticnet":
            if given is not None and self.penalty != "deprecated":
                warn(
                    "l1_ratios parameter is only used when penalty is 'elasticnet'. Got "
                    f"(penalty={penalty})"
                )
            shown = [None] if given is None else list(given)
            return penalty, [1.0 if penalty == "l1" else 0.0] * len(shown), shown
        numbers = [] if given is None else list(given)
        if not numbers or not all(isinstance(r, Real) and 0 <= float(r) <= 1 for r in numbers):
            raise ValueError(
                "l1_ratios must be an array-like of numbers between 0 and 1; got "
                f"(l1_ratios={given!r})"
            )
        return penalty, [float(r) for r in numbers], numbers

    def _wants_legacy(self) -> bool:
        if not isinstance(self.use_legacy_attributes, str):
            return self.use_legacy_attributes
        warn(
            f"The fitted attributes of {type(self).__name__} will be simplified in scikit-learn "
            "1.10 to remove redundancy. Set `use_legacy_attributes=False` to enable the new "
            "behavior now, or set it to `True` to silence this warning during the transition "
            "period while keeping the deprecated behavior for the time being. The default value of "
            "use_legacy_attributes will change from True to False in scikit-learn 1.10.",
            FutureWarning,
        )
        return True

    def _grid(self) -> npt.NDArray[np.float64]:
        if isinstance(self.Cs, int | np.integer):
            return np.logspace(-4, 4, int(self.Cs))
        return np.asarray(self.Cs, dtype=np.float64)

    def _model(self, C: float, ratio: float) -> OnePenalty:
        """A logistic regression of one penalty."""
        inner = OnePenalty(
            C=C,
            l1_ratio=ratio,
            dual=self.dual,
            tol=self.tol,
            fit_intercept=self.fit_intercept,
            intercept_scaling=self.intercept_scaling,
            random_state=self.random_state,
            solver=self.solver,
            max_iter=self.max_iter,
            verbose=max(0, int(self.verbose) - 1),
            warm_start=True,
        )
        inner.classes_, inner._container = self.classes_, self._container
        inner.n_features_in_ = self.n_features_in_
        return inner

    def _best(
        self, batches: Batches, penalty: str, ratios: list[float], paths: Paths
    ) -> tuple[Linear, Solution[Any] | None]:
        """The Program of the best penalty, and a solution on the way that did not converge; sets
        `C_` and `l1_ratio_`.
        """
        folds, _, cs = paths.scores.shape
        by_cs = paths.scores.transpose(0, 2, 1)  # of equal scores the first C, then the first ratio
        if self.refit:
            at = np.unravel_index(int(by_cs.sum(0).argmax()), by_cs.shape[1:])
            c, r = int(at[0]), int(at[1])
            self.C_, self.l1_ratio_ = float(self.Cs_[c]), ratios[r]
            model = self._model(self.C_, ratios[r])
            mean = torch.from_numpy(paths.coefs[:, r, c].mean(0))
            model._program = program_of(mean, batches, self.fit_intercept)
            return model._fit(batches), paths.unfinished or model.unfinished
        best = by_cs.reshape(folds, -1).argmax(1)
        chosen = np.column_stack(np.unravel_index(best, (cs, len(ratios))))
        mean = np.mean([paths.coefs[f, r, c] for f, (c, r) in enumerate(chosen)], axis=0)
        self.C_ = float(self.Cs_[chosen[:, 0]].mean())
        elastic = penalty == "elasticnet"
        self.l1_ratio_ = float(np.mean([ratios[r] for r in chosen[:, 1]])) if elastic else 0.0
        program = program_of(torch.from_numpy(mean), batches, self.fit_intercept)
        return program, paths.unfinished

    def _keep(self, paths: Paths, legacy: bool, *, one_ratio: bool) -> None:
        """Paths and choices as attributes."""
        me: Any = self
        if not legacy:
            me.coefs_paths_, me.scores_, me.n_iter_ = paths[:3]
            return
        k = paths.coefs.shape[3]
        names = self.classes_[1:] if k == 1 else self.classes_

        def drop(values: Any) -> Any:
            return values[:, :, 0] if one_ratio else values

        coefs = paths.coefs.transpose(3, 0, 2, 1, 4)  # classes, folds, Cs, ratios, numbers
        scores = drop(paths.scores.transpose(0, 2, 1))
        me.coefs_paths_ = {name: drop(part) for name, part in zip(names, coefs, strict=True)}
        me.scores_ = {name: scores.copy() for name in names}
        me.n_iter_ = drop(paths.steps.transpose(0, 2, 1))[None]
        me.C_, me.l1_ratio_ = np.full(k, me.C_), np.full(k, me.l1_ratio_)

    # -- scores

    def _scoring(self) -> Any:
        """What to score by, by name where it has one."""
        warned = isinstance(self.scoring, str) and self.scoring == "warn"
        return "accuracy" if warned or self.scoring is None else self.scoring

    def _get_scorer(self, *, told: bool = False) -> Any:
        if told and isinstance(self.scoring, str) and self.scoring == "warn":
            warn(
                "The default value of the parameter 'scoring' will change from None, i.e. "
                "accuracy, to 'neg_log_loss' in version 1.11. To silence this warning, "
                "explicitly set the scoring parameter: scoring='neg_log_loss' for the new, "
                "scoring='accuracy' or scoring=None for the old default.",
                FutureWarning,
            )
        return get_scorer(self._scoring())

    def score(self, X: Any, y: Any = None, sample_weight: Any = None, **params: Any) -> float:
        """The score that `scoring` names, on other rows.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        sample_weight : array-like of shape (n_samples,) or None
        **params : for the scorer, with scikit-learn's metadata routing
        """
        _raise_for_params(params, self, "score")
        if sample_weight is not None:
            params["sample_weight"] = sample_weight
        given: Mapping[str, Any] = params
        if _routing_enabled():
            given = process_routing(self, "score", **params).scorer.score
        return float(self._get_scorer()(self, X, y, **given))

    def get_metadata_routing(self) -> MetadataRouter:
        """Where metadata of `fit` and `score` goes: to the splitter and the scorer."""
        router = MetadataRouter(owner=self).add_self_request(self)
        split = MethodMapping().add(caller="fit", callee="split")
        router.add(splitter=self.cv, method_mapping=split)
        mapping = MethodMapping().add(caller="score", callee="score")
        return router.add(
            scorer=self._get_scorer(), method_mapping=mapping.add(caller="fit", callee="score")
        )


def _with_labels(scorer: Any, classes: npt.NDArray[Any]) -> Any:
    """A scorer that is told of all classes where its metric asks, because a fold may miss some."""
    metric = getattr(scorer, "_score_func", None)
    asks = () if metric is None else inspect.signature(metric).parameters
    if "labels" not in asks:
        return scorer
    options = {**scorer._kwargs, "labels": classes}
    if len(classes) == 2 and "pos_label" in asks:
        options["pos_label"] = classes[-1]
    return make_scorer(
        metric,
        greater_is_better=scorer._sign == 1,
        response_method=scorer._response_method,
        **options,
    )

"""Linear classifiers learned a row at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any, Literal, Self

import numpy as np
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.metaestimators import available_if
from torch import Tensor

from dovetail.base import Decisions, Probabilities
from dovetail.data.batches import Batches
from dovetail.data.class_codes import recoded
from dovetail.known_classes import learn_classes, same_classes
from dovetail.linear_model._program import OneVersusRest
from dovetail.linear_model._stochastic import Floats, OneScore, StochasticLinear
from dovetail.linear_model.sgd_regressor import LOSSES as OF_NUMBERS
from dovetail.linear_scores import Linear
from dovetail.objective.losses import BinaryLogLoss, Loss
from dovetail.objective.margin_losses import Hinge, ModifiedHuber, SquaredHinge

__all__ = ["SGDClassifier"]

_LOSSES: dict[str, Callable[[float], Loss]] = {  # of `epsilon`
    "hinge": lambda epsilon: Hinge(),
    "log_loss": lambda epsilon: BinaryLogLoss(),
    "modified_huber": lambda epsilon: ModifiedHuber(),
    "squared_hinge": lambda epsilon: SquaredHinge(),
    "perceptron": lambda epsilon: Hinge(0.0),
    **OF_NUMBERS,
}
_RESPONSES = {"log_loss": "logistic", "modified_huber": "clipped"}


def _has_probabilities(model: Any) -> bool:
    if model.loss not in _RESPONSES:
        raise AttributeError(
            f"probability estimates are not available for loss={model.loss!r}. Use one of "
            f"{', '.join(_RESPONSES)}."
        )
    return True


class SGDClassifier(StochasticLinear, Probabilities, Decisions):
    """Scores x·c + b of classes, learned by stochastic gradient descent, a row a step: a linear
    support-vector machine, logistic regression or a perceptron by its loss.

    Minimizes mean w_i l_i + alpha ((1 − r)/2 ‖c‖² + r ‖c‖₁), with r = 0 for penalty="l2", 1 for
    "l1", `l1_ratio` for "elasticnet". More than two classes are each learned against all others,
    on threads of their own. For the same seed the rows are visited in scikit-learn's order.

    Parameters
    ----------
    loss : {"hinge", "log_loss", "modified_huber", "squared_hinge", "perceptron", \
            "squared_error", "huber", "epsilon_insensitive", "squared_epsilon_insensitive"}, \
            default="hinge"
        With z the score times 1 for the class and −1 for others: max(0, 1 − z); log(1 + exp(−z));
        max(0, 1 − z)² or −4 z below −1; max(0, 1 − z)²; max(0, −z); or, of the score's distance
        from ±1, those of `SGDRegressor`.
    penalty : {"l2", "l1", "elasticnet"} or None, default="l2"
    alpha : float >= 0, default=0.0001
        Strength of the penalty.
    l1_ratio : float in [0, 1] or None, default=0.15
    fit_intercept : bool, default=True
    max_iter : int >= 1, default=1000
        Most epochs of `fit`.
    tol : float >= 0 or None, default=1e-3
        `fit` ends when `n_iter_no_change` epochs in a row did not improve the objective met on the
        way, or the validation score, by `tol`; None takes all epochs.
    shuffle : bool, default=True
        Whether each epoch permutes the rows.
    verbose : int, default=0
        Whether to print a line an epoch.
    epsilon : float >= 0, default=0.1
        Of the losses that `SGDRegressor` has, too.
    n_jobs : int or None
        Threads are those of `dovetail.config(threads=...)`, whatever is said here.
    random_state : int, RandomState or None
        Draws the orders of rows and the validation split.
    learning_rate : {"constant", "optimal", "invscaling", "adaptive", "pa1", "pa2"}, \
            default="optimal"
        Length of step t: eta0; 1 / (alpha (t₀ + t)); eta0 / t^power_t; eta0, divided by 5 where the
        objective no longer improves; with "hinge", what makes the row's loss 0 but at most eta0, or
        damped by 1 / (2 eta0).
    eta0 : float > 0, default=0.01
    power_t : float >= 0, default=0.5
    early_stopping : bool, default=False
        Whether to hold out rows and stop on their accuracy.
    validation_fraction : float in (0, 1), default=0.1
    n_iter_no_change : int >= 1, default=5
    class_weight : dict, "balanced" or None, default=None
        By which steps of each class's rows are multiplied; of more than two classes, where it is
        the one that is learned.
    warm_start : bool, default=False
        Whether `fit` begins with the coefficients of the last one.
    average : bool or int >= 1, default=False
        Whether to average coefficients over steps, or from which step on.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : array of shape (1, n_features) for two classes, else (n_classes, n_features)
    intercept_ : array of shape (1,) or (n_classes,)
    n_iter_ : int, epochs of the last call, the most of any class
    t_ : float, rows visited, and one

    Scale columns first. Cost O(n d) an epoch, for sparse X of the stored values, times k for k > 2
    classes. Bottou 2012, https://doi.org/10.1007/978-3-642-35289-8_25; averaging: Polyak &
    Juditsky 1992, https://doi.org/10.1137/0330046; l1: Tsuruoka, Tsujii & Ananiadou 2009,
    https://aclanthology.org/P09-1054; "pa1", "pa2": Crammer et al. 2006,
    https://jmlr.org/papers/v7/crammer06a.html; probabilities of several classes: Zadrozny & Elkan
    2002, https://doi.org/10.1145/775047.775151.

    Examples
    --------
    >>> from dovetail.linear_model import SGDClassifier
    >>> model = SGDClassifier(random_state=0)
    >>> model.fit([[-2.0], [-1.0], [1.0], [2.0]], ["no", "no", "yes", "yes"]).predict([[1.5]])
    array(['yes'], dtype='<U3')
    """

    splitter = StratifiedShuffleSplit
    passive_loss = "hinge"

    loss: Literal[
        "hinge",
        "log_loss",
        "modified_huber",
        "squared_hinge",
        "perceptron",
        "squared_error",
        "huber",
        "epsilon_insensitive",
        "squared_epsilon_insensitive",
    ] = "hinge"
    _: KW_ONLY
    n_jobs: int | None = None
    class_weight: dict[Any, float] | Literal["balanced"] | None = None

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(random_state=0), cls("log_loss", penalty="elasticnet", random_state=0)]

    def fit(  # scikit-learn's order of arguments
        self,
        X: Any,
        y: Any = None,
        coef_init: Any = None,
        intercept_init: Any = None,
        sample_weight: Any = None,
    ) -> Self:
        """Learn to tell the classes in y apart.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        y : array-like of shape (n_samples,), labels of any type
        coef_init : array-like of the shape of `coef_` or None
            Coefficients to begin with.
        intercept_init : array-like of the shape of `intercept_` or None
        sample_weight : array-like of shape (n_samples,) or None
            By which the step of each row is multiplied.

        Returns
        -------
        self
        """
        return self._go_on(
            X, y, sample_weight, incremental=False, coef=coef_init, intercept=intercept_init
        )

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """One more epoch, on these rows.

        Parameters
        ----------
        X, y, sample_weight : as in `fit`
        classes : array-like of shape (n_classes,) or None
            All classes there will ever be; needed in the first call.

        Returns
        -------
        self
        """
        self._validate_params()
        self._refuse(incremental=True)
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit. In order to use "
                "'balanced' weights, use compute_class_weight('balanced', classes=classes, y=y). "
                "In place of y you can use a large enough sample of the full training set target "
                "to properly estimate the class frequency distributions. Pass the resulting "
                "weights as the class_weight parameter."
            )
        learn_classes(self, classes)
        with same_classes(self) as known:

            def receive(batches: Batches) -> Batches:
                here, self.classes_ = self.classes_, known
                return recoded(batches, here, known)

            return self._go_on(X, y, sample_weight, incremental=True, receive=receive)

    # -- what is learned

    def _loss(self) -> Loss:
        return _LOSSES[self.loss](float(self.epsilon))

    def _n_scores(self) -> int:
        k = len(self.classes_)
        if k < 2:
            raise ValueError(
                f"The number of classes has to be greater than one; got {k} class: "
                f"{self.classes_.tolist()}."
            )
        return k if k > 2 else 1

    def _seed(self, random: np.random.RandomState) -> int:
        random.randint(1, np.iinfo(np.int32).max)  # scikit-learn draws one that it does not use
        return super()._seed(random)

    def _scores_to_learn(self, y: Any, w: Floats) -> list[OneScore]:
        known = self.classes_  # a dict has weights of classes that need not be among these rows
        weights = compute_class_weight(
            self.class_weight,
            classes=known,
            y=known if isinstance(self.class_weight, dict) else known[y],
        )
        other = 0.0 if self.loss == "log_loss" else -1.0
        if self._n_scores() == 1:
            return [OneScore(np.where(y == 1, 1.0, other), w * weights[y])]
        return [
            OneScore(np.where(y == code, 1.0, other), w * np.where(y == code, weight, 1.0))
            for code, weight in enumerate(weights)
        ]

    def _made(self, coef: Tensor, intercept: Tensor) -> Linear:
        return OneVersusRest(coef, intercept, _RESPONSES.get(self.loss, "identity"), len(coef) == 1)

    def _quality(self, scores: Floats, one: OneScore) -> float:
        """Accuracy."""
        return float(np.average((scores > 0) == (one.y > 0), weights=one.w))

    # -- predicting

    @available_if(_has_probabilities)
    def predict_proba(self, X: Any) -> Any:
        """Probability of each class, shape (n_samples, n_classes), rows sum to 1; with
        loss="log_loss" or "modified_huber".
        """
        return super().predict_proba(X)

    @available_if(_has_probabilities)
    def predict_log_proba(self, X: Any) -> Any:
        """Logarithm of `predict_proba`."""
        return super().predict_log_proba(X)

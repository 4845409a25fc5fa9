"""What all naive Bayes classifiers share: joint log probabilities, and learning in portions."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from torch import Tensor

from dovetail.base import WeightedClassifier
from dovetail.data.batches import Batches
from dovetail.data.class_codes import recoded
from dovetail.known_classes import learn_classes, same_classes
from dovetail.program import Program

__all__ = ["JointLogProbability", "NaiveBayes", "check_prior_count"]


class JointLogProbability(Program):
    """log P(class) + log P(x | class) of each row x and class, shape (n, k)."""

    def link(self, joint: Tensor) -> Tensor:
        """Probabilities of the classes."""
        return joint.softmax(1)


class NaiveBayes(WeightedClassifier):
    """A classifier by Bayes' rule. `_update` adds the statistics of more rows to those of the
    Program so far, None at first, and makes a `JointLogProbability` of them.
    """

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go on learning from more rows; the result is that of one fit on all of them.

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
        before = self.__dict__.get("_program")
        learn_classes(self, classes)
        with same_classes(self) as known:

            def learn(batches: Batches) -> Program:
                here, self.classes_ = self.classes_, known
                return self._update(before, recoded(batches, here, known))

            return self._template(learn, X, y, sample_weight, reset=before is None)

    def _fit(self, batches: Batches) -> JointLogProbability:
        return self._update(None, batches)

    def _update(self, before: Any, batches: Batches) -> JointLogProbability:
        raise TypeError(f"{type(self).__name__} does not say how it learns.")

    def predict_joint_log_proba(self, X: Any) -> Any:
        """log P(x, class) of each row x and class, shape (n_samples, n_classes)."""
        return self._run(self._scores, X)

    def predict_proba(self, X: Any) -> Any:
        """Probability of each class, shape (n_samples, n_classes), rows sum to 1."""
        return self._run(lambda opened: self._program.link(self._scores(opened)), X)

    def predict_log_proba(self, X: Any) -> Any:
        """Logarithm of `predict_proba`, precise for small probabilities, too."""
        return self._run(lambda opened: self._scores(opened).log_softmax(1), X)


def check_prior_count(prior: Any, k: int) -> None:
    """Refuse priors that are not one a class."""
    if np.shape(prior) != (k,):
        raise ValueError(
            f"Number of priors must match number of classes. Got shape {np.shape(prior)} for {k} "
            "classes."
        )

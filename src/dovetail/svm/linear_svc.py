"""Linear support-vector classification."""

from __future__ import annotations

from dataclasses import KW_ONLY, replace
from functools import partial
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils import check_random_state
from torch import Tensor

from dovetail.base import Accepts, Decisions, Learned, WeightedClassifier
from dovetail.data.batches import Batch, Batches
from dovetail.linear_scores import Linear, Sparsifiable
from dovetail.objective.margin_losses import SquaredHinge
from dovetail.params import AboveZero, AtLeast, Seed, Verbosity
from dovetail.solve.crammer_singer import CrammerSinger
from dovetail.solve.dual_descent import DualDescent
from dovetail.svm._linear import LinearMachine

__all__ = ["LinearSVC"]

Floats = npt.NDArray[np.float64]


class LinearSVC(LinearMachine, Sparsifiable, Decisions, WeightedClassifier):
    """Classes told apart by hyperplanes of widest margin, one a class against all others.

    Minimizes ½ ‖c‖² + ½ (b / s)² + C Σ_i w_i max(0, 1 − y_i (x_i·c + b))², with y_i = 1 for the
    rows of the class and −1 for the others, and s = `intercept_scaling`.

    Parameters
    ----------
    penalty : {"l1", "l2"}, default="l2"
        Of the coefficients; "l1" is ‖c‖₁ + |b / s| in place of the squares, and leaves many of them
        zero.
    loss : {"hinge", "squared_hinge"}, default="squared_hinge"
        Whether errors are squared; "hinge" is the loss of `SVC`.
    dual : "auto" or bool, default="auto"
        Whether to solve the dual problem; "auto" where it has fewer variables: with fewer rows than
        columns. "hinge" has nothing else, "l1" has no dual.
    tol : float > 0, default=1e-4
        The largest violation of optimality at which to stop: of a derivative of the dual problem,
        or of the gradient as a share of what it was, times the share of the rarer class.
    C : float > 0, default=1.0
        Weight of the errors against the width of the margin.
    multi_class : {"ovr", "crammer_singer"}, default="ovr"
        "crammer_singer" learns all classes at once: ½ Σ_c (‖c_c‖² + (b_c / s)²) + C Σ_i w_i max_c
        ([c ≠ y_i] + F_ic − F_iy), where F are scores; penalty, loss and dual are ignored.
    fit_intercept : bool, default=True
    intercept_scaling : float > 0, default=1.0
        s; the larger, the less the intercept is penalized.
    class_weight : dict, "balanced" or None, default=None
        By which C is multiplied for each class's rows; of more than two classes, where it is the
        one that is learned.
    verbose : int, default=0
        Whether to print a line a step.
    random_state : int, RandomState or None, default=None
        Orders of rows in the dual problem.
    max_iter : int >= 0, default=1000
        Most Newton steps, or passes over the rows.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coef_ : array of shape (1, n_features) for two classes, else (n_classes, n_features)
    intercept_ : array of shape (1,) or (n_classes,); 0.0 without
    n_iter_ : int, the most that any class took

    Raises
    ------
    ValueError
        One class alone; a combination of penalty, loss and dual that there is not.

    Cost: dual, O(n d) a pass, for sparse X of the stored values, for each eight classes; primal,
    O(n d²) a Newton step up to 500 columns, O(n d) a product above, for each class, on the rows
    within the margin; memory O((n + d) k). Fan et al. 2008,
    https://www.jmlr.org/papers/v9/fan08a.html; Keerthi & DeCoste 2005,
    https://www.jmlr.org/papers/v6/keerthi05a.html.

    Examples
    --------
    >>> from dovetail.svm import LinearSVC
    >>> model = LinearSVC().fit([[-2.0], [-1.0], [1.0], [2.0]], ["no", "no", "yes", "yes"])
    >>> model.predict([[-0.5], [0.5]])
    array(['no', 'yes'], dtype='<U3')
    """

    accepts = Accepts(sparse=("csr",))

    penalty: Literal["l1", "l2"] = "l2"
    loss: Literal["hinge", "squared_hinge"] = "squared_hinge"
    _: KW_ONLY
    dual: bool | Literal["auto"] = "auto"
    tol: Annotated[float, AboveZero] = 1e-4
    C: Annotated[float, AboveZero] = 1.0
    multi_class: Literal["ovr", "crammer_singer"] = "ovr"
    fit_intercept: bool = True
    intercept_scaling: Annotated[float, AboveZero] = 1
    class_weight: dict[Any, float] | Literal["balanced"] | None = None
    verbose: Verbosity = 0
    random_state: Seed = None
    max_iter: Annotated[int, AtLeast(0)] = 1000

    coef_ = Learned("coef")

    @classmethod
    def _examples(cls) -> list[Self]:
        return [
            cls(),
            cls("l1"),
            cls(loss="hinge", random_state=0),
            cls(multi_class="crammer_singer", random_state=0),
        ]

    def _receive(self, X: Any, y: Any, sample_weight: Any, *, reset: bool = True) -> Batches:
        """Without weights of classes, which differ from score to score."""
        return super(WeightedClassifier, self)._receive(X, y, sample_weight, reset=reset)

    def _fit(self, batches: Batches) -> Linear:
        k = len(self.classes_)
        if k < 2:
            raise ValueError(
                "This solver needs samples of at least 2 classes in the data, but the data "
                f"contains only one class: {self.classes_.tolist()[0]!r}"
            )
        together = self.multi_class == "crammer_singer"
        dual = together or self._by_dual(self.penalty, batches)
        weights = self._weight_of_classes(batches)
        batches = batches.kept()
        if together:
            return self._together(batches, weights)
        # what C is multiplied by in each score, for rows of other classes and of its own
        costs = np.stack([np.ones(k), weights]) if k > 2 else weights[:, None]
        return self._against_others(batches, costs) if dual else self._one_by_one(batches, costs)

    def _together(self, batches: Batches, weights: Floats) -> Linear:
        random = check_random_state(self.random_state)
        solver = CrammerSinger(batches.whole, self.C * weights, self._bias, self.tol, random)

        def program(theta: Tensor) -> Linear:
            return self._made(theta[1:] - theta[:1] if len(weights) == 2 else theta, batches)

        return self._dual_solved(solver, program)

    def _against_others(self, batches: Batches, costs: Floats) -> Linear:
        solver = DualDescent(
            batches.whole,
            classes=True,
            cost=self.C * costs,
            squared=self.loss == "squared_hinge",
            epsilon=0.0,
            bias=self._bias,
            tol=self.tol,
            random=check_random_state(self.random_state),
        )
        return self._dual_solved(solver, lambda theta: self._made(theta, batches))

    def _one_by_one(self, batches: Batches, costs: Floats) -> Linear:
        k = costs.shape[1]
        theta = torch.zeros(k, batches.n_features + 1, dtype=torch.float64, device=batches.device)
        counts = batches.sum(partial(_counts, len(self.classes_)))
        solutions = []
        for c in range(k):
            own = c if k > 1 else 1
            rarer = min(float(counts[own]), float(counts.sum() - counts[own]))

            def program(found: Tensor, c: int = c) -> Linear:
                now = theta.clone()
                now[c] = found[0]
                return self._made(now, batches)

            solution = self._primal_solved(
                batches.mapped(partial(_against, own, costs[:, c])),
                SquaredHinge(),
                self.penalty,
                self.tol * max(rarer, 1.0) / float(counts.sum()),
                program,
            )
            theta[c] = solution.value[0]
            solutions.append(solution)
        self._conclude(solutions)
        return self._made(theta, batches)


def _counts(k: int, b: Batch) -> Tensor:
    """Rows of each class."""
    assert b.y is not None
    return torch.bincount(b.y, minlength=k).double()


def _against(own: int, costs: Floats, b: Batch) -> Batch:
    """The rows with target 1 for a class and −1 for others, weighed by the costs of both."""
    assert b.y is not None
    mine = b.y == own
    y = torch.where(mine, 1.0, -1.0).to(b.X.dtype)
    if (costs == 1).all():
        return replace(b, y=y)
    w = torch.where(mine, float(costs[1]), float(costs[0])).to(y)
    return replace(b, y=y, w=w if b.w is None else w * b.w)

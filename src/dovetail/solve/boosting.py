"""Gradient boosting: each step adds one tree a score, grown on the gradients of the loss.

Newton boosting as in Friedman 2001 (https://doi.org/10.1214/aos/1013203451) and Chen & Guestrin
2016 (https://arxiv.org/abs/1603.02754). For losses without a second derivative the leaves' values
are those that minimize the loss of their rows.

Shapes: n rows, k scores, v validation rows.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.data.tensors import as_numpy
from dovetail.kernels.growth import Node
from dovetail.kernels.leaves import add_values, leaf_sums
from dovetail.objective.losses import Loss
from dovetail.solve.gradient_words import GradientWords
from dovetail.solve.loop import State
from dovetail.solve.row_sampling import Drawn, RowSampler
from dovetail.solve.solution import Status
from dovetail.solve.tree import Grower, Grown, Tree

__all__ = ["Boosting", "BoostingState", "Evaluate", "Scores", "no_longer_improves"]

_HALVINGS, _ROUNDING = 30, 1e-14

Floats = npt.NDArray[np.float64]
Trees = tuple[Tree, ...]
Evaluate = Callable[[Trees, Tensor], "Scores"]


@dataclass(frozen=True)
class Scores:
    """What early stopping looks at after an iteration; greater is better."""

    train: float
    validation: float | None = None


@dataclass(frozen=True)
class BoostingState(State[Trees]):
    """The trees so far, k an iteration, and what the rows' scores have become.

    F : scores of the training rows, float64 of shape (n, k), changed in place by the next step
    """

    F: Tensor


@dataclass(frozen=True)
class _Step:
    """What a tree is grown for.

    F : scores, float64 of shape (n,), moved by the tree
    w : weights of the rows drawn, as shape (n,), or None
    """

    loss: Loss
    F: Tensor
    w: Tensor | None
    drawn: Drawn | None


@dataclass
class Boosting:
    """Minimize a loss by a sum of trees.

    Parameters
    ----------
    loss : Loss
    grower : Grower, on the training rows
    y : targets of the training rows
    w : float64 of shape (n,) or None
    start : scores to begin with, float64 of shape (n, k), not kept
    learning_rate : by which the leaves' values are multiplied
    dtype : that leaves' values are rounded to
    sampler : RowSampler or None, draws the rows of each iteration's trees
    quantized : whether sums are of a few bits a row, see `GradientWords`
    evaluate : judges the trees so far and the scores F they give, None where they are not wanted
    history : scores of earlier iterations, if training goes on; those of new ones are added
    patience, tol : stop when none of the last `patience` scores exceeds the one before by tol
    """

    loss: Loss
    grower: Grower
    y: Tensor
    w: Tensor | None
    start: Tensor
    learning_rate: float = 0.1
    dtype: torch.dtype = torch.float64
    sampler: RowSampler | None = None
    quantized: bool | Literal["auto"] = "auto"
    evaluate: Evaluate | None = None
    history: list[Scores] = field(default_factory=list)
    patience: int = 10
    tol: float = 1e-7
    advice: str = ""  # the limit is the usual end

    def init(self) -> BoostingState:
        return BoostingState((), {} if self.history else self._judge((), self.start), self.start)

    def step(self, state: BoostingState) -> BoostingState:
        F = state.F
        scores = F[:, 0] if F.shape[1] == 1 else F
        loss = self.loss.adapted(self.y, scores, self.w)
        if loss.constant_curvature:
            g, h = loss.gradient(self.y, scores), self.w
        else:
            g, h = loss.gradient_curvature(self.y, scores)
            h = h if self.w is None else h * _beside(self.w, h)
        g = g if self.w is None else g * _beside(self.w, g)
        g, h = g.reshape(F.shape), None if h is None else h.reshape(-1, F.shape[1])
        drawn = None if self.sampler is None else self.sampler.draw(as_numpy(g))
        weights = self.w
        if drawn is not None and drawn.factor is not None:
            factor = torch.from_numpy(drawn.factor)[:, None]
            g, h = g * factor, factor.expand(F.shape) if h is None else h * factor
            weights = factor[:, 0] if weights is None else weights * factor[:, 0]
        trees = tuple(
            self._tree(
                _Step(loss, F[:, c], weights, drawn), g[:, c], None if h is None else h[:, c]
            )
            for c in range(F.shape[1])
        )
        trees = (*state.value, *trees)
        return BoostingState(trees, self._judge(trees, F), F)

    def stop(self, state: BoostingState) -> Status | None:
        if self.evaluate is None or not state.value:
            return None
        scores = [s.train if s.validation is None else s.validation for s in self.history]
        return Status.EARLY if no_longer_improves(scores, self.patience, self.tol) else None

    def best(self, state: BoostingState) -> Trees:
        return state.value

    def _tree(self, step: _Step, g: Tensor, h: Tensor | None) -> Tree:
        """A tree for one column of scores, which is moved by it."""
        g_n, h_n = as_numpy(g.contiguous()), None if h is None else as_numpy(h.contiguous())
        words = GradientWords.of(g_n, h_n, self.quantized)
        grown = self.grower.grow(words, None if step.drawn is None else step.drawn.rows)
        tree = grown.tree
        if len(grown.leaves) > 1:
            smooth = step.loss.smooth
            values = self._newton(grown, g_n, h_n) if smooth else self._refit(grown, step)
            values = self.learning_rate * values
            if step.loss.overshoots:
                values = self._shortened(grown, step, values)
            values = values.astype(_NUMPY[self.dtype]).astype(np.float64)
            tree.value[grown.leaves] = values
            add_values(grown.rows, grown.begins, values, as_numpy(step.F))
        if step.drawn is not None:
            self.grower.send(tree, step.drawn.others, as_numpy(step.F))
        return tree

    def _newton(self, grown: Grown, g: Floats, h: Floats | None) -> Floats:
        """−G / (H + λ) of each leaf, within its bounds."""
        sums = np.empty((len(grown.leaves), 2))
        leaf_sums(grown.rows, grown.begins, g, np.ones(1) if h is None else h, sums)
        values = -sums[:, 0] / (sums[:, 1] + self.grower.rules.l2 + 1e-15)
        return np.clip(values, grown.bounds[:, 0], grown.bounds[:, 1])

    def _refit(self, grown: Grown, step: _Step) -> Floats:
        """The constant of least loss for the residuals of each leaf, within its bounds."""
        rows = torch.from_numpy(grown.rows.astype(np.int64))
        residuals = self.y[rows] - step.F[rows]
        weights = None if step.w is None else step.w[rows]

        def best(begin: int, end: int) -> float:
            w = None if weights is None else weights[begin:end]
            return float(step.loss.constant_fit(residuals[begin:end], w))

        values = np.array([best(a, b) for a, b in itertools.pairwise(grown.begins.tolist())])
        monotone = self.grower.rules.monotone
        if monotone is None or not any(monotone):
            return values
        bounds = _bounds(grown.tree.nodes, monotone, best)[grown.leaves]
        return np.clip(values, bounds[:, 0], bounds[:, 1])

    def _shortened(self, grown: Grown, step: _Step, values: Floats) -> Floats:
        """Steps of leaves, halved until none raises its leaf's loss."""
        before, w = step.loss.value(self.y, step.F), step.w
        lowest, highest = self.learning_rate * grown.bounds.T
        for _ in range(_HALVINGS):
            after = step.F.clone()
            add_values(grown.rows, grown.begins, values, as_numpy(after))
            rise = step.loss.value(self.y, after) - before
            rise, weights = (rise, np.ones(1)) if w is None else (rise * w, as_numpy(w))
            sums = np.empty((len(values), 2))
            leaf_sums(grown.rows, grown.begins, as_numpy(rise.contiguous()), weights, sums)
            worse = ~(sums[:, 0] <= _ROUNDING * sums[:, 1] * float(before.abs().mean()))
            if not worse.any():
                break
            values = np.clip(np.where(worse, values / 2, values), lowest, highest)
        return values

    def _judge(self, trees: Trees, F: Tensor) -> dict[str, float]:
        """Score the trees so far; the record of the step."""
        if self.evaluate is None:
            return {}
        scores = self.evaluate(trees, F)
        self.history.append(scores)
        if scores.validation is None:
            return {"train": scores.train}
        return {"train": scores.train, "validation": scores.validation}


def _bounds(
    nodes: npt.NDArray[np.int64], monotone: Sequence[int], best: Callable[[int, int], float]
) -> Floats:
    """Bounds of the values below each node, shape (m, 2): the parts of a split by a monotonic
    feature stay on their sides of the middle between their own values.

    Those that the tree grew with are of its gradients, not of values fitted to residuals.
    """
    bounds = np.tile([-np.inf, np.inf], (len(nodes), 1))
    for place, node in enumerate(nodes):  # parts come after what was split
        left, slope = node[Node.LEFT], monotone[node[Node.FEATURE]]
        if left == place:
            continue
        bounds[left] = bounds[left + 1] = bounds[place]
        if slope:
            values = [best(*nodes[i, [Node.BEGIN, Node.END]]) for i in (left, left + 1)]
            middle = np.clip(values, *bounds[place]).mean()
            bounds[left, 1 if slope > 0 else 0] = middle
            bounds[left + 1, 0 if slope > 0 else 1] = middle
    return bounds


_NUMPY = {torch.float32: np.float32, torch.float64: np.float64}


def no_longer_improves(scores: Sequence[float], patience: int, tol: float) -> bool:
    """Whether none of the last `patience` scores exceeds the one before them by more than tol."""
    if len(scores) <= patience:
        return False
    least = scores[-patience - 1] + tol
    return not any(score > least for score in scores[-patience:])


def _beside(w: Tensor, F: Tensor) -> Tensor:
    return w if F.ndim == 1 else w[:, None]

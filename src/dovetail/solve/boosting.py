"""Gradient boosting: each step adds one tree a score, or one tree for all scores, grown on the
gradients of the loss.

Newton boosting as in Friedman 2001 (https://doi.org/10.1214/aos/1013203451) and Chen & Guestrin
2016 (https://arxiv.org/abs/1603.02754). For losses without a second derivative the leaves' values
are those that minimize the loss of their rows.

Shapes: n rows, k scores, v scores of a tree: 1, or k where the loss is one of several outputs.
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
from dovetail.objective.outputs import OutputsLoss
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
    """The trees so far, k / v an iteration, and what the rows' scores have become.

    F : scores of the training rows, float64 of shape (n, k), each column in one piece, changed in
        place by the next step
    """

    F: Tensor


@dataclass(frozen=True)
class _Step:
    """What the values of a tree's leaves are found for, as to one score.

    y, F : targets and scores, float64 of shape (n,)
    w : weights of the rows drawn, as shape (n,), or None
    g, h : gradients, and Hessians where they are not all 1, of the rows drawn, as shape (n,)
    """

    loss: Loss
    y: Tensor
    F: Tensor
    w: Tensor | None
    g: Floats
    h: Floats | None


@dataclass
class Boosting:
    """Minimize a loss by a sum of trees.

    Parameters
    ----------
    loss : Loss
    grower : Grower, on the training rows
    y : targets of the training rows
    w : float64 of shape (n,) or None
    start : scores to begin with, float64 of shape (n, k)
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
        F = self.start.T.clone(memory_format=torch.contiguous_format).T
        return BoostingState((), {} if self.history else self._judge((), F), F)

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
        k = F.shape[1]
        v = k if isinstance(loss, OutputsLoss) else 1
        trees = list(state.value)
        for c in range(0, k, v):
            own = slice(c, c + v)
            g_on, h_on = _by_output(g[:, own]), None if h is None else _by_output(h[:, own])
            trees.append(self._tree(loss, F[:, own], weights, g_on, h_on, drawn))
        return BoostingState(tuple(trees), self._judge(tuple(trees), F), F)

    def stop(self, state: BoostingState) -> Status | None:
        if self.evaluate is None or not state.value:
            return None
        scores = [s.train if s.validation is None else s.validation for s in self.history]
        return Status.EARLY if no_longer_improves(scores, self.patience, self.tol) else None

    def best(self, state: BoostingState) -> Trees:
        return state.value

    def _tree(
        self,
        loss: Loss,
        F: Tensor,
        w: Tensor | None,
        g: Floats,
        h: Floats | None,
        drawn: Drawn | None,
    ) -> Tree:
        """A tree for some columns of scores, F of shape (n, v), which are moved by it; g, h of
        shape (v, n).
        """
        words = GradientWords.of(g, h, self.quantized)
        grown = self.grower.grow(words, None if drawn is None else drawn.rows)
        tree = grown.tree
        if len(grown.leaves) > 1:
            for c in range(F.shape[1]):
                own, y = loss, self.y
                if isinstance(loss, OutputsLoss):
                    own, y = loss.losses[c], y[:, c]
                step = _Step(own, y, F[:, c], w, g[c], None if h is None else h[c])
                values = self._values(grown, step)
                tree.value[grown.leaves, c] = values
                add_values(grown.rows, grown.begins, values, as_numpy(step.F))
        if drawn is not None:
            self.grower.send(tree, drawn.others, as_numpy(F))
        return tree

    def _values(self, grown: Grown, step: _Step) -> Floats:
        """What the leaves add to a score."""
        values = self._newton(grown, step) if step.loss.smooth else self._refit(grown, step)
        values = self.learning_rate * values
        if step.loss.overshoots:
            values = self._shortened(grown, step, values)
        return values.astype(_NUMPY[self.dtype]).astype(np.float64)

    def _newton(self, grown: Grown, step: _Step) -> Floats:
        """−G / (H + λ) of each leaf, within its bounds."""
        sums, h = np.empty((len(grown.leaves), 2)), np.ones(1) if step.h is None else step.h
        leaf_sums(grown.rows, grown.begins, step.g, h, sums)
        values = -sums[:, 0] / (sums[:, 1] + self.grower.rules.l2 + 1e-15)
        return np.clip(values, grown.bounds[:, 0], grown.bounds[:, 1])

    def _refit(self, grown: Grown, step: _Step) -> Floats:
        """The constant of least loss for the residuals of each leaf, within its bounds."""
        rows = torch.from_numpy(grown.rows.astype(np.int64))
        residuals = step.y[rows] - step.F[rows]
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
        before, w = step.loss.value(step.y, step.F), step.w
        lowest, highest = self.learning_rate * grown.bounds.T
        for _ in range(_HALVINGS):
            after = step.F.clone()
            add_values(grown.rows, grown.begins, values, as_numpy(after))
            rise = step.loss.value(step.y, after) - before
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


def _by_output(columns: Tensor) -> Floats:
    """Columns of shape (n, v) as rows of shape (v, n)."""
    return as_numpy(columns.T.contiguous())


def _beside(w: Tensor, F: Tensor) -> Tensor:
    return w if F.ndim == 1 else w[:, None]

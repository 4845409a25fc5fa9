"""Paths of logistic regressions of two classes, all folds at once: each pass over the rows serves
every fold.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.data.batches import Batch
from dovetail.linear_model._logistic_paths import OnePenalty, Paths, Search, program_of
from dovetail.objective.linear import scores as linear_scores
from dovetail.objective.logistic_folds import LogisticFolds, Look
from dovetail.objective.losses import BinaryLogLoss
from dovetail.solve.lbfgs import LBFGS
from dovetail.solve.loop import solve
from dovetail.solve.newton import NewtonCG, NewtonCholesky, SingularHessianError
from dovetail.solve.newton_folds import FoldsState, NewtonFolds

__all__ = ["folds_together"]

_ADVICE = {
    "lbfgs": LBFGS.advice,
    "newton-cg": NewtonCG.advice,
    "newton-cholesky": NewtonCholesky.advice,
}
_COLUMNS = 64  # up to which exact Newton steps, O(n d²) each, beat any other solver's
_FOLDS = 16  # each takes some numbers a row

Row = npt.NDArray[np.int64]


def folds_together(search: Search) -> Paths | None:
    """The paths, or None where the folds have to be fitted one by one: for what `_suits` excludes,
    and where a Hessian is singular.
    """
    model = search.model(1.0, 0.0)
    if not _suits(search, model):
        return None
    try:
        return _paths(search, model)
    except SingularHessianError:
        return None


def _suits(search: Search, model: OnePenalty) -> bool:
    """Two classes, ridge penalties, a solver of the problem as it is, few columns, dense rows, few
    folds.
    """
    batches, solver = search.batches, model.solver
    return (
        len(model.classes_) == 2
        and solver in _ADVICE
        and not model.dual
        and not any(search.ratios)
        and bool((np.isfinite(search.Cs) & (search.Cs > 0)).all())
        and not batches.sparse
        and batches.device.type == "cpu"
        and (batches.n_features <= _COLUMNS or solver == "newton-cholesky")
        and len(search.folds) <= _FOLDS
    )


def _paths(search: Search, model: OnePenalty) -> Paths:
    problems = _problems(search, model.fit_intercept)
    paths, unfinished = search.empty(1, model.fit_intercept), None
    start: tuple[Tensor, Look | None] = torch.zeros(problems.shape, dtype=torch.float64), None
    for c, C in enumerate(search.Cs):
        l2 = 1 / (C * problems.totals)
        solver = NewtonFolds(problems, l2, start, model.tol, _ADVICE[model.solver])
        say = print if model.verbose else None
        solution = solve(solver, max_iter=model.max_iter, say=say)
        found: FoldsState = solution.value
        start = found.value, found.look
        unfinished = unfinished or (solution if solution.advice else None)
        paths.coefs[:, :, c] = found.value.numpy()[:, None, None]
        # a start that is good enough takes a look, which counts
        paths.steps[:, :, c] = found.steps.clamp(min=1).numpy()[:, None]
        if search.verbose:
            print(f"C = {C:g}: {len(search.folds)} fits")
    thetas = torch.from_numpy(paths.coefs[:, 0, :, 0])
    scores = _quick_scores(search, thetas, model.fit_intercept)
    if scores is None:
        each = zip(search.folds, thetas, strict=True)
        scores = np.array([_scores(search, test, t, model.fit_intercept) for (_, test), t in each])
    paths.scores[:] = scores[:, None]
    return paths._replace(unfinished=unfinished)


def _problems(search: Search, intercept: bool) -> LogisticFolds:
    """The losses of the folds' training rows."""
    batches = search.batches
    times = np.zeros((len(search.folds), len(batches)), np.int32)  # that a row is in a fold
    for of_fold, (train, _) in zip(times, search.folds, strict=True):
        np.add.at(of_fold, train, 1)

    def numbers(b: Batch) -> Batch:
        assert b.y is not None
        return replace(b, y=b.y.to(b.X.dtype))

    return LogisticFolds(batches.mapped(numbers), torch.from_numpy(times), intercept)


def _quick_scores(search: Search, thetas: Tensor, intercept: bool) -> Any:
    """Scores (folds, Cs) that are means over rows, in one pass; None where they are not."""
    quick = _QUICK.get(search.scoring) if isinstance(search.scoring, str) else None
    if quick is None or search.params:
        return None
    batches = search.batches
    before, size = batches.rows_before(), torch.tensor([len(test) for _, test in search.folds])
    tests = [torch.from_numpy(np.sort(test)) for _, test in search.folds]
    each = [program_of(theta, batches, intercept) for theta in thetas]

    def block(b: Batch) -> Tensor:
        found = []
        for test, program in zip(tests, each, strict=True):
            rows = b.among(test, before)
            F = linear_scores(rows.X, program.coef, program.intercept)
            found.append(quick(rows.y[:, None], F).double().sum(0))  # type: ignore[index]
        return torch.stack(found)

    return (batches.sum(block) / size[:, None]).numpy()


def _scores(search: Search, test: Row, thetas: Tensor, intercept: bool) -> list[float]:
    """A fold's score of each C."""
    score = search.judge(test)

    def scored(C: float, theta: Tensor) -> float:
        model = search.model(C, 0.0)
        model._program = program_of(theta[None], search.batches, intercept)
        return score(model)

    return [scored(C, theta) for C, theta in zip(search.Cs, thetas, strict=True)]


def _accuracy(y: Tensor, F: Tensor) -> Tensor:
    return (F > 0) == (y > 0)


def _neg_log_loss(y: Tensor, F: Tensor) -> Tensor:
    """As scikit-learn has it, with probabilities of at least the resolution of their dtype."""
    most = -float(np.log(torch.finfo(F.dtype).eps))
    return -BinaryLogLoss().value(y.to(F.dtype), F.clamp(-most, most))


_QUICK: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "accuracy": _accuracy,
    "neg_log_loss": _neg_log_loss,
}

"""What the histogram gradient boosting estimators share: parameters, the door, training."""

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import KW_ONLY, dataclass
from functools import partial
from numbers import Integral
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import (
    _check_categorical_features,
    _check_monotonic_cst,
    check_consistent_length,
)
from torch import Tensor

from dovetail.base import Accepts, Estimator
from dovetail.data.batches import Batch, Batches
from dovetail.data.bins import BYTE, Bins, cut, find_edges
from dovetail.data.categories import Categories, coded, learn_categories
from dovetail.data.door import (
    Given,
    give_back,
    open_columns,
    open_matrix,
    open_weights,
    source,
)
from dovetail.data.sparse import Matrix
from dovetail.data.tensors import as_numpy
from dovetail.ensemble._early_stopping import ByLoss, ByScorer, Following, Rows
from dovetail.ensemble._program import TreeScores
from dovetail.objective.losses import Loss
from dovetail.objective.outputs import OutputsLoss
from dovetail.params import AboveZero, ArrayLike, AtLeast, Between, Seed, Verbosity
from dovetail.solve.boosting import Boosting, Evaluate, Scores
from dovetail.solve.loop import solve
from dovetail.solve.row_sampling import RowSampler
from dovetail.solve.tree import Grower, Tree, TreeRules

__all__ = ["HistGradientBoosting"]

_MOST_CATEGORIES = 2**16 - 1  # codes of two bytes
_LARGE = 10_000  # rows above which "auto" stops early
_SEEDS = np.iinfo(np.uint32).max


@dataclass(frozen=True)
class _Start:
    """What boosting begins with: a baseline, or the trees of an earlier fit.

    baseline : of shape (k,), on the CPU, in the dtype of the scores
    """

    loss: Loss
    baseline: Tensor
    before: TreeScores | None
    program_type: type[TreeScores]
    device: torch.device

    def scores(self, X: Matrix) -> Tensor:
        """Scores of rows before the first new tree, float64 of shape (n, k); not to be changed."""
        if self.before is None:
            return self.baseline.double().expand(len(X), -1)
        return self.before.sums(X)

    def program(self, trees: tuple[Tree, ...]) -> TreeScores:
        """The Program with some new trees."""
        baseline = self.baseline.to(self.device)
        flat, response = len(baseline) == 1, self.loss.response
        return self.program_type.of(
            trees, baseline, response=response, flat=flat, before=self.before
        )


class _Boosted:
    """Types of what a fit leaves (apart, so that they are no parameters)."""

    is_categorical_: npt.NDArray[np.bool_] | None
    do_early_stopping_: bool
    n_iter_: int
    n_trees_per_iteration_: int
    train_score_: npt.NDArray[np.float64]
    validation_score_: npt.NDArray[np.float64]
    _categories: Categories
    _random_seed: int
    _draw_state: Any  # of the generator that draws features, for warm_start


class HistGradientBoosting(_Boosted, Estimator):
    """Parameters and training of boosted trees; subclasses say what they are trained to."""

    accepts = Accepts(sparse=("csr", "csc"), missing=True, infinite=True)
    program_type: ClassVar[type[TreeScores]] = TreeScores
    keeps_shares: ClassVar[bool] = False  # of the targets, when rows are drawn at random

    _: KW_ONLY
    learning_rate: Annotated[float, AboveZero] = 0.1
    max_iter: Annotated[int, AtLeast(1)] = 100
    max_leaf_nodes: Annotated[int, AtLeast(2)] | None = 31
    max_depth: Annotated[int, AtLeast(1)] | None = None
    min_samples_leaf: Annotated[int, AtLeast(1)] = 20
    l2_regularization: Annotated[float, AtLeast(0)] = 0.0
    max_features: Annotated[float, Between(0, 1, "right")] = 1.0
    max_bins: Annotated[int, Between(2, 255)] = 255
    categorical_features: ArrayLike | Literal["from_dtype"] | None = "from_dtype"
    monotonic_cst: ArrayLike | dict[str, int] | None = None
    interaction_cst: list[Any] | tuple[Any, ...] | Literal["pairwise", "no_interactions"] | None = (
        None
    )
    warm_start: bool = False
    early_stopping: Literal["auto"] | bool = "auto"
    scoring: str | Callable[..., Any] | None = "loss"
    validation_fraction: (
        Annotated[float, Between(0, 1, "neither")] | Annotated[int, AtLeast(1)] | None
    ) = 0.1
    n_iter_no_change: Annotated[int, AtLeast(1)] = 10
    tol: Annotated[float, AtLeast(0)] = 1e-7
    verbose: Verbosity = 0
    random_state: Seed = None
    subsample: Annotated[float, Between(0, 1, "right")] = 1.0
    sampling: Literal["uniform", "gradient"] = "uniform"
    quantized: Literal["auto"] | bool = "auto"

    # -- what a subclass says

    def _objective(self, y: Tensor) -> tuple[Tensor, Loss, int]:
        """Targets as the loss wants them, the loss, and how many scores it takes."""
        raise TypeError(f"{type(self).__name__} does not say what it is trained to.")

    def _open_further_y(self, y: Any, X: Matrix) -> Tensor:
        """Targets of other rows, read as those of fit."""
        raise TypeError(f"{type(self).__name__} does not say how it is validated.")

    def _labels(self, y: Tensor) -> npt.NDArray[Any]:
        """Targets as a scorer wants them."""
        raise TypeError(f"{type(self).__name__} does not say how it is scored.")

    # -- the ways in

    def fit(
        self,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Self:
        """Learn to predict y from X.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
            May hold missing values, and categories where `categorical_features` says so; these not
            in a sparse matrix.
        y : array-like of shape (n_samples,), or for numbers (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), float or None
            Weight of each row's loss. `min_samples_leaf` counts rows, whatever their weight.
        X_val, y_val : array-like of shapes (n_val, n_features) and (n_val,), or None
            Rows to watch for early stopping, instead of a share of X.
        sample_weight_val : array-like of shape (n_val,) or None

        Returns
        -------
        self
        """
        learn = partial(self._boost, validation=(X_val, y_val, sample_weight_val))
        return self._template(learn, X, y, sample_weight, reset=True)

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Matrix:
        """X as numbers, categories as codes."""
        X = source(X)
        if reset:
            X = X if hasattr(X, "shape") else check_array(X, dtype=None, ensure_all_finite=False)
            self.is_categorical_ = _check_categorical_features(X, self.categorical_features)
        if self.is_categorical_ is None:
            opened: Any = open_matrix(self, X, self.accepts, reset=reset, device=device)
            return opened
        columns = open_columns(self, X, self.accepts, reset=reset)
        if reset:
            self._categories = learn_categories(columns, self.is_categorical_)
            self._check_categories()
        target = X.device if isinstance(X, Tensor) else device or torch.device("cpu")
        return coded(columns, self._categories).to(target)

    def _check_categories(self) -> None:
        names = getattr(self, "feature_names_in_", None)
        for j, kept in enumerate(self._categories):
            most = _MOST_CATEGORIES if self.max_bins == BYTE else self.max_bins
            if kept is not None and len(kept) > most:
                feature = f"at index {j}" if names is None else repr(names[j])
                raise ValueError(
                    f"Categorical feature {feature} is expected to have a cardinality <= "
                    f"{most} but actually has a cardinality of {len(kept)}."
                )

    # -- training

    def _boost(self, batches: Batches, *, validation: tuple[Any, Any, Any]) -> TreeScores:
        began = time.perf_counter()
        before = self._trees_before()
        self._sow(before)
        given = self._open_validation(*validation)
        rows, loss, k = self._rows(batches.whole)
        rules = self._rules(batches.n_features, k)
        outputs = k if isinstance(loss, OutputsLoss) else 1
        self.n_trees_per_iteration_ = k // outputs
        self.do_early_stopping_ = self._stops_early(len(rows.y), given)
        index, held_out = self._hold_out(rows, given)
        start = self._start(loss, k, rows, index, batches, before)
        draw = np.random.default_rng()
        draw.bit_generator.state = self._draw_state
        bins = self._bins(rows, index)
        solver = Boosting(
            loss,
            Grower(bins, rules, draw, outputs),
            rows.y[index],
            None if rows.w is None else rows.w[index],
            start.scores(rows.X)[index],
            self.learning_rate,
            batches.dtype,
            self._sampler(draw),
            self.quantized,
            self._evaluation(rows, index, held_out, start) if self.do_early_stopping_ else None,
            self._history(before),
            self.n_iter_no_change,
            self.tol,
        )
        done = 0 if before is None else len(before.roots) // self.n_trees_per_iteration_
        solution = solve(
            solver,
            max_iter=self.max_iter - done,
            watch=self._watch(start.program),
            say=print if self.verbose and self.verbose > 1 else None,
        )
        self._report(solution)
        self._draw_state = draw.bit_generator.state
        self.n_iter_ = done + solution.n_iter
        self._keep_history(solver.history)
        if self.verbose:
            seconds = time.perf_counter() - began
            trees = self.n_iter_ * self.n_trees_per_iteration_
            print(f"Fit {trees} trees in {seconds:.3f} s.")
        return start.program(solution.value)

    def _trees_before(self) -> TreeScores | None:
        """What training goes on from, with warm_start."""
        before = self.__dict__.get("_program") if self.warm_start else None
        if before is not None and self.max_iter < self.n_iter_:
            raise ValueError(
                f"max_iter={self.max_iter} must be larger than or equal to n_iter_={self.n_iter_} "
                "when warm_start==True"
            )
        return before

    def _sow(self, before: TreeScores | None) -> None:
        """Seeds of the draws of rows and of features; with warm_start those of the first fit."""
        random = check_random_state(self.random_state)
        if before is None:
            self._random_seed = int(random.randint(_SEEDS, dtype="u8"))
            seed = int(random.randint(_SEEDS, dtype="u8"))
            self._draw_state = np.random.default_rng(seed).bit_generator.state

    def _rows(self, batch: Batch) -> tuple[Rows, Loss, int]:
        """Rows, targets and weights on the CPU, and what is minimized."""
        assert batch.y is not None, "boosting is supervised"
        y, loss, k = self._objective(batch.y.cpu())
        w = None if batch.w is None else batch.w.cpu().double()
        return Rows(batch.X.to(torch.device("cpu")), y, w), loss, k

    def _open_validation(self, X: Any, y: Any, w: Any) -> Rows | None:
        if X is None and y is None:
            return None
        if y is None:
            raise ValueError("X_val is provided, but y_val was not provided.")
        if X is None:
            raise ValueError("y_val is provided, but X_val was not provided.")
        if self.early_stopping is False:
            raise ValueError(
                "X_val and y_val are passed to fit while at the same time early_stopping is False. "
                "When passing X_val and y_val to fit, early_stopping should be set to either "
                "'auto' or True."
            )
        opened = self._open(X, reset=False)
        check_consistent_length(X, y)
        batch = Batch(opened, self._open_further_y(y, opened), open_weights(w, opened))
        return self._rows(batch)[0]

    def _stops_early(self, n: int, given: Rows | None) -> bool:
        if self.early_stopping == "auto":
            return n > _LARGE or given is not None
        return bool(self.early_stopping)

    def _hold_out(
        self, rows: Rows, given: Rows | None
    ) -> tuple[npt.NDArray[np.int64], Rows | None]:
        """The rows to learn from, and those to watch, if any."""
        index = np.arange(len(rows.y))
        if not self.do_early_stopping_ or given is not None or self.validation_fraction is None:
            return index, given
        index, other = train_test_split(
            index,
            test_size=self.validation_fraction,
            stratify=rows.y.numpy() if self.keeps_shares else None,
            random_state=self._random_seed,
        )
        return index, rows.take(other)

    def _start(
        self,
        loss: Loss,
        k: int,
        rows: Rows,
        index: npt.NDArray[np.int64],
        batches: Batches,
        before: TreeScores | None,
    ) -> _Start:
        if before is None:
            w = None if rows.w is None else rows.w[index]
            baseline = loss.constant_fit(rows.y[index], w).reshape(k).to(batches.dtype)
        else:
            before, baseline = before.cpu(), before.baseline.cpu()
            if len(baseline) != k:
                raise ValueError(
                    f"With warm_start, y must have the classes or outputs of the first fit: that "
                    f"gave {len(baseline)} scores a row, this needs {k}."
                )
        return _Start(loss, baseline, before, self.program_type, batches.device)

    def _bins(self, rows: Rows, index: npt.NDArray[np.int64]) -> Bins:
        kinds = [None] * rows.X.shape[1] if self.is_categorical_ is None else self._categories
        edges = find_edges(
            rows.X,
            index,
            None if rows.w is None else rows.w[index],
            max_bins=self.max_bins,
            categories=[None if c is None else len(c) for c in kinds],
            seed=self._random_seed,
        )
        return cut(rows.X, index, edges)

    def _sampler(self, draw: np.random.Generator) -> RowSampler | None:
        if self.subsample == 1:
            return None
        return RowSampler(self.subsample, self.sampling == "gradient", draw)

    def _rules(self, d: int, k: int) -> TreeRules:
        if self.monotonic_cst is not None and k != 1:
            several = "multiclass classification" if self.keeps_shares else "several outputs"
            raise ValueError(f"monotonic constraints are not supported for {several}.")
        monotone = np.asarray(_check_monotonic_cst(self, self.monotonic_cst))
        if self.is_categorical_ is not None and monotone[self.is_categorical_].any():
            raise ValueError("Categorical features cannot have monotonic constraints.")
        return TreeRules(
            max_leaves=self.max_leaf_nodes,
            max_depth=self.max_depth,
            min_rows=self.min_samples_leaf,
            l2=self.l2_regularization,
            feature_share=self.max_features,
            monotone=monotone.tolist(),
            groups=self._check_interaction_cst(d),
        )

    def _check_interaction_cst(self, n_features: int) -> list[set[int]] | None:
        """Sets of features that may meet on a path; those not named are a set of their own."""
        given: Any = self.interaction_cst
        if given is None:
            return None
        if given == "no_interactions":
            given = [[j] for j in range(n_features)]
        elif given == "pairwise":
            given = itertools.combinations(range(n_features), 2)
        try:
            groups: list[set[Any]] = [set(group) for group in given]
        except TypeError as error:
            raise ValueError(
                "Interaction constraints must be a sequence of tuples or lists, got: "
                f"{self.interaction_cst!r}."
            ) from error
        for group in groups:
            if not all(isinstance(j, Integral) and 0 <= int(j) < n_features for j in group):
                raise ValueError(
                    "Interaction constraints must consist of integer indices in "
                    f"[0, n_features - 1] = [0, {n_features - 1}], specifying the position of "
                    f"features, got invalid indices: {group!r}"
                )
        rest = set(range(n_features)).difference(*groups)
        return [*groups, rest] if rest else groups

    # -- early stopping

    def _evaluation(
        self,
        rows: Rows,
        index: npt.NDArray[np.int64],
        held_out: Rows | None,
        start: _Start,
    ) -> Evaluate:
        following = None
        if held_out is not None:
            following = Following(held_out, start.scores(held_out.X).clone())
        if self.scoring == "loss":
            w = None if rows.w is None else rows.w[index]
            return ByLoss(start.loss, rows.y[index], w, following)
        return ByScorer(
            self,
            start.program,
            rows,
            index,
            following,
            seed=self._random_seed,
            stratify=self.keeps_shares,
        )

    def _history(self, before: TreeScores | None) -> list[Scores]:
        """The scores of the iterations before, with warm_start."""
        if before is None:
            return []
        train = self.train_score_.tolist()
        validation = self.validation_score_.tolist() or [None] * len(train)
        return [Scores(t, v) for t, v in zip(train, validation, strict=True)]

    def _keep_history(self, history: list[Scores]) -> None:
        self.train_score_ = np.array([s.train for s in history])
        watched = [s.validation for s in history if s.validation is not None]
        self.validation_score_ = np.array(watched)

    # -- importances

    @property
    def feature_importances_(self) -> npt.NDArray[np.float64]:
        """Each feature's share of what all splits gained, shape (n_features,), adding up to 1; all
        0 where nothing was split.
        """
        gained = self.feature_importances("gain")
        total = gained.sum()
        return gained / total if total > 0 else gained

    def feature_importances(
        self, kind: Literal["gain", "split"] = "gain"
    ) -> npt.NDArray[np.float64]:
        """What the splits by each feature come to.

        Parameters
        ----------
        kind : "gain" or "split", default="gain"
            Sums of G² / (H + λ) of the parts less that of the whole, over the splits by a feature;
            or how many splits there are.

        Returns
        -------
        array of shape (n_features,)

        Measured on the training rows, and greater for features of many values;
        `sklearn.inspection.permutation_importance` on other rows is neither.
        """
        if kind not in ("gain", "split"):
            raise ValueError(f"kind must be 'gain' or 'split'. Got {kind!r}.")
        program: Any = self.program_
        if program.gain is None:
            raise ValueError(
                "This model comes from a file of a version that did not keep what splits gained. "
                "Fit it again."
            )
        node = as_numpy(program.left.cpu()) != np.arange(len(program.left))
        feature, gain = as_numpy(program.feature.cpu())[node], as_numpy(program.gain.cpu())[node]
        weights = gain if kind == "gain" else np.ones(len(gain))
        return np.bincount(feature, weights, minlength=self.n_features_in_).astype(np.float64)

    # -- predicting

    def _scores(self, X: Matrix) -> Tensor:
        F: Tensor = self._program.scores(X)
        return F

    def _staged(self, X: Any, answer: Callable[[Tensor], Tensor]) -> Iterator[Any]:
        """answer(scores) after each iteration, in X's container."""
        opened, given = self.front(X), Given.of(X)
        for F in self._program.staged(opened):
            yield give_back(answer(F), given)

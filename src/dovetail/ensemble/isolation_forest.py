"""Outliers are isolated by few random splits."""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from joblib import effective_n_jobs
from sklearn.base import OutlierMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.random import sample_without_replacement
from torch import Tensor

from dovetail.data.batches import Batches
from dovetail.data.codes import columns_of
from dovetail.data.columns import Columns
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.errors import warn
from dovetail.kernels.compiled import thread_count
from dovetail.params import AtLeast, Between, PartFraction, Seed, Verbosity
from dovetail.solve.impurity import ImpurityGrower, ImpurityRules, ImpurityTree
from dovetail.tree._program import Trees
from dovetail.tree._roles import TreeEstimator, draw_seed, seeded
from dovetail.tree.extra_tree_regressor import ExtraTreeRegressor

__all__ = ["IsolationForest"]

Count = Annotated[int, AtLeast(1)]
_SEEDS = np.iinfo(np.int32).max


class _Isolation(Trees):
    """Scores above `offset` are those of inliers; a leaf's value is how many splits lead to it, and
    would lead on to a single row.

    usual : the mean of these for rows that are no outliers
    """

    usual: float
    offset: float

    def forward(self, X: Tensor) -> Tensor:
        return (self.scores(super().forward(X)) - self.offset).to(X.dtype)

    def scores(self, splits: Tensor) -> Tensor:
        """−2^(−splits / usual), −1/2 where one row was all that was seen."""
        share = splits / self.usual if self.usual else torch.ones_like(splits)
        return -torch.exp2(-share)


class _Kept:
    """Types of what a fit leaves (apart, so that they are no parameters)."""

    max_samples_: int
    estimators_features_: list[npt.NDArray[np.int64]]
    estimators_samples_: list[npt.NDArray[np.int64]]


class IsolationForest(_Kept, OutlierMixin, TreeEstimator):
    """Outliers by how few random splits set a row apart.

    Each tree splits a small draw of the rows, at a random threshold of a random feature each time,
    until they are single or as many levels are reached as a balanced tree would have. With h the
    mean number of splits that lead to a row's leaf, plus those that would part the rows there, and
    c(m) = 2 (ln(m − 1) + γ) − 2 (m − 1) / m what it is on average for m rows drawn, the score is
    −2^(−h / c(m)): near −1 for outliers, −0.5 and above for others.

    Parameters
    ----------
    n_estimators : int >= 1, default=100
    max_samples : "auto", int or float in (0, 1], default="auto"
        Rows drawn for each tree; "auto" is min(256, n).
    contamination : "auto" or float in (0, 0.5], default="auto"
        Share of outliers among the training rows, which sets `offset_`; "auto" sets it to -0.5.
    max_features : int or float in (0, 1], default=1.0
        Features drawn for each tree.
    bootstrap : bool, default=False
        Whether rows are drawn with replacement.
    n_jobs : int or None, default=None
        Trees grown at the same time; None for one a thread.
    random_state : int, RandomState or None
    verbose : int or bool, default=0
        2 prints a line a tree.
    warm_start : bool, default=False
        Whether to keep the trees of the last fit, and add those that `n_estimators` asks for.

    Attributes
    ----------
    offset_ : float
        Rows of a lower score are outliers.
    max_samples_, n_features_in_ : int
    estimators_features_, estimators_samples_ : lists of int arrays
        The features and rows drawn for each tree.

    Cost of fit O(t m log m) for t trees of m rows, of predict O(t log m) a row. Liu, Ting & Zhou
    (2008), https://doi.org/10.1109/ICDM.2008.17.

    Examples
    --------
    >>> import numpy as np
    >>> from dovetail.ensemble import IsolationForest
    >>> X = np.r_[np.random.default_rng(0).normal(size=(200, 2)), [[6.0, -5.0]]]
    >>> IsolationForest(random_state=0).fit(X).score_samples(X).argmin()
    np.int64(200)
    """

    _: KW_ONLY
    n_estimators: Count = 100
    max_samples: Count | PartFraction | Literal["auto"] = "auto"
    contamination: Annotated[float, Between(0, 0.5, "right")] | Literal["auto"] = "auto"
    max_features: Count | PartFraction = 1.0
    bootstrap: bool = False
    n_jobs: int | None = None
    random_state: Seed = None
    verbose: Verbosity = 0
    warm_start: bool = False

    @classmethod
    def _examples(cls) -> list[Self]:
        few: dict[str, Any] = {"n_estimators": 10, "random_state": 0}
        return [cls(**few), cls(**few, max_features=0.5, contamination=0.1)]

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Learn what is usual.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
            May miss values (NaN).
        y : ignored, there for the Pipeline
        sample_weight : array-like of shape (n_samples,), float or None
            How likely rows are drawn.

        Returns
        -------
        self
        """
        return self._learn(X, None, sample_weight)

    def _open_y(self, y: Any, X: Matrix | Columns) -> Tensor | None:
        self.n_outputs_ = 1
        return None

    def _fit(self, batches: Batches) -> Trees:
        X, n = batches.X.to(torch.device("cpu")), len(batches)
        w = None if batches.w is None else as_numpy(batches.w)
        before: Any = self.__dict__.get("_program") if self.warm_start else None
        done = 0 if before is None else len(before.roots)
        if self.n_estimators < done:
            raise ValueError(
                f"n_estimators={self.n_estimators} must be larger or equal to "
                f"len(estimators_)={done} when warm_start==True"
            )
        self.max_samples_ = m = self._draw_size(n)
        random = check_random_state(self.random_state)
        seeds = [int(random.randint(_SEEDS)) for _ in range(self.n_estimators)][done:]
        threads = thread_count() if self.n_jobs is None else effective_n_jobs(self.n_jobs)
        numbers = columns_of(X) if isinstance(X, SparseMatrix) else as_numpy(X).T
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(lambda seed: self._isolate(numbers, w, seed, m), seeds))
        if not found:
            warn("Warm-start fitting without increasing n_estimators does not fit new trees.")
        kept = (self.estimators_features_, self.estimators_samples_) if done else ([], [])
        self.estimators_features_ = [*kept[0], *(features for _, features, _ in found)]
        self.estimators_samples_ = [*kept[1], *(rows for _, _, rows in found)]
        plain = None if before is None else Trees(**_of_trees(before))
        trees = [tree for tree, _, _ in found]
        grown = Trees.of(trees, (), batches.device, plain) if found else plain
        assert grown is not None
        program = _Isolation(**grown.state(), usual=float(_usual(np.array([m]))[0]), offset=-0.5)
        if self.contamination != "auto":
            scores = as_numpy(program.scores(program.predictions(batches.X)))
            program.offset = float(np.percentile(scores, 100 * self.contamination))
        return program

    def _draw_size(self, n: int) -> int:
        if self.max_samples == "auto":
            return min(256, n)
        if isinstance(self.max_samples, float):
            return int(self.max_samples * n)
        if self.max_samples > n:
            warn(
                f"max_samples ({self.max_samples}) is greater than the total number of samples "
                f"({n}). max_samples will be set to n_samples for estimation."
            )
        return min(int(self.max_samples), n)

    def _isolate(
        self, columns: npt.NDArray[Any], w: npt.NDArray[np.float64] | None, seed: int, m: int
    ) -> tuple[ImpurityTree, npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """A tree on a draw of features and rows, and these."""
        if self.verbose > 1:
            print("building a tree")
        random, (d, n) = seeded(seed), columns.shape
        wanted = self.max_features
        count = max(1, int(wanted * d)) if isinstance(wanted, float) else int(wanted)
        features = np.sort(random.choice(d, min(count, d), replace=False))
        rows = self._draw(random, n, w, m)
        part = columns.T[rows].T[features]
        rules = ImpurityRules(
            "squared_error", random=True, max_features=1, max_depth=_most_levels(self.max_samples_)
        )
        y, same = random.uniform(size=(len(rows), 1)), np.ones(len(rows))
        tree = ImpurityGrower(part, y, 0, rules).grow(same, draw_seed(random))
        tree.feature[:] = features[tree.feature]
        tree.value[:, 0] = tree.depth + _usual(tree.cover)
        return tree, features, rows

    def _draw(
        self,
        random: np.random.RandomState,
        n: int,
        w: npt.NDArray[np.float64] | None,
        m: int,
    ) -> npt.NDArray[np.int64]:
        """The rows of a tree."""
        if w is None and not self.bootstrap:
            rows: npt.NDArray[np.int64] = sample_without_replacement(n, m, random_state=random)
            return rows
        if w is not None and not self.bootstrap:
            m = min(m, int(np.count_nonzero(w)))
        share = None if w is None else w / w.sum()
        return random.choice(n, m, replace=self.bootstrap, p=share)

    def score_samples(self, X: Any) -> Any:
        """Scores between -1 and 0, shape (n_samples,); the lower, the more unusual."""
        return self._scored(X, 0.0)

    def decision_function(self, X: Any) -> Any:
        """`score_samples` less `offset_`: negative for outliers, shape (n_samples,)."""
        return self._scored(X, self.offset_)

    def predict(self, X: Any) -> Any:
        """-1 for outliers, 1 for others, shape (n_samples,)."""
        above = self._scored(X, self.offset_) >= 0
        return torch.where(above, 1, -1) if isinstance(above, Tensor) else np.where(above, 1, -1)

    def _scored(self, X: Any, offset: float) -> Any:
        program: Any = self.program_

        def score(opened: Any) -> Tensor:
            scores: Tensor = program.scores(program.predictions(opened)) - offset
            return scores.to(opened.dtype)

        return self._run(score, X)

    @property
    def estimators_(self) -> list[ExtraTreeRegressor]:
        """The trees; their values are numbers of splits."""
        program: Any = self.program_
        depth = _most_levels(self.max_samples_)
        found = []
        for index in range(len(program.roots)):
            tree = ExtraTreeRegressor(max_features=1, max_depth=depth)
            tree._program, tree._container = program.tree(index), "numpy"
            tree.n_features_in_, tree.n_outputs_, tree.max_features_ = self.n_features_in_, 1, 1
            found.append(tree)
        return found

    @property
    def offset_(self) -> float:
        """Rows of a lower score are outliers."""
        program: Any = self.program_
        return float(program.offset)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


def _most_levels(rows: int) -> int:
    return math.ceil(math.log2(max(rows, 2)))


def _of_trees(program: Trees) -> dict[str, Any]:
    return {name: value for name, value in program.state().items() if name in Trees.fields}


def _usual(rows: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """The mean number of random splits that single out one of so many rows."""
    rows = np.asarray(rows, np.float64)
    many = np.maximum(rows, 3)
    usual = 2 * (np.log(many - 1) + np.euler_gamma) - 2 * (many - 1) / many
    return np.where(rows <= 1, 0.0, np.where(rows == 2, 1.0, usual))

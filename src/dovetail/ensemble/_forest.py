"""What forests share: parameters, draws of rows, growth of trees side by side."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import KW_ONLY
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from joblib import effective_n_jobs
from sklearn.metrics import accuracy_score, r2_score
from sklearn.utils import check_random_state, compute_class_weight, compute_sample_weight
from sklearn.utils.multiclass import type_of_target
from torch import Tensor

from dovetail.data.batches import Batches
from dovetail.data.codes import columns_of, encode_columns
from dovetail.data.door import warn_of_column
from dovetail.data.sparse import Matrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.errors import warn
from dovetail.kernels.compiled import thread_count
from dovetail.params import ArrayLike, AtLeast, Between, OpenFraction, PartFraction, Seed, Verbosity
from dovetail.solve.impurity import ImpurityGrower, ImpurityTree
from dovetail.tree._program import Trees
from dovetail.tree._pruning import pruned
from dovetail.tree._roles import ClassTrees, NumberTrees, TreeEstimator, draw_seed, rules_of, seeded
from dovetail.tree._tree import Tree, paths

__all__ = ["ForestClassifier", "ForestRegressor", "GrownForest"]

Floats = npt.NDArray[np.float64]
Count = Annotated[int, AtLeast(1)]

_SEEDS = np.iinfo(np.int32).max


class _Drawn:
    """Types of what a fit leaves, and of parameters (apart, so that they are no parameters)."""

    n_estimators: int
    bootstrap: bool
    oob_score: Any
    n_jobs: int | None
    random_state: Any
    verbose: int | bool
    warm_start: bool
    ccp_alpha: float
    max_samples: Any
    oob_score_: float
    _seeds: list[int]
    _n_samples: int
    _n_drawn: int
    _shares: Floats | None  # by which rows are drawn


class GrownForest(_Drawn, TreeEstimator):
    """Growth of trees on random draws of the rows, whatever they are for; subclasses hold the
    parameters.
    """

    tree_type: ClassVar[type[Any]]
    splitter: ClassVar[str] = "best"

    # -- what a subclass says

    def _counts(self) -> tuple[int, ...]:
        raise TypeError(f"{type(self).__name__} does not say what it predicts.")

    def _judge_oob(self, y: Floats, values: Floats) -> None:
        """Keep what rows are predicted by the trees that have not seen them, and its score."""
        raise TypeError(f"{type(self).__name__} does not say how it is scored.")

    def _reweighing(self) -> Callable[[Floats, npt.NDArray[np.int32]], Floats | float]:
        """A function from targets and a draw of rows to weights of the rows."""
        return lambda y, drawn: 1.0

    # -- growing

    def _grow(self, batches: Batches) -> Trees:
        y = as_numpy(batches.y)
        w = None if batches.w is None else as_numpy(batches.w)
        self._check_draws()
        before = self.__dict__.get("_program") if self.warm_start else None
        done = 0 if before is None else len(before.roots)
        if self.n_estimators < done:
            raise ValueError(
                f"n_estimators={self.n_estimators} must be larger or equal to "
                f"len(estimators_)={done} when warm_start==True"
            )
        self._n_samples, self._shares = len(y), w
        self._n_drawn = self._draw_size(len(y), w)
        random = check_random_state(self.random_state)
        seeds = [int(random.randint(_SEEDS)) for _ in range(self.n_estimators)][done:]
        self._seeds = [*(self._seeds if done else []), *seeds]
        classes = self._counts()
        X = batches.X.to(torch.device("cpu"))
        if not seeds:
            warn("Warm-start fitting without increasing n_estimators does not fit new trees.")
            program = before
        else:
            trees = self._trees(X, y, w, seeds, classes)
            program = Trees.of(trees, classes, batches.device, before)
        if self.oob_score:
            self._judge_oob(y, self._unseen(program, X))
        assert program is not None
        return program

    def _trees(
        self, X: Matrix, y: Floats, w: Floats | None, seeds: list[int], classes: tuple[int, ...]
    ) -> list[ImpurityTree]:
        n = len(y)
        whole = self._n_drawn if self.bootstrap or w is None else float(w.sum())
        rules = rules_of(self, n, float(whole), classes)
        self.max_features_ = rules.max_features
        columns = columns_of(X) if rules.random else encode_columns(X)
        grower = ImpurityGrower(columns, y, max(classes, default=0), rules)
        every: Any = np.ones(n) if w is None else w
        reweigh = self._reweighing()

        def grow(index: int) -> ImpurityTree:
            if self.verbose > 1:
                print(f"building tree {index + 1} of {len(seeds)}")
            seed, weights = draw_seed(seeded(seeds[index])), every  # as a tree of its own has it
            if self.bootstrap:
                drawn = self._draw(seeded(seeds[index]))  # as `estimators_samples_` has them
                weights = np.bincount(drawn, minlength=n) * reweigh(y, drawn)
            tree = grower.grow(weights.astype(np.float64), seed)
            return pruned(tree, self.ccp_alpha)

        with ThreadPoolExecutor(self._threads()) as threads:  # no lock is held while a tree grows
            return list(threads.map(grow, range(len(seeds))))

    def _threads(self) -> int:
        return thread_count() if self.n_jobs is None else effective_n_jobs(self.n_jobs)

    def _check_draws(self) -> None:
        if not self.bootstrap and self.max_samples is not None:
            raise ValueError(
                "`max_sample` cannot be set if `bootstrap=False`. Either switch to "
                "`bootstrap=True` or set `max_sample=None`."
            )
        if not self.bootstrap and self.oob_score:
            raise ValueError("Out of bag estimation only available if bootstrap=True")

    def _draw_size(self, n: int, w: Floats | None) -> int:
        """How many rows are drawn for each tree."""
        wanted = self.max_samples
        if wanted is None or isinstance(wanted, int | np.integer):
            return n if wanted is None else int(wanted)
        whole = n if w is None else float(w.sum())
        size = max(int(wanted * whole), 1)
        if size < max(10, n ** (1 / 3)):
            what = "number of samples" if w is None else "total sum of sample weights"
            warn(
                f"Using the fractional value max_samples={wanted} when the {what} is {whole} "
                f"results in a low number ({size}) of bootstrap samples. We recommend passing "
                "`max_samples` as an integer instead."
            )
        return size

    def _draw(self, random: np.random.RandomState) -> npt.NDArray[np.int32]:
        """The rows of a tree, some of them several times."""
        if self._shares is None:
            return random.randint(0, self._n_samples, self._n_drawn).astype(np.int32)
        share = self._shares / self._shares.sum()
        drawn = random.choice(self._n_samples, self._n_drawn, replace=True, p=share)
        return drawn.astype(np.int32)

    def _unseen(self, program: Any, X: Matrix) -> Floats:
        """For each row the mean of what trees predict that have not seen it, shape (n, s)."""
        total = np.zeros((self._n_samples, program.value.shape[1]))
        counts = np.zeros(self._n_samples)
        for index, seed in enumerate(self._seeds):
            rows = np.bincount(self._draw(seeded(seed)), minlength=self._n_samples) == 0
            tree = program.tree(index).cpu()
            leaves = as_numpy(tree.leaves(_taken(X, np.flatnonzero(rows))))[:, 0]
            total[rows] += as_numpy(tree.value)[leaves]
            counts += rows
        if (counts == 0).any():
            warn(
                "Some inputs do not have OOB scores. This probably means too few trees were used "
                "to compute any reliable OOB estimates."
            )
        return total / np.maximum(counts, 1)[:, None]

    # -- what has grown

    @property
    def estimators_(self) -> list[Any]:
        """The trees, as estimators of codes of classes or of numbers."""
        program: Any = self.program_
        return [self._estimator(program.tree(i), seed) for i, seed in enumerate(self._seeds)]

    def _estimator(self, program: Trees, seed: int) -> Any:
        given = self.get_params(deep=False)
        wanted = self.tree_type().get_params(deep=False)
        shared = {name: given[name] for name in wanted if name in given and name != "class_weight"}
        tree = self.tree_type(**{**shared, "random_state": seed})
        tree._program, tree._container = program, "numpy"
        tree.n_features_in_, tree.n_outputs_ = self.n_features_in_, self.n_outputs_
        tree.max_features_ = self.max_features_
        if program.classes:
            codes = [np.arange(float(n)) for n in program.classes]
            counts = np.array(program.classes)
            one = len(codes) == 1
            tree.classes_, tree.n_classes_ = (codes[0], int(counts[0])) if one else (codes, counts)
        return tree

    @property
    def estimator_(self) -> Any:
        """A tree that is not fitted, of the kind that was grown."""
        return self.tree_type()

    @property
    def estimators_samples_(self) -> list[npt.NDArray[np.int32]]:
        """The rows that each tree was grown on, drawn again."""
        if not self.bootstrap:
            return [np.arange(self._n_samples, dtype=np.int32) for _ in self._seeds]
        return [self._draw(seeded(seed)) for seed in self._seeds]

    def __len__(self) -> int:
        return len(self.estimators_)

    def __getitem__(self, index: int) -> Any:
        return self.estimators_[index]

    def __iter__(self) -> Iterator[Any]:
        return iter(self.estimators_)

    @property
    def feature_importances_(self) -> Floats:
        """The mean over trees of what the splits by each feature take from the impurity, as shares
        of 1.
        """
        program: Any = self.program_
        trees = [Tree(program.tree(i), self.n_features_in_) for i in range(len(program.roots))]
        found = [t.compute_feature_importances() for t in trees if t.node_count > 1]
        if not found:
            return np.zeros(self.n_features_in_)
        mean = np.mean(found, axis=0)
        return np.asarray(mean / mean.sum())

    def apply(self, X: Any) -> npt.NDArray[np.int64]:
        """The leaf of each row in each tree, an int array of shape (n_samples, n_estimators)."""
        program: Any = self.program_
        leaves = as_numpy(program.leaves(self._open(X, reset=False)))
        return leaves - as_numpy(program.roots)

    def decision_path(self, X: Any) -> tuple[sp.csr_matrix, npt.NDArray[np.int64]]:
        """The nodes that each row passes.

        Returns
        -------
        indicator : CSR matrix of shape (n_samples, nodes of all trees)
        n_nodes_ptr : int array of shape (n_estimators + 1,)
            Where the columns of each tree begin.
        """
        program: Any = self.program_
        leaves = self.apply(X)
        trees = [Tree(program.tree(i), self.n_features_in_) for i in range(leaves.shape[1])]
        parts = [
            paths(leaves[:, i], t.children_left, t.children_right) for i, t in enumerate(trees)
        ]
        begins = np.append(as_numpy(program.roots), len(program.left))
        return sp.hstack(parts).tocsr(), begins


def _taken(X: Matrix, rows: npt.NDArray[np.int64]) -> Matrix:
    index = torch.from_numpy(rows)
    taken: Matrix = X[index] if isinstance(X, torch.Tensor) else X.take_rows(index)
    return taken


class Forest(GrownForest):
    """A forest that predicts; subclasses say of which trees."""

    n_estimators: Count = 100
    _: KW_ONLY
    max_depth: Count | None = None
    min_samples_split: Annotated[int, AtLeast(2)] | PartFraction = 2
    min_samples_leaf: Count | OpenFraction = 1
    min_weight_fraction_leaf: Annotated[float, Between(0, 0.5)] = 0.0
    max_features: Count | PartFraction | Literal["sqrt", "log2"] | None = "sqrt"
    max_leaf_nodes: Annotated[int, AtLeast(2)] | None = None
    min_impurity_decrease: Annotated[float, AtLeast(0)] = 0.0
    bootstrap: bool = True
    oob_score: bool | Callable[..., float] = False
    n_jobs: int | None = None
    random_state: Seed = None
    verbose: Verbosity = 0
    warm_start: bool = False
    ccp_alpha: Annotated[float, AtLeast(0)] = 0.0
    max_samples: Count | PartFraction | None = None
    monotonic_cst: ArrayLike | None = None

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> Self:
        """Grow the trees.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
            May miss values (NaN).
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), float or None
            With `bootstrap`, how likely rows are drawn; else their weight in every tree.

        Returns
        -------
        self
        """
        _check_targets(y, self.oob_score)
        return self._template(self._grow, X, y, sample_weight, reset=True)


class ForestClassifier(ClassTrees, Forest):
    """A forest that predicts classes."""

    def _weigh(self, y: Any, w: Tensor | None) -> Tensor | None:
        class_weight = self.get_params(deep=False)["class_weight"]
        if isinstance(class_weight, str) and self.warm_start:
            warn(
                f'class_weight="{class_weight}" is not recommended with warm_start: the weights '
                "follow from the classes in y, which may differ from fit to fit. Compute them once "
                "with sklearn.utils.compute_class_weight, and pass them as a dict."
            )
        if class_weight is None or (class_weight == "balanced_subsample" and self.bootstrap):
            return w
        labels = as_numpy(y) if isinstance(y, Tensor) else np.asarray(y)
        if isinstance(class_weight, str):
            given = None if w is None else as_numpy(w)
            by_output = [
                dict(
                    zip(
                        c,
                        compute_class_weight("balanced", classes=c, y=v, sample_weight=given),
                        strict=True,
                    )
                )
                for c, v in zip(self._class_lists(), labels.reshape(len(labels), -1).T, strict=True)
            ]
            class_weight = by_output[0] if len(by_output) == 1 else by_output
        by_class = as_tensor(compute_sample_weight(class_weight, labels))
        return by_class if w is None else w * by_class

    def _class_lists(self) -> list[Any]:
        classes: Any = self.classes_
        return classes if self.n_outputs_ > 1 else [classes]

    def _reweighing(self) -> Callable[[Floats, npt.NDArray[np.int32]], Floats | float]:
        if self.get_params(deep=False)["class_weight"] != "balanced_subsample":
            return super()._reweighing()
        return lambda y, drawn: compute_sample_weight("balanced", y, indices=drawn)

    def _judge_oob(self, y: Floats, values: Floats) -> None:
        shares = values.reshape(len(y), self.n_outputs_, -1)
        one = self.n_outputs_ == 1
        self.oob_decision_function_ = shares[:, 0] if one else shares.transpose(0, 2, 1)
        score = self.oob_score if callable(self.oob_score) else accuracy_score
        codes = shares.argmax(2)
        self.oob_score_ = score(y[:, 0] if one else y, codes[:, 0] if one else codes)


class ForestRegressor(NumberTrees, Forest):
    """A forest that predicts numbers."""

    _positive: ClassVar[str] = "strictly positive"

    def _judge_oob(self, y: Floats, values: Floats) -> None:
        one = self.n_outputs_ == 1
        self.oob_prediction_ = values[:, 0] if one else values
        score = self.oob_score if callable(self.oob_score) else r2_score
        self.oob_score_ = score(y[:, 0] if one else y, self.oob_prediction_)


def _balanced(classes: Any, labels: Any, w: Floats | None) -> Any:
    return compute_class_weight("balanced", classes=classes, y=labels, sample_weight=w)


_SCORED = ("continuous", "continuous-multioutput", "binary", "multiclass", "multilabel-indicator")


def _check_targets(y: Any, oob_score: Any) -> None:
    if sp.issparse(y):
        raise ValueError("sparse multilabel-indicator for y is not supported.")
    if oob_score and y is not None and (kind := type_of_target(y)) not in _SCORED:
        raise ValueError(
            f"The type of target cannot be used to compute OOB estimates. Got {kind} while only "
            f"the following are supported: {', '.join(_SCORED)}."
        )
    if getattr(y, "ndim", 1) == 2 and y.shape[1] == 1:
        warn_of_column()

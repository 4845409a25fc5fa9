"""Leaves of random trees as features."""

from dataclasses import KW_ONLY
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted
from torch import Tensor

from dovetail.base import WeightedTransformer
from dovetail.data.batches import Batches
from dovetail.data.columns import Columns
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_tensor
from dovetail.ensemble._forest import GrownForest
from dovetail.params import AtLeast, Between, OpenFraction, PartFraction, Seed, Verbosity
from dovetail.tree._program import Trees
from dovetail.tree.extra_tree_regressor import ExtraTreeRegressor

__all__ = ["RandomTreesEmbedding"]

Count = Annotated[int, AtLeast(1)]


class _Leaves(Trees):
    """The leaves of each row as columns of zeros and ones."""

    def forward(self, X: Tensor) -> Tensor:
        out = X.new_zeros(X.shape[0], self.width)
        return out.scatter(1, self.columns(self.reach(X)), 1.0)

    @property
    def width(self) -> int:
        """Leaves of all trees."""
        return int(self._is_leaf().sum())

    def columns(self, leaves: Tensor) -> Tensor:
        """The columns that nodes stand for."""
        return (self._is_leaf().cumsum(0) - 1)[leaves]

    def _is_leaf(self) -> Tensor:
        return self.left == torch.arange(len(self.left), device=self.left.device)


class RandomTreesEmbedding(WeightedTransformer, GrownForest):
    """Sparse binary features: for each of some random trees the leaf that a row falls into.

    Trees are grown without a target, each node split at a random threshold of a random feature.
    Rows that share many leaves are near each other, so that a linear model on the leaves is a
    smooth, adaptive one on the features.

    Parameters
    ----------
    n_estimators : int >= 1, default=100
    max_depth : int >= 1 or None, default=5
        A tree has at most 2^max_depth leaves.
    min_samples_split, min_samples_leaf, min_weight_fraction_leaf, max_leaf_nodes,
    min_impurity_decrease
        Of each tree, see DecisionTreeRegressor.
    sparse_output : bool, default=True
        CSR or dense.
    n_jobs : int or None, default=None
        Trees grown at the same time; None for one a thread.
    random_state : int, RandomState or None
    verbose : int or bool, default=0
        2 prints a line a tree.
    warm_start : bool, default=False
        Whether to keep the trees of the last fit, and add those that `n_estimators` asks for.

    Attributes
    ----------
    estimators_ : list of ExtraTreeRegressor
    n_features_in_, n_outputs_ : int

    Cost of fit O(t n) a level for t trees, of transform O(t depth) a row. Geurts et al. (2006),
    https://doi.org/10.1007/s10994-006-6226-1; Moosmann et al. (2006), Fast discriminative visual
    codebooks using randomized clustering forests.

    Examples
    --------
    >>> from dovetail.ensemble import RandomTreesEmbedding
    >>> X = [[0.0, 0.0], [0.1, 0.0], [1.0, 1.0], [0.9, 1.0]]
    >>> model = RandomTreesEmbedding(20, max_depth=1, random_state=0).fit(X)
    >>> shared = model.transform(X) @ model.transform(X).T
    >>> bool(shared[0, 1] > shared[0, 2])
    True
    """

    tree_type: ClassVar[type[Any]] = ExtraTreeRegressor
    splitter: ClassVar[str] = "random"
    criterion: ClassVar[str] = "squared_error"
    max_features: ClassVar[int] = 1
    bootstrap: ClassVar[bool] = False  # type: ignore[misc]
    oob_score: ClassVar[bool] = False  # type: ignore[misc]
    ccp_alpha: ClassVar[float] = 0.0  # type: ignore[misc]
    max_samples: ClassVar[None] = None  # type: ignore[misc]
    monotonic_cst: ClassVar[None] = None

    n_estimators: Count = 100
    _: KW_ONLY
    max_depth: Count | None = 5
    min_samples_split: Annotated[int, AtLeast(2)] | PartFraction = 2
    min_samples_leaf: Count | OpenFraction = 1
    min_weight_fraction_leaf: Annotated[float, Between(0, 0.5)] = 0.0
    max_leaf_nodes: Annotated[int, AtLeast(2)] | None = None
    min_impurity_decrease: Annotated[float, AtLeast(0)] = 0.0
    sparse_output: bool = True
    n_jobs: int | None = None
    random_state: Seed = None
    verbose: Verbosity = 0
    warm_start: bool = False

    @classmethod
    def _examples(cls) -> list[Self]:
        few: dict[str, Any] = {"n_estimators": 5, "random_state": 0}
        return [cls(**few), cls(**few, max_leaf_nodes=4, sparse_output=False)]

    def _counts(self) -> tuple[int, ...]:
        return ()

    def _open_y(self, y: Any, X: Matrix | Columns) -> Tensor | None:
        self.n_outputs_ = 1
        return as_tensor(check_random_state(self.random_state).uniform(size=(len(X), 1)))

    def _fit(self, batches: Batches) -> Trees:
        grown = self._grow(batches)
        return grown if isinstance(grown, _Leaves) else _Leaves(**grown.state())

    def _transform(self, X: Any) -> Matrix:
        program: Any = self.program_
        columns = program.columns(program.leaves(X))
        n, t = columns.shape
        if not self.sparse_output:
            return torch.zeros(n, program.width, dtype=X.dtype).scatter_(1, columns, 1.0)
        starts = torch.arange(0, n * t + 1, t)
        ones = torch.ones(n * t, dtype=X.dtype)
        return SparseMatrix(starts, columns.flatten(), ones, (n, program.width))

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[np.object_]:
        """Names, `randomtreesembedding_TREE_NODE` for each leaf."""
        check_is_fitted(self)
        _check_feature_names_in(self, input_features, generate_names=False)
        names = [
            f"randomtreesembedding_{index}_{leaf}"
            for index, tree in enumerate(self.estimators_)
            for leaf in np.flatnonzero(tree.tree_.children_left == -1)
        ]
        return np.array(names, dtype=object)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags

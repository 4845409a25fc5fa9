"""What the four decision trees share: parameters, growth, pruning."""

from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
import scipy.sparse as sp
import torch
from sklearn.utils import Bunch

from dovetail.data.batches import Batches
from dovetail.data.codes import columns_of, encode_columns
from dovetail.data.tensors import as_numpy
from dovetail.params import ArrayLike, AtLeast, Between, OpenFraction, PartFraction, Seed
from dovetail.solve.impurity import ImpurityGrower, ImpurityTree
from dovetail.tree._program import Trees
from dovetail.tree._pruning import pruned, pruning_path
from dovetail.tree._roles import TreeEstimator, draw_seed, rules_of
from dovetail.tree._tree import Tree, paths

__all__ = ["DecisionTree", "MaxFeatures"]

Count = Annotated[int, AtLeast(1)]
MaxFeatures = Count | PartFraction | Literal["sqrt", "log2"] | None
MinSplit = Annotated[int, AtLeast(2)] | PartFraction
MinLeaf = Count | OpenFraction


class DecisionTree(TreeEstimator):
    """A single tree; subclasses say what it predicts and how it splits."""

    _: KW_ONLY
    splitter: Literal["best", "random"] = "best"
    max_depth: Count | None = None
    min_samples_split: MinSplit = 2
    min_samples_leaf: MinLeaf = 1
    min_weight_fraction_leaf: Annotated[float, Between(0, 0.5)] = 0.0
    max_features: MaxFeatures = None
    random_state: Seed = None
    max_leaf_nodes: Annotated[int, AtLeast(2)] | None = None
    min_impurity_decrease: Annotated[float, AtLeast(0)] = 0.0
    ccp_alpha: Annotated[float, AtLeast(0)] = 0.0
    monotonic_cst: ArrayLike | None = None

    def _counts(self) -> tuple[int, ...]:
        raise TypeError(f"{type(self).__name__} does not say what it predicts.")

    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, check_input: bool = True
    ) -> Self:
        """Grow the tree.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
            May miss values (NaN), unless the criterion is "absolute_error".
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
        sample_weight : array-like of shape (n_samples,), float or None
            Rows of weight zero are left out.
        check_input : bool
            Whether to look for infinite values.

        Returns
        -------
        self
        """
        return self._template(self._grow, X, y, sample_weight, reset=True)

    def _grow(self, batches: Batches) -> Trees:
        tree = pruned(self._grown(batches), self.ccp_alpha)
        return Trees.of([tree], self._counts(), batches.device)

    def _grown(self, batches: Batches) -> ImpurityTree:
        """The tree before pruning."""
        X, y = batches.X.to(torch.device("cpu")), as_numpy(batches.y)
        w = np.ones(len(y)) if batches.w is None else as_numpy(batches.w)
        classes = self._counts()
        rules = rules_of(self, len(y), float(w.sum()), classes)
        self.max_features_ = rules.max_features
        columns = columns_of(X) if rules.random else encode_columns(X)
        grower = ImpurityGrower(columns, y, max(classes, default=0), rules)
        return grower.grow(w, draw_seed(self.random_state))

    @property
    def tree_(self) -> Tree:
        """The tree as arrays, see `Tree`."""
        program: Any = self.program_
        return Tree(program, self.n_features_in_)

    @property
    def feature_importances_(self) -> npt.NDArray[np.float64]:
        """What the splits by each feature take from the impurity; they sum to 1."""
        return self.tree_.compute_feature_importances()

    def get_depth(self) -> int:
        """The depth of the deepest leaf; 0 for a tree of one."""
        return self.tree_.max_depth

    def get_n_leaves(self) -> int:
        """The number of leaves."""
        return self.tree_.n_leaves

    def apply(self, X: Any, check_input: bool = True) -> npt.NDArray[np.int64]:
        """The leaf of each row, an int array of shape (n_samples,)."""
        program: Any = self.program_
        opened = self._open(X, reset=False, check=check_input)
        return as_numpy(program.leaves(opened))[:, 0]

    def decision_path(self, X: Any, check_input: bool = True) -> sp.csr_matrix:
        """The nodes that each row passes, ones in a CSR matrix of shape (n_samples, node_count)."""
        tree = self.tree_
        return paths(self.apply(X, check_input), tree.children_left, tree.children_right)

    def cost_complexity_pruning_path(self, X: Any, y: Any, sample_weight: Any = None) -> Bunch:
        """The values of `ccp_alpha` at which the pruned tree changes.

        Returns
        -------
        Bunch
            ccp_alphas and impurities, each of shape (n_links + 1,): where the next link is cut, and
            the impurity of the leaves then.
        """
        model = type(self)(**self.get_params(deep=False))
        batches = model._receive(X, y, sample_weight)
        alphas, impurities = pruning_path(model._grown(batches))
        return Bunch(ccp_alphas=alphas, impurities=impurities)

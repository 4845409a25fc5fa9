"""What the Programs of forests and of boosted trees have in common: trees, and the ways through
them.

Shapes: n rows, t trees, m nodes of all trees together, v values of a leaf, k sums.
"""

from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.kernels import forest
from dovetail.program import Program

__all__ = ["SumOfTrees", "dense_parts", "joined"]

_BLOCK = 2**24  # numbers of a sparse matrix that are made dense at a time


class SumOfTrees(Program):
    """Trees, one behind the other. A row goes to the left child of a node where its value of the
    node's feature is no greater than the threshold; the right child is the node behind the left
    one; missing values (NaN) go as the node says. A leaf is its own left child.

    roots, depths : int64 of shape (t,), first node and deepest leaf of each tree
    feature, left : int64 of shape (m,)
    threshold : float of shape (m,), infinite in leaves
    missing_right : bool of shape (m,), where missing values go; False in leaves
    value : float of shape (m,) or (m, v)
    depth : of the deepest leaf of all
    """

    roots: Tensor
    depths: Tensor
    feature: Tensor
    threshold: Tensor
    left: Tensor
    missing_right: Tensor
    value: Tensor
    depth: int

    @property
    def sets(self) -> tuple[Tensor | None, Tensor | None]:
        """Categories that go left: the position of each node's set, −1 where it has none, and the
        sets, int64 of shape (c, words) with a bit a category. None where all nodes compare numbers.
        """
        return None, None

    def reach(self, X: Tensor) -> Tensor:
        """The leaf of each row in each tree, int64 of shape (n, t), as a function of tensors."""
        return forest.reference_leaves(X, *self._nodes(), *self.sets, self.depth)

    def add_up(self, X: Tensor, k: int) -> Tensor:
        """Sums of the values of leaves, of shape (n, k), as a function of tensors; tree t adds to
        the columns t v to t v + v − 1, modulo k.
        """
        value = _columns(self.value)
        return forest.reference_sums(X, *self._nodes(), value, *self.sets, self.depth, k)

    def leaves(self, X: Matrix) -> Tensor:
        """`reach` outside autograd, compiled where X is on the CPU; X may be sparse."""
        if isinstance(X, SparseMatrix):
            return torch.cat([self.leaves(part) for part in dense_parts(X)])
        if X.device.type != "cpu":
            return self.reach(X)
        out = np.empty((len(X), len(self.roots)), np.int64)
        rows = _rows(X)
        forest.find_leaves(rows, self._plan(rows.dtype), out)
        return as_tensor(out)

    def add_to(
        self, total: npt.NDArray[np.float64], X: Tensor, first: int = 0, last: int | None = None
    ) -> None:
        """Add to total, of shape (n, k), what `add_up` says of rows on the CPU, by all trees or
        those from first to last; compiled.
        """
        rows = _rows(X)
        forest.add_values(rows, self._plan(rows.dtype), total, first=first, last=last)

    def _nodes(self) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        return self.roots, self.feature, self.threshold, self.left, self.missing_right

    def _plan(self, dtype: Any) -> forest.Plan:
        """The trees as the loops read them; made once for a dtype of rows."""
        if dtype not in self._plans:
            parts = (*self._nodes(), _columns(self.value), *self.sets)
            trees = forest.Trees(*(None if part is None else as_numpy(part) for part in parts))
            self._plans[dtype] = forest.plan(trees, dtype)
        return self._plans[dtype]

    @cached_property
    def _plans(self) -> dict[Any, forest.Plan]:
        return {}

    def _apply(self, fn: Callable[..., Any], recurse: bool = True) -> Any:
        self.__dict__.pop("_plans", None)  # the numbers they were made of may change
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_plans"}


def joined(before: SumOfTrees | None, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of trees behind those of another program, positions moved; those that it lacks
    are left out.
    """
    if before is None:
        return tensors
    nodes = len(before.left)
    moved = {**tensors, "roots": tensors["roots"] + nodes, "left": tensors["left"] + nodes}
    if before.sets[1] is not None:
        category, sets = tensors["category"], len(before.sets[1])
        moved["category"] = torch.where(category < 0, category, category + sets)
    known = {name: getattr(before, name) for name in moved}
    return {n: torch.cat([old, moved[n]]) for n, old in known.items() if old is not None}


def dense_parts(X: SparseMatrix) -> Iterator[Tensor]:
    """Some rows after the other."""
    step = max(_BLOCK // max(X.shape[1], 1), 1)
    matrix = X.to_scipy().tocsr()
    for begin in range(0, X.shape[0], step):
        yield as_tensor(matrix[begin : begin + step].toarray())


def _rows(X: Tensor) -> npt.NDArray[Any]:
    return as_numpy(X if X.dtype == torch.float32 else X.double())


def _columns(value: Tensor) -> Tensor:
    return value[:, None] if value.ndim == 1 else value

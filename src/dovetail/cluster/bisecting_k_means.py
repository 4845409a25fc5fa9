"""k-means by halves."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor

from dovetail.cluster._centers import Centers, CentersProgram, closest
from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import Matrix
from dovetail.params import AtLeast, Seed, Verbosity
from dovetail.solve.lloyd import Clusters, Lloyd, inertia_of, own_distances
from dovetail.solve.loop import solve

__all__ = ["BisectingKMeans"]


class _Halves(CentersProgram):
    """Centers of the leaves, and the tree that leads to them.

    centers : Tensor of shape (k, d), of the leaves from left to right
    nodes : Tensor of shape (2 k − 1, d), centers of all nodes, parents before children
    left : int64 Tensor of shape (2 k − 1,), the number of the left child, the right one follows; −1
        for leaves
    label : int64 Tensor of shape (2 k − 1,), the label of a leaf
    """

    nodes: Tensor
    left: Tensor
    label: Tensor

    def labels(self, X: Matrix) -> Tensor:
        """Down the tree, at each node to the nearer of its children; int32."""
        at = torch.zeros(len(X), dtype=torch.long, device=X.device)
        for node, left in enumerate(self.left.tolist()):
            if left < 0:
                continue
            here = (at == node).nonzero()[:, 0]
            if not len(here):
                continue
            some: Any = X[here] if isinstance(X, Tensor) else X.take_rows(here)
            at[here] = left + closest(some, self.nodes[left : left + 2])
        return self.label[at].int()


@dataclass
class _Leaf:
    """A cluster: its rows, its center, its score, and its node."""

    rows: Tensor
    score: float
    node: int


class BisectingKMeans(Centers):
    """k-means that halves one cluster after the other, by k-means with two centers each (Steinbach,
    Karypis & Kumar 2000).

    Parameters
    ----------
    n_clusters : int >= 1, default=8
    init : {"k-means++", "random"} or callable, default="random"
        Where each bisection starts; a callable gets (X, 2, random_state).
    n_init : int >= 1, default=1
        Starts of each bisection, of which the best is kept.
    random_state : int, RandomState or None
    max_iter : int >= 1, default=300
        Steps of each bisection, at most.
    verbose : int, default=0
    tol : float >= 0, default=1e-4
        Squared movement of both centers at which a bisection stops.
    copy_x : bool, default=True
        There for scikit-learn's signature; X is never written to.
    algorithm : {"lloyd", "elkan"}, default="lloyd"
        See `KMeans`.
    bisecting_strategy : {"biggest_inertia", "largest_cluster"}, default="biggest_inertia"
        Which cluster is halved next: the one of the greatest sum of squared distances, or of the
        most rows.

    Attributes
    ----------
    cluster_centers_ : array of shape (n_clusters, n_features)
    labels_ : array of shape (n_samples,), int32
    inertia_ : float

    Cost O(n d log k) a step for clusters of like size. Predictions go down the tree of halves.

    Examples
    --------
    >>> from dovetail.cluster import BisectingKMeans
    >>> X = [[1.0, 1.0], [10.0, 1.0], [3.0, 1.0], [10.0, 0.0], [2.0, 1.0], [10.0, 2.0]]
    >>> model = BisectingKMeans(n_clusters=2, random_state=0).fit(X)
    >>> sorted(model.cluster_centers_.tolist())
    [[2.0, 1.0], [10.0, 1.0]]
    """

    n_clusters: Annotated[int, AtLeast(1)] = 8
    _: KW_ONLY
    init: Literal["k-means++", "random"] | Callable[..., Any] = "random"
    n_init: Annotated[int, AtLeast(1)] = 1
    random_state: Seed = None
    max_iter: Annotated[int, AtLeast(1)] = 300
    verbose: Verbosity = 0
    tol: Annotated[float, AtLeast(0)] = 1e-4
    copy_x: bool = True
    algorithm: Literal["lloyd", "elkan"] = "lloyd"
    bisecting_strategy: Literal["biggest_inertia", "largest_cluster"] = "biggest_inertia"

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(3, random_state=0), cls(5, bisecting_strategy="largest_cluster")]

    def _fit(self, batches: Batches) -> _Halves:
        self._refuse_few(batches)
        rows = batches.whole
        random = check_random_state(self.random_state)
        n = len(rows)
        nodes = [_mean(rows)]
        left = [-1]
        leaves = [_Leaf(torch.arange(n, device=batches.device), 0.0, 0)]
        for _ in range(self.n_clusters - 1):
            place = max(range(len(leaves)), key=lambda i: leaves[i].score)
            leaf = leaves[place]
            part = rows.take(leaf.rows)
            found = self._bisected(part, nodes[leaf.node], random)
            if self.verbose:
                print(f"New centroids from bisection: {found.centers}")
            labels = found.labels.to(batches.device)
            left[leaf.node] = len(nodes)
            halves, costs = [], self._costs(part, found)
            for half in (0, 1):
                mine = labels == half
                halves.append(_Leaf(leaf.rows[mine], float(costs[mine].sum()), len(nodes)))
                nodes.append(found.centers[half])
                left.append(-1)
            leaves[place : place + 1] = halves
        label = torch.full((len(nodes),), -1)
        every_label = torch.empty(n, dtype=torch.int32, device=batches.device)
        for i, leaf in enumerate(leaves):
            label[leaf.node] = i
            every_label[leaf.rows] = i
        every = torch.stack(nodes)
        centers = every[torch.tensor([leaf.node for leaf in leaves])]
        self.inertia_ = inertia_of(batches, Clusters(centers, every_label))
        self._keep(every_label)
        device, dtype = batches.device, batches.dtype
        return _Halves(
            centers.to(dtype), every.to(dtype), torch.tensor(left).to(device), label.to(device)
        )

    def _bisected(self, part: Batch, mean: Tensor, random: np.random.RandomState) -> Clusters:
        """The best of some starts with two centers; mean : of the part."""
        batches = Batches(part)
        best: tuple[float, Clusters] | None = None
        for _ in range(self.n_init):
            centers = self._seeds(batches, 2, random)
            solver = Lloyd(batches, centers, self.tol, bounds=self.algorithm == "elkan", about=mean)
            found = solve(solver, max_iter=self.max_iter, say=print if self.verbose else None)
            if self.n_init == 1:
                return found.value
            inertia = inertia_of(batches, found.value)
            if best is None or inertia < best[0] * (1 - 1e-6):
                best = inertia, found.value
        assert best is not None
        return best[1]

    def _costs(self, part: Batch, found: Clusters) -> Tensor:
        """Of each row, what in sum decides which cluster is halved next."""
        if self.bisecting_strategy == "largest_cluster":
            return found.centers.new_ones(len(part))
        off = own_distances(part.X, found.centers, found.labels.to(found.centers.device).long())
        return off if part.w is None else off * part.w.double()

    def _assigned(self, X: Matrix) -> Tensor:
        labels: Tensor = self._program.labels(X)
        return labels


def _mean(rows: Batch) -> Tensor:
    if isinstance(rows.X, Tensor):
        return rows.X.double().mean(0)
    sums: Tensor = rows.X.to(dtype=torch.float64).column_sums()
    return sums / len(rows)

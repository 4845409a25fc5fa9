"""k-means by mini-batches."""

from collections.abc import Callable
from dataclasses import KW_ONLY, replace
from typing import Annotated, Any, Literal, Self

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor

from dovetail.base import Learned, WeightedIncremental
from dovetail.cluster._centers import Centers, CentersProgram, closest, tolerance
from dovetail.data.batches import Batch, Batches
from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.errors import warn
from dovetail.params import ArrayLike, AtLeast, Seed, Verbosity
from dovetail.solve.lloyd import own_distances
from dovetail.solve.loop import State, solve
from dovetail.solve.seeding import dense_rows
from dovetail.solve.solution import Status

__all__ = ["MiniBatchKMeans"]


class _Running(CentersProgram):
    """Centers, and how much weight each has seen, so that learning can go on.

    counts : Tensor of shape (k,); rows : seen since a center was last moved to a row
    """

    counts: Tensor
    rows: int


class MiniBatchKMeans(WeightedIncremental, Centers):
    """k-means whose steps look at some rows: each center is the mean of all rows it was ever given
    (Sculley 2010, https://doi.org/10.1145/1772690.1772862).

    Parameters
    ----------
    n_clusters : int >= 1, default=8
    init : {"k-means++", "random"}, array of shape (n_clusters, n_features) or callable
        Where to start, see `KMeans`; from `init_size` of the rows.
    max_iter : int >= 1, default=100
        Passes over the rows, at most.
    batch_size : int >= 1, default=1024
    verbose : int, default=0
    compute_labels : bool, default=True
        Whether to find `labels_` and the exact `inertia_` at the end, in one pass.
    random_state : int, RandomState or None
    tol : float >= 0, default=0.0
        Squared movement of all centers in a step at which to stop, in units of the mean variance of
        columns; 0 does not look at it.
    max_no_improvement : int >= 0 or None, default=10
        Steps without a better smoothed inertia after which to stop.
    init_size : int >= 1 or None, default=None
        Rows to start from; None takes 3 batches, at least 3 a cluster.
    n_init : int >= 1 or "auto", default="auto"
        Starts, the best of which on some rows is gone on with. "auto" is 1 for "k-means++" and
        arrays, else 3.
    reassignment_ratio : float >= 0, default=0.01
        Centers that have seen less than this share of what the greatest has are moved to a row, now
        and then.

    Attributes
    ----------
    cluster_centers_ : array of shape (n_clusters, n_features)
    labels_ : array of shape (n_samples,), int32
    inertia_ : float
    n_iter_, n_steps_ : int
        Passes over the rows, and steps.

    Cost O(b d k) a step for batches of b rows.

    Examples
    --------
    >>> from dovetail.cluster import MiniBatchKMeans
    >>> X = [[1.0, 2.0], [1.0, 4.0], [1.0, 0.0], [10.0, 2.0], [10.0, 4.0], [10.0, 0.0]]
    >>> model = MiniBatchKMeans(n_clusters=2, random_state=0, batch_size=6).fit(X)
    >>> sorted(model.cluster_centers_[:, 0].round(1).tolist())
    [1.0, 10.0]
    """

    n_clusters: Annotated[int, AtLeast(1)] = 8
    _: KW_ONLY
    init: Literal["k-means++", "random"] | Callable[..., Any] | ArrayLike = "k-means++"
    max_iter: Annotated[int, AtLeast(1)] = 100
    batch_size: Annotated[int, AtLeast(1)] = 1024
    verbose: Verbosity = 0
    compute_labels: bool = True
    random_state: Seed = None
    tol: Annotated[float, AtLeast(0)] = 0.0
    max_no_improvement: Annotated[int, AtLeast(0)] | None = 10
    init_size: Annotated[int, AtLeast(1)] | None = None
    n_init: Annotated[int, AtLeast(1)] | Literal["auto"] = "auto"
    reassignment_ratio: Annotated[float, AtLeast(0)] = 0.01

    _counts = Learned("counts")

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(3, random_state=0), cls(4, init="random", batch_size=50, random_state=0)]

    # -- fit

    def _fit(self, batches: Batches) -> _Running:
        self._refuse_few(batches)
        rows, n = batches.whole, len(batches)
        size = min(self.batch_size, n)
        random = check_random_state(self.random_state)
        starts, init_size = self._starts(3), self._init_rows(n)
        validation = rows.take(_drawn(random, n, init_size))
        best: tuple[float, Tensor] | None = None
        for number in range(starts):
            if self.verbose:
                print(f"Init {number + 1}/{starts} with method {self.init}")
            centers = self._start(rows, random, init_size)
            inertia = _inertia(validation, centers)
            if self.verbose:
                print(f"Inertia for init {number + 1}/{starts}: {inertia}")
            if best is None or inertia < best[0]:
                best = inertia, centers
        assert best is not None
        tol = tolerance(batches, self.tol)
        steps = _Steps(self, rows, best[1].to(batches.dtype), random, size, tol)
        solution = solve(steps, max_iter=(self.max_iter * n) // size)
        program: _Running = solution.value
        self.n_steps_ = solution.n_iter
        self.n_iter_ = int(np.ceil(solution.n_iter * size / n))
        if self.compute_labels:
            self._keep_labels(rows, program.centers)
        else:
            total = n if rows.w is None else float(rows.w.double().sum())
            self.inertia_ = steps.smoothed * total if steps.smoothed is not None else 0.0
        return program

    def _start(self, rows: Batch, random: np.random.RandomState, size: int) -> Tensor:
        """Centers from some of the rows."""
        some = rows
        if size < len(rows):
            some = rows.take(torch.from_numpy(random.randint(0, len(rows), size)))
        return self._seeds(Batches(some), self.n_clusters, random).to(rows.X.dtype)

    def _init_rows(self, n: int) -> int:
        size = self.init_size
        least = 3 * self.n_clusters
        if size is None:
            size = 3 * min(self.batch_size, n)
            size = least if size < self.n_clusters else size
        elif size < self.n_clusters:
            warn(
                f"init_size={size} should be larger than n_clusters={self.n_clusters}. Setting it "
                "to min(3*n_clusters, n_samples)",
                RuntimeWarning,
            )
            size = least
        self._init_size = min(size, n)
        return self._init_size

    def _keep_labels(self, rows: Batch, centers: Tensor) -> None:
        labels = closest(rows.X, centers)
        off = own_distances(rows.X, centers.double(), labels)
        self.inertia_ = float((off if rows.w is None else off * rows.w.double()).sum())
        self._keep(labels.int())

    # -- partial fit

    def _update(self, before: Any, batches: Batches) -> _Running:
        rows = batches.whole
        if before is None:
            self._refuse_few(batches)
            self._starts(3)
            self._random_state = check_random_state(self.random_state)
            self.n_steps_ = 0
            centers = self._start(rows, self._random_state, self._init_rows(len(rows)))
            before = _Running(centers, centers.new_zeros(self.n_clusters), 0)
        else:
            self._random_state = getattr(
                self, "_random_state", check_random_state(self.random_state)
            )
        program, _ = self._stepped(
            before, rows, self._random_state, min(self.batch_size, len(rows))
        )
        self.n_steps_ += 1
        if self.compute_labels:
            self._keep_labels(rows, program.centers)
        return program

    # -- a step

    def _stepped(
        self, before: _Running, rows: Batch, random: np.random.RandomState, size: int
    ) -> tuple[_Running, float]:
        """Centers after some more rows, and the inertia of these before."""
        X, k = rows.X, self.n_clusters
        labels = closest(X, before.centers)
        off = own_distances(X, before.centers.double(), labels)
        w = torch.ones_like(off) if rows.w is None else rows.w.double()
        inertia = float((off * w).sum())
        dense = (X.to_dense() if isinstance(X, SparseMatrix) else X).double()
        sums = dense.new_zeros(before.centers.shape).index_add_(0, labels, dense * w[:, None])
        weight = w.new_zeros(k).index_add_(0, labels, w)
        seen = before.counts.double()
        counts = seen + weight
        means = (before.centers.double() * seen[:, None] + sums) / counts[:, None]
        centers = torch.where((weight > 0)[:, None], means, before.centers.double())
        waited = before.rows + size
        if bool((counts == 0).any()) or waited >= 10 * k:
            waited = 0
            centers, counts = self._reassigned(centers, counts, rows, random)
        dtype = before.centers.dtype
        return _Running(centers.to(dtype), counts.to(dtype), waited), inertia

    def _reassigned(
        self, centers: Tensor, counts: Tensor, rows: Batch, random: np.random.RandomState
    ) -> tuple[Tensor, Tensor]:
        """Centers that have seen little moved to rows."""
        if not self.reassignment_ratio:
            return centers, counts
        weak = as_numpy(counts < self.reassignment_ratio * counts.max()).copy()
        half = int(0.5 * len(rows))
        if weak.sum() > 0.5 * len(rows):  # the weakest, as many as half of the rows
            weak[np.argsort(as_numpy(counts), kind="stable")[half:]] = False
        number = int(weak.sum())
        if not number:
            return centers, counts
        if self.verbose:
            print(f"[MiniBatchKMeans] Reassigning {number} cluster centers.")
        chosen = random.choice(len(rows), replace=False, size=number)
        mask = torch.from_numpy(weak).to(centers.device)
        centers, counts = centers.clone(), counts.clone()
        centers[mask] = dense_rows(rows.X, chosen).to(centers.dtype)
        counts[mask] = counts[~mask].min()  # not so little that it is moved again at once
        return centers, counts


class _Steps:
    """Mini-batches drawn from the rows until the smoothed inertia no longer improves."""

    advice = ""

    def __init__(
        self,
        model: MiniBatchKMeans,
        rows: Batch,
        centers: Tensor,
        random: np.random.RandomState,
        size: int,
        tol: float,
    ) -> None:
        self.model, self.rows, self.random, self.size, self.tol = model, rows, random, size, tol
        self.start = _Running(centers, centers.new_zeros(len(centers)), 0)
        self.smoothed: float | None = None
        self.least: float | None = None
        self.waited = self.taken = 0
        w = rows.w
        self.p = None
        if w is not None and bool(w.min() < w.max()):  # equal weights are none
            share = as_numpy(w).astype(np.float64)
            self.p = share / share.sum()

    def init(self) -> State[_Running]:
        """The centers to start from."""
        return State(self.start, {})

    def step(self, state: State[_Running]) -> State[_Running]:
        """One batch, drawn by the weights."""
        n = len(self.rows)
        index = self.random.choice(n, self.size, p=self.p, replace=True)
        batch = replace(self.rows.take(torch.from_numpy(index)), w=None)
        program, inertia = self.model._stepped(state.value, batch, self.random, self.size)
        moved = float((program.centers - state.value.centers).double().square().sum())
        self.taken += 1
        return State(program, {"inertia": inertia / self.size, "moved": moved})

    def stop(self, state: State[_Running]) -> Status | None:
        """Centers rest, or the inertia has not improved for some time."""
        if not self.taken:
            return None
        inertia, model = state.record["inertia"], self.model
        told = f"Minibatch step {self.taken}: mean batch inertia: {inertia}"
        if self.taken == 1:  # of the centers that were started from
            if model.verbose:
                print(told)
            return None
        if self.smoothed is None:
            self.smoothed = inertia
        else:
            share = min(self.size * 2.0 / (len(self.rows) + 1), 1.0)
            self.smoothed += share * (inertia - self.smoothed)
        if model.verbose:
            print(f"{told}, ewa inertia: {self.smoothed}")
        if self.tol > 0 and state.record["moved"] <= self.tol:
            return self._said("small centers change")
        if self.least is None or self.smoothed < self.least:
            self.least, self.waited = self.smoothed, 0
        else:
            self.waited += 1
        if model.max_no_improvement is not None and self.waited >= model.max_no_improvement:
            return self._said("lack of improvement in inertia")
        return None

    def _said(self, why: str) -> Status:
        if self.model.verbose:
            print(f"Converged ({why}) at step {self.taken}")
        return Status.CONVERGED

    def best(self, state: State[_Running]) -> _Running:
        """The last centers."""
        return state.value


def _drawn(random: np.random.RandomState, n: int, size: int) -> Tensor:
    return torch.from_numpy(random.randint(0, n, size))


def _inertia(rows: Batch, centers: Tensor) -> float:
    centers = centers.to(rows.X.dtype)
    off = own_distances(rows.X, centers.double(), closest(rows.X, centers))
    return float((off if rows.w is None else off * rows.w.double()).sum())

"""Shapley values of the features, for models that are sums of trees."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from dovetail.base import Estimator
from dovetail.data.door import Given, give_back, source
from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import as_numpy
from dovetail.ensemble._program import TreeScores
from dovetail.kernels import tree_shap as kernel
from dovetail.tree._program import Trees

__all__ = ["Attributions", "tree_shap"]

_NODES = ("roots", "feature", "threshold", "left", "missing_right")


@dataclass(frozen=True, eq=False)
class Attributions:
    """What each feature adds to the score of each row.

    Parameters
    ----------
    values : array or tensor of shape (n_samples, n_features) or (n_samples, n_features, n_scores)
    base_value : float, or array or tensor of shape (n_scores,)
        The score of a row of which nothing is known; with the values of a row it adds up to the
        row's score.
    """

    values: Any
    base_value: Any


def tree_shap(model: Any, X: Any) -> Attributions:
    """Shapley values: what each feature of a row adds to the score that trees give it.

    With v(S) the score of a row of which only the features in S are known,

        φⱼ = Σ_{S without j} |S|! (d − |S| − 1)! / d! (v(S ∪ {j}) − v(S)),

    the mean over all orders of the features of what j adds when its turn comes. At a split by a
    feature that is not known, v(S) follows both branches, weighed by the training rows that took
    each ("path-dependent" TreeSHAP). The values are exact, not sampled.

    Scores are what the trees add up: the prediction of a regressor (before the logarithm is undone,
    for losses that have one), `decision_function` of gradient boosting (log odds), `predict_proba`
    of trees and forests.

    Parameters
    ----------
    model : fitted estimator
        One whose Program is a sum of trees, such as HistGradientBoostingClassifier.
    X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        As for `model.predict`.

    Returns
    -------
    Attributions
        In the dtype of the model's numbers; tensors on X's device where X is a tensor, else numpy.
        `values.sum(1) + base_value` equals the scores. The axis of scores is left out where a row
        has one; for several outputs of a classifier it holds the classes of one after the other.

    Raises
    ------
    TypeError
        The model is no sum of trees.

    Cost O(n m q), m the nodes of all trees and q half the most different features of a path. The
    sums over leaves are those of Linear TreeSHAP, its polynomials replaced by an integral that
    Gauss's rule makes exact, so that no digits are lost in deep trees.

    Examples
    --------
    >>> import numpy as np
    >>> from dovetail.inspection import tree_shap
    >>> from dovetail.tree import DecisionTreeRegressor
    >>> X = np.random.default_rng(0).random((200, 3))
    >>> model = DecisionTreeRegressor(random_state=0).fit(X, 2 * X[:, 0] + X[:, 1])
    >>> found = tree_shap(model, X)
    >>> np.allclose(found.values.sum(1) + found.base_value, model.predict(X))
    True
    >>> abs(found.values).mean(0).round(1)
    array([0.5, 0.2, 0. ])

    References
    ----------
    Lundberg, Erion, Chen et al., From local explanations to global understanding with explainable
    AI for trees, 2020, https://doi.org/10.1038/s42256-019-0138-9

    Yu, Xu, Cao et al., Linear TreeShap, 2022, https://doi.org/10.48550/arXiv.2209.08192
    """
    trees = _trees_of(model)
    opened = model.front(source(X))
    rows = opened.to_dense() if isinstance(opened, SparseMatrix) else opened
    phi, base = kernel.attributions(
        as_numpy(rows.cpu()), **{n: as_numpy(a.cpu()) for n, a in trees.nodes.items()}, k=trees.k
    )
    values, base_value = (torch.from_numpy(a).to(trees.dtype) for a in (phi, trees.start + base))
    given = Given.of(X)
    if trees.flat:
        return Attributions(give_back(values[:, :, 0], given), base_value.item())
    return Attributions(give_back(values, given), give_back(base_value, given))


@dataclass(frozen=True)
class _Trees:
    """Trees whose values add up to k scores.

    nodes : their arrays, as kernels.tree_shap takes them
    start : what is added to the sums
    flat : whether k is 1 and the scores have shape (n,)
    """

    nodes: dict[str, Tensor]
    start: npt.NDArray[np.float64]
    k: int
    flat: bool
    dtype: torch.dtype


def _trees_of(model: Any) -> _Trees:
    check_is_fitted(model)
    program = model.program_ if isinstance(model, Estimator) else None
    if isinstance(program, TreeScores):
        nodes = {name: getattr(program, name) for name in (*_NODES, "category", "bits", "cover")}
        nodes["value"] = program.value.reshape(len(program.value), -1)
        start = as_numpy(program.baseline.cpu().double())
        return _Trees(nodes, start, len(start), program.flat, program.value.dtype)
    if isinstance(program, Trees):
        m, k = program.value.shape
        nodes = {name: getattr(program, name) for name in _NODES}
        nodes |= {"cover": program.weight, "value": program.value / len(program.roots)}
        nodes["category"] = torch.full((m,), -1)
        nodes["bits"] = torch.empty((0, 4), dtype=torch.int64)
        flat = k == 1 and not program.classes
        return _Trees(nodes, np.zeros(k), k, flat, program.value.dtype)
    hint = ""
    if hasattr(model, "steps"):
        hint = (
            " Give it the last step, and the rows as that step sees them: "
            "tree_shap(pipeline[-1], pipeline[:-1].transform(X))."
        )
    raise TypeError(
        "tree_shap explains decision trees, forests and gradient boosting of this package. "
        f"Got {type(model).__name__}.{hint}"
    )

"""What decision trees and forests share: the door, and predictions for one or several outputs."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils import Tags, check_array, check_random_state
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length
from torch import Tensor

from dovetail.base import Accepts, Estimator
from dovetail.data.batches import Batch, Batches
from dovetail.data.columns import Columns, label_codes
from dovetail.data.door import Given, give_back, open_matrix, open_targets, open_weights
from dovetail.data.scan import in_one_memory
from dovetail.data.sparse import Matrix
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.errors import warn
from dovetail.solve.impurity import ImpurityRules

__all__ = ["ClassTrees", "NumberTrees", "TreeEstimator", "draw_seed", "rules_of", "seeded"]


class _Grown:
    """Types of what a fit leaves (apart, so that they are no parameters)."""

    n_outputs_: int
    max_features_: int
    n_classes_: Any


class TreeEstimator(_Grown, Estimator):
    """An estimator whose Program is `Trees`."""

    accepts = Accepts(sparse=("csc", "csr"), missing=True, multi_output=True)

    def _open(
        self, X: Any, *, reset: bool, device: torch.device | None = None, check: bool = True
    ) -> Matrix:
        accepts = replace(self.accepts, infinite=not check)
        return open_matrix(self, X, accepts, reset=reset, device=device)

    def _receive(self, X: Any, y: Any, sample_weight: Any, *, reset: bool = True) -> Batches:
        opened = self._open(in_one_memory(X), reset=reset)
        targets = self._open_y(y, opened)
        w = open_weights(sample_weight, opened, dtype=torch.float64)
        return Batches(Batch(opened, targets, self._weigh(y, w)))

    def _weigh(self, y: Any, w: Tensor | None) -> Tensor | None:
        """Weights of rows, those of classes among them."""
        return w

    def _predicted(self, X: Any, compute: Callable[[Tensor], Tensor], check: bool = True) -> Any:
        """compute(what the trees predict for X), given back the way X came."""
        program: Any = self.program_
        if not check:
            opened = self._open(X, reset=False, check=False)
            return give_back(compute(program.predictions(opened)), Given.of(X))
        return self._run(lambda opened: compute(program.predictions(opened)), X)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


class ClassTrees(ClassifierMixin, TreeEstimator):
    """Trees that predict classes, of one output or several."""

    def _open_y(self, y: Any, X: Matrix | Columns) -> Tensor | None:
        labels = _labels_of(y, self)
        check_consistent_length(X, labels)
        check_classification_targets(labels)
        self.n_outputs_ = 1 if labels.ndim == 1 else labels.shape[1]
        coded = [label_codes(column) for column in labels.reshape(len(labels), -1).T]
        classes = [c for _, c in coded]
        many = labels.ndim == 2 and labels.shape[1] > 1
        self.classes_ = classes if many else classes[0]  # type: ignore[assignment]
        counts = np.array([len(c) for c in classes])
        self.n_classes_ = counts if many else int(counts[0])
        return as_tensor(np.stack([c for c, _ in coded], axis=1).astype(np.float64))

    def _weigh(self, y: Any, w: Tensor | None) -> Tensor | None:
        class_weight = self.get_params(deep=False).get("class_weight")
        if class_weight is None:
            return w
        by_class = as_tensor(compute_sample_weight(class_weight, _labels_of(y, self)))
        return by_class if w is None else w * by_class

    def _counts(self) -> tuple[int, ...]:
        """The number of classes of each output."""
        return tuple(int(n) for n in np.ravel(self.n_classes_))

    def predict(self, X: Any, check_input: bool = True) -> Any:
        """Predicted labels: the classes of the greatest probability.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        check_input : bool
            Whether to look for infinite values.

        Returns
        -------
        array of shape (n_samples,) or (n_samples, n_outputs)
            A tensor where X is one and the labels are numbers.
        """
        codes = self._predicted(X, self._codes, check_input)
        if self.n_outputs_ == 1:
            return _decoded(codes[:, 0], self.classes_)
        columns = [_decoded(codes[:, o], self.classes_[o]) for o in range(self.n_outputs_)]
        tensors = all(isinstance(column, Tensor) for column in columns)
        return torch.stack(columns, 1) if tensors else np.stack(columns, axis=1)

    def _codes(self, shares: Tensor) -> Tensor:
        return shares.reshape(len(shares), self.n_outputs_, -1).argmax(2)

    def predict_proba(self, X: Any, check_input: bool = True) -> Any:
        """Probability of each class: its share of the training rows in the leaf.

        Returns
        -------
        array or tensor of shape (n_samples, n_classes), or a list of n_outputs of these
        """
        shares = self._predicted(X, lambda F: F, check_input)
        if self.n_outputs_ == 1:
            return shares
        width = shares.shape[1] // self.n_outputs_
        begins = range(0, shares.shape[1], width)
        return [shares[:, at : at + n] for at, n in zip(begins, self._counts(), strict=True)]

    def predict_log_proba(self, X: Any) -> Any:
        """Logarithm of `predict_proba`."""
        proba = self.predict_proba(X)
        return [_log(p) for p in proba] if self.n_outputs_ > 1 else _log(proba)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class NumberTrees(RegressorMixin, TreeEstimator):
    """Trees that predict numbers, of one output or several."""

    _positive: ClassVar[str] = "positive"  # in scikit-learn's words

    def __post_init__(self) -> None:
        criterion = getattr(self, "criterion", None)
        if isinstance(criterion, str) and criterion == "friedman_mse":
            warn(
                'Value `"friedman_mse"` for `criterion` is deprecated and will be removed in 1.11: '
                'use `criterion="squared_error"`, which is the same.',
                FutureWarning,
            )
            self.criterion = "squared_error"

    def _open_y(self, y: Any, X: Matrix | Columns) -> Tensor | None:
        if getattr(self, "criterion", None) == "poisson" and y is not None:
            given = as_numpy(y) if isinstance(y, Tensor) else np.asarray(y)
            if (given < 0).any():
                raise ValueError(
                    "Some value(s) of y are negative which is not allowed for Poisson regression."
                )
            if given.sum() <= 0:
                raise ValueError(
                    f"Sum of y is not {self._positive} which is necessary for Poisson regression."
                )
        target = open_targets(y, X, self, multi_output=True).double().cpu()
        self.n_outputs_ = 1 if target.ndim == 1 else target.shape[1]
        return target.reshape(len(target), -1)

    def _counts(self) -> tuple[int, ...]:
        return ()

    def predict(self, X: Any, check_input: bool = True) -> Any:
        """Predicted numbers.

        Parameters
        ----------
        X : array-like, frame, sparse matrix or tensor of shape (n_samples, n_features)
        check_input : bool
            Whether to look for infinite values.

        Returns
        -------
        array or tensor of shape (n_samples,) or (n_samples, n_outputs)
        """
        return self._predicted(X, lambda F: F, check_input)


def _labels_of(y: Any, estimator: Any) -> npt.NDArray[Any]:
    if y is None:
        raise ValueError(
            f"This {type(estimator).__name__} estimator requires y to be passed, but the target "
            "y is None."
        )
    y = as_numpy(y) if isinstance(y, Tensor) else y
    labels = check_array(
        y, ensure_2d=False, dtype=None, input_name="y", ensure_min_samples=0, estimator=estimator
    )
    return np.asarray(labels)


def _decoded(codes: Any, classes: Any) -> Any:
    if not isinstance(codes, Tensor):
        return classes[codes]
    if classes.dtype.kind not in "biuf":
        return classes[as_numpy(codes)]
    return as_tensor(classes, codes.device)[codes]


def _log(p: Any) -> Any:
    if isinstance(p, Tensor):
        return p.log()
    with np.errstate(divide="ignore"):
        return np.log(p)


def draw_seed(random_state: Any) -> int:
    """The seed of a tree's own draws."""
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


class _Own(threading.local):
    """A thread's own random numbers."""

    def __init__(self) -> None:
        self.random = np.random.RandomState()


_own = _Own()


def seeded(seed: int) -> np.random.RandomState:
    """What RandomState(seed) gives, until the thread asks for another one: making one takes 0.2 ms,
    as it asks the system for entropy before it is seeded.
    """
    _own.random.seed(seed)
    return _own.random


def rules_of(model: Any, n: int, weight: float, classes: tuple[int, ...]) -> ImpurityRules:
    """The parameters of a tree or forest as numbers of rows and features.

    Sets `max_features_`.
    """
    d = model.n_features_in_
    wanted = model.max_features
    if wanted == "sqrt":
        features = max(1, int(np.sqrt(d)))
    elif wanted == "log2":
        features = max(1, int(np.log2(d)))
    elif wanted is None:
        features = d
    else:
        features = wanted if _is_count(wanted) else max(1, int(wanted * d))
    leaf, split = model.min_samples_leaf, model.min_samples_split
    leaf = leaf if _is_count(leaf) else int(np.ceil(leaf * n))
    split = split if _is_count(split) else max(2, int(np.ceil(split * n)))
    return ImpurityRules(
        criterion=model.criterion,
        random=model.splitter == "random",
        max_features=features,
        max_depth=model.max_depth,
        max_leaves=model.max_leaf_nodes,
        min_split=max(split, 2 * leaf),
        min_leaf=leaf,
        min_weight=model.min_weight_fraction_leaf * weight,
        min_decrease=model.min_impurity_decrease,
        monotone=_monotone(model, d, classes),
    )


def _is_count(value: Any) -> bool:
    return isinstance(value, int | np.integer)


def _monotone(model: Any, d: int, classes: tuple[int, ...]) -> list[int] | None:
    if model.monotonic_cst is None:
        return None
    if model.n_outputs_ > 1:
        raise ValueError("Monotonicity constraints are not supported with multiple outputs.")
    given = np.asarray(model.monotonic_cst)
    if given.shape[0] != d:
        raise ValueError(
            f"monotonic_cst has shape {given.shape[0]} but the input data X has {d} features."
        )
    if not np.isin(given, (-1, 0, 1)).all():
        raise ValueError(
            f"monotonic_cst must be None or an array-like of -1, 0 or 1, but got {np.unique(given)}"
        )
    if classes and classes[0] > 2:
        raise ValueError(
            "Monotonicity constraints are not supported with multiclass classification"
        )
    return [int(v) for v in given]

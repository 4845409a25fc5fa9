"""Multi-layer perceptron classifier."""

from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal, Self

import numpy as np
import scipy.sparse as sp
from sklearn.utils import Tags
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import (
    check_classification_targets,
    type_of_target,
)
from sklearn.utils.validation import check_array, check_consistent_length
from torch import Tensor

from dovetail.base import Probabilities, WeightedClassifier
from dovetail.data.batches import Batch
from dovetail.data.door import column_of
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.known_classes import learn_classes
from dovetail.neural_network._multilayer_perceptron import MultilayerPerceptron, Target
from dovetail.neural_network._optimizers import is_stochastic
from dovetail.nn.mlp import Activation
from dovetail.objective.losses import BinaryLogLoss, MultinomialLogLoss
from dovetail.params import ArrayLike, AtLeast

__all__ = ["MLPClassifier"]


class MLPClassifier(MultilayerPerceptron, Probabilities, WeightedClassifier):
    """Class probabilities from a multi-layer perceptron.

    Minimizes Σ w_i l_i / Σ w_i + alpha / 2 · Σ_l ‖W_l‖² / Σ w_i, where l_i is the log loss of row i
    under softmax(scores) (the logistic function for two classes, and for each label of several).
    For a mini-batch the sums run over its rows. The start is Glorot's; for the same seed it, the
    mini-batches and the steps are scikit-learn's.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Units of each hidden layer; an empty sequence gives a linear model.
    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        Of the hidden layers.
    solver : {"lbfgs", "sgd", "adam", "adamw"}, default="adam"
        "adam" is a good choice for thousands of rows and more, "lbfgs" for fewer; "adamw" is "adam"
        with `alpha` as decoupled weight decay.
    alpha : float >= 0, default=0.0001
        Strength of the l2 penalty. With "adamw": each step multiplies the weights by
        1 − learning_rate_init · alpha (0.01 is usual), whatever the number of rows.
    batch_size : int >= 1 or "auto", default="auto"
        Rows of a mini-batch; "auto" is min(200, n).
    learning_rate : {"constant", "invscaling", "adaptive"}, default="constant"
        For "sgd": constant, learning_rate_init / (rows seen + 1)^power_t, or divided by 5 whenever
        training stops to improve.
    learning_rate_init : float > 0, default=0.001
    power_t : float >= 0, default=0.5
    max_iter : int >= 1, default=200
        Most epochs, or steps of "lbfgs".
    shuffle : bool, default=True
        Whether each epoch visits the rows in a new random order.
    random_state : int, RandomState or None
        Draws the start, the validation split and the orders of rows.
    tol : float >= 0, default=1e-4
        Training stops when more than `n_iter_no_change` epochs in a row did not improve the loss,
        or the validation score, by `tol`; "lbfgs" when no component of the gradient exceeds it.
    verbose : bool, default=False
        Whether to print a line an epoch.
    warm_start : bool, default=False
        Whether to start from the last fit.
    momentum : float in [0, 1], default=0.9
        Of "sgd".
    nesterovs_momentum : bool, default=True
    early_stopping : bool, default=False
        Whether to hold out rows, stop on their accuracy and keep the weights that did best on them.
    validation_fraction : float in [0, 1), default=0.1
        Share of the rows held out.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
        Decay of Adam's running moments.
    epsilon : float > 0, default=1e-8
    n_iter_no_change : int >= 1 or inf, default=10
    max_fun : int >= 1, default=15000
        Most evaluations of the loss by "lbfgs".
    class_weight : dict, "balanced" or None, default=None
        Weight of each class's rows, times their sample weights; not for several labels a row.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    coefs_ : list of arrays of shape (units of a layer, units of the next)
    intercepts_ : list of arrays of shape (units of the next layer,)
    loss_ : float
        Of the last epoch, penalty included.
    loss_curve_, validation_scores_ : list of float, one an epoch
        `validation_scores_` is None without early stopping; neither is there with "lbfgs".
    best_loss_, best_validation_score_ : float or None
        The one that decides when to stop; the other is None.
    n_iter_ : int
        Epochs of this fit.
    t_ : int
        Rows seen, counted in each epoch.
    n_layers_, n_outputs_ : int
    out_activation_ : {"logistic", "softmax"}

    Raises
    ------
    ValueError
        Where training has diverged to numbers that are not finite.

    Cost O(n Σ_l u_{l−1} u_l) an epoch for layers of u_l units. Rumelhart, Hinton & Williams (1986),
    https://doi.org/10.1038/323533a0; Kingma & Ba (2015), https://arxiv.org/abs/1412.6980.

    Examples
    --------
    >>> from dovetail.neural_network import MLPClassifier
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]] * 25, [0, 1, 1, 0] * 25
    >>> MLPClassifier(8, solver="lbfgs", random_state=1).fit(X, y).predict(X[:4])
    array([0, 1, 1, 0])
    """

    hidden_layer_sizes: ArrayLike | Annotated[int, AtLeast(1)] = (100,)
    activation: Activation = "relu"
    _: KW_ONLY
    class_weight: dict[Any, float] | Literal["balanced"] | None = None

    @classmethod
    def _examples(cls) -> list[Self]:
        quick: dict[str, Any] = {"max_iter": 20, "random_state": 0}
        return [cls(**quick), cls((8, 4), "tanh", solver="lbfgs", **quick)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags

    @available_if(is_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train one more epoch, on these rows.

        Parameters
        ----------
        X, y, sample_weight : as in `fit`
        classes : array-like of shape (n_classes,) or None
            All classes there will ever be; needed in the first call.

        Returns
        -------
        self
        """
        self._validate_params()
        if self.class_weight == "balanced":
            raise ValueError(
                "class_weight='balanced' is not supported for partial_fit, which never sees all "
                "rows. Give the weights as a dict, or as sample_weight."
            )
        learn_classes(self, classes)
        return self._go_on(X, y, sample_weight, incremental=True)

    # -- targets

    def _open_y(self, y: Any, X: Any) -> Tensor | None:
        labels = as_numpy(y) if isinstance(y, Tensor) else y
        self._sparse_labels: bool = sp.issparse(y)
        if y is not None and type_of_target(labels, input_name="y") == "multilabel-indicator":
            return self._open_labels(labels, X)
        if not self._going_on:
            return super()._open_y(y, X)
        column = column_of(labels, self)
        check_consistent_length(X, column)
        check_classification_targets(column)
        self._check_classes(np.unique(column))
        return as_tensor(np.searchsorted(self.classes_, column), X.device)

    def _open_labels(self, y: Any, X: Any) -> Tensor:
        """Several labels a row: 0 or 1 each, in X's dtype, shape (n, k)."""
        if self.class_weight is not None:
            raise ValueError(
                "class_weight is for one class a row; y has several labels a row. Use "
                "sample_weight, or leave class_weight unset."
            )
        table = check_array(y, accept_sparse=True, input_name="y", estimator=self)
        table = np.asarray(table.toarray() if sp.issparse(table) else table)
        check_consistent_length(X, table)
        found = np.arange(table.shape[1])
        if self._going_on:
            self._check_classes(found)
        self.classes_ = found
        return as_tensor(table != 0).to(device=X.device, dtype=X.dtype)

    def _check_classes(self, found: Any) -> None:
        """Refuse classes that the net so far has no output for."""
        if self.warm_start and set(found) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {found}"
            )
        if len(np.setdiff1d(found, self.classes_)):
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. "
                f"'y' has {found}."
            )

    # -- training

    def _target(self, rows: Batch) -> tuple[Batch, Target]:
        assert rows.y is not None
        k = len(self.classes_)
        if rows.y.ndim == 2:
            return rows, Target(BinaryLogLoss(), k, "sigmoid")
        if k > 2:
            return rows, Target(MultinomialLogLoss(k), k, "softmax")
        y = rows.y.to(rows.X.dtype)[:, None]
        return Batch(rows.X, y, rows.w), Target(BinaryLogLoss(), 1, "logistic")

    def _quality(self, F: Tensor, rows: Batch) -> float:
        """Accuracy; for several labels a row, the share of rows with all of them right."""
        assert rows.y is not None
        right = F.argmax(1) == rows.y if rows.y.ndim == 1 else ((F > 0) == (rows.y > 0)).all(1)
        if rows.w is None:
            return float(right.double().mean())
        return float((right * rows.w).sum() / rows.w.sum())

    def _strata(self, rows: Batch) -> Any:
        """Two classes; more are split at random, as scikit-learn does, so that a class of one row
        is no obstacle.
        """
        assert rows.y is not None
        single = rows.y.ndim == 2 and rows.y.shape[1] == 1
        return as_numpy(rows.y[:, 0] > 0).astype(str) if single else None

    # -- predicting

    def predict(self, X: Any) -> Any:
        """Predicted labels, shape (n_samples,); where several labels a row were learned, 0 or 1 for
        each of them, shape (n_samples, n_classes).
        """
        if "_program" not in self.__dict__ or self._program.response != "sigmoid":
            return super().predict(X)
        labels = self._run(lambda opened: (self._program(opened) > 0).long(), X)
        return sp.csr_matrix(labels) if self._sparse_labels else labels

    def _codes(self, scores: Tensor) -> Tensor:
        return super()._codes(scores).clamp(max=len(self.classes_) - 1)  # of a single class

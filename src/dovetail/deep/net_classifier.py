"""Any torch module as a classifier."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Any, Literal, Self

import numpy as np
from sklearn.utils.multiclass import _check_partial_fit_first_call
from torch import Tensor, nn

from dovetail.base import Decisions, Probabilities, WeightedClassifier
from dovetail.data.batches import Batch, Batches
from dovetail.data.class_codes import recoded
from dovetail.data.tensors import as_numpy
from dovetail.deep._net import Net
from dovetail.deep._program import NetScores
from dovetail.nn.criteria import CrossEntropy

__all__ = ["NetClassifier"]


class NetClassifier(Net, Probabilities, Decisions, WeightedClassifier):
    """Classes from any torch module.

    The module maps a batch to scores, (n, n_classes), or (n, 1) for two classes. Its constructor is
    told `n_features` and `n_outputs` where it asks for them, and `module__name=value` otherwise.
    Rows are taken by index from tensors on their device.

    Parameters
    ----------
    module : class or function that makes a torch.nn.Module, or a module, default=Dense
        `dovetail.nn.dense.Dense` has fully connected layers.
    loss : class, module or function of (outputs, y) or (outputs, y, weights), default=cross-entropy
        Gives a loss a row, or the mean; y are codes of the classes. `loss__label_smoothing=0.1`
        smooths the default's targets.
    optimizer : {"adamw", "adam", "sgd", "muon", "lbfgs"}, class or dict, default="adamw"
        A class is made of parameters and `lr`, and of `optimizer__name=value`. A dict has the
        optimizers of parts of the module, for a `step` that updates them in turn.
    lr : float > 0, default=1e-3
        Learning rate.
    weight_decay : float >= 0, default=0.01
        Of weights; biases, norms and other vectors never decay.
    max_epochs : int >= 1, default=50
    batch_size : int >= 1, default=128
    shuffle : bool, default=True
        Whether each epoch visits the rows in a new random order.
    schedule : {"constant", "linear", "cosine", "one_cycle"} or callable, default="constant"
        By what the learning rate is multiplied as training goes on; a callable is given the number
        of steps done.
    warmup : float in [0, 1], default=0
        Share of all steps over which the rate rises from 0.
    clip_norm : float > 0 or None
        Greatest length of the gradient.
    accumulate : int >= 1, default=1
        Into how many parts a batch is cut to save memory; the result is the same.
    ema : float in (0, 1) or None
        Decay of an average of the weights over steps, which is then what is learned.
    precision : {"bf16", "fp16"} or None
        Of the module's operations in training; weights stay as they are.
    compile : bool, default=False
        Whether training runs the module through `torch.compile`.
    early_stopping : bool, default=False
        Whether to hold out rows, stop where their loss no longer falls, and keep the weights that
        did best on them.
    validation_fraction : float in (0, 1), default=0.1
    validation_data : (X, y) or (X, y, weights) or None
        Rows to validate on instead.
    n_iter_no_change : int >= 1, default=10
        Epochs without progress of the validation loss by `tol` after which training stops.
    tol : float >= 0, default=0
    step : callable or None
        Computes the loss instead: step(net, batch), where `net.forward(batch.X)` and
        `net.loss(outputs, batch)` are there, gives the loss to follow; or it takes steps of its own
        by `net.update(loss, part)` and gives numbers to report.
    inputs : dict of name to list of columns, or None
        Gives the module several inputs by name, each a matrix of some columns of a table. A dict of
        arrays as X needs none of this.
    dtype : {"float32", "float64"}, default="float32"
    checkpoint : path or None
        A file to keep the state of training in.
    checkpoint_every : int >= 1, default=1
        Epochs from one to the next.
    resume : bool, default=False
        Whether to go on from that file, where there is one: the result is that of a training that
        was never interrupted.
    warm_start : bool, default=False
        Whether `fit` goes on with the module of the last one.
    random_state : int, RandomState or None
        Draws the start, the validation split, the orders of rows and what the module draws.
    verbose : bool, default=False
        Whether to print a line an epoch.
    class_weight : dict, "balanced" or None
        Weight of each class's rows, times their sample weights.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    history_ : list of dict, one an epoch, as `pandas.DataFrame` takes it
    n_iter_ : int, epochs of this fit
    program_ : the trained module, without gradients, in evaluation mode

    Raises
    ------
    TypeError
        A nested parameter that the module does not take; the nearest is named.
    ValueError
        Outputs that the loss cannot compare with the targets; both shapes are named.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from dovetail.deep import NetClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = NetClassifier(module__hidden=(16,), lr=0.02, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    program_type = NetScores

    _: KW_ONLY
    class_weight: dict[Any, float] | Literal["balanced"] | None = None

    @classmethod
    def _examples(cls) -> list[Self]:
        quick: dict[str, Any] = {"max_epochs": 20, "random_state": 0, "lr": 0.01}
        return [cls(dtype="float64", module__hidden=(16,), **quick)]

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
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
        given = as_numpy(classes) if isinstance(classes, Tensor) else classes
        _check_partial_fit_first_call(self, given)
        return self._go_on(X, y, sample_weight, incremental=True)

    def _receive(self, X: Any, y: Any, sample_weight: Any, *, reset: bool = True) -> Batches:
        if not self._going_on:
            return super()._receive(X, y, sample_weight, reset=reset)
        known = self.classes_
        try:
            batches = super()._receive(X, y, sample_weight, reset=reset)
            return recoded(batches, self.classes_, known)
        finally:
            self.classes_ = known

    def _open_validation_y(self, y: Any, X: Any) -> Tensor | None:
        known = self.classes_
        try:
            codes = self._open_y(y, X)
            batches = recoded(Batches(Batch(X, codes)), self.classes_, known)
        finally:
            self.classes_ = known
        return batches.y

    def _sizes(self, rows: Batch) -> dict[str, Any]:
        return super()._sizes(rows) | {"n_outputs": len(self.classes_)}

    def _default_loss(self) -> type[nn.Module]:
        return CrossEntropy

    def _fitting(self, outputs: Any, rows: Batch) -> Any:
        if self.loss is not None:
            return outputs
        k = len(self.classes_)
        if isinstance(outputs, Tensor) and outputs.ndim == 1:
            outputs = outputs[:, None]
        shape = tuple(outputs.shape) if isinstance(outputs, Tensor) else type(outputs).__name__
        allowed = {(len(rows), k)} | ({(len(rows), 1)} if k == 2 else set())
        if shape not in allowed:
            raise ValueError(
                f"The module's output has shape {shape}, but {k} classes in targets of shape "
                f"{(len(rows),)} need {' or '.join(map(str, sorted(allowed)))}. Have the module "
                "take n_outputs."
            )
        return outputs

    def _strata(self, rows: Batch) -> Any:
        assert rows.y is not None
        y = as_numpy(rows.y)
        return y if np.bincount(y).min() > 1 else None

    def _program_fields(self, module: nn.Module) -> dict[str, Any]:
        return {"flat": len(self.classes_) == 2, "method": ""}

    def _codes(self, scores: Tensor) -> Tensor:
        return super()._codes(scores).clamp(max=len(self.classes_) - 1)  # of a single class

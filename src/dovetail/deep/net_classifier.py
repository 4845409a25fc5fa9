"""Any torch module as a classifier."""

from __future__ import annotations

from typing import Any, Self

from dovetail.data.batches import Batch
from dovetail.deep._any_module import ModuleNet
from dovetail.deep._classes import ClassesNet

__all__ = ["NetClassifier"]


class NetClassifier(ModuleNet, ClassesNet):
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
    recompute : bool, default=False
        Whether outputs of layers in a Sequential or a ModuleList are computed again in the backward
        pass instead of kept: less memory, a third more time.
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
        A file to keep the state of training in (of a sharded net, the folder `path.shards`).
    checkpoint_every : int >= 1, default=1
        Epochs from one to the next.
    checkpoint_minutes : float > 0 or None
        Minutes from one to the next, within an epoch too.
    resume : bool, default=False
        Whether to go on from that file, where there is one: the result is that of a training that
        was never interrupted.
    warm_start : bool, default=False
        Whether `fit` goes on with the module of the last one.
    watch : dovetail.solve.loop.Watch or None
        Told of every epoch, may stop the training; `TensorBoard(folder)` and `MLflow()` are some.
    random_state : int, RandomState or None
        Draws the start, the validation split, the orders of rows and what the module draws.
    verbose : bool, default=False
        Whether to print a line an epoch.
    class_weight : dict, "balanced" or None
        Weight of each class's rows, times their sample weights.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    history_ : dict of lists, an entry an epoch, as `pandas.DataFrame` takes it
    n_iter_ : int, epochs of this fit
    program_ : the trained module, without gradients, in evaluation mode

    Raises
    ------
    TypeError
        A nested parameter that the module does not take; the nearest is named.
    ValueError
        Rows of a single class; outputs that the loss cannot compare with the targets, where both
        shapes are named; a parameter that has no effect beside another.
    DataError
        A loss that is not finite from the start. Later, training stops with a warning, and the
        last good weights are kept.

    Cost: an epoch is a forward and a backward pass of each row and n / batch_size updates, no more
    than a loop written by hand takes. Steps of little work take one thread.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from dovetail.deep import NetClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = NetClassifier(module__hidden=(16,), lr=0.02, random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.9)
    True
    """

    @classmethod
    def _examples(cls) -> list[Self]:
        quick: dict[str, Any] = {"max_epochs": 20, "random_state": 0, "lr": 0.01}
        return [cls(dtype="float64", module__hidden=(16,), **quick)]

    def _sizes(self, rows: Batch) -> dict[str, Any]:
        return super()._sizes(rows) | {"n_outputs": len(self.classes_)}

    def _fitting(self, outputs: Any, rows: Batch) -> Any:
        return super()._fitting(outputs, rows) if self.loss is None else outputs

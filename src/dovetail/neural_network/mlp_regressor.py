"""Multi-layer perceptron regressor."""

from dataclasses import KW_ONLY
from typing import Annotated, Any, Literal, Self

from sklearn.utils.metaestimators import available_if
from torch import Tensor

from dovetail.base import Accepts, WeightedRegressor
from dovetail.data.batches import Batch
from dovetail.data.door import flat_if_single
from dovetail.neural_network._multilayer_perceptron import MultilayerPerceptron, Target
from dovetail.neural_network._optimizers import is_stochastic
from dovetail.neural_network._program import NetPrediction
from dovetail.nn.mlp import Activation
from dovetail.objective.losses import PoissonDeviance, SquaredError
from dovetail.params import ArrayLike, AtLeast

__all__ = ["MLPRegressor"]


class MLPRegressor(MultilayerPerceptron, WeightedRegressor):
    """Numbers from a multi-layer perceptron.

    Minimizes Σ w_i l_i / Σ w_i + alpha / 2 · Σ_l ‖W_l‖² / Σ w_i, where l_i is half the squared
    error, or half the Poisson deviance with exp(scores) as prediction, summed over the targets. For
    a mini-batch the sums run over its rows. The start is Glorot's; for the same seed it, the
    mini-batches and the steps are scikit-learn's.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}, default="squared_error"
        "poisson" is for counts and other y >= 0.
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
        Whether to hold out rows, stop on their R² and keep the weights that did best on them.
    validation_fraction : float in [0, 1), default=0.1
        Share of the rows held out.
    beta_1, beta_2 : float in [0, 1), default=0.9, 0.999
        Decay of Adam's running moments.
    epsilon : float > 0, default=1e-8
    n_iter_no_change : int >= 1 or inf, default=10
    max_fun : int >= 1, default=15000
        Most evaluations of the loss by "lbfgs".

    Attributes
    ----------
    coefs_ : list of arrays of shape (units of a layer, units of the next)
    intercepts_ : list of arrays of shape (units of the next layer,)
    loss_ : float
        Of the last epoch, penalty included; the squared error of several targets is averaged over
        them here, as scikit-learn reports it.
    loss_curve_, validation_scores_ : list of float, one an epoch
        `validation_scores_` is None without early stopping; neither is there with "lbfgs".
    best_loss_, best_validation_score_ : float or None
        The one that decides when to stop; the other is None.
    n_iter_ : int
        Epochs of this fit.
    t_ : int
        Rows seen, counted in each epoch.
    n_layers_, n_outputs_ : int
    out_activation_ : {"identity", "exp"}

    Raises
    ------
    ValueError
        Where training has diverged to numbers that are not finite, or y < 0 with loss="poisson".

    Scale X, and y too where its numbers are far from 1. Cost O(n Σ_l u_{l−1} u_l) an epoch for
    layers of u_l units. Rumelhart, Hinton & Williams (1986), https://doi.org/10.1038/323533a0;
    Kingma & Ba (2015), https://arxiv.org/abs/1412.6980.

    Examples
    --------
    >>> from dovetail.neural_network import MLPRegressor
    >>> X, y = [[i / 10] for i in range(-10, 11)], [abs(i / 10) for i in range(-10, 11)]
    >>> model = MLPRegressor(hidden_layer_sizes=8, solver="lbfgs", random_state=0).fit(X, y)
    >>> model.predict([[-0.7], [0.3]]).round(1)
    array([0.7, 0.3])
    """

    accepts = Accepts(sparse=("csr", "csc"), multi_output=True)
    program_type = NetPrediction

    loss: Literal["squared_error", "poisson"] = "squared_error"
    hidden_layer_sizes: ArrayLike | Annotated[int, AtLeast(1)] = (100,)
    activation: Activation = "relu"
    _: KW_ONLY

    @classmethod
    def _examples(cls) -> list[Self]:
        quick: dict[str, Any] = {"max_iter": 20, "random_state": 0}
        return [cls(**quick), cls(solver="lbfgs", activation="tanh", **quick)]

    @available_if(is_stochastic)
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one more epoch, on these rows; arguments as in `fit`.

        Returns
        -------
        self
        """
        return self._go_on(X, y, sample_weight, incremental=True)

    def _open_y(self, y: Any, X: Any) -> Tensor | None:
        target = super()._open_y(y, X)
        return None if target is None else flat_if_single(target)

    def _target(self, rows: Batch) -> tuple[Batch, Target]:
        assert rows.y is not None
        y = rows.y if rows.y.ndim == 2 else rows.y[:, None]
        rows, k = Batch(rows.X, y, rows.w), y.shape[1]
        if self.loss == "squared_error":
            return rows, Target(SquaredError(), k, "identity", averaged=True)
        if bool((y < 0).any()):
            raise ValueError("loss='poisson' needs y >= 0. Use loss='squared_error' for such y.")
        return rows, Target(PoissonDeviance(complete=True), k, "exp")

    def _quality(self, F: Tensor, rows: Batch) -> float:
        """R², averaged over the targets; of a constant target 1 where it is met, else 0."""
        assert rows.y is not None
        prediction = (F.exp() if self.loss == "poisson" else F).double()
        y = rows.y.double()
        w = y.new_ones(len(rows), 1) if rows.w is None else rows.w.double()[:, None]
        error = (w * (y - prediction).square()).sum(0)
        spread = (w * (y - (w * y).sum(0) / w.sum()).square()).sum(0)
        r2 = (1 - error / spread).where(spread > 0, (error == 0).double())
        return float(r2.mean())

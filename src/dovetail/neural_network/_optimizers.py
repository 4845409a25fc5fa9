"""The mini-batch optimizers that a perceptron's parameters name."""

from collections.abc import Callable
from typing import Any

from torch import Tensor

from dovetail.solve.flat import Flat
from dovetail.solve.optimizers import SGD, Adam, InverseScaling, Rate, ReducedOnPlateau

__all__ = ["OPTIMIZERS", "is_stochastic", "rate_of"]


def _adam(model: Any, flat: Flat, weights: Tensor) -> Any:
    return Adam(
        flat.values,
        flat.gradient,
        model.learning_rate_init,
        betas=(model.beta_1, model.beta_2),
        epsilon=model.epsilon,
        decay=model.alpha if model.solver == "adamw" else 0.0,
        decayed=weights,
    )


def _sgd(model: Any, flat: Flat, weights: Tensor) -> Any:
    return SGD(
        flat.values,
        flat.gradient,
        model.learning_rate_init,
        momentum=model.momentum,
        nesterov=model.nesterovs_momentum,
    )


OPTIMIZERS: dict[str, Callable[[Any, Flat, Tensor], Any]] = {
    "adam": _adam,
    "adamw": _adam,
    "sgd": _sgd,
}


def is_stochastic(model: Any) -> bool:
    """Whether the solver works by mini-batches, so that `partial_fit` exists."""
    if model.solver not in OPTIMIZERS:
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {model.solver} is not "
            f"stochastic. Use one of {', '.join(OPTIMIZERS)}."
        )
    return True


def rate_of(model: Any) -> Rate:
    """How the learning rate changes; only "sgd" knows other than constant ones."""
    if model.solver == "sgd" and model.learning_rate == "invscaling":
        return InverseScaling(model.learning_rate_init, model.power_t)
    if model.solver == "sgd" and model.learning_rate == "adaptive":
        return ReducedOnPlateau()
    return Rate()

"""The course of a net's training as a picture."""

from __future__ import annotations

from typing import Any, Self

__all__ = ["TrainingDisplay"]


class TrainingDisplay:
    """Loss by epoch, of the rows learned from and of those held out.

    Parameters
    ----------
    history : dict of lists, a net's `history_`
    name : str or None, of the net, for the legend

    Attributes
    ----------
    ax_, figure_ : of matplotlib, after `plot`
    lines_ : the curves

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from dovetail.deep import NetClassifier, TrainingDisplay
    >>> model = NetClassifier(max_epochs=5, random_state=0).fit(*load_iris(return_X_y=True))
    >>> display = TrainingDisplay.from_estimator(model)
    >>> len(display.lines_)
    1
    """

    def __init__(self, history: dict[str, list[float]], name: str | None = None) -> None:
        self.history, self.name = history, name

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None, name: str | None = None) -> Self:
        """Draw a fitted net's training."""
        return cls(estimator.history_, name or type(estimator).__name__).plot(ax)

    def plot(self, ax: Any = None) -> Self:
        """Draw the curves on axes, or on new ones."""
        if ax is None:
            import matplotlib.pyplot as plt

            _, ax = plt.subplots()
        history, name = self.history, f"{self.name}: " if self.name else ""
        epochs = history.get("epoch", list(range(1, len(history["loss"]) + 1)))
        self.lines_ = ax.plot(epochs, history["loss"], label=f"{name}loss")
        if "validation_score" in history:
            losses = [-score for score in history["validation_score"]]
            self.lines_ += ax.plot(epochs, losses, label=f"{name}validation loss")
        ax.set(xlabel="epoch", ylabel="loss")
        ax.legend()
        self.ax_, self.figure_ = ax, ax.figure
        return self

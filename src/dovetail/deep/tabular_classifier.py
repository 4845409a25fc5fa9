"""A modern net for tables, for classes."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any, Self

from torch import Tensor
from torch.nn import functional

from dovetail.data.batches import Batch
from dovetail.deep._classes import ClassesNet
from dovetail.deep._tabular import TabularNet
from dovetail.deep._tabular_program import TabularScores, log_mean_probabilities

__all__ = ["TabularClassifier"]


class TabularClassifier(TabularNet, ClassesNet):
    """A modern net for tables, for classes.

    Numbers become vectors along broken lines with breaks at their quantiles, categories vectors of
    their own; k perceptrons that share most of their weights, told apart by how they scale these
    vectors, are trained at once:

        p(x) = 1/k Σ_i softmax(f_i(x)),   f_i = perceptron(r_i ∘ vectors(x)),

    minimizing the mean of the members' own cross-entropies. Tables are taken as they come: numbers
    of any unit, strings, missing values, categories that fit has not seen.

    Parameters
    ----------
    n_members : int >= 1, default=16
        k; training takes as much longer.
    width, n_layers : int >= 1, default=128 and 2
        Units of a hidden layer, and number of these.
    dropout : float in [0, 1), default=0.1
    embedding : {"piecewise", "periodic"}, default="piecewise"
        Broken lines, or waves of learned frequencies, which suit numbers that come round again.
    embedding_width : int >= 1 or "auto"
        Numbers of a column's vector; "auto" takes 16, and less from 65 columns on, so that a row
        has about 1,024.
    n_bins : int >= 1, default=48
        Breaks of a line, or waves; of breaks there are fewer where a bin would have less than 16
        rows.
    categorical_features : array-like of bool, int or str, "auto", "from_dtype" or None
        A mask, positions or names of the columns that hold categories. "auto", the default, takes
        columns of strings and those a frame calls categorical; "from_dtype" these alone. Categories
        that fewer than three rows have are treated like those fit has not seen.
    optimizer, weight_decay, schedule, warmup, clip_norm, accumulate, precision, compile,
    recompute, validation_fraction, validation_data, tol, checkpoint, checkpoint_every,
    checkpoint_minutes, resume, shuffle
        As for `NetClassifier`.
    lr : float > 0, default=5e-3
    max_epochs : int >= 1, default=100
    batch_size : int >= 1 or "auto"
        "auto" grows with the rows, from 32 for up to 3,000 to 1,024 above 120,000.
    ema : float in (0, 1) or None, default=0.998
        Decay of an average of the weights over steps, which is what is learned.
    early_stopping : bool, default=True
        Whether to hold out a tenth of the rows, stop where the loss of what the members say
        together no longer falls on them, and keep the weights that did best.
    n_iter_no_change : int >= 1, default=8
        Epochs without progress after which training stops.
    dtype : {"float32", "float64"}, default="float32"
    warm_start : bool, default=False
        Whether `fit` goes on with the net of the last one, its scales, breaks and categories.
    random_state : int, RandomState or None
        Draws the start, the rows held out, their order, and dropout.
    verbose : bool, default=False
        Whether to print a line an epoch.
    class_weight : dict, "balanced" or None
        Weight of each class's rows, times their sample weights.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    is_categorical_ : bool ndarray of shape (n_features,)
    history_ : dict of lists with an entry an epoch, as `pandas.DataFrame` takes it
    n_iter_ : int, epochs
    program_ : one module from numbers and codes of categories to scores; `front` makes its input

    Raises
    ------
    DataError
        A column of what is neither number nor category, such as dates: `dv.preparation("tree")`
        before it in a Pipeline encodes them. Rows that are read in blocks.

    Cost of an epoch O(n k width (d embedding_width + n_layers width)). All rows must be in memory,
    be it that of several processes: scales, breaks and categories are of the rows of all; scales
    and breaks of some, spread evenly, where there are more than four million numbers.

    Gorishniy, Kotelnikov & Babenko (2025), https://arxiv.org/abs/2410.24210 (TabM-mini); vectors:
    Gorishniy, Rubachev & Babenko (2022), https://arxiv.org/abs/2203.05556; scales: Holzmüller et
    al. (2024), https://arxiv.org/abs/2407.04491.

    Examples
    --------
    >>> from dovetail.datasets import load_penguins
    >>> from dovetail.deep import TabularClassifier
    >>> X, y = load_penguins(return_X_y=True)
    >>> model = TabularClassifier(n_members=4, width=32, max_epochs=10, random_state=0)
    >>> bool(model.fit(X, y).score(X, y) > 0.95)
    True
    """

    program_type = TabularScores

    @classmethod
    def _examples(cls) -> list[Self]:
        quick: dict[str, Any] = {"n_members": 3, "width": 8, "max_epochs": 8, "lr": 0.02}
        quick |= {"dtype": "float64", "random_state": 0}
        plain: dict[str, Any] = {"early_stopping": False, "dropout": 0.0, "n_bins": 4}
        return [cls(**quick), cls(embedding="periodic", **plain, **quick)]

    def _targets(self, rows: Batch) -> Batch:
        return replace(rows, w=None if rows.w is None else rows.w.to(self._dtype))

    def _strata(self, rows: Batch) -> Any:
        held_out = math.ceil(self.validation_fraction * len(rows))
        return super()._strata(rows) if held_out >= len(self.classes_) else None

    def _n_outputs(self, rows: Batch) -> int:
        return len(self.classes_)

    def _together(self, outputs: Tensor) -> Tensor:
        return log_mean_probabilities(outputs)

    def _losses(self, outputs: Tensor, y: Any) -> Tensor:
        m, k, classes = outputs.shape
        flat = outputs.reshape(m * k, classes)
        targets = y.repeat_interleave(k)
        return functional.cross_entropy(flat, targets, reduction="none").view(m, k)

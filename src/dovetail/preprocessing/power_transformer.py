"""Power transformations that make columns more like normal ones."""

from dataclasses import KW_ONLY
from typing import Any, Literal

import numpy as np
import torch
from sklearn.base import OneToOneFeatureMixin
from sklearn.utils import Tags
from torch import Tensor

from dovetail.base import Accepts, Learned, Transformer
from dovetail.data.batches import Batch, Batches
from dovetail.data.results import by_rows
from dovetail.data.statistics import column_moments
from dovetail.data.tensors import FLOATS, as_tensor
from dovetail.errors import warn
from dovetail.preprocessing._power_likelihood import likeliest_exponents, logarithms
from dovetail.preprocessing._shared import InPlace, standard_deviations
from dovetail.program import Program

__all__ = ["PowerTransformer"]


class _Power(Program):
    """Powers of numbers, shifted and scaled where center and scale are given.

    exponents, center, scale : Tensor of shape (d,)
    """

    exponents: Tensor
    center: Tensor | None
    scale: Tensor | None
    box_cox: bool

    def forward(self, X: Tensor) -> Tensor:
        power = self.power(X if X.dtype in FLOATS else X.to(torch.float32))
        if self.center is not None and self.scale is not None:
            power = (power - self.center.to(power.dtype)) / self.scale.to(power.dtype)
        return power.to(X.dtype)

    def power(self, X: Tensor) -> Tensor:
        """(exp(κ |u|) − 1) / κ with the sign of X; u, the exponent's limit, for κ = 0."""
        u = logarithms(X, box_cox=self.box_cox)
        if self.box_cox:
            kappa = self._kappa(0.0, X.dtype)
            return (kappa * u).expm1() / kappa
        kappa = torch.where(u < 0, self._kappa(2.0, X.dtype), self._kappa(0.0, X.dtype))
        return torch.copysign((kappa * u.abs()).expm1() / kappa, u)

    def inverse(self, X: Tensor) -> Tensor:
        """The numbers whose powers are X; NaN where there are none."""
        y = X if X.dtype in FLOATS else X.to(torch.float32)
        if self.center is not None and self.scale is not None:
            y = y * self.scale.to(y.dtype) + self.center.to(y.dtype)
        if self.box_cox:
            kappa = self._kappa(0.0, y.dtype)
            return ((kappa * y).log1p() / kappa).exp().to(X.dtype)
        kappa = torch.where(y < 0, self._kappa(2.0, y.dtype), self._kappa(0.0, y.dtype))
        return torch.copysign(((kappa * y.abs()).log1p() / kappa).expm1(), y).to(X.dtype)

    def _kappa(self, mirror: float, dtype: torch.dtype) -> Tensor:
        """λ, or mirror − λ; 1e-20 for 0, which gives the limit to the last digit."""
        exponents = self.exponents.to(torch.float64)
        kappa = mirror - exponents if mirror else exponents
        return torch.where(kappa.abs() < 1e-20, 1e-20, kappa).to(dtype)


class _Exponents(Learned):
    """Exponents, which may also be given instead of learned: without a fit, powers are then neither
    shifted nor scaled.
    """

    def __set__(self, instance: Any, value: Any) -> None:
        if "_program" not in instance.__dict__:
            given = as_tensor(np.asarray(value, dtype=np.float64))
            instance._program = _Power(given, None, None, instance.method == "box-cox")
            instance._container = "numpy"
        super().__set__(instance, value)


class PowerTransformer(OneToOneFeatureMixin, InPlace, Transformer):
    """Map each column by the power that makes it most like a normal one, then standardize it.

    Box-Cox: (x^λ − 1) / λ, log x for λ = 0. Yeo-Johnson: the same of 1 + x for x ≥ 0, and
    −((1 − x)^(2−λ) − 1) / (2 − λ) for x < 0.

    Parameters
    ----------
    method : {"yeo-johnson", "box-cox"}, default="yeo-johnson"
        Box-Cox takes positive numbers only.
    standardize : bool, default=True
        Whether the result is shifted to mean 0 and scaled to variance 1.
    copy : bool, default=True
        False overwrites X where it is a float array.

    Attributes
    ----------
    lambdas_ : ndarray or tensor of shape (n_features,), float64
        Exponents, by maximum likelihood; 1 for constant columns.
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Raises
    ------
    ValueError
        Numbers that are not positive, or a column without any, given to Box-Cox.

    Missing values (NaN) do not count and stay NaN. Cost O(n d), about five passes over X in a fit.
    Sources: Box & Cox (1964), https://doi.org/10.1111/j.2517-6161.1964.tb00553.x; Yeo & Johnson
    (2000), https://doi.org/10.1093/biomet/87.4.954.

    Examples
    --------
    >>> from dovetail.preprocessing import PowerTransformer
    >>> power = PowerTransformer(standardize=False).fit([[1.0], [3.0], [7.0], [15.0], [31.0]])
    >>> power.lambdas_.round(6) + 0.0
    array([0.])
    >>> power.transform([[0.0], [1.0]]).round(4)
    array([[0.    ],
           [0.6931]])
    """

    accepts = Accepts(missing=True, half=True)

    method: Literal["yeo-johnson", "box-cox"] = "yeo-johnson"
    _: KW_ONLY
    standardize: bool = True
    copy: bool = True

    lambdas_ = _Exponents("exponents")

    @classmethod
    def _examples(cls) -> list["PowerTransformer"]:
        return [cls(), cls(standardize=False)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags

    def _fit(self, batches: Batches) -> _Power:
        box_cox = self.method == "box-cox"
        batches = batches.kept()
        if box_cox:
            bad, there = batches.sum(_signs)
            self._refuse_nonpositive(bool(bad))
            if not bool(there.all()):
                raise ValueError("Column must not be all nan.")
        exponents = likeliest_exponents(batches, box_cox=box_cox)
        program = _Power(exponents, None, None, box_cox)
        if not self.standardize:
            return program
        moments = column_moments(batches, of=program)
        return program.replace(center=moments.mean, scale=standard_deviations(moments))

    def _refuse_nonpositive(self, there: bool) -> None:
        if there:
            raise ValueError(
                "The Box-Cox transformation can only be applied to strictly positive data. "
                "method='yeo-johnson' takes any numbers."
            )

    def _transform(self, X: Tensor, *, copy: bool = True) -> Tensor:
        self._refuse_nonpositive(self.method == "box-cox" and bool((X <= 0).any()))
        return by_rows(self._program, X, copy=copy)

    def _inverse(self, X: Tensor, *, copy: bool = True) -> Tensor:
        width = len(self._program.exponents)
        if X.shape[1] != width:
            raise ValueError(
                f"X has {X.shape[1]} features, but PowerTransformer is expecting {width} features "
                "as input."
            )
        missing = X.isnan().sum(0)
        back = by_rows(self._program.inverse, X, copy=copy)
        for i in (back.isnan().sum(0) > missing).nonzero().flatten().tolist():
            warn(
                f"Some values in column {i} of the inverse-transformed data are NaN. This may be "
                "caused by numerical issues in the transformation process, e.g. extremely skewed "
                "data. Consider inspecting the input data or preprocessing it before applying "
                "the transformation.",
                UserWarning,
            )
        return back


def _signs(b: Batch) -> tuple[Tensor, Tensor]:
    """How many numbers are not positive, and how many each column has."""
    return (b.X <= 0).sum(), (~b.X.isnan()).sum(0)

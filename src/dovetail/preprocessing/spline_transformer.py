"""B-splines of columns as new columns."""

from dataclasses import KW_ONLY, replace
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from scipy.interpolate import BSpline
from sklearn.utils import Tags, check_array
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted
from torch import Tensor

from dovetail.base import Accepts, WeightedTransformer
from dovetail.data.batches import Batches
from dovetail.data.door import open_matrix
from dovetail.data.order_statistics import quantiles
from dovetail.data.results import by_rows
from dovetail.data.sparse import Matrix
from dovetail.data.statistics import column_ranges, without_weightless
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.params import ArrayLike, AtLeast
from dovetail.preprocessing._splines import Splines

__all__ = ["SplineTransformer"]


class SplineTransformer(WeightedTransformer):
    """Replace each column by the values of B-splines on it: smooth bumps that add up to 1.

    A linear model of them is a piecewise polynomial of the column, with continuous derivatives up
    to degree − 1.

    Parameters
    ----------
    n_knots : int ≥ 2, default=5
        Knots, where the polynomials meet, in the range of a column, its ends included.
    degree : int ≥ 0, default=3
    knots : {"uniform", "quantile"} or array-like of shape (n_knots, n_features), default="uniform"
        Evenly spaced over the range or over the quantiles, or given, ascending.
    extrapolation : {"error", "constant", "linear", "continue", "periodic"}, default="constant"
        Outside the range: an error, the values at its end, a straight line from there, the outer
        polynomials, or a repetition of the range.
    include_bias : bool, default=True
        False leaves out the last spline of each column, which the others determine.
    order : {"C", "F"}, default="C"
        Whether a dense result lies by rows or by columns in memory.
    handle_missing : {"error", "zeros"}, default="error"
        Whether missing values (NaN) are refused, or get zeros for all their splines.
    sparse_output : bool, default=False
        Whether the result is a CSR matrix: of a column's splines, degree + 1 are not zero.

    Attributes
    ----------
    bsplines_ : list of scipy.interpolate.BSpline, one for each column
    n_features_out_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Raises
    ------
    ValueError
        Missing values, or values outside the range, that are to be errors; given knots that do not
        ascend; periodic splines of a degree that is not below the number of knots.

    A column has n_knots + degree − 1 splines, n_knots − 1 where they are periodic. Knots beyond the
    range repeat the outermost distances instead of the outermost knots, as for P-splines (Eilers &
    Marx 1996, https://doi.org/10.1214/ss/1038425655). Row weights count for quantiles; rows of
    weight 0 not for ranges. Cost of a transform O(n d degree²).

    Examples
    --------
    >>> from dovetail.preprocessing import SplineTransformer
    >>> SplineTransformer(n_knots=2, degree=2).fit_transform([[0.0], [1.0], [2.0]])
    array([[0.5  , 0.5  , 0.   ],
           [0.125, 0.75 , 0.125],
           [0.   , 0.5  , 0.5  ]])
    """

    accepts = Accepts(min_rows=2, half=True)

    n_knots: Annotated[int, AtLeast(2)] = 5
    degree: Annotated[int, AtLeast(0)] = 3
    _: KW_ONLY
    knots: Literal["uniform", "quantile"] | ArrayLike = "uniform"
    extrapolation: Literal["error", "constant", "linear", "continue", "periodic"] = "constant"
    include_bias: bool = True
    order: Literal["C", "F"] = "C"
    handle_missing: Literal["error", "zeros"] = "error"
    sparse_output: bool = False

    @property
    def bsplines_(self) -> list[BSpline]:
        """The splines of each column, as scipy's object with one output for each of them."""
        program: Any = self.program_
        coefficients = np.eye(program.splines)
        if self.extrapolation == "periodic":
            coefficients = np.concatenate([coefficients, coefficients[: self.degree]])
        goes_on = self.extrapolation in ("periodic", "continue")
        return [
            BSpline.construct_fast(knots, coefficients, self.degree, extrapolate=goes_on)
            for knots in as_numpy(program.knots)
        ]

    @property
    def n_features_out_(self) -> int:
        """Number of output columns."""
        program: Any = self.program_
        width: int = program.width
        return width

    @classmethod
    def _examples(cls) -> list["SplineTransformer"]:
        return [
            cls(),
            cls(4, 2, knots="quantile", extrapolation="linear", include_bias=False),
            cls(6, extrapolation="periodic"),
            cls(handle_missing="zeros", extrapolation="continue"),
        ]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = self.handle_missing == "zeros"
        return tags

    def _open(self, X: Any, *, reset: bool, device: torch.device | None = None) -> Any:
        accepts = replace(self.accepts, missing=self.handle_missing == "zeros")
        try:
            return open_matrix(self, X, accepts, reset=reset, device=device)
        except ValueError as error:
            if not (reset and "contains NaN" in str(error)):
                raise
            raise ValueError(
                "Input X contains NaN values and `SplineTransformer` is configured to error in "
                "this case (handle_missing='error'). To avoid this error, set "
                "handle_missing='zeros' to encode missing values as splines with value 0 or "
                "ensure no missing values in X."
            ) from error

    def _fit(self, batches: Batches) -> Splines:
        inner = self._inner_knots(batches)
        if self.extrapolation == "periodic" and len(inner) <= self.degree:
            raise ValueError(
                f"Periodic splines require degree < n_knots. Got n_knots={len(inner)} and "
                f"degree={self.degree}."
            )
        knots = self._with_outer_knots(inner).T.contiguous()
        return Splines(knots, self.degree, self.extrapolation, not self.include_bias)

    def _inner_knots(self, batches: Batches) -> Tensor:
        """The knots in the range of each column, shape (k, d), float64."""
        if not isinstance(self.knots, str):
            return self._given_knots(batches)
        steps = torch.linspace(0, 1, self.n_knots, dtype=torch.float64, device=batches.device)
        if self.knots == "quantile":
            method: Any = "inverted_cdf" if batches.weighted else "linear"
            return quantiles(batches, steps, method=method).nan_to_num()
        there = batches.mapped(without_weightless) if batches.weighted else batches
        low, high = (end.to(torch.float64).nan_to_num() for end in column_ranges(there))
        return torch.lerp(low, high, steps[:, None])

    def _given_knots(self, batches: Batches) -> Tensor:
        knots = check_array(self.knots, dtype=np.float64)
        if len(knots) < 2:
            raise ValueError("Number of knots, knots.shape[0], must be >= 2.")
        if knots.shape[1] != batches.n_features:
            raise ValueError("knots.shape[1] == n_features is violated.")
        if not (np.diff(knots, axis=0) > 0).all():
            raise ValueError("knots must be sorted without duplicates.")
        return as_tensor(knots, batches.device)

    def _with_outer_knots(self, inner: Tensor) -> Tensor:
        """With `degree` more knots before and after, shape (k + 2 degree, d)."""
        p = self.degree
        if self.extrapolation == "periodic":
            period = inner[-1] - inner[0]
            return torch.cat([inner[-p - 1 : -1] - period, inner, inner[1 : p + 1] + period])
        steps = torch.arange(1, p + 1, dtype=inner.dtype, device=inner.device)[:, None]
        before = inner[0] - steps.flip(0) * (inner[1] - inner[0])
        return torch.cat([before, inner, inner[-1] + steps * (inner[-1] - inner[-2])])

    def _transform(self, X: Tensor) -> Matrix:
        program: Any = self._program
        if self.extrapolation == "error":
            self._refuse_outside(X)
        if self.sparse_output:
            return program.sparse(X)
        out = by_rows(program, X, width=program.width)
        return out.T.contiguous().T if self.order == "F" else out

    def _refuse_outside(self, X: Tensor) -> None:
        low, high = self._program.range()
        outside = ((low > X) | (high < X)).any(0)
        if bool(outside.any()):
            j = int(outside.nonzero()[0])
            raise ValueError(
                "`X` contains values beyond the limits of the knots. Out of bounds: column "
                f"{j}, whose knots go from {low[j].item():.6g} to {high[j].item():.6g}. "
                "Choose another `extrapolation` to allow them."
            )

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the output columns, such as "x0_sp_2".

        Parameters
        ----------
        input_features : array-like of str or None
            None takes `feature_names_in_`, or x0, x1, ...
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        count = self._program.splines - self._program.skip_last
        return np.array([f"{n}_sp_{j}" for n in names for j in range(count)], dtype=object)

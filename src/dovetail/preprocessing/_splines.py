"""The Program of B-spline bases.

At any x only degree + 1 of the splines on a row of knots are not zero; their values follow from the
knots around x by the recursion of Cox and de Boor (de Boor 1972,
https://doi.org/10.1016/0021-9045(72)90080-9).

Shapes: n rows, d columns, t knots, p the degree, s splines of a column.
"""

import torch
from torch import Tensor

from dovetail.data.sparse import SparseMatrix
from dovetail.data.tensors import FLOATS
from dovetail.kernels.ranks import bins
from dovetail.program import Program

__all__ = ["Splines"]


class Splines(Program):
    """Values of the B-splines of each column, all columns side by side; 0 for missing values.

    knots : Tensor of shape (d, t), float64, ascending; the first and last p are outside the range
    extrapolation : "constant", "linear", "periodic"; else the outer polynomials go on
    skip_last : whether the last spline of each column is left out
    """

    knots: Tensor
    degree: int
    extrapolation: str
    skip_last: bool

    @property
    def splines(self) -> int:
        """Splines of a column, s."""
        count = self.knots.shape[1] - self.degree - 1
        return count - self.degree if self.extrapolation == "periodic" else count

    @property
    def width(self) -> int:
        """Columns that come out."""
        return len(self.knots) * (self.splines - self.skip_last)

    def range(self) -> tuple[Tensor, Tensor]:
        """First and last inner knot of each column, shape (d,)."""
        return self.knots[:, self.degree], self.knots[:, -self.degree - 1]

    def forward(self, X: Tensor) -> Tensor:
        values, first = self.local(X)
        n, d, s = *X.shape, self.splines
        out = values.new_zeros(n, d, s).scatter_add(2, self._places(first), values)
        return out[:, :, : s - self.skip_last].reshape(n, -1).to(X.dtype)

    def sparse(self, X: Tensor) -> SparseMatrix:
        """The same as a CSR matrix, p + 1 stored values for each column of a row."""
        values, first = self.local(X)
        n, d, s = *X.shape, self.splines
        places = self._places(first)
        kept = s - self.skip_last
        columns = places + kept * torch.arange(d, device=X.device)[:, None]
        starts = torch.arange(0, values.numel() + 1, values[0].numel(), device=X.device)
        if self.skip_last:
            inside = places < kept
            counts = inside.sum((1, 2))
            starts = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
            columns, values = columns[inside], values[inside]
        index = torch.int32 if max(int(starts[-1]), self.width) < 2**31 else torch.int64
        matrix = SparseMatrix(
            starts.to(index),
            columns.flatten().to(index),
            values.flatten().to(X.dtype),
            (n, self.width),
        )
        if self.extrapolation != "periodic":
            return matrix
        sorted_matrix = matrix.to_scipy()  # splines beyond the last are the first ones again
        sorted_matrix.sum_duplicates()
        return SparseMatrix.from_scipy(sorted_matrix, X.device)

    def local(self, X: Tensor) -> tuple[Tensor, Tensor]:
        """Values of the splines that are not zero, (n, d, p + 1), and the first of them, (n, d)."""
        x = X if X.dtype in FLOATS else X.to(torch.float32)
        low, high = (end.to(x.dtype) for end in self.range())
        missing = x.isnan()
        x = torch.where(missing, low, x)
        at = x
        if self.extrapolation in ("constant", "linear"):
            at = torch.minimum(torch.maximum(x, low), high)
        elif self.extrapolation == "periodic":
            period = torch.where(high > low, high - low, 1.0)
            at = low + torch.remainder(x - low, period)
        inner = self.knots[:, self.degree + 1 : -self.degree - 1].contiguous()
        first = bins(at.detach(), inner, torch.int64)
        values = self._values(at, first)
        if self.extrapolation == "linear" and self.degree > 0:
            below, above = self._slopes(x.dtype)
            beyond = (x - at)[:, :, None]
            values = values + beyond * torch.where(beyond < 0, below, above)
        return torch.where(missing[:, :, None], 0.0, values), first

    def _values(self, at: Tensor, first: Tensor) -> Tensor:
        """The recursion: with left = x − t_i and right = t_j − x for the knots around x, values of
        degree q are sums of neighboring values of degree q − 1.
        """
        knots = self.knots.to(at.dtype)
        d, t = knots.shape
        flat, place = knots.flatten(), first + t * torch.arange(d, device=at.device)

        def knot(offset: int) -> Tensor:
            return flat[place + (self.degree + offset)]

        p = self.degree
        left = [at - knot(1 - q) for q in range(1, p + 1)]
        right = [knot(q) - at for q in range(1, p + 1)]
        values = [torch.ones_like(at)]
        for q in range(1, p + 1):
            carried, following = torch.zeros_like(at), []
            for r in range(q):
                gap = right[r] + left[q - 1 - r]
                share = values[r] / torch.where(gap == 0, torch.inf, gap)  # 0 on repeated knots
                following.append(carried + right[r] * share)
                carried = left[q - 1 - r] * share
            values = [*following, carried]
        return torch.stack(values, dim=2)

    def _slopes(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Derivatives by x of the values at both ends of the range, each (d, p + 1).

        Those of degree p are differences of values of degree p − 1 over p + 1 knots.
        """
        p, ends = self.degree, []
        lower = self.replace(knots=self.knots[:, 1:-1], degree=p - 1)
        last = self.knots.shape[1] - 2 * p - 2
        for end, first in zip(self.range(), (0, last), strict=True):
            values, _ = lower.local(end[None])
            padded = torch.nn.functional.pad(values[0], (1, 1))
            knots = self.knots[:, first : first + 2 * p + 2]
            gaps = (knots[:, p:] - knots[:, : p + 2]) / p
            scaled = padded / torch.where(gaps == 0, torch.inf, gaps)
            ends.append((scaled[:, :-1] - scaled[:, 1:]).to(dtype))
        return ends[0], ends[1]

    def _places(self, first: Tensor) -> Tensor:
        """Which spline of its column each local value belongs to, (n, d, p + 1)."""
        places = first[:, :, None] + torch.arange(self.degree + 1, device=first.device)
        return places % self.splines if self.extrapolation == "periodic" else places

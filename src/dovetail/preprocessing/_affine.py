"""The Program of the scalers: shift and scale each column."""

from torch import Tensor

from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.program import Program

__all__ = ["Affine"]


class Affine(Program):
    """(X - center) / scale, either part left out where it is None.

    center, scale : Tensor of shape (d,) or None
    """

    center: Tensor | None
    scale: Tensor | None

    def forward(self, X: Tensor) -> Tensor:
        if self.center is not None:
            X = X - self.center.to(X.dtype)
        return X if self.scale is None else X / self.scale.to(X.dtype)

    def inverse(self, X: Matrix) -> Matrix:
        """X · scale + center."""
        if isinstance(X, SparseMatrix):
            return X if self.scale is None else X.scale_columns(self.scale)
        if self.scale is not None:
            X = X * self.scale.to(X.dtype)
        return X if self.center is None else X + self.center.to(X.dtype)

    def transformed(self, X: Matrix, *, copy: bool) -> Matrix:
        """The same, outside autograd: one temporary less, none where X may be overwritten."""
        if isinstance(X, SparseMatrix):
            scaled = X if self.scale is None else X.scale_columns(1 / self.scale)
            if not copy:
                X.values.copy_(scaled.values)
            return scaled if copy else X
        if X.requires_grad:
            out: Tensor = self(X)
            return out
        if self.center is None and self.scale is None:
            return X.clone() if copy else X
        if self.center is not None:
            center = self.center.to(X.dtype)
            X = X - center if copy else X.sub_(center)
            return X if self.scale is None else X.div_(self.scale.to(X.dtype))
        assert self.scale is not None
        scale = self.scale.to(X.dtype)
        return X / scale if copy else X.div_(scale)

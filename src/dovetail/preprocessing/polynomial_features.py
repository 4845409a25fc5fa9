"""Products of columns as new columns."""

from dataclasses import KW_ONLY
from functools import cached_property
from itertools import chain, combinations, combinations_with_replacement
from numbers import Integral
from typing import Annotated, Any, Literal

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted
from torch import Tensor

from dovetail.base import Accepts, Transformer
from dovetail.data.batches import Batches
from dovetail.data.sparse import Matrix, SparseMatrix
from dovetail.kernels.polynomials import Plan, expand, make_plan
from dovetail.params import ArrayLike, AtLeast
from dovetail.preprocessing._sparse_polynomials import count_terms, sparse_terms
from dovetail.program import Program

__all__ = ["PolynomialFeatures"]


class _Polynomial(Program):
    """Terms of degree `least` to `greatest` of d columns, with `bias` after a column of ones."""

    d: int
    least: int
    greatest: int
    interaction_only: bool
    bias: bool

    @cached_property
    def plan(self) -> Plan:
        """The multiplications that make the terms."""
        return make_plan(
            self.d,
            self.least,
            self.greatest,
            interaction_only=self.interaction_only,
            bias=self.bias,
        )

    @property
    def width(self) -> int:
        """Columns that come out."""
        degrees = range(max(1, self.least), self.greatest + 1)
        return self.bias + sum(
            count_terms(self.d, r, distinct=self.interaction_only) for r in degrees
        )

    def forward(self, X: Tensor) -> Tensor:
        return expand(X, self.plan)

    def sparse(self, X: SparseMatrix) -> SparseMatrix:
        """The same of a CSR matrix."""
        least = max(1, self.least)
        return sparse_terms(X, least, self.greatest, distinct=self.interaction_only, bias=self.bias)

    def factors(self) -> list[tuple[int, ...]]:
        """The columns whose product each term is."""
        choose: Any = combinations if self.interaction_only else combinations_with_replacement
        degrees = range(max(1, self.least), self.greatest + 1)
        terms = chain.from_iterable(choose(range(self.d), r) for r in degrees)
        return [(), *terms] if self.bias else list(terms)


class PolynomialFeatures(Transformer):
    """All products of up to `degree` columns: of a and b, with degree 2, 1, a, b, a², ab, b².

    Parameters
    ----------
    degree : int ≥ 0, or tuple (least, greatest), default=2
        Greatest, or least and greatest, number of factors. Degree 0 is the matter of
        `include_bias`.
    interaction_only : bool, default=False
        Whether the factors of a product are distinct: ab, but not a².
    include_bias : bool, default=True
        Whether the first column holds ones.
    order : {"C", "F"}, default="C"
        Whether a dense result lies by rows or by columns in memory. By columns is the faster to
        compute, and the slower to learn from.

    Attributes
    ----------
    powers_ : ndarray of shape (n_output_features_, n_features_in_), int
        Exponent of each input column in each output column.
    n_output_features_ : int
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Raises
    ------
    ValueError
        Degrees that are not whole numbers in order, no output column at all, or more of them than
        can be counted in 64 bits.

    Cost O(n k) for k output columns, of which there are C(d + degree, degree). Sparse X stays
    sparse: of a row with s stored values C(s + degree, degree) are computed.

    Examples
    --------
    >>> from dovetail.preprocessing import PolynomialFeatures
    >>> poly = PolynomialFeatures().fit([[2.0, 3.0]])
    >>> poly.transform([[2.0, 3.0]])
    array([[1., 2., 3., 4., 6., 9.]])
    >>> poly.get_feature_names_out(["a", "b"]).tolist()
    ['1', 'a', 'b', 'a^2', 'a b', 'b^2']
    """

    accepts = Accepts(sparse=("csr", "csc"), half=True)

    degree: Annotated[int, AtLeast(0)] | ArrayLike = 2
    _: KW_ONLY
    interaction_only: bool = False
    include_bias: bool = True
    order: Literal["C", "F"] = "C"

    @property
    def n_output_features_(self) -> int:
        """Number of output columns."""
        program: Any = self.program_
        width: int = program.width
        return width

    @property
    def powers_(self) -> npt.NDArray[np.int64]:
        """Exponent of each input column in each output column."""
        program: Any = self.program_
        d = self.n_features_in_
        return np.array([np.bincount(term, minlength=d) for term in program.factors()])

    @classmethod
    def _examples(cls) -> list["PolynomialFeatures"]:
        return [cls(), cls((2, 3), interaction_only=True, include_bias=False)]

    def _fit(self, batches: Batches) -> _Polynomial:
        least, greatest = self._degrees()
        program = _Polynomial(
            batches.n_features, least, greatest, self.interaction_only, self.include_bias
        )
        if program.width > np.iinfo(np.intp).max:
            raise ValueError(
                "The output that would result from the current configuration would have "
                f"{program.width} features which is too large to be indexed by "
                f"{np.intp().dtype.name}. Give fewer columns (now {batches.n_features}) or lower "
                f"degrees (now {least} to {greatest}), or pass interaction_only=True."
            )
        return program

    def _degrees(self) -> tuple[int, int]:
        """Least and greatest degree asked for."""
        degree: Any = self.degree
        if isinstance(degree, Integral):
            if degree == 0 and not self.include_bias:
                raise ValueError(
                    "Setting degree to zero and include_bias to False would result in an empty "
                    "output array."
                )
            return 0, int(degree)
        if len(degree) != 2:
            raise ValueError(
                "degree must be a non-negative int or tuple (min_degree, max_degree), got "
                f"{degree}."
            )
        least, greatest = degree
        whole = isinstance(least, Integral) and isinstance(greatest, Integral)
        if not (whole and 0 <= least <= greatest):
            raise ValueError(
                "degree=(min_degree, max_degree) must be non-negative integers that fulfil "
                f"min_degree <= max_degree, got {degree}."
            )
        if greatest == 0 and not self.include_bias:
            raise ValueError(
                "Setting both min_degree and max_degree to zero and include_bias to False would "
                "result in an empty output array."
            )
        return int(least), int(greatest)

    def _transform(self, X: Matrix) -> Matrix:
        if isinstance(X, SparseMatrix):
            terms = self._program.sparse(X.tocsr())
            return terms if X.format == "csr" else terms.tocsc()
        return expand(X, self._program.plan, columns_first=self.order == "F")

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the output columns, such as "a^2 b".

        Parameters
        ----------
        input_features : array-like of str or None
            None takes `feature_names_in_`, or x0, x1, ...
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        powers = [{j: term.count(j) for j in term} for term in self._program.factors()]
        return np.array(
            [
                " ".join(names[j] if p == 1 else f"{names[j]}^{p}" for j, p in power.items()) or "1"
                for power in powers
            ],
            dtype=object,
        )

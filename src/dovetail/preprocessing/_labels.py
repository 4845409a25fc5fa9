"""What the transformers of labels share. They take y where other transformers take X."""

from typing import Any, Self

import numpy as np
import numpy.typing as npt
from sklearn.base import TransformerMixin, _fit_context
from sklearn.utils import Tags
from torch import Tensor

from dovetail.base import Estimator
from dovetail.data.columns import distinct, factorize
from dovetail.data.scan import in_one_memory
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.preprocessing._vocabulary import Vocabulary, sorted_vocabulary
from dovetail.program import Program

__all__ = ["LabelTransformer", "as_given", "coded", "plain", "sorted_labels"]


class LabelTransformer(TransformerMixin, Estimator, auto_wrap_output_keys=None):
    """A transformer of labels, without names of columns."""

    @_fit_context(prefer_skip_nested_validation=True)  # type: ignore[untyped-decorator]
    def fit(self, y: Any) -> Self:
        """Learn the classes.

        Parameters
        ----------
        y : array-like of shape (n_samples,); where several classes may be true at once, zeros and
            ones of shape (n_samples, n_classes)

        Returns
        -------
        self
        """
        self._program = self._learned(plain(in_one_memory(y)))
        return self

    def _learned(self, y: Any) -> Program:
        """Learn the classes of labels; the Program from codes."""
        raise TypeError(f"{type(self).__name__} does not say how it learns.")

    def transform(self, y: Any) -> Any:
        """Encode labels."""
        raise TypeError(f"{type(self).__name__} does not say how it encodes.")

    def fit_transform(self, y: Any) -> Any:
        """Learn the classes and encode their labels: `fit(y).transform(y)`."""
        return self.fit(y).transform(y)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.target_tags.one_d_labels = True
        return tags


def sorted_labels(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """The distinct labels, sorted, None and nan last."""
    return sorted_vocabulary(distinct(labels)).values


def coded(
    labels: npt.NDArray[Any], classes: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.int64], list[Any]]:
    """Codes of labels among sorted classes, −1 for others; and these others, each once."""
    codes, found = factorize(labels)
    place = Vocabulary(classes).find(found)
    return place[codes], found[place < 0].tolist()


def as_given(result: npt.NDArray[Any], y: Any) -> Any:
    """A result as a tensor where the labels came as one and it is numbers."""
    if isinstance(y, Tensor) and result.dtype.kind in "biuf":
        return as_tensor(result, y.device)
    return result


def plain(y: Any) -> Any:
    """Labels without tensors."""
    return as_numpy(y) if isinstance(y, Tensor) else y

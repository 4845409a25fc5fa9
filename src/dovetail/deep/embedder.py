"""What a net makes of its input, as columns for any other estimator."""

from __future__ import annotations

from typing import Annotated, Any, Self

import torch
from sklearn.base import ClassNamePrefixFeaturesOutMixin, _fit_context, clone
from sklearn.utils import Tags, get_tags
from torch import Tensor

from dovetail.base import Transformer
from dovetail.data.batches import Batch
from dovetail.data.door import Given
from dovetail.data.scan import in_one_memory
from dovetail.deep._image_door import named_images
from dovetail.deep._program import NetOutputs
from dovetail.deep.autoencoder import Autoencoder
from dovetail.params import Has

__all__ = ["Embedder"]


class Embedder(ClassNamePrefixFeaturesOutMixin, Transformer):
    """The features that a net has found, as columns: images → features → a support-vector machine.

    `fit` trains the net on X and, where it learns from them, y; `transform` gives its features: of
    a classifier those that its scores are made of, of an autoencoder its codes. A net that is
    trained already stays as it is in `sklearn.frozen.FrozenEstimator(net)`.

    Parameters
    ----------
    estimator : deep estimator or None, default=None
        Cloned before it is trained. None means `Autoencoder(64, noise=0.3, random_state=0)`, which
        needs no y.

    Attributes
    ----------
    estimator_ : the trained net
    program_ : the map of X to features

    Raises
    ------
    TypeError
        A net whose module has neither `embed` nor `encode`.

    Cost: that of the net.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from dovetail.deep import Embedder, ImageClassifier
    >>> from dovetail.pipeline import make_pipeline
    >>> from dovetail.svm import SVC
    >>> digits = load_digits()
    >>> net = ImageClassifier(width=8, max_epochs=4, random_state=0)
    >>> model = make_pipeline(Embedder(net), SVC())
    >>> model.fit(digits.images[:800], digits.target[:800])[0].transform(digits.images).shape
    (1797, 16)
    """

    estimator: Annotated[Any, Has("fit", "front")] | None = None

    @classmethod
    def _examples(cls) -> list[Self]:
        quick: dict[str, Any] = {"max_epochs": 4, "dtype": "float64", "random_state": 0}
        return [cls(Autoencoder(3, hidden=(8,), **quick))]

    @_fit_context(prefer_skip_nested_validation=False)
    def fit(self, X: Any, y: Any = None) -> Self:
        """Train the net.

        Parameters
        ----------
        X, y : as the net takes them

        Returns
        -------
        self
        """
        in_one_memory(X)
        self._container = Given.of(X).container
        self.estimator_ = clone(self._net).fit(X, y)
        self.n_features_in_ = self.estimator_.n_features_in_
        if hasattr(self.estimator_, "feature_names_in_"):
            self.feature_names_in_ = self.estimator_.feature_names_in_
        files = named_images(X, None)[0]
        rows = Batch(self.front(files[:1] if isinstance(files, list) else X))
        with torch.no_grad():
            self._n_features_out = self._transform(rows.rows(0, 1).X).shape[1]
        return self

    @property
    def _net(self) -> Any:
        if self.estimator is None:
            return Autoencoder(64, noise=0.3, random_state=0)
        return self.estimator

    @property
    def _program(self) -> NetOutputs:
        program: NetOutputs = self.estimator_._program
        return program.features()

    def __sklearn_is_fitted__(self) -> bool:
        return "estimator_" in self.__dict__

    def to(self, device: Any) -> Self:
        """Move the net."""
        self.estimator_.to(device)
        return self

    def front(self, X: Any) -> Any:
        """X as the net takes it."""
        return self.estimator_.front(X)

    def _transform(self, X: Any) -> Tensor:
        out: Tensor = self._program(X)
        return out.flatten(1)

    def _run(self, compute: Any, X: Any) -> Any:
        return self.estimator_._run(compute, X)

    def __sklearn_tags__(self) -> Tags:
        tags, of = super().__sklearn_tags__(), get_tags(self._net)
        tags.input_tags = of.input_tags
        tags.target_tags.required = of.target_tags.required
        dtype = getattr(self._net, "dtype", "float32")
        tags.transformer_tags.preserves_dtype = [dtype]
        return tags

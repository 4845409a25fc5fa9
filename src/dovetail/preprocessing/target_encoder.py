"""Categories as the mean of the target among their rows."""

from functools import reduce
from typing import Annotated, Any, Literal, Self

import numpy as np
import numpy.typing as npt
import torch
from sklearn.base import OneToOneFeatureMixin
from sklearn.model_selection import check_cv
from sklearn.utils import Tags, column_or_1d, indexable
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import (
    _check_feature_names_in,
    _check_y,
    check_consistent_length,
    check_is_fitted,
)
from torch import Tensor

from dovetail.data.batches import Batch, Batches
from dovetail.data.columns import label_codes
from dovetail.data.door import Given, codes_among
from dovetail.data.scan import Scan
from dovetail.data.statistics import Moments, merge_moments
from dovetail.data.tensors import as_numpy, as_tensor
from dovetail.distributed import current
from dovetail.errors import warn
from dovetail.params import AtLeast, Seed, Splitter
from dovetail.preprocessing._categorical import Categorical, LookUp, stacked
from dovetail.preprocessing._vocabulary import Rarity
from dovetail.program import Program

__all__ = ["TargetEncoder"]

TargetType = Literal["binary", "multiclass", "continuous"]


class TargetEncoder(OneToOneFeatureMixin, Categorical):
    """Each category as the mean of the target among its rows, drawn towards the mean of all rows.

    A category with n rows and mean m becomes (n m + s M) / (n + s), M being the mean of all rows;
    s is `smooth`, or the ratio of the variance within the category to that of all rows, which is
    the empirical Bayes estimate of Micci-Barreca (2001, https://doi.org/10.1145/507533.507538).
    For several classes there is one column for each column of X and class: the share of the class.

    `fit_transform` is not `fit` and `transform`: it encodes each fold of the rows by what the other
    folds say, so that a row's own target does not leak into its encoding. Use it for the rows a
    model is trained on; a Pipeline does.

    Parameters
    ----------
    categories : "auto" or list of array-likes, default="auto"
        The categories of each column; "auto" takes the values seen in fit. Numbers must be given in
        ascending order, and nan last.
    target_type : {"auto", "continuous", "binary", "multiclass"}, default="auto"
    smooth : "auto" or float >= 0, default="auto"
        Rows that the mean of all rows counts for.
    cv : int, splitter, iterable of splits or None, default=5
        The folds of `fit_transform`; each row must be tested exactly once. Numbers mean shuffled
        folds, stratified by class.
    shuffle, random_state : deprecated, give `cv` a splitter instead

    Attributes
    ----------
    encodings_ : list of n_features (or n_features * n_classes) arrays
        What the categories of column i become is `encodings_[i]`, for class c of several
        `encodings_[i * n_classes + c]`.
    categories_ : list of n_features arrays
    target_type_ : str
    target_mean_ : float, or ndarray of shape (n_classes,)
        What unknown categories become.
    classes_ : ndarray, or None for a continuous target
    n_features_in_ : int
    feature_names_in_ : ndarray of str, where X had column names

    Raises
    ------
    ValueError
        The target is of another kind; folds that leave out or repeat rows.

    Missing values (None, nan) are categories like others. Cost: one hash of every value, and
    O(n d) for each fold.

    Examples
    --------
    >>> from dovetail.preprocessing import TargetEncoder
    >>> X = [["dog"], ["dog"], ["cat"], ["cat"], ["cat"]]
    >>> encoder = TargetEncoder(smooth=1.0).fit(X, [9.0, 11.0, 1.0, 2.0, 3.0])
    >>> encoder.target_mean_
    5.2
    >>> encoder.transform([["cat"], ["dog"], ["cow"]])
    array([[2.8 ],
           [8.4 ],
           [5.2 ]])
    """

    categories: Literal["auto"] | list[Any] = "auto"
    target_type: Literal["auto", "continuous", "binary", "multiclass"] = "auto"
    smooth: Literal["auto"] | Annotated[float, AtLeast(0)] = "auto"
    cv: Splitter = 5
    shuffle: bool | Literal["deprecated"] = "deprecated"
    random_state: Seed | Literal["deprecated"] = "deprecated"

    @classmethod
    def _examples(cls) -> list["TargetEncoder"]:
        return [cls(), cls(smooth=2.0)]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags

    @property
    def _unknown(self) -> Literal["ignore"]:
        return "ignore"

    @property
    def _width(self) -> int:
        """Numbers that a category becomes."""
        return len(self.classes_) if self.target_type_ == "multiclass" else 1

    @property
    def encodings_(self) -> list[Any]:
        """What the categories of each column become, a list for each class of several."""
        found = [column for table in self._program.tables() for column in table[1:].T]
        return [as_tensor(f.copy()) for f in found] if self._container == "torch" else found

    @property
    def target_mean_(self) -> Any:
        """What unknown categories become."""
        mean = as_numpy(self._program.table[0])
        return mean if self.target_type_ == "multiclass" else mean[0]

    # -- learning

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn the encodings from all rows; for training data use `fit_transform`.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)

        Returns
        -------
        self
        """
        return self._learn(X, y)

    def fit_transform(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Learn the encodings from all rows, and encode each fold of X by the other folds.

        Parameters
        ----------
        X : array-like, frame or tensor of shape (n_samples, n_features)
        y : array-like of shape (n_samples,)
        **params : what is routed to the splitter, for instance `groups`

        Returns
        -------
        array or tensor of shape (n_samples, n_features), or (n_samples, n_features * n_classes)
            float64
        """
        _raise_for_params(params, self, "fit_transform")
        encoders: list[_FoldEncoder] = []

        def learn(batches: Batches) -> Program:
            program = self._fit(batches)
            if batches.in_memory:
                encoders.append(self._cross_fitted(batches, X, y, params))
            else:
                everyone = self._all_targets(batches)
                encoders.append(self._cross_fitted(batches, everyone, everyone, params))
            return program

        self._template(learn, X, y, None, reset=True)
        encoder = encoders[0]

        def encoded(block: Any, start: int) -> npt.NDArray[np.float64]:
            return encoder(self._codes(self._open(block, reset=False)), start)

        if isinstance(X, Scan):
            return X.mapped_rows(encoded)
        given = Given.of(X)
        out = encoded(X, 0)
        return as_tensor(out, given.device) if given.container == "torch" else out

    def _open_y(self, y: Any, X: Any) -> Tensor:
        """The target: numbers, or int64 codes of classes."""
        if y is None:
            raise ValueError(
                "This TargetEncoder estimator requires y to be passed, but the target y is None."
            )
        y = as_numpy(y) if isinstance(y, Tensor) else y
        check_consistent_length(X, y)
        group = current()
        if group is None:
            return self._learn_kind(y)
        everyone = group.gather(lambda: np.asarray(y))
        whole = self._learn_kind(np.concatenate([part for part in everyone if len(part)]))
        before = sum(len(part) for part in everyone[: group.rank])
        return whole[before : before + len(X)]

    def _prepare_target(self, scan: Scan) -> None:
        values = scan.target_values()
        group = current()
        if group is not None:
            parts = group.gather(lambda: values)
            values = np.concatenate([part for part in parts if len(part)])
        self._learn_kind(values)

    def _open_scanned_y(self, y: Any, X: Any) -> Tensor:
        if self.classes_ is None:
            return as_tensor(np.asarray(y)).double()
        return codes_among(y, self.classes_, X)

    def _learn_kind(self, y: Any) -> Tensor:
        """Find out what the target of all rows is; the target in its terms."""
        kind = type_of_target(y, input_name="y") if self.target_type == "auto" else self.target_type
        accepted = ("binary", "multiclass", "continuous")
        if kind not in accepted:
            raise ValueError(
                f"Unknown label type: Target type was inferred to be {kind!r}. Only {accepted} "
                "are supported."
            )
        self.target_type_: TargetType = kind
        self.classes_: Any = None
        if kind == "continuous":
            return as_tensor(np.asarray(_check_y(y, y_numeric=True, estimator=self))).double()
        codes, self.classes_ = label_codes(column_or_1d(y, warn=True))
        if kind == "binary" and len(self.classes_) > 2:
            raise ValueError(
                f"target_type is 'binary', but y has {len(self.classes_)} classes. Use "
                "'multiclass', or 'continuous' if they are numbers."
            )
        return as_tensor(codes)

    def _fit(self, batches: Batches) -> LookUp:
        self._learn_vocabularies(batches, self.categories, Rarity(), complete=False)
        moments = batches.fold(
            lambda block: self._moments(block.mapped(self._codes)),
            lambda a, b: list(map(merge_moments, a, b)),
        )
        return stacked(self._tables([_of_fold(m, 0) for m in moments]))

    def _moments(self, coded: Batch, fold: Tensor | None = None, folds: int = 1) -> list[Moments]:
        """Moments of the target in each fold: of all rows, then by category for each column.

        fold : int64 Tensor of shape (n,), the fold of each row; None for one fold
        """
        codes_nd, y = coded.X, coded.y
        assert y is not None
        fold = torch.zeros_like(codes_nd[:, 0]) if fold is None else fold
        classes = None if self.classes_ is None else max(2, len(self.classes_))
        found = [_moments_by_code(torch.zeros_like(fold), 1, fold, folds, y, classes)]
        for j, vocabulary in enumerate(self._vocabularies):
            found.append(_moments_by_code(codes_nd[:, j], len(vocabulary), fold, folds, y, classes))
        return found

    def _tables(self, moments: list[Moments]) -> list[npt.NDArray[np.float64]]:
        """What unknown values and each category become, shape (k + 1, m) a column."""
        if self.target_type_ == "binary":  # the share of the second class says it all
            moments = [Moments(n, mean[:, 1:], squares[:, 1:]) for n, mean, squares in moments]
        whole, *columns = moments
        found = [torch.cat([whole.mean, self._shrunk(c, whole)]) for c in columns]
        return [as_numpy(table) for table in found]

    def _shrunk(self, category: Moments, whole: Moments) -> Tensor:
        n = category.weight
        if self.smooth == "auto":
            within = category.squares / n
            share = whole.variance * n / (whole.variance * n + within)
        else:
            share = n / (n + self.smooth)
        # nan where a category has no rows, or the target does not vary at all
        return torch.lerp(whole.mean, category.mean, torch.nan_to_num(share))

    def _all_targets(self, batches: Batches) -> npt.NDArray[Any]:
        """The targets of all rows of all processes, as numbers or codes."""

        def of_block(b: Batch) -> npt.NDArray[Any]:
            assert b.y is not None
            return as_numpy(b.y)

        return batches.fold(of_block, lambda a, b: np.concatenate([a, b]))

    def _cross_fitted(
        self, batches: Batches, X: Any, y: Any, params: dict[str, Any]
    ) -> "_FoldEncoder":
        """What encodes each fold of the rows by the moments of the rows it is tested against."""
        n, group = len(batches), batches.group
        splits = self._splits(X, y, params, n)
        fold = torch.empty(n, dtype=torch.int16)
        for f, (_, test) in enumerate(splits):
            fold[as_tensor(test)] = f
        if group is not None:  # each process may have drawn other folds
            fold, counts = group.from_first(fold), group.gather(lambda: len(batches.source))
            before = sum(counts[: group.rank])
            fold = fold[before : before + counts[group.rank]]
        if all(_is_partition(train, test, n) for train, test in splits):

            def block(b: Batch) -> list[Moments]:
                some = fold[b.start : b.start + len(b)].long()
                return self._moments(b.mapped(self._codes), some, len(splits))

            # all folds at the cost of one
            moments = batches.fold(block, lambda a, b: list(map(merge_moments, a, b)))
            trained = [[_of_others(m, f) for m in moments] for f in range(len(splits))]
        else:
            coded = batches.whole.mapped(self._codes)
            taken = [self._moments(coded.take(as_tensor(train))) for train, _ in splits]
            trained = [[_of_fold(m, 0) for m in moments] for moments in taken]
        return _FoldEncoder(fold, [self._tables(moments) for moments in trained])

    def _splits(
        self, X: Any, y: Any, params: dict[str, Any], n: int
    ) -> list[tuple[npt.NDArray[Any], npt.NDArray[Any]]]:
        shuffle, seed = self.shuffle, self.random_state
        if shuffle != "deprecated" or seed != "deprecated":
            warn(
                "`TargetEncoder.shuffle` and `TargetEncoder.random_state` are deprecated in "
                "version 1.9 and will be removed in version 1.11. Pass a cross-validation "
                "generator as `cv` argument to specify the shuffling behaviour instead.",
                FutureWarning,
            )
        splitter = check_cv(
            self.cv,
            y,
            classifier=self.target_type_ != "continuous",
            shuffle=True if shuffle == "deprecated" else shuffle,
            random_state=None if seed == "deprecated" else seed,
        )
        routed = {}
        if _routing_enabled():
            if params.get("groups") is not None:
                X, y, params["groups"] = indexable(X, y, params["groups"])
            routed = process_routing(self, "fit_transform", **params).splitter.split
        splits = list(splitter.split(X, y, **routed))
        if (np.bincount(np.concatenate([test for _, test in splits]), minlength=n) != 1).any():
            raise ValueError(
                "Validation indices from `cv` must cover each sample index exactly once with no "
                "overlap. Pass a splitter with non-overlapping validation folds as `cv`, such as "
                "KFold or StratifiedKFold."
            )
        return splits

    # -- what scikit-learn asks

    def get_feature_names_out(self, input_features: Any = None) -> npt.NDArray[Any]:
        """Names of the output columns: those of X, and column_class for several classes.

        Parameters
        ----------
        input_features : array-like of str or None
            Names of the columns of X; None takes those of fit, else x0, x1, ...

        Returns
        -------
        ndarray of str objects
        """
        check_is_fitted(self)
        names: npt.NDArray[Any] = _check_feature_names_in(self, input_features)
        if self.target_type_ != "multiclass":
            return names
        return np.array([f"{n}_{c}" for n in names for c in self.classes_], dtype=object)

    def get_metadata_routing(self) -> MetadataRouter:
        """Where `fit_transform` sends metadata: to `split` of the splitter."""
        mapping = MethodMapping().add(caller="fit_transform", callee="split")
        return MetadataRouter(owner=self).add(splitter=self.cv, method_mapping=mapping)


class _FoldEncoder:
    """Codes to numbers by the fold of each row.

    fold : Tensor of shape (n,); tables : for each fold what each column's codes become, (k + 1, m)
    """

    def __init__(self, fold: Tensor, tables: list[list[npt.NDArray[Any]]]) -> None:
        self.fold = fold
        self.tables = [np.concatenate(column) for column in zip(*tables, strict=True)]
        self.sizes = [len(table) for table in tables[0]]

    def __call__(self, codes_nd: Tensor, start: int) -> npt.NDArray[np.float64]:
        """Encode rows, of which the first has the number `start`."""
        fold = self.fold[start : start + len(codes_nd)].long()
        out = np.empty((*codes_nd.shape, self.tables[0].shape[1]))
        for j, (table, size) in enumerate(zip(self.tables, self.sizes, strict=True)):
            out[:, j] = table[as_numpy(fold * size + codes_nd[:, j] + 1)]
        return out.reshape(len(codes_nd), -1)


def _moments_by_code(
    codes: Tensor, k: int, fold: Tensor, folds: int, y: Tensor, classes: int | None
) -> Moments:
    """Moments of the target by fold and category, shape (folds, k, m): of numbers, or of the zeros
    and ones of each class.

    codes : int64 Tensor of shape (n,), those of -1 left out
    classes : number of classes that y has codes of; None where y is numbers
    """
    cells = fold * (k + 1) + codes + 1
    size = folds * (k + 1)
    if classes is not None:
        each = torch.bincount(cells * classes + y, minlength=size * classes).double()
        each = each.view(size, classes)
        n = each.sum(1, keepdim=True)
        mean = each / n.clamp(min=1)
        found = (n, mean, each * (1 - mean))
    else:
        n = torch.bincount(cells, minlength=size).double()
        mean = torch.bincount(cells, y, size) / n.clamp(min=1)
        squares = torch.bincount(cells, (y - mean[cells]).square_(), size)
        found = (n[:, None], mean[:, None], squares[:, None])
    return Moments(*(part.view(folds, k + 1, -1)[:, 1:] for part in found))


def _of_fold(moments: Moments, f: int) -> Moments:
    return Moments(*(part[f] for part in moments))


def _of_others(moments: Moments, f: int) -> Moments:
    """The moments of all folds but one together."""
    others = [_of_fold(moments, g) for g in range(len(moments.weight)) if g != f]
    return reduce(merge_moments, others)


def _is_partition(train: npt.NDArray[Any], test: npt.NDArray[Any], n: int) -> bool:
    """Whether each of n rows is in one of the two, once."""
    seen = np.zeros(n, dtype=bool)
    seen[train] = seen[test] = True
    return len(train) + len(test) == n and bool(seen.all())

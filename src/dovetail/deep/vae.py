"""A variational autoencoder of tables and images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from dovetail.data.batches import Batch, Batches
from dovetail.deep._generative import Generative
from dovetail.deep._program import NetOutputs
from dovetail.nn.variational import ImageVariational, RowVariational
from dovetail.solve.wrappers import Schedule

__all__ = ["VAE"]

_BLOCK_ROWS = 512


class VAE(Generative):
    """Draws rows of a table, or images, like those it was fitted on.

        minimize −log p(x | z, y) + KL(q(z | x) ‖ N(0, 1))

    A net encodes a row as a normal distribution of n_components numbers z and decodes what it
    draws of it; `sample` decodes draws of the normal distribution of all codes of a class. Each
    column of a table is a choice among codes: its values, or bins of its numbers, and one of
    missing values; given z they are independent, so that z has to hold what columns have in common.
    Pixels are normal about the decoded ones.

    Parameters
    ----------
    n_components : int >= 1, default=32
    hidden : int >= 1, default=256
        Units of hidden layers, of tables.
    width : int >= 1, default=32
        Channels of the first convolution, of images; they double with each.
    size, image_shape, channels : as in `ImageClassifier`
        With `image_shape`, an array (n, d) has an image a row.
    max_epochs : int >= 1 or "auto", default="auto"
        Automatic: as many as show 1,000,000 rows, 20 to 200.
    Others : as in `ImageClassifier`

    Attributes
    ----------
    classes_, class_prior_ : ndarray of shape (n_classes,), after a fit with y; else None, absent
    history_ : dict of lists, an entry an epoch; the loss is a bound of −log p(x), in nats
    n_iter_ : int, epochs of this fit
    program_ : the map of z to scores of codes, or to pixels

    Raises
    ------
    DataError
        A column of more than 1,000 different strings.

    Examples
    --------
    >>> from dovetail.datasets import load_penguins
    >>> from dovetail.deep import VAE
    >>> X, y = load_penguins(return_X_y=True)
    >>> model = VAE(max_epochs=5, random_state=0).fit(X, y)
    >>> table, species = model.sample(3, y="Gentoo", random_state=0)
    >>> table.shape == (3, X.shape[1]), species.tolist()
    (True, ['Gentoo', 'Gentoo', 'Gentoo'])

    Source: Kingma & Welling (2014), https://arxiv.org/abs/1312.6114.
    """

    _modules = (ImageVariational, RowVariational)
    _shown, _fewest_epochs, _most_epochs = 1_000_000, 20, 200

    _: KW_ONLY
    schedule: Schedule | Callable[[int], float] = "one_cycle"

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(4, hidden=16, max_epochs=2, dtype="float64", random_state=0)]

    def _train(self, batches: Batches, before: Any, *, incremental: bool) -> NetOutputs:
        program = super()._train(batches, before, incremental=incremental)
        self._place(program.eval().module, batches)
        return program

    def _place(self, module: Any, batches: Batches) -> None:
        """Where the codes of each class lie."""
        kinds, k = module.centers.shape

        def sums(rows: Batch) -> tuple[Tensor, Tensor, Tensor]:
            mean, log_variance = module.encode(rows.X, rows.y).double().chunk(2, 1)
            squares = torch.einsum("ni,nj->nij", mean, mean) + log_variance.exp().diag_embed()
            y = torch.zeros(len(rows), dtype=torch.long) if rows.y is None else rows.y
            onto = functional.one_hot(y.to(mean.device), kinds).double()
            return onto.sum(0), onto.T @ mean, (onto.T @ squares.flatten(1)).view(kinds, k, k)

        with torch.no_grad():
            count, first, second = batches.in_blocks(_BLOCK_ROWS).sum(sums)
            center = first / count[:, None]
            spread = second / count[:, None, None] - torch.einsum("ci,cj->cij", center, center)
            floor = 1e-6 * torch.eye(k, dtype=torch.float64, device=center.device)
            module.centers.copy_(center)
            module.roots.copy_(torch.linalg.cholesky(spread + floor))

    def _criterion(self, module: nn.Module) -> Callable[[Any, Batch], Tensor]:
        return lambda losses, batch: losses.mean()

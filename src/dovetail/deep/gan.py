"""A generative adversarial net of tables and images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from dovetail.data.batches import Batch, Batches
from dovetail.deep._generative import Generative
from dovetail.deep._program import NetOutputs
from dovetail.nn.adversarial import ImageAdversarial, RowAdversarial
from dovetail.params import AtLeast, Between
from dovetail.solve.net_gradient import NetGradient

__all__ = ["GAN"]

_SETTLING = 50  # batches that means and variances of a generator's norms are taken from


class GAN(Generative):
    """Draws rows of a table, or images, like those it was fitted on.

        critic:     minimize softplus(−(D(x) − D(G(z)))) + ½ penalty (‖∇D(x)‖² + ‖∇D(G(z))‖²)
        generator:  minimize softplus(−(D(G(z)) − D(x)))

    A generator G makes rows of normal numbers z, a critic D tells them from real ones; both take a
    step at a time. Paired real and drawn rows and a penalty of the critic's slope make this
    converge. The generator that is kept is an average over steps. Columns of tables are coded as
    in `VAE`.

    Parameters
    ----------
    n_components : int >= 1, default=32
        Numbers z.
    penalty : float >= 0, default=1
        Of the critic's slope; greater: slower and steadier.
    hidden : int >= 1, default=256
        Units of hidden layers, of tables.
    width : int >= 1, default=32
        Channels of the generator's last and the critic's first convolution, of images.
    size, image_shape, channels : as in `ImageClassifier`
        With `image_shape`, an array (n, d) has an image a row.
    max_epochs : int >= 1 or "auto", default="auto"
        Automatic: as many as show 1,000,000 rows, 20 to 400.
    ema : float in (0, 1), default=0.995
        Decay of the average.
    Others : as in `ImageClassifier`

    Attributes
    ----------
    classes_, class_prior_ : ndarray of shape (n_classes,), after a fit with y; else None, absent
    history_ : dict of lists, an entry an epoch: the losses of critic and generator
    n_iter_ : int, epochs of this fit
    program_ : the map of z to scores of codes, or to pixels

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from dovetail.deep import GAN
    >>> digits = load_digits()
    >>> model = GAN(width=8, max_epochs=2, random_state=0).fit(digits.images, digits.target)
    >>> images, labels = model.sample(5, y=7, random_state=0)
    >>> images.shape, labels.tolist()
    ((5, 8, 8), [7, 7, 7, 7, 7])

    Source: Goodfellow et al. (2014), https://arxiv.org/abs/1406.2661; Huang et al. (2024) for these
    losses, https://arxiv.org/abs/2501.05441.
    """

    _modules = (ImageAdversarial, RowAdversarial)
    _shown, _fewest_epochs, _most_epochs = 1_000_000, 20, 400

    _: KW_ONLY
    ema: Annotated[float, Between(0, 1, "neither")] | None = 0.995
    penalty: Annotated[float, AtLeast(0)] = 1.0

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(4, hidden=16, max_epochs=2, dtype="float64", random_state=0)]

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what rows of X look like; see `VAE.fit`.

        Parameters
        ----------
        X : a table of any columns, an array of numbers (n, d), or images, as arrays or as files
        y : array-like of shape (n_samples,) or None
            Classes, so that rows of a class can be drawn.

        Returns
        -------
        self
        """
        defaults = {"early_stopping": False, "accumulate": 1, "precision": "auto"}
        given = [name for name, value in defaults.items() if getattr(self, name) != value]
        if given:
            raise ValueError(
                f"{given[0]}={getattr(self, given[0])!r} has no meaning for a GAN, whose losses do "
                "not tell how good it is and need whole batches and all digits. Leave it out."
            )
        return super().fit(X, y)

    def _nested(self, part: str) -> dict[str, Any]:
        momentum = {"betas": (0.0, 0.99)} if self.optimizer in ("adam", "adamw") else {}
        return momentum | super()._nested(part)

    def _half(self, device: torch.device) -> None:
        return None  # the penalty's second derivatives need all digits

    def _scales(self) -> tuple[Tensor, Tensor]:
        """The middle and half of the range of pixels, which the generator's tanh covers."""
        return self._range

    def _custom_step(self) -> Callable[..., Any]:
        return self._step

    def _criterion(self, module: nn.Module) -> Callable[[Any, Batch], Tensor]:
        return lambda outputs, batch: outputs.mean()  # of no use: a step computes its own losses

    def _train(self, batches: Batches, before: Any, *, incremental: bool) -> NetOutputs:
        if before is None and self._table is None:
            self._range = self._middle_and_half(batches)
        program = super()._train(batches, before, incremental=incremental)
        self._settle(program.module)
        return program

    def _middle_and_half(self, batches: Batches) -> tuple[Tensor, Tensor]:
        if self._layout.whole:
            low, high = torch.tensor(0.0), torch.tensor(255.0)
        else:
            low = batches.fold(lambda b: b.X.min(), torch.minimum)
            high = batches.fold(lambda b: b.X.max(), torch.maximum)
        half = ((high - low) / 2).clamp(min=1e-12).to(self._dtype).view(1, 1, 1)
        return low.to(half) + half, half

    def _settle(self, module: Any) -> None:
        """Means and variances of norms anew, for the weights that are kept."""
        norms = [m for m in module.generator.modules() if isinstance(m, nn.BatchNorm2d)]
        generator = torch.Generator().manual_seed(0)
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # a plain mean over batches
            norm.train()
        with torch.no_grad():
            for _ in range(_SETTLING if norms else 0):
                Z, y = self._latent(self.batch_size, generator)
                module.decode(Z.to(module.standard.mean), y)

    def _step(self, net: NetGradient, batch: Batch) -> dict[str, Tensor]:
        """Gradients of both parts, each of its own loss."""
        module: Any = net.module
        X, y = batch.X["X"], batch.X.get("y")
        Z = torch.randn(len(X), self.n_components, dtype=self._dtype, device=X.device)
        real, made = module.real(X).requires_grad_(), module.generate(Z, y)
        seen = made.detach().requires_grad_()
        D_real, D_made = module.judge(real, y), module.judge(seen, y)
        critic = functional.softplus(D_made - D_real).mean()
        if self.penalty:
            slopes = torch.autograd.grad(
                [D_real.sum(), D_made.sum()], [real, seen], create_graph=True
            )
            critic = critic + self.penalty / 2 * sum(s.square().sum() for s in slopes) / len(X)
        torch.autograd.backward(critic, inputs=list(module.critic.parameters()))
        generator = functional.softplus(D_real.detach() - module.judge(made, y)).mean()
        torch.autograd.backward(generator, inputs=list(module.generator.parameters()))
        return {"critic": critic, "generator": generator}

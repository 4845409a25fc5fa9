"""Texts told apart."""

from __future__ import annotations

from dataclasses import KW_ONLY
from typing import Annotated, Any, Self

from dovetail.data.batches import Batch, Batches
from dovetail.deep._classes import ClassesNet
from dovetail.deep._losses import Loss
from dovetail.deep._text_net import TextNet
from dovetail.objective import losses
from dovetail.params import Between

__all__ = ["TextClassifier"]


class TextClassifier(TextNet, ClassesNet):
    """Classes from raw strings: a transformer beside a sum over the runs of tokens in a text.

    scores = W mean(transformer(tokens)) + Σ_j a_j V_j, where j are the runs of one to a few tokens
    that the text has and fit saw in at least two texts, and a ∝ (1 + ln count) idf, of length 1.
    The sum starts as its own best fit (logistic regression with a penalty, a convex problem, the
    penalty chosen on texts held out), the transformer adds nothing at first, and both learn
    together until the loss on texts held out no longer falls; where it has not fallen by more than
    twice the standard error of the difference, the start is kept. At the end the sum is moved by
    what the texts held out would have added to the start. So the net is about as good as logistic
    regression on tf-idf where texts are few, and better where they tell more than their words.

    Or, with `pretrained`, an encoder that others trained is trained on:

        scores = W encoder(tokens) + b,

    W and b starting as the best ones for the vectors that it gives as it is (a convex problem too),
    so that the first steps spoil nothing of what it knows.

    Texts come as a list of strings, a Series, a frame of one column, or an array; missing ones are
    empty. Batches hold texts of like length.

    Parameters
    ----------
    tokenizer : {"auto", "bpe", "char", "byte"}, default="auto"
        Learned pairs of bytes, characters, or bytes. "auto" takes characters for texts as short as
        names (less than 24 of them on the average), else pairs.
    vocab_size : int >= 258, default=8192
        Most tokens of "bpe".
    n_runs : int >= 0, default=100,000
        Most runs to know, those that most texts have: of up to 3 pairs, or 5 characters; texts of
        less than 400 characters on the average are looked at both ways, with as many of each, and
        of longer ones runs have up to 2 tokens.
    lowercase : bool, default=True
    width, depth, heads : int, defaults 64, 2, 4
        Of the transformer.
    context : int >= 1, default=128
        Tokens that see one another; longer texts are cut in windows, and the mean is over all.
    max_tokens : int >= 1, default=256
        Tokens of a text that the transformer reads. Runs are of all.
    dropout : float in [0, 1) or "auto"
        "auto" is 0.2, or 0.1 with `pretrained`.
    pretrained : path or None, default=None
        The folder of an encoder in Hugging Face's layout, config.json, model.safetensors and
        tokenizer.json, of BERT's make (`model_type` "bert"). Its tokenizer reads the texts, up to
        `max_tokens` or what the encoder has places for; all parameters above but these, which make
        a transformer and runs, have no effect then and are refused. Files of the fitted model hold
        the encoder.
    freeze : bool, default=False
        Whether the pretrained encoder stays as it is, and W and b alone are learned.
    pooling : {"mean", "first"}, default="mean"
        Whether the pretrained encoder's vector is the mean over tokens, or that of the first.
    label_smoothing : float in [0, 1), default=0
        Share of the target that is spread over all classes.
    dtype : {"float32", "float64"}, default="float32"
    lr : float > 0 or "auto"
        "auto" is 1e-3, or 5e-5 with `pretrained`.
    max_epochs : int >= 1 or "auto"
        "auto" is 10, or 4 with `pretrained`.
    class_weight, optimizer, weight_decay, batch_size, early_stopping, ...
        As those of `NetClassifier`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
    tokenizer_ : the tokenizer, learned from the texts or the encoder's
    history_ : dict of lists, an entry an epoch
    n_iter_ : int, epochs
    program_ : ids (n, t) and, of a net of its own, runs and their counts (n, m),
        int64, to scores

    Raises
    ------
    DataError
        No texts, texts that are all empty, something that is no string, or a folder without an
        encoder that can be read.

    A UserWarning counts texts that are empty, and texts of which the end is not read.

    Cost O(Σ tokens · depth · width (width + context)) an epoch, and O(Σ runs · n_classes) a step of
    the start.

    Cheng et al. (2016), Wide & Deep Learning, https://arxiv.org/abs/1606.07792; Joulin et al.
    (2017), https://arxiv.org/abs/1607.01759; Vaswani et al. (2017),
    https://arxiv.org/abs/1706.03762; pretrained: Devlin et al. (2019),
    https://arxiv.org/abs/1810.04805; their start: Kumar et al. (2022), Fine-Tuning can Distort
    Pretrained Features, https://arxiv.org/abs/2202.10054.

    Examples
    --------
    >>> from dovetail.deep import TextClassifier
    >>> texts = ["good and cheap", "a good one", "bad and dear", "a bad one"] * 5
    >>> model = TextClassifier(width=16, depth=1, max_epochs=2, random_state=0)
    >>> model.fit(texts, ["+", "+", "-", "-"] * 5).predict(["good", "so bad"]).tolist()
    ['+', '-']
    """

    _: KW_ONLY
    label_smoothing: Annotated[float, Between(0, 1, "left")] = 0.0

    @classmethod
    def _examples(cls) -> list[Self]:
        return [cls(**cls._quick())]

    def _outputs(self, rows: Batch) -> dict[str, Any]:
        return {"n_outputs": len(self.classes_)}

    def _problems(self, module: Any, rows: Batches) -> list[tuple[Batches, losses.Loss]]:
        return [(rows, losses.MultinomialLogLoss(len(self.classes_)))]

    def _mean_loss(self) -> Loss:
        return Loss.of(self._default_loss(), {"label_smoothing": self.label_smoothing})

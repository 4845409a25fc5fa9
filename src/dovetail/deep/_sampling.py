"""A text, written token by token.

Legend: v tokens of the vocabulary, t positions there is room for.
"""

from __future__ import annotations

import codecs
import math
from collections.abc import Iterator
from typing import Annotated, Any

import torch
from sklearn.utils import check_random_state
from torch import Tensor

from dovetail.deep._tokens import END, OTHER, Tokenizer
from dovetail.nn.transformer import NextToken
from dovetail.params import AtLeast, Between, Seed, checked

__all__ = ["generate"]


@checked
def generate(
    net: Any,
    tokenizer: Any,
    prompt: str,
    max_new_tokens: Annotated[int, AtLeast(1)],
    temperature: Annotated[float, AtLeast(0)],
    top_k: Annotated[int, AtLeast(1)] | None,
    top_p: Annotated[float, Between(0, 1, "right")] | None,
    random_state: Seed,
) -> Iterator[str]:
    """The pieces of a text that goes on from a prompt."""
    seed = int(check_random_state(random_state).randint(2**31 - 1))
    start = [END, *tokenizer.ids([prompt])[0].tolist()]
    written = tokens(
        net,
        start,
        torch.Generator().manual_seed(seed),
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
    )
    return pieces(tokenizer, written, max_new_tokens)


def tokens(
    net: NextToken, start: list[int], generator: torch.Generator, **how: Any
) -> Iterator[int]:
    """Tokens that follow those given, without end; keys and values of those before are kept.

    Where there is no more room, the last half of the positions is read anew.
    """
    room = net.transformer.length
    ids, cache = start[-room:], net.cache(1)
    unread = ids
    while True:
        with torch.no_grad():
            device = net.embedding.weight.device
            scores = net(torch.tensor([unread], device=device), cache)[0, -1]
        ids = [*ids, drawn(scores, generator, **how)]
        yield ids[-1]
        unread = ids[-1:]
        if len(ids) > room:
            ids, cache = ids[-max(1, room // 2) :], net.cache(1)
            unread = ids


def drawn(
    scores: Tensor,
    generator: torch.Generator,
    *,
    temperature: float,
    top_k: int | None,
    top_p: float | None,
) -> int:
    """A token by its scores, shape (v,): of the k most likely, or of the fewest whose probabilities
    add up to p (Holtzman et al. 2020, https://arxiv.org/abs/1904.09751); at temperature 0 the most
    likely one.
    """
    scores = scores.double().cpu()
    scores[OTHER] = -math.inf
    if temperature == 0:
        return int(scores.argmax())
    ordered, order = (scores / temperature).sort(descending=True, stable=True)
    p = ordered[:top_k].softmax(0)
    if top_p is not None:
        p = p[p.cumsum(0) - p < top_p]  # the first always
    return int(order[torch.multinomial(p, 1, generator=generator)])


def pieces(tokenizer: Tokenizer, written: Iterator[int], most: int) -> Iterator[str]:
    """The text of at most so many tokens up to the end mark, piece by piece, none of which ends
    within a character.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    for _, token in zip(range(most), written, strict=False):
        if token == END:
            break
        piece = decoder.decode(tokenizer.content([token]))
        if piece:
            yield piece
    rest = decoder.decode(b"", final=True)
    if rest:
        yield rest

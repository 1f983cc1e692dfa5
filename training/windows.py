"""Examples as rows of tokens, with where the answer stands."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from retrieval.reading import Row, row, stretch
from retrieval.sentences import split
from retrieval.unigram import Unigram
from training.examples import Example

__all__ = ["Window", "batches", "window"]

ASIDE_SHARE = 0.25  # of the rows whose middle is a neighbour of the sentence that answers
UNTITLED_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Window:
    """A row, and the first and last token of the answer in it; 0 and 0 where it is not there."""

    row: Row
    start: int
    end: int


def window(example: Example, unigram: Unigram, chance: random.Random, *, is_told: bool = True) -> Window:
    """The row around the sentence that answers, or else around the one that holds most of the question's tokens.

    Of an answer that the room cuts off, what is left of it counts.
    With `is_told` false it is always the latter, as if the answer were not known.
    """
    question = unigram.tokens(example.question)
    title = unigram.tokens(example.title) if chance.random() > UNTITLED_SHARE else []
    spans = list(split(example.text))
    sentences = [unigram.tokens(span.of(example.text), begin=span.start) for span in spans]
    asked = {token.id for token in question}
    shared = [len(asked & {token.id for token in sentence}) for sentence in sentences]
    answer = None
    if example.answers and is_told:
        found = [
            (shared[place], start, start + len(text))
            for text in [chance.choice(example.answers)]
            for start in _occurrences(text, example.text)
            for place, span in enumerate(spans)
            if span.start <= start < span.end
        ]
        answer = max(found, key=lambda one: (one[0], -one[1]))[1:] if found else None
    if answer is not None:
        focus = next(place for place, span in enumerate(spans) if span.start <= answer[0] < span.end)
        if chance.random() < ASIDE_SHARE:
            focus = min(max(focus + chance.choice((-1, 1)), 0), len(spans) - 1)
    else:
        focus = max(range(len(spans)), key=lambda place: (shared[place], -place))
    first, end = stretch([len(sentence) for sentence in sentences], focus)
    laid = row(question, title, [token for sentence in sentences[first:end] for token in sentence])
    if answer is None:
        return Window(laid, 0, 0)
    inside = [place for place, token in enumerate(laid.tokens) if token.start < answer[1] and token.end > answer[0]]
    if not inside:
        return Window(laid, 0, 0)  # it stands in a sentence that was left out
    return Window(laid, laid.first + inside[0], laid.first + inside[-1])


def _occurrences(answer: str, text: str) -> Iterator[int]:
    """Where the answer stands in the text, not inside a longer word or number where that can be told."""
    start = text.find(answer)
    found = []
    while start >= 0:
        end = start + len(answer)
        apart = not (_joins(text[start - 1 : start], answer[0]) or _joins(answer[-1], text[end : end + 1]))
        found.append((apart, start))
        start = text.find(answer, start + 1)
    apart_only = [start for apart, start in found if apart]
    yield from apart_only or [start for _, start in found]


def _joins(before: str, after: str) -> bool:
    return before.isascii() and after.isascii() and before.isalnum() and after.isalnum()


def batches(
    examples: Sequence[Example], unigram: Unigram, *, size: int, seed: int, done: int = 0
) -> Iterator[list[Window]]:
    """The examples' rows in batches of like lengths; the first `done` examples are left out."""
    several = 40 * size
    for begin in range(done - done % several, len(examples), several):
        chance = random.Random(seed * 1_000_003 + begin)  # noqa: S311 - not a secret
        rows = [window(one, unigram, chance) for one in examples[begin : begin + several]]
        rows.sort(key=lambda one: len(one.row.ids))
        parts = [rows[place : place + size] for place in range(0, len(rows), size)]
        chance.shuffle(parts)
        sizes = list(accumulate((len(part) for part in parts), initial=begin))
        yield from (part for part, start in zip(parts, sizes, strict=False) if start >= done)

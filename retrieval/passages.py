"""A document into passages, by slicing only: whole paragraphs while they fit, else whole sentences."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator

from retrieval.datamodel import Document, Passage, Span
from retrieval.sentences import split

__all__ = ["PASSAGE_WEIGHT", "passages"]

PASSAGE_WEIGHT = 800  # of a passage, in letters of an alphabet: about 130 English words
IDEOGRAPH_WEIGHT = 2.5  # a Chinese character says as much as two or three letters
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_UP_TO_LAST_WHITE = re.compile(r"(?s:.*\S)(?=\s)")


def passages(document: Document) -> tuple[Passage, ...]:
    """The passages of `document`, in order: every character of its body but white space stands in exactly one.

    A passage begins where something that is not the document's stands before it, where its paragraph would no longer
    fit whole, and inside a paragraph that fits none.
    """
    text = document.snapshot.text
    groups: list[list[Span]] = []
    weight = 0.0
    for paragraph in document.body:
        pieces = _sentences(text, paragraph)
        if not pieces:
            continue
        weights = [_weight(text, piece) for piece in pieces]
        begins_apart = (
            not groups
            or bool(text[groups[-1][-1].end : pieces[0].start].strip())
            or weight + math.fsum(weights) > PASSAGE_WEIGHT
        )
        for piece, added in zip(pieces, weights, strict=True):
            if begins_apart or weight + added > PASSAGE_WEIGHT:
                groups.append([])
                weight = 0.0
                begins_apart = False
            groups[-1].append(piece)
            weight += added
    return tuple(_passage(document, group) for group in groups)


def _passage(document: Document, sentences: list[Span]) -> Passage:
    span = Span(sentences[0].start, sentences[-1].end)
    return Passage(document.id, span, document.title or "", tuple(sentences))


def _sentences(text: str, paragraph: Span) -> list[Span]:
    sentences = (sentence.shifted(paragraph.start) for sentence in split(paragraph.of(text)))
    return [piece for sentence in sentences for piece in _pieces(text, sentence)]


def _pieces(text: str, sentence: Span) -> Iterator[Span]:
    """The sentence; one that is longer than a passage comes in pieces, cut at white space where there is some."""
    start = sentence.start
    while _weight(text, Span(start, sentence.end)) > PASSAGE_WEIGHT:
        limit = start + _prefix(text, start, sentence.end)
        words = _UP_TO_LAST_WHITE.match(text, start, limit + 1)
        cut = words.end() if words else limit
        yield Span(start, cut)
        start = cut
        while text[start].isspace():
            start += 1
    yield Span(start, sentence.end)


def _prefix(text: str, start: int, end: int) -> int:
    """How many characters from `start` weigh no more than a passage."""
    weight = 0.0
    for position in range(start, end):
        weight += IDEOGRAPH_WEIGHT if _IDEOGRAPH.match(text, position) else 1.0
        if weight > PASSAGE_WEIGHT:
            return position - start
    return end - start


def _weight(text: str, span: Span) -> float:
    if len(span) > IDEOGRAPH_WEIGHT * PASSAGE_WEIGHT:
        return float(len(span))  # too long either way; a line of a megabyte is not searched for ideographs
    ideographs = len(_IDEOGRAPH.findall(text, span.start, span.end))
    return len(span) + (IDEOGRAPH_WEIGHT - 1) * ideographs

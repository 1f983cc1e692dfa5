"""A document into passages, by slicing only: whole paragraphs while they fit, else whole sentences."""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrieval.datamodel import Document, Passage, Span
from retrieval.sentences import split

__all__ = ["PASSAGE_WEIGHT", "passages"]

PASSAGE_WEIGHT = 800  # of a passage, in letters of an alphabet: about 130 English words
IDEOGRAPH_WEIGHT = 2.5  # a Chinese character says as much as two or three letters
_IDEOGRAPH = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_WHITE = re.compile(r"\s")


def passages(document: Document) -> tuple[Passage, ...]:
    """The passages of `document`, in order: every character of its body but white space stands in exactly one."""
    text = document.snapshot.text
    found: list[Passage] = []
    group: list[Span] = []
    weight = 0.0
    for sentence, begins_apart in _sentences(document):
        added = _weight(text, sentence)
        if group and (begins_apart or weight + added > PASSAGE_WEIGHT):
            found.append(_passage(document, group))
            group, weight = [], 0.0
        group.append(sentence)
        weight += added
    if group:
        found.append(_passage(document, group))
    return tuple(found)


def _passage(document: Document, sentences: list[Span]) -> Passage:
    span = Span(sentences[0].start, sentences[-1].end)
    return Passage(document.id, span, document.title or "", tuple(sentences))


def _sentences(document: Document) -> Iterator[tuple[Span, bool]]:
    """Each sentence, and whether a passage must begin with it.

    One must where something that is not the document's stands before it, and where its paragraph would no longer fit
    the passage whole but fits one of its own.
    """
    text = document.snapshot.text
    end = 0
    filled = 0.0
    for paragraph in document.body:
        weight = _weight(text, paragraph)
        begins_apart = bool(text[end : paragraph.start].strip()) or filled + weight > PASSAGE_WEIGHT
        filled = weight if begins_apart else filled + weight
        for sentence in split(paragraph.of(text)):
            for piece in _pieces(text, sentence.shifted(paragraph.start)):
                yield piece, begins_apart
                begins_apart = False
        if filled > PASSAGE_WEIGHT:  # a paragraph cut into several passages leaves the last one open
            filled %= PASSAGE_WEIGHT
        end = paragraph.end


def _pieces(text: str, sentence: Span) -> Iterator[Span]:
    """The sentence; one that is longer than a passage comes in pieces, cut at white space where there is some."""
    start = sentence.start
    while _weight(text, Span(start, sentence.end)) > PASSAGE_WEIGHT:
        limit = start + _prefix(text, start, sentence.end)
        spaces = [match.start() for match in _WHITE.finditer(text, start + 1, limit)]
        cut = spaces[-1] if spaces else limit
        yield Span(start, cut)
        start = cut
        while text[start].isspace():
            start += 1
    yield Span(start, sentence.end)


def _prefix(text: str, start: int, end: int) -> int:
    """How many characters from `start` weigh no more than a passage."""
    longest = min(end - start, PASSAGE_WEIGHT)
    while _weight(text, Span(start, start + longest)) > PASSAGE_WEIGHT:
        longest = int(longest / IDEOGRAPH_WEIGHT)
    return longest


def _weight(text: str, span: Span) -> float:
    if len(span) > IDEOGRAPH_WEIGHT * PASSAGE_WEIGHT:
        return float(len(span))  # too long either way; a line of a megabyte is not searched for ideographs
    ideographs = len(_IDEOGRAPH.findall(text, span.start, span.end))
    return len(span) + (IDEOGRAPH_WEIGHT - 1) * ideographs

"""What is found in documents and passages once, when they are stored, so that no question need look through them.

It is told by the text alone, and by nothing that other documents say. Where it is missing or of an older format, it is
found when it is asked for.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from retrieval import contents
from retrieval.contents import Contents
from retrieval.datamodel import Document, Passage, Span
from retrieval.quantities import Quantity, quantities
from retrieval.sentences import split

__all__ = ["FORMAT", "DocumentFindings", "PassageFindings", "of_document", "of_passage", "said"]

# The second number is to be raised with every change of this file or sentences.py.
FORMAT = f"{contents.FORMAT}.1"
LEAD_CHARACTERS = 600  # of an article: its first paragraph or two
SHORTEST_TELLING = 25  # characters of a sentence that tells a story from another


@dataclass(frozen=True, slots=True)
class PassageFindings:
    """What each sentence of a passage holds, and by what it is known wherever it stands.

    `around` are the sentences from which an excerpt of the passage may take one more, with their keys.
    """

    sentences: tuple[Contents, ...]
    keys: tuple[str, ...]
    around: tuple[tuple[Span, str], ...]

    @classmethod
    def read(cls, written: str) -> PassageFindings:
        """What `written` wrote."""
        sentences, keys, around = json.loads(written)
        return cls(
            tuple(contents.from_json(sentence) for sentence in sentences),
            tuple(keys),
            tuple((Span(start, end), key) for start, end, key in around),
        )

    def written(self) -> str:
        """The findings as their column holds them."""
        around = [(span.start, span.end, key) for span, key in self.around]
        return _json([[contents.to_json(sentence) for sentence in self.sentences], self.keys, around])


class DocumentFindings:
    """What a document's heading and its lead hold, its ordinals, and the keys of the sentences that tell its story.

    They are kept as they are written until somebody asks: of most documents nobody does.
    """

    def __init__(self, written: list[Any]) -> None:
        self._heading, self._lead, self._ordinals, self._keys = written

    @classmethod
    def read(cls, written: str) -> DocumentFindings:
        """What `written` wrote."""
        return cls(json.loads(written))

    def written(self) -> str:
        """The findings as their column holds them."""
        return _json([self._heading, self._lead, self._ordinals, self._keys])

    @cached_property
    def heading(self) -> Contents:
        """What the heading holds, with the date."""
        return contents.from_json(self._heading)

    @cached_property
    def lead(self) -> Contents:
        """What the article's beginning holds."""
        return contents.from_json(self._lead)

    @cached_property
    def ordinals(self) -> tuple[Quantity, ...]:
        """What is counted by ordinals ("Phase II") in the body, in order, each with where it stands in the text."""
        return contents.quantities_from_json(self._ordinals)

    @cached_property
    def keys(self) -> frozenset[str]:
        """The keys of the sentences by which the story is told."""
        return frozenset(self._keys)


def said(sentence: str) -> str:
    """What a sentence is known by, wherever it stands: case and white space make no difference."""
    folded = " ".join(sentence.split()).casefold()
    return hashlib.blake2b(folded.encode(), digest_size=8).hexdigest()


def of_document(document: Document) -> DocumentFindings:
    """Look through the heading and the lead of `document`, and key its sentences."""
    heading = " ".join(part for part in (document.title, document.published) if part)
    held = [contents.to_json(contents.contents(text)) for text in (heading, _lead(document))]
    return DocumentFindings([*held, contents.quantities_to_json(_ordinals(document)), sorted(_story(document))])


def of_passage(document: Document, passage: Passage) -> PassageFindings:
    """Look through the sentences of a passage of `document`."""
    text = document.snapshot.text
    return PassageFindings(
        tuple(contents.contents(span.of(text)) for span in passage.sentences),
        tuple(said(span.of(text)) for span in passage.sentences),
        tuple((span, said(span.of(text))) for span in _around(document, passage)),
    )


def _story(document: Document) -> frozenset[str]:
    """The keys of the sentences by which a document's story is told from others."""
    text = document.snapshot.text
    return frozenset(
        said(sentence.of(paragraph.of(text)))
        for paragraph in document.body
        for sentence in split(paragraph.of(text))
        if len(sentence) >= SHORTEST_TELLING
    )


def _ordinals(document: Document) -> list[Quantity]:
    text = document.snapshot.text
    return [
        replace(one, span=one.span.shifted(paragraph.start))
        for paragraph in document.body
        for one in quantities(paragraph.of(text))
        if one.kind == "ordinal" and one.of is not None
    ]


def _lead(document: Document) -> str:
    """The beginning of an article, which says for all of it where it happened and who it is about."""
    text, start = document.snapshot.text, document.body[0].start
    end = start + LEAD_CHARACTERS
    return "\n".join(text[body.start : min(body.end, end)] for body in document.body if body.start < end)


def _around(document: Document, passage: Passage) -> Iterator[Span]:
    """The sentences of the passage's paragraphs outside of it, and the last one before them."""
    text, span = document.snapshot.text, passage.span
    before = None
    for paragraph in document.body:
        if paragraph.end <= span.start:
            before = paragraph
        elif paragraph.meets(span):
            for start, end in ((paragraph.start, span.start), (span.end, paragraph.end)):
                if start < end:
                    yield from (one.shifted(start) for one in split(text[start:end]))
    if before is not None:
        yield from (one.shifted(before.start) for one in split(before.of(text))[-1:])


def _json(written: object) -> str:
    return json.dumps(written, ensure_ascii=False, separators=(",", ":"))

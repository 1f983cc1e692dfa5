"""What a collection says more than once: an outlet's boilerplate, and stories that several outlets print.

Both are told by sentences that stand in several documents letter for letter, case and white space aside. What three
documents of one outlet hold is its boilerplate and cannot be quoted. Two documents that share a third of the sentences
of the shorter one tell the same story (`docs/decisions/0006-repeated-sentences.md`).
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from urllib.parse import urlsplit

from retrieval.datamodel import Candidate, Document, Span
from retrieval.sentences import split

__all__ = ["FEWEST_REPEATING", "outlet", "quotable", "said", "same_story", "same_words", "sentence_keys"]

FEWEST_REPEATING = 3  # documents of one outlet that hold a sentence
SHORTEST_TELLING = 25  # characters of a sentence that tells a story from another
FEWEST_SHARED = 2
LEAST_SHARE = 1 / 3
LEAST_SAME_WORDS = 0.8
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\d_]+")
_FIGURE = re.compile(r"\d+")


def said(sentence: str) -> str:
    """What a sentence is known by, wherever it stands."""
    folded = " ".join(sentence.split()).casefold()
    return hashlib.blake2b(folded.encode(), digest_size=8).hexdigest()


def outlet(publisher: str | None, url: str | None) -> str | None:
    """Whose boilerplate a document may hold: its publisher's, else its site's; None where neither is known."""
    if publisher:
        return publisher.casefold()
    try:
        return urlsplit(url).hostname if url else None
    except ValueError:
        return None


def quotable(candidate: Candidate, is_boilerplate: Callable[[str], bool]) -> Candidate | None:
    """The candidate without the sentences that are boilerplate, so that none can be quoted; None where none is left.

    They leave its passage, and its document's body around the passage, from where an excerpt may take a sentence more.
    """
    text = candidate.document.snapshot.text
    passage = candidate.passage
    barred = {span for span in passage.sentences if is_boilerplate(span.of(text))}
    barred |= {span for span in _around(candidate) if is_boilerplate(span.of(text))}
    if not barred:
        return candidate
    left = [
        (span, similarity)
        for span, similarity in zip(passage.sentences, candidate.similarities, strict=True)
        if span not in barred
    ]
    body = tuple(_without(candidate.document.body, barred, text))
    if not left or not body:
        return None
    return replace(
        candidate,
        document=replace(candidate.document, body=body),
        passage=replace(passage, sentences=tuple(span for span, _ in left)),
        similarities=tuple(similarity for _, similarity in left),
    )


def _around(candidate: Candidate) -> Iterator[Span]:
    """The sentences of the passage's paragraphs outside of it, and the last one before them."""
    text, span = candidate.document.snapshot.text, candidate.passage.span
    before = None
    for paragraph in candidate.document.body:
        if paragraph.end <= span.start:
            before = paragraph
        elif paragraph.meets(span):
            for start, end in ((paragraph.start, span.start), (span.end, paragraph.end)):
                if start < end:
                    yield from (one.shifted(start) for one in split(text[start:end]))
    if before is not None:
        yield from (one.shifted(before.start) for one in split(before.of(text))[-1:])


def _without(body: Sequence[Span], barred: Collection[Span], text: str) -> Iterator[Span]:
    """The spans of `body`, parted where a sentence of `barred` stands."""
    for paragraph in body:
        start = paragraph.start
        for span in sorted(one for one in barred if paragraph.holds(one)):
            if text[start : span.start].strip():
                yield Span(start, span.start)
            start = span.end
        if text[start : paragraph.end].strip():
            yield Span(start, paragraph.end)


@lru_cache(maxsize=512)  # the same articles come back for like questions
def sentence_keys(document: Document) -> frozenset[str]:
    """The keys of the sentences by which a document's story is told from others."""
    text = document.snapshot.text
    return frozenset(
        said(sentence.of(paragraph.of(text)))
        for paragraph in document.body
        for sentence in split(paragraph.of(text))
        if len(sentence) >= SHORTEST_TELLING
    )


def same_story(document: Document, others: Iterable[Document]) -> tuple[str, ...]:
    """The ids of those among `others` that tell the story of `document`, sorted."""
    keys = sentence_keys(document)
    return tuple(sorted(other.id for other in others if _is_same_story(keys, sentence_keys(other))))


def _is_same_story(keys: frozenset[str], others: frozenset[str]) -> bool:
    shared = len(keys & others)
    return shared >= max(FEWEST_SHARED, LEAST_SHARE * min(len(keys), len(others)))


def same_words(text: str, other: str) -> bool:
    """Whether of two texts of one story one says no more than the other: most of its words, and all its figures."""
    words, others = (Counter(_WORD.findall(one.casefold())) for one in (text, other))
    figures, other_figures = (Counter(_FIGURE.findall(one)) for one in (text, other))
    is_shorter = figures <= other_figures if words.total() <= others.total() else other_figures <= figures
    return is_shorter and (words & others).total() >= LEAST_SAME_WORDS * min(words.total(), others.total())

"""What a collection says more than once: an outlet's boilerplate, and stories that several outlets print.

Both are told by sentences that stand in several documents letter for letter, case and white space aside. What three
documents of one outlet hold is its boilerplate and cannot be quoted. Two documents that share a third of the sentences
of the shorter one tell the same story (`docs/decisions/0006-repeated-sentences.md`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from urllib.parse import urlsplit

from retrieval.candidate import Candidate
from retrieval.datamodel import Span
from retrieval.findings import of_document

__all__ = ["FEWEST_REPEATING", "FEWEST_SHARED", "is_same_story", "outlet", "quotable", "same_words"]

FEWEST_REPEATING = 3  # documents of one outlet that hold a sentence
FEWEST_SHARED = 2
LEAST_SHARE = 1 / 3
LEAST_SAME_WORDS = 0.8
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W\d_]+")
_FIGURE = re.compile(r"\d+")


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

    `is_boilerplate` tells it of a sentence's key. They leave the candidate's passage, and its document's body around
    the passage, from where an excerpt may take a sentence more.
    """
    passage, findings = candidate.passage, candidate.findings
    repeating = [is_boilerplate(key) for key in findings.keys]
    barred = {span for span, is_barred in zip(passage.sentences, repeating, strict=True) if is_barred}
    barred |= {span for span, key in findings.around if is_boilerplate(key)}
    if not barred:
        return candidate
    body = tuple(_without(candidate.document.body, barred, candidate.document.snapshot.text))
    left = [place for place, is_barred in enumerate(repeating) if not is_barred]
    if not left or not body:
        return None
    document = replace(candidate.document, body=body)
    return replace(
        candidate,
        document=document,
        about=of_document(document),
        passage=replace(passage, sentences=tuple(passage.sentences[place] for place in left)),
        findings=replace(
            findings,
            sentences=tuple(findings.sentences[place] for place in left),
            keys=tuple(findings.keys[place] for place in left),
        ),
        similarities=tuple(candidate.similarities[place] for place in left),
    )


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


def is_same_story(keys: frozenset[str], others: frozenset[str]) -> bool:
    """Whether two documents, by the keys of their sentences, tell the same story."""
    shared = len(keys & others)
    return shared >= max(FEWEST_SHARED, LEAST_SHARE * min(len(keys), len(others)))


def same_words(text: str, other: str) -> bool:
    """Whether of two texts of one story one says no more than the other: most of its words, and all its figures."""
    words, others = (Counter(_WORD.findall(one.casefold())) for one in (text, other))
    figures, other_figures = (Counter(_FIGURE.findall(one)) for one in (text, other))
    is_shorter = figures <= other_figures if words.total() <= others.total() else other_figures <= figures
    return is_shorter and (words & others).total() >= LEAST_SAME_WORDS * min(words.total(), others.total())

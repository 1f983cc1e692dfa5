"""Replies and documents as the JSON that the command line promises to other programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias, assert_never

from retrieval.datamodel import Abstention, Answer, Document, Excerpt, Reply, Span

if TYPE_CHECKING:  # it brings the indexes with it
    from retrieval.verify import Verdict

__all__ = ["document_record", "reply_record", "shown_record", "verdict_record"]

Record: TypeAlias = dict[str, Any]  # what `json` writes as an object


def reply_record(reply: Reply, *, identifier: str | None, elapsed_ms: float) -> Record:
    """One reply. `confidence` is the probability that the first excerpt, or the first of `nearest`, answers."""
    record: Record = {
        "id": identifier,
        "question": reply.question,
        "answered": False,
        "confidence": round(reply.confidence, 4),
        "elapsed_ms": round(elapsed_ms, 1),
        "excerpts": [],
        "nearest": [],
        "reason": None,
        "missing_terms": [],
    }
    match reply:
        case Answer():
            record["answered"] = True
            record["excerpts"] = _excerpts(reply.excerpts)
        case Abstention():
            record["nearest"] = _excerpts(reply.nearest)
            record["reason"] = reply.reason
            record["missing_terms"] = list(reply.missing_terms)
        case _:
            assert_never(reply)
    return record


def document_record(document: Document) -> Record:
    """A document as it is cited: what its source says of it, never more."""
    return {
        "id": document.id,
        "title": document.title,
        "publisher": document.publisher,
        "authors": list(document.authors),
        "published": document.published,
        "updated": document.updated,
        "url": document.url,
        "source": document.snapshot.source,
        "language": document.language,
        "sha256": document.snapshot.sha256,
    }


def shown_record(document: Document) -> Record:
    """A document with its whole text, so that anyone can check what was quoted of it."""
    return {
        "document": document_record(document),
        "body": [_pair(span) for span in document.body],
        "text": document.snapshot.text,
    }


def verdict_record(verdict: Verdict, *, elapsed_ms: float) -> Record:
    """What became of a quote. Ranges of `quote` count from the first character of the quote as it stands here."""
    return {
        "quote": verdict.quote,
        "verdict": verdict.kind,
        "typography": verdict.typography,
        "shortened": verdict.shortened,
        "places": [
            {
                "document": document_record(place.excerpt.document),
                "start": place.excerpt.span.start,
                "end": place.excerpt.span.end,
                "page": place.excerpt.page,
                "text": place.excerpt.text,
                "quote": _pair(place.quote),
            }
            for place in verdict.places
        ],
        "differences": [
            {
                "kind": difference.kind,
                "quote": list(difference.quote),
                "source": list(difference.source),
                "place": difference.place,
            }
            for difference in verdict.differences
        ],
        "elapsed_ms": round(elapsed_ms, 1),
    }


def _excerpts(excerpts: tuple[Excerpt, ...]) -> list[Record]:
    return [_excerpt_record(rank, excerpt) for rank, excerpt in enumerate(excerpts, start=1)]


def _excerpt_record(rank: int, excerpt: Excerpt) -> Record:
    return {
        "rank": rank,
        "text": excerpt.text,
        "start": excerpt.span.start,
        "end": excerpt.span.end,
        "page": excerpt.page,
        "highlights": [_pair(span) for span in excerpt.highlights],
        "score": excerpt.score,
        "document": document_record(excerpt.document),
        "also_in": list(excerpt.also_in),
        "differs": excerpt.differs,
    }


def _pair(span: Span) -> list[int]:
    return [span.start, span.end]

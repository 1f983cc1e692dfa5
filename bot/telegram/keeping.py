"""Replies as the store keeps them: where each quote stands, never its words; and back, if they stand there still."""

from __future__ import annotations

from typing import Any

from bot.telegram.store import Kept
from retrieval.datamodel import Abstention, Answer, Document, Excerpt, Reply, Span
from retrieval.engine import Engine

__all__ = ["restored", "written"]


def written(reply: Reply) -> dict[str, Any]:
    """A reply as JSON values."""
    excerpts = reply.excerpts if isinstance(reply, Answer) else reply.nearest
    body: dict[str, Any] = {
        "confidence": reply.confidence,
        "excerpts": [
            {
                "document": excerpt.document.id,
                "sha256": excerpt.document.snapshot.sha256,
                "span": [excerpt.span.start, excerpt.span.end],
                "highlights": [[mark.start, mark.end] for mark in excerpt.highlights],
                "also_in": list(excerpt.also_in),
                "differs": excerpt.differs,
            }
            for excerpt in excerpts
        ],
    }
    if isinstance(reply, Abstention):
        body |= {"reason": reply.reason, "missing": list(reply.missing_terms)}
    return body


def restored(kept: Kept, engine: Engine) -> Reply | None:
    """The reply again; None where a document that it quotes is gone or has another text now."""
    body = kept.body
    documents = engine.library.documents_by_id(one["document"] for one in body["excerpts"])
    excerpts = []
    for one in body["excerpts"]:
        document = documents.get(one["document"])
        if document is None or document.snapshot.sha256 != one["sha256"] or not document.snapshot.is_intact():
            return None
        excerpt = _excerpt(document, one)
        if excerpt is None:
            return None
        excerpts.append(excerpt)
    if "reason" in body:
        missing = tuple(body["missing"])
        return Abstention(kept.question, body["reason"], missing, tuple(excerpts), body["confidence"])
    return Answer(kept.question, tuple(excerpts), body["confidence"])


def _excerpt(document: Document, one: dict[str, Any]) -> Excerpt | None:
    span = Span(*one["span"])
    if not document.holds(span):  # found anew with other borders
        return None
    return Excerpt(
        document=document,
        span=span,
        text=span.of(document.snapshot.text),
        highlights=tuple(Span(*mark) for mark in one["highlights"]),
        also_in=tuple(one["also_in"]),
        differs=one["differs"],
    )

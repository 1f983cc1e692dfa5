"""Plain text into a reading."""

from __future__ import annotations

from collections.abc import Iterator

from retrieval.datamodel import Reading, Snapshot
from retrieval.errors import RefusedSource
from retrieval.read.decode import decode
from retrieval.read.original import Original

__all__ = ["LARGEST_TEXT_BYTES", "read_text", "snapshot_of"]

LARGEST_TEXT_BYTES = 100_000_000


def read_text(original: Original) -> Iterator[Reading]:
    """The one reading of a text file; `RefusedSource` where it cannot be read, is too large, empty, or no text."""
    yield Reading(key=original.key, snapshot=snapshot_of(original, "text/plain"))


def snapshot_of(original: Original, media_type: str) -> Snapshot:
    """The snapshot of a whole text; `RefusedSource` as `read_text`."""
    raw = original.read(largest=LARGEST_TEXT_BYTES)
    text = decode(raw, original.source)
    if not text.strip():
        reason = "expected text, found an empty file; leave it out, or give one that holds text"
        raise RefusedSource(original.source, reason)
    return Snapshot.take(
        text, original=raw, source=original.source, media_type=media_type, fetched_at=original.fetched_at
    )

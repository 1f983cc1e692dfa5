"""Plain text into a reading."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePath

from retrieval.datamodel import Reading, Snapshot
from retrieval.errors import RefusedSource
from retrieval.read.decode import decode

__all__ = ["LARGEST_TEXT_BYTES", "key_of", "read_text", "snapshot_of"]

LARGEST_TEXT_BYTES = 100_000_000
_MEGABYTE = 1_000_000


def read_text(path: Path, source: str, *, fetched_at: str) -> Iterator[Reading]:
    """The one reading of a text file; `RefusedSource` where it cannot be read, is too large, empty, or no text."""
    yield Reading(key=key_of(source), snapshot=snapshot_of(path, source, "text/plain", fetched_at=fetched_at))


def snapshot_of(path: Path, source: str, media_type: str, *, fetched_at: str) -> Snapshot:
    """The snapshot of a whole file; `RefusedSource` as `read_text`."""
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            if size > LARGEST_TEXT_BYTES:
                limit, found = LARGEST_TEXT_BYTES // _MEGABYTE, size / _MEGABYTE
                raise RefusedSource(source, f"expected at most {limit} MB, found {found:.0f} MB; split the file")
            raw = stream.read()
    except OSError as error:
        raise RefusedSource(source, f"expected a readable file, found: {error.strerror}; check the path") from error
    text = decode(raw, source)
    if not text.strip():
        raise RefusedSource(source, "expected text, found an empty file; leave it out, or give one that holds text")
    return Snapshot.take(text, original=raw, source=source, media_type=media_type, fetched_at=fetched_at)


def key_of(source: str) -> str:
    """What a file is known by: its path as typed, without detours."""
    return PurePath(os.path.normpath(source)).as_posix()

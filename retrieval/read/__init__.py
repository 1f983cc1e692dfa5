"""Bytes into readings: one reader a format, chosen by the file's suffix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from retrieval.datamodel import Reading
from retrieval.errors import RefusedSource
from retrieval.read import walk
from retrieval.read.html import read_html
from retrieval.read.jsonl import read_jsonl
from retrieval.read.markdown import read_markdown
from retrieval.read.text import read_text

__all__ = ["readings", "sources"]

_Reader: TypeAlias = Callable[..., Iterator[Reading | RefusedSource]]

_READERS: dict[str, _Reader] = {
    "": read_text,
    ".gz": read_html,
    ".htm": read_html,
    ".html": read_html,
    ".jsonl": read_jsonl,
    ".markdown": read_markdown,
    ".md": read_markdown,
    ".mht": read_html,
    ".mhtml": read_html,
    ".txt": read_text,
    # Later formats enter here, one module each: .pdf, .docx; web pages come by URL, past this table.
}


def sources(paths: Sequence[str]) -> Iterator[tuple[Path, str] | RefusedSource]:
    """Every file to read under `paths`, with the source it is cited by; what cannot be read comes as refused."""
    return walk.sources(paths, suffixes=frozenset(_READERS))


def readings(path: Path, source: str, *, fetched_at: str) -> Iterator[Reading | RefusedSource]:
    """What the file at `path` holds, by its suffix, as plain text where that is unknown; bad input comes as refused."""
    reader = _READERS.get(path.suffix.lower(), read_text)
    try:
        yield from reader(path, source, fetched_at=fetched_at)
    except RefusedSource as refused:
        yield refused

"""Bytes into readings: one reader a format, chosen by the file's suffix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from retrieval.datamodel import Reading
from retrieval.errors import RefusedSource
from retrieval.read import walk
from retrieval.read.docx import read_docx
from retrieval.read.html import read_html
from retrieval.read.jsonl import read_jsonl
from retrieval.read.markdown import read_markdown
from retrieval.read.original import Original
from retrieval.read.pdf import read_pdf
from retrieval.read.text import read_text

__all__ = ["APART", "is_taken", "readings", "sources"]

_Reader: TypeAlias = Callable[[Original], Iterator[Reading | RefusedSource]]

_READERS: dict[str, _Reader] = {
    "": read_text,
    ".docx": read_docx,
    ".gz": read_html,
    ".htm": read_html,
    ".html": read_html,
    ".jsonl": read_jsonl,
    ".markdown": read_markdown,
    ".md": read_markdown,
    ".mht": read_html,
    ".mhtml": read_html,
    ".pdf": read_pdf,
    ".txt": read_text,
}

# What takes a large parser, and is therefore read in a process of its own.
APART = frozenset({".docx", ".gz", ".htm", ".html", ".mht", ".mhtml", ".pdf"})


def sources(paths: Sequence[str], *, fetched_at: str) -> Iterator[Original | RefusedSource]:
    """Every file to read under `paths`; what cannot be read comes as refused."""
    for found in walk.sources(paths, suffixes=frozenset(_READERS)):
        yield found if isinstance(found, RefusedSource) else Original.of_file(*found, fetched_at=fetched_at)


def is_taken(path: Path) -> bool:
    """Whether a file of that name, found in a folder, is read."""
    return walk.is_taken(path, suffixes=frozenset(_READERS))


def readings(original: Original) -> Iterator[Reading | RefusedSource]:
    """What a source holds, by its suffix, as plain text where that is unknown; bad input comes as refused."""
    reader = _READERS.get(original.suffix, read_text)
    try:
        yield from reader(original)
    except RefusedSource as refused:
        yield refused

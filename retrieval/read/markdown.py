"""Markdown into a reading: the text as it is, and what its front matter says."""

from __future__ import annotations

import re
from collections.abc import Iterator

from retrieval.datamodel import Metadata, Reading
from retrieval.lines import FRONT_MATTER
from retrieval.read.metadata import iso_date, language_code, web_address
from retrieval.read.original import Original
from retrieval.read.text import snapshot_of

__all__ = ["read_markdown"]

_FIELD = re.compile(r"^(?P<name>[A-Za-z_]+)[ \t]*:[ \t]*(?P<value>[^\r\n]*?)[ \t]*\r?$", re.MULTILINE)
_NAMES = {"author": "authors", "authors": "authors", "date": "published", "lang": "language"}


def read_markdown(original: Original) -> Iterator[Reading]:
    """The one reading of a Markdown file; `RefusedSource` as for plain text."""
    snapshot = snapshot_of(original, "text/markdown")
    yield Reading(key=original.key, snapshot=snapshot, metadata=_metadata(snapshot.text))


def _metadata(text: str) -> Metadata:
    """The fields of the front matter; one that cannot be used is absent."""
    match = FRONT_MATTER.match(text)
    found: dict[str, str] = {}
    for field in _FIELD.finditer(match["fields"]) if match else ():
        name = field["name"].lower()
        value = _unquoted(field["value"])
        if value and value not in {"|", ">"}:
            found.setdefault(_NAMES.get(name, name), value)
    published, updated = found.get("published"), found.get("updated")
    return Metadata(
        title=found.get("title"),
        publisher=found.get("publisher"),
        published=iso_date(published) if published else None,
        updated=iso_date(updated) if updated else None,
        url=web_address(found.get("url", "")),
        authors=_authors(found.get("authors", "")),
        language=language_code(found.get("language", "")),
    )


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1].strip()
    return value


def _authors(value: str) -> tuple[str, ...]:
    names = (_unquoted(name.strip()) for name in value.removeprefix("[").removesuffix("]").split(","))
    return tuple(name for name in names if name)

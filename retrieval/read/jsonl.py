"""A file of JSON lines into readings: one line, one snapshot, one document."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from io import BufferedIOBase

from retrieval.datamodel import Metadata, Reading, Snapshot
from retrieval.errors import RefusedSource
from retrieval.read.decode import refuse_binary
from retrieval.read.metadata import iso_date, language_code
from retrieval.read.original import Original
from retrieval.read.text import LARGEST_TEXT_BYTES

__all__ = ["key_of", "read_jsonl"]

_MEDIA_TYPE = "application/jsonl"
_CHUNK_BYTES = 1_048_576
_KINDS = {dict: "an object", list: "a list", str: "a string", bool: "true or false", int: "a number", float: "a number"}


class _BadLine(Exception):
    """What was expected of the line, and what was found: its text is the reason."""


def read_jsonl(original: Original) -> Iterator[Reading | RefusedSource]:
    """The reading of each line, or why it was refused; blank lines are passed over.

    The file is read line by line: it may be larger than memory. `RefusedSource` is raised where the whole file cannot
    be read, or is no text in UTF-8.
    """
    seen: dict[str, int] = {}
    source = original.source
    empty = True
    try:
        with original.stream() as stream:
            for number, line in _lines(stream, source):
                if line is not None and not line.strip():
                    continue
                empty = False
                try:
                    reading = _reading(line, source, fetched_at=original.fetched_at)
                    first = seen.setdefault(reading.key, number)
                    if first != number:
                        raise _BadLine(f"expected an id of its own, found the id of line {first}")
                except _BadLine as error:
                    yield RefusedSource(source, f"line {number}: {error}; correct the line")
                else:
                    yield reading
    except OSError as error:
        raise original.unreadable(error) from error
    if empty:
        raise RefusedSource(source, "expected a JSON object on each line, found an empty file; leave it out")


def key_of(identifier: str) -> str:
    """What a line of that id is known by: no file's path ends so, and no page's address with a space."""
    return f"{identifier} /" if identifier.startswith(("http://", "https://")) else f"{identifier}/"


def _lines(stream: BufferedIOBase, source: str) -> Iterator[tuple[int, bytes | None]]:
    """Each line with its number, from 1; `None` in place of one that is too long to hold."""
    number = 0
    while line := stream.readline(LARGEST_TEXT_BYTES + 1):
        number += 1
        if number == 1:
            refuse_binary(line, source)
            if line.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or b"\0" in line[:_CHUNK_BYTES]:
                raise RefusedSource(source, "expected JSON lines in UTF-8, found another encoding; save it as UTF-8")
            line = line.removeprefix(codecs.BOM_UTF8)
        if len(line) <= LARGEST_TEXT_BYTES:
            yield number, line.rstrip(b"\r\n")
            continue
        while line and not line.endswith(b"\n"):
            line = stream.readline(_CHUNK_BYTES)
        yield number, None


def _reading(line: bytes | None, source: str, *, fetched_at: str) -> Reading:
    if line is None:
        raise _BadLine(f"expected at most {LARGEST_TEXT_BYTES // 1_000_000} MB, found a longer line")
    fields = _object(line)
    identifier, text = _string(fields, "id"), _string(fields, "text")
    if not identifier or text is None:
        absent = " and ".join(name for name, value in (("id", identifier), ("text", text)) if not value)
        raise _BadLine(f"expected an object with id and text, found one without {absent}")
    if not text.strip():
        raise _BadLine("expected text, found only white space")
    snapshot = Snapshot.take(text, original=line, source=source, media_type=_MEDIA_TYPE, fetched_at=fetched_at)
    return Reading(key=key_of(identifier), snapshot=snapshot, metadata=_metadata(fields), document_id=identifier)


def _object(line: bytes) -> dict[str, object]:
    try:
        value: object = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise _BadLine(f"expected UTF-8, found another byte at {error.start + 1}") from error
    except json.JSONDecodeError as error:
        found = f"no JSON from character {error.pos + 1} on"
        raise _BadLine(f"expected an object with id and text, found {found}") from error
    except (ValueError, RecursionError) as error:
        raise _BadLine("expected an object with id and text, found JSON that is too deep or too long") from error
    if not isinstance(value, dict):
        raise _BadLine(f"expected an object with id and text, found {_kind(value)}")
    return value


def _metadata(fields: dict[str, object]) -> Metadata:
    language = _string(fields, "language") or None
    code = language_code(language) if language else None
    if language and code is None:
        raise _BadLine("expected language as a code such as en, found another string")
    return Metadata(
        title=_string(fields, "title") or None,
        publisher=_string(fields, "publisher") or None,
        published=_date(fields, "published"),
        updated=_date(fields, "updated"),
        url=_string(fields, "url") or None,
        authors=_authors(fields),
        language=code,
    )


def _string(fields: dict[str, object], name: str) -> str | None:
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        raise _BadLine(f"expected {name} as a string, found {_kind(value)}")
    return _storable(value, name)


def _storable(value: str, name: str) -> str:
    if "\0" in value:
        raise _BadLine(f"expected text in {name}, found a NUL character")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise _BadLine(f"expected text in {name}, found half a surrogate pair at {error.start + 1}") from error
    return value


def _date(fields: dict[str, object], name: str) -> str | None:
    value = _string(fields, name) or None
    date = iso_date(value) if value else None
    if value is not None and date is None:
        raise _BadLine(f"expected {name} as an ISO 8601 date such as 2024-09-16, found another string")
    return date


def _authors(fields: dict[str, object]) -> tuple[str, ...]:
    value = fields.get("authors")
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        found = "a list with something else" if isinstance(value, list) else _kind(value)
        raise _BadLine(f"expected authors as a list of strings, found {found}")
    return tuple(_storable(name, "authors") for name in value if name.strip())


def _kind(value: object) -> str:
    return "null" if value is None else _KINDS[type(value)]

"""A reading into its documents: the spans that are an article's own words, and what its source says of it.

Nothing is changed and nothing is borrowed: bodies are spans of the snapshot, without the page's menus and the teasers
of other stories, and a headline, a date or a publisher that the page does not give for an article is absent.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace

from retrieval import language
from retrieval.attribution import stated
from retrieval.datamodel import Document, Metadata, Reading, Span
from retrieval.errors import RefusedSource
from retrieval.lines import FRONT_MATTER, blocks, is_blurb, is_furniture, is_truncated, paragraphs
from retrieval.page import Page

__all__ = ["documents"]

_MARKDOWN = "text/markdown"
_HTML = "text/html"
_FILES = frozenset({"application/pdf", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"})
_CELL_BORDER = " | "
_LINE = re.compile(r"\S(?:[^\n]*\S)?")
_FEWEST_TEASERS = 3
_FEWEST_UNCUT_TEASERS = 4
_LANGUAGE_SAMPLE = 40


def documents(reading: Reading) -> tuple[Document, ...]:
    """The articles of a reading, in order; exactly one where the source names its document itself.

    `RefusedSource` where the page holds no article.
    """
    text = reading.snapshot.text
    identifier, media_type = reading.document_id, reading.snapshot.media_type
    if identifier is None and (media_type == _HTML or media_type in _FILES):  # its reader has found the one article
        identifier = f"{_prefix(reading)}-1"
    if identifier is not None:
        body = _body(text, media_type)
        if not body:
            reason = f"expected an article, found only menus and the like as {identifier[:80]!r}"
            raise RefusedSource(reading.snapshot.source, f"{reason}; give a text that holds sentences")
        return (_document(reading, identifier, body, reading.metadata),)
    page = _page(reading)
    if not page.articles:
        reason = "expected an article, found only menus and the like; give a page that holds sentences"
        raise RefusedSource(reading.snapshot.source, reason)
    found: list[Document] = []
    for index, article in enumerate(page.articles):
        prose = [page.blocks[position].span for position in article.prose]
        body = _quotable(prose, text) or prose
        metadata = _merged(reading.metadata, stated(page, index), is_only=len(page.articles) == 1)
        found.append(_document(reading, f"{_prefix(reading)}-{index + 1}", body, metadata))
    return tuple(found)


def _body(text: str, media_type: str) -> list[Span]:
    """What may be quoted of a text that is one article, paragraph by paragraph."""
    lines = [Span(*match.span()) for match in _LINE.finditer(text)]  # each a paragraph, where the format tells them
    if media_type in _FILES:  # nobody puts a menu into a file: what looks like one is a row of a table
        return [line for line in lines if not is_furniture(line.of(text).replace(_CELL_BORDER, " "))]
    return _quotable(lines if media_type == _HTML else paragraphs(text), text)


def _prefix(reading: Reading) -> str:
    """What the ids of a source's documents begin with."""
    return hashlib.sha256(reading.key.encode("utf-8", "surrogateescape")).hexdigest()[:10]


def _page(reading: Reading) -> Page:
    text, markdown = reading.snapshot.text, reading.snapshot.media_type == _MARKDOWN
    front_matter = FRONT_MATTER.match(text) if markdown else None
    start = front_matter.end() if front_matter else 0
    found = blocks(text[start:], markdown=markdown)
    if start:
        found = [replace(block, span=block.span.shifted(start)) for block in found]
    return Page(text, found, markdown=markdown)


def _merged(given: Metadata, found: Metadata, *, is_only: bool) -> Metadata:
    """What the format says first, where the page holds one article; else only what holds for the whole page."""
    if not is_only:
        return replace(found, publisher=found.publisher or given.publisher, url=given.url, language=given.language)
    return Metadata(
        title=given.title or found.title,
        publisher=given.publisher or found.publisher,
        published=given.published or found.published,
        updated=given.updated or found.updated,
        url=given.url,
        authors=given.authors or found.authors,
        language=given.language,
    )


def _document(reading: Reading, identifier: str, body: Sequence[Span], metadata: Metadata) -> Document:
    text = reading.snapshot.text
    return Document(
        id=identifier,
        snapshot=reading.snapshot,
        body=tuple(body),
        language=metadata.language or language.detect("\n".join(span.of(text) for span in body[:_LANGUAGE_SAMPLE])),
        title=metadata.title,
        publisher=metadata.publisher,
        published=metadata.published,
        updated=metadata.updated,
        url=metadata.url,
        authors=metadata.authors,
        pages=reading.pages,
    )


def _quotable(spans: list[Span], text: str) -> list[Span]:
    """The paragraphs of an article without what is sure to be boilerplate; teasers stay where nothing else is left."""
    kept = [span for position, span in enumerate(spans) if not _is_boilerplate(span.of(text), is_first=position == 0)]
    is_framed = len(kept) < len(spans) and (not kept or kept[-1] != spans[-1])
    return kept[: _teasers_from([span.of(text) for span in kept], is_framed=is_framed)] or kept


def _is_boilerplate(line: str, *, is_first: bool) -> bool:
    is_country_code = is_first and len(line) == 2 and line.isascii() and line.isalpha() and line.isupper()
    return is_country_code or is_furniture(line)


def _teasers_from(lines: Sequence[str], *, is_framed: bool) -> int:
    """Where the teasers of other stories begin at the end of an article: cut off by the site, each on its line.

    A single one tells only of itself; among several, the lines between that were not cut off are teasers too. Where
    the page's frame follows (`is_framed`), many lines without a full stop are enough.
    """
    first = first_truncated = len(lines)
    while first and (is_truncated(lines[first - 1]) or is_blurb(lines[first - 1])):
        first -= 1
        if is_truncated(lines[first]):
            first_truncated = first
    found = len(lines) - first
    if first_truncated == len(lines):
        return first if is_framed and found >= _FEWEST_UNCUT_TEASERS else len(lines)
    return first if found >= _FEWEST_TEASERS else first_truncated

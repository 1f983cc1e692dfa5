"""Articles into the library: cut passages, encode, commit batch by batch.

A batch is one transaction: a kill loses at most the batch in hand, and giving the same sources again goes on from
there, because what stands in the library unchanged is passed over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate
from typing import TypeAlias

import numpy as np

from retrieval import articles
from retrieval.datamodel import Document, Passage, Reading
from retrieval.encode import Encoder
from retrieval.errors import RefusedSource
from retrieval.gather import Article, Found, Unchanged
from retrieval.library import Library
from retrieval.passages import passages
from retrieval.rows import EncodedPassage, Entry
from retrieval.writer import Writer

__all__ = ["Progress", "Report", "encode_documents", "ingest", "rebuild", "texts"]

LONGEST_HEADING_CHARACTERS = 200  # of what is encoded: a longer one would leave the passage no room
BATCH_CHARACTERS = 40_000  # about five seconds of encoding on two cores: what a kill may cost

Progress: TypeAlias = Callable[[int, int], None]  # characters done, characters in all as far as is known
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Report:
    """What became of the sources: how many documents in each state, and what was refused, with the reason.

    `unchanged_keys` are those of the sources that were found to stand already as they are.
    """

    added: int = 0
    unchanged: int = 0
    replaced: int = 0
    refused: list[RefusedSource] = field(default_factory=list)
    passages: int = 0
    unchanged_keys: list[str] = field(default_factory=list)

    def add_unchanged(self, key: str, documents: int) -> None:
        """Note a source that stands already, with so many documents."""
        self.unchanged += documents
        self.unchanged_keys.append(key)


def ingest(
    library: Library,
    writer: Writer,
    encoder: Callable[[], Encoder],
    found: Iterable[Iterator[Found]],
    expected: Sequence[int],
    progress: Progress,
    committed: Callable[[], None],
) -> Report:
    """Bring what was `found` in each source into the library, in that order; `expected` is how much in each.

    `encoder` is called when there is something to encode, `committed` after every batch. What cannot be read stands in
    the report; everything else is in.
    """
    report = Report()
    batch = _Batch(library, writer, encoder, report, _Course(sum(expected), progress), committed)
    for one, ends in zip(found, accumulate(expected), strict=True):
        for item in one:
            batch.course.items_read = min(batch.course.items_read + 1, ends)
            if isinstance(item, RefusedSource):
                report.refused.append(item)
            elif isinstance(item, Unchanged):
                report.add_unchanged(item.key, library.count_documents(item.key))
            else:
                batch.add(item)
        batch.course.items_read = ends
    batch.commit()
    return report


@dataclass(slots=True)
class _Course:
    """How far an ingest has come, in characters; how many there are in all is told by the items that were read."""

    items: int
    progress: Progress
    items_read: int = 0
    characters_read: int = 0
    characters_done: int = 0

    def advance(self, characters: int) -> None:
        """Tell that so many more characters are done."""
        self.characters_done += characters
        rest = (self.items - self.items_read) / max(self.items_read, 1)
        self.progress(self.characters_done, round(self.characters_read * (1 + rest)))


@dataclass(slots=True)
class _Batch:
    """What waits to be encoded and committed together, and where it goes."""

    library: Library
    writer: Writer
    encoder: Callable[[], Encoder]
    report: Report
    course: _Course
    committed: Callable[[], None]
    articles: list[Article] = field(default_factory=list)
    characters: int = 0

    def add(self, article: Article) -> None:
        """Take `article` in; commit when there is enough."""
        if _is_waiting(self.articles, article):  # given twice: the second finds the first in the library
            self.commit()
        if self.library.holds(article.reading):
            self.report.add_unchanged(article.reading.key, self.library.count_documents(article.reading.key))
            return
        self.articles.append(article)
        characters = len(article.reading.snapshot.text)
        self.characters += characters
        self.course.characters_read += characters
        if self.characters >= BATCH_CHARACTERS:
            self.commit()

    def commit(self) -> None:
        """Encode and store what waits, in one transaction."""
        if not self.articles:
            return
        encode = self.encoder()
        done = self.course.characters_done + self.characters
        documents = [document for article in self.articles for document in article.documents]
        encoded = encode_documents(encode, documents, self.course.advance)
        for article in self.articles:
            if not self.library.count_documents(article.reading.key):
                self.report.added += len(article.documents)
            else:
                self.report.replaced += len(article.documents)
        self.report.passages += sum(len(found) for found in encoded.values())
        entries: list[Entry] = [
            (article.reading, [(document, encoded[document.id]) for document in article.documents])
            for article in self.articles
        ]
        self.writer.put(entries, identity=encode.identity, at=datetime.now(UTC).isoformat(timespec="seconds"))
        logger.debug("committed %d sources", len(entries))
        self.articles, self.characters = [], 0
        self.committed()
        if done > self.course.characters_done:  # the white space between passages
            self.course.advance(done - self.course.characters_done)


def _is_waiting(batch: Sequence[Article], article: Article) -> bool:
    """Whether the batch holds the article's key or an id of its documents already."""
    ids = {document.id for document in article.documents}
    return any(
        other.reading.key == article.reading.key or any(document.id in ids for document in other.documents)
        for other in batch
    )


def rebuild(
    writer: Writer, encoder: Encoder, readings: Sequence[Reading], progress: Callable[[int], None], report: Report
) -> None:
    """Find the articles of `readings`, which the library holds, and encode them anew; all of it or, if killed, none."""

    def entries() -> Iterator[Entry]:
        done = 0
        for reading in readings:
            try:
                documents = articles.documents(reading)
            except RefusedSource as refused:
                report.refused.append(refused)
                documents = ()
            withdrawn = writer.library.withdrawn(reading.key)
            documents = tuple(document for document in documents if document.id not in withdrawn)
            encoded = encode_documents(encoder, documents)
            report.replaced += len(documents)
            report.passages += sum(len(found) for found in encoded.values())
            yield reading, [(document, encoded[document.id]) for document in documents]
            done += len(reading.snapshot.text)
            progress(done)

    writer.rebuild(entries(), identity=encoder.identity)


def encode_documents(
    encoder: Encoder, documents: Sequence[Document], advance: Callable[[int], None] = lambda _: None
) -> dict[str, list[EncodedPassage]]:
    """Each document's passages with their embeddings, by document id; `advance` is told of characters as they are done.

    A batch of them is encoded by one call, so that like lengths meet.
    """
    encoded: dict[str, list[EncodedPassage]] = {document.id: [] for document in documents}
    found = [(document, passage) for document in documents for passage in passages(document)]
    while found:
        many = _fitting([len(passage.span) for _, passage in found])
        for document_id, one in _encoded(encoder, found[:many]):
            encoded[document_id].append(one)
        advance(sum(len(passage.span) for _, passage in found[:many]))
        found = found[many:]
    return encoded


def _fitting(lengths: Sequence[int]) -> int:
    """How many of the first passages make a batch; at least one."""
    ends = list(accumulate(lengths))
    return max(1, sum(end <= BATCH_CHARACTERS for end in ends))


def texts(found: Sequence[tuple[Document, Passage]]) -> list[str]:
    """What of these passages is encoded: each as a whole, then their sentences."""
    wholes = [_with_heading(passage, passage.span.of(document.snapshot.text)) for document, passage in found]
    sentences = [
        _with_heading(passage, span.of(document.snapshot.text))
        for document, passage in found
        for span in passage.sentences
    ]
    return [*wholes, *sentences]


def _encoded(encoder: Encoder, found: Sequence[tuple[Document, Passage]]) -> Iterator[tuple[str, EncodedPassage]]:
    embeddings = encoder.encode(texts(found), prompt="passage")
    position = len(found)
    for row, (document, passage) in enumerate(found):
        after = position + len(passage.sentences)
        yield document.id, EncodedPassage(passage, embeddings[row], np.asarray(embeddings[position:after]))
        position = after


def _with_heading(passage: Passage, text: str) -> str:
    """What of a passage or sentence is encoded: the heading first, so that its subject is known."""
    heading = passage.heading[:LONGEST_HEADING_CHARACTERS]
    return f"{heading}\n{text}" if heading else text

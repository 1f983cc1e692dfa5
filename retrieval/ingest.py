"""Sources into the library: read, find the articles, cut passages, encode, commit batch by batch.

A batch is one transaction: a kill loses at most the batch in hand, and giving the same sources again goes on from
there, because what stands in the library unchanged is passed over.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TypeAlias

import numpy as np

from retrieval import articles, read
from retrieval.datamodel import Document, Passage, Reading
from retrieval.encode import Encoder
from retrieval.errors import RefusedSource
from retrieval.library import Library
from retrieval.passages import passages
from retrieval.rows import EncodedPassage, Entry
from retrieval.writer import Writer

__all__ = ["Progress", "Report", "encode_documents", "ingest", "rebuild"]

LONGEST_HEADING_CHARACTERS = 200  # of what is encoded: a longer one would leave the passage no room
BATCH_CHARACTERS = 40_000  # about five seconds of encoding on two cores: what a kill may cost

Progress: TypeAlias = Callable[[int, int], None]  # characters done, characters in all
logger = logging.getLogger(__name__)


@dataclass(slots=True)
class Report:
    """What became of the sources: how many documents in each state, and what was refused, with the reason."""

    added: int = 0
    unchanged: int = 0
    replaced: int = 0
    refused: list[RefusedSource] = field(default_factory=list)
    passages: int = 0


def ingest(
    library: Library, writer: Writer, encoder: Callable[[], Encoder], paths: Sequence[str], progress: Progress
) -> Report:
    """Bring the files and folders in `paths` into the library. `encoder` is called when there is something to encode.

    What cannot be read stands in the report; everything else is in. The sources are read twice: once to learn how
    much there is to do, so that `progress` can tell the rest, and once to do it.
    """
    total = sum(len(reading.snapshot.text) for reading in _changed(library, paths, None))
    report = Report()
    _store(library, writer, encoder, _changed(library, paths, report), lambda done: progress(done, total), report)
    return report


def _store(
    library: Library,
    writer: Writer,
    encoder: Callable[[], Encoder],
    readings: Iterator[Reading],
    progress: Callable[[int], None],
    report: Report,
) -> None:
    """Find the articles of `readings`, encode and commit them; `report` learns what became of them."""
    batch: list[tuple[Reading, tuple[Document, ...]]] = []
    waiting = done = 0
    for reading in readings:
        try:
            documents = articles.documents(reading)
        except RefusedSource as refused:
            report.refused.append(refused)
            documents = ()
        if _is_waiting(batch, reading, documents):  # given twice: the second finds the first in the library
            _commit(library, writer, encoder, batch, report)
            batch = []
        if library.holds(reading):
            report.unchanged += library.count_documents(reading.key)
        elif documents:
            batch.append((reading, documents))
        waiting += len(reading.snapshot.text)
        if waiting >= BATCH_CHARACTERS:
            _commit(library, writer, encoder, batch, report)
            done += waiting
            batch, waiting = [], 0
            progress(done)
    _commit(library, writer, encoder, batch, report)
    progress(done + waiting)


def _is_waiting(
    batch: Sequence[tuple[Reading, tuple[Document, ...]]], reading: Reading, documents: Sequence[Document]
) -> bool:
    """Whether the batch holds the reading's key or an id of its documents already."""
    ids = {document.id for document in documents}
    return any(other.key == reading.key or any(document.id in ids for document in found) for other, found in batch)


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


def _changed(library: Library, paths: Sequence[str], report: Report | None) -> Iterator[Reading]:
    """What stands in the sources and not yet, in these bytes, in the library; the rest goes into the report."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    for original in read.sources(paths, fetched_at=now):
        found = [original] if isinstance(original, RefusedSource) else read.readings(original)
        for reading in found:
            if isinstance(reading, RefusedSource):
                if report is not None:
                    report.refused.append(reading)
            elif library.holds(reading):
                if report is not None:
                    report.unchanged += library.count_documents(reading.key)
            else:
                yield reading


def _commit(
    library: Library,
    writer: Writer,
    encoder: Callable[[], Encoder],
    batch: list[tuple[Reading, tuple[Document, ...]]],
    report: Report,
) -> None:
    if not batch:
        return
    encode = encoder()
    encoded = encode_documents(encode, [document for _, documents in batch for document in documents])
    entries = [(reading, [(document, encoded[document.id]) for document in documents]) for reading, documents in batch]
    for reading, documents in batch:
        if not library.count_documents(reading.key):
            report.added += len(documents)
        else:
            report.replaced += len(documents)
    report.passages += sum(len(found) for found in encoded.values())
    writer.put(entries, identity=encode.identity, at=datetime.now(UTC).isoformat(timespec="seconds"))
    logger.debug("committed %d sources", len(batch))


def encode_documents(encoder: Encoder, documents: Sequence[Document]) -> dict[str, list[EncodedPassage]]:
    """Each document's passages with their embeddings, by document id: one call, so that like lengths meet."""
    found = [(document, passage) for document in documents for passage in passages(document)]
    texts = [_with_heading(passage, passage.span.of(document.snapshot.text)) for document, passage in found]
    sentences = [
        _with_heading(passage, span.of(document.snapshot.text))
        for document, passage in found
        for span in passage.sentences
    ]
    embeddings = encoder.encode([*texts, *sentences], prompt="passage")
    encoded: dict[str, list[EncodedPassage]] = {document.id: [] for document in documents}
    position = len(texts)
    for row, (document, passage) in enumerate(found):
        after = position + len(passage.sentences)
        encoded[document.id].append(EncodedPassage(passage, embeddings[row], np.asarray(embeddings[position:after])))
        position = after
    return encoded


def _with_heading(passage: Passage, text: str) -> str:
    """What of a passage or sentence is encoded: the heading first, so that its subject is known."""
    heading = passage.heading[:LONGEST_HEADING_CHARACTERS]
    return f"{heading}\n{text}" if heading else text

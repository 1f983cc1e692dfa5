"""The library's tables: their schema, and each row to a value and back."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retrieval.datamodel import Document, Metadata, Passage, Reading, Snapshot, Span, Validators
from retrieval.errors import DamagedLibrary

__all__ = [
    "EncodedPassage",
    "Entry",
    "Row",
    "document",
    "document_checksum",
    "passage",
    "passage_checksum",
    "reading",
    "source_checksum",
    "validators",
    "written_fields",
    "written_metadata",
    "written_spans",
]

Row: TypeAlias = tuple[Any, ...]  # as sqlite3 gives it

SCHEMA = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE snapshots (sha256 TEXT PRIMARY KEY, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE sources (
    number INTEGER PRIMARY KEY, key TEXT NOT NULL, sha256 TEXT NOT NULL REFERENCES snapshots,
    bytes_sha256 TEXT NOT NULL, source TEXT NOT NULL, media_type TEXT NOT NULL, fetched_at TEXT NOT NULL,
    document_id TEXT, metadata TEXT NOT NULL, checksum INTEGER NOT NULL, replaced_at TEXT
);
CREATE UNIQUE INDEX current_sources ON sources (key) WHERE replaced_at IS NULL;
CREATE INDEX sources_by_snapshot ON sources (sha256);
CREATE TABLE documents (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, source INTEGER NOT NULL REFERENCES sources,
    generation INTEGER NOT NULL, fields TEXT NOT NULL, checksum INTEGER NOT NULL
);
CREATE INDEX documents_by_source ON documents (source);
CREATE INDEX documents_by_generation ON documents (generation);
CREATE TABLE passages (
    id TEXT PRIMARY KEY, document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    heading TEXT NOT NULL, sentences BLOB NOT NULL, embedding BLOB NOT NULL, sentence_embeddings BLOB NOT NULL,
    checksum INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX passages_by_document ON passages (document);
CREATE TABLE withdrawn (
    source INTEGER NOT NULL REFERENCES sources ON DELETE CASCADE, document_id TEXT NOT NULL,
    PRIMARY KEY (source, document_id)
) WITHOUT ROWID;
CREATE TABLE removals (generation INTEGER NOT NULL, document_id TEXT NOT NULL);
CREATE INDEX removals_by_generation ON removals (generation);
"""

SOURCES = (
    "SELECT number, key, sha256, bytes_sha256, source, media_type, fetched_at, document_id, metadata, checksum, text"
    " FROM sources JOIN snapshots USING (sha256)"
)
DOCUMENTS = (
    "SELECT documents.number, documents.id, fields, documents.checksum,"
    " sha256, bytes_sha256, sources.source, media_type, text, fetched_at"
    " FROM documents JOIN sources ON documents.source = sources.number JOIN snapshots USING (sha256)"
)
PASSAGES = (
    "SELECT passages.id, document, heading, sentences, embedding, sentence_embeddings, passages.checksum FROM passages"
)


@dataclass(frozen=True, slots=True, eq=False)
class EncodedPassage:
    """A passage with its embedding, (dimensions,), and one for each of its sentences, (sentences, dimensions)."""

    passage: Passage
    embedding: NDArray[np.float32]
    sentence_embeddings: NDArray[np.float32]


# A source, and what it holds.
Entry: TypeAlias = tuple[Reading, Sequence[tuple[Document, Sequence[EncodedPassage]]]]


def reading(row: Row) -> Reading:
    """A row of `SOURCES` as it was read; `DamagedLibrary` where it is not what was written."""
    _number, *fields, checksum, text = row
    key, sha256, bytes_sha256, source, media_type, fetched_at, document_id, metadata = fields
    is_text = all(isinstance(field, str) for field in (*fields[:-2], metadata, text))
    if not is_text or not isinstance(document_id, str | None) or source_checksum(*fields) != checksum:
        raise DamagedLibrary(f"what is stored of source {key} is not what was written: run `quoth check`")
    values = json.loads(metadata)
    return Reading(
        key=key,
        snapshot=Snapshot(sha256, bytes_sha256, source, media_type, text, fetched_at),
        pages=tuple(values.pop("pages", ())),
        validators=validators(values.pop("validators", {})),
        metadata=Metadata(authors=tuple(values.pop("authors")), **values),
        document_id=document_id,
    )


def validators(written: dict[str, str] | str | None) -> Validators:
    """Validators as the metadata of a source hold them, perhaps as JSON text."""
    values = json.loads(written) if isinstance(written, str) else written
    return Validators(**values) if values else Validators()


def source_checksum(*fields: str | None) -> int:
    """The checksum of what is stored of a source, the snapshot's text aside."""
    return zlib.crc32(json.dumps(fields).encode())


def document_checksum(document_id: str, sha256: str, fields: str) -> int:
    """The checksum of what is stored of a document, and of whose snapshot it is."""
    return zlib.crc32(json.dumps([document_id, sha256, fields]).encode())


def written_fields(document: Document) -> str:
    """A document as its column holds it, the snapshot aside."""
    return json.dumps(
        {
            "title": document.title,
            "publisher": document.publisher,
            "published": document.published,
            "updated": document.updated,
            "url": document.url,
            "authors": document.authors,
            "language": document.language,
            "body": [[span.start, span.end] for span in document.body],
            **({"pages": document.pages} if document.pages else {}),
        },
        ensure_ascii=False,
    )


def document(row: Row) -> Document:
    """A row of `DOCUMENTS`; `DamagedLibrary` where it is not what was written."""
    _number, document_id, fields, checksum, *snapshot = row
    is_text = all(isinstance(value, str) for value in (document_id, fields, *snapshot))
    if not is_text or document_checksum(document_id, snapshot[0], fields) != checksum:
        raise DamagedLibrary(f"what is stored of document {document_id} is not what was written: run `quoth check`")
    values = json.loads(fields)
    try:
        return Document(
            id=document_id,
            snapshot=Snapshot(*snapshot),
            body=tuple(Span(start, end) for start, end in values.pop("body")),
            authors=tuple(values.pop("authors")),
            pages=tuple(values.pop("pages", ())),
            **values,
        )
    except ValueError as error:  # its text is shorter than it was
        raise DamagedLibrary(f"{error}: run `quoth check`, then ingest its source again") from error


def passage(row: Row) -> EncodedPassage:
    """A row of `PASSAGES`; `DamagedLibrary` where it is not what was written."""
    passage_id, _document_number, heading, sentences, embedding, sentence_embeddings, checksum = row
    blobs = sentences, embedding, sentence_embeddings
    is_typed = isinstance(heading, str) and all(isinstance(blob, bytes) for blob in blobs)
    if not is_typed or passage_checksum(heading, *blobs) != checksum:
        raise DamagedLibrary(f"what is stored of passage {passage_id} is not what was written: run `quoth check`")
    spans = tuple(Span(start, end) for start, end in np.frombuffer(sentences, "<u4").reshape(-1, 2).tolist())
    passage = Passage(passage_id.rpartition("#")[0], Span(spans[0].start, spans[-1].end), heading, spans)
    rows = np.frombuffer(sentence_embeddings, "<f2").reshape(len(spans), -1).astype(np.float32)
    return EncodedPassage(passage, np.frombuffer(embedding, "<f4").astype(np.float32), rows)


def passage_checksum(heading: str, *blobs: bytes) -> int:
    """The checksum of a passage's columns."""
    checksum = zlib.crc32(heading.encode())
    for blob in blobs:
        checksum = zlib.crc32(blob, checksum)
    return checksum


def written_spans(spans: Sequence[Span]) -> bytes:
    """Spans as their column holds them."""
    return np.array([(span.start, span.end) for span in spans], dtype="<u4").tobytes()


def written_metadata(reading: Reading) -> str:
    """What a source's format said of it, as its column holds it."""
    metadata = reading.metadata
    return json.dumps(
        {
            "title": metadata.title,
            "publisher": metadata.publisher,
            "published": metadata.published,
            "updated": metadata.updated,
            "url": metadata.url,
            "authors": metadata.authors,
            "language": metadata.language,
            **({"pages": reading.pages} if reading.pages else {}),
            **({"validators": asdict(reading.validators)} if reading.validators != Validators() else {}),
        },
        ensure_ascii=False,
    )

"""The library's tables: their schema, and each row to a value and back."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retrieval.datamodel import Document, Metadata, Passage, Reading, Snapshot, Span, Validators
from retrieval.errors import DamagedLibrary
from retrieval.findings import DocumentFindings, PassageFindings, of_document, of_passage

__all__ = [
    "EncodedPassage",
    "Entry",
    "Row",
    "StoredPassage",
    "StoredVectors",
    "about",
    "document",
    "document_checksum",
    "noted_checksum",
    "passage_checksum",
    "passage_fields",
    "reading",
    "source_checksum",
    "validators",
    "vectors_checksum",
    "written_fields",
    "written_metadata",
    "written_spans",
    "written_vectors",
]

Row: TypeAlias = tuple[Any, ...]  # as sqlite3 gives it
SPAN_BYTES = 8

# `findings` are what `findings.py` found, NULL where nobody has looked yet; the fact of that name tells their format.
PASSAGES_TABLE = """
CREATE TABLE passages (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE, language TEXT NOT NULL,
    heading TEXT NOT NULL, sentences BLOB NOT NULL, findings TEXT, checksum INTEGER NOT NULL,
    vectors BLOB NOT NULL, vectors_checksum INTEGER NOT NULL
);
CREATE INDEX passages_by_document ON passages (document);
"""
SCHEMA = f"""
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL, checksum INTEGER NOT NULL) WITHOUT ROWID;
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
    generation INTEGER NOT NULL, fields TEXT NOT NULL, findings TEXT, checksum INTEGER NOT NULL
);
CREATE INDEX documents_by_source ON documents (source);
CREATE INDEX documents_by_generation ON documents (generation);
{PASSAGES_TABLE}
CREATE TABLE withdrawn (
    source INTEGER NOT NULL REFERENCES sources ON DELETE CASCADE, document_id TEXT NOT NULL,
    PRIMARY KEY (source, document_id)
) WITHOUT ROWID;
CREATE TABLE removals (generation INTEGER NOT NULL, document_id TEXT NOT NULL, checksum INTEGER NOT NULL);
CREATE INDEX removals_by_generation ON removals (generation);
"""

SOURCES = (
    "SELECT number, key, sha256, bytes_sha256, source, media_type, fetched_at, document_id, metadata, checksum, text"
    " FROM sources JOIN snapshots USING (sha256)"
)
DOCUMENTS = (
    "SELECT documents.number, documents.id, fields, findings, documents.checksum,"
    " sha256, bytes_sha256, sources.source, media_type, text, fetched_at"
    " FROM documents JOIN sources ON documents.source = sources.number JOIN snapshots USING (sha256)"
)
PASSAGES = "SELECT passages.id, language, heading, sentences, passages.findings, passages.checksum FROM passages"
VECTORS = "SELECT id, language, vectors, vectors_checksum FROM passages"


@dataclass(frozen=True, slots=True, eq=False)
class EncodedPassage:
    """A passage with its embedding, (dimensions,), and one for each of its sentences, (sentences, dimensions)."""

    passage: Passage
    embedding: NDArray[np.float32]
    sentence_embeddings: NDArray[np.float32]


class StoredPassage(NamedTuple):
    """A row of `PASSAGES`, most of it as it is stored."""

    id: str
    language: str
    heading: str
    sentences: bytes
    findings: str | None
    checksum: int

    def checked(self) -> StoredPassage:
        """The row; `DamagedLibrary` where it is not what was written."""
        *fields, checksum = self
        is_typed = all(isinstance(text, str) for text in self[:3]) and isinstance(self.sentences, bytes)
        if not is_typed or not isinstance(self.findings, str | None) or passage_checksum(*fields) != checksum:
            raise _passage_damaged(self.id)
        return self

    @property
    def document_id(self) -> str:
        """The id of its document."""
        return self.id.rpartition("#")[0]

    @property
    def count_sentences(self) -> int:
        """How many sentences it has."""
        return len(self.sentences) // SPAN_BYTES

    @property
    def passage(self) -> Passage:
        """The passage itself."""
        spans = tuple(Span(start, end) for start, end in np.frombuffer(self.sentences, "<u4").reshape(-1, 2).tolist())
        return Passage(self.document_id, Span(spans[0].start, spans[-1].end), self.heading, spans)

    def found(self, document: Document, *, stands: bool) -> PassageFindings:
        """What was found in it: when it was stored, if that `stands`, else now."""
        stored = self.findings if stands else None
        return PassageFindings.read(stored) if stored else of_passage(document, self.passage)


class StoredVectors(NamedTuple):
    """A row of `VECTORS`: a passage's embedding and those of its sentences, as they are stored."""

    id: str
    language: str
    vectors: bytes
    checksum: int

    def checked(self) -> StoredVectors:
        """The row; `DamagedLibrary` where it is not what was written."""
        is_typed = isinstance(self.id, str) and isinstance(self.vectors, bytes)
        if not is_typed or vectors_checksum(self.id, self.vectors) != self.checksum:
            raise _passage_damaged(self.id)
        return self

    def embedding(self, sentences: int) -> NDArray[np.float32]:
        """The embedding of the passage, which has so many sentences: (dimensions,)."""
        dimensions = len(self.vectors) // (4 + 2 * sentences)
        return np.frombuffer(self.vectors, "<f4", dimensions).astype(np.float32)

    def matrix(self, dimensions: int) -> NDArray[np.float32]:
        """The embedding of the passage, and below it those of its sentences: (1 + sentences, dimensions)."""
        sentences = np.frombuffer(self.vectors, "<f2", offset=4 * dimensions).reshape(-1, dimensions)
        found = np.empty((1 + len(sentences), dimensions), dtype=np.float32)
        found[0] = np.frombuffer(self.vectors, "<f4", dimensions)
        found[1:] = sentences
        return found


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


def noted_checksum(*fields: str | int) -> int:
    """The checksum of a fact, by its name and value, or of a removal, by its generation and document."""
    return zlib.crc32(json.dumps(fields).encode())


def source_checksum(*fields: str | None) -> int:
    """The checksum of what is stored of a source, the snapshot's text aside."""
    return zlib.crc32(json.dumps(fields).encode())


def document_checksum(document_id: str, sha256: str, fields: str, findings: str | None) -> int:
    """The checksum of what is stored of a document, and of whose snapshot it is."""
    return zlib.crc32(json.dumps([document_id, sha256, fields, findings]).encode())


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
    _number, document_id, fields, findings, checksum, *snapshot = row
    is_text = all(isinstance(value, str) for value in (document_id, fields, *snapshot))
    is_text = is_text and isinstance(findings, str | None)
    if not is_text or document_checksum(document_id, snapshot[0], fields, findings) != checksum:
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


def about(row: Row, document: Document, *, stands: bool) -> DocumentFindings:
    """What was found in the document of that row of `DOCUMENTS`: when it was stored, if that `stands`, else now."""
    findings = row[3] if stands else None
    return DocumentFindings.read(findings) if findings else of_document(document)


def passage_fields(document: Document, passage: Passage) -> tuple[str | bytes, ...]:
    """A passage of `document` as its columns from `id` to `findings` hold it."""
    findings = of_passage(document, passage).written()
    return (passage.id, document.language, passage.heading, written_spans(passage.sentences), findings)


def passage_checksum(*fields: str | bytes | None) -> int:
    """The checksum of a passage's columns, from `id` to `findings`."""
    written = [field.encode() if isinstance(field, str) else field or b"" for field in fields]
    return zlib.crc32(b"".join(written), zlib.crc32(str([len(field) for field in written]).encode()))


def written_vectors(encoded: EncodedPassage) -> bytes:
    """A passage's embeddings as their column holds them: its own in 32 bits, those of its sentences in 16."""
    return encoded.embedding.astype("<f4").tobytes() + encoded.sentence_embeddings.astype("<f2").tobytes()


def vectors_checksum(passage_id: str, vectors: bytes) -> int:
    """The checksum of a passage's embeddings, and of whose they are."""
    return zlib.crc32(vectors, zlib.crc32(passage_id.encode()))


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


def _passage_damaged(passage_id: object) -> DamagedLibrary:
    return DamagedLibrary(f"what is stored of passage {passage_id} is not what was written: run `quoth check`")

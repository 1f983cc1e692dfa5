"""The library: a folder whose SQLite file is the truth. Indexes beside it are derived, and live in `indexes.py`.

Every committed change raises the `generation`; whoever answers sees by it that there is something new. Snapshots,
documents and passages carry checksums, so that a byte that flips on the disk is found and never quoted. One process
writes at a time, many read. A kill at any moment leaves the last committed state (WAL).
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from retrieval import rows
from retrieval.datamodel import Document, Reading, Snapshot
from retrieval.errors import BusyLibrary, DamagedLibrary, StorageError, UnknownDocument
from retrieval.rows import EncodedPassage, Row

__all__ = ["EncodedPassage", "Library", "StoredSource", "Writer"]

FORMAT = 1
FILE = "library.sqlite"
LOCK = "writer.lock"


@dataclass(frozen=True, slots=True)
class StoredSource:
    """A source as the library holds it now: what it is known by, its snapshot, and its documents' ids."""

    reading: Reading
    document_ids: tuple[str, ...]


class Library:
    """An open library folder, for reading. Not for several threads at a time: each takes its own."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self._connection = connection

    @classmethod
    def open(cls, folder: Path) -> Library:
        """Open the library in `folder`, making an empty one where there is none.

        `StorageError` where the folder cannot be made or written, `DamagedLibrary` where its file is no library.
        """
        if folder.exists() and not folder.is_dir():
            raise StorageError(f"expected a folder for the library, found the file {folder}: name another by --library")
        path = folder / FILE
        with _faults(folder):
            folder.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                _create(folder, path)
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA synchronous = FULL")
            library = cls(folder, connection)
            library._check_format()
            return library

    def close(self) -> None:
        """Let go of the files."""
        self._connection.close()

    def _check_format(self) -> None:
        found = self.fact("format")
        if found != str(FORMAT):
            raise DamagedLibrary(
                f"expected a library of format {FORMAT} in {self.folder}, found {found}: "
                "it was made by another version of quoth; ingest its sources into a new one"
            )

    def fact(self, name: str) -> str | None:
        """What the library notes of itself under `name`."""
        found = self._rows("SELECT value FROM facts WHERE name = ?", name)
        return str(found[0][0]) if found else None

    @property
    def generation(self) -> int:
        """How often the library was changed: 0 for a new one."""
        return int(self.fact("generation") or 0)

    @property
    def identity(self) -> str | None:
        """The identity of the model whose embeddings the library holds; None before the first."""
        return self.fact("identity")

    def count_documents(self, key: str | None = None) -> int:
        """How many documents there are, in all or under `key`."""
        if key is None:
            return int(self._rows("SELECT count(*) FROM documents")[0][0])
        current = "SELECT number FROM sources WHERE key = ? AND replaced_at IS NULL"
        return int(self._rows(f"SELECT count(*) FROM documents WHERE source IN ({current})", key)[0][0])  # noqa: S608

    def count_passages(self) -> int:
        """How many passages there are."""
        return int(self._rows("SELECT count(*) FROM passages")[0][0])

    def document(self, document_id: str) -> Document:
        """The document of that id; `UnknownDocument` where there is none."""
        found = self._rows(f"{rows.DOCUMENTS} WHERE documents.id = ?", document_id)
        if not found:
            raise UnknownDocument(f"expected the id of a document, found {document_id!r}: `quoth sources` lists them")
        return rows.document(found[0])

    def documents(self) -> Iterator[Document]:
        """Every document, in the order in which it was added."""
        for (document_id,) in self._rows("SELECT id FROM documents ORDER BY number"):
            yield self.document(document_id)

    def passages(self, passage_ids: Sequence[str]) -> list[tuple[Document, EncodedPassage]]:
        """The passages of these ids with their documents, in that order; ids that are gone are left out."""
        documents: dict[int, Document] = {}
        found = []
        for passage_id in passage_ids:
            for row in self._rows(f"{rows.PASSAGES} WHERE id = ?", passage_id):
                number = row[1]
                if number not in documents:
                    documents[number] = rows.document(
                        self._rows(f"{rows.DOCUMENTS} WHERE documents.number = ?", number)[0]
                    )
                found.append((documents[number], rows.passage(row, documents[number].id)))
        return found

    def entries(self, *, after: int = 0) -> Iterator[tuple[Document, EncodedPassage]]:
        """Every passage of the documents added after generation `after`, with its document."""
        for row in self._rows(f"{rows.DOCUMENTS} WHERE documents.generation > ? ORDER BY documents.number", after):
            document = rows.document(row)
            for passage in self._rows(f"{rows.PASSAGES} WHERE document = ? ORDER BY id", row[0]):
                yield document, rows.passage(passage, document.id)

    def removals(self, *, after: int) -> list[str]:
        """The ids of documents removed or replaced after generation `after`."""
        return [
            row[0]
            for row in self._rows("SELECT DISTINCT document_id FROM removals WHERE generation > ? ORDER BY 1", after)
        ]

    def source(self, key: str) -> StoredSource | None:
        """What stands under `key` now."""
        found = self._rows(f"{rows.SOURCES} WHERE key = ? AND replaced_at IS NULL", key)
        return self._stored(found[0]) if found else None

    def holds(self, reading: Reading) -> bool:
        """Whether the same bytes stand under the reading's key already."""
        found = self._rows("SELECT bytes_sha256 FROM sources WHERE key = ? AND replaced_at IS NULL", reading.key)
        return bool(found) and found[0][0] == reading.snapshot.bytes_sha256

    def readings(self) -> Iterator[Reading]:
        """Every source that stands now, as it was read, in the order in which it was added."""
        for (number,) in self._rows("SELECT number FROM sources WHERE replaced_at IS NULL ORDER BY number"):
            yield self._stored(self._rows(f"{rows.SOURCES} WHERE number = ?", number)[0]).reading

    def _stored(self, row: Row) -> StoredSource:
        number, key, sha256, bytes_sha256, source, media_type, text, fetched_at, document_id, metadata = row
        snapshot = Snapshot(sha256, bytes_sha256, source, media_type, text, fetched_at)
        ids = self._rows("SELECT id FROM documents WHERE source = ? ORDER BY number", number)
        return StoredSource(Reading(key, snapshot, rows.metadata(metadata), document_id), tuple(row[0] for row in ids))

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """The one writer; `BusyLibrary` where another process writes."""
        with _faults(self.folder), (self.folder / LOCK).open("a+") as lock:
            _lock(lock, self.folder)
            yield Writer(self, self._connection)

    def faults(self) -> Iterator[str]:
        """What is wrong with the file: each fault a line, none where all is well."""
        try:
            for (line,) in self._connection.execute("PRAGMA integrity_check"):
                if line != "ok":
                    yield f"{FILE}: {line}"
            for fault in self._connection.execute("PRAGMA foreign_key_check"):
                yield f"{FILE}: a row of {fault[0]} points at a row of {fault[2]} that is gone"
            for (sha256,) in self._rows("SELECT sha256 FROM snapshots ORDER BY 1"):
                text = self._rows("SELECT text FROM snapshots WHERE sha256 = ?", sha256)[0][0]
                if not Snapshot(sha256, "", "", "", text, "").is_intact():
                    yield f"snapshot {sha256[:12]}: its text is not what was stored"
            for (document_id,) in self._rows("SELECT id FROM documents ORDER BY number"):
                yield from self._document_faults(document_id)
        except (sqlite3.DatabaseError, DamagedLibrary) as error:
            yield f"{FILE}: {error}"

    def _document_faults(self, document_id: str) -> Iterator[str]:
        try:
            document = self.document(document_id)
        except (DamagedLibrary, ValueError, UnknownDocument) as error:
            yield f"document {document_id}: {error}"
            return
        for row in self._rows(
            f"{rows.PASSAGES} JOIN documents ON document = number WHERE documents.id = ?", document_id
        ):
            try:
                passage = rows.passage(row, document_id).passage
                if passage.id != row[0] or not document.holds(passage.span):
                    yield f"passage {row[0]}: it is not what its document says there"
            except (DamagedLibrary, ValueError) as error:
                yield f"passage {row[0]}: {error}"

    def _rows(self, statement: str, *values: object) -> list[Row]:
        with _faults(self.folder):
            return self._connection.execute(statement, values).fetchall()


class Writer:
    """What may change a library, while its lock is held. Each method is one transaction."""

    def __init__(self, library: Library, connection: sqlite3.Connection) -> None:
        self._library = library
        self._connection = connection

    def put(
        self,
        entries: Iterable[tuple[Reading, Sequence[tuple[Document, Sequence[EncodedPassage]]]]],
        *,
        identity: str,
        at: str,
    ) -> None:
        """Store sources with their documents, replacing what stood under the same keys and ids; one transaction.

        `at` is the time in ISO 8601, UTC. What is replaced stays as a snapshot until pruned.
        """
        with self._transaction() as generation:
            self._note("identity", identity)
            for reading, documents in entries:
                self._take_out(reading.key, generation, at)
                source = self._add_source(reading)
                for document, passages in documents:
                    self._add_document(document, source, generation, passages)

    def remove(self, document_id: str) -> None:
        """Remove a document at once, and its snapshot where no other document needs it."""
        self._library.document(document_id)
        with self._transaction() as generation:
            row = self._connection.execute(
                "SELECT sources.number, sha256 FROM documents JOIN sources ON source = sources.number WHERE id = ?",
                (document_id,),
            ).fetchone()
            self._connection.execute("DELETE FROM documents WHERE id = ?", (document_id,))
            self._removed(document_id, generation)
            if not self._connection.execute("SELECT 1 FROM documents WHERE source = ?", (row[0],)).fetchone():
                self._connection.execute("DELETE FROM sources WHERE number = ?", (row[0],))
                # A version of it that was replaced earlier is no reason to keep what was asked to go.
                self._connection.execute("DELETE FROM sources WHERE sha256 = ? AND replaced_at IS NOT NULL", (row[1],))
            self._drop_orphans()

    def prune(self, before: str) -> int:
        """Drop the snapshots that were replaced before the ISO 8601 time `before`; how many."""
        with self._transaction():
            self._connection.execute(
                "DELETE FROM sources WHERE replaced_at < ? AND number NOT IN (SELECT source FROM documents)", (before,)
            )
            return self._drop_orphans()

    def forget_removals(self, *, until: int) -> None:
        """Drop the list of what was removed up to generation `until`, once every index knows."""
        with self._connection_transaction():
            self._connection.execute("DELETE FROM removals WHERE generation <= ?", (until,))

    def _take_out(self, key: str, generation: int, at: str) -> None:
        for number, document_id in self._connection.execute(
            "SELECT sources.number, documents.id FROM sources LEFT JOIN documents ON source = sources.number "
            "WHERE key = ? AND replaced_at IS NULL",
            (key,),
        ).fetchall():
            if document_id is not None:
                self._connection.execute("DELETE FROM documents WHERE id = ?", (document_id,))
                self._removed(document_id, generation)
            self._connection.execute("UPDATE sources SET replaced_at = ? WHERE number = ?", (at, number))

    def _add_source(self, reading: Reading) -> int:
        snapshot = reading.snapshot
        self._connection.execute(
            "INSERT OR IGNORE INTO snapshots (sha256, text) VALUES (?, ?)", (snapshot.sha256, snapshot.text)
        )
        cursor = self._connection.execute(
            "INSERT INTO sources (key, sha256, bytes_sha256, source, media_type, fetched_at, document_id, metadata)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                reading.key,
                snapshot.sha256,
                snapshot.bytes_sha256,
                snapshot.source,
                snapshot.media_type,
                snapshot.fetched_at,
                reading.document_id,
                rows.written_metadata(reading),
            ),
        )
        assert cursor.lastrowid is not None  # noqa: S101 - an insert has one
        return cursor.lastrowid

    def _add_document(
        self, document: Document, source: int, generation: int, passages: Sequence[EncodedPassage]
    ) -> None:
        # An id that a line of JSONL names may stand under another key: it is given again, so it replaces.
        if self._connection.execute("DELETE FROM documents WHERE id = ?", (document.id,)).rowcount:
            self._removed(document.id, generation)
        fields = rows.written_fields(document)
        cursor = self._connection.execute(
            "INSERT INTO documents (id, source, generation, fields, checksum) VALUES (?, ?, ?, ?, ?)",
            (document.id, source, generation, fields, zlib.crc32(fields.encode())),
        )
        for encoded in passages:
            sentences = rows.written_spans(encoded.passage.sentences)
            embedding = encoded.embedding.astype("<f4").tobytes()
            sentence_embeddings = encoded.sentence_embeddings.astype("<f2").tobytes()
            self._connection.execute(
                "INSERT INTO passages (id, document, heading, sentences, embedding, sentence_embeddings, checksum)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    encoded.passage.id,
                    cursor.lastrowid,
                    encoded.passage.heading,
                    sentences,
                    embedding,
                    sentence_embeddings,
                    rows.passage_checksum(encoded.passage.heading, sentences, embedding, sentence_embeddings),
                ),
            )

    def _removed(self, document_id: str, generation: int) -> None:
        self._connection.execute(
            "INSERT INTO removals (generation, document_id) VALUES (?, ?)", (generation, document_id)
        )

    def _drop_orphans(self) -> int:
        return self._connection.execute(
            "DELETE FROM snapshots WHERE sha256 NOT IN (SELECT sha256 FROM sources)"
        ).rowcount

    def _note(self, name: str, value: str) -> None:
        self._connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

    @contextmanager
    def _transaction(self) -> Iterator[int]:
        """A transaction that raises the generation, and gives the new one."""
        with self._connection_transaction():
            generation = self._library.generation + 1
            self._note("generation", str(generation))
            yield generation

    @contextmanager
    def _connection_transaction(self) -> Iterator[None]:
        with _faults(self._library.folder):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def _create(folder: Path, path: Path) -> None:
    """Make an empty library beside its place and rename it, so that a kill leaves all of it or nothing."""
    beside = folder / f".{FILE}.{os.getpid()}"
    beside.unlink(missing_ok=True)
    connection = sqlite3.connect(beside, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(rows.SCHEMA)
    connection.execute("INSERT INTO facts VALUES ('format', ?)", (str(FORMAT),))
    connection.close()
    try:
        path.hardlink_to(beside)  # unlike a rename, it fails where another process was first
    except FileExistsError:
        pass
    finally:
        beside.unlink()


def _lock(lock: IO[str], folder: Path) -> None:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        lock.seek(0)
        raise BusyLibrary(
            f"another process (number {lock.read().strip() or 'unknown'}) is writing to {folder}: "
            "wait until it has finished, then try again"
        ) from error
    lock.truncate(0)
    lock.write(str(os.getpid()))
    lock.flush()


@contextmanager
def _faults(folder: Path) -> Iterator[None]:
    """SQLite's and the system's complaints, as the library's own errors."""
    try:
        yield
    except sqlite3.OperationalError as error:
        message = str(error)
        if "malformed" in message or "no such table" in message:
            raise _damaged(folder, message) from error
        raise StorageError(
            f"the library in {folder} cannot be written or read ({message}): make room or permit it, then try again; "
            "what was committed is safe"
        ) from error
    except sqlite3.DatabaseError as error:
        raise _damaged(folder, str(error)) from error
    except OSError as error:
        raise StorageError(
            f"the library in {folder} cannot be used ({error.strerror or error}): make room or permit it, "
            "then try again; what was committed is safe"
        ) from error


def _damaged(folder: Path, found: str) -> DamagedLibrary:
    return DamagedLibrary(
        f"expected a whole library in {folder}, found it damaged ({found}): "
        "run `quoth check`, then restore a backup or ingest the sources into a new library"
    )

"""The library: a folder whose SQLite file is the truth. Indexes beside it are derived, and live in `indexes.py`.

Every committed change of what is searched raises the `generation`; whoever answers sees by it that there is something
new. Snapshots, documents and passages carry checksums, so that a byte that flips on the disk is found and never quoted.
One process writes at a time, many read. A kill at any moment leaves the last committed state (WAL).
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from retrieval import findings, migration, rows
from retrieval.datamodel import Document, Known, Reading, Snapshot
from retrieval.errors import DamagedLibrary, StorageError, UnknownDocument
from retrieval.findings import DocumentFindings
from retrieval.rows import Row, StoredPassage, StoredVectors

__all__ = ["BUSY_SECONDS", "FILE", "INDEXES", "Library", "make", "storing"]

FORMAT = 2
PAGE_BYTES = 8192  # a passage with its embeddings fits one or two
CACHE_KILOBYTES = 8000
BUSY_SECONDS = 30
FILE = "library.sqlite"
INDEXES = "indexes"  # the folder of what is derived
DAMAGE = ("no such table", "no such column", "malformed JSON", "JSON cannot hold BLOB")  # in an error's message
REFUSALS = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_PERM,
        sqlite3.SQLITE_READONLY,
    }
)


class Library:
    """An open library folder, for reading; `writer.writing` changes it. One thread at a time: each takes its own."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder = folder
        self.connection = connection

    @staticmethod
    def is_in(folder: Path) -> bool:
        """Whether there is a library in `folder`, whole or damaged."""
        return os.path.lexists(folder / FILE)

    @classmethod
    def open(cls, folder: Path) -> Library:
        """Open the library in `folder`, making an empty one where there is none.

        `StorageError` where the folder cannot be made or written, `DamagedLibrary` where its file is no library.
        """
        path = folder / FILE
        with storing(folder):
            if folder.exists() and not folder.is_dir():
                raise StorageError(
                    f"expected a folder for the library, found the file {folder}: name another by --library"
                )
            folder.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                make(folder, _fill_new)
            connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute(f"PRAGMA cache_size = -{CACHE_KILOBYTES}")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute("PRAGMA secure_delete = ON")  # what is removed leaves the file, not only the tables
            library = cls(folder, connection)
            library._check_format()
            return library

    def close(self) -> None:
        """Let go of the files."""
        self.connection.close()

    def _check_format(self) -> None:
        with storing(self.folder):
            migration.migrate(self.connection)
        found = self.fact("format")
        if found != str(FORMAT):
            raise DamagedLibrary(
                f"expected a library of format {FORMAT} in {self.folder}, found {found}: "
                "it was made by another version of quoth; ingest its sources into a new one"
            )

    def fact(self, name: str) -> str | None:
        """What the library notes of itself under `name`."""
        for value, checksum in self._rows("SELECT value, checksum FROM facts WHERE name = ?", name):
            if rows.noted_checksum(name, value) != checksum:
                raise _damaged(self.folder, f"what it notes of its {name} is not what was written")
            return str(value)
        return None

    @property
    def generation(self) -> int:
        """How often the library was changed: 0 for a new one."""
        found = self.fact("generation")
        if found is None and self._rows("SELECT 1 FROM documents LIMIT 1"):
            raise _damaged(self.folder, "it has documents and no generation")
        return int(found or "0")

    @contextmanager
    def at_rest(self) -> Iterator[int]:
        """While inside, what is read is the library as it stood, whatever others commit; inside another, the same.

        It gives the generation that stands.
        """
        if self.is_at_rest:
            yield self.generation
            return
        with storing(self.folder):
            self.connection.execute("BEGIN")
        try:
            yield self.generation  # SQLite holds fast what stands at the first read
        finally:
            if self.is_at_rest:  # SQLite may have ended it, where a page is damaged
                with storing(self.folder):
                    self.connection.execute("COMMIT")

    @property
    def is_at_rest(self) -> bool:
        """Whether one state of the library is read."""
        return self.connection.in_transaction

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

    def count_passages(self, document_id: str | None = None) -> int:
        """How many passages there are, in all or of one document."""
        if document_id is None:
            return int(self._rows("SELECT count(*) FROM passages")[0][0])
        statement = "SELECT count(*) FROM passages JOIN documents ON document = documents.number WHERE documents.id = ?"
        return int(self._rows(statement, document_id)[0][0])

    def newest_publication(self) -> str | None:
        """The latest publication date of any document, ISO 8601; None where none is dated."""
        found = self._rows("SELECT max(json_extract(fields, '$.published')) FROM documents")
        return None if found[0][0] is None else str(found[0][0])

    def document(self, document_id: str) -> Document:
        """The document of that id; `UnknownDocument` where there is none."""
        found = self._rows(f"{rows.DOCUMENTS} WHERE documents.id = ?", document_id)
        if not found:
            raise UnknownDocument(f"expected the id of a document, found {document_id!r}: `quoth sources` lists them")
        return rows.document(found[0])

    def documents(self) -> Iterator[Document]:
        """Every document, in the order in which it was added; those that go meanwhile are left out."""
        for (document_id,) in self._rows("SELECT id FROM documents ORDER BY number"):
            yield from self.documents_by_id([document_id]).values()

    def newest(self, first: int, count: int, *, language: str | None = None) -> list[Document]:
        """So many documents from the `first` on, the newest by date of publication first, perhaps of one language."""
        chosen = self._rows(
            "SELECT id FROM documents WHERE ? IS NULL OR json_extract(fields, '$.language') = ?"
            " ORDER BY json_extract(fields, '$.published') DESC, id LIMIT ? OFFSET ?",
            language,
            language,
            count,
            first,
        )
        return list(self.documents_by_id(document_id for (document_id,) in chosen).values())

    def documents_by_id(self, document_ids: Iterable[str]) -> dict[str, Document]:
        """The documents of these ids, in that order; ids that are gone are left out."""
        return {document_id: document for document_id, (document, _) in self.looked_through(document_ids).items()}

    def looked_through(self, document_ids: Iterable[str]) -> dict[str, tuple[Document, DocumentFindings]]:
        """The documents of these ids, each with what was found in it; ids that are gone are left out."""
        wanted = list(dict.fromkeys(document_ids))
        read = {row[1]: row for row in self._rows_of(rows.DOCUMENTS, "documents.id", wanted)}
        stands = self.has_findings
        found = {}
        for row in (read[document_id] for document_id in wanted if document_id in read):
            document = rows.document(row)
            found[document.id] = (document, rows.about(row, document, stands=stands))
        return found

    def outlets(self, document_ids: Iterable[str]) -> dict[str, tuple[str | None, str | None]]:
        """The publisher and the URL of each of these documents; ids that are gone are left out."""
        told = "SELECT id, json_extract(fields, '$.publisher'), json_extract(fields, '$.url') FROM documents"
        return {row[0]: (row[1], row[2]) for row in self._rows_of(told, "id", document_ids)}

    def imprints(self) -> list[tuple[str, str | None, str | None]]:
        """Of every document its id, its date of publication and its publisher, in the order in which it was added."""
        told = (
            "SELECT id, json_extract(fields, '$.published'), json_extract(fields, '$.publisher') FROM documents"
            " ORDER BY number"
        )
        return [(document_id, published, publisher) for document_id, published, publisher in self._rows(told)]

    def passages(self, passage_ids: Collection[str]) -> list[StoredPassage]:
        """The passages of these ids, by id; ids that are gone are left out."""
        return sorted(self._stored(row) for row in self._rows_of(rows.PASSAGES, "id", passage_ids))

    def vectors(self, passage_ids: Collection[str]) -> list[StoredVectors]:
        """The embeddings of these passages, by id; ids that are gone are left out."""
        return sorted(StoredVectors(*row).checked() for row in self._rows_of(rows.VECTORS, "id", passage_ids))

    @property
    def has_findings(self) -> bool:
        """Whether what was found in documents and passages was found as it is today."""
        return self.fact("findings") == findings.FORMAT

    def added(self, *, after: int = 0) -> Iterator[tuple[Document, list[StoredPassage]]]:
        """The documents added after generation `after`, each with its passages by id."""
        numbers = self._rows("SELECT number FROM documents WHERE generation > ? ORDER BY number", after)
        for (number,) in numbers:
            for row in self._rows(f"{rows.DOCUMENTS} WHERE documents.number = ?", number):
                stored = self._rows(f"{rows.PASSAGES} WHERE document = ? ORDER BY id", number)
                yield rows.document(row), [self._stored(passage) for passage in stored]

    def embeddings(self, passages: Sequence[StoredPassage]) -> list[NDArray[np.float32]]:
        """The embedding of each of these passages, (dimensions,); `DamagedLibrary` where one is gone."""
        found = {one.id: one for one in self.vectors([passage.id for passage in passages])}
        if missing := [passage.id for passage in passages if passage.id not in found]:
            raise _damaged(self.folder, f"the passage {missing[0]} has no embedding")
        return [found[passage.id].embedding(passage.count_sentences) for passage in passages]

    def removals(self, *, after: int) -> list[str]:
        """The ids of documents removed or replaced after generation `after`."""
        removed = set()
        for generation, document_id, checksum in self._rows("SELECT * FROM removals WHERE generation > ?", after):
            if rows.noted_checksum(generation, document_id) != checksum:
                raise _damaged(self.folder, "what it notes of a removal is not what was written")
            removed.add(document_id)
        return sorted(removed)

    def reading(self, key: str) -> Reading | None:
        """What stands under `key` now, as it was read; None where nothing does, or it is damaged and to be replaced."""
        try:
            found = self._rows(f"{rows.SOURCES} WHERE key = ? AND replaced_at IS NULL", key)
            return rows.reading(found[0]) if found else None
        except DamagedLibrary:
            return None

    def known(self, key: str) -> Known | None:
        """What stands under `key` now; None where nothing does, or it is damaged and to be replaced."""
        statement = (
            "SELECT bytes_sha256, fetched_at, json_extract(metadata, '$.validators'), sha256 FROM sources"
            " WHERE key = ? AND replaced_at IS NULL"
        )
        for bytes_sha256, fetched_at, validators, sha256 in self._rows(statement, key):
            if self._is_intact(sha256):
                return Known(bytes_sha256, fetched_at, rows.validators(validators))
        return None

    def holds(self, reading: Reading) -> bool:
        """Whether the same stands under the reading's key already, intact: the same bytes, or other bytes around it."""
        stored = self.reading(reading.key)
        if stored is None or not stored.snapshot.is_intact():
            return False
        told = {(one.snapshot.sha256, one.metadata, one.pages) for one in (stored, reading)}
        return stored.snapshot.bytes_sha256 == reading.snapshot.bytes_sha256 or len(told) == 1

    def readings(self) -> Iterator[Reading]:
        """Every source that stands now, as it was read, in the order in which it was added."""
        for (number,) in self._rows("SELECT number FROM sources WHERE replaced_at IS NULL ORDER BY number"):
            yield rows.reading(self._rows(f"{rows.SOURCES} WHERE number = ?", number)[0])

    def withdrawn(self, key: str) -> frozenset[str]:
        """The ids of documents that were removed from what stands under `key`, while others of it stay."""
        current = "SELECT number FROM sources WHERE key = ? AND replaced_at IS NULL"
        found = self._rows(f"SELECT document_id FROM withdrawn WHERE source IN ({current})", key)  # noqa: S608
        return frozenset(row[0] for row in found)

    def faults(self) -> Iterator[str]:
        """What is wrong with the file: each fault a line, none where all is well.

        `StorageError` where the disk does not let it be read: that tells nothing of what is on it.
        """
        try:
            for (line,) in self.connection.execute("PRAGMA integrity_check"):
                if line != "ok":
                    yield f"{FILE}: {line}"
            for fault in self.connection.execute("PRAGMA foreign_key_check"):
                yield f"{FILE}: a row of {fault[0]} points at a row of {fault[2]} that is gone"
            for (name,) in self._rows("SELECT name FROM facts"):
                self.fact(name)
            self.removals(after=0)
            for (sha256,) in self._rows("SELECT sha256 FROM snapshots ORDER BY 1"):
                yield from self._snapshot_faults(sha256)
            for (number,) in self._rows("SELECT number FROM sources ORDER BY 1"):
                yield from self._source_faults(number)
            for (document_id,) in self._rows("SELECT id FROM documents ORDER BY number"):
                yield from self._document_faults(document_id)
        except (sqlite3.DatabaseError, DamagedLibrary) as error:
            if _code(error) in REFUSALS:
                with storing(self.folder):
                    raise
            yield f"{FILE}: {error}"

    def _snapshot_faults(self, sha256: str) -> Iterator[str]:
        if not self._is_intact(sha256):
            yield f"snapshot {sha256[:12]}: its text is not what was stored"

    def _is_intact(self, sha256: str) -> bool:
        """Whether the text stored under `sha256` is there and still has that digest."""
        try:
            found = self._rows("SELECT text FROM snapshots WHERE sha256 = ?", sha256)
        except DamagedLibrary:  # no longer UTF-8
            return False
        return any(isinstance(text, str) and Snapshot(sha256, "", "", "", text, "").is_intact() for (text,) in found)

    def _source_faults(self, number: int) -> Iterator[str]:
        try:
            for row in self._rows(f"{rows.SOURCES} WHERE number = ?", number):
                rows.reading(row)
        except DamagedLibrary as error:
            yield f"source {number}: {error}"

    def _document_faults(self, document_id: str) -> Iterator[str]:
        try:
            document = self.document(document_id)
        except (DamagedLibrary, ValueError, UnknownDocument) as error:
            yield f"document {document_id}: {error}"
            return
        for row in self._rows(
            f"{rows.PASSAGES} JOIN documents ON document = documents.number WHERE documents.id = ?", document_id
        ):
            try:
                stored = self._stored(row)
                is_whole = stored.passage.id == stored.id and stored.document_id == document_id
                if not is_whole or stored.language != document.language or not document.holds(stored.passage.span):
                    yield f"passage {row[0]}: it is not what its document says there"
                self.embeddings([stored])
            except (DamagedLibrary, ValueError) as error:
                yield f"passage {row[0]}: {error}"

    def _stored(self, row: Row) -> StoredPassage:
        return StoredPassage(*row).checked()

    def _rows_of(self, statement: str, column: str, ids: Iterable[str]) -> list[Row]:
        """The rows whose `column` is one of these, in no order."""
        of_these = f"{statement} WHERE {column} IN (SELECT value FROM json_each(?))"  # noqa: S608 - words of ours
        return self._rows(of_these, json.dumps(list(ids)))

    def _rows(self, statement: str, *values: object) -> list[Row]:
        with storing(self.folder):
            return self.connection.execute(statement, values).fetchall()


def make(folder: Path, fill: Callable[[sqlite3.Connection], object]) -> None:
    """Make a library of what `fill` writes beside its place and rename it there: a kill leaves all of it or nothing.

    The folder itself is the lock: one process makes it, and clears away what a killed one left under the same name.
    """
    path = folder / FILE
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():  # another process was first
            return
        # Indexes of a library that is gone would pass for this one's as soon as its generation reaches theirs.
        shutil.rmtree(folder / INDEXES, ignore_errors=True)
        beside = folder / f".{FILE}"
        _unlink(beside)
        try:
            with closing(sqlite3.connect(beside, isolation_level=None)) as connection:
                fill(connection)
                connection.execute("PRAGMA journal_mode = WAL")
            beside.rename(path)
            os.fsync(lock)
        finally:
            _unlink(beside)
    finally:
        os.close(lock)


def _fill_new(connection: sqlite3.Connection) -> None:
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
    connection.executescript(rows.SCHEMA)
    for fact in (("format", str(FORMAT)), ("findings", findings.FORMAT)):
        connection.execute("INSERT INTO facts VALUES (?, ?, ?)", (*fact, rows.noted_checksum(*fact)))


def _unlink(path: Path) -> None:
    for suffix in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


@contextmanager
def storing(folder: Path) -> Iterator[None]:
    """SQLite's and the system's complaints, as the library's own errors."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        code = _code(error)
        if str(error).startswith("Could not decode"):  # its message goes on with the whole text
            raise _damaged(folder, "a text in it is no UTF-8") from error
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB} or any(sign in str(error) for sign in DAMAGE):
            raise _damaged(folder, str(error)) from error
        if code not in REFUSALS:
            raise  # a mistake of ours
        raise StorageError(
            f"the library in {folder} cannot be written or read ({error}): make room or permit it, then try again; "
            "what was committed is safe"
        ) from error
    except OSError as error:
        raise StorageError(
            f"the library in {folder} cannot be used ({error.strerror or error}): make room or permit it, "
            "then try again; what was committed is safe"
        ) from error


def _code(error: Exception) -> int:
    """What SQLite calls the error, the finer distinctions aside; 0 where it is not SQLite's."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _damaged(folder: Path, found: str) -> DamagedLibrary:
    return DamagedLibrary(
        f"expected a whole library in {folder}, found it damaged ({found}): "
        "run `quoth check`, then restore a backup or ingest the sources into a new library"
    )

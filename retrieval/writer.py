"""What changes a library: one process at a time, one transaction a change.

Whatever changes what is searched raises the generation.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import IO

from retrieval import rows
from retrieval.datamodel import Document, Reading
from retrieval.errors import BusyLibrary
from retrieval.findings import FORMAT, of_document
from retrieval.library import BUSY_SECONDS, FILE, INDEXES, Library, storing
from retrieval.rows import EncodedPassage, Entry
from retrieval.transaction import transaction

__all__ = ["Writer", "writing"]

logger = logging.getLogger(__name__)

LOCK = "writer.lock"
SECONDS_BETWEEN_TRIES = 0.02
LONGEST_JOURNAL_BYTES = 4_000_000
JOURNAL_MILLISECONDS = 1000  # that are waited for readers before the journal is left as it is


@contextmanager
def writing(library: Library, *, patience_seconds: float = 0.0) -> Iterator[Writer]:
    """The one writer of `library`; `BusyLibrary` where another process, or another part of this one, writes.

    Whoever answers holds the lock for a moment where it finds the indexes stale: `patience_seconds` wait for that.
    """
    with storing(library.folder):
        lock = (library.folder / LOCK).open("a+")
    with lock:
        _lock(lock, library, time.monotonic() + patience_seconds)
        _discard_indexes_of_what_was_lost(library)
        try:
            yield Writer(library)
        finally:
            _shorten_journal(library)


class Writer:
    """What may change a library, while its lock is held. Each method is one transaction."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._connection = library.connection

    def put(
        self,
        entries: Iterable[Entry],
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

    def rebuild(self, entries: Iterable[Entry], *, identity: str) -> None:
        """Give sources that stand already their documents anew; one transaction, so never of two models at once."""
        with self._transaction() as generation:
            self._note("identity", identity)
            self._note("findings", FORMAT)
            for reading, documents in entries:
                (source,) = self._connection.execute(
                    "SELECT number FROM sources WHERE key = ? AND replaced_at IS NULL", (reading.key,)
                ).fetchone()
                self._take_out_documents(source, generation)
                for document, passages in documents:
                    self._add_document(document, source, generation, passages)

    def remove(self, document_id: str) -> None:
        """Remove a document at once; with the last one of a source, every version of that source and its snapshot.

        A snapshot stays where another source needs it.
        """
        self.library.document(document_id)
        with self._transaction() as generation:
            row = self._connection.execute(
                "SELECT sources.number, key, sha256 FROM documents JOIN sources ON documents.source = sources.number"
                " WHERE id = ?",
                (document_id,),
            ).fetchone()
            self._connection.execute("DELETE FROM documents WHERE id = ?", (document_id,))
            self._removed(document_id, generation)
            if not self._connection.execute("SELECT 1 FROM documents WHERE source = ?", (row[0],)).fetchone():
                self._connection.execute("DELETE FROM sources WHERE key = ?", (row[1],))
                # The same text, replaced earlier under another key, is no reason to keep what was asked to go.
                self._connection.execute("DELETE FROM sources WHERE sha256 = ? AND replaced_at IS NOT NULL", (row[2],))
            else:
                self._connection.execute("INSERT OR IGNORE INTO withdrawn VALUES (?, ?)", (row[0], document_id))
            self._drop_orphans()

    def prune(self, before: str) -> int:
        """Drop the snapshots that were replaced before the ISO 8601 time `before`; how many. The generation stays."""
        with self._connection_transaction():
            self._connection.execute(
                "DELETE FROM sources WHERE replaced_at < ? AND number NOT IN (SELECT source FROM documents)", (before,)
            )
            return self._drop_orphans()

    def rename_lines(self, key_of: Callable[[str], str]) -> None:
        """Put the lines of JSONL that are named by addresses under their keys: those of old had the page's."""
        with self._connection_transaction():
            for number, *fields, checksum in self._connection.execute(
                "SELECT number, key, sha256, bytes_sha256, source, media_type, fetched_at, document_id, metadata,"
                " checksum FROM sources WHERE key GLOB 'http*' AND key = document_id || '/'"
            ).fetchall():
                renamed = [key_of(str(fields[-2])), *fields[1:]]
                if renamed != fields and rows.source_checksum(*fields) == checksum:  # damage stays to be found
                    self._connection.execute(
                        "UPDATE OR IGNORE sources SET key = ?, checksum = ? WHERE number = ?",
                        (renamed[0], rows.source_checksum(*renamed), number),
                    )

    def look_through(self) -> None:
        """Find anew what is to be found in documents and passages, where it was found otherwise or not at all."""
        if self.library.has_findings:
            return
        if count := self.library.count_documents():
            logger.warning("looking through %s documents once: another release of quoth looked before", f"{count:,}")
        with self._connection_transaction():
            for document, passages in self.library.added():
                fields, findings = rows.written_fields(document), of_document(document).written()
                checksum = rows.document_checksum(document.id, document.snapshot.sha256, fields, findings)
                self._connection.execute(
                    "UPDATE documents SET findings = ?, checksum = ? WHERE id = ?", (findings, checksum, document.id)
                )
                for stored in passages:
                    written = rows.passage_fields(document, stored.passage)
                    self._connection.execute(
                        "UPDATE passages SET findings = ?, checksum = ? WHERE id = ?",
                        (written[-1], rows.passage_checksum(*written), stored.id),
                    )
            self._note("findings", FORMAT)

    def forget_removals(self, *, until: int) -> None:
        """Drop the list of what was removed up to generation `until`, once every index knows."""
        with self._connection_transaction():
            self._connection.execute("DELETE FROM removals WHERE generation <= ?", (until,))

    def _take_out(self, key: str, generation: int, at: str) -> None:
        for (source,) in self._connection.execute(
            "SELECT number FROM sources WHERE key = ? AND replaced_at IS NULL", (key,)
        ).fetchall():
            self._take_out_documents(source, generation)
            self._connection.execute("UPDATE sources SET replaced_at = ? WHERE number = ?", (at, source))

    def _take_out_documents(self, source: int, generation: int) -> None:
        for (document_id,) in self._connection.execute(
            "SELECT id FROM documents WHERE source = ?", (source,)
        ).fetchall():
            self._connection.execute("DELETE FROM documents WHERE id = ?", (document_id,))
            self._removed(document_id, generation)

    def _add_source(self, reading: Reading) -> int:
        snapshot = reading.snapshot
        self._connection.execute(
            "INSERT INTO snapshots (sha256, text) VALUES (?, ?)"
            " ON CONFLICT (sha256) DO UPDATE SET text = excluded.text",  # what stands there may be damaged
            (snapshot.sha256, snapshot.text),
        )
        fields = (
            reading.key,
            snapshot.sha256,
            snapshot.bytes_sha256,
            snapshot.source,
            snapshot.media_type,
            snapshot.fetched_at,
            reading.document_id,
            rows.written_metadata(reading),
        )
        cursor = self._connection.execute(
            "INSERT INTO sources"
            " (key, sha256, bytes_sha256, source, media_type, fetched_at, document_id, metadata, checksum)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*fields, rows.source_checksum(*fields)),
        )
        assert cursor.lastrowid is not None  # noqa: S101 - an insert has one
        return cursor.lastrowid

    def _add_document(
        self, document: Document, source: int, generation: int, passages: Sequence[EncodedPassage]
    ) -> None:
        # An id that a line of JSONL names may stand under another key: it is given again, so it replaces.
        if self._connection.execute("DELETE FROM documents WHERE id = ?", (document.id,)).rowcount:
            self._removed(document.id, generation)
        fields, findings = rows.written_fields(document), of_document(document).written()
        checksum = rows.document_checksum(document.id, document.snapshot.sha256, fields, findings)
        cursor = self._connection.execute(
            "INSERT INTO documents (id, source, generation, fields, findings, checksum) VALUES (?, ?, ?, ?, ?, ?)",
            (document.id, source, generation, fields, findings, checksum),
        )
        for encoded in passages:
            written, vectors = rows.passage_fields(document, encoded.passage), rows.written_vectors(encoded)
            checksums = rows.passage_checksum(*written), rows.vectors_checksum(encoded.passage.id, vectors)
            self._connection.execute(
                "INSERT INTO passages (document, id, language, heading, sentences, findings, checksum, vectors,"
                " vectors_checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (cursor.lastrowid, *written, checksums[0], vectors, checksums[1]),
            )

    def _removed(self, document_id: str, generation: int) -> None:
        self._connection.execute(
            "INSERT INTO removals (generation, document_id, checksum) VALUES (?, ?, ?)",
            (generation, document_id, rows.noted_checksum(generation, document_id)),
        )

    def _drop_orphans(self) -> int:
        return self._connection.execute(
            "DELETE FROM snapshots WHERE sha256 NOT IN (SELECT sha256 FROM sources)"
        ).rowcount

    def _note(self, name: str, value: str) -> None:
        self._connection.execute(
            "INSERT OR REPLACE INTO facts (name, value, checksum) VALUES (?, ?, ?)",
            (name, value, rows.noted_checksum(name, value)),
        )

    @contextmanager
    def _transaction(self) -> Iterator[int]:
        """A transaction that raises the generation, and gives the new one."""
        with self._connection_transaction():
            generation = self.library.generation + 1
            self._note("generation", str(generation))
            yield generation

    @contextmanager
    def _connection_transaction(self) -> Iterator[None]:
        with storing(self.library.folder), transaction(self._connection):
            yield


def _discard_indexes_of_what_was_lost(library: Library) -> None:
    """Remove indexes that are newer than the library: else they would pass for its own when it has come so far."""
    generation = library.generation
    for path in (library.folder / INDEXES).glob("*"):
        if path.name.isdigit() and int(path.name) > generation:
            shutil.rmtree(path, ignore_errors=True)


def _shorten_journal(library: Library) -> None:
    """Bring what is committed into the database's file where the journal is long: while others read it only grows."""
    journal = library.folder / f"{FILE}-wal"
    connection = library.connection
    if connection.in_transaction or not journal.exists() or journal.stat().st_size < LONGEST_JOURNAL_BYTES:
        return
    with suppress(sqlite3.DatabaseError):  # whoever reads on longer leaves it to the next; damage is told elsewhere
        connection.execute(f"PRAGMA busy_timeout = {JOURNAL_MILLISECONDS}")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    connection.execute(f"PRAGMA busy_timeout = {1000 * BUSY_SECONDS}")


def _lock(lock: IO[str], library: Library, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            break
        except BlockingIOError as error:
            if time.monotonic() < deadline:
                time.sleep(SECONDS_BETWEEN_TRIES)
                continue
            lock.seek(0)
            raise BusyLibrary(
                f"another process (number {lock.read().strip() or 'unknown'}) is writing to {library.folder}: "
                "wait until it has finished, then try again"
            ) from error
    with storing(library.folder):
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()

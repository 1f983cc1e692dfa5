"""Embeddings of passages, kept by content: a second library of the same texts, or other passages of them, costs little.

They lie in one file in the user's cache folder, under the digest of model, prompt and text; the oldest go when there
are too many. Nothing depends on the file: what cannot be read of it, or is not what was written, is encoded anew.
Questions are never kept.
"""

from __future__ import annotations

import hashlib
import logging
import sqlite3
import zlib
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from threading import Lock

import numpy as np

from retrieval.encode import Embeddings, Encoder, Prompt
from retrieval.transaction import transaction

__all__ = ["RememberingEncoder"]

FILE = "embeddings-1.sqlite"
ENTRY_BYTES = 1_700  # an embedding of 384 numbers with its key and its place in the file
_TABLE = (
    "CREATE TABLE IF NOT EXISTS embeddings (number INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE,"
    " vector BLOB NOT NULL, checksum INTEGER NOT NULL)"
)
_KNOWN = "SELECT vector, checksum FROM embeddings WHERE key = ?"
_KEEP = (
    "INSERT INTO embeddings (key, vector, checksum) VALUES (?, ?, ?)"
    " ON CONFLICT (key) DO UPDATE SET vector = excluded.vector, checksum = excluded.checksum"
)
logger = logging.getLogger(__name__)


class RememberingEncoder:
    """An encoder that encodes no passage twice. The model is loaded when something is not known yet.

    `folder` is where the file is; at most so many `megabytes` are kept.
    """

    def __init__(self, identity: str, make: Callable[[], Encoder], folder: Path, *, megabytes: int) -> None:
        self.identity = identity
        self._make = make
        self._path = folder / FILE
        self._most = megabytes * 1_000_000 // ENTRY_BYTES
        self._lock = Lock()

    @cached_property
    def _encoder(self) -> Encoder:
        return self._make()

    @cached_property
    def _connection(self) -> sqlite3.Connection | None:
        """The file, open; None where it cannot be used."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=5)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA secure_delete = ON")  # what is forgotten leaves the file
            connection.execute(_TABLE)
        except (sqlite3.Error, OSError) as error:
            logger.warning("embeddings are not kept in %s: %s", self._path, error)
            return None
        return connection

    def encode(self, texts: Sequence[str], *, prompt: Prompt) -> Embeddings:
        """Embeddings of `texts`, (texts, dimensions), of unit length, in their order; what is known is looked up."""
        if prompt == "query":
            return self._encoder.encode(texts, prompt=prompt)
        keys = [self._key(text) for text in texts]
        known = self._known(keys)
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if new:
            encoded = self._encoder.encode(list(new.values()), prompt=prompt)
            self._keep(dict(zip(new, encoded, strict=True)))
            known.update(zip(new, encoded, strict=True))
        return np.stack([known[key] for key in keys]) if keys else self._encoder.encode([], prompt=prompt)

    def forget(self, texts: Sequence[str]) -> None:
        """Drop what is kept of these passages and sentences."""
        self._write("DELETE FROM embeddings WHERE key = ?", [(self._key(text),) for text in texts])

    def _key(self, text: str) -> bytes:
        return hashlib.sha256(f"{self.identity}\0{text}".encode()).digest()

    def _known(self, keys: Sequence[bytes]) -> dict[bytes, Embeddings]:
        found = {}
        try:
            with self._lock:
                connection = self._connection
                rows = ((key, connection.execute(_KNOWN, (key,)).fetchall()) for key in keys) if connection else ()
                for key, same in rows:
                    for vector, checksum in same:
                        if zlib.crc32(vector, zlib.crc32(key)) == checksum:
                            found[key] = np.frombuffer(vector, "<f4")
        except (sqlite3.Error, TypeError) as error:
            self._give_up(error)
        return found

    def _keep(self, encoded: dict[bytes, Embeddings]) -> None:
        rows = []
        for key, embedding in encoded.items():
            vector = embedding.astype("<f4").tobytes()
            rows.append((key, vector, zlib.crc32(vector, zlib.crc32(key))))
        self._write(_KEEP, rows)

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        try:
            with self._lock:
                if self._connection is not None:
                    with transaction(self._connection):
                        self._connection.executemany(statement, rows)
                        self._connection.execute(
                            "DELETE FROM embeddings WHERE number <= (SELECT max(number) FROM embeddings) - ?",
                            (self._most,),
                        )
        except sqlite3.Error as error:
            self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        """Go on without the file; a damaged one is removed, so that the next process makes another."""
        logger.warning("embeddings are no longer kept in %s: %s", self._path, error)
        if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
            self._path.unlink(missing_ok=True)
        self.__dict__["_connection"] = None

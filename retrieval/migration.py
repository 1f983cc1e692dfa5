"""A library of the former format into today's, in one transaction: a kill leaves the one or the other.

Format 1 had passages without numbers, languages and findings. What was damaged stays to be found: a row whose checksum
did not hold gets one that does not hold either.
"""

from __future__ import annotations

import json
import sqlite3
import zlib

from retrieval import rows
from retrieval.transaction import transaction

__all__ = ["FORMER", "migrate"]

FORMER = "1"
_DOCUMENTS = (
    "SELECT documents.number, id, sha256, fields, documents.checksum"
    " FROM documents JOIN sources ON documents.source = sources.number"
)
_PASSAGES = (
    "SELECT document, passages.id, json_extract(fields, '$.language'), heading, sentences, embedding,"
    " sentence_embeddings, passages.checksum"
    " FROM former_passages AS passages JOIN documents ON document = documents.number ORDER BY document, passages.id"
)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the library that `connection` is open on from the former format to today's; others are left as they are."""
    if not _is_former(connection):
        return
    with transaction(connection):
        if not _is_former(connection):  # another process was first
            return
        connection.execute("ALTER TABLE documents ADD COLUMN findings TEXT")
        for number, document_id, sha256, fields, checksum in connection.execute(_DOCUMENTS).fetchall():
            is_whole = zlib.crc32(json.dumps([document_id, sha256, fields]).encode()) == checksum
            today = rows.document_checksum(document_id, sha256, fields, None)
            connection.execute(
                "UPDATE documents SET checksum = ? WHERE number = ?", (today if is_whole else today + 1, number)
            )
        connection.execute("ALTER TABLE passages RENAME TO former_passages")
        connection.execute("DROP INDEX passages_by_document")
        for statement in filter(str.strip, rows.PASSAGES_TABLE.split(";")):
            connection.execute(statement)
        for document, *fields, embedding, sentence_embeddings, checksum in connection.execute(_PASSAGES):
            passage_id, _language, heading, sentences = fields
            damage = int(_former_checksum(heading, sentences, embedding, sentence_embeddings) != checksum)
            vectors = embedding + sentence_embeddings
            connection.execute(
                "INSERT INTO passages (document, id, language, heading, sentences, checksum, vectors, vectors_checksum)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    document,
                    *fields,
                    rows.passage_checksum(*fields, None) + damage,
                    vectors,
                    rows.vectors_checksum(passage_id, vectors) + damage,
                ),
            )
        connection.execute("DROP TABLE former_passages")
        connection.execute("UPDATE facts SET value = '2' WHERE name = 'format'")
        for table, columns in (("facts", "name, value"), ("removals", "generation, document_id")):
            connection.execute(f"ALTER TABLE {table} ADD COLUMN checksum INTEGER NOT NULL DEFAULT 0")
            for noted in connection.execute(f"SELECT {columns} FROM {table}").fetchall():  # noqa: S608 - words of ours
                first, second = columns.split(", ")
                connection.execute(
                    f"UPDATE {table} SET checksum = ? WHERE {first} = ? AND {second} = ?",  # noqa: S608
                    (rows.noted_checksum(*noted), *noted),
                )


def _is_former(connection: sqlite3.Connection) -> bool:
    return bool(connection.execute("SELECT value FROM facts WHERE name = 'format'").fetchone() == (FORMER,))


def _former_checksum(heading: str, *blobs: bytes) -> int:
    checksum = zlib.crc32(heading.encode())
    for blob in blobs:
        checksum = zlib.crc32(blob, checksum)
    return checksum

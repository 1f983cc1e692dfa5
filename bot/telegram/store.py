"""What the bot must not forget: updates that wait for their answer, replies that can be asked about, what chats chose.

One SQLite file beside the library, used from the event loop alone: every statement is a matter of a millisecond. A
commit stands when a method returns (WAL, synced), so that what was taken in survives `kill -9`.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from retrieval.errors import InputError
from retrieval.transaction import transaction

__all__ = ["STORE", "Kept", "Statistics", "Store", "StoreError"]

StoreError: TypeAlias = sqlite3.Error  # a full disk, a lock that is held
STORE = "telegram.sqlite"
FORMAT = 2
SCHEMA = """
CREATE TABLE updates (
    number INTEGER PRIMARY KEY AUTOINCREMENT, id INTEGER NOT NULL UNIQUE, body TEXT, done INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX waiting ON updates (number) WHERE NOT done;
CREATE TABLE replies (
    token TEXT PRIMARY KEY, chat INTEGER NOT NULL, thread INTEGER, asker INTEGER, question_message INTEGER,
    answer_message INTEGER, at REAL NOT NULL, question TEXT NOT NULL, history TEXT NOT NULL, body TEXT NOT NULL,
    seconds REAL
) WITHOUT ROWID;
CREATE INDEX replies_by_question ON replies (chat, question_message);
CREATE INDEX replies_by_answer ON replies (chat, answer_message);
CREATE INDEX replies_by_asker ON replies (chat, thread, asker, question_message);
CREATE TABLE votes (token TEXT, voter INTEGER, good INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (token, voter));
CREATE TABLE languages (chat INTEGER PRIMARY KEY, language TEXT NOT NULL);
"""
FROM_FORMAT_1 = """
ALTER TABLE updates RENAME TO former_updates;
ALTER TABLE replies RENAME TO former_replies;
ALTER TABLE votes RENAME TO former_votes;
ALTER TABLE languages RENAME TO former_languages;
DROP INDEX waiting;
DROP INDEX replies_by_question;
DROP INDEX replies_by_answer;
DROP INDEX replies_by_asker;
"""
COPIED_FROM_FORMAT_1 = """
INSERT INTO updates (id, body, done) SELECT id, body, done IS NOT NULL FROM former_updates ORDER BY id;
INSERT INTO replies SELECT *, NULL FROM former_replies;
INSERT INTO votes SELECT * FROM former_votes;
INSERT INTO languages SELECT * FROM former_languages;
DROP TABLE former_updates;
DROP TABLE former_replies;
DROP TABLE former_votes;
DROP TABLE former_languages;
"""
TOKEN_BYTES = 9  # twelve characters: too many to guess, short enough for a button
DONE_ARE_KEPT = 10_000  # updates: more than Telegram may still send again, whatever the clock says


@dataclass(frozen=True, slots=True)
class Kept:
    """A reply that was sent: what was asked, and `body`, as JSON values, of which its messages can be made again."""

    token: str
    chat: int
    question: str
    history: tuple[str, ...]
    answer_message: int | None
    at: float
    body: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Statistics:
    """What was asked in some time: how many people, questions, answers and votes, and what was missing most often.

    `slow_seconds`: 95 of 100 replies were made in no more.
    """

    readers: int
    questions: int
    answered: int
    liked: int
    disliked: int
    missing: tuple[tuple[str, int], ...]
    median_seconds: float
    slow_seconds: float


class Store:
    """The open file; `:memory:` for tests."""

    def __init__(self, path: Path | str) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=1)
        try:
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA secure_delete = ON")
            self._make()
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"expected what the bot keeps in {path}, found a damaged one ({error}): restore it, or move it away"
            ) from error

    def _make(self) -> None:
        """The tables, those of the former format taken over, in one transaction."""
        (format_,) = self._connection.execute("PRAGMA user_version").fetchone()
        if format_ == FORMAT:
            return
        if format_ > FORMAT:
            raise InputError(
                f"expected {STORE} of format {FORMAT} or older, found {format_}: use the newer Quoth that made it"
            )
        is_new = self._connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'updates'").fetchone() is None
        before, after = ("", "") if is_new else (FROM_FORMAT_1, COPIED_FROM_FORMAT_1)
        self._connection.executescript(f"BEGIN; {before} {SCHEMA} {after} PRAGMA user_version = {FORMAT}; COMMIT;")

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    # Updates

    def take_in(self, updates: Iterable[tuple[int, str]]) -> set[int]:
        """Keep updates, each a number and its body, until they are done; the numbers of those not taken in before."""
        statement = "INSERT OR IGNORE INTO updates (id, body) VALUES (?, ?)"
        with transaction(self._connection):
            return {one[0] for one in updates if self._connection.execute(statement, one).rowcount == 1}

    def done(self, update_id: int) -> None:
        """The update needs nothing more; its number is kept for a while, its words are not."""
        self._connection.execute("UPDATE updates SET done = 1, body = NULL WHERE id = ? AND NOT done", (update_id,))

    def waiting(self) -> list[str]:
        """The updates that are not done, as they were taken in, in the order in which they came."""
        rows = self._connection.execute("SELECT body FROM updates WHERE NOT done ORDER BY number")
        return [body for (body,) in rows]

    def count_waiting(self) -> int:
        """How many updates are not done."""
        return int(self._connection.execute("SELECT count(*) FROM updates WHERE NOT done").fetchone()[0])

    # Replies

    def keep(
        self,
        *,
        chat: int,
        thread: int | None,
        asker: int | None,
        question_message: int | None,
        at: float,
        question: str,
        history: Sequence[str],
        body: dict[str, Any],
        seconds: float,
        token: str | None = None,
    ) -> str:
        """Keep a reply under `token`, that of the former reply to the message, or a new one; the token.

        It was asked `at` that time by Telegram's clock, and made in so many `seconds`.
        """
        former = None if question_message is None else self.reply_to(chat, question_message)
        token = token or (former.token if former else secrets.token_urlsafe(TOKEN_BYTES))
        self._connection.execute(
            "INSERT OR REPLACE INTO replies"
            " (token, chat, thread, asker, question_message, answer_message, at, question, history, body, seconds)"
            " VALUES (?, ?, ?, ?, ?, (SELECT answer_message FROM replies WHERE token = ?), ?, ?, ?, ?, ?)",
            (
                token,
                chat,
                thread,
                asker,
                question_message,
                token,
                at,
                question,
                json.dumps(list(history)),
                json.dumps(body),
                seconds,
            ),
        )
        return token

    def sent_as(self, token: str, answer_message: int, update_id: int) -> None:
        """Note by which message the reply was given, and that the update is done with it."""
        with transaction(self._connection):
            self._connection.execute("UPDATE replies SET answer_message = ? WHERE token = ?", (answer_message, token))
            self.done(update_id)

    def kept(self, token: str) -> Kept | None:
        """The reply of that token; None where it is gone."""
        return self._one("token = ?", token)

    def reply_to(self, chat: int, question_message: int) -> Kept | None:
        """The reply that was given to a message."""
        return self._one("chat = ? AND question_message = ?", chat, question_message)

    def reply_in(self, chat: int, answer_message: int) -> Kept | None:
        """The reply that a message of ours gave."""
        return self._one("chat = ? AND answer_message = ?", chat, answer_message)

    def last(self, chat: int, thread: int | None, asker: int | None) -> Kept | None:
        """The reply to the last question of that person there, by the messages' numbers, which no clock turns round."""
        return self._one("chat = ? AND thread IS ? AND asker IS ? ORDER BY question_message DESC", chat, thread, asker)

    def _one(self, condition: str, *values: object) -> Kept | None:
        row = self._connection.execute(
            f"SELECT token, chat, question, history, answer_message, at, body FROM replies WHERE {condition} LIMIT 1",  # noqa: S608 - conditions are ours
            values,
        ).fetchone()
        if row is None:
            return None
        token, chat, question, history, answer_message, at, body = row
        return Kept(token, chat, question, tuple(json.loads(history)), answer_message, at, json.loads(body))

    # What people chose

    def vote(self, token: str, voter: int, *, good: bool) -> None:
        """A thumb up or down; the last one of a person counts."""
        self._connection.execute(
            "INSERT OR REPLACE INTO votes VALUES (?, ?, ?, ?)", (token, voter, int(good), time.time())
        )

    def disliked(self, most: int) -> list[str]:
        """The questions whose replies got a thumb down, newest first."""
        rows = self._connection.execute(
            "SELECT question FROM votes JOIN replies USING (token) WHERE NOT good ORDER BY votes.at DESC LIMIT ?",
            (most,),
        )
        return [question for (question,) in rows]

    def statistics(self, since: float) -> Statistics:
        """The figures of the replies given since that time."""
        asked = (
            "SELECT count(DISTINCT asker), count(*), count(json_extract(body, '$.reason'))"
            " FROM replies WHERE at >= ? AND asker IS NOT NULL"
        )
        readers, questions, abstained = self._connection.execute(asked, (since,)).fetchone()
        votes = "SELECT count(*) FILTER (WHERE good), count(*) FILTER (WHERE NOT good) FROM votes WHERE at >= ?"
        liked, disliked = self._connection.execute(votes, (since,)).fetchone()
        missing = self._connection.execute(
            "SELECT lower(value), count(*) FROM replies, json_each(body, '$.missing')"
            " WHERE at >= ? AND asker IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 10",
            (since,),
        ).fetchall()
        median, slow = (self._seconds(since, share) for share in (0.5, 0.95))
        return Statistics(readers, questions, questions - abstained, liked, disliked, tuple(missing), median, slow)

    def _seconds(self, since: float, share: float) -> float:
        """Within how many seconds that share of the replies was made."""
        some = "FROM replies WHERE at >= :since AND asker IS NOT NULL AND seconds IS NOT NULL"
        found = self._connection.execute(
            f"SELECT seconds {some} ORDER BY seconds LIMIT 1 OFFSET (SELECT cast(count(*) * :share AS INTEGER) {some})",
            {"since": since, "share": share},
        ).fetchone()
        return 0.0 if found is None else float(found[0])

    def language(self, chat: int) -> str | None:
        """The language that a chat chose."""
        row = self._connection.execute("SELECT language FROM languages WHERE chat = ?", (chat,)).fetchone()
        return None if row is None else str(row[0])

    def choose_language(self, chat: int, language: str) -> None:
        """Keep a chat's language."""
        self._connection.execute("INSERT OR REPLACE INTO languages VALUES (?, ?)", (chat, language))

    def forget(self, chat: int) -> None:
        """Delete what is kept of a chat."""
        with transaction(self._connection):
            of_chat = "DELETE FROM votes WHERE token IN (SELECT token FROM replies WHERE chat = ?)"
            self._connection.execute(of_chat, (chat,))
            self._connection.execute("DELETE FROM replies WHERE chat = ?", (chat,))
            self._connection.execute("DELETE FROM languages WHERE chat = ?", (chat,))
        self._wipe()

    def forget_before(self, at: float) -> None:
        """Delete the replies to what was asked before that time, and the numbers of updates that are long done."""
        with transaction(self._connection):
            self._connection.execute("DELETE FROM replies WHERE at < ?", (at,))
            self._connection.execute("DELETE FROM votes WHERE token NOT IN (SELECT token FROM replies)")
            self._connection.execute(
                "DELETE FROM updates WHERE done AND number <= (SELECT max(number) FROM updates) - ?", (DONE_ARE_KEPT,)
            )
        self._wipe()

    def _wipe(self) -> None:
        """Leave nothing of what was deleted in the journal either."""
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def migrate(self, group: int, supergroup: int) -> None:
        """What is kept of a group is that of the supergroup that it became, in which messages are numbered anew."""
        with transaction(self._connection):
            self._connection.execute(
                "UPDATE replies SET chat = ?, question_message = NULL, answer_message = NULL WHERE chat = ?",
                (supergroup, group),
            )
            self._connection.execute("UPDATE OR IGNORE languages SET chat = ? WHERE chat = ?", (supergroup, group))

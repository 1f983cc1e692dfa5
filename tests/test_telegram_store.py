"""What the bot keeps: whatever the clock says, from the former format, and of a group that became a supergroup."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from bot.telegram.store import DONE_ARE_KEPT, FORMAT, Store, StoreError
from retrieval.errors import InputError

FORMER = """
CREATE TABLE updates (id INTEGER PRIMARY KEY, chat INTEGER, received REAL NOT NULL, body TEXT, done REAL);
CREATE INDEX waiting ON updates (id) WHERE done IS NULL;
CREATE TABLE replies (
    token TEXT PRIMARY KEY, chat INTEGER NOT NULL, thread INTEGER, asker INTEGER, question_message INTEGER,
    answer_message INTEGER, at REAL NOT NULL, question TEXT NOT NULL, history TEXT NOT NULL, body TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX replies_by_question ON replies (chat, question_message);
CREATE INDEX replies_by_answer ON replies (chat, answer_message);
CREATE INDEX replies_by_asker ON replies (chat, thread, asker, at);
CREATE TABLE votes (token TEXT, voter INTEGER, good INTEGER NOT NULL, at REAL NOT NULL, PRIMARY KEY (token, voter));
CREATE TABLE languages (chat INTEGER PRIMARY KEY, language TEXT NOT NULL);
INSERT INTO updates VALUES (41, 7, 1.0, NULL, 2.0), (42, 7, 3.0, '{"update_id": 42}', NULL);
INSERT INTO replies VALUES ('token', 7, NULL, 5, 10, 11, 4.0, 'How long?', '[]', '{"excerpts": []}');
INSERT INTO votes VALUES ('token', 5, 0, 5.0);
INSERT INTO languages VALUES (7, 'ur');
"""  # as the commit 4838ecf made it


def kept(store: Store, message: int, **more: Any) -> str:
    values: dict[str, Any] = {
        "chat": 7,
        "thread": None,
        "asker": 5,
        "question_message": message,
        "at": 1000.0 + message,
        "question": f"question {message}",
        "history": (),
        "body": {"excerpts": [], "confidence": 0.5},
        "seconds": 0.1,
    }
    return store.keep(**(values | more))


def test_a_store_of_the_former_format_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "telegram.sqlite"
    with sqlite3.connect(path) as former:
        former.executescript(FORMER)
    former.close()
    for _ in range(2):
        store = Store(path)
        assert store.waiting() == ['{"update_id": 42}']
        assert not store.take_in([(41, "again")])
        found = store.reply_to(7, 10)
        assert found is not None
        assert (found.question, found.answer_message) == ("How long?", 11)
        assert store.disliked(5) == ["How long?"]
        assert store.language(7) == "ur"
        store.close()


def test_a_store_of_a_later_format_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "telegram.sqlite"
    with sqlite3.connect(path) as later:
        later.execute(f"PRAGMA user_version = {FORMAT + 1}")
    later.close()
    with pytest.raises(InputError, match=f"of format {FORMAT} or older, found {FORMAT + 1}"):
        Store(path)


def test_a_file_that_is_no_store_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "telegram.sqlite"
    path.write_bytes(b"This is no database. " * 100)
    with pytest.raises(InputError, match="found a damaged one"):
        Store(path)


@pytest.mark.parametrize("jump", [-400 * 86_400.0, 400 * 86_400.0])
def test_a_clock_that_jumps_turns_nothing_round(monkeypatch: pytest.MonkeyPatch, jump: float) -> None:
    """What came first is first, what was done stays done, and the last question is the last one asked."""
    store, true = Store(":memory:"), time.time
    assert store.take_in([(1, "first")])
    store.done(1)
    kept(store, 10)
    monkeypatch.setattr(time, "time", lambda: true() + jump)
    assert store.take_in([(9, "second")])
    assert store.take_in([(3, "third")])  # Telegram begins anew with any number after a week
    kept(store, 11)
    store.forget_before(0.0)
    assert store.waiting() == ["second", "third"]
    assert not store.take_in([(1, "first again")])
    last = store.last(7, None, 5)
    assert last is not None
    assert last.question == "question 11"


def test_the_numbers_of_updates_long_done_go() -> None:
    store = Store(":memory:")
    for number in range(1, DONE_ARE_KEPT + 12):
        store.take_in([(number, "")])
        if number != 3:
            store.done(number)
    store.forget_before(0.0)
    assert store.take_in([(2, "")])  # long ago
    assert not store.take_in([(100, "")])
    assert not store.take_in([(3, "")])  # it waits still


def test_what_a_group_had_is_the_supergroups() -> None:
    store = Store(":memory:")
    token = kept(store, 10, chat=-5)
    store.choose_language(-5, "zh")
    store.migrate(-5, -100)
    assert store.reply_to(-5, 10) is None
    assert store.reply_to(-100, 10) is None  # a supergroup numbers its messages anew
    found = store.kept(token)
    assert found is not None
    assert (found.chat, found.answer_message) == (-100, None)
    assert kept(store, 10, chat=-100) != token
    assert store.language(-100) == "zh"


def test_statistics_count_questions_and_tell_how_long_they_took() -> None:
    store = Store(":memory:")
    for number in range(100):
        kept(store, number + 1, seconds=(number + 1) / 1000)
    abstained = {"excerpts": [], "confidence": 0.1, "reason": "terms_missing", "missing": ["Karot", "karot"]}
    kept(store, 200, asker=6, body=abstained, seconds=0.0505)
    kept(store, 201, asker=None, body=abstained)  # a search is no question
    found = store.statistics(0.0)
    assert (found.readers, found.questions, found.answered) == (2, 101, 100)
    assert found.missing == (("karot", 2),)
    assert (found.median_seconds, found.slow_seconds) == (0.0505, 0.095)


def test_what_fails_halfway_is_undone_and_stops_nothing_after_it(tmp_path: Path) -> None:
    path = tmp_path / "telegram.sqlite"
    store = Store(path)
    store.take_in([(1, "first")])
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("CREATE TRIGGER refuses BEFORE UPDATE ON updates BEGIN SELECT RAISE(ABORT, 'the disk is full'); END")
    with pytest.raises(StoreError, match="the disk is full"):
        store.sent_as(kept(store, 10), 11, 1)
    other.execute("DROP TRIGGER refuses")
    store.take_in([(2, "second")])
    assert other.execute("SELECT count(*) FROM updates").fetchone() == (2,)  # others see it: no transaction is open
    store.forget(7)
    other.close()


def test_what_is_forgotten_is_in_no_file(tmp_path: Path) -> None:
    store = Store(tmp_path / "telegram.sqlite")
    kept(store, 10, question="the secret of Hashmi")
    store.forget(7)
    assert not any(b"secret of Hashmi" in path.read_bytes() for path in tmp_path.iterdir())

"""What goes wrong around the bot, on a strict fake of Telegram's server: kills, cuts, refusals, and who may not ask."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from telegram_bot import ADMINISTRATOR, ANSWER, QUESTION, Bot, button, quotes
from telegram_server import Chat, Server, telegram

from benchmarks.telegram_kills import by_webhook, free_port, through_kills
from bot.telegram.strings import EN, UR

pytestmark = pytest.mark.slow  # real processes and a real server

WINDOW_SECONDS = 0.3  # before a kill: an answer that Telegram took then, and we could not note, comes twice
FOREVER = 10**9  # failures


# Kills


@pytest.mark.parametrize("webhook", [False, True], ids=["polling", "webhook"])
def test_every_question_is_answered_exactly_once_through_kills(alone: Path, *, webhook: bool) -> None:
    """Ten SIGKILLs at any moment, with questions queued and in work (`benchmarks/telegram_kills.py`: a hundred)."""
    outcome = through_kills(alone, times=10, webhook=webhook)
    assert (outcome.lost, outcome.out_of_order, outcome.misplaced, outcome.unnoted, outcome.strange) == (0,) * 5
    assert outcome.window_ms < 1000 * WINDOW_SECONDS
    assert outcome.exit_code == 0


def test_a_file_whose_reading_a_kill_ended_is_read_after_the_start(alone: Path) -> None:
    sentence = "Nine herders of Kharan sold forty camels to the salt traders of Nushki before the snow came."
    with telegram() as server:
        administrator = server.private(user_id=ADMINISTRATOR)
        bot = Bot(server, alone)
        server.polled()
        administrator.sends_document("camels.txt", sentence.encode())
        server.until(lambda: EN.ingesting.format(name="camels.txt") in _texts(administrator), 20)
        bot.kill()
        bot = Bot(server, alone)
        server.until(lambda: any(text.startswith("camels.txt\n") for text in _texts(administrator)), 60)
        administrator.says("How many camels did the herders of Kharan sell to the salt traders?")
        server.until(lambda: sentence in quotes(administrator.messages[-1]), 20)
        assert bot.ends(10) == 0


def _texts(chat: Chat) -> list[str]:
    return [message.text for message in chat.messages]


# Telegram refuses, or is gone


def test_a_refusal_for_a_while_delays_and_loses_nothing(telegram_server: Server, reader: Chat) -> None:
    telegram_server.fail("sendMessage", 429, retry_after=1, times=1)
    telegram_server.fail("sendMessage", 502, times=1)
    reader.says(QUESTION)
    (answer,) = reader.wait(1, seconds=20)
    assert ANSWER in quotes(answer)
    time.sleep(0.5)
    assert len(reader.messages) == 1


def test_a_token_that_is_refused_for_a_moment_ends_nothing(alone: Path) -> None:
    """At 401 and 404 PTB stops asking for good, and the bot would be deaf."""
    with telegram() as server:
        server.fail("getUpdates", 401)
        server.fail("getUpdates", 404)
        bot, reader = Bot(server, alone), server.private(user_id=5)
        reader.says(QUESTION)
        (answer,) = reader.wait(1, seconds=60)
        assert ANSWER in quotes(answer)
        assert "does not know the bot's token (401)" in bot.log
        assert bot.ends(10) == 0


@pytest.mark.parametrize(("method", "status", "after"), [("getMe", 502, None), ("setMyCommands", 429, 3600)])
def test_it_ends_when_told_to_however_telegram_greets_it(
    alone: Path, method: str, status: int, after: int | None
) -> None:
    with telegram() as server:
        server.fail(method, status, retry_after=after, times=FOREVER)
        bot = Bot(server, alone)
        server.until(lambda: any(call.injected for call in server.calls), 60)
        time.sleep(1)
        assert bot.ends(10) == 0
        assert "Traceback" not in bot.log


def test_a_store_that_is_locked_for_a_while_sends_nothing_twice_and_loses_nothing(alone: Path) -> None:
    with telegram() as server:
        bot, reader = Bot(server, alone), server.private(user_id=5)
        server.polled()
        with closing(sqlite3.connect(alone / "telegram.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            reader.says("/privacy")
            time.sleep(4)
            other.execute("ROLLBACK")
        reader.wait(1)
        reader.says(QUESTION)
        assert ANSWER in quotes(reader.wait(2)[1])
        time.sleep(1.5)
        assert len(reader.messages) == 2
        assert bot.ends(10) == 0


def test_a_network_that_is_gone_for_a_minute_loses_nothing(alone: Path) -> None:
    with telegram() as server:
        reader, other = server.private(user_id=5), server.private(user_id=6)
        bot = Bot(server, alone)
        server.polled()
        reader.says(QUESTION)
        server.fail("*", times=FOREVER)
        time.sleep(30)
        other.says(QUESTION)
        time.sleep(30)
        server.failures.clear()
        for chat in (reader, other):
            (answer,) = chat.wait(1, seconds=45)
            assert ANSWER in quotes(answer)
        time.sleep(1)
        assert [len(chat.messages) for chat in (reader, other)] == [1, 1]
        assert bot.ends(10) == 0
        assert "Traceback" not in bot.log


def test_a_reader_who_blocks_it_stops_nobody_else(telegram_server: Server, reader: Chat) -> None:
    gone = telegram_server.private(user_id=reader.id + 100_000)
    telegram_server.fail("sendMessage", 403, times=1)
    gone.says(QUESTION)
    telegram_server.until(lambda: any(call.injected and call.status == 403 for call in telegram_server.calls))
    reader.says(QUESTION)
    reader.wait(1)
    assert gone.messages == []


def test_a_group_that_becomes_a_supergroup_keeps_its_replies(alone: Path) -> None:
    with telegram() as server:
        bot = Bot(server, alone)
        server.polled()
        group = server.group()
        group.says(f"@{server.bot['username']} {QUESTION}")
        (answer,) = group.wait(1)
        above = server.migrates(group)
        group.says(f"@{server.bot['username']} {QUESTION}")  # it came before the group moved
        (moved,) = above.wait(1)
        assert quotes(moved)
        with closing(sqlite3.connect(alone / "telegram.sqlite")) as store:
            server.until(lambda: {above.id} == {chat for (chat,) in store.execute("SELECT chat FROM replies")}, 5)
        assert button(answer, "[1]")
        assert bot.ends(10) == 0


def test_an_update_that_cannot_be_read_stops_nothing(running: tuple[Server, Bot], reader: Chat) -> None:
    server, bot = running
    server.queue("message", {"message_id": "no number", "date": "never", "chat": 7, "from": []}, reader.id)
    reader.says(QUESTION)
    (answer,) = reader.wait(1)
    assert ANSWER in quotes(answer)
    assert "cannot be read and is passed over" in bot.log


def test_a_second_poller_is_said_loudly(running: tuple[Server, Bot]) -> None:
    server, bot = running
    httpx.get(f"{server.api_base}{server.token}/getUpdates?timeout=0", timeout=10)
    server.until(lambda: "another process polls" in bot.log, 20)


def test_a_wrong_token_is_one_line(alone: Path) -> None:
    with telegram() as server:
        bot = Bot(server, alone, QUOTH_TELEGRAM_TOKEN="99:of-no-bot")  # noqa: S106
        assert bot.process.wait(60) == 3
        assert bot.log.splitlines()[-1].startswith("quoth: expected the token of a bot")
        assert "of-no-bot" not in bot.log


def test_an_answer_that_was_deleted_is_sent_anew_when_its_question_is_edited(alone: Path) -> None:
    with telegram() as server:
        bot, reader = Bot(server, alone), server.private(user_id=5)
        asked = reader.says("What is the theme of the 2025 Davos meeting?")
        (before,) = reader.wait(1, seconds=60)
        reader.deletes(before)
        reader.edits(asked, QUESTION)
        (after,) = reader.wait(1)
        assert ANSWER in quotes(after)
        assert bot.ends(10) == 0


# Webhook


@pytest.fixture(scope="module")
def hooked(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Bot, dict[str, str]]]:
    """A bot that is called instead of asking, its figures beside."""
    import shutil

    folder = tmp_path_factory.mktemp("hooked") / "library"
    library = Path(shutil.copytree(shelf, folder, ignore=shutil.ignore_patterns("telegram*")))
    arguments, settings = by_webhook()
    settings["QUOTH_METRICS_LISTEN"] = f"127.0.0.1:{free_port()}"
    with telegram() as server:
        bot = Bot(server, library, *arguments, real=False, **settings)
        server.until(lambda: server.webhook is not None, 60)
        yield server, bot, settings
        assert bot.ends(10) == 0
        assert "Traceback" not in bot.log
        assert settings["QUOTH_TELEGRAM_WEBHOOK_SECRET"] not in bot.log


def test_by_webhook_with_figures_beside(hooked: tuple[Server, Bot, dict[str, str]]) -> None:
    server, _, settings = hooked
    reader = server.private(user_id=5)
    reader.says(QUESTION)
    (answer,) = reader.wait(1, seconds=30)
    assert ANSWER in quotes(answer)
    base = f"http://{settings['QUOTH_METRICS_LISTEN']}"
    assert httpx.get(f"{base}/healthz").text == "ok\n"
    assert httpx.get(f"{base}/readyz").status_code == 200
    figures = httpx.get(f"{base}/metrics").text
    assert 'quoth_questions_total{outcome="answered"} 1.0' in figures
    assert "megawatts" not in figures


def test_a_posted_update_that_cannot_be_read_is_taken_once(hooked: tuple[Server, Bot, dict[str, str]]) -> None:
    server, bot, _ = hooked
    reader = server.private(user_id=6)
    number = server.queue("message", {"message_id": "no number", "date": "never", "chat": 7, "from": []}, reader.id)
    reader.says(QUESTION)
    (answer,) = reader.wait(1)
    assert ANSWER in quotes(answer)
    assert [status for update, status in server.posts if update == number] == [200]
    assert "cannot be read and is passed over" in bot.log


@pytest.mark.parametrize("secret", [None, "another word"])
def test_a_call_without_the_secret_is_turned_away(
    hooked: tuple[Server, Bot, dict[str, str]], secret: str | None
) -> None:
    _, _, settings = hooked
    headers = {} if secret is None else {"X-Telegram-Bot-Api-Secret-Token": secret}
    body = {"update_id": 1, "message": {"message_id": 1, "date": 1, "chat": {"id": 7, "type": "private"}, "text": "x"}}
    assert httpx.post(settings["QUOTH_TELEGRAM_WEBHOOK_URL"], json=body, headers=headers).status_code == 403


# Who asks too much, and who may not


def test_who_asks_too_fast_is_told_once_and_answered_in_order(alone: Path) -> None:
    with telegram() as server:
        bot = Bot(server, alone, QUOTH_TELEGRAM_USER_QUESTIONS_A_MINUTE="10")
        server.polled()
        hasty, other = server.private(user_id=5, language_code="ur"), server.private(user_id=6)
        for number in range(100):
            hasty.says(f"/source {number + 1}")
        other.says(QUESTION)
        (answer,) = other.wait(1, seconds=8)
        assert ANSWER in quotes(answer)
        server.until(lambda: UR.too_many in _texts(hasty), 20)
        server.until(lambda: len(hasty.messages) >= 12, 40)
        texts = _texts(hasty)
        assert (texts.count(UR.one_moment), texts.count(UR.too_many)) == (1, 1)
        places = [texts.index(UR.no_such_document.format(name=number)) for number in range(5, 9)]
        assert places == sorted(places)
        bot.kill()


def test_only_those_whom_the_operator_names_are_answered(alone: Path) -> None:
    with telegram() as server:
        group = server.group()
        bot = Bot(server, alone, QUOTH_TELEGRAM_ALLOWED=f"5,{group.id}")
        server.polled()
        named, stranger = server.private(user_id=5), server.private(user_id=6)
        stranger.says(QUESTION)
        stranger.says("/stats")
        stranger.sends("photo")
        assert _texts_of(stranger, 3) == [EN.not_invited] * 3
        assert server.inline(stranger, QUESTION).wait()["results"] == []
        named.says(QUESTION)
        assert ANSWER in quotes(named.wait(1)[0])
        group.says(f"@{server.bot['username']} {QUESTION}", by=stranger)
        assert ANSWER in quotes(group.wait(1)[0])
        assert bot.ends(10) == 0


def _texts_of(chat: Chat, messages: int) -> list[str]:
    return [message.text for message in chat.wait(messages, seconds=20)]


def test_what_is_kept_of_a_chat_is_forgotten(shelf: Path, reader: Chat) -> None:
    reader.says("What about the secret of Hashmi in phase one?")
    reader.wait(1)
    reader.says("/forget")
    reader.wait(2)
    with closing(sqlite3.connect(shelf / "telegram.sqlite")) as store:
        assert store.execute("SELECT count(*) FROM replies WHERE chat = ?", (reader.id,)).fetchone() == (0,)
        assert store.execute("SELECT count(*) FROM updates WHERE body LIKE '%secret of Hashmi%'").fetchone() == (0,)

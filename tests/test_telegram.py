"""The bot on a strict fake of Telegram's server, python-telegram-bot unmodified: whole conversations, kills, stops."""

from __future__ import annotations

import random
import re
import shutil
import socket
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import httpx
import pytest
from telegram_bot import ADMINISTRATOR, Bot
from telegram_server import Chat, Server, Shown, telegram

from bot.telegram.strings import EN, Language, strings

pytestmark = pytest.mark.slow  # real processes and a real server

QUESTION = "How many megawatts did CPEC phase one add?"
WINDOW_SECONDS = 0.3  # before a kill: an answer that Telegram took then, and we could not note, comes twice
ANSWER = "We were able to add over 8,000 megawatts of electricity to our grid."


@pytest.fixture(scope="module")
def shelf(seeded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that holds the seeds, and no store of a bot."""
    return Path(shutil.copytree(seeded, tmp_path_factory.mktemp("shelf") / "library"))


@pytest.fixture(scope="module")
def running(shelf: Path) -> Iterator[tuple[Server, Bot]]:
    """One bot for all conversations: each test has readers and groups of its own."""
    with telegram() as server:
        bot = Bot(server, shelf)
        server.until(lambda: bool(server.called("getUpdates")), 60)
        yield server, bot
        assert bot.ends(10) == 0
        assert "Traceback" not in bot.log
        assert server.token.partition(":")[2] not in bot.log
        assert [call for call in server.faults if call.method != "getUpdates"] == []  # a second poller was asked for


@pytest.fixture
def server(running: tuple[Server, Bot]) -> Server:
    return running[0]


_READERS = iter(range(1000, 2000))


@pytest.fixture
def reader(server: Server) -> Chat:
    """The private chat of somebody new."""
    return server.private(user_id=next(_READERS), language_code="en")


def quotes(shown: Shown) -> str:
    return "\n".join(shown.of("blockquote"))


def button(shown: Shown, words: str) -> str:
    """The label of the button that holds some words."""
    return next(one.text for row in shown.keyboard for one in row if words in one.text)


# Asking


def test_a_question_is_answered_in_the_documents_words(reader: Chat) -> None:
    reader.says(QUESTION)
    (answer,) = reader.wait(1)
    assert ANSWER in quotes(answer)
    assert "[1]" in answer.text


@pytest.mark.parametrize(
    ("question", "language"),
    [
        ("بریانی بنانے کا بہترین طریقہ کیا ہے؟", "ur"),
        ("哪里有最好的比尔亚尼食谱？", "zh"),
        ("best recipe for biryani, please?", "en"),
    ],
)
def test_the_reply_speaks_the_language_of_the_question(server: Server, question: str, language: Language) -> None:
    reader = server.private(user_id=next(_READERS), language_code="fr")
    reader.says(question)
    (answer,) = reader.wait(1)
    assert answer.text.startswith(strings(language).abstained)


def test_a_follow_up_goes_on_from_the_question_before(reader: Chat) -> None:
    reader.says("Who leads Pakistan's embassy in China?")
    reader.wait(1)
    reader.says("and what did he say about trade?")
    answer = reader.wait(2)[1]
    assert quotes(answer)


def test_an_edited_question_edits_its_answer(reader: Chat) -> None:
    asked = reader.says("What is the theme of the 2025 Davos meeting?")
    (before,) = reader.wait(1)
    reader.edits(asked, QUESTION)
    reader.server.until(lambda: ANSWER in quotes(reader.messages[0]))
    (after,) = reader.messages
    assert after.id == before.id
    assert after.keyboard


def test_context_shows_the_paragraph_and_more_the_passages_that_follow(reader: Chat) -> None:
    reader.says(QUESTION)
    (answer,) = reader.wait(1)
    reader.presses(answer, button(answer, "[1]")).wait()
    context = reader.wait(2)[1]
    assert ANSWER in context.text
    reader.presses(answer, button(answer, "More")).wait()
    more = reader.wait(3)[2]
    assert "[4]" in more.text
    assert quotes(more)


def test_a_vote_is_thanked_for_and_a_button_of_nowhere_is_expired(reader: Chat) -> None:
    reader.says(QUESTION)
    (answer,) = reader.wait(1)
    assert reader.presses(answer, "👍").wait()["text"]
    reader.says("/forget")
    reader.wait(2)
    assert "expired" in reader.presses(answer, button(answer, "[1]")).wait()["text"]


@pytest.mark.parametrize("said", ["Hello!", "thank you", "who are you?", "CPEC", "word " * 600])
def test_who_does_not_ask_is_met_in_one_kind_line(reader: Chat, said: str) -> None:
    reader.says(said)
    (met,) = reader.wait(1)
    assert not met.of("blockquote")
    assert not met.keyboard
    assert "{" not in met.text


@pytest.mark.parametrize("kind", ["sticker", "photo", "voice"])
def test_a_sticker_a_photo_a_voice_are_met(reader: Chat, kind: str) -> None:
    reader.sends(kind)
    assert len(reader.wait(1)[0].text) > 10


@pytest.mark.parametrize("command", ["/start", "/help", "/privacy", "/sources", "/source 1", "/search Gwadar port"])
def test_a_command_is_answered(reader: Chat, command: str) -> None:
    reader.says(command)
    text = reader.wait(1)[0].text
    assert len(text) > 20
    assert "{" not in text
    assert command != "/privacy" or "for 30 days" in text


def test_the_chosen_language_is_that_of_the_commands(reader: Chat) -> None:
    reader.says("/language")
    (asked,) = reader.wait(1)
    reader.presses(asked, "اردو").wait()
    reader.says("/privacy")
    assert "۔" in reader.wait(2)[1].text


@pytest.mark.parametrize(
    ("quote", "told"),
    [
        (ANSWER, EN.verdict_exact),
        (ANSWER.replace("8,000", "9,000"), EN.verdict_altered),
        ("No such sentence was ever written by anybody here.", EN.verdict_absent),
        ("", EN.verify_usage),
    ],
)
def test_a_quote_is_verified(reader: Chat, quote: str, told: str) -> None:
    reader.says(f"/verify {quote}")
    (verdict,) = reader.wait(1)
    assert verdict.text.startswith(told)
    assert verdict.of("blockquote") == ([] if told in (EN.verdict_absent, EN.verify_usage) else [ANSWER])
    assert ("8,000" in verdict.of("bold")) == (told == EN.verdict_altered)


# Administrators


def test_an_administrator_adds_a_file_and_removes_it_again(server: Server, shelf: Path) -> None:
    administrator = server.private(user_id=ADMINISTRATOR)
    sentence = "Forty camels crossed the salt desert of Kharan last winter, the herders said to our reporter."
    administrator.sends_document("camels.txt", sentence.encode())
    server.until(lambda: "Added: 1" in administrator.messages[-1].text if administrator.messages else False, 20)
    administrator.says("How many camels crossed the salt desert of Kharan last winter?")
    server.until(lambda: sentence in quotes(administrator.messages[-1]), 10)
    with closing(sqlite3.connect(shelf / "library.sqlite")) as library:
        (found,) = library.execute(
            "SELECT documents.id FROM documents JOIN sources ON documents.source = sources.number"
            " WHERE sources.source LIKE '%camels.txt'"
        )
    answer = administrator.messages[-1]
    administrator.says(f"/remove {found[0]}")
    server.until(lambda: administrator.messages[-1].text.startswith("Removed"), 10)
    assert "expired" in administrator.presses(answer, button(answer, "[1]")).wait()["text"]
    administrator.says("/stats")
    server.until(lambda: "Documents: 3" in administrator.messages[-1].text, 10)


@pytest.mark.parametrize("command", ["/remove abc", "/stats", "/feedback", "/reload"])
def test_nobody_else_may_do_that(reader: Chat, command: str) -> None:
    reader.says(command)
    assert reader.wait(1)[0].text == EN.not_permitted


def test_nobody_elses_file_is_read(reader: Chat, shelf: Path) -> None:
    reader.sends_document("../../evil.txt", b"It is mine.")
    assert reader.wait(1)[0].text == EN.not_permitted
    assert not list(shelf.rglob("evil*"))


# Groups


def test_in_a_group_only_those_who_address_it_are_answered_as_a_reply(server: Server, reader: Chat) -> None:
    group = server.group(privacy=False)
    group.says(QUESTION, by=reader)
    asked = group.says(f"@{server.bot['username']} {QUESTION}", by=reader)
    (answer,) = group.wait(1)
    assert answer.reply_to == asked
    assert ANSWER in quotes(answer)
    group.says("And who leads the embassy of Pakistan?", by=reader, reply_to=answer)
    group.wait(2)
    group.says("an unanswered word to everybody here", by=reader)
    time.sleep(0.5)
    assert len(group.messages) == 2


def test_in_a_topic_it_answers_in_the_topic(server: Server, reader: Chat) -> None:
    group = server.group(topics=True)
    thread = group.topic("Energy")
    group.says(f"@{server.bot['username']} {QUESTION}", by=reader, thread=thread)
    (answer,) = group.wait(1)
    assert answer.thread_id == thread


def test_inline_gives_quotes_with_their_citations(server: Server, reader: Chat) -> None:
    results = server.inline(reader, QUESTION).wait()["results"]
    assert 1 <= len(results) <= 10
    texts = [re.sub("<[^>]*>", "", one["input_message_content"]["message_text"]) for one in results]
    assert any(ANSWER in text for text in texts)


# What goes wrong


def test_what_is_kept_of_a_chat_is_forgotten(server: Server, shelf: Path, reader: Chat) -> None:
    reader.says("What about the secret of Hashmi in phase one?")
    reader.wait(1)
    reader.says("/forget")
    reader.wait(2)
    with closing(sqlite3.connect(shelf / "telegram.sqlite")) as store:
        assert store.execute("SELECT count(*) FROM replies WHERE chat = ?", (reader.id,)).fetchone() == (0,)
        assert store.execute("SELECT count(*) FROM updates WHERE body LIKE '%secret of Hashmi%'").fetchone() == (0,)


def test_a_refusal_for_a_while_delays_and_loses_nothing(server: Server, reader: Chat) -> None:
    server.fail("sendMessage", 429, retry_after=1, times=1)
    server.fail("sendMessage", 502, times=1)
    reader.says(QUESTION)
    (answer,) = reader.wait(1, seconds=20)
    assert ANSWER in quotes(answer)
    time.sleep(0.5)
    assert len(reader.messages) == 1


def test_a_reader_who_blocks_it_stops_nobody_else(server: Server, reader: Chat) -> None:
    gone = server.private(user_id=next(_READERS))
    server.fail("sendMessage", 403, times=1)
    gone.says(QUESTION)
    server.until(lambda: any(call.injected and call.status == 403 for call in server.calls))
    reader.says(QUESTION)
    reader.wait(1)
    assert gone.messages == []


@pytest.mark.parametrize("times", [10])
def test_every_question_is_answered_exactly_once_through_kills(shelf: Path, tmp_path: Path, times: int) -> None:
    """SIGKILL at any moment, with questions queued and in work; in each chat the answers come in order."""
    library = Path(shutil.copytree(shelf, tmp_path / "library", ignore=shutil.ignore_patterns("telegram*")))
    questions = [f"{QUESTION} Please tell number {number}." for number in range(times)]
    with telegram() as server:
        readers = [server.private(user_id=number) for number in range(1, 6)]
        asked = 0
        killed: list[float] = []
        moment = random.Random(7)
        for _ in range(times):
            bot = Bot(server, library)
            for one in readers:
                one.says(questions[asked])
            asked += 1
            polls = len(server.called("getUpdates"))
            server.until(partial(_polled_since, server, polls), 60)
            time.sleep(moment.uniform(0, 0.6))
            bot.kill()
            killed.append(time.monotonic())
        bot = Bot(server, library)
        for one in readers:
            one.wait(asked, seconds=90)
        time.sleep(1)
        twice = sum(len(one.messages) - times for one in readers)
        sent = [call.at for call in server.called("sendMessage")]
        assert twice <= sum(any(0 <= kill - at < WINDOW_SECONDS for kill in killed) for at in sent)
        assert bot.ends(10) == 0
    with closing(sqlite3.connect(library / "telegram.sqlite")) as store:
        for one in readers:
            rows = store.execute("SELECT question FROM replies WHERE chat = ? ORDER BY answer_message", (one.id,))
            assert [question for (question,) in rows] == questions


def _polled_since(server: Server, polls: int) -> bool:
    return len(server.called("getUpdates")) > polls


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


def test_a_wrong_token_is_one_line(shelf: Path, tmp_path: Path) -> None:
    library = Path(shutil.copytree(shelf, tmp_path / "library", ignore=shutil.ignore_patterns("telegram*")))
    with telegram() as server:
        bot = Bot(server, library, QUOTH_TELEGRAM_TOKEN="99:of-no-bot")  # noqa: S106
        assert bot.process.wait(60) == 3
        assert bot.log.splitlines()[-1].startswith("quoth: expected the token of a bot")
        assert "of-no-bot" not in bot.log


def test_by_webhook_with_a_secret_and_figures_beside(shelf: Path, tmp_path: Path) -> None:
    library = Path(shutil.copytree(shelf, tmp_path / "library", ignore=shutil.ignore_patterns("telegram*")))
    ports = [_free_port(), _free_port()]
    with telegram() as server:
        bot = Bot(
            server,
            library,
            "--webhook",
            QUOTH_TELEGRAM_WEBHOOK_URL=f"http://127.0.0.1:{ports[0]}/hook",
            QUOTH_TELEGRAM_WEBHOOK_LISTEN=f"127.0.0.1:{ports[0]}",
            QUOTH_TELEGRAM_WEBHOOK_SECRET="a-word-between-us",  # noqa: S106
            QUOTH_METRICS_LISTEN=f"127.0.0.1:{ports[1]}",
        )
        server.until(lambda: server.webhook is not None, 60)
        reader = server.private(user_id=5)
        reader.says(QUESTION)
        (answer,) = reader.wait(1, seconds=30)
        assert ANSWER in quotes(answer)
        base = f"http://127.0.0.1:{ports[1]}"
        assert httpx.get(f"{base}/healthz").text == "ok\n"
        assert httpx.get(f"{base}/readyz").status_code == 200
        figures = httpx.get(f"{base}/metrics").text
        assert 'quoth_questions_total{outcome="answered"} 1.0' in figures
        assert "megawatts" not in figures
        assert bot.ends(10) == 0
        assert "a-word-between-us" not in bot.log


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])

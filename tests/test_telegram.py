"""What readers and administrators can do, on a strict fake of Telegram's server, python-telegram-bot unmodified."""

from __future__ import annotations

import re
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from telegram_bot import ADMINISTRATOR, ANSWER, QUESTION, button, quotes
from telegram_server import Chat, Server

from bot.telegram.strings import EN, Language, strings

pytestmark = pytest.mark.slow  # real processes and a real server


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
def test_the_reply_speaks_the_language_of_the_question(
    telegram_server: Server, reader_ids: Iterator[int], question: str, language: Language
) -> None:
    reader = telegram_server.private(user_id=next(reader_ids), language_code="fr")
    reader.says(question)
    (answer,) = reader.wait(1)
    assert answer.text.startswith(strings(language).abstained)


def test_a_follow_up_goes_on_from_the_question_before(reader: Chat) -> None:
    reader.says("Who leads Pakistan's embassy in China?")
    reader.wait(1)
    reader.says("and what did he attend in Beijing?")
    answer = reader.wait(2)[1]
    assert "Khalil Hashmi" in quotes(answer)


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


def test_a_quote_on_a_line_of_its_own_is_verified_whole(reader: Chat) -> None:
    reader.says(f"/verify\n{ANSWER}")
    (verdict,) = reader.wait(1)
    assert verdict.of("blockquote") == [ANSWER]


def test_thanks_as_a_reply_is_no_question(reader: Chat) -> None:
    reader.says(QUESTION)
    (answer,) = reader.wait(1)
    reader.says("thank you", reply_to=answer)
    assert reader.wait(2)[1].text == EN.thanks


def test_a_question_edited_into_a_greeting_has_no_answer_left(reader: Chat) -> None:
    asked = reader.says(QUESTION)
    reader.wait(1)
    reader.edits(asked, "Hello!")
    reader.server.until(lambda: reader.messages[0].text == EN.greeting)
    assert len(reader.messages) == 1


def test_an_edited_command_is_not_run_again(reader: Chat) -> None:
    said = reader.says("/privacy")
    reader.wait(1)
    reader.edits(said, "/forget")
    reader.says("/help")
    assert EN.forgotten not in [message.text for message in reader.wait(2)]


@pytest.mark.parametrize("said", ["/source 99999999999999999999", "/source ²", "/start source_0"])
def test_a_number_that_is_none_fails_nowhere(reader: Chat, said: str) -> None:
    reader.says(said)
    assert reader.wait(1)[0].text != EN.failed


@pytest.mark.parametrize(
    "data", ["sources:all:²", "more:x:99999999999999999999", "::", "language:fr", "remove:x:9", "x" * 64]
)
def test_forged_buttons_are_expired(reader: Chat, data: str) -> None:
    reader.says(QUESTION)
    (answer,) = reader.wait(1)
    told = reader.presses(answer, data, stale=True).wait().get("text")
    assert told in (EN.expired, EN.not_permitted)


# Administrators


def test_each_reader_is_shown_the_commands_that_are_theirs_in_their_language(telegram_server: Server) -> None:
    def menu(scope: str, language: str) -> dict[str, str]:
        found = [
            told for (where, code), told in telegram_server.commands.items() if scope in where and code == language
        ]
        return {command["command"]: command["description"] for command in found[0]} if found else {}

    telegram_server.until(lambda: bool(menu(str(ADMINISTRATOR), "zh")))
    for code, words in (("", EN), ("ur", strings("ur")), ("zh", strings("zh"))):
        assert menu("default", code) == dict(words.commands)
        assert list(menu("all_group_chats", code)) == ["help", "sources", "search", "verify"]
        assert menu(str(ADMINISTRATOR), code) == dict(words.commands + words.administrator_commands)


def test_an_administrator_adds_a_file_and_removes_it_again(telegram_server: Server, shelf: Path) -> None:
    administrator = telegram_server.private(user_id=ADMINISTRATOR)
    sentence = "Forty camels crossed the salt desert of Kharan last winter, the herders said to our reporter."
    administrator.sends_document("camels.txt", sentence.encode())
    telegram_server.until(
        lambda: "Added documents: 1" in administrator.messages[-1].text if administrator.messages else False, 20
    )
    administrator.says("How many camels crossed the salt desert of Kharan last winter?")
    telegram_server.until(lambda: sentence in quotes(administrator.messages[-1]), 10)
    with closing(sqlite3.connect(shelf / "library.sqlite")) as library:
        (found,) = library.execute(
            "SELECT documents.id FROM documents JOIN sources ON documents.source = sources.number"
            " WHERE sources.source LIKE '%camels.txt'"
        )
    answer = administrator.messages[-1]
    administrator.says(f"/remove {found[0]}")
    telegram_server.until(lambda: administrator.messages[-1].text.startswith("Removed"), 10)
    assert "expired" in administrator.presses(answer, button(answer, "[1]")).wait()["text"]
    administrator.says("/stats")
    telegram_server.until(lambda: "Documents: 3" in administrator.messages[-1].text, 10)


@pytest.mark.parametrize("command", ["/remove abc", "/stats", "/feedback", "/reload"])
def test_nobody_else_may_do_that(reader: Chat, command: str) -> None:
    reader.says(command)
    assert reader.wait(1)[0].text == EN.not_permitted


def test_an_administrator_removes_by_the_lists_number_after_a_second_look(telegram_server: Server) -> None:
    administrator = telegram_server.private(user_id=12)
    administrator.sends_document("owls.txt", b"Seven owls lived in the old fort of Derawar all winter, a warden said.")
    telegram_server.until(lambda: any("Added documents: 1" in one.text for one in administrator.messages), 20)
    administrator.says("/sources")
    listed = administrator.wait(2)[1]
    number = next(line for line in listed.text.splitlines() if "owls" in line or "Seven" in line or "[4]" in line)[1]
    administrator.says(f"/remove {number}")
    asked = administrator.wait(3)[2]
    stranger = telegram_server.private(user_id=77_001)
    assert asked.keyboard[0][0].text == EN.remove_this
    assert administrator.presses(asked, EN.remove_this, by=stranger).wait()["text"] == EN.not_permitted
    administrator.presses(asked, EN.remove_this).wait()
    telegram_server.until(lambda: administrator.messages[-1].text.startswith("Removed"), 10)
    administrator.says("/stats")
    telegram_server.until(lambda: "Documents: 3" in administrator.messages[-1].text, 10)
    assert "Time to answer: median" in administrator.messages[-1].text


def test_nobody_elses_file_is_read(reader: Chat, shelf: Path) -> None:
    reader.sends_document("../../evil.txt", b"It is mine.")
    assert reader.wait(1)[0].text == EN.not_permitted
    assert not list(shelf.rglob("evil*"))


# Groups


def test_in_a_group_only_those_who_address_it_are_answered_as_a_reply(telegram_server: Server, reader: Chat) -> None:
    group = telegram_server.group(privacy=False)
    group.says(QUESTION, by=reader)
    asked = group.says(f"@{telegram_server.bot['username']} {QUESTION}", by=reader)
    (answer,) = group.wait(1)
    assert answer.reply_to == asked
    assert ANSWER in quotes(answer)
    group.says("And who leads the embassy of Pakistan?", by=reader, reply_to=answer)
    group.wait(2)
    group.says("an unanswered word to everybody here", by=reader)
    time.sleep(0.5)
    assert len(group.messages) == 2


def test_in_a_topic_it_answers_in_the_topic(telegram_server: Server, reader: Chat) -> None:
    group = telegram_server.group(topics=True)
    thread = group.topic("Energy")
    group.says(f"@{telegram_server.bot['username']} hello", by=reader, thread=thread, reply_to=thread)
    assert group.wait(1)[0].text == EN.greeting
    group.says(f"@{telegram_server.bot['username']} {QUESTION}", by=reader, thread=thread)
    (_, answer) = group.wait(2)
    assert answer.thread_id == thread


def test_inline_gives_quotes_with_their_citations(telegram_server: Server, reader: Chat) -> None:
    results = telegram_server.inline(reader, QUESTION).wait()["results"]
    assert 1 <= len(results) <= 10
    texts = [re.sub("<[^>]*>", "", one["input_message_content"]["message_text"]) for one in results]
    assert any(ANSWER in text for text in texts)

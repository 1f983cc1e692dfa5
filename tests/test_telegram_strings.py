"""Our own sentences: all there in every language, with the same places, and taken by Telegram as they stand."""

from __future__ import annotations

import re
from dataclasses import fields
from string import Formatter

import pytest
from telegram_parsed import LANGUAGES, Parsed

from bot.telegram.links import units
from bot.telegram.message import notice
from bot.telegram.strings import EN, UR, ZH, Language, strings


@pytest.mark.parametrize(
    ("written", "english", "urdu", "chinese"),
    [
        ("2024-09-16T17:31+05:00", "16 Sep 2024", "16 ستمبر 2024", "2024年9月16日"),
        ("2024-02", "Feb 2024", "فروری 2024", "2024年2月"),
        ("2024", "2024", "2024", "2024年"),
        ("last spring", "last spring", "last spring", "last spring"),
        ("2024-13", "2024-13", "2024-13", "2024-13"),
    ],
)
def test_dates_are_in_the_readers_form(written: str, english: str, urdu: str, chinese: str) -> None:
    assert [strings(language).date(written) for language in LANGUAGES] == [english, urdu, chinese]


def test_every_language_fills_the_same_places() -> None:
    """A sentence that forgets its `{count}` would be silent; one with another would be a crash."""
    for name in (field.name for field in fields(EN)):
        places = {
            tuple(sorted({place for _, place, _, _ in Formatter().parse(value) if place}))
            for value in (getattr(one, name) for one in (EN, UR, ZH))
            if isinstance(value, str)
        }
        assert len(places) <= 1, name


def test_every_sentence_is_there_and_in_its_own_letters() -> None:
    """No comma, question mark or full stop of another script; callback answers at most 200 characters."""
    for words, foreign in ((UR, "[ء-ی] ?[,;?.]"), (ZH, "[一-鿿][,;?!.:]")):
        for field in fields(words):
            value = getattr(words, field.name)
            assert value or value is False, field.name
            assert not isinstance(value, str) or not re.search(foreign, value), field.name
    for words in (EN, UR, ZH):
        assert (len(words.months), words is strings(words.language)) == (12, True)
        assert all(units(text) <= 200 for text in (words.expired, words.vote_up, words.vote_down, words.busy))
        for command, description in words.commands:
            assert re.fullmatch(r"[a-z0-9_]{1,32}", command)
            assert 1 <= len(description) <= 256


@pytest.mark.parametrize("language", LANGUAGES)
def test_our_own_sentences_parse_as_they_stand(language: Language) -> None:
    words = strings(language)
    for field in fields(words):
        value = getattr(words, field.name)
        if isinstance(value, str):
            message = notice(value)
            assert Parsed(message).text == value == message.text

"""Whole conversations with the real model, one a language, as their golden transcripts have them.

Where what the bot says has changed on purpose, this writes the transcripts anew; read them before you commit them:

    GOLDEN=write .venv/bin/pytest -m slow tests/test_telegram_conversations.py
"""

from __future__ import annotations

import difflib
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from telegram_conversations import SAID, Scene, conversation, listening, transcript
from telegram_server import Server

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parent / "golden"
_UNSEEN = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2066-\u2069]")  # direction marks and the like

Scenes = Mapping[str, Sequence[Scene]]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Server, Scenes]:
    """The conversations in each language, and the server after them."""
    with listening(tmp_path_factory.mktemp("conversations")) as (server, bot):
        scenes = {code: tuple(conversation(server, said)) for code, said in SAID.items()}
        assert bot.ends(10) == 0
        assert "Traceback" not in bot.log
    return server, scenes


@pytest.mark.parametrize("code", SAID)
def test_a_conversation_reads_as_its_golden_has_it(spoken: tuple[Server, Scenes], code: str) -> None:
    golden, found = GOLDEN / f"telegram-{code}.txt", transcript(SAID[code], spoken[1][code])
    if os.environ.get("GOLDEN") == "write":
        golden.write_text(found, encoding="utf-8")
    expected = golden.read_text(encoding="utf-8")
    before, now = (_seen(text).splitlines() for text in (expected, found))
    diff = "\n".join(difflib.unified_diff(before, now, golden.name, "said now", lineterm=""))
    assert expected == found, f"the conversation has changed:\n{diff}"


def test_a_transcript_tells_every_message_that_stands(spoken: tuple[Server, Scenes]) -> None:
    """The bot said nothing beside."""
    server, scenes = spoken
    told = {turn.shown.id for one in scenes.values() for scene in one for turn in scene.turns if turn.shown}
    stand = {shown.id for chat in server.chats.values() for shown in chat.history}
    assert len(stand - told) == 2 * len(SAID)  # a sticker and a file in each


def test_telegram_refuses_nothing_of_it(spoken: tuple[Server, Scenes]) -> None:
    assert spoken[0].faults == []


def _seen(text: str) -> str:
    """The text with what no eye sees written out, as a diff needs it."""
    return _UNSEEN.sub(lambda mark: f"‹{ord(mark[0]):X}›", text)

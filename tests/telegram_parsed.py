"""Messages as Telegram's own parser reads them, and documents and excerpts to make them of."""

from __future__ import annotations

import json
import re

import tdjson

from bot.telegram.message import Button, Message
from bot.telegram.strings import Language
from retrieval.datamodel import Document, Excerpt, Snapshot, Span

__all__ = ["LANGUAGES", "Parsed", "buttons", "document", "excerpt"]

LANGUAGES: tuple[Language, ...] = ("en", "ur", "zh")
tdjson.td_execute(b'{"@type":"setLogVerbosityLevel","new_verbosity_level":0}')


class Parsed:
    """A message as TDLib, the parser of Telegram's Bot API server, reads it."""

    def __init__(self, message: Message) -> None:
        request = {
            "@type": "parseTextEntities",
            "text": message.html,
            "parse_mode": {"@type": "textParseModeHTML"},
        }
        found = json.loads(tdjson.td_execute(json.dumps(request).encode()) or b"{}")
        assert found["@type"] == "formattedText", (found, message.html)
        self.text: str = found["text"]
        self._units: bytes = self.text.encode("utf-16-le")
        self._entities = [
            (entity["type"]["@type"].removeprefix("textEntityType"), entity["offset"], entity["length"], entity["type"])
            for entity in found["entities"]
        ]

    def quotes(self) -> list[str]:
        """The texts of the quote blocks, in order."""
        return [self._of(at, length) for kind, at, length, _ in self._entities if kind.endswith("BlockQuote")]

    def links(self) -> list[str]:
        return [details["url"] for kind, _, _, details in self._entities if kind == "TextUrl"]

    def bold(self) -> list[list[str]]:
        """What is bold in each quote block."""
        blocks = [(at, at + length) for kind, at, length, _ in self._entities if kind.endswith("BlockQuote")]
        marks = [(at, length) for kind, at, length, _ in self._entities if kind == "Bold"]
        return [[self._of(at, length) for at, length in marks if low <= at < high] for low, high in blocks]

    def assert_within_limits(self, message: Message) -> None:
        assert 1 <= len(self._units) // 2 <= 4096
        assert len(message.html.encode()) <= 32_768
        assert len(self._entities) <= 100
        assert message.text == self.text
        for row in message.rows:
            assert 1 <= len(row) <= 8
            for button in row:
                assert button.data is None or 1 <= len(button.data.encode()) <= 64
                assert button.switch is None or len(button.switch) <= 256

    def _of(self, at: int, length: int) -> str:
        return self._units[2 * at : 2 * (at + length)].decode("utf-16-le")


def document(text: str, **given: str | None) -> Document:
    snapshot = Snapshot.take(
        text, original=b"", source="shelf/a.txt", media_type="text/plain", fetched_at="2026-01-01T00:00:00Z"
    )
    body = tuple(Span(match.start(), match.end()) for match in re.finditer(r"[^\n]+", text)) or (Span(0, len(text)),)
    return Document("a", snapshot, body, "en", **given)  # type: ignore[arg-type] # only texts are given


def excerpt(found: Document, quote: str, *marks: str) -> Excerpt:
    text = found.snapshot.text
    start = text.index(quote)
    spans = sorted(Span(at, at + len(mark)) for mark in marks for at in [text.index(mark, start)])
    return Excerpt(found, Span(start, start + len(quote)), quote, tuple(spans))


def buttons(message: Message) -> list[Button]:
    return [button for row in message.rows for button in row]

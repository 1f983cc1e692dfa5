"""Words of a document as HTML: letter for letter in a quote block; in a line of ours, isolated and on that one line."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from html import escape

from bot.telegram.links import harmless, shortened
from bot.telegram.strings import Strings
from bot.telegram.window import joined
from retrieval.datamodel import Span

__all__ = ["borrowed", "counted", "dated", "directed", "escaped", "is_foreign", "isolated", "quote_block"]

NAME = 80  # characters of what is shown of a name
ISOLATE, POP_ISOLATE = "\u2068", "\u2069"

_EXPANDABLE = 240  # characters from which a quote is folded
_HALF = re.compile(r"[\ud800-\udfff]")
_LEFT_MARK, _RIGHT_MARK = "\u200e", "\u200f"


def quote_block(text: str, window: Span, marks: Sequence[Span], *, folded: bool = True) -> str:
    """The quote block: the characters of the window as they are, the marks in bold; a long one `folded` or not."""
    parts: list[str] = []
    position = window.start
    for mark in joined(marks, window):
        parts += [escaped(text[position : mark.start]), f"<b>{escaped(mark.of(text))}</b>"]
        position = mark.end
    parts.append(escaped(text[position : window.end]))
    opening = "<blockquote expandable>" if folded and len(window) > _EXPANDABLE else "<blockquote>"
    return f"{opening}{''.join(parts)}</blockquote>"


def is_foreign(text: str, words: Strings) -> bool:
    """Whether some letter runs against the direction of the reader's language."""
    against = {"L"} if words.right_to_left else {"R", "AL"}
    return any(unicodedata.bidirectional(character) in against for character in text)


def isolated(text: str, words: Strings) -> str:
    """The text, isolated if it is foreign."""
    return f"{ISOLATE}{text}{POP_ISOLATE}" if is_foreign(text, words) else text


def borrowed(text: str, words: Strings, limit: int) -> str:
    """Words of a document in a line of ours, as HTML."""
    return escaped(isolated(shortened(harmless(text), limit), words))


def directed(html: str, words: Strings) -> str:
    """The line in the reader's direction: isolates do not count when a client looks for the first letter."""
    if words.right_to_left:
        return f"{_RIGHT_MARK}{html}"
    return f"{_LEFT_MARK}{html}" if ISOLATE in html else html


def dated(written: str, words: Strings) -> str:
    """A date in the reader's form, on one line and not broken over two, whatever was written."""
    return shortened(harmless(words.date(written)), NAME).replace(" ", "\u00a0")


def counted(one: str, many: str, count: int, words: Strings) -> str:
    """The sentence for one, or the one for many with the number in it."""
    return one if count == 1 else many.format(count=words.number(count))


def escaped(text: str) -> str:
    """As HTML. Half a surrogate pair cannot be sent; no snapshot holds one, since it could not have been hashed."""
    return escape(_HALF.sub("\ufffd", text), quote=False)

"""A message and its buttons, within Telegram's limits, and how a reader sees a result."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from bot.telegram.links import shortened, units
from bot.telegram.markup import escaped
from bot.telegram.strings import Language, strings

__all__ = ["LONGEST_COPY", "MAX_UNITS", "Button", "Message", "View", "more_button", "notice"]

MAX_UNITS = 4096  # UTF-16 code units of the text, without the tags
MAX_BYTES = 32_768  # of the HTML
MAX_ENTITIES = 100  # Telegram drops the rest in silence
LONGEST_COPY = 256  # UTF-16 code units that a button copies
_DATA = 64  # bytes of a callback

_TAG = re.compile(r"<[^>]*>")


@dataclass(frozen=True, slots=True)
class Button:
    """A label, and the one thing that pressing it does: a callback, an inline query elsewhere, a page, a copy."""

    text: str
    data: str | None = None
    switch: str | None = None
    url: str | None = None
    copy: str | None = None

    def __post_init__(self) -> None:
        if sum(value is not None for value in (self.data, self.switch, self.url, self.copy)) != 1:
            raise ValueError(f"the button {self.text!r} does not do exactly one thing")
        if self.data is not None and not 1 <= len(self.data.encode()) <= _DATA:
            raise ValueError(f"callback data has 1 to {_DATA} bytes, found {self.data!r}")
        if self.copy is not None and not 1 <= units(self.copy) <= LONGEST_COPY:
            raise ValueError(f"text to copy has 1 to {LONGEST_COPY} characters, found {units(self.copy)}")


@dataclass(frozen=True, slots=True)
class Message:
    """What is sent: HTML, and rows of buttons. `text` is the same without tags, for when Telegram refuses the HTML."""

    html: str
    rows: tuple[tuple[Button, ...], ...] = ()

    @property
    def text(self) -> str:
        """The text as Telegram shows it."""
        plain = _TAG.sub("", self.html)
        return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")

    @property
    def fits(self) -> bool:
        """Whether Telegram takes it whole."""
        return (
            units(self.text) <= MAX_UNITS
            and len(self.html.encode()) <= MAX_BYTES
            and self.html.count("</") <= MAX_ENTITIES
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a reader sees a result: the language, the stored result's token, where the page begins, what there is.

    `first` is the offset of what is shown, `total` how many results there are, `documents` and `newest` how far the
    collection reaches, `names` the publishers of documents by id, for those that hold the same text. A question that
    `leans` on those before it says nothing elsewhere, and is not shared.
    """

    language: Language
    token: str
    first: int = 0
    total: int = 0
    documents: int = 0
    newest: str | None = None
    leans: bool = False
    names: Mapping[str, str] = field(default_factory=dict)


def notice(sentence: str, rows: tuple[tuple[Button, ...], ...] = ()) -> Message:
    """A sentence of ours, as it stands as far as it fits."""
    return Message(escaped(sentence if units(sentence) <= MAX_UNITS else shortened(sentence, MAX_UNITS // 2)), rows)


def more_button(after: int, count: int, total: int, verb: str, view: View) -> Button:
    """For what follows: `count` from `after` on, of `total`."""
    words = strings(view.language)
    form = words.more_one if count == 1 else words.more
    label = form.format(first=after + 1, last=after + count, total=words.number(total))
    return Button(label, data=f"{verb}:{view.token}:{after}")

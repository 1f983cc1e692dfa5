"""Hyphens at the ends of lines: whether they break a word, or are its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from retrieval.read.pdf.layout import Flow

__all__ = ["Hyphens", "is_broken"]

_BROKEN = re.compile(r"[^\W\d_][\u00ad\u2010-]$")
_WORD = re.compile(r"[^\W\d_]+(?:[-\u2010][^\W\d_]+)*")
_LAST_WORD = re.compile(r"[^\W_]+(?:[-\u2010][^\W_]+)*(?=[\u00ad\u2010-]$)")
_SUSPENDED = frozenset("and or to und oder bis sowie et ou y o".split())  # "short- and mid-term"
_FIRST_PARTS = frozenset(
    "all ex half non quasi self semi vice well twenty thirty forty fifty sixty seventy eighty ninety".split()
)
_MANY_LINES = 200
_FEWEST_BROKEN = 0.015  # of the lines end in a hyphen where a document breaks words at all


def is_broken(line: str) -> bool:
    """Whether a line ends in a letter and a hyphen."""
    return _BROKEN.search(line) is not None


@dataclass(slots=True)
class Hyphens:
    """How a document writes the words that no line breaks, and with which hyphens its lines end."""

    words: Counter[str]
    lines: int = 0
    lines_with_one: int = 0
    typographic_at_ends: int = 0  # U+2010, not the keyboard's
    typographic_inside: int = 0

    @classmethod
    def of(cls, flows: Iterable[Flow]) -> Hyphens:
        """Those of a document."""
        hyphens = cls(Counter())
        for flow in flows:
            was_broken = False
            for line in flow:
                text = line.text.casefold()
                words = _WORD.findall(text)
                breaks = is_broken(text)
                hyphens.words.update(words[was_broken : len(words) - breaks])
                was_broken = breaks
                hyphens.lines += 1
                hyphens.lines_with_one += text.endswith(("-", "\u2010"))
                hyphens.typographic_at_ends += text.endswith("\u2010")
                hyphens.typographic_inside += text.count("\u2010", 0, -1)
        return hyphens

    def before(self, added: str, text: str) -> str:
        """The broken line `text` as it goes on in `added`: without its hyphen, with it, or with a space after it."""
        before, after = _LAST_WORD.search(text), _WORD.match(added)
        if text[-1] == "\u00ad":
            return text[:-1]
        if before is None or after is None or not added[0].islower():
            return text
        first, second = before[0].casefold(), after[0].casefold()
        if second in _SUSPENDED:
            return text + " "
        return text[:-1] if self._is_one_word(first, second, text[-1]) else text

    def _is_one_word(self, first: str, second: str, hyphen: str) -> bool:
        together = self.words[first + second]
        apart = self.words[f"{first}-{second}"] + self.words[f"{first}\u2010{second}"]
        if together != apart:
            return together > apart
        if self.typographic_at_ends and not self.typographic_inside:
            return hyphen == "\u2010"  # what broke the lines has put it there; others are the document's own
        if self.lines > _MANY_LINES and self.lines_with_one < _FEWEST_BROKEN * self.lines:
            return False  # no word is broken
        if first in _FIRST_PARTS or "-" in first or "-" in second:
            return False
        return not (self.words[first] and self.words[second] and min(len(first), len(second)) > 1)

"""Which part of a text is shown where the whole does not fit, and which parts of that are marked."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from bot.telegram.links import units
from retrieval.datamodel import Span
from retrieval.sentences import split

__all__ = ["common", "joined", "narrowed"]

_MARKS = 12  # highlights a quote, within the entities that Telegram keeps


def joined(marks: Sequence[Span], window: Span) -> list[Span]:
    """The parts of the marks inside the window, those that meet or touch as one."""
    merged: list[Span] = []
    for mark in marks:
        if not mark.meets(window):
            continue
        part = common(mark, window)
        if merged and part.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(part.end, merged[-1].end))
        else:
            merged.append(part)
    return merged[:_MARKS]


def common(span: Span, other: Span) -> Span:
    """What two spans that meet share."""
    return Span(max(span.start, other.start), min(span.end, other.end))


def narrowed(text: str, whole: Span, wanted: Span, room: int, *, around: bool) -> Span:
    """A part of `whole` of at most `room` units that shows `wanted`, from and to a sentence's or a word's end.

    It begins where `whole` does if it can; `around`, as much stands before `wanted` as after it.
    """
    sentences = [sentence.shifted(whole.start) for sentence in split(whole.of(text))]
    start = whole.start
    if around or units(text[start : wanted.end]) > room:
        low = _reach(text, wanted.start, -max(0, room - units(wanted.of(text))) // 2, whole)
        if low > start:
            words = (match.end() for match in re.finditer(r"\s+", text[low : wanted.start]))
            near = [sentence.start for sentence in sentences if low <= sentence.start <= wanted.start]
            start = near[0] if near else low + next(words, 0)
    high = _reach(text, start, room, whole)
    if high == whole.end:
        return Span(start, high)
    ends = [sentence.end for sentence in sentences if start + (high - start) // 2 < sentence.end <= high]
    if ends:
        return Span(start, ends[-1])
    shown = text[start:high]
    by_words = shown.rpartition(" ")[0].rstrip() if not text[high].isspace() else shown.rstrip()
    return Span(start, start + len(by_words)) if len(by_words) > len(shown) // 2 else Span(start, high)


def _reach(text: str, position: int, room: int, whole: Span) -> int:
    """How far one gets from `position` within `whole` by `room` units, back if it is negative; never into a letter."""
    left = abs(room)
    if room < 0:
        while position > whole.start and left >= units(text[position - 1]):
            position -= 1
            left -= units(text[position])
        while position < whole.end and _joins(text, position):
            position += 1
        return position
    start = position
    while position < whole.end and left >= units(text[position]):
        left -= units(text[position])
        position += 1
    reached = position
    while position > start + 1 and position < whole.end and _joins(text, position):
        position -= 1
    return position if position > start + 1 else max(reached, start + 1)


def _joins(text: str, position: int) -> bool:
    """Whether the character there belongs to the one before: an accent, a vowel sign, a joined emoji."""
    return unicodedata.category(text[position])[0] == "M" or "\u200d" in text[position - 1 : position + 1]

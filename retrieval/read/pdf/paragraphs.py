"""Lines into paragraphs, joined across lines, columns and pages; a page's notes follow its text."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

from retrieval.read.pdf.hyphens import Hyphens, is_broken
from retrieval.read.pdf.layout import Flow, Line
from retrieval.read.pdf.letters import CJK

__all__ = ["Paragraph", "paragraphs"]

_SMALLER = 0.93  # of the body's size: a note's
_LARGER = 1.12  # a heading's
_LOOSE = 1.22  # times the usual distance of lines: a paragraph ends
_SET_IN = 0.7  # em by which a first line begins further in
_ENDS_SENTENCE = re.compile(r"[.!?…:;。！？：；۔؟؛][\"'”’»）)\]」』]*$")
_ENDS_JOINED = re.compile(r"\S[-\u2010\u2011\u00ad–—/]$")
_BULLET = re.compile(r"[•▪●◦‣·■□–—*-]\s|\(?(?:\d{1,2}|[a-z])[.)]\s")


@dataclass(slots=True)
class Paragraph:
    """A paragraph as it grows: `pages` holds where in its text each page begins that it stands on."""

    text: str
    pages: list[tuple[int, int]]
    last: Line
    lines: int = 1


def paragraphs(pages: Sequence[list[Flow]], size: float) -> list[Paragraph]:
    """The paragraphs in reading order; `size` is that of the body's letters.

    A page's notes stand before the paragraph that runs on to the next page.
    """
    setting = _Setting(size, _leading(chain.from_iterable(pages)), Hyphens.of(chain.from_iterable(pages)))
    found: list[Paragraph] = []
    last: Paragraph | None = None  # of the text, not of the notes
    for number, page in enumerate(pages):
        lines, notes = _notes_apart(page, size)
        for line, is_first in lines:
            is_over = is_first and last is not None and (last.pages[-1][1] != number or line.base > last.last.base)
            if last and (_runs_over(last, line) if is_over else setting.goes_on(last, line)):
                setting.join(last, line, number)
            else:
                last = Paragraph(line.text, [(0, number)], line)
                found.append(last)
        noted: list[Paragraph] = []
        for line in notes:
            if noted and setting.goes_on(noted[-1], line):
                setting.join(noted[-1], line, number)
            else:
                noted.append(Paragraph(line.text, [(0, number)], line))
        runs_on = last is not None and last.pages[0][1] == number and not _ENDS_SENTENCE.search(last.text)
        place = len(found) - runs_on
        found[place:place] = noted
    return found


def _notes_apart(page: Sequence[Flow], size: float) -> tuple[list[tuple[Line, bool]], Flow]:
    """The lines of a page's text, each with whether it is the first of its flow; and its notes, smaller and below."""
    lines: list[tuple[Line, bool]] = []
    notes: Flow = []
    for flow in page:
        first = len(flow)
        if not any(_is_over(flow, other) for other in page if other is not flow):
            while first and flow[first - 1].em < _SMALLER * size and not flow[first - 1].cells:
                first -= 1
        lines.extend((line, line is flow[0]) for line in flow[:first])
        notes.extend(flow[first:])
    return (lines, notes) if lines else ([(line, line is notes[0]) for line in notes], [])


def _is_over(flow: Flow, other: Flow) -> bool:
    return other[0].base < flow[-1].base and other[0].start < flow[0].end and flow[0].start < other[0].end


def _leading(flows: Iterable[Flow]) -> dict[float, float]:
    """The usual distance between the lines of each size of letters."""
    distances: dict[float, Counter[float]] = {}
    for flow in flows:
        for above, line in pairwise(flow):
            distance = above.base - line.base
            if abs(above.em - line.em) < 0.1 * line.em and not line.cells and distance < 2.5 * line.em:
                distances.setdefault(round(line.em), Counter())[round(2 * distance) / 2] += 1
    return {em: min(counts, key=lambda gap: (-counts[gap], gap)) for em, counts in distances.items()}


@dataclass(frozen=True, slots=True)
class _Setting:
    """How a document is set: the size of its letters, the distances of its lines, its hyphens."""

    size: float
    leading: dict[float, float]
    hyphens: Hyphens

    def goes_on(self, paragraph: Paragraph, line: Line) -> bool:
        """Whether a line belongs to the paragraph above it in its column."""
        last, text = paragraph.last, line.text
        if last.cells or line.cells or abs(last.em - line.em) > 0.08 * max(last.em, line.em):
            return False
        distance = last.base - line.base
        is_close = 0 < distance <= _LOOSE * self.leading.get(round(line.em), 1.3 * line.em)
        if line.em > _LARGER * self.size:
            return is_close or 0 < distance < 1.6 * line.em
        if not is_close or is_broken(last.text):
            return is_close
        ends = _ENDS_SENTENCE.search(last.text) is not None
        if _BULLET.match(text) and (ends or _BULLET.match(paragraph.text) or line.left <= last.left):
            return line.left > last.left + 0.5 * line.em and not ends
        is_further_in = line.left > last.left + _SET_IN * line.em
        if _is_set_in(line) and is_further_in and not _BULLET.match(last.text):
            return False
        room = _room(last, line)
        if ends and room > 0.3 * line.em:
            return False
        return room < 0.3 * (line.end - line.start) or text[0].islower()

    def join(self, paragraph: Paragraph, line: Line, number: int) -> None:
        """Adds a line of the page `number` to a paragraph, with what belongs between them."""
        text, added = paragraph.text, line.text
        if is_broken(text) and added[0].isalpha():
            text = self.hyphens.before(added, text)
        elif _ENDS_JOINED.search(text):
            text = text.removesuffix("\u00ad")
        elif paragraph.last.ends_in_space or not (CJK.match(text[-1]) or CJK.match(added)):
            text += " "
        if paragraph.pages[-1][1] != number:
            paragraph.pages.append((len(text), number))
        paragraph.text, paragraph.last = text + added, line
        paragraph.lines += 1


def _runs_over(paragraph: Paragraph, line: Line) -> bool:
    """Whether the paragraph at the end of a column or page runs on at the top of the next."""
    last = paragraph.last
    if last.cells or line.cells or abs(last.em - line.em) > 0.05 * line.em or _BULLET.match(line.text):
        return False
    if is_broken(last.text):
        return True
    if _ENDS_SENTENCE.search(last.text):
        # A paragraph's last line seldom fills its column, and the first of one is often set in.
        return paragraph.lines > 1 and not _is_set_in(line) and _room(last, line) < 0.3 * line.em
    return line.text[0].islower() or _room(last, line) < 0.25 * (last.end - last.start)


def _is_set_in(line: Line) -> bool:
    return line.left - line.start > _SET_IN * line.em


def _room(last: Line, line: Line) -> float:
    """What would have been left of the column's width, had the first word of `line` been set on the line before."""
    word = 1 if CJK.match(line.text) else len(line.text.split(maxsplit=1)[0])
    return last.end - last.right - (word + 0.5) * (line.right - line.left) / len(line.text)

"""Replies as a person reads them in a terminal: the quote, the answer in it marked, and where it stands."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, assert_never

from rich.cells import cell_len

from retrieval.datamodel import Abstention, Answer, Document, Excerpt, Reply, Span

if TYPE_CHECKING:  # it brings the indexes with it
    from retrieval.verify import Verdict

__all__ = ["Reach", "Style", "printable", "printable_line", "reply_text", "sources_text", "verdict_text"]

_RIGHT_TO_LEFT = re.compile(r"[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
# What a terminal would obey instead of showing: a document must not be able to move the cursor, ring the bell, or turn
# the order of what is shown (bidirectional overrides and isolates).
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
_CARRIAGE_RETURN = re.compile(r"\r(?=\n|\Z)")  # of a line that ends as on Windows
_HAN = r"[\u2e80-\u2fff\u3040-\u9fff\uf900-\ufaff]"
_OPENING = "“‘（《「『【"
# What stays on one line: a Chinese character with the marks that open before it and end after it; else a word.
_PIECE = re.compile(rf"\s*(?:[{_OPENING}]*{_HAN}[^\w\s{_OPENING}]*|(?:(?!{_HAN})\S)+)")
BAR = "│ "
LONGEST_DIFFERENCE = 140  # characters of what a quote leaves out that are shown
_MONTHS = "January February March April May June July August September October November December".split()


@dataclass(frozen=True, slots=True)
class Style:
    """How wide the lines may be, in cells, and whether the terminal shows bold."""

    width: int = 80
    bold: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the collection goes: the number of documents, and the newest publication date if any is dated."""

    documents: int
    newest: str | None


def reply_text(reply: Reply, reach: Reach, style: Style) -> str:
    """The whole reply, without a last newline."""
    match reply:
        case Answer():
            return _answer_text(reply, style)
        case Abstention():
            return _abstention_text(reply, reach, style)
        case _:
            assert_never(reply)


def sources_text(document: Document, also_in: Sequence[str]) -> str:
    """A document in two lines: its id and headline, and who published it, when, where; a third for the same story."""
    details = [part for part in (document.publisher, _date(document.published), document.snapshot.source) if part]
    return (
        f"{printable_line(document.id)}  {printable_line(document.title or '') or 'untitled'}\n"
        f"    {printable_line(' · '.join(details))}"
        + (f"\n    the same story as {printable_line(', '.join(also_in))}" if also_in else "")
    )


def verdict_text(verdict: Verdict, reach: Reach, style: Style) -> str:
    """What became of a quote: the verdict, the source's own words, those that differ marked, each difference told."""
    parts = [*_wrapped(_verdict_line(verdict), style.width)]
    if verdict.kind == "absent":
        return "\n".join([*parts, *_searched(reach)])
    for number, place in enumerate(verdict.places):
        parts += ["", _quote(place.excerpt, style), *_citation(place.excerpt, style)]
        text = place.excerpt.document.snapshot.text
        for difference in verdict.differences:
            if difference.place == number:
                here, there = (
                    _shortened(verdict.quote[slice(*difference.quote)]),
                    _shortened(text[slice(*difference.source)]),
                )
                line = {
                    "replaced": f"the quote has “{here}”, the source “{there}”",
                    "inserted": f"the quote adds “{here}”",
                    "deleted": f"the quote leaves out “{there}”",
                }[difference.kind]
                parts += [
                    f"  ≠ {row}" if not at else f"    {row}" for at, row in enumerate(_wrapped(line, style.width - 4))
                ]
    return "\n".join(parts)


def _verdict_line(verdict: Verdict) -> str:
    setting = " but for typography (quotation marks, dashes, white space, case)" if verdict.typography else ""
    match verdict.kind:
        case "exact" if verdict.shortened:
            return f"Exact{setting}, and shortened: what the ellipses leave out is marked."
        case "exact":
            return f"Exact{setting}: my documents say so, word for word."
        case "altered":
            return "Altered: my documents say this otherwise."
        case "spliced":
            return f"Spliced: put together from {len(verdict.places)} places."
        case "absent":
            return "Not in my documents."
        case _:
            assert_never(verdict.kind)


def _shortened(text: str) -> str:
    line = printable_line(text)
    return line if len(line) <= LONGEST_DIFFERENCE else f"{line[:60]} […] {line[-60:]}"


def _searched(reach: Reach) -> list[str]:
    if not reach.documents:
        return []
    count = "1 document" if reach.documents == 1 else f"{reach.documents:,} documents"
    dated = f", the newest dated {_date(reach.newest)}" if reach.newest else ""
    return [f"I searched {count}{dated}."]


def _answer_text(answer: Answer, style: Style) -> str:
    first, *others = answer.excerpts
    parts = [_quote(first, style), *_citation(first, style)]
    if others:
        parts += ["", "Further passages:"]
    for excerpt in others:
        parts += ["", _quote(excerpt, style), *_citation(excerpt, style)]
    if any(excerpt.differs for excerpt in answer.excerpts):
        dates = [_date(excerpt.document.published) for excerpt in answer.excerpts if excerpt.differs]
        parts += [
            "",
            f"The figures differ: those of {' and '.join(dict.fromkeys(filter(None, dates)))} are not the same.",
        ]
    parts += ["", f"Confidence that the first passage answers: {round(100 * answer.confidence)} %"]
    return "\n".join(parts)


def _abstention_text(abstention: Abstention, reach: Reach, style: Style) -> str:
    parts = ["My documents do not say.", *_wrapped(_why(abstention), style.width)]
    parts += _searched(reach)
    if abstention.nearest:
        parts += ["", "Nearest, though it is no answer:"]
    for excerpt in abstention.nearest:
        plain = _wrapped(" ".join(printable(excerpt.text).split()), style.width)
        parts += ["", *plain, *_citation(excerpt, style)]
    return "\n".join(parts)


def _why(abstention: Abstention) -> str:
    missing = ", ".join(f"“{printable_line(term)}”" for term in abstention.missing_terms)
    match abstention.reason:
        case "empty_collection":
            return "There are none yet: add some with `quoth ingest`."
        case "nothing_found":
            return "Nothing in them is about this."
        case "filtered_out":
            return "What there is lies outside the dates or publishers that you asked for."
        case "near_miss":
            return f"What comes nearest speaks of another of its kind than {missing or 'you asked about'}."
        case "terms_missing":
            return f"What comes nearest says nothing of {missing}."
        case "low_confidence":
            return "What comes nearest does not seem to answer it."
        case _:
            assert_never(abstention.reason)


def _quote(excerpt: Excerpt, style: Style) -> str:
    """The excerpt beside a bar, wrapped, the highlights in bold or underlined by a line of their own.

    No quotation marks are added: half of what news says stands in its own already.
    """
    text = excerpt.document.snapshot.text
    lines = []
    for span in _lines(excerpt, style.width - len(BAR)):
        marked = [
            Span(max(mark.start, span.start), min(mark.end, span.end))
            for mark in excerpt.highlights
            if mark.start < span.end and span.start < mark.end
        ]
        line = printable(span.of(text))  # as long as it was, but for a carriage return at its end
        if style.bold:
            lines.append(BAR + _in_bold(line, [mark.shifted(-span.start) for mark in marked]))
            continue
        lines.append(BAR + line)
        if marked and not _RIGHT_TO_LEFT.search(line):
            lines.append(BAR + _underline(line, [mark.shifted(-span.start) for mark in marked]))
    return "\n".join(lines)


def _lines(excerpt: Excerpt, width: int) -> list[Span]:
    """The excerpt cut into lines of at most `width` cells at white space, or anywhere where there is none."""
    text = excerpt.document.snapshot.text
    lines: list[Span] = []
    start = excerpt.span.start
    last_space = None
    position = start
    cells = 0
    while position < excerpt.span.end:
        character = text[position]
        cells += max(cell_len(character), 0)
        if character.isspace():
            last_space = position
        if (cells > width or character == "\n") and position > start:
            cut = last_space if last_space is not None and last_space > start else position
            lines.append(Span(start, cut))
            start = cut
            while start < excerpt.span.end and text[start].isspace():
                start += 1
            position, cells, last_space = start, 0, None
            continue
        position += 1
    if start < excerpt.span.end:
        lines.append(Span(start, excerpt.span.end))
    return lines


def _in_bold(line: str, marks: list[Span]) -> str:
    parts = []
    position = 0
    for mark in marks:
        parts += [line[position : mark.start], "\x1b[1;4m", mark.of(line), "\x1b[0m"]
        position = mark.end
    return "".join([*parts, line[position:]])


def _underline(line: str, marks: list[Span]) -> str:
    parts = []
    position = 0
    for mark in marks:
        parts += [" " * cell_len(line[position : mark.start]), "▔" * cell_len(mark.of(line))]
        position = mark.end
    return "".join(parts)


def _citation(excerpt: Excerpt, style: Style) -> list[str]:
    """Headline; publisher and dates, as far as they are known; file and place."""
    document = excerpt.document
    updated = f"updated {_date(document.updated)}" if document.updated else None
    known = [
        part for part in (document.publisher, ", ".join(document.authors), _date(document.published), updated) if part
    ]
    characters = f"characters {excerpt.span.start}-{excerpt.span.end}"
    place = ", ".join(part for part in (_place(excerpt), characters) if part)
    rows = [document.title or "", " · ".join(known), document.url or "", f"{document.snapshot.source}, {place}"]
    if excerpt.also_in:
        rows.append(f"also in {', '.join(excerpt.also_in)}")
    lines = [line for row in rows if row for line in _wrapped(printable_line(row), style.width - 4)]
    return [f"  {'— ' if number == 0 else '  '}{line}" for number, line in enumerate(lines)]


def _place(excerpt: Excerpt) -> str | None:
    """Where a reader finds the excerpt in its file: the page, or the line of what is a text to begin with."""
    if excerpt.page is not None:
        return f"p. {excerpt.page}"
    snapshot = excerpt.document.snapshot
    is_text = snapshot.media_type in {"text/plain", "text/markdown", "application/jsonl"}
    return f"line {snapshot.text.count(chr(10), 0, excerpt.span.start) + 1}" if is_text else None


def _date(written: str | None) -> str | None:
    """An ISO 8601 date as people write it, as precise as it is: 2024-09-16T17:31 is 16 September 2024, 17:31."""
    match = re.fullmatch(r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:T(.+))?)?)?", written or "")
    if match is None:
        return written
    year, month, day, time = match.groups()
    parts = [str(int(day))] if day else []
    parts += [_MONTHS[int(month) - 1]] if month else []
    return " ".join([*parts, year]) + (f", {time}" if time else "")


def printable(text: str) -> str:
    """The text without what a terminal would obey instead of showing."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", _CARRIAGE_RETURN.sub("", text))


def printable_line(text: str) -> str:
    """The text as part of one line: a headline with line breaks must not be able to look like a quote of its own."""
    return printable(" ".join(text.split()))


def _wrapped(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` cells, ended at spaces or beside Chinese; a longer word has its own."""
    lines = [""]
    for piece in _PIECE.findall(text):
        longer = lines[-1] + piece
        if cell_len(longer) <= width or not lines[-1]:
            lines[-1] = longer
        else:
            lines.append(piece.lstrip())
    return lines

"""What a reader is given and what it says of a sentence; training and service share the row of tokens.

    <s> question </s> title </s> sentences </s>

Source of the form: Devlin et al. 2019, "BERT", section 4.3 (SQuAD 2.0): the first token stands for "not here".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from retrieval.datamodel import Span
from retrieval.unigram import Token

__all__ = ["LONGEST_ANSWER_TOKENS", "ROOM_TOKENS", "UNREAD", "Reading", "Row", "row", "stretch", "trimmed"]

QUESTION_TOKENS = 32
TITLE_TOKENS = 14
ROOM_TOKENS = 112  # of the sentences: what two or three say, and half the time of a whole passage
LONGEST_ANSWER_TOKENS = 30
BEGIN, END = 0, 2
PAUSES = " ,;:،؛，、；："
STOPS = ".?!。？！۔؟"
OPENING, CLOSING = "([（【「『《«", ")]）】」』》»"
QUOTES = '"“”„'


class Reading(NamedTuple):
    """What a reader says of a sentence, in log odds: that the words at `span` answer, and that what it read does.

    `logit` is the sum of the logits of those words, which compares between what was read for one question where the
    odds do not: these are against "not here" in the same stretch. `beside` is that sum less the highest of all that was
    read for the question, `anywhere` the highest `answers`. `span` is of the snapshot's text; None where the sentence
    was not read. Source: Clark and Gardner 2018, "Simple and Effective Multi-Paragraph Reading Comprehension".
    """

    words: float
    answers: float
    span: Span | None
    logit: float = 0.0
    beside: float = 0.0
    anywhere: float = 0.0

    def doubted(self, share: float) -> Reading:
        """The same, but of its word that what it read does not answer only so much counts."""
        answers, anywhere = (odds * share if odds < 0 else odds for odds in (self.answers, self.anywhere))
        return self._replace(answers=answers, anywhere=anywhere)


UNREAD = Reading(0.0, 0.0, None)


@dataclass(frozen=True, slots=True)
class Row:
    """The ids of a row's tokens, and those of its sentences, which stand from the place `first` on."""

    ids: list[int]
    first: int
    tokens: Sequence[Token]


def row(question: Sequence[Token], title: Sequence[Token], text: Sequence[Token]) -> Row:
    """The row; a question keeps its last tokens, which more often ask, a title and the text their first."""
    before = [
        BEGIN,
        *(token.id for token in question[-QUESTION_TOKENS:]),
        END,
        *(token.id for token in title[:TITLE_TOKENS]),
        END,
    ]
    kept = text[:ROOM_TOKENS]
    return Row([*before, *(token.id for token in kept), END], len(before), kept)


def trimmed(text: str, start: int, end: int, *, is_end: bool) -> Span | None:
    """Those words without the comma that the last one ends in, or the full stop of the sentence, if it `is_end`.

    A quotation mark or bracket at an edge goes too, where the other one of the pair is outside. What consists of
    nothing else is left as it is; None where there is nothing.
    """
    if start == end:
        return None
    whole, words, before = Span(start, end), text[start:end], ""
    while words != before:
        before = words
        is_initials = words[words.rstrip().rfind(" ") + 1 :].count(".") > 1  # "U.S." keeps its own
        words = words.rstrip(PAUSES + STOPS if is_end and not is_initials else PAUSES)
        lone = _lone_marks(words)
        words = words[: len(words) - (len(words) - 1 in lone)]
        kept = words[0 in lone :].lstrip()
        start, words = start + len(words) - len(kept), kept
    return Span(start, start + len(words)) if words else whole


def _lone_marks(words: str) -> set[int]:
    """The places of brackets whose other one is not among the words, and of a quotation mark that is the only one."""
    lone: set[int] = set()
    left: list[int] = []
    for place, mark in enumerate(words):
        if mark in OPENING:
            left.append(place)
        elif mark in CLOSING and left and OPENING.index(words[left[-1]]) == CLOSING.index(mark):
            left.pop()
        elif mark in CLOSING:
            lone.add(place)
    quotes = [place for place, mark in enumerate(words) if mark in QUOTES]
    return {*lone, *left, *(quotes if len(quotes) == 1 else ())}


def stretch(lengths: Sequence[int], focus: int) -> tuple[int, int]:
    """The sentences around the one at `focus` for which there is room: its place and that behind the last.

    `lengths` are the sentences' tokens. The next sentence is taken before the one in front, in turn.
    """
    first, end = focus, focus + 1
    room = ROOM_TOKENS - lengths[focus]
    while True:
        after = end < len(lengths) and lengths[end] <= room
        if after:
            room -= lengths[end]
            end += 1
        before = first > 0 and lengths[first - 1] <= room
        if before:
            first -= 1
            room -= lengths[first]
        if not after and not before:
            return first, end

"""What a question asks for, and where a sentence holds it: a number, a date, a person's name, a named thing."""

from __future__ import annotations

import re

from retrieval import analyze
from retrieval.contents import Contents, contents
from retrieval.datamodel import Span
from retrieval.evidence import holds, is_comparable
from retrieval.quantities import Quantity
from retrieval.question import Need, Question

__all__ = ["Asked"]

_ABOUT = re.compile(
    r"(?<!\w)(?:(?:over|more than|less than|fewer than|at least|at most|up to|about|around|nearly|almost|some|"
    r"approximately|roughly|under|above|below)\s+|约|超过|近|逾|تقریباً\s+|قریب\s+)$",
    re.IGNORECASE,
)
_UNIT = re.compile(r"[ \u00a0-]?(?:per cent|percent|[^\W\d_]+)|[\u4e00-\u9fff]{1,3}")
_SMALL_WORD = re.compile(
    r"[ \u00a0-]?(?:a|an|and|as|at|by|for|from|had|has|have|in|is|it|of|on|or|that|the|to|was|were|which|who|will|with|"
    r"کے|کی|کا|سے|میں|کو|اور|پر|ہے|نے)$",
    re.IGNORECASE,
)
_NAME = re.compile(r"[A-Z][\w'’-]+(?:\s+(?:(?:al|bin|de|ul|uz|van|von|-)\s+)?[A-Z][\w'’-]+)*")
_DAY = re.compile(
    r"(?:\d{1,2}(?:st|nd|rd|th)?\s+)?(?:January|February|March|April|May|June|July|August|September|October|November|"
    r"December)\b(?:\s+\d{1,2}\b)?(?:,?\s+\d{4}\b)?|\b(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day\b"
    r"|(?:\d{4}年)?\d{1,2}月(?:\d{1,2}日)?|\d{4}年"
    r"|\d{1,2}\s*(?:جنوری|فروری|مارچ|اپریل|مئی|جون|جولائی|اگست|ستمبر|اکتوبر|نومبر|دسمبر)(?:\s*\d{4})?"
)
_HOW_MANY = re.compile(r"\bhow (?:many|much)\b|کتن(?:ا|ی|ے)|多少", re.IGNORECASE)
COUNTED_CHARACTERS = 25  # how far behind a number that which it counts may stand
# They stand before "of" and name nothing that the answer would repeat.
_COUNTERS = (
    "(?:all|amount|any|best|both|each|end|form|group|head|kind|leader|majority|many|member|members|most|name|names|none|"
    "number|one|part|percent|percentage|piece|place|result|role|some|sort|time|two|type|types|use|version|way|which) "
)
_ASKED_WORD = re.compile(
    rf"^(?:what(?:'s| is| was| are| were)? )?(?:the |his |her |its |their )?(?!{_COUNTERS})(\w+) of\b"
    r"|\bas (?:its|their|his|her|the) (\w+)"
    r"|^what (?:is|was|are|were) (?:the )?[\w' -]*?'s (?:\w+ )?(\w+)\W*$"
    r"|کا (\w+) کیا|کی (\w+) کیا|的([\u4e00-\u9fff]{2,4})是(?:什么|多少|谁)",
    re.IGNORECASE,
)
_NOT_A_NAME = frozenset(
    "A An And At As But By For From He Her His However If In It Its No Not Of On Or Our She So Some That The Their Then"
    " There These They This Those To We What When While With".split()
)


class Asked:
    """What a question asks for, ready to be looked for in many sentences, each given with what it holds."""

    def __init__(self, question: Question) -> None:
        self._question = question
        self._counted = _counted(question)
        self._word = _asked_word(question)
        self._said = {need.quantity.value for need in question.needs if need.quantity is not None}
        self._words = {need.surface.casefold() for need in question.needs if need.kind == "word"}

    def holds_kind(self, sentence: str, found: Contents) -> bool | None:
        """Whether the sentence holds what the question asks for by its kind, beyond what the question says itself.

        None where that cannot be told: the question asks for no such kind, or for people in a script without capitals.
        """
        if self._question.asks in {"place", "other"} or (self._question.asks == "person" and found.script != "latin"):
            return None
        if self._question.asks == "number":
            return any(self._is_figure(quantity) for quantity in found.quantities)
        return bool(self._answers(sentence, found))

    def holds_unit(self, sentence: str, found: Contents) -> bool:
        """Whether the sentence counts what is asked the number of: "8,000 megawatts" for "how many megawatts"."""
        if self._counted is None or not holds(self._counted, found):
            return False
        return any(
            quantity.kind != "year"
            and not _is_article(quantity)
            and _is_number_of(self._counted, sentence, quantity.span)
            for quantity in found.quantities
        )

    def holds_word(self, found: Contents) -> bool | None:
        """Whether a sentence speaks of the thing whose value is asked: the theme in "the theme of the meeting".

        Of a person it is the role: the ambassador where "who leads the embassy" is asked. None where no such thing is
        asked, or the sentence is in a script in which its word cannot be looked for.
        """
        if self._word is None or not is_comparable(self._word, found.script):
            return None
        return holds(self._word, found)

    def highlights(self, text: str, span: Span, found: Contents, *, is_best: bool = True) -> tuple[Span, ...]:
        """The answering words in `span` of `text`, as spans of `text`; none where they cannot be told.

        Where "how many megawatts" is asked, numbers of megawatts; of the best excerpt, if it has none, any number. Of
        "and the highways?" after it only numbers of highways.
        """
        sentence = span.of(text)
        answers = self._answers(sentence, found)
        if self._question.asks_as_before and self._question.asks == "number":
            things = [need for need in self._question.needs if need.kind == "word"]
            answers = [one for one in answers if any(_is_number_of(thing, sentence, one) for thing in things)]
        elif self._counted is not None:
            fitting = [answer for answer in answers if _is_number_of(self._counted, sentence, answer)]
            answers = fitting if fitting or not is_best else answers
        return tuple(answer.shifted(span.start) for answer in answers)

    def may_be(self, words: str) -> bool:
        """Whether words that a reader points at may answer: in "and the highways?" it does not see what is asked."""
        if not self._question.asks_as_before:
            return True
        return self._question.asks != "other" and self.holds_kind(words, contents(words)) is not False

    def _answers(self, sentence: str, found: Contents) -> list[Span]:
        if self._question.asks == "number":
            return self._numbers(sentence, found)
        if self._question.asks == "time":
            years = [quantity.span for quantity in found.quantities if quantity.kind == "year"]
            days = [Span(*match.span()) for match in _DAY.finditer(sentence)]
            return _merged([span for span in years + days if not _is_said(self._question, span.of(sentence))])
        if self._question.asks == "person":
            return _names(self._question, sentence)
        return []

    def _is_figure(self, quantity: Quantity) -> bool:
        """Whether it may be the number that is asked for."""
        is_amount = quantity.kind in {"cardinal", "money", "percent"}
        return is_amount and quantity.value not in self._said and not _is_article(quantity)

    def _numbers(self, sentence: str, found: Contents) -> list[Span]:
        spans = [_with_unit(sentence, quantity) for quantity in found.quantities if self._is_figure(quantity)]
        telling = [span for span in spans if any(word in span.of(sentence).casefold() for word in self._words)]
        return _merged(telling or spans)


def _counted(question: Question) -> Need | None:
    """What is counted: the megawatts of "how many megawatts"; None where nothing is, or it cannot be told."""
    asked = _HOW_MANY.search(question.text)
    if asked is None or question.asks != "number":
        return None
    counted = next((need for need in question.needs if need.span.start >= asked.end()), None)
    return counted if counted is not None and counted.span.start <= asked.end() + 1 else None


def _is_number_of(counted: Need, sentence: str, number: Span) -> bool:
    """Whether that number in the sentence is one of what is counted."""
    return holds(counted, contents(sentence[number.start : number.end + COUNTED_CHARACTERS]))


def _asked_word(question: Question) -> Need | None:
    match = _ASKED_WORD.search(question.text)
    if match is None:
        roles = (need for need in question.needs if need.kind == "role")
        return next(roles, None) if question.asks == "person" else None
    word = next(Span(*match.span(group)) for group in range(1, _ASKED_WORD.groups + 1) if match[group])
    return next((need for need in question.needs if need.span.start <= word.start < need.span.end), None)


def _is_article(quantity: Quantity) -> bool:
    """Whether a lone one is but a word: "one sector", 一."""
    return quantity.kind == "cardinal" and quantity.value == 1


def _with_unit(sentence: str, quantity: Quantity) -> Span:
    """The number with "over" before it and its unit behind it."""
    start, end = quantity.span.start, quantity.span.end
    before = _ABOUT.search(sentence, max(0, start - 20), start)
    if before is not None:
        start = before.start()
    unit = _UNIT.match(sentence, end)
    if quantity.kind == "cardinal" and unit is not None and not _SMALL_WORD.match(unit[0]):
        end = unit.end()
    return Span(start, end)


def _names(question: Question, sentence: str) -> list[Span]:
    found = []
    for match in _NAME.finditer(sentence):
        words = match[0].split()
        start = match.start()
        if words[0] in _NOT_A_NAME:
            start += len(words[0]) + 1
            words = words[1:]
        if len(words) >= 2 and start < match.end() and not _is_said(question, " ".join(words)):
            found.append(Span(start, match.end()))
    return found


def _is_said(question: Question, words: str) -> bool:
    asked = {*analyze.terms(question.text), "年", "月", "日"}  # 2024年 stands in 2024年底 too
    return asked.issuperset(analyze.terms(words))


def _merged(spans: list[Span]) -> list[Span]:
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(span.end, merged[-1].end))
        else:
            merged.append(span)
    return merged

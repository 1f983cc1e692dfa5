"""A question and what was asked before become one query. No words are made up: only those typed.

What a follow-up leaves out stands in the question that opened the topic: the first, until one stands by itself and
names nothing of it. Its names, numbers and words go in front; sentences are still judged by what the follow-up asks.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from retrieval.datamodel import Span
from retrieval.question import FEWEST_NEEDS, AnswerKind, Need, Question

__all__ = ["kind_taken", "resolve"]

_OPENS_ON = re.compile(
    r"^\W*(?:and|also|then|so|but|or|what about|how about|what else|who else|"
    r"(?:for|in)(?!\s+(?:what|which|how|whom?|whose)\b))\b"
    r"|^\W*(?:اور|وہ|اس|ان|انہیں|یہ|تو|مزید)\b"
    r"|^(?:那|它|他|她|这|其|还|又|另外|此外)|呢[？?]?\s*$",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"\b(?:he|she|it|they|him|her|them|his|hers|its|their|theirs|those|these|this)\b"
    r"|\b(?:of|for|about|with|in|on|by|from|to|at|after|before|does|did|do|is|was|are|were|will|would|can|than) that\b"
    r"|\b(?:work|works|get|go|went|happen\w*|stay|live|from|up) there\b|\b(?:other|another|else)\b"
    r"|(?<!\w)(?:ان|اس|انہیں|اسے|انہوں|وہاں|یہاں)(?!\w)|(?:它|他们|她们|其中|那里|这里|该)",
    re.IGNORECASE,
)
_ASKS = re.compile(
    r"[?？؟]|^\W*(?:what|which|why|how|is|are|was|were|did|does?|can|could|will|has|have|had|tell|in what|at what)\b"
    r"|کیا|کیوں|کیسے|什么|为什么|怎|吗|哪",
    re.IGNORECASE,
)
# "And the highways?": it opens so, and neither asks nor says anything.
_OPENS_SHORT = re.compile(
    r"^\W*(?:and|but|also|or|so|then|what about|how about|for|in)\b|^\W*اور\b|^(?:那|还有|其中)|呢[？?]?\s*$",
    re.IGNORECASE,
)
_SAYS = re.compile(
    r"\b(?:(?:what|how)(?! about\b)|which|why|who\w*|when|where|is|are|was|were|did|do|does|can|could|will|would|should"
    r"|might|must|has|have|had|tell|explain|show|give|list)\b"
    r"|کیا|کیوں|کیس[اےی]|(?<!\w)(?:کون|کس|کن|کب)(?!\w)|کہاں|کتن|(?<!\w)(?:ہے|ہیں|تھا|تھے|تھی|تھیں|گا|گے|گی)\W*$"
    r"|[吗哪何谁怎啥]|几(?!内亚)|什么|多少|多[大长高远久]|是否|是不是|有没有|能否|能不能|[了过]没有",
    re.IGNORECASE,
)
_OWN_KIND = re.compile(
    r"\b(?:reasons?|causes?|purpose|date|name|place|cost|price)\b|(?<!\w)(?:وجہ|وجوہ|مقصد|تاریخ|نام)(?!\w)|原因|目的|日期|名字|地点",
    re.IGNORECASE,
)
SHORT_HAN_CHARACTERS = 16  # of a question without a known name: what is longer can stand by itself
SHORT_UNCASED_WORDS = 8  # of a question in letters without capitals, which show no unknown names


def resolve(question: str, history: Sequence[str]) -> str:
    """The question, with what opened its topic before it where it leans on that; `history` is oldest first.

    A number of the same kind is replaced, not added: "and in 2024?" no longer asks for 2023.
    """
    asked = Question.of(question)
    topic = _topic(history)
    if topic is None or not _leans(asked):
        return question
    said = {need.surface.casefold() for need in asked.needs}
    counted = {_counts(need) for need in asked.needs if need.quantity is not None}
    needs = [need for need in topic.needs if need.quantity is None or _counts(need) not in counted]
    kept = [need.span for need in needs if need.surface.casefold() not in said]
    if _is_heading(topic) and len(kept) == len(topic.needs):
        return f"{topic.text} {question}"
    return " ".join([*(span.of(topic.text) for span in _joined(kept)), question])


def kind_taken(question: str, history: Sequence[str]) -> AnswerKind | None:
    """The kind of answer that a question which only names another thing, "and in March?", takes from the one before it.

    `history` is oldest first; others that only name a thing are passed over. None where the question asks by itself, or
    a role or a "reason" in it tells what is asked for.
    """
    asked = Question.of(question)
    if not (_is_short(asked) and asked.needs) or any(need.kind == "role" for need in asked.needs):
        return None
    if _OWN_KIND.search(question):
        return None
    before = next((one for one in map(Question.of, reversed(history)) if one.text.strip() and not _is_short(one)), None)
    return None if before is None or _is_heading(before) else before.asks


def _joined(spans: Sequence[Span]) -> list[Span]:
    """Spans in order, those that overlap (the bigrams of a Chinese word) put together."""
    joined: list[Span] = []
    for span in spans:
        if joined and span.start < joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(span.end, joined[-1].end))
        else:
            joined.append(span)
    return joined


def _topic(history: Sequence[str]) -> Question | None:
    """What opened the topic: the first of `history`, or the last that stood by itself and named nothing of it."""
    topic = None
    for earlier in history:
        asked = Question.of(earlier)
        if topic is None or not (_leans(asked) or _shares(asked, topic)):
            topic = asked if earlier.strip() else topic
    return topic


def _shares(asked: Question, topic: Question) -> bool:
    named = {term for need in topic.needs for term in need.terms}
    return any(term in named for need in asked.needs for term in need.terms)


def _is_heading(asked: Question) -> bool:
    """Whether it only names a thing, and asks nothing."""
    return asked.asks == "other" and not _ASKS.search(asked.text)


def _is_short(asked: Question) -> bool:
    """Whether it is short for the question before it, asked of another thing."""
    return _OPENS_SHORT.search(asked.text) is not None and not _SAYS.search(asked.text)


def _leans(asked: Question) -> bool:
    """Whether the question goes on from another, says too little by itself, or has a pronoun before any name."""
    if _OPENS_ON.search(asked.text) or len(asked.needs) < FEWEST_NEEDS:
        return True
    named = [need.span.start for need in asked.needs if need.kind not in {"word", "role", "number"}]
    pronoun = _PRONOUN.search(asked.text)
    if pronoun is not None and all(pronoun.start() < start for start in named):
        return True
    if named:
        return False
    if asked.script == "han":
        return len(asked.text) <= SHORT_HAN_CHARACTERS
    shows_names = asked.script == "latin" and asked.text.upper() != asked.text.lower()
    return shows_names or len(asked.text.split()) <= SHORT_UNCASED_WORDS


def _counts(need: Need) -> tuple[str, str | None]:
    """What a number counts: its kind, and of what it is one."""
    assert need.quantity is not None  # noqa: S101 - asked only of numbers
    return need.quantity.kind, need.quantity.of

"""When a question asks of: the newest there is, or a time told from today ("last year", 昨天, گزشتہ ماہ)."""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

from retrieval.datamodel import Span

__all__ = ["Timing", "timing", "timing_words"]

_NEWEST = re.compile(
    r"\b(?:latest|newest|most recent|recently|currently|current(?! account)|right now|nowadays|these days|today)\b"
    r"|\bnow\b(?=\W*$)|最新|目前|现在|如今|最近|(?<!\w)(?:تازہ ترین|حالیہ|آج کل|فی الحال|اس وقت)(?!\w)",
    re.IGNORECASE,
)
_DAY, _WEEK, _MONTH, _YEAR = 1, 7, 30, 365
# The words, and what they mean: how many units back, of how many days each.
_RELATIVE: tuple[tuple[re.Pattern[str], int, int], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), back, unit)
    for pattern, back, unit in (
        (r"\btoday\b|今天|(?<!\w)آج(?! کل)(?!\w)", 0, _DAY),
        (r"\byesterday\b|昨天|گزشتہ روز", 1, _DAY),
        (r"\bthis week\b|本周|这周|اس ہفتے", 0, _WEEK),
        (r"\b(?:last|past|previous) week\b|上周|گزشتہ ہفتے", 1, _WEEK),
        (r"\bthis month\b|本月|这个月|اس ماہ|اس مہینے", 0, _MONTH),
        (r"\b(?:last|past|previous) month\b|上个?月|گزشتہ ماہ|پچھلے ماہ|پچھلے مہینے", 1, _MONTH),
        (r"\bthis year\b|今年|اس سال|رواں سال", 0, _YEAR),
        (r"\b(?:last|past|previous) year\b|去年|گزشتہ سال|پچھلے سال", 1, _YEAR),
    )
)


@dataclass(frozen=True, slots=True)
class Timing:
    """Whether the newest is asked for, and the days a relative time means, both included; None where none is named."""

    newest: bool = False
    first: datetime.date | None = None
    last: datetime.date | None = None

    def holds(self, published: str | None) -> bool:
        """Whether something published then (ISO 8601) lies in that time."""
        if published is None or self.first is None or self.last is None:
            return False
        return self.first.isoformat()[: len(published)] <= published[:10] <= self.last.isoformat()


def timing(question: str, *, today: datetime.date) -> Timing:
    """What the question says of time, as it is meant on the day it is asked."""
    newest = bool(_NEWEST.search(question))
    for pattern, back, unit in _RELATIVE:
        if pattern.search(question):
            return Timing(newest, *_days(today, back, unit))
    return Timing(newest)


def timing_words(question: str) -> list[Span]:
    """Where the question says such a time: those words are met by a document's date, not by its text."""
    patterns = [_NEWEST, *(pattern for pattern, _, _ in _RELATIVE)]
    return [Span(*match.span()) for pattern in patterns for match in pattern.finditer(question)]


def _days(today: datetime.date, back: int, unit: int) -> tuple[datetime.date, datetime.date]:
    if unit == _YEAR:
        year = today.year - back
        return datetime.date(year, 1, 1), datetime.date(year, 12, 31)
    if unit == _MONTH:
        months = today.year * 12 + today.month - 1 - back
        first = datetime.date(months // 12, months % 12 + 1, 1)
        after = datetime.date((months + 1) // 12, (months + 1) % 12 + 1, 1)
        return first, after - datetime.timedelta(days=1)
    start = today - datetime.timedelta(days=today.weekday() if unit == _WEEK else 0)
    first = start - datetime.timedelta(days=back * unit)
    return first, first + datetime.timedelta(days=unit - 1)

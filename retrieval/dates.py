"""The dates that a line of text gives, in ISO 8601, as precise as the line has them.

What can be read in two ways (05/06/2024) is not a date here, and a zone is given only where the text names one that
means one thing.
"""

from __future__ import annotations

import datetime
import re
from dataclasses import dataclass

__all__ = ["Dating", "dating"]

_MONTH_NAMES = (
    "january jan جنوری يناير जनवरी enero janvier januar",
    "february feb فروری فبراير फ़रवरी फरवरी febrero février februar",
    "march mar مارچ مارس मार्च marzo mars märz",
    "april apr اپریل أبريل ابريل अप्रैल abril avril",
    "may مئی مايو मई mayo mai",
    "june jun جون يونيو जून junio juin juni",
    "july jul جولائی يوليو जुलाई julio juillet juli",
    "august aug اگست أغسطس अगस्त agosto août",
    "september sept sep ستمبر سبتمبر सितंबर septiembre septembre",
    "october oct اکتوبر أكتوبر अक्टूबर octubre octobre oktober",
    "november nov نومبر نوفمبر नवंबर noviembre novembre",
    "december dec دسمبر ديسمبر दिसंबर diciembre décembre dezember",
)
_MONTHS = {name: number for number, names in enumerate(_MONTH_NAMES, start=1) for name in names.split()}
_MONTH = "|".join(sorted(map(re.escape, _MONTHS), key=len, reverse=True))

_TIME = re.compile(
    r"(?P<half_before>上午|下午|晚上)?\s*(?P<hour>\d{1,2})(?:[:：]|时|時|点)\s*(?P<minute>\d{2})分?(?:[:：]?(?P<second>\d{2})(?:\.\d+)?秒?)?"
    r"(?:\s*(?P<half>[ap]\.?m\b\.?))?"
    r"(?:\s*(?P<zone>Z\b|(?:UTC|GMT)(?:[+-]\d{1,2}(?:[:.]?\d{2})?)?(?!\w)|[+-]\d{2}:?\d{2}\b))?"
    r"(?:\s*\(?(?:PKT|PST|PDT|EST|EDT|ET|CST|CET|CEST|BST|IST|AEST|HKT|JST|MSK)\b\)?)?",
    re.IGNORECASE,
)
_DAY = re.compile(
    r"(?<!\d)(?P<y1>\d{4})(?P<s1>[-/.])(?P<m1>\d{1,2})(?P=s1)(?P<d1>\d{1,2})(?!\d)"
    r"|(?<!\d)(?P<y2>\d{4})\s*年\s*(?P<m2>\d{1,2})\s*月(?:\s*(?P<d2>\d{1,2})\s*[日号號])?"
    rf"|(?<![\d\w])(?P<d3>\d{{1,2}})(?:st|nd|rd|th)?\s*[-\s،,]?\s*(?:of\s+)?(?P<n3>{_MONTH})\b\.?\s*[-\s،,]?\s*(?P<y3>\d{{4}})(?!\d)ء?"
    rf"|(?<!\w)(?P<n4>{_MONTH})\b\.?\s*(?P<d4>\d{{1,2}})(?:st|nd|rd|th)?\s*[\s،,]\s*(?P<y4>\d{{4}})(?!\d)ء?"
    rf"|(?<!\w)(?P<n5>{_MONTH})\b\.?\s*[،,]?\s*(?P<y5>\d{{4}})(?!\d)ء?"
    r"|(?<![\d/.-])(?P<a6>\d{1,2})(?P<s6>[-/.])(?P<b6>\d{1,2})(?P=s6)(?P<y6>\d{4})(?!\d)",
    re.IGNORECASE,
)
_UPDATED = re.compile(r"updated?|modified|revised|更新|修改|修订|اپ ?ڈیٹ|تحديث", re.IGNORECASE)
_LABELS = (
    r"\b(?:(?:first|last)\s+)?(?:published|posted|updated?|modified|revised|created|released?|date|time)"
    r"(?:\s+(?:date|time|at|on))*\b"
    r"|\b(?:on|at)\b|发布(?:时间|日期|于)?|發布|更新(?:时间|日期|于)?|修改时间|时间|日期"
    r"|(?:تاریخ )?اشاعت|شائع(?: شدہ)?|آخری اپ ?ڈیٹ|اپ ?ڈیٹ|تحديث"
    r"|\b(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?\b"
    r"|(?:星期|周)[一二三四五六日天]|پیر|منگل|بدھ|جمعرات|جمعہ|ہفتہ|اتوار"
)
# Only next to a date: elsewhere on the line, "Time" and "Sun" are names of papers.
_LABEL_BEFORE = re.compile(rf"(?:(?:{_LABELS})[\s:：,،.]*)+$", re.IGNORECASE)
_LABEL_AFTER = re.compile(rf"[\s,،]*(?:(?:{_LABELS})[\s,،.]*)+(?=$|[\s|·(（])", re.IGNORECASE)
_LONGEST_LINE = 300
_YEAR = re.compile(r"\d{4}")


@dataclass(frozen=True, slots=True)
class Dating:
    """What a line says of time. `rest` is the line without its dates, times and their labels.

    `published` and `updated` are absent where the line leaves them open, though it speaks of a date.
    """

    published: str | None
    updated: str | None
    rest: str


@dataclass(frozen=True, slots=True)
class _Moment:
    """A date, a time of day, or both. `day` is empty for a bare time and for a date that can be read in two ways."""

    start: int
    end: int
    day: str
    time: str
    is_date: bool


def dating(line: str) -> Dating | None:
    """When the line says that something was published or updated; `None` where it names no date."""
    if len(line) > _LONGEST_LINE or not _YEAR.search(line):
        return None
    moments = _joined(_moments(line), line)
    if not any(moment.is_date for moment in moments):
        return None
    published: list[str] = []
    updated: list[str] = []
    day, position = "", 0
    rest: list[str] = []
    for moment in moments:
        before = line[position : moment.start]
        label = _LABEL_BEFORE.search(before)
        rest.append(before[: label.start()] if label else before)
        is_update = label is not None and bool(_UPDATED.search(label[0]))
        day = moment.day or ("" if moment.is_date else day)
        if moment.is_date or is_update:
            (updated if is_update else published).append(_written(day, moment.time))
        position = moment.end
    rest.append(_without_label(line[position:]))
    return Dating(_only(published), _only(updated), " ".join("\n".join(rest).split(" ")).strip())


def _without_label(after: str) -> str:
    label = _LABEL_AFTER.match(after)
    return after[label.end() :] if label else after


def _only(found: list[str]) -> str | None:
    """The one value that all agree on; two different ones are a doubt."""
    return found[0] or None if len(set(found)) == 1 else None


def _written(day: str, time: str) -> str:
    return f"{day}T{time}" if day and time and day.count("-") == 2 else day


def _moments(line: str) -> list[_Moment]:
    days = [_Moment(match.start(), match.end(), _day(match), "", is_date=True) for match in _DAY.finditer(line)]
    taken = [(moment.start, moment.end) for moment in days]
    times = [
        _Moment(match.start(), match.end(), "", time, is_date=False)
        for match in _TIME.finditer(line)
        if (time := _time(match)) and not any(start < match.end() and match.start() < end for start, end in taken)
    ]
    return sorted(days + times, key=lambda moment: moment.start)


def _joined(moments: list[_Moment], line: str) -> list[_Moment]:
    """Dates with the times that stand next to them: `2024-09-16 17:31`, `17:31, 16 Sep 2024`."""
    joined: list[_Moment] = []
    for moment in moments:
        last = joined[-1] if joined else None
        if last is not None and last.is_date != moment.is_date:
            between = line[last.end : moment.start]
            dated = last if last.is_date else moment
            if not dated.time and re.fullmatch(r"[\s,،T·|–—-]{0,8}(?:at|在)?\s*", between):
                time = moment.time or last.time
                joined[-1] = _Moment(last.start, moment.end, dated.day, time, is_date=True)
                continue
        joined.append(moment)
    return joined


def _day(match: re.Match[str]) -> str:
    """The date in ISO 8601; empty where the calendar has no such day, or where day and month may be exchanged."""
    parts = match.groupdict()
    if parts["a6"] is not None:
        first, second = int(parts["a6"]), int(parts["b6"])
        if first <= 12 and second <= 12 and first != second:
            return ""
        day, month = (first, second) if first > 12 else (second, first)
        return _iso(int(parts["y6"]), month, day)
    year = next(int(parts[name]) for name in ("y1", "y2", "y3", "y4", "y5") if parts[name])
    named = next((parts[name] for name in ("n3", "n4", "n5") if parts[name]), None)
    month = _MONTHS[named.lower()] if named else int(parts["m1"] or parts["m2"])
    written_day = next((parts[name] for name in ("d1", "d2", "d3", "d4") if parts[name]), None)
    return _iso(year, month, int(written_day) if written_day else None)


def _iso(year: int, month: int, day: int | None) -> str:
    try:
        date = datetime.date(year, month, day or 1)
    except ValueError:
        return ""
    if not 1000 <= year < 3000:
        return ""
    return date.isoformat() if day else date.isoformat()[:7]


def _time(match: re.Match[str]) -> str:
    """The time in ISO 8601, with its zone where that is an offset or UTC; empty where the clock has no such time."""
    hour, minute, second = int(match["hour"]), int(match["minute"]), int(match["second"] or 0)
    half = (match["half"] or "").lower()[:1] or {"上午": "a", "下午": "p", "晚上": "p"}.get(
        match["half_before"] or "", ""
    )
    if half and not 1 <= hour <= 12 and match["half"]:
        return ""
    if half and hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    if hour > 23 or minute > 59 or second > 59:
        return ""
    seconds = f":{second:02}" if match["second"] else ""
    return f"{hour:02}:{minute:02}{seconds}{_zone(match['zone'])}"


def _zone(written: str | None) -> str:
    if not written:
        return ""
    offset = re.search(r"([+-])(\d{1,2})[:.]?(\d{2})?", written)
    if offset is None:
        return "+00:00"
    return f"{offset[1]}{int(offset[2]):02}:{offset[3] or '00'}"

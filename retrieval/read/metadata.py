"""What formats say of an article in their own fields, checked."""

from __future__ import annotations

import datetime
import re

__all__ = ["is_iso_date", "language_code"]

_ISO_DATE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})(?P<time>[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
    r"(?:Z|[+-]\d{2}(?::?\d{2})?)?)?)?)?",
    re.ASCII,
)
_LANGUAGE = re.compile(r"(?P<code>[A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{1,8})*", re.ASCII)


def is_iso_date(text: str) -> bool:
    """Whether `text` is a date of ISO 8601 that the calendar has: a year, month or day, perhaps with time and zone."""
    match = _ISO_DATE.fullmatch(text)
    if match is None:
        return False
    try:
        datetime.date(int(match["year"]), int(match["month"] or 1), int(match["day"] or 1))
        if match["time"]:
            datetime.time.fromisoformat(match["time"][1:])
    except ValueError:
        return False
    return True


def language_code(text: str) -> str | None:
    """The language of a tag such as `en`, `zh-CN`, `pt_BR`, in lower case; `None` where `text` is no tag."""
    match = _LANGUAGE.fullmatch(text)
    return match["code"].lower() if match else None

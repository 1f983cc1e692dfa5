"""What formats say of an article in their own fields, checked."""

from __future__ import annotations

import datetime
import re

__all__ = ["iso_date", "language_code"]

_ISO_DATE = re.compile(
    r"(?P<year>\d{4})(?:-(?P<month>\d{2})(?:-(?P<day>\d{2})(?P<time>[T ]\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?"
    r"(?:Z|[+-]\d{2}(?::?\d{2})?)?)?)?)?",
    re.ASCII,
)
_LANGUAGE = re.compile(r"(?P<code>[A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{1,8})*", re.ASCII)


def iso_date(text: str) -> str | None:
    """`text` as a date of ISO 8601, with "T" before a time; `None` where it is none that the calendar has.

    A date is a year, month or day, perhaps with time and zone.
    """
    match = _ISO_DATE.fullmatch(text)
    if match is None:
        return None
    try:
        datetime.date(int(match["year"]), int(match["month"] or 1), int(match["day"] or 1))
        if match["time"]:
            datetime.time.fromisoformat(match["time"][1:])
    except ValueError:
        return None
    return text.replace(" ", "T")


def language_code(text: str) -> str | None:
    """The language of a tag such as `en`, `zh-CN`, `pt_BR`, in lower case; `None` where `text` is no tag."""
    match = _LANGUAGE.fullmatch(text)
    return match["code"].lower() if match else None

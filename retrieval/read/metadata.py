"""What formats say of an article in their own fields, checked."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

__all__ = ["LONGEST_TITLE", "iso_date", "language_code", "plausible_names", "plausible_title", "web_address"]

LONGEST_TITLE = 300
_LONGEST_NAME = 100
_NUMBER = re.compile(r"[ -]?(?:\d+|\(\d+\))$")
# What programs write where nobody gave a title, the number at its end aside; and the names of files.
_NO_TITLE = re.compile(
    r"(?:new |neues )?(?:microsoft )?(?:word|powerpoint|excel)(?:[ -]*(?:document|dokument|presentation|演示文稿))?"
    r"|microsoft (?:word|powerpoint|excel) - .*"
    r"|(?:no |new )?(?:document|dokument|documento|(?:document ?)?title|titel|template|slide|print(?: job)?)"
    r"|(?:untitled|unbenannt)(?:[ -](?:design|document|form|page|presentation|spreadsheet))?"
    r"|文档|新建.*文档|无标题|标题"
    r"|.*\.(?:docx?|docm|dotx?|dvi|html?|indd|odt|pages|pdf|pptx?|ps|qxd|qxp|rtf|tex|txt|wps|xlsx?)",
    re.IGNORECASE,
)
# What a machine calls whoever sits before it, or a program itself.
_NO_NAME = re.compile(
    r"(?:(?:admin|default|microsoft|ms|office|windows|acer|asus|dell|hp|lenovo|pc|toshiba) )*"
    r"(?:users?|user ?name|benutzer|utilisateur|admin|administrator|acer|asus|dell|hp|lenovo|pc|toshiba)(?: inc\.?)?"
    r"|(?:default|unknown) ?(?:author)?|author|autor|owner|guest|root|none|null|test|home|un-?named"
    r"|microsoft|word|apache poi|docx|docx4j|libreoffice|openpyxl|pandoc|python-docx"
    r"|(?:desktop|laptop)-.*|\S+@\S+|作者|用户|微软用户|微软中国|管理员",
    re.IGNORECASE,
)
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


def web_address(text: str) -> str | None:
    """`text` without white space around it, where it is an http or https address; `None` where it is none."""
    text = text.strip()
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:  # a bracket without its other, a port that is no number
        return None
    return text if is_one and not re.search(r"\s", text) else None


def plausible_title(text: str) -> str | None:
    """`text` in one line, where a person can have given it as a title; `None` where a program did, or none is there."""
    title = " ".join(text.replace("\0", "").split())
    is_one = _is_written(title, LONGEST_TITLE) and not _NO_TITLE.fullmatch(_NUMBER.sub("", title))
    return title if is_one else None


def plausible_names(texts: Iterable[str]) -> tuple[str, ...]:
    """Those of `texts`, each in one line and once, that can be the names of authors: no accounts, no addresses."""
    names = dict.fromkeys(" ".join(text.replace("\0", "").split()) for text in texts)
    return tuple(
        name for name in names if _is_written(name, _LONGEST_NAME) and not _NO_NAME.fullmatch(_NUMBER.sub("", name))
    )


def _is_written(text: str, longest: int) -> bool:
    return sum(map(str.isalpha, text)) > 1 and len(text) <= longest and "\ufffd" not in text

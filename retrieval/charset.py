"""Bytes of the web into text: by their mark, else as the server told, else as is written in them, else UTF-8."""

from __future__ import annotations

import codecs

__all__ = ["MARKS", "decoded"]

# The longer mark first: UTF-32 little-endian starts with the mark of UTF-16.
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_READ_AS = {"gb2312": "gb18030", "gbk": "gb18030", "iso-8859-1": "cp1252"}  # as browsers do
# Python's codecs that are none of the web's: slow, or not of characters.
_NO_ENCODING = {"idna", "punycode", "raw_unicode_escape", "undefined", "unicode_escape", "utf_7"}


def decoded(raw: bytes, told: str | None, written: str | None) -> str:
    """The text, without NUL; a broken byte is forgiven, and an encoding that is none taken for UTF-8.

    `told` is the encoding that came beside the bytes, `written` the one that stands in them, in ASCII.
    """
    for mark, encoding in MARKS:
        if raw.startswith(mark):
            return raw[len(mark) :].decode(encoding, "replace").replace("\0", "")
    name = (told or written or "utf-8").lower()
    try:
        known = codecs.lookup(name).name.replace("-", "_")
        is_misnamed = not told and known.startswith(("utf_16", "utf_32"))  # in ASCII it could not be read there
        name = "utf-8" if is_misnamed or known in _NO_ENCODING else _READ_AS.get(name, name)
        text = raw.decode(name, "replace")
    except (LookupError, ValueError):  # LookupError also where it turns bytes into bytes
        text = raw.decode("utf-8", "replace")
    return text.replace("\0", "")

"""Bytes into text, as they are: strict, no replacement character put in, line ends kept, a byte order mark dropped."""

from __future__ import annotations

import re

from retrieval.charset import MARKS
from retrieval.errors import RefusedSource
from retrieval.read.detect import detected, foreign_share

__all__ = ["decode", "refuse_binary"]

_FORMATS = (
    (b"%PDF-", "a PDF"),
    (b"\x89PNG\r\n\x1a\n", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"PK\x03\x04", "a ZIP archive (or a .docx, .xlsx, .epub)"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\xfd7zXZ\x00", "an xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Office file (.doc, .xls)"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"{\\rtf", "an RTF file"),
    (b"ID3", "an MP3 recording"),
    (b"OggS", "an Ogg recording"),
)
_HTML = re.compile(rb"\s*(?:<!--.*?-->\s*)?<(?:!doctype\s+html|html[\s>])", re.IGNORECASE | re.DOTALL)

_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_CONTROL_SHARE = 0.005
_LOWEST_MARKED_SHARE = 0.1  # of bytes that ASCII and UTF-8 lack, in what a mark says to be UTF-16 or UTF-32
_STRANGE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd\ufffe\uffff\ue000-\uf8ff]")

_WHAT_TO_DO = "save it as UTF-8 text"


def decode(raw: bytes, source: str) -> str:
    """The text that `raw` holds; `RefusedSource` where it is no text, or its encoding cannot be told."""
    refuse_binary(raw, source)
    for mark, encoding in MARKS:
        if raw.startswith(mark):
            rest = raw[len(mark) :]
            if encoding != "utf-8" and rest and foreign_share(rest) < _LOWEST_MARKED_SHARE:
                found = f"its mark {mark.hex(' ')} before other text"
                raise RefusedSource(source, f"expected {encoding.upper()}, found {found}; {_WHAT_TO_DO}")
            return _checked(_strictly(rest, encoding, source), source)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return _in_detected_encoding(raw, source, error)
    if "\0" in text:
        return _in_detected_encoding(raw, source, None)
    return _checked(text, source)


def refuse_binary(raw: bytes, source: str) -> None:
    """Nothing where `raw` does not start as a known format other than plain text; else `RefusedSource`."""
    for magic, name in _FORMATS:
        if raw.startswith(magic):
            raise RefusedSource(source, f"expected text, found {name}; give the text it holds, in UTF-8")
    if _HTML.match(raw[:2048]):
        raise RefusedSource(source, "expected plain text, found an HTML page; give its text without the tags, in UTF-8")


def _strictly(raw: bytes, encoding: str, source: str) -> str:
    try:
        return raw.decode(encoding)
    except UnicodeDecodeError as error:
        reason = f"expected {encoding.upper()}, found bytes that are not at byte {error.start}; {_WHAT_TO_DO}"
        raise RefusedSource(source, reason) from error


def _checked(text: str, source: str) -> str:
    """`text`, unless its control characters give away that it is no text."""
    controls = len(_CONTROL.findall(text))
    if "\0" in text or controls > max(2, _CONTROL_SHARE * len(text)):
        raise RefusedSource(source, f"expected text, found binary data; give the text it holds, or {_WHAT_TO_DO}")
    return text


def _in_detected_encoding(raw: bytes, source: str, error: UnicodeDecodeError | None) -> str:
    encoding = detected(raw)
    if encoding is not None:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            encoding = None
        else:
            if not _STRANGE.search(text):
                return text
    if error is None or raw.count(b"\0"):
        raise RefusedSource(source, f"expected text, found binary data; give the text it holds, or {_WHAT_TO_DO}")
    found = f"a byte that is not at {error.start}, in no encoding that can be told"
    raise RefusedSource(source, f"expected UTF-8, found {found}; {_WHAT_TO_DO}")

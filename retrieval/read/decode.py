"""Bytes into text, as they are: strict, no replacement character put in, line ends kept, a byte order mark dropped."""

from __future__ import annotations

import codecs
import re

from retrieval.errors import RefusedSource

__all__ = ["decode", "refuse_binary"]

_SAMPLE_BYTES = 65_536

# The longer mark first: UTF-32 little-endian starts with the mark of UTF-16.
_BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

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

# Isolated, so that a rare encoding cannot win by chance. Others are refused, not guessed.
_DETECTED = ["utf_16_le", "utf_16_be", "gb18030", "big5", "cp1256", "cp1251", "cp1252", "shift_jis", "euc_kr"]
_HIGHEST_MESS = 0.1
_FEWEST_BYTES = 8
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_CONTROL = re.compile("[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_CONTROL_SHARE = 0.005
_STRANGE = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ufffd\ufffe\uffff\ue000-\uf8ff]")

_WHAT_TO_DO = "save it as UTF-8 text"


def decode(raw: bytes, source: str) -> str:
    """The text that `raw` holds; `RefusedSource` where it is no text, or its encoding cannot be told."""
    refuse_binary(raw, source)
    for mark, encoding in _BYTE_ORDER_MARKS:
        if raw.startswith(mark):
            return _checked(_strictly(raw[len(mark) :], encoding, source), source)
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
    encoding = _detected(raw)
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


def _detected(raw: bytes) -> str | None:
    """The old encoding that `raw` is convincingly in, by its first 64 KiB, if any."""
    if len(raw) < _FEWEST_BYTES:
        return None
    sample = raw
    if len(raw) > _SAMPLE_BYTES:  # cut between lines, where no character of several bytes is cut in two
        sample = raw[: _SAMPLE_BYTES // 2 * 2]
        sample = sample[: sample.rfind(b"\n") & ~1] if b"\n" in sample and b"\0" not in sample else sample
    if b"\0" not in sample and _is_western(sample):
        return "cp1252"

    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=_DETECTED).best()
    if best is None or best.chaos > _HIGHEST_MESS or (best.encoding == "cp1252" and best.coherence == 0):
        return None
    return best.encoding


def _is_western(sample: bytes) -> bool:
    """Whether bytes past ASCII are few and stand alone, as accents and curly quotes do in Windows-1252.

    Detectors take an English page with three curly quotes for Big5 or Cyrillic; there, such bytes stand together.
    """
    runs = _HIGH_RUN.findall(sample)
    alone = sum(len(run) == 1 for run in runs)
    return bool(runs) and len(runs) < 0.2 * len(sample) and alone >= 0.8 * len(runs)

"""Citations to copy, and links that open a source at the quote by text fragments (WICG, Scroll to Text Fragment).

A browser looks for the words of a fragment between word boundaries, without regard to case: the first place counts. One
text alone must stand inside one block of the page; a first and a last part may lie in different ones.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from functools import lru_cache
from urllib.parse import quote

from bot.telegram.strings import Language, Strings, strings
from bot.terminal import printable_line
from retrieval.datamodel import Document, Excerpt, Span

__all__ = [
    "MAX_LENGTH",
    "bibtex",
    "citation_text",
    "harmless",
    "linkable",
    "shortened",
    "text_fragment",
    "title",
    "units",
]

MAX_LENGTH = 2000  # some clients and servers cut what is longer
_SHORT = 10  # words: a quote of no more is given whole
_ENOUGH = (4, 6, 8, 10, 14)  # words of either end, the fewest that tell the place
_PREFIX = 3  # words before the quote, where its own do not tell
_TAIL = 300  # characters before the quote in which these are sought

_URL = re.compile(r"(https?)://([^/?#\\]*)((?:[/?][^#]*)?)(?:#(.*))?", re.IGNORECASE | re.DOTALL)
# Telegram drops a link to a host without a dot, so `localhost` too; a name before `@` would only mislead.
_HOST = re.compile(r"((?:[\w-]{1,63}\.)+[\w-]{1,63})(?::([0-9]{1,5}))?")
_DIRECTIVE = ":~:"
_SAFE = "/:?@!$&'()*+,;=-._~%[]"  # `%`: what is encoded already stays so
# Scripts that put no space between words: two letters count as a word, and only punctuation is surely a boundary.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_LETTER = re.compile(rf"[{_UNSPACED}]")
_WORD = re.compile(rf"[^\W{_UNSPACED}]+")
_BOUNDARY = re.compile(rf"\s|(?<=[，。！？；：、”」』）》])(?=[{_UNSPACED}])")
_HALF = re.compile(r"[\ud800-\udfff]")
_COPY, _NAME, _FEW = 256, 80, 5  # characters that a button copies; of a name; names in a row
_TEX = {"\\": r"\textbackslash{}", "{": "(", "}": ")", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
_LINE_BREAK = re.compile(r"[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")


def linkable(url: str | None) -> str | None:
    """The address as Telegram keeps it as a link, in ASCII but for its host; None where it would drop it."""
    match = _URL.fullmatch((url or "").strip())
    if match is None:
        return None
    scheme, authority, path, fragment = match.groups()
    host = _HOST.fullmatch(authority)
    if host is None or len(host[1]) > 253 or not 1 <= int(host[2] or 80) <= 65535:
        return None
    try:
        address = f"{scheme.lower()}://{authority}{quote(path, safe=_SAFE)}"
        address += f"#{quote(fragment, safe=_SAFE)}" if fragment else ""
    except UnicodeEncodeError:  # half a surrogate pair
        return None
    return address if len(address) <= MAX_LENGTH else None


@lru_cache(maxsize=256)
def text_fragment(url: str, text: str, span: Span) -> str:
    """The address, as `linkable` gives it, with the directive that leads a browser to `text[span]`.

    It stays as it is where the quote holds no word, or the whole would be longer than `MAX_LENGTH`.
    """
    directive = _directive(text, span)
    address, _, _ = url.partition(_DIRECTIVE)
    if directive is None:
        return url
    joint = "" if "#" in address else "#"
    whole = f"{address}{joint}{_DIRECTIVE}text={directive}"
    return whole if len(whole) <= MAX_LENGTH else url


def harmless(text: str) -> str:
    """A document's words as part of one line of ours: no line breaks, no control characters, nothing unsendable."""
    return _HALF.sub("\ufffd", printable_line(text))


def title(document: Document, words: Strings) -> str:
    """What the document is called: its headline, else the name of its file or its site, no folder of the server."""
    source = document.snapshot.source
    address = _URL.fullmatch(source)
    name = address[2] if address else re.split(r"[/\\]", source.rstrip("/\\"))[-1]
    shown = (harmless(text) for text in (document.title or "", name))
    return next((text for text in shown if _is_visible(text)), words.untitled)


def shortened(text: str, limit: int) -> str:
    """The beginning of the text, to a word's end where one is near, and `…`: at most `limit` UTF-16 units in all."""
    if units(text) <= limit:
        return text
    end = min(limit - 1, len(text))
    while units(text[:end]) > limit - 1:
        end -= 1
    while end > 1 and (unicodedata.category(text[end])[0] == "M" or "\u200d" in text[end - 1 : end + 1]):
        end -= 1
    words = text[: end + 1].rpartition(" ")[0]
    return text[: len(words) if len(words) > 2 * end // 3 else end].rstrip() + "…"


def units(text: str) -> int:
    """The length in UTF-16 code units, as Telegram counts."""
    return len(text.encode("utf-16-le", errors="surrogatepass")) // 2


def citation_text(excerpt: Excerpt, language: Language) -> str:
    """The citation as plain text to copy, at most 256 characters: the title gives way first, then the address."""
    words = strings(language)
    document = excerpt.document
    names = [*document.authors[:_FEW], document.publisher or ""]
    details = [shortened(harmless(name), _NAME) for name in names if name]
    details += [_date(document.published, words)] if document.published else []
    details += [words.page.format(page=excerpt.page)] if excerpt.page else []
    link = linkable(document.url)
    for address in [f" {link}", ""] if link else [""]:
        rest = (f". {', '.join(details)}." if details else ".") + address
        room = _COPY - units(rest) - len("“”")
        if room >= min(units(title(document, words)), 24):
            return f"“{shortened(title(document, words), room)}”{rest}"
    return shortened(f"“{title(document, words)}”. {', '.join(details)}.", _COPY)


def bibtex(excerpt: Excerpt) -> str:
    """The citation as a BibTeX entry: what the source says of itself, nothing more."""
    document = excerpt.document
    published = re.match(r"(\d{4})(?:-(\d\d))?", document.published or "")
    key = "".join(re.findall(r"[a-z0-9]+", f"{document.publisher or ''} {document.title or ''}".lower())[:3])
    digest = hashlib.sha256(f"{document.id}".encode(errors="replace")).hexdigest()[:6]
    fields = {
        "title": _tex(title(document, strings("en"))),
        "author": " and ".join(f"{{{_tex(harmless(name))}}}" for name in document.authors),
        "howpublished": _tex(harmless(document.publisher or "")),
        "year": published[1] if published else "",
        "month": str(int(published[2])) if published and published[2] else "",
        "url": linkable(document.url) or "",
        "note": f"p. {excerpt.page}" if excerpt.page else "",
    }
    rows = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return "@misc{" + ",\n".join([f"{key[:40]}{published[1] if published else ''}-{digest}", *rows]) + "\n}"


def _directive(text: str, span: Span) -> str | None:
    """`[prefix-,]start[,end]`, percent-encoded.

    A line break may be where a block ends, so neither part goes over one; a quote that has any gets two parts.
    """
    lines = [line for line in map(_single_spaced, _LINE_BREAK.split(span.of(text))) if _words(line)]
    if not lines:
        return None
    before = _single_spaced(text[: span.start]).casefold()
    first, last = lines[0], lines[-1]
    start, end = _start(first, before), _end(last, " ".join(lines))
    if len(lines) == 1 and (_words(first) <= _SHORT or len(start) + len(end) >= len(first)):
        start, end = first, ""
    parts = [_encoded(start), *([_encoded(end)] if end else [])]
    if _stands_in(start, before):
        prefix = _prefix(text, span.start)
        parts = [f"{_encoded(prefix)}-", *parts] if prefix else parts
    return ",".join(parts)


def _start(line: str, before: str) -> str:
    """The fewest first words of the line that do not stand before it as well; the most that are tried, if all do."""
    start = line
    for enough in _ENOUGH:
        start = next((part for part in _starts(line) if _words(part) >= enough), line)
        if not _stands_in(start, before):
            break
    return start


def _starts(line: str) -> list[str]:
    return [line[: boundary.start()] for boundary in _BOUNDARY.finditer(line)]


def _end(line: str, whole: str) -> str:
    """The fewest last words of the line that stand nowhere else in the quote; the most that are tried, if all do."""
    end = line
    for enough in _ENOUGH:
        ends = (line[boundary.end() :] for boundary in reversed(list(_BOUNDARY.finditer(line))))
        end = next((part for part in ends if _words(part) >= enough), line)
        if whole.casefold().count(end.casefold()) == 1:
            break
    return end


def _prefix(text: str, position: int) -> str:
    """The last words before `position`, on its line or the one before."""
    lines = [_single_spaced(line) for line in _LINE_BREAK.split(text[max(0, position - _TAIL) : position])]
    line = next((line for line in reversed(lines) if _words(line)), "")
    ends = (line[boundary.end() :] for boundary in reversed(list(_BOUNDARY.finditer(line))))
    return next((part for part in ends if _words(part) >= _PREFIX), line if len(line) < _TAIL / 3 else "")


def _stands_in(part: str, before: str) -> bool:
    return part.casefold() in before


def _single_spaced(text: str) -> str:
    return " ".join(text.split())


def _words(text: str) -> float:
    return len(_WORD.findall(text)) + len(_LETTER.findall(text)) / 2


def _encoded(text: str) -> str:
    """Percent-encoded, with the dash, which would make a part a prefix or a suffix."""
    return quote(text, safe="", errors="replace").replace("-", "%2D")


def _is_visible(text: str) -> bool:
    return any(unicodedata.category(character)[0] not in "ZCM" for character in text)


def _date(written: str, words: Strings) -> str:
    return shortened(harmless(words.date(written)), _NAME)


def _tex(text: str) -> str:
    """As BibTeX reads it; braces become round, for it counts them even behind a backslash."""
    return "".join(_TEX.get(character, f"\\{character}" if character in "%#&_$" else character) for character in text)

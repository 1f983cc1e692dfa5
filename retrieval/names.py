"""Known names, roles and terms: one key for every spelling in English, Urdu and Chinese.

The table `names.toml` is reviewed by hand. Its forms are compared as `analyze.words` sees them, so that case, accents
and the variants of Arabic letters make no difference; Han forms, which have no words, on the text itself. The same stem
is not enough: "important" is not "import", so what differs must be an ending of the same word.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from os.path import commonprefix
from typing import Literal, TypeAlias, get_args

from retrieval.analyze import Word, words
from retrieval.datamodel import Span

__all__ = ["Kind", "Known", "known"]

Kind: TypeAlias = Literal["name", "role", "word"]


@dataclass(frozen=True, slots=True)
class Known:
    """A place in a text where a known concept is named. `concept` is equal across languages and spellings."""

    concept: str
    kind: Kind
    span: Span


@dataclass(frozen=True, slots=True)
class _Form:
    """One way to write a concept: the terms it has, and as they are written; exact forms match only as written."""

    concept: str
    kind: Kind
    written: str
    terms: tuple[str, ...]
    surfaces: tuple[str, ...]
    is_exact: bool


@dataclass(frozen=True, slots=True)
class _Table:
    """The forms by their first term, and the Han forms by their first two characters, the longest first."""

    by_term: dict[str, list[_Form]]
    by_start: dict[str, list[_Form]]


_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_HAN_PAIR = re.compile("(?=([\u3400-\u4dbf\u4e00-\u9fff]{2}|\\d{1,2}月))")
_GAP = re.compile("[ \\t\\n\\u00a0\\u200c]{0,2}[-‐‑–'’(]?[ \\t\\n]?")
_ARABIC_VARIANTS = str.maketrans("يىكأۀ", "ییکاہ", "\u200c\u064b\u064e\u064f\u0650\u0651\u0652\u0670")
# What may differ where two words have one stem; "ant" (important) and "cy" (presidency) make another word.
_ENDINGS = frozenset(["", "s", "es", "d", "ed", "e", "ing", "y", "ies", "'s", "s'", "’s", "s’", "ʼs", "＇s"])
_HAN_FIGURES = "一二三四五六七八九十"


def known(text: str) -> list[Known]:
    """The known concepts that `text` names, in order, without overlap, the longest form where several fit."""
    table = _table()
    found = [*_in_words(text, table), *_in_han(text, table)]
    return sorted(found, key=lambda match: match.span)


@cache
def _table() -> _Table:
    by_term: dict[str, list[_Form]] = {}
    by_start: dict[str, list[_Form]] = {}
    for form in _forms():
        if _HAN.search(form.written):
            by_start.setdefault(form.written[:2], []).append(form)
        else:
            by_term.setdefault(form.terms[0], []).append(form)
    for forms in by_term.values():
        forms.sort(key=lambda form: (-len(form.terms), not form.is_exact))
    for forms in by_start.values():
        forms.sort(key=lambda form: -len(form.written))
    return _Table(by_term, by_start)


def _forms() -> Iterator[_Form]:
    """The forms of `names.toml`, in its order."""
    sections = tomllib.loads(files("retrieval").joinpath("names.toml").read_text(encoding="utf-8"))
    for kind in get_args(Kind):
        for entries in sections[kind].values():
            for concept, forms in entries.items():
                for written in forms:
                    yield _form(concept, kind, written)


def _form(concept: str, kind: Kind, written: str) -> _Form:
    plain = written.removeprefix("=")
    if _HAN.search(plain):
        return _Form(concept, kind, plain, (), (), is_exact=True)
    parts = words(plain)
    return _Form(
        concept,
        kind,
        plain,
        tuple(part.term for part in parts),
        tuple(_surface(part.span.of(plain)) for part in parts),
        is_exact=plain != written,
    )


def _surface(written: str) -> str:
    return written.casefold().translate(_ARABIC_VARIANTS)


def _in_words(text: str, table: _Table) -> Iterator[Known]:
    """The matches of forms in scripts that have words."""
    parts = words(text)
    position = 0
    while position < len(parts):
        form = next(
            (form for form in table.by_term.get(parts[position].term, ()) if _stands(form, text, parts, position)),
            None,
        )
        if form is None:
            position += 1
            continue
        last = position + len(form.terms) - 1
        yield Known(form.concept, form.kind, Span(parts[position].span.start, parts[last].span.end))
        position = last + 1


def _stands(form: _Form, text: str, parts: list[Word], position: int) -> bool:
    """Whether the words from `position` on are those of `form`."""
    here = parts[position : position + len(form.terms)]
    if len(here) < len(form.terms) or any(part.term != term for part, term in zip(here, form.terms, strict=True)):
        return False
    if any(
        not _GAP.fullmatch(text, left.span.end, right.span.start) for left, right in zip(here, here[1:], strict=False)
    ):
        return False
    if form.is_exact:
        written = text[here[0].span.start : here[-1].span.end]
        if form.written == "PM" and text[: here[0].span.start].rstrip()[-1:].isdigit():
            return False
        return written.translate(_ARABIC_VARIANTS).removesuffix("'s").removesuffix("’s") == form.written
    return all(_is_same_word(part.span.of(text), surface) for part, surface in zip(here, form.surfaces, strict=True))


def _is_same_word(written: str, surface: str) -> bool:
    """Whether a word with the stem of `surface` differs from it in its ending only."""
    here = _surface(written)
    if here == surface or not (here.isascii() and surface.isascii()):
        return True
    shared = len(commonprefix((here, surface)))
    return here[shared:] in _ENDINGS and surface[shared:] in _ENDINGS


def _in_han(text: str, table: _Table) -> Iterator[Known]:
    """The matches of Han forms."""
    end = 0
    for match in _HAN_PAIR.finditer(text):
        start = match.start()
        if start < end:
            continue
        for form in table.by_start.get(text[start : start + 2], ()):
            if text.startswith(form.written, start) and not _is_cut(form.written, text, start):
                end = start + len(form.written)
                yield Known(form.concept, form.kind, Span(start, end))
                break


def _is_cut(written: str, text: str, start: int) -> bool:
    """Whether a month is only the end of a longer number: 十二月 does not hold 二月, nor 12月 2月."""
    before = text[start - 1 : start]
    return written.endswith("月") and bool(before) and (before.isdigit() or before in _HAN_FIGURES)

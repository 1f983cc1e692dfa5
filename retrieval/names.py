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
from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias, get_args

from retrieval.analyze import Placed, placed, terms, words
from retrieval.datamodel import Span

__all__ = ["Kind", "Known", "known"]

Kind: TypeAlias = Literal["name", "role", "word"]


@dataclass(frozen=True, slots=True)
class Known:
    """A place in a text where a known concept is named. `concept` is equal across languages and spellings."""

    concept: str
    kind: Kind
    span: Span


class _Form(NamedTuple):
    """One way to write a concept, and the terms that has; an exact form matches only as it is written."""

    concept: str
    kind: Kind
    written: str
    terms: tuple[str, ...]
    is_exact: bool


@dataclass(frozen=True, slots=True)
class _Table:
    """The forms by their first term, and the Han forms by their first two characters, the longest first."""

    by_term: dict[str, list[_Form]]
    by_start: dict[str, list[_Form]]


_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")
_HAN_RUN = re.compile("[㐀-䶿一-鿿]+")
_HAN_PAIR = re.compile("(?=([\u3400-\u4dbf\u4e00-\u9fff]{2}|\\d{1,2}月))")
_GAP = re.compile("[ \\t\\n\\u00a0\\u200c]{0,2}[-‐‑–'’(]?[ \\t\\n]?")
_VARIANTS = str.maketrans("’ʼ＇يىكأۀ", "'''ییکاہ", "\u200c\u064b\u064e\u064f\u0650\u0651\u0652\u0670")
# What may differ where two words have one stem; "ant" (important) and "cy" (presidency) make another word.
_NOUN_ENDINGS = frozenset(["", "s", "es", "y", "ies", "'s", "s'", "y's", "'"])
_ENDINGS = _NOUN_ENDINGS | {"d", "ed"}  # without "ing": marketing is not the market, nor banking the bank
# Where the characters of a form belong to other words: 16日本次 is not Japan, 其中国有 not China, 李强调 "Li stresses".
_HAN_TRAP = re.compile(r"(?<=[\d一二三四五六七八九十])日本|(?<=其)中[国共东]|李强调|(?<=古)巴西|北约\s?\d")


def known(text: str, parts: list[Placed] | None = None) -> list[Known]:
    """The known concepts that `text` names, in order, without overlap, the longest form where several fit.

    `parts` are its terms, where somebody has them already.
    """
    table, has_han = _table(), _HAN.search(text) is not None
    if parts is None or has_han:
        parts = placed(_HAN_RUN.sub(lambda run: "。" * len(run[0]), text))  # whose bigrams would be made for nothing
    found = list(_in_words(text, parts, table))
    if has_han:
        found += _in_han(text, table)
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
                for written in forms.split(" | "):
                    yield _form(concept, kind, written)


def _form(concept: str, kind: Kind, written: str) -> _Form:
    plain = written.removeprefix("=")
    return _Form(concept, kind, plain, () if _HAN.search(plain) else tuple(terms(plain)), plain != written)


@cache
def _surfaces(written: str) -> tuple[str, ...]:
    """The words of a form, as they are written; only for forms that nearly match, because that is slow."""
    return tuple(_surface(word.span.of(written)) for word in words(written))


def _surface(written: str) -> str:
    return written.casefold().replace(".", "").translate(_VARIANTS)


def _in_words(text: str, parts: list[Placed], table: _Table) -> Iterator[Known]:
    """The matches of forms in scripts that have words."""
    position = end = 0
    while position < len(parts):
        term, start, _, _ = parts[position]
        if start < end:  # of "x½y" each part stands for the whole
            position += 1
            continue
        forms = table.by_term.get(term)
        form = next((form for form in forms if _stands(form, text, parts, position)), None) if forms else None
        if form is None:
            position += 1
            continue
        last = position + len(form.terms) - 1
        end = parts[last].end
        yield Known(form.concept, form.kind, Span(start, end))
        position = last + 1


def _stands(form: _Form, text: str, parts: list[Placed], position: int) -> bool:
    """Whether the words from `position` on are those of `form`."""
    here = parts[position : position + len(form.terms)]
    if len(here) < len(form.terms) or any(part.term != term for part, term in zip(here, form.terms, strict=True)):
        return False
    if any(not _GAP.fullmatch(text, left.end, right.start) for left, right in pairwise(here)):
        return False
    if form.is_exact:
        written = text[here[0].start : here[-1].end]
        if form.written == "PM" and text[: here[0].start].rstrip()[-1:].isdigit():
            return False
        return written.translate(_VARIANTS).removesuffix("'s") == form.written
    endings = _NOUN_ENDINGS if form.kind != "word" else _ENDINGS
    return all(
        _is_same_word(text[part.start : part.end], surface, endings)
        for part, surface in zip(here, _surfaces(form.written), strict=True)
    )


def _is_same_word(written: str, surface: str, endings: frozenset[str]) -> bool:
    """Whether a word with the stem of `surface` differs from it in its ending only."""
    here = _surface(written)
    if here == surface or not (here.isascii() and surface.isascii()):
        return True
    shared = next((at for at, (left, right) in enumerate(zip(here, surface, strict=False)) if left != right), None)
    shared = min(len(here), len(surface)) if shared is None else shared
    return here[shared:] in endings and surface[shared:] in endings


def _in_han(text: str, table: _Table) -> Iterator[Known]:
    """The matches of Han forms."""
    end = 0
    for match in _HAN_PAIR.finditer(text):
        start = match.start()
        if start < end or _HAN_TRAP.match(text, start):
            continue
        for form in table.by_start.get(text[start : start + 2], ()):
            if text.startswith(form.written, start):
                end = start + len(form.written)
                yield Known(form.concept, form.kind, Span(start, end))
                break

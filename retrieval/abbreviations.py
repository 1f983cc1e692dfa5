"""Abbreviations that a text defines itself: "special economic zone (SEZ)", "SEZ (special economic zone)".

The algorithm of Schwartz and Hearst, "A simple algorithm for identifying abbreviation definitions in biomedical text"
(Pacific Symposium on Biocomputing, 2003): every letter of the short form must stand in the long form, in order, the
first at the start of a word, and no word may stand in both. It needs letters that come back, so it says nothing of Han
or of Urdu spelt by sound (سی پیک): those are in `names.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from retrieval import analyze
from retrieval.datamodel import Span
from retrieval.sentences import split

__all__ = ["LONGEST_FORM", "defined", "forms", "key"]

LONGEST_FORM = 8  # words
_BRACKETS = re.compile(r"[(（]\s*([^()（）\n]{2,90}?)\s*[)）]")
_SHORT = re.compile(r"(?=.*[A-Z])[A-Za-z0-9][A-Za-z0-9&/.-]{1,9}")
_CAPITALS = re.compile(r".*[A-Z].*[A-Z]")
_WORD = re.compile(r"[A-Za-z0-9]+")
_ROMAN = re.compile(r"[ivx]+")
_SMALL_WORDS = frozenset("a an and at by e for in of on the to".split())
_WORDS_BEFORE = re.compile(r"[A-Za-z0-9][\w&'’./-]*")


def defined(text: str) -> set[tuple[str, str]]:
    """The pairs of short and long form that `text` defines, both as `key` writes them."""
    found = set()
    for short, long in _definitions(text):
        pair = key(short), key(long)
        if all(pair) and pair[0] != pair[1] and len(pair[1].split()) > 1 and not _shared(*pair):
            found.add(pair)
    return found


def _shared(short: str, long: str) -> set[str]:
    """The words of both keys; a number may stand in both ("main line 1 (ML-1)"), and so may a letter."""
    both = set(short.split()) & set(long.split())
    return {term for term in both if len(term) > 1 and not term.isdigit() and not _ROMAN.fullmatch(term)}


def key(form: str) -> str:
    """A form as forms are compared: its lexical terms, so that "SEZs" is "SEZ"."""
    return " ".join(analyze.terms(form))


def forms(text: str) -> dict[str, list[Span]]:
    """Each run of at most `LONGEST_FORM` words of `text`, by its key, with where it stands: what may be a form."""
    found: dict[str, list[Span]] = {}
    words = analyze.words(text)
    apart = [place for place, (left, right) in enumerate(pairwise(words), 1) if _ends(text, left.span, right.span)]
    for first in range(len(words)):
        limit = next((place for place in apart if place > first), len(words))
        for last in range(first, min(first + LONGEST_FORM, limit)):
            run = " ".join(word.term for word in words[first : last + 1])
            found.setdefault(run, []).append(Span(words[first].span.start, words[last].span.end))
    return found


def _ends(text: str, left: Span, right: Span) -> bool:
    return any(character in ".?!;,:" for character in text[left.end : right.start])


def _definitions(text: str) -> Iterator[tuple[str, str]]:
    for match in _BRACKETS.finditer(text):
        inside = re.split(r"[;,]\s", match[1])[0]
        if _SHORT.fullmatch(inside) and (_CAPITALS.match(inside) or len(inside) < 7):
            long = _long_form(inside, _before(text, match.start(), inside))
            if long is not None:
                yield inside, long
        else:
            words = list(_WORDS_BEFORE.finditer(text, max(0, match.start() - 14), match.start()))
            is_short = bool(words) and _CAPITALS.match(words[-1][0]) and _SHORT.fullmatch(words[-1][0])
            if is_short and not text[words[-1].end() : match.start()].strip():
                long = _long_form(words[-1][0], inside)
                if long is not None and len(long) == len(inside):
                    yield words[-1][0], long


def _before(text: str, end: int, short: str) -> str:
    """The words before the bracket that may be the long form of A: min(|A| + 5, 2 |A|) of them, all of one sentence."""
    most = min(len(short) + 5, 2 * len(short))
    start = max(text.rfind("\n", 0, end) + 1, end - 120)
    start += split(text[start : end + 1])[-1].start
    words = list(_WORDS_BEFORE.finditer(text, start, end))[-most:]
    return text[words[0].start() : end].rstrip() if words else ""


def _long_form(short: str, candidate: str) -> str | None:
    """The end of `candidate` whose words begin with the letters of `short`, else the shortest that holds them."""
    words = list(_WORD.finditer(candidate))
    for first in range(len(words) - 1, -1, -1):
        initials = "".join(word[0][0] for word in words[first:] if word[0] not in _SMALL_WORDS)
        if initials.casefold() == short.casefold().removesuffix("s") or initials.casefold() == short.casefold():
            return candidate[words[first].start() :]
    place = len(candidate)
    for at in range(len(short) - 1, -1, -1):
        letter = short[at].casefold()
        if not letter.isalnum() or (at == len(short) - 1 and short[at] == "s" and short[:-1].isupper()):
            continue  # a plural's s
        place -= 1
        while place >= 0 and (
            candidate[place].casefold() != letter or (at == 0 and place > 0 and candidate[place - 1].isalnum())
        ):
            place -= 1
        if place < 0:
            return None
    start = max(candidate.rfind(" ", 0, place), candidate.rfind("\n", 0, place)) + 1
    long = candidate[start:]
    return long if len(long) > len(short) and len(long.split()) <= LONGEST_FORM else None

"""Lines that hold right-to-left words: letters by where they stand, then put in the order in which they are read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from retrieval.read.pdf.letters import BREAK, RIGHT_TO_LEFT, WIDEST_SPACE, Fragment, Letters, is_on_page

__all__ = ["bracketed", "fragments_both_ways"]

_APART = 0.2  # em between words
# PDFium spells these letters out; where that stands in the place of one letter, the letter was written.
_WHOLE_PHRASES = {unicodedata.normalize("NFKC", letter): letter for letter in "\ufdfa\ufdfb\ufdfd"}


@dataclass(slots=True)
class _Cluster:
    """The letters of one place, with the signs above and below them."""

    text: str
    left: float
    right: float

    @property
    def middle(self) -> float:
        return (self.left + self.right) / 2


def fragments_both_ways(letters: Letters, start: int, end: int) -> Iterator[Fragment]:
    """The fragments of a line, the letters from `start` to `end`, that holds right-to-left words."""
    clusters: list[_Cluster] = []
    signs: list[_Cluster] = []
    bases: list[float] = []
    ems: list[float] = []
    for index in range(start, end):
        letter = letters.text[index].replace(BREAK, "-")
        if letter < " " or (letter.isspace() and letters.is_generated(index)):
            continue
        left, right, bottom, top = letters.box(index)
        base, em = letters.base(index), letters.em(index, round(top - bottom, 2))
        if not is_on_page(left, right, base, em):
            continue
        if unicodedata.category(letter) in {"Mn", "Cf"}:
            signs.append(_Cluster(letter, left, right))
            continue
        bases.append(base)
        ems.append(em)
        # Letters of one glyph (a ligature) stand at one place, in the order that PDFium has told.
        if clusters and (clusters[-1].left, clusters[-1].right) == (left, right):
            clusters[-1].text += letter
        else:
            clusters.append(_Cluster(letter, left, right))
    if not clusters:
        return
    for cluster in clusters:
        cluster.text = _WHOLE_PHRASES.get(cluster.text, cluster.text)
    clusters.sort(key=lambda cluster: cluster.middle)
    for sign in signs:
        _put_on(sign, clusters)
    em = median(ems)
    runs = [[clusters[0]]]
    for before, cluster in pairwise(clusters):
        if cluster.left - before.right > WIDEST_SPACE * em:
            runs.append([])
        runs[-1].append(cluster)
    for run in runs:
        written = _in_reading_order(run, em)
        if written:
            yield Fragment(written, run[0].left, run[-1].right, median(bases), em)


def _put_on(sign: _Cluster, clusters: Sequence[_Cluster]) -> None:
    """Adds a sign to the letter it belongs to: a joiner to the one at whose end it stands, a vowel to the nearest."""
    is_joiner = unicodedata.category(sign.text) == "Cf"
    nearest = min(clusters, key=lambda one: abs((one.left if is_joiner else one.middle) - sign.middle))
    nearest.text += sign.text


def _in_reading_order(clusters: Sequence[_Cluster], em: float) -> str:
    """The text of letters that stand from left to right, as it is read."""
    parts = [clusters[0].text]
    for before, cluster in pairwise(clusters):
        if cluster.left - before.right > _APART * em:
            parts.append(" ")
        parts.append(cluster.text)
    kinds = "".join(map(_kind, parts))
    if kinds.count("R") >= kinds.count("L"):
        parts.reverse()
        _turn(parts, kinds[::-1], r"[LN](?:[LNSW]*[LN])?")
    else:
        _turn(parts, kinds, r"R(?:[RNSW]*R)?")
    return " ".join("".join(parts).split())


def _kind(part: str) -> str:
    """R, L, N (a digit), S (what may stand inside a number), or W (neutral)."""
    letter = part[0]
    if letter.isdigit():
        return "N"
    if letter.isalpha():
        return "R" if RIGHT_TO_LEFT.match(letter) else "L"
    return "S" if letter in ".,:/٫٬'-–" else "W"


def _turn(parts: list[str], kinds: str, pattern: str) -> None:
    """Turns the runs of the other direction; numbers, which run left to right in both, by themselves."""
    for run in re.finditer(pattern, kinds):
        start, end = run.span()
        inside = run[0]
        if "L" in inside or "R" in inside:
            parts[start:end] = parts[start:end][::-1]
            inside = inside[::-1]
        if "L" in inside:
            continue
        for number in re.finditer(r"N(?:[NS]*N)?", inside):
            span = slice(start + number.start(), start + number.end())
            parts[span] = parts[span][::-1]


def bracketed(text: str) -> str:
    """Brackets as they open and close: among right-to-left letters a PDF may have the one for the other."""
    if not RIGHT_TO_LEFT.search(text):
        return text
    letters = list(text)
    for opening, closing in ("()", "[]", "«»"):
        places = [place for place, letter in enumerate(text) if letter in (opening, closing)]
        depth, is_paired = 0, True
        for place in places:
            depth += 1 if text[place] == opening else -1
            is_paired = is_paired and depth >= 0
        if len(places) % 2 == 0 and not (is_paired and depth == 0):
            for position, place in enumerate(places):
                letters[place] = closing if position % 2 else opening
    return "".join(letters)

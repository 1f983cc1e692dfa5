"""A quote against a source, token by token: the nearest place, or the pieces that stand somewhere.

A token is a word, a figure with its signs, a Chinese character, a punctuation mark; half a word or half a figure is
none. What only the setting changes (quotation marks, dashes, ellipses, white space, case, the shape of a mark or a
digit in another script, invisible characters) is the same token: its `key` is the same.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from retrieval.datamodel import Document, Span

__all__ = [
    "HAN",
    "Aligned",
    "Piece",
    "Run",
    "Token",
    "align",
    "letters_of",
    "pieces_of",
    "range_of",
    "size_of",
    "tokens_of",
    "tokens_of_body",
]

FEWEST_PIECE = 4  # words of a piece of a spliced quote
MOST_LINKING = 2  # words between two pieces that stand nowhere

HAN = "\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # as in a character class
_MARKS = "".join(chr(point) for point in range(0x300, 0x1E00) if unicodedata.category(chr(point))[0] == "M")
_SILENT = "\u00ad\u061c\u0640\u200b-\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff"  # tatweel, joiners, directions
_LETTER = rf"[^\W_{HAN}\u0640]"
_APOSTROPHES = "'’ʼ＇‘´`′"
_DASHES = "-‐‑‒–—―−﹘﹣－"
_QUOTES = '"“”„‟″«»‹›「」『』〝〞＂' + _APOSTROPHES
_ELLIPSIS = r"(?:[…⋯]+|\.(?:\s?\.){2,}|。{3,})"
_TOKEN = re.compile(
    rf"(?P<cut>[\[(（【]\s*{_ELLIPSIS}\s*[\])）】]|{_ELLIPSIS})"
    # A minus belongs to its figure, a dash between two figures does not.
    rf"|(?P<word>(?:(?<![^\s(（])(?<!\d\s)[-−–](?=\d))?{_LETTER}"
    rf"(?:{_LETTER}|[{_MARKS}]|[{_SILENT}]+(?={_LETTER})|[{_APOSTROPHES}](?={_LETTER})|(?<=\d)[.,٫٬．，](?=\d))*)"
    rf"|(?P<han>[〇零一二三四五六七八九十百千万亿两萬億]{{2,}}|[{HAN}])"
    rf"|(?P<dash>[{_DASHES}]+)|(?P<quote>''|``|[{_QUOTES}])|(?P<mark>[^\s{_SILENT}])"
)
_SHAPES = [*range(0xF900, 0xFB07), *range(0xFB50, 0xFE00), *range(0xFE70, 0xFEFD), *range(0xFF01, 0xFFEF)]
_SAME = {point: unicodedata.normalize("NFKC", chr(point)) for point in _SHAPES}  # not all of NFKC: 10² is not 102
_SAME |= {zero + digit: str(digit) for zero in (0x660, 0x6F0, 0x966) for digit in range(10)}
_SAME |= {ord(one): same for one, same in zip("يكهةە。｡۔،؛؟٫٬", "یکہۃہ...,;?.,", strict=True)}
_SAME |= dict.fromkeys(map(ord, _APOSTROPHES), "'")
_SAME |= dict.fromkeys(map(ord, _DASHES), "-")
_INVISIBLE = re.compile(rf"[{_SILENT}]+")
_NO_LETTERS = re.compile(r"[\W_\u0640]+")
_OF_OTHER_SHAPE = re.compile(r"[\u0600-\u097f]")  # of letters and digits, what `_SAME` changes and NFKC does not
_BROKEN_WORD = re.compile(rf"[{_DASHES}\u00ad]\s*\n")
_SENTENCE_ENDS = frozenset('.!?…"')
_BARRIER = "\x01"  # between what is quotable: no token of a quote
_NEVER = 1_000_000  # more than any quote costs


class Token(NamedTuple):
    """What a text is compared by: `key`, at the code points from `start` to `end`."""

    key: str
    start: int
    end: int
    weight: int  # two for a word, one for a mark
    size: float  # in words

    @property
    def is_cut(self) -> bool:
        """Whether it is an ellipsis, in brackets or not."""
        return self.key == "…"


class Run(NamedTuple):
    """Tokens of the quote against tokens of the source, as half-open ranges; one of them perhaps empty."""

    first: int
    last: int
    found: int
    until: int


class Aligned(NamedTuple):
    """The quote at its nearest place: where tokens of both match, and the runs where they do not."""

    cost: int  # as `align` counts; zero without runs
    document: Document
    source: Sequence[Token]
    matches: list[tuple[int, int]]
    runs: list[Run]
    span: Span


class Piece(NamedTuple):
    """`length` tokens of the quote from `at` on, that stand in the source from `found` on."""

    at: int
    length: int
    document: Document
    source: Sequence[Token]
    found: int

    @property
    def until(self) -> int:
        """The first token of the quote after the piece."""
        return self.at + self.length

    @property
    def span(self) -> Span:
        """Where it stands in the snapshot."""
        return Span(self.source[self.found].start, self.source[self.found + self.length - 1].end)


def tokens_of(text: str, start: int = 0, end: int | None = None) -> list[Token]:
    """The tokens from `start` to `end`, with their places in the whole text."""
    found = []
    for match in _TOKEN.finditer(text, start, len(text) if end is None else end):
        key, weight, size = _read(match.lastgroup or "", match[0])
        found.append(Token(key, match.start(), match.end(), weight, size))
    return found


@lru_cache(maxsize=2**15)
def _read(kind: str, written: str) -> tuple[str, int, float]:
    """The key of a token, its weight and its size."""
    if kind in {"cut", "dash", "quote"}:
        return {"cut": "…", "dash": "-", "quote": '"'}[kind], 1, 0.0
    composed = unicodedata.normalize("NFC", _INVISIBLE.sub("", written))
    key = unicodedata.normalize("NFC", composed.translate(_SAME)).casefold()
    return key, 1 if kind == "mark" else 2, {"mark": 0.0, "word": 1.0}.get(kind, len(written) / 2)


def letters_of(text: str) -> str:
    """Nothing but the letters and digits: what two texts of the same tokens share."""
    bare = _NO_LETTERS.sub("", unicodedata.normalize("NFKC", text).casefold())
    return bare.translate(_SAME) if _OF_OTHER_SHAPE.search(bare) else bare


def size_of(tokens: Iterable[Token]) -> float:
    """In words: a punctuation mark is none, a Chinese character half a word."""
    return sum(token.size for token in tokens)


def tokens_of_body(document: Document, start: int, end: int) -> list[Token]:
    """The tokens of the body from `start` to `end`, with a barrier where what is not the body's stands between them."""
    text = document.snapshot.text
    found: list[Token] = []
    reached = None
    for span in document.body:
        if span.end > start and span.start < end:
            if reached is not None and text[reached : span.start].strip():
                found.append(Token(_BARRIER, reached, span.start, _NEVER, 0.0))
            found += [one for one in tokens_of(text, span.start, span.end) if one.start >= start and one.end <= end]
            reached = span.end
    return found


def range_of(tokens: Sequence[Token], first: int, last: int) -> tuple[int, int]:
    """The code points of a range of tokens; of an empty one the place after what is before it."""
    if first < last:
        return tokens[first].start, tokens[last - 1].end
    place = tokens[first - 1].end if first else tokens[0].start
    return place, place


def align(quote: Sequence[Token], document: Document, source: Sequence[Token]) -> Aligned | None:
    """The cheapest alignment of the quote with a part of `source`: an ellipsis of the quote may stand for anything.

    Approximate matching by Sellers ("The Theory and Computation of Evolutionary Distances: Pattern Recognition", 1980,
    J. Algorithms 1:359), over tokens, row by row of the quote. A word costs two, a mark one; a word in another's stead
    no more than one of them, a word for a mark both. None where nothing matches, or not within the body.
    """
    codes = {key: code for code, key in enumerate(dict.fromkeys(token.key for token in quote))}
    keys = np.array([codes.get(token.key, -1) for token in source])
    weights = np.array([token.weight for token in source])
    before = np.concatenate([[0], np.cumsum(weights)])
    rows = np.zeros((len(quote) + 1, len(source) + 1), dtype=np.int32)
    for at, token in enumerate(quote):
        former = rows[at]
        row = former + token.weight
        instead = np.where(weights == token.weight, token.weight, weights + token.weight)
        row[1:] = np.minimum(row[1:], former[:-1] + np.where(keys == codes[token.key], 0, instead))
        if token.is_cut:
            row = np.minimum(row, np.minimum.accumulate(former))
        rows[at + 1] = np.minimum.accumulate(row - before) + before
    last = rows[-1]
    ends = np.flatnonzero(last == last.min()).tolist()
    # An end that matches explains more; else a word in another's stead rather than one that was added.
    matching = [end for end in ends if end and source[end - 1].key == quote[-1].key]
    end = matching[0] if matching else ends[0] + (ends[0] + 1 in ends)
    matches, runs, start = _traced(quote, source, rows, end)
    if not matches:
        return None
    span = Span(source[start].start, source[end - 1].end)
    text = document.snapshot.text
    runs = [run for run in runs if not _is_broken_word(quote, source, run, text)]
    cost = int(last[end]) if runs else 0
    return Aligned(cost, document, source, matches, runs, span) if document.holds(span) else None


def _traced(
    quote: Sequence[Token], source: Sequence[Token], rows: NDArray[np.int32], end: int
) -> tuple[list[tuple[int, int]], list[Run], int]:
    """The way back from the cheapest end: the matches, the runs between them, and where it starts."""
    matches: list[tuple[int, int]] = []
    runs: list[Run] = []
    at, to = len(quote), end
    last, until = at, to

    def close() -> None:
        if (at, to) != (last, until):
            runs.append(Run(at, last, to, until))

    while at:
        token, cost = quote[at - 1], rows[at, to]
        other = source[to - 1] if to else None
        if other and other.key == token.key and cost == rows[at - 1, to - 1]:
            close()
            at, to = at - 1, to - 1
            last, until = at, to
            matches.append((at, to))
        elif token.is_cut and cost == rows[at - 1, : to + 1].min():
            at, to = at - 1, to - int(np.argmin(rows[at - 1, : to + 1][::-1]))
        elif to > 1 and source[to - 2].key == token.key and cost == rows[at, to - 1] + source[to - 1].weight:
            to -= 1  # a match before it explains more than a word in another's stead
        elif other and other.weight == token.weight and cost == rows[at - 1, to - 1] + token.weight:
            at, to = at - 1, to - 1
        elif cost == rows[at - 1, to] + token.weight:
            at -= 1
        else:
            to -= 1
    close()
    return matches[::-1], runs[::-1], to


def pieces_of(quote: Sequence[Token], sources: Sequence[tuple[Document, Sequence[Token]]]) -> list[Piece]:
    """The fewest pieces that make the quote, links aside, each as long as it stands somewhere; none where none do."""
    longest: list[Piece | None] = [None] * len(quote)
    codes = {key: code for code, key in enumerate(dict.fromkeys(token.key for token in quote))}
    for document, source in sources:
        keys = np.array([codes.get(token.key, -1) for token in source])
        lengths = np.zeros(len(source) + 1, dtype=np.int32)
        for at in reversed(range(len(quote))):
            lengths[:-1] = np.where(keys == codes[quote[at].key], lengths[1:] + 1, 0)
            found = int(lengths.argmax())
            known = longest[at]
            if lengths[found] > (known.length if known else 0):
                longest[at] = Piece(at, int(lengths[found]), document, source, found)
    costs = [0.0] * (len(quote) + 1)
    steps: list[Piece | None] = [None] * len(quote)
    for at in reversed(range(len(quote))):
        costs[at] = costs[at + 1] + 3 * quote[at].size  # to leave a word out costs more than a piece
        piece = longest[at]
        if piece and size_of(quote[at : piece.until]) >= FEWEST_PIECE and 1 + costs[piece.until] < costs[at]:
            costs[at], steps[at] = 1 + costs[piece.until], piece
    pieces: list[Piece] = []
    at = 0
    while at < len(quote):
        if piece := steps[at]:
            pieces[-1:] = [*_parted(quote, pieces[-1], piece)] if pieces else [piece]
        at = piece.until if piece else at + 1
    ends = [0, *(piece.until for piece in pieces)]
    starts = [*(piece.at for piece in pieces), len(quote)]
    is_whole = all(size_of(quote[end:start]) <= MOST_LINKING for end, start in zip(ends, starts, strict=True))
    return pieces if is_whole and len(pieces) > 1 else []


def _parted(quote: Sequence[Token], one: Piece, other: Piece) -> tuple[Piece, Piece]:
    """Two pieces, parted after a sentence where the first words of the second also go on the first."""
    back = 0
    while one.until == other.at and one.at < other.at - back and quote[other.at - back - 1].key not in _SENTENCE_ENDS:
        back += 1
        if other.found < back or other.source[other.found - back].key != quote[other.at - back].key:
            return one, other
    if one.until != other.at or one.at == other.at - back:
        return one, other
    return (
        one._replace(length=one.length - back),
        other._replace(at=other.at - back, length=other.length + back, found=other.found - back),
    )


def _is_broken_word(quote: Sequence[Token], source: Sequence[Token], run: Run, text: str) -> bool:
    """Whether the source only parts a word at the end of a line: infor-, mation."""
    there = text[slice(*range_of(source, run.found, run.until))]
    here = "".join(token.key for token in quote[run.first : run.last])
    return bool(_BROKEN_WORD.search(there)) and letters_of(there) == letters_of(here)

"""The default model's tokenizer: SentencePiece's unigram model over a file that is mapped, not loaded.

`tokenizers` builds a tree of the 250,002 pieces at every start: 0.8 seconds and 290 MB. Here the tree is made once.
Its nodes are numbered level by level, so that the children of node `i` are those from `first[i]` to `first[i + 1]`,
sorted by their byte. The file, in the machine's byte order: a header; `first`; the piece that ends at each node, 0 for
none; the pieces' scores; the normaliser's rules, each a code point, a count, that many code points; the nodes' bytes.
"""

from __future__ import annotations

import math
import mmap
import re
import struct
from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Token", "Unigram", "write_unigram"]

_HEADER = struct.Struct("=8s6I")  # magic; nodes, pieces, numbers in the rules; the ids that begin, end, are unknown
_MAGIC = b"unigram1"
_SPACE = "\u2581"  # how pieces write the space that a word begins with
_UNKNOWN_SCORE = -10_010.0  # below every piece, so that a character is unknown only where no piece holds it
_REMEMBERED_WORDS = 1 << 14
_LONGEST_REMEMBERED = 24  # characters


class Token(NamedTuple):
    """A piece of a text by its id, and where in the text it stands, in code points; half-open, perhaps empty."""

    id: int
    start: int
    end: int


class Unigram:
    """The tokenizer in a file, mapped into memory. Safe for several threads."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as file:
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        magic, nodes, pieces, numbers, self._begin, self._end, self._unknown = _HEADER.unpack_from(view)
        lengths = (4 * (nodes + 1), 4 * nodes, 4 * pieces, 4 * numbers, nodes)
        if magic != _MAGIC or len(view) != _HEADER.size + sum(lengths):
            raise ValueError(f"expected a tokenizer of {_HEADER.size + sum(lengths)} bytes, found {len(view)}")
        parts = []
        position = _HEADER.size
        for length in lengths:
            parts.append(view[position : position + length])
            position += length
        self._first = parts[0].cast("I")
        self._pieces = parts[1].cast("I")
        self._scores = parts[2].cast("f")
        self._rules = _rules(parts[3].cast("I").tolist())
        self._bytes = bytes(parts[4])
        self._remembered = lru_cache(_REMEMBERED_WORDS)(self._cut)

    def encode(self, text: str, *, limit: int) -> list[int]:
        """The ids of the tokens of `text`, the first and the last one included, cut to `limit` in all."""
        text = text.translate(self._rules)
        words = [word for word in text.split(" ") if word]
        if text.endswith(" "):
            words.append("")  # white space at the end is a token
        ids = [self._begin]
        for word in words:  # no piece holds a space but at its start: each word is cut by itself
            ids += self._pieces_of(word)[0]
            if len(ids) >= limit:
                break
        return [*ids[: limit - 1], self._end]

    def tokens(self, text: str, *, begin: int = 0) -> list[Token]:
        """The tokens of `text` with where each stands: neither a first, a last, nor that of white space only.

        Where they stand is counted from what the text is a part of, in which it begins at `begin`.
        """
        places: list[int] = []  # in `text`, of each character of `normal`
        parts: list[str] = []
        for place, character in enumerate(text, begin):
            part = self._rules.get(ord(character), character)
            parts.append(part)
            places += [place] * len(part)
        normal = "".join(parts)
        found: list[Token] = []
        for word in re.finditer("[^ ]+", normal):
            start = word.start()
            for id_, length in zip(*self._pieces_of(word[0]), strict=True):
                if length:
                    found.append(Token(id_, places[start], places[start + length - 1] + 1))
                    start += length
                else:  # the space before a word, as a token of its own
                    found.append(Token(id_, places[start], places[start]))
        return found

    def _pieces_of(self, word: str) -> tuple[list[int], list[int]]:
        return self._remembered(word) if len(word) <= _LONGEST_REMEMBERED else self._cut(word)

    def _cut(self, word: str) -> tuple[list[int], list[int]]:
        """The pieces of the cut with the highest sum of scores, and how many of the word's characters each takes.

        Of two equal cuts it is the first found (Viterbi).
        """
        text = (_SPACE + word).encode()
        first, pieces, scores, child_of = self._first, self._pieces, self._scores, self._bytes.find
        best = [-math.inf] * (len(text) + 1)  # of the cuts that end there
        starts = [0] * (len(text) + 1)  # of the last piece of the best one
        lasts = [0] * (len(text) + 1)  # that piece
        best[0] = 0.0
        start = 0
        while start < len(text):
            after = start + _width(text[start])
            node = 0
            is_known = False
            for position in range(start, len(text)):
                node = child_of(text[position], first[node], first[node + 1])
                if node < 0:
                    break
                if piece := pieces[node]:
                    end = position + 1
                    is_known = is_known or end == after
                    score = best[start] + scores[piece]
                    if score > best[end]:
                        best[end], starts[end], lasts[end] = score, start, piece
            if not is_known and best[start] + _UNKNOWN_SCORE > best[after]:
                best[after], starts[after], lasts[after] = best[start] + _UNKNOWN_SCORE, start, self._unknown
            start = after
        found: list[int] = []
        lengths: list[int] = []
        end = len(text)
        while end:
            length = len(text[starts[end] : end].decode()) - (starts[end] == 0)
            if lasts[end] != self._unknown or found[-1:] != [self._unknown]:  # unknown ones in a row are one
                found.append(lasts[end])
                lengths.append(length)
            else:
                lengths[-1] += length
            end = starts[end]
        return found[::-1], lengths[::-1]


def write_unigram(
    path: Path,
    pieces: Sequence[tuple[str, float]],
    normaliser: Mapping[int, tuple[int, ...]],
    *,
    special: Collection[str],
    begin_id: int,
    end_id: int,
    unknown_id: int,
) -> None:
    """Write the tokenizer of `pieces` with their scores, of which text is never cut into the `special` ones.

    The first piece must be special: 0 says that no piece ends at a node.
    """
    assert pieces[0][0] in special  # noqa: S101
    first, ends, labels = _tree(
        sorted((piece.encode(), number) for number, (piece, _) in enumerate(pieces) if piece not in special)
    )
    rules = [number for rule in sorted(normaliser.items()) for number in (rule[0], len(rule[1]), *rule[1])]
    header = _HEADER.pack(_MAGIC, len(ends), len(pieces), len(rules), begin_id, end_id, unknown_id)
    scores = np.array([score for _, score in pieces], dtype=np.float32)
    parts = [first, ends, scores, np.array(rules, dtype=np.uint32)]
    path.write_bytes(header + b"".join(part.tobytes() for part in parts) + labels)


def _tree(keys: list[tuple[bytes, int]]) -> tuple[NDArray[np.uint32], NDArray[np.uint32], bytes]:
    """Each node's first child, the number of the key that ends there, and its byte; `keys` are sorted."""
    lengths = np.array([len(key) for key, _ in keys])
    longest = int(lengths.max())
    numbers = np.array([number for _, number in keys], dtype=np.uint32)
    letters = np.frombuffer(b"".join(key.ljust(longest, b"\0") for key, _ in keys), np.uint8)
    letters = letters.reshape(len(keys), longest)
    rows = np.arange(len(keys))  # the keys that reach this level, and the node of each on the level above
    above = np.zeros(len(keys), dtype=np.int64)
    nodes_above = 1
    children, ends, labels = [], [np.zeros(1, np.uint32)], [b"\0"]
    for level in range(longest):
        reach = lengths[rows] > level
        rows, above = rows[reach], above[reach]
        column = letters[rows, level]
        begins = np.ones(len(rows), dtype=bool)
        begins[1:] = (above[1:] != above[:-1]) | (column[1:] != column[:-1])
        node = np.cumsum(begins) - 1
        children.append(np.bincount(above[begins], minlength=nodes_above))
        labels.append(column[begins].tobytes())
        nodes_above = int(node[-1]) + 1
        is_last = lengths[rows] == level + 1
        ends.append(np.zeros(nodes_above, np.uint32))
        ends[-1][node[is_last]] = numbers[rows[is_last]]
        above = node
    children.append(np.zeros(nodes_above, dtype=np.int64))
    first = 1 + np.concatenate([[0], np.cumsum(np.concatenate(children))])
    return first.astype(np.uint32), np.concatenate(ends), b"".join(labels)


def _rules(numbers: list[int]) -> dict[int, str]:
    rules = {}
    position = 0
    while position < len(numbers):
        code_point, count = numbers[position : position + 2]
        position += 2
        rules[code_point] = "".join(map(chr, numbers[position : position + count]))
        position += count
    return rules


def _width(first_byte: int) -> int:
    """The bytes of the UTF-8 character that begins with this one."""
    return 1 if first_byte < 0x80 else 2 if first_byte < 0xE0 else 3 if first_byte < 0xF0 else 4

"""What stands on every page, and is no part of the text: running heads and feet, and page numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, pairwise
from statistics import median

from retrieval.read.pdf.layout import Row, usual_size

__all__ = ["without_running_heads"]

_EDGE_ROWS = 3  # running heads and feet are among so many rows from the edge
_SAME_HEIGHT = 3.0  # points
_LARGE = 1.12  # times the body's size: "Notes" in such letters may head two pages
_OTHER_SIZE = 0.07  # of the body's
_APART = 1.25  # times the usual distance of rows
_DIGITS = re.compile(r"\d+|(?<![^\W_])[ivxlc]+(?![^\W_])")
_NUMBER_ALONE = re.compile(
    r"[-–—\s]*(?:(?:page|p\.|seite|صفحہ|第)\s*)?#(?:\s*(?:/|of|von|از|页|頁|共)\s*#?)*\s*页?[-–—\s]*"
)


@dataclass(frozen=True, slots=True)
class _EdgeRow:
    """A row near an edge, with what other pages' rows are compared by: its text without numbers, and its height."""

    row: Row
    pattern: str
    height: int

    @property
    def em(self) -> float:
        return self.row[0].em


def without_running_heads(pages: Sequence[list[Row]]) -> list[list[Row]]:
    """The rows of each page, less those at its edges that other pages have at the same height, and page numbers."""
    edges = [
        (number, [_EdgeRow(row, _pattern(row), round(row[0].base / _SAME_HEIGHT)) for row in rows])
        for number, page in enumerate(pages)
        for rows in (page[:_EDGE_ROWS], page[: -_EDGE_ROWS - 1 : -1])
    ]
    seen: dict[tuple[str, int], set[int]] = {}
    for number, edge in edges:
        for one in edge:
            for near in (one.height - 1, one.height, one.height + 1):
                seen.setdefault((one.pattern, near), set()).add(number)
    size = usual_size(chain.from_iterable(chain.from_iterable(pages)))
    dropped: set[int] = set()
    heads: dict[int, float] = {}  # the size of their letters by height
    for number, edge in edges:
        gaps = [above[0].base - row[0].base for above, row in pairwise(pages[number])]
        usual = median(gaps) if gaps else 0.0
        repeated: list[int] = []
        for one, inner in zip(edge, [*edge, None][1:], strict=True):
            fewest = 2 if one.em < _LARGE * size else max(3, len(pages) // 4)
            if len(seen[one.pattern, one.height]) < fewest and not _NUMBER_ALONE.fullmatch(one.pattern):
                break
            repeated.append(id(one.row))
            # What is set like the text and close to it is text that comes twice, as in forms.
            is_apart = inner is not None and abs(one.row[0].base - inner.row[0].base) > _APART * usual
            if is_apart or abs(one.em - size) > _OTHER_SIZE * size:
                dropped.update(repeated)
                heads[one.height] = one.em
    for _, edge in edges:
        for one in edge[:1]:
            # A head that one page has alone stands where those of other pages do, in letters of their size.
            like = heads.get(one.height, 0.0)
            if abs(one.em - like) < 0.03 * like and abs(like - size) > _OTHER_SIZE * size:
                dropped.add(id(one.row))
    return [[row for row in page if id(row) not in dropped] for page in pages]


def _pattern(row: Row) -> str:
    text = " ".join(fragment.text for fragment in row)
    return " ".join(_DIGITS.sub("#", text.casefold()).split())

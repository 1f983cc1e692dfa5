"""Fragments into rows, and rows into the lines of columns and tables, in reading order.

Coordinates are PDF points, up and to the right, mirrored on a right-to-left page, so that lines begin at their left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median
from typing import TypeAlias

from retrieval.read.pdf.fragments import SAME_LINE
from retrieval.read.pdf.letters import CJK, Fragment

__all__ = ["Flow", "Line", "Row", "flows", "rows_of", "usual_size"]

_NARROWEST_GUTTER = 0.7  # em
_TOUCHING = 0.1  # points by which what stands beside a gap may reach into it
_FEWEST_COLUMN_LINES = 3
_HEADING = 1.1  # times the size of what stands around it


@dataclass(slots=True)
class Line(Fragment):
    """A line of a column: `left` and `right` are its own, `start` and `end` its column's. A table's row has `cells`."""

    cells: tuple[Fragment, ...] = ()
    start: float = 0.0
    end: float = 0.0


Row: TypeAlias = "list[Fragment]"
Flow: TypeAlias = "list[Line]"


def usual_size(lines: Iterable[Fragment]) -> float:
    """The size of most letters."""
    sizes: Counter[float] = Counter()
    for line in lines:
        sizes[round(2 * line.em) / 2] += len(line.text)
    return sizes.most_common(1)[0][0] if sizes else 1.0


def rows_of(found: Iterable[Fragment]) -> list[Row]:
    """The fragments that stand at one height, from top to bottom; each row from left to right."""
    rows: list[Row] = []
    for fragment in sorted(found, key=lambda fragment: (-fragment.base, fragment.left)):
        last = rows[-1][0] if rows else None
        if last and last.base - fragment.base < SAME_LINE * min(last.em, fragment.em):
            rows[-1].append(fragment)
        else:
            rows.append([fragment])
    for row in rows:
        row.sort(key=lambda fragment: fragment.left)
    return rows


def flows(pages: Iterable[Sequence[Row]]) -> list[list[Flow]]:
    """The lines of each page in reading order: a flow for each column, and for what spans columns."""
    found: list[list[Flow]] = []
    above: tuple[Fragment, ...] = ()
    for rows in pages:
        page: list[Flow] = []
        # One row of a table that the page before began is told by its cells alone, having no other beside it.
        is_cut_off = above and _has_cells(rows[:1], above) and not _has_cells(rows[1:2], above)
        _segment(rows[_add_table(rows[:1], rows[1:], page) :] if is_cut_off else rows, page)
        found.append(page)
        above = page[-1][-1].cells if page else ()
    return found


def _has_cells(rows: Sequence[Row], above: Sequence[Fragment]) -> bool:
    """Whether the first of `rows` has the cells of the row above, each under its own."""
    return bool(rows) and len(rows[0]) == len(above) and all(map(_is_under, rows[0], above))


@dataclass(frozen=True, slots=True)
class _Band:
    """Rows (half-open) that nothing crosses between `left` and `right`."""

    start: int
    end: int
    left: float
    right: float

    def has_left(self, row: Row) -> bool:
        """Whether the row begins left of the gap."""
        return row[0].right <= self.left + _TOUCHING

    def has_right(self, row: Row) -> bool:
        """Whether the row ends right of the gap."""
        return row[-1].left >= self.right - _TOUCHING

    def has_both(self, row: Row) -> bool:
        """Whether the row stands on both sides."""
        return self.has_left(row) and self.has_right(row)


def _segment(rows: Sequence[Row], found: list[Flow]) -> None:
    """Adds the flows of rows: what is above a gap, what is left of it, right of it, and below."""
    band = _best_band(rows)
    if band is None:
        _add_flow([_line(row) for row in rows], found)
        return
    inside = rows[band.start : band.end]
    lefts = [side for row in inside if (side := [one for one in row if one.right <= band.left + _TOUCHING])]
    rights = [side for row in inside if (side := [one for one in row if one.left >= band.right - _TOUCHING])]
    if _is_prose(lefts) and _is_prose(rights):
        for part in (rows[: band.start], lefts, rights, rows[band.end :]):
            _segment(part, found)
        return
    both = [position for position, row in enumerate(inside, band.start) if band.has_both(row)] or [band.start]
    start, end = both[0], both[-1] + 1
    _segment(rows[:start], found)
    used = _add_table(rows[start:end], rows[end:], found)
    _segment(rows[start + used :], found)


def _best_band(rows: Sequence[Row]) -> _Band | None:
    """The gap between columns, or between a table's cells, that the most rows have on both of its sides."""
    best: _Band | None = None
    most = 1  # a gap that one row has by itself is no column's
    tried: list[_Band] = []
    for position in range(len(rows)):
        for first, second in _neighbours(rows, position):
            left, right, em = first.right, second.left, second.em
            if right - left < _NARROWEST_GUTTER * em:
                continue
            if any(band.start <= position < band.end and left <= band.left and band.right <= right for band in tried):
                continue
            band = _widened(rows, position, left, right, em)
            tried.append(band)
            inside = rows[band.start : band.end]
            one_side = min(sum(map(band.has_left, inside)), sum(map(band.has_right, inside)))
            count = max(sum(map(band.has_both, inside)), one_side if one_side >= _FEWEST_COLUMN_LINES else 0)
            if count > most:
                best, most = band, count
    return best


def _neighbours(rows: Sequence[Row], position: int) -> list[tuple[Fragment, Fragment]]:
    """What stands side by side in a row; and in two rows of one fragment each, side by side at heights of their own."""
    row = rows[position]
    found = list(pairwise(row))
    if position and len(row) == len(rows[position - 1]) == 1:
        above, below = rows[position - 1][0], row[0]
        if above.base - below.base < 0.9 * below.em:
            found.append((above, below) if above.left <= below.left else (below, above))
    return found


def _widened(rows: Sequence[Row], position: int, left: float, right: float, em: float) -> _Band:
    """The rows above and below that leave a gap free, and the gap that all of them leave."""
    ends = []
    for step in (-1, 1):
        reached = position
        while 0 <= reached + step < len(rows):
            narrowed = _free(rows[reached + step], left, right)
            if narrowed is None or narrowed[1] - narrowed[0] < _NARROWEST_GUTTER * em:
                break
            if _is_spanning(rows, reached + step, _Band(0, 0, *narrowed)):
                break
            left, right = narrowed
            reached += step
        ends.append(reached)
    return _Band(ends[0], ends[1] + 1, left, right)


def _free(row: Row, left: float, right: float) -> tuple[float, float] | None:
    """What a row leaves of the gap."""
    for fragment in row:
        if fragment.left < right and fragment.right > left:
            if fragment.right < (left + right) / 2:
                left = fragment.right
            elif fragment.left > (left + right) / 2:
                right = fragment.left
            else:
                return None
    return left, right


def _is_spanning(rows: Sequence[Row], position: int, gap: _Band) -> bool:
    """Whether a row on one side is a heading over both columns: it is larger, and the other side makes way for it."""
    row = rows[position]
    is_left = row[-1].right <= gap.left + _TOUCHING
    if not is_left and row[0].left < gap.right - _TOUCHING:
        return False
    em = max(fragment.em for fragment in row)
    others = [*rows[max(0, position - 3) : position], *rows[position + 1 : position + 4]]
    if not others or em < _HEADING * median(fragment.em for other in others for fragment in other):
        return False
    has_other = gap.has_right if is_left else gap.has_left
    above = next((other[0].base for other in reversed(rows[:position]) if has_other(other)), None)
    below = next((other[0].base for other in rows[position + 1 :] if has_other(other)), None)
    return above is None or below is None or above - below > 2 * em


def _is_prose(side: Sequence[Row]) -> bool:
    """Whether the rows of one side of a gap are a column: lines of some length, most of which fill it."""
    if len(side) < _FEWEST_COLUMN_LINES:
        return False
    width = max(row[-1].right for row in side) - min(row[0].left for row in side)
    em = median(fragment.em for row in side for fragment in row)
    full = sum(row[-1].right - row[0].left > 0.75 * width for row in side)
    letters = sum(len(fragment.text) * (2 if CJK.match(fragment.text) else 1) for row in side for fragment in row)
    return 2 * full >= len(side) and width > 8 * em and letters / len(side) > 16


def _line(row: Row, *, glue: str = " ") -> Line:
    longest = max(row, key=lambda fragment: len(fragment.text))
    text = glue.join(fragment.text for fragment in row)
    return Line(text, row[0].left, row[-1].right, longest.base, longest.em, row[-1].ends_in_space)


def _add_flow(lines: Flow, found: list[Flow]) -> None:
    if not lines:
        return
    start, end = min(line.left for line in lines), max(line.right for line in lines)
    for line in lines:
        line.start, line.end = start, end
    found.append(lines)


def _add_table(rows: Sequence[Row], tail: Sequence[Row], found: list[Flow]) -> int:
    """Adds a table's rows, each a line; how many rows that were, with those of `tail` that go on its last row."""
    full = max(len(row) for row in rows)
    heights = [before[0].base - row[0].base for before, row in pairwise(rows) if len(before) == len(row) == full]
    height = median(heights) if heights else 0.0
    table: list[Row] = []
    last = 0.0
    used = 0
    for row in [*rows, *tail]:
        if table and _is_second_line(row, table[-1], last - row[0].base, height):
            for fragment in row:
                _go_on(next(cell for cell in table[-1] if _is_under(fragment, cell)), fragment)
        elif used < len(rows):
            table.append([replace(fragment) for fragment in row])
        else:
            break
        last = row[0].base
        used += 1
    lines = [_line(row, glue=" | ") for row in table]
    for line, row in zip(lines, table, strict=True):
        line.cells = tuple(row) if len(row) > 1 else ()
    _add_flow(lines, found)
    return used


def _is_second_line(row: Row, above: Row, distance: float, height: float) -> bool:
    """Whether a row, `distance` under the last, goes on in cells of the row above, where rows are `height` apart."""
    if len(row) >= len(above) or not all(any(_is_under(fragment, cell) for cell in above) for fragment in row):
        return False
    return distance < 0.85 * height or (row[0].left > above[0].right and distance < 1.8 * row[0].em)


def _is_under(fragment: Fragment, cell: Fragment) -> bool:
    return cell.left < fragment.right and fragment.left < cell.right


def _go_on(cell: Fragment, fragment: Fragment) -> None:
    """Adds a second line to a cell."""
    cell.text += fragment.text if CJK.match(cell.text[-1]) and CJK.match(fragment.text) else " " + fragment.text
    cell.left, cell.right = min(cell.left, fragment.left), max(cell.right, fragment.right)

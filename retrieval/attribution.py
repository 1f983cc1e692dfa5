"""Which dates and credits of a page are whose: by where they stand, and nobody's where they could be two articles'."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace

from retrieval.datamodel import Metadata
from retrieval.lines import Kind
from retrieval.page import Page

__all__ = ["stated"]

_BESIDE = {Kind.DATELINE, Kind.CREDIT}


def stated(page: Page, index: int) -> Metadata:
    """What the page says of its article `index`: its title, and the dates and names that stand with it."""
    found = Metadata(title=page.articles[index].title)
    for position in _own_lines(page, index):
        dated, credit = page.blocks[position].dating, page.blocks[position].credit
        if dated is not None:
            found = replace(found, published=found.published or dated.published, updated=found.updated or dated.updated)
        if credit is not None:
            authors = found.authors or credit.authors
            found = replace(found, publisher=found.publisher or credit.publisher, authors=authors)
    return found


def _own_lines(page: Page, index: int) -> list[int]:
    """The datelines and credits that belong to the article and to no other; no dateline where two contradict."""
    own: list[int] = []
    for following in (index, index + 1):
        headlines = _headlines(page, following)
        for cluster in _clusters(page, page.gap_before(following)):
            if _owner(page, following, cluster, headlines) == index:
                own += cluster
    prose = page.articles[index].prose
    own += [position for position in range(prose[0], prose[-1]) if page.blocks[position].kind in _BESIDE]
    datings = [dated for position in own if (dated := page.blocks[position].dating) is not None]
    days = {dated.published[:10] for dated in datings if dated.published is not None}
    return own if len(days) <= 1 else [position for position in own if page.blocks[position].dating is None]


def _clusters(page: Page, gap: range) -> Iterator[list[int]]:
    """The datelines and credits of a gap, those that stand together as one."""
    cluster: list[int] = []
    for position in gap:
        if page.blocks[position].kind in _BESIDE:
            cluster.append(position)
        elif cluster:
            yield cluster
            cluster = []
    if cluster:
        yield cluster


def _headlines(page: Page, following: int) -> dict[int, list[int]]:
    """Where headlines stand in the gap before article `following`, in order, for each article beside the gap.

    Found once a gap, not once a cluster: a gap of 100 KB can hold thousands of clusters, and then took a minute.
    """
    gap = page.gap_before(following)
    own = {index: page.articles[index].titles_at for index in _neighbours(page, following)}
    return {index: [at for at in gap if at in titles_at or page.may_be_title(at)] for index, titles_at in own.items()}


def _neighbours(page: Page, following: int) -> list[int]:
    """The articles right before and right after the gap before article `following`."""
    return [index for index in (following - 1, following) if 0 <= index < len(page.articles)]


def _owner(page: Page, following: int, cluster: list[int], headlines: dict[int, list[int]]) -> int | None:
    """The one article that the cluster, in the gap before article `following`, stands with.

    Between an article's headline and its body it is that article's, where no other of the `headlines` is between. Else
    it is that of its neighbours, of two the one with fewer blank lines between; where both are as near, it is nobody's.
    """
    gap = page.gap_before(following)
    between: list[int] = []
    for index, positions in headlines.items():
        place = bisect_left(positions, cluster[0])
        nearest = place - 1 if index == following else place  # on the other side of the cluster than its body
        if 0 <= nearest < len(positions) and positions[nearest] in page.articles[index].titles_at:
            between.append(index)
    if len(between) == 1:
        return between[0]
    above = following - 1 if cluster[0] == gap.start else _titled(page, following, cluster[0] - 1)
    below = following if cluster[-1] + 1 == gap.stop else _titled(page, following, cluster[-1] + 1)
    near = [index for index in (above, below) if index is not None and 0 <= index < len(page.articles)]
    if len(set(near)) == 2:
        blank_above, blank_below = page.blocks[cluster[0]].blank, page.blocks[cluster[-1] + 1].blank
        near = [] if blank_above == blank_below else [near[0] if blank_above < blank_below else near[1]]
    return near[0] if near else None


def _titled(page: Page, following: int, position: int) -> int | None:
    """Which of the two articles around a gap has its headline at `position`, if any."""
    return next((index for index in _neighbours(page, following) if position in page.articles[index].titles_at), None)

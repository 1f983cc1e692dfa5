"""Whose dates and credits are: as told for a page of many, and without looking at the page again for each."""

from __future__ import annotations

import pytest

from retrieval.articles import documents
from retrieval.attribution import stated
from retrieval.datamodel import Reading, Snapshot
from retrieval.lines import Kind, blocks
from retrieval.page import Page

_HEADLINE = "Gwadar harbour opens its new cargo terminal"
_FIRST = "The harbour of Gwadar opened a new cargo terminal on Monday, the port authority told reporters."
_OTHER = "Cricket team wins the final match in Lahore"
_SECOND = "“We have waited ten years for this day,” Ahsan Iqbal told a crowd of three hundred workers."


class _CountingPage(Page):
    """A page that counts how often it is asked whether a line is a headline."""

    asked = 0

    def may_be_title(self, position: int) -> bool:
        self.asked += 1
        return super().may_be_title(position)


def _authors(*lines: str) -> list[tuple[str, ...]]:
    text = "\n".join(lines)
    page = Page(text, blocks(text))
    return [stated(page, index).authors for index in range(len(page.articles))]


@pytest.mark.parametrize("line", ["by A B\nShare - \r", "by A B\nHarbour\n", "Monday, June 2, 2025\nShare\n"])
@pytest.mark.parametrize("count", [500, 1_000])
def test_a_gap_is_looked_through_once_however_many_credits_stand_in_it(line: str, count: int) -> None:
    """Each of n clusters once looked through the whole gap: n * n questions, and a minute for 100 KB."""
    text = f"{_FIRST}\n{line * count}\n\n{_SECOND}"
    page = _CountingPage(text, blocks(text))
    clusters = sum(block.kind in {Kind.CREDIT, Kind.DATELINE} for block in page.blocks)
    page.asked = 0
    for index in range(len(page.articles)):
        stated(page, index)
    assert clusters >= count - 1
    assert page.asked <= 4 * len(page.blocks)  # of either side, for each article beside the gap


def test_a_page_of_many_credits_keeps_its_two_articles() -> None:
    text = f"{_FIRST}\n" + "by A B\nShare - \r" * 1_000 + f"\n\n{_SECOND}"
    snapshot = Snapshot.take(text, original=b"", source="page", media_type="text/plain", fetched_at="2024-09-16")
    found = documents(Reading("page", snapshot))
    assert [[span.of(text) for span in document.body] for document in found] == [[_FIRST], [_SECOND]]
    assert [document.authors for document in found] == [("A B",), ()]


@pytest.mark.parametrize("headline", [_HEADLINE, "The new Gwadar harbour"])  # the second: a crosshead elsewhere
def test_credits_between_a_headline_and_its_body_are_that_articles(headline: str) -> None:
    many = ["By Sana Baloch", "Share"] * 50
    assert _authors(headline, "Share", *many, _FIRST) == [("Sana Baloch",)]
    assert _authors(_FIRST, "Share", *many, headline) == [("Sana Baloch",)]


def test_credits_beyond_another_headline_are_not_that_articles() -> None:
    many = ["By Sana Baloch", "Share"] * 50
    assert _authors(_HEADLINE, "Share", _OTHER, "Share", *many, _FIRST) == [()]
    assert _authors(_FIRST, "Share", *many, _OTHER, "Share", _HEADLINE) == [()]


def test_credits_between_the_headlines_of_two_articles_that_cross_are_nobodys() -> None:
    assert _authors(_FIRST, "Workers waited ten years, Ahsan Iqbal told", "By Sana Baloch", _HEADLINE, _SECOND) == [
        (),
        (),
    ]

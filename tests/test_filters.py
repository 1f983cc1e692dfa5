"""What a reader narrows the search by, and the times that a question names."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import pytest
from conftest import PORT, RAIN, SCHOOL, shown

from retrieval.datamodel import Abstention, Answer, Reply
from retrieval.engine import Engine
from retrieval.errors import BadQuestion
from retrieval.filters import Filters, narrowed
from retrieval.timing import timing

TODAY = datetime.date(2026, 3, 4)  # a Wednesday


@pytest.mark.parametrize(
    ("question", "asked", "filters"),
    [
        ("how long is CPEC", "how long is CPEC", Filters()),
        ("how long is CPEC since:2023", "how long is CPEC", Filters(since="2023")),
        ("Since:2023-05 until:2024-06-30 who won", "who won", Filters(since="2023-05", until="2024-06-30")),
        ('who won from:"Express Tribune" ?', "who won ?", Filters(publisher="Express Tribune")),
        ("谁赢了 from:新华社", "谁赢了", Filters(publisher="新华社")),
        ("the note said from: me", None, None),
        ("is 12:30 since:noon", None, None),
        ("since:2023-13 who won", None, None),
        ("since:2023", None, None),
    ],
)
def test_filters_are_taken_out_of_the_question(question: str, asked: str | None, filters: Filters | None) -> None:
    if asked is None:
        with pytest.raises(BadQuestion, match="expected"):
            narrowed(question)
    else:
        assert narrowed(question) == (asked, filters)


@pytest.mark.parametrize(
    ("filters", "published", "admitted"),
    [
        (Filters(since="2023"), "2023-01-01", True),
        (Filters(since="2023"), "2022-12-31T23:59", False),
        (Filters(since="2023-06"), "2023", True),  # as precise as the source has it: it may be
        (Filters(until="2024-06"), "2024-06-30T10:00+05:00", True),
        (Filters(until="2024-06"), "2024-07-01", False),
        (Filters(until="2024-06"), None, False),
        (Filters(since="2023", until="2023"), "2023-08-14", True),
    ],
)
def test_a_filter_admits_by_date(filters: Filters, published: str | None, *, admitted: bool) -> None:
    assert filters.admit(published, None) is admitted


def test_a_filter_admits_by_a_part_of_the_publishers_name() -> None:
    assert Filters(publisher="express tribune").admit(None, "The Express Tribune")
    assert not Filters(publisher="Dawn").admit(None, "The Express Tribune")
    assert not Filters(publisher="Dawn").admit(None, None)


@pytest.mark.parametrize(
    ("question", "newest", "first", "last"),
    [
        ("what is the latest on Gwadar", True, None, None),
        ("目前有多少人？", True, None, None),
        ("who won last year?", False, "2025-01-01", "2025-12-31"),
        ("گزشتہ ماہ کیا ہوا؟", False, "2026-02-01", "2026-02-28"),
        ("昨天谁来了", False, "2026-03-03", "2026-03-03"),
        ("what happened last week", False, "2026-02-23", "2026-03-01"),
        ("exports this month", False, "2026-03-01", "2026-03-31"),
        ("current account deficit of 2024", False, None, None),
        ("how long is CPEC", False, None, None),
    ],
)
def test_a_question_may_name_a_time(question: str, *, newest: bool, first: str | None, last: str | None) -> None:
    found = timing(question, today=TODAY)
    days = [None if day is None else day.isoformat() for day in (found.first, found.last)]
    assert (found.newest, *days) == (newest, first, last)


@pytest.mark.parametrize(
    ("published", "held"), [("2025-12-31T23:00", True), ("2025", True), ("2026-01-01", False), (None, False)]
)
def test_a_time_holds_what_was_published_in_it(published: str | None, *, held: bool) -> None:
    assert timing("who won last year", today=TODAY).holds(published) is held


@pytest.fixture
def narrow(engine: Engine, source: Path) -> Engine:
    """A collection of three documents: one of 2021, one of 2024, one without a date but with a publisher."""
    rows = [
        {"id": "old", "text": PORT, "published": "2021"},
        {"id": "new", "text": RAIN, "published": "2024-05"},
        {"id": "undated", "text": SCHOOL, "publisher": "Dawn"},
    ]
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    engine.ingest([str(source)])
    return engine


def found(reply: Reply) -> set[str]:
    return {one.document.id for one in (reply.excerpts if isinstance(reply, Answer) else reply.nearest)}


def test_only_what_passes_the_filters_is_shown(narrow: Engine) -> None:
    assert found(narrow.ask("harbour terminal until:2022", top=9)) == {"old"}
    assert found(narrow.ask("harbour terminal since:2022", top=9)) == {"new"}
    assert found(narrow.ask("harbour terminal from:dawn", top=9)) == {"undated"}
    assert found(narrow.ask("harbour terminal", top=9)) == {"old", "new", "undated"}


def test_filters_that_leave_nothing_say_so(narrow: Engine) -> None:
    asked = "harbour terminal since:2025"
    assert narrow.ask(asked) == Abstention(asked, "filtered_out")


def test_a_filter_that_was_wrong_in_an_earlier_question_refuses_none_after_it(narrow: Engine) -> None:
    with pytest.raises(BadQuestion):
        narrow.ask("since:soon What opened in Gwadar?")
    assert shown(narrow.ask("And who won the cup?", history=["since:soon What opened in Gwadar?"]))

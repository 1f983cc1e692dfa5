"""Dates come out in ISO 8601, as precise as the line has them, and in doubt not at all."""

from __future__ import annotations

import pytest

from retrieval.dates import dating


@pytest.mark.parametrize(
    ("line", "published"),
    [
        ("2024-09-16", "2024-09-16"),
        ("2024/9/16", "2024-09-16"),
        ("2024-09-16T17:31:05Z", "2024-09-16T17:31:05+00:00"),
        ("2024-09-16 17:31 +05:00", "2024-09-16T17:31+05:00"),
        ("September 16, 2024", "2024-09-16"),
        ("Sept. 16th, 2024 at 5:31 p.m.", "2024-09-16T17:31"),
        ("16 Sep 2024", "2024-09-16"),
        ("16-Sep-2024", "2024-09-16"),
        ("Monday, 16 September 2024, 17:31 UTC", "2024-09-16T17:31+00:00"),
        ("5:31 PM, Sep 16, 2024", "2024-09-16T17:31"),
        ("12:05 am, Sep 16, 2024", "2024-09-16T00:05"),
        ("September 2024", "2024-09"),
        ("2024年9月16日", "2024-09-16"),
        ("2024年09月16日17时31分", "2024-09-16T17:31"),
        ("2024年9月16日 下午5:31", "2024-09-16T17:31"),
        ("16 ستمبر 2024", "2024-09-16"),
        ("ستمبر 16، 2024", "2024-09-16"),
        ("۱۶ ستمبر ۲۰۲۴ء", "2024-09-16"),
        ("16/09/2024", "2024-09-16"),
        ("05/05/2024", "2024-05-05"),
    ],
)
def test_a_date_is_read_in_the_form_that_the_page_gives(line: str, published: str) -> None:
    found = dating(line)
    assert found is not None
    assert (published, None) == (found.published, found.updated)


@pytest.mark.parametrize(
    "line",
    [
        "05/06/2024",  # 5 June or 6 May
        "2024-13-40",
        "31 February 2024",
        "2024-09-16 to 2024-09-20",
    ],
)
def test_a_date_in_doubt_is_no_date(line: str) -> None:
    found = dating(line)
    assert found is not None
    assert (found.published, found.updated) == (None, None)


@pytest.mark.parametrize("line", ["", "No date here", "Phase 2 of 2024", "8,000 megawatts", "at 17:31", "1234-5678"])
def test_a_line_without_a_date_has_no_dating(line: str) -> None:
    assert dating(line) is None


def test_a_time_after_updated_is_that_of_the_day_before_it() -> None:
    found = dating("2024-09-16 17:31 Last Updated At:19:57")
    assert found is not None
    assert (found.published, found.updated, found.rest) == ("2024-09-16T17:31", "2024-09-16T19:57", "")


def test_published_and_updated_are_told_apart_by_their_labels() -> None:
    found = dating("Updated: 17 Sep 2024 08:00 | Published: 16 Sep 2024")
    assert found is not None
    assert (found.published, found.updated) == ("2024-09-16", "2024-09-17T08:00")


def test_the_update_of_an_ambiguous_day_is_not_that_of_another() -> None:
    found = dating("2024-09-16 Updated 05/06/2024 17:00")
    assert found is not None
    assert (found.published, found.updated) == ("2024-09-16", None)


@pytest.mark.parametrize("zone", ["PKT", "EST", "IST"])
def test_a_zone_that_means_several_things_is_not_given(zone: str) -> None:
    found = dating(f"16 Sep 2024 17:31 {zone}")
    assert found is not None
    assert (found.published, found.rest) == ("2024-09-16T17:31", "")


def test_the_rest_keeps_names_that_sound_like_labels() -> None:
    found = dating("16 Sep 2024 · Source: Daily Sun")
    assert found is not None
    assert found.rest == "· Source: Daily Sun"

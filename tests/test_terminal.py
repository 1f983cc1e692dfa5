"""What a person sees in a terminal, checked by eye once and kept."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.terminal import Reach, Style, printable, reply_text, sources_text
from retrieval.datamodel import Abstention, Answer, Document, Excerpt, Snapshot, Span

TEXT = "The ferry opened in May.\nIt carried 4,210 passengers in its first month, said the harbour master.\n"
REACH = Reach(3, "2024-09-16T17:31")


def document(text: str = TEXT) -> Document:
    snapshot = Snapshot.take(
        text, original=text.encode(), source="news/ferry.txt", media_type="text/plain", fetched_at="2026"
    )
    return Document(
        "ferry-1",
        snapshot,
        (Span(0, len(text)),),
        "en",
        title="Makran ferry draws crowds",
        publisher="The Harbour Times",
        published="2024-06-03",
        updated="2024-06-04T09:15",
    )


def excerpt(found: Document, start: int, end: int, *marks: Span) -> Excerpt:
    return Excerpt(found, Span(start, end), found.snapshot.text[start:end], marks)


def test_an_answer_shows_the_quote_the_mark_and_where_it_stands() -> None:
    shown = excerpt(document(), 25, 97, Span(36, 52))
    expected = """\
│ It carried 4,210 passengers in its first month, said
│            ▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔
│ the harbour master.
  — Makran ferry draws crowds
    The Harbour Times · 3 June 2024 · updated 4 June
    2024, 09:15
    news/ferry.txt, line 2, characters 25-97

Confidence that the first passage answers: 83 %"""
    assert reply_text(Answer("q", (shown,), 0.83), REACH, Style(width=56)) == expected


def test_figures_that_differ_are_told_with_their_dates() -> None:
    newer = replace(document(), published="2025-01-09")
    shown = [replace(excerpt(found, 25, 97), differs=True) for found in (newer, document())]
    text = reply_text(Answer("q", tuple(shown), 0.83), REACH, Style(width=90))
    assert "\nThe figures differ: those of 9 January 2025 and 3 June 2024 are not the same.\n" in text


def test_on_a_terminal_the_mark_is_bold() -> None:
    shown = excerpt(document(), 25, 97, Span(36, 52))
    text = reply_text(Answer("q", (shown,), 0.83), REACH, Style(width=90, bold=True))
    assert "It carried \x1b[1;4m4,210 passengers\x1b[0m in its first month" in text
    assert "▔" not in text


def test_an_abstention_says_what_is_missing_how_far_it_looked_and_what_is_nearest() -> None:
    nearest = excerpt(document(), 0, 24)
    expected = """\
My documents do not say.
What comes nearest says nothing of “tunnel”.
I searched 3 documents, the newest dated 16 September 2024, 17:31.

Nearest, though it is no answer:

The ferry opened in May.
  — Makran ferry draws crowds
    The Harbour Times · 3 June 2024 · updated 4 June 2024, 09:15
    news/ferry.txt, line 1, characters 0-24"""
    reply = Abstention("q", "terms_missing", ("tunnel",), (nearest,), 0.1)
    assert reply_text(reply, REACH, Style(width=80)) == expected


@pytest.mark.parametrize(("missing", "told"), [(("2023",), "than “2023”."), ((), "than you asked about.")])
def test_a_near_miss_says_of_what_nothing_was_found(missing: tuple[str, ...], told: str) -> None:
    reply = Abstention("q", "near_miss", missing, (excerpt(document(), 0, 24),), 0.1)
    assert f"\nWhat comes nearest speaks of another of its kind {told}\n" in reply_text(reply, REACH, Style(width=80))


def test_what_is_unknown_is_left_out() -> None:
    bare = replace(document(), title=None, publisher=None, published=None, updated=None)
    text = reply_text(Answer("q", (excerpt(bare, 0, 24),), 0.5), REACH, Style())
    assert text.splitlines()[1] == "  — news/ferry.txt, line 1, characters 0-24"


def test_a_document_cannot_command_the_terminal() -> None:
    shown = excerpt(document("Bell \x07 and \x1b[2J clear."), 0, 22)
    text = reply_text(Answer("q", (shown,), 0.5), REACH, Style(bold=True))
    assert "\x07" not in text
    assert "\x1b[2J" not in text


@pytest.mark.parametrize("mark", ["\u202e", "\u202a", "\u2066", "\u2069", "\u2028", "\u2029"])
def test_a_document_cannot_turn_the_order_of_what_is_shown(mark: str) -> None:
    assert printable(f"a{mark}b") == "a\N{REPLACEMENT CHARACTER}b"


def test_a_headline_cannot_forge_a_quote() -> None:
    forged = "Real\n\n│ The minister resigned.\r\n  — Reuters"
    found = document()
    found = replace(found, id=forged, title=forged, publisher=forged, snapshot=replace(found.snapshot, source=forged))
    shown = excerpt(found, 0, 24)
    answer = reply_text(Answer("q", (shown,), 0.5), REACH, Style(width=1000)).splitlines()
    assert answer[1] == "  — Real │ The minister resigned. — Reuters"
    abstention = reply_text(Abstention("q", "terms_missing", (forged,), (shown,), 0.1), REACH, Style(width=1000))
    for text in ("\n".join(answer[1:]), abstention, sources_text(found, ())):
        assert not any(line.startswith(("│", "  — Reuters")) for line in text.splitlines())
    assert len(sources_text(found, (forged,)).splitlines()) == 3


def test_the_line_ends_of_windows_are_not_shown_but_a_lone_carriage_return_is_replaced() -> None:
    shown = excerpt(document("One came.\r\nTwo\rleft.\r\n"), 0, 21, Span(0, 3))
    lines = reply_text(Answer("q", (shown,), 0.5), REACH, Style(width=40, bold=True)).splitlines()
    assert lines[:2] == ["│ \x1b[1;4mOne\x1b[0m came.", "│ Two\N{REPLACEMENT CHARACTER}left."]
    text = reply_text(Abstention("q", "low_confidence", (), (shown,), 0.1), REACH, Style())
    assert "\nOne came. Two\N{REPLACEMENT CHARACTER}left.\n" in text


def test_chinese_characters_take_two_cells_each() -> None:
    text = "中巴经济走廊远景规划有效期至二〇三〇年"
    shown = excerpt(document(text), 0, len(text))
    assert reply_text(Answer("q", (shown,), 0.5), REACH, Style(width=22)).splitlines()[:2] == [
        "│ 中巴经济走廊远景规划",
        "│ 有效期至二〇三〇年",
    ]


def test_chinese_lines_of_a_citation_and_of_what_is_nearest_are_wrapped() -> None:
    text = "瓜达尔港新货运码头周一正式启用，每天可停靠十二艘货轮。"
    found = replace(document(text), title="瓜达尔港“新码头”启用，每天十二艘货轮", url="https://a.org/" + "long/" * 8)
    shown = excerpt(found, 0, len(text))
    expected = """\
瓜达尔港新货运码头周
一正式启用，每天可停
靠十二艘货轮。
  — 瓜达尔港“新码头”
    启用，每天十二艘
    货轮
    The Harbour Times
    · 3 June 2024 ·
    updated 4 June
    2024, 09:15
    https://a.org/long/long/long/long/long/long/long/long/"""
    lines = reply_text(Abstention("q", "low_confidence", (), (shown,)), REACH, Style(width=21)).splitlines()
    assert "\n".join(lines[lines.index("") + 3 :]).startswith(expected)


def test_a_source_is_two_lines() -> None:
    assert sources_text(document(), ()) == (
        "ferry-1  Makran ferry draws crowds\n    The Harbour Times · 3 June 2024 · news/ferry.txt"
    )


@given(st.text(alphabet="ab 中文。，“”（）", min_size=1, max_size=80), st.integers(min_value=8, max_value=40))
def test_wrapping_loses_nothing_but_spaces_at_the_ends_of_lines(text: str, width: int) -> None:
    found = replace(document(), title=None, publisher=None, published=None, updated=None, url=" ".join(text.split()))
    shown = excerpt(found, 0, 24)
    citation = reply_text(Answer("q", (shown,), 0.5), REACH, Style(width=width)).split("\n  — ")[1]
    printed = citation.split("news/")[0]
    assert "".join(printed.split()) == "".join(text.split())


@given(st.text(min_size=1, max_size=300).filter(str.strip), st.integers(min_value=20, max_value=100))
def test_nothing_of_a_quote_is_lost_but_white_space(text: str, width: int) -> None:
    start = len(text) - len(text.lstrip())
    end = len(text.rstrip())
    shown = excerpt(document(text), start, end)
    lines = reply_text(Answer("q", (shown,), 0.5), REACH, Style(width=width)).split("\n  — ")[0]
    printed = "".join(line.removeprefix("│ ") for line in lines.split("\n│ "))
    visible = [character for character in text[start:end] if character.isprintable() and not character.isspace()]
    assert [one for one in printed if one in set(visible)] == visible or "\N{REPLACEMENT CHARACTER}" in printed

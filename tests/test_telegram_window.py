"""Quotes and paragraphs that do not fit are cut where a reader can bear it, and the answer stays."""

from __future__ import annotations

from dataclasses import replace

from telegram_parsed import Parsed, buttons, document, excerpt

from bot.telegram.message import View
from bot.telegram.render import answer, context
from retrieval.datamodel import Answer, Excerpt, Span

_VIEW = View(language="en", token="abc")  # noqa: S106 - a stored result's
_LONG = "The dam holds back eleven cubic kilometers of water in a wet year. " * 90


def test_quotes_that_do_not_fit_together_are_fewer_and_whole() -> None:
    """Two of 1,900 characters fit into 4,096 with their citations, three do not; the third is on the next page."""
    found = document(_LONG)
    quotes = [Excerpt(found, Span(at, at + 1900), _LONG[at : at + 1900]) for at in (0, 2000, 4000)]
    reply = Answer("?", tuple(quotes), 0.9)
    message = answer(reply, _VIEW)
    assert Parsed(message).quotes() == [quote.text for quote in quotes[:2]]
    assert "More (3 of 3)" in [button.text for button in buttons(message)]
    following = answer(reply, replace(_VIEW, first=2))
    assert Parsed(following).quotes() == [quotes[2].text]
    assert "<b>[3]</b>" in following.html


def test_a_quote_too_long_is_cut_at_a_sentence_and_says_so_outside() -> None:
    quote = _LONG.strip()
    message = answer(Answer("?", (excerpt(document(_LONG), quote),), 0.9), _VIEW)
    (block,) = Parsed(message).quotes()
    assert quote.startswith(block)
    assert block.endswith("in a wet year.")
    assert 3900 < len(block) < 4096
    assert message.text.endswith(f"{block}\n…")


def test_a_cut_keeps_the_answer() -> None:
    text = f"{_LONG}The answer is forty-two. {_LONG}".strip()
    message = answer(Answer("?", (excerpt(document(text), text, "forty-two"),), 0.9), _VIEW)
    (block,) = Parsed(message).quotes()
    assert "The answer is forty-two." in block
    assert block.startswith("The dam")
    assert f"\n…\n{block}\n…" in message.text


def test_a_cut_never_parts_a_letter() -> None:
    """4,000 families of four, without a space: each is eleven UTF-16 units."""
    family = "👨‍👩‍👧‍👦"
    message = answer(Answer("?", (excerpt(document(family * 4000), family * 4000),), 0.9), _VIEW)
    (block,) = Parsed(message).quotes()
    assert block == family * (len(block) // len(family))


def test_a_long_paragraph_is_cut_around_the_quote() -> None:
    text = f"{_LONG}The answer is forty-two. {_LONG}".strip()
    parsed = Parsed(context(excerpt(document(text), "The answer is forty-two."), _VIEW))
    (block,) = parsed.quotes()
    assert parsed.bold() == [["The answer is forty-two."]]
    assert 0.4 < block.index("The answer") / len(block) < 0.6
    assert f"…\n{block}\n…" in parsed.text


def test_marks_that_touch_or_overlap_are_one() -> None:
    found = document("It added 8,000 megawatts.")
    marks = (Span(9, 12), Span(12, 20), Span(15, 24))
    message = answer(Answer("?", (Excerpt(found, Span(0, 25), found.snapshot.text, marks),), 0.9), _VIEW)
    assert Parsed(message).bold() == [["8,000 megawatts"]]
    assert message.text.startswith("“8,000 megawatts”\n")


def test_a_cut_leaves_no_accent_behind() -> None:
    letter = "e\u0301\u0327\u0308\u0304"
    message = answer(Answer("?", (excerpt(document(letter * 2000), letter * 2000),), 0.9), _VIEW)
    (block,) = Parsed(message).quotes()
    assert block == letter * (len(block) // len(letter))

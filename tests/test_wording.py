"""A question as it is typed: misspelt, or Urdu in Latin letters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval import analyze
from retrieval.roman_urdu import in_urdu_letters
from retrieval.spelling import respelt

COLLECTION = (
    "Pakistan and China met in Islamabad on infrastructure and the government of Balochistan; Ireland and a plant"
)
HELD = dict.fromkeys(analyze.terms(COLLECTION), 3)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("What did Pakstan sign?", "What did Pakistan sign?"),
        ("who met in islambad", "who met in islamabad"),
        ("the goverment of Balochisatn", "the government of Balochistan"),
        ("infrastrukture", "infrastructure"),
        ("Was Iceland there?", "Was Iceland there?"),  # Ireland is another country
        ("was icelend there", "was icelend there"),
        ("Which planet is it?", "Which planet is it?"),  # a word, if none of the collection's
        ("Did Pakistann sign?", "Did Pakistan sign?"),
        ("Was Plante there?", "Was Plante there?"),  # a name that is in no table stays
        ("wat is chna", "wat is chna"),  # too short to tell
        ("پاکستان", "پاکستان"),
    ],
)
def test_a_slip_is_read_as_the_word_of_the_collection(typed: str, read: str) -> None:
    assert respelt(typed, lambda term: HELD.get(term, 0)) == read


@given(st.text(max_size=80))
def test_nothing_is_changed_that_the_collection_has(text: str) -> None:
    assert respelt(text, lambda term: 1) == text


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("CPEC ka pehla phase kab mukammal hua?", "CPEC کا پہلا phase کب مکمل ہوا؟"),
        ("wazir-e-azam ne SCO ijlas mein kya kaha", "وزیراعظم نے SCO اجلاس میں کیا کہا"),
        ("Kya gwadar port ka kaam mukammal hai?", "کیا گوادر port کا kaam مکمل ہے؟"),
        ("Gwadar port kahan hai", "گوادر port کہاں ہے"),
    ],
)
def test_roman_urdu_is_read_in_urdu_letters(typed: str, read: str) -> None:
    assert in_urdu_letters(typed) == read


@pytest.mark.parametrize(
    "text",
    [
        "What is the main theme of the SCO in 2025?",
        "Did he say men may go or pay us?",
        "How many SEZs are there in KP?",
        "Who is Ka Ki Wong?",
        "سی پیک کا پہلا مرحلہ کب مکمل ہوا؟",
        "中巴经济走廊是什么？",
        "",
    ],
)
def test_what_is_no_roman_urdu_stays(text: str) -> None:
    assert in_urdu_letters(text) == text

"""A question as it is typed: misspelt, or Urdu in Latin letters."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import lines
from hypothesis import given
from hypothesis import strategies as st

from retrieval import analyze, spelling
from retrieval.engine import Engine
from retrieval.roman_urdu import in_urdu_letters
from retrieval.spelling import respelt

COLLECTION = (
    "Pakistan and China met in Islamabad on infrastructure and the government of Balochistan; Ireland and a plant;"
    " separated zones; handling; Hasan spoke"
)
# More passages hold what shares its stem with "overment", "severated" and "temporer".
HELD = dict.fromkeys(analyze.terms(COLLECTION), 3) | dict.fromkeys(analyze.terms("over severe temporary"), 9)


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("What did Pakstan sign?", "What did Pakistan sign?"),
        ("who met in islambad", "who met in islamabad"),
        ("the goverment of Balochisatn", "the government of Balochistan"),
        ("infrastrukture", "infrastructure"),
        ("Was Iceland there?", "Was Iceland there?"),  # Ireland is another country
        ("was icelend there", "was icelend there"),
        ("the seperated zones", "the separated zones"),
        ("handeling", "handling"),
        ("emporer", "emporer"),
        ("Was Seperated there?", "Was Seperated there?"),
        ("did ahsan attend", "did ahsan attend"),  # Hasan is another man
        ("Ahsan spoke", "Ahsan spoke"),
        ("Which planet is it?", "Which planet is it?"),  # a word, if none of the collection's
        ("Did Pakistann sign?", "Did Pakistan sign?"),
        ("Was Plante there?", "Was Plante there?"),  # a name that is in no table stays
        ("wat is chna", "wat is chna"),  # too short to tell
        ("پاکستان", "پاکستان"),
    ],
)
def test_a_slip_is_read_as_the_word_of_the_collection(typed: str, read: str) -> None:
    assert respelt(typed, lambda term: HELD.get(term, 0)) == read


def test_known_names_and_stopwords_need_no_dictionary(monkeypatch: pytest.MonkeyPatch) -> None:
    """It takes a third of a second to load."""
    monkeypatch.setattr(spelling, "_dictionary", lambda: pytest.fail("the dictionary was asked"))
    text = "Which of these should Balochistan and Shehbaz Sharif have between them?"
    assert respelt(text, lambda term: 0) == text


def test_the_engine_reads_slips_and_roman_urdu_in_question_and_history(engine: Engine, tmp_path: Path) -> None:
    text = "The government of Makran built a harbour. وزیراعظم نے کہا کہ منصوبہ مکمل ہے۔"
    engine.ingest([str(lines(tmp_path / "news.jsonl", a=text))])
    assert engine.query("What did the goverment build?").asked.text == "What did the government build?"
    assert engine.query("wazir-e-azam ne kya kaha").asked.text == "وزیراعظم نے کیا کہا"
    whole = engine.query("and when?", ["What did the goverment build?"]).whole.text
    assert whole == "government build and when?"
    assert engine.query("اور کب؟", ["mansooba ka maqsad kya hai"]).whole.text.startswith("منصوبہ ")


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
        ("Ahmed ne Main Line ke bare mein kya kaha?", "Ahmed نے Main Line کے بارے میں کیا کہا؟"),
        # Two marks are a quarter of eight words.
        ("which song ka singer sang kya last night", "which song کا singer sang کیا last night"),
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
        "Gwadar port kab?",  # one mark
        "song ka or song ka",  # and one that stands twice
        "which song ka singer sang kya only last night",  # two of nine words
        "سی پیک کا پہلا مرحلہ کب مکمل ہوا؟",
        "中巴经济走廊是什么？",
        "",
    ],
)
def test_what_is_no_roman_urdu_stays(text: str) -> None:
    assert in_urdu_letters(text) == text

"""What a text defines its abbreviations to be, and what a question gains by it."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import lines
from hypothesis import given
from hypothesis import strategies as st

from retrieval.abbreviations import defined, forms, key
from retrieval.contents import contents
from retrieval.datamodel import Span
from retrieval.engine import Engine
from retrieval.evidence import Sought
from retrieval.lexical import LexicalEntry, LexicalIndex, build
from retrieval.question import Question


@pytest.mark.parametrize(
    ("text", "short", "long"),
    [
        ("the China-Pakistan Economic Corridor (CPEC) runs", "CPEC", "China-Pakistan Economic Corridor"),
        ("by the Pakistan Peoples Party (PPP) and", "PPP", "Pakistan Peoples Party"),
        ("nine special economic zones (SEZs) and", "SEZ", "special economic zones"),
        ("the Federal Board of Revenue (FBR)", "FBR", "Federal Board of Revenue"),
        ("the National Electric Power Regulatory Authority (Nepra)", "Nepra", None),  # N, e, p: two of one word
        ("CIFTIS (China International Fair for Trade in Services) opened", "CIFTIS", None),
        ("Oil and Gas Regulatory Authority (Ogra)", "Ogra", "Oil and Gas Regulatory Authority"),
        ("It ended in May. The Federal Board of Revenue (FBR)", "FBR", "Federal Board of Revenue"),
        (
            "the U.S. Agency for International Development (USAID)",
            "USAID",
            "U.S. Agency for International Development",
        ),
        ("the main line 1 (ML-1)", "ML-1", "main line 1"),
        ("the National Highway 55 (NH-55)", "NH-55", "National Highway 55"),
        ("the Karachi Coastal Plant II (KCP-II)", "KCP-II", "Karachi Coastal Plant II"),
        ("the Pakistan Muslim League-N (PML-N)", "PML-N", "Pakistan Muslim League-N"),
        # The paper's own example of letters inside words.
        ("Gcn5-related N-acetyltransferase (GNAT)", "GNAT", "Gcn5-related N-acetyltransferase"),
    ],
)
def test_a_definition_is_found(text: str, short: str, long: str | None) -> None:
    found = dict(defined(text))
    assert key(short) in found
    assert long is None or found[key(short)] == key(long)


@pytest.mark.parametrize(
    "text",
    [
        "he came (see below) and left",
        "Ahsan Iqbal (PML-N) said",
        "the growth rate (3.2 per cent) fell",
        "Xi Jinping (L) and Shehbaz Sharif (R)",
        "the summit (Beijing) ended",
        "on Culture (@bbc_culture)",
        "It was published on April 3, 2018. (AP)",
        "the PTI Information Secretary (PTI)",
        "AI (applied AI)",
    ],
)
def test_what_defines_nothing_is_left(text: str) -> None:
    assert defined(text) == set()


@given(st.text(alphabet=st.sampled_from("aAbB (（）)-.\n"), max_size=60))
def test_of_any_text_each_letter_of_the_short_form_stands_in_the_long(text: str) -> None:
    for short, long in defined(text):
        letters = iter(long)
        assert all(letter in letters for letter in short.replace(" ", "").removesuffix("s"))


def test_a_form_is_a_run_of_words_that_nothing_parts() -> None:
    text = "Which zone? The SEZ"
    found = forms(text)
    assert found["which zone"] == [Span(0, 10)]
    assert "zone the" not in found


def test_a_meaning_that_few_definitions_give_is_a_slip(tmp_path: Path) -> None:
    texts = ["nine special economic zones (SEZs)"] * 9 + ["nine small economic zones (SEZs)"]
    build(tmp_path / "index", [LexicalEntry(f"{n}#0", str(n), "", text) for n, text in enumerate(texts)])
    index = LexicalIndex.open(tmp_path / "index")
    assert index.other_forms(["sez", "port"]) == {"sez": ("special econom zone",)}
    asked = Question.of("Which SEZs are built?").with_other_forms(index.other_forms)
    assert asked.terms == ["which", "sez", "are", "built", "special", "econom", "zone"]


def test_a_question_by_the_long_form_is_met_by_the_short_one(engine: Engine, tmp_path: Path) -> None:
    """No table has this body: only the collection tells what its short form is."""
    defines = "The Coastal Tidings Bureau (CTB) was set up in 2013."
    engine.ingest([str(lines(tmp_path / "news.jsonl", defines=defines, other="A bureau of parliament meets."))])
    asked = engine.query("Where does the Coastal Tidings Bureau meet?").asked
    sought = Sought(asked, lambda _: 1.0)
    assert sought.lacking(sought.look(contents("The CTB meets in Beijing."))) == []
    other = sought.lacking(sought.look(contents("The NTB meets in Beijing.")))
    assert [need.surface for need in other] == ["Coastal", "Tidings", "Bureau"]

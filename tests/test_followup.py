"""A follow-up and the questions before it become one query."""

from __future__ import annotations

import pytest

from retrieval.followup import kind_taken, resolve


@pytest.mark.parametrize(
    ("question", "history", "expected"),
    [
        ("how long is it?", ["What is CPEC?"], "CPEC how long is it?"),
        ("and Gwadar?", ["How long is CPEC?"], "long CPEC and Gwadar?"),
        ("how long is it?", [], "how long is it?"),
        ("how long is it?", ["What is CPEC?", ""], "CPEC how long is it?"),
        ("and in 2024?", ["What did Gwadar export in 2023?"], "Gwadar export and in 2024?"),
        ("in 2024?", ["What did Gwadar export in 2023?"], "Gwadar export in 2024?"),
        ("for dental?", ["What does PNSC insure?"], "PNSC insure for dental?"),
        ("In which year was that?", ["When did PNSC open?"], "PNSC open In which year was that?"),
        ("and how long is CPEC in Gwadar?", ["What does CPEC build?"], "build and how long is CPEC in Gwadar?"),
        ("who owns it?", ["How many work at Reko Diq?", "and later?"], "work Reko Diq who owns it?"),
        ("二期建好后呢", ["高查瑞光伏能供多少户"], "高查瑞光伏能供 二期建好后呢"),
        ("اور یہ کب بنے گی؟", ["ایم ایل ون پر کتنا خرچ ہوگا؟"], "ایم ایل ون خرچ اور یہ کب بنے گی؟"),
    ],
)
def test_a_follow_up_takes_what_opened_its_topic(question: str, history: list[str], expected: str) -> None:
    assert resolve(question, history) == expected


@pytest.mark.parametrize(
    ("question", "history", "expected"),
    [
        ("And the highways?", ["How many megawatts did CPEC add?"], "number"),
        ("What about the highways?", ["How many megawatts did CPEC add?"], "number"),
        ("and in march?", ["When did foreigners sell?", "How much did foreigners sell in April?"], "number"),
        ("and in May?", ["How much did foreigners sell in March?", "", "and in April?"], "number"),
        ("其中巴方员工呢？", ["中巴经济走廊一共带来了多少就业？"], "number"),
        ("اور برطانیہ سے؟", ["سعودی عرب سے کتنی رقم آئی؟"], "number"),
        ("اور شاہراہیں؟", ["کتنے میگاواٹ بجلی شامل ہوئی؟"], "number"),  # a word that ends as a verb does
        ("اور سلامتی کونسل؟", ["کتنے ارکان آئے؟"], "number"),  # in the council stands a "who", in Vietnam a "name"
        ("اور ویتنام؟", ["کتنے ارکان آئے؟"], "number"),
        ("那几内亚呢？", ["建了多少公里？"], "number"),
        ("اور وجہ؟", ["کتنے ارکان آئے؟"], None),
        ("and the year before?", ["How much did Reko Diq cost?"], "number"),
        ("and Davos?", ["When did CIFTIS open?"], "time"),
        ("for dental?", ["What are the pass marks of the test?"], "other"),
        # These ask or say something themselves.
        ("and which ministries run it?", ["Who heads the meeting?"], None),
        ("and was it finished?", ["How long is it?"], None),
        ("Also, was the dam finished?", ["How long is it?"], None),
        ("Do they export rice?", ["How long is it?"], None),
        ("And how long is it?", ["Who built the road?"], None),
        ("and the minister?", ["How many megawatts did CPEC add?"], None),
        ("and the reason?", ["How many megawatts did CPEC add?"], None),
        ("Gwadar Port", ["How many megawatts did CPEC add?"], None),
        ("Thanks", ["How many megawatts did CPEC add?"], None),
        ("and there?", ["How many megawatts did CPEC add?"], None),
        ("اور یہ کیوں؟", ["یہ کتنا لمبا ہے؟"], None),
        ("اور کون سی سڑکیں؟", ["یہ کتنا لمبا ہے؟"], None),
        ("اور یہ پل مکمل ہو گیا ہے؟", ["یہ کتنا لمبا ہے؟"], None),
        ("那公路是否完工？", ["这条路多长？"], None),
        ("那公路为何停工？", ["这条路多长？"], None),
        ("क्यों?", ["How long is it?"], None),
        # Nothing was asked before, or another topic was opened since.
        ("And the highways?", [], None),
        ("And the highways?", ["CPEC"], None),
        ("and aluminium?", ["How many kilometres were built?", "Tariffs on steel imports from Vietnam"], None),
    ],
)
def test_what_only_names_another_thing_takes_the_kind_of_its_answer(
    question: str, history: list[str], expected: str | None
) -> None:
    assert kind_taken(question, history) == expected


@pytest.mark.parametrize("heading", ["Know-how transfer in the corridor", "The plant which burned in Karachi"])
def test_a_heading_may_hold_a_word_that_asks(heading: str) -> None:
    assert resolve("When did it begin?", [heading]) == f"{heading} When did it begin?"


def test_a_bare_heading_is_taken_whole() -> None:
    assert resolve("When did they disband?", ["The Mothers of Invention"]) == (
        "The Mothers of Invention When did they disband?"
    )


@pytest.mark.parametrize(
    ("question", "history"),
    [
        ("How many ships does PNSC own?", ["What is CPEC?"]),
        ("How many megawatts did CPEC phase one add?", ["best recipe for biryani"]),
        ("What did the 2024 fair have as its theme?", ["best recipe for biryani"]),
        ("In which year did the Karakoram Highway open?", ["What is CPEC?"]),
        ("For how long did Dusek run Davos?", ["What is CPEC?"]),
        ("2022年底首届中海峰会最重要的成果是什么？", ["中缅油气管道给缅甸直接带来了多少收入？"]),
    ],
)
def test_a_new_topic_does_not_drag_the_old_one_along(question: str, history: list[str]) -> None:
    assert resolve(question, history) == question


def test_the_last_topic_counts() -> None:
    history = ["How long is CPEC?", "How many ships does PNSC own?", "who runs it?"]
    assert resolve("and since when?", history) == "ships PNSC and since when?"


def test_a_question_that_names_something_of_the_topic_opens_no_other() -> None:
    history = ["How long is CPEC?", "Which roads of CPEC did Dusek build?", "who runs it?"]
    assert resolve("and since when?", history) == "long CPEC and since when?"


@pytest.mark.parametrize(
    ("shorter", "longer"),
    [
        ("水库大坝的高度超过多少米才算合格", "水库大坝的高度超过了多少米才算合格"),
        ("سیلاب سے کتنے مکان گرے اور بہہ گئے", "سیلاب سے کتنے مکان گرے اور سب بہہ گئے"),
        ("سیلاب سے کتنے online مکان گرے اور گئے", "سیلاب سے کتنے online مکان گرے اور بہہ گئے"),
        ("बाढ़ से कितने मकान गिरे", "बाढ़ से कितने मकान गिरे और पानी में बह गए"),
    ],
)
def test_without_capitals_only_a_short_question_leans(shorter: str, longer: str) -> None:
    """Nothing in letters without capitals tells a name that is not known."""
    assert resolve(shorter, ["What is CPEC?"]) == f"CPEC {shorter}"
    assert resolve(longer, ["What is CPEC?"]) == longer

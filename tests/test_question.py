"""What a question names, and what it asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.asked import highlights, holds_asked_kind, holds_asked_unit, holds_asked_word
from retrieval.datamodel import Span
from retrieval.evidence import Contents, contents, contradicts, coverage, holds, lacking
from retrieval.question import Need, Question, script


def surfaces(question: str) -> list[str]:
    return [need.surface for need in Question.of(question).needs]


@pytest.mark.parametrize(
    ("question", "asks"),
    [
        ("How many megawatts did CPEC add?", "number"),
        ("how long is CPEC", "number"),
        ("value of the food MoU", "number"),
        ("Who leads the embassy?", "person"),
        ("When is the meeting due?", "time"),
        ("Where is the port?", "place"),
        ("Why was it dropped?", "other"),
        ("科哈拉水电站总投资多少？", "number"),
        ("默拉直流项目是谁揭的牌", "person"),
        ("وفد میں کتنے لوگ آئے؟", "number"),
        ("اجلاس کب ہوگا؟", "time"),
    ],
)
def test_the_question_word_tells_the_kind_of_answer(question: str, asks: str) -> None:
    assert Question.of(question).asks == asks


@pytest.mark.parametrize(
    ("text", "expected"),
    [("How long is CPEC?", "latin"), ("سی پیک کتنا لمبا ہے", "arabic"), ("CPEC走廊有多长", "han"), ("", "latin")],
)
def test_the_script_is_that_of_most_letters(text: str, expected: str) -> None:
    assert script(text) == expected


def test_question_words_and_light_verbs_are_no_needs() -> None:
    assert surfaces("Who leads Pakistan's embassy in China?") == ["Pakistan's", "embassy", "China"]


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("latest on CPEC", ["CPEC"]),
        ("What did China export to Pakistan last year?", ["China", "export", "Pakistan"]),
        ("What is happening at Gwadar right now?", ["Gwadar"]),
        ("گزشتہ سال گوادر میں کیا ہوا", ["گوادر"]),
    ],
)
def test_when_is_no_need(question: str, expected: list[str]) -> None:
    assert surfaces(question) == expected


def test_a_question_of_light_verbs_alone_keeps_them() -> None:
    assert surfaces("what did they say") == ["say"]


def test_a_phase_is_one_need_with_its_number() -> None:
    (need,) = [need for need in Question.of("How many megawatts did CPEC phase one add?").needs if need.quantity]
    assert (need.kind, need.surface) == ("ordinal", "phase one")


def test_a_capital_inside_the_question_makes_a_name() -> None:
    kinds = {need.surface: need.kind for need in Question.of("Did Dusek mention rivers?").needs}
    assert kinds == {"Dusek": "name", "mention": "word", "rivers": "word"}


@given(st.text(max_size=200))
def test_any_text_can_be_taken_apart(text: str) -> None:
    for need in Question.of(text).needs:
        assert need.span.of(text) == need.surface


def test_names_are_the_same_in_every_script() -> None:
    (need,) = Question.of("سی پیک").needs
    assert holds(need, contents("Hashmi holds high hopes for CPEC"))
    assert holds(need, contents("中巴经济走廊的建设"))
    assert not holds(need, contents("Hashmi holds high hopes for the port"))


def test_another_phase_contradicts_and_the_same_does_not() -> None:
    phase_two = Question.of("What did phase two add?")
    assert contradicts(phase_two, contents("CPEC Phase I added 8,000 megawatts")) == 1
    assert contradicts(phase_two, contents("CPEC Phase I is done. In Phase II we build")) == 0
    assert contradicts(phase_two, contents("The corridor added 8,000 megawatts")) == 0.5
    assert contradicts(Question.of("What did it add?"), contents("CPEC Phase I added 8,000 megawatts")) == 0


def test_a_question_of_two_phases_is_contradicted_by_neither() -> None:
    both = Question.of("What separates phase one from phase two?")
    assert contradicts(both, contents("CPEC Phase I is done")) == 0
    assert contradicts(both, contents("CPEC Phase III begins")) == 1


def test_numbers_are_compared_by_value() -> None:
    needs = Question.of("Which firm got 350 million dollars in 2023?").needs
    missing = [need.surface for need in lacking(Question.of("Which firm got 350 million dollars in 2023?"), found())]
    assert [need.kind for need in needs] == ["word", "number", "year"]
    assert missing == ["firm", "2023"]


def found() -> Contents:
    return contents("In 2024 it was worth $350m to the company")


def test_coverage_is_the_share_by_weight() -> None:
    question = Question.of("theme of the fair")
    weight = {"theme": 3.0, "fair": 1.0}

    def weigh(need: Need) -> float:
        return weight[need.surface]

    assert coverage(question, contents("the theme was trade"), weigh) == 3 / 4
    assert coverage(question, contents("the fair closed"), weigh) == 1 / 4
    assert coverage(question, contents("主题"), weigh) == 1.0  # only the known word can be compared


def marked(question: str, sentence: str) -> list[str]:
    return [span.of(sentence) for span in highlights(Question.of(question), sentence, Span(0, len(sentence)))]


def test_a_number_is_marked_with_its_limit_and_unit() -> None:
    sentence = "We were able to add over 8,000 megawatts of electricity to our grid in 2024."
    assert marked("How many megawatts were added?", sentence) == ["over 8,000 megawatts"]


def test_what_the_question_says_itself_is_not_marked() -> None:
    assert marked("Who is Khalil Hashmi?", "Khalil Hashmi met Mirek Dusek.") == ["Mirek Dusek"]


def test_nothing_is_marked_where_the_answer_cannot_be_told() -> None:
    assert marked("Why was the dam dropped?", "The dam was dropped over 3 debts in May 2018.") == []


@given(st.text(max_size=120), st.text(min_size=1, max_size=120))
def test_marks_lie_in_the_sentence_in_order(question: str, sentence: str) -> None:
    spans = highlights(Question.of(question), sentence, Span(0, len(sentence)))
    assert list(spans) == sorted(spans)
    assert all(span.end <= len(sentence) for span in spans)


def test_how_many_megawatts_asks_for_megawatts() -> None:
    question = Question.of("How many megawatts did it add?")
    assert holds_asked_unit(question, "It added 8,000 megawatts.")
    assert not holds_asked_unit(question, "It added 800 kilometers of transmission lines, and megawatts too.")


def test_the_theme_of_asks_for_a_theme() -> None:
    question = Question.of("What is the theme of the meeting?")
    assert holds_asked_word(question, "under the theme “Collaboration”") is True
    assert holds_asked_word(question, "The meeting began on Monday.") is False
    assert holds_asked_word(Question.of("Who came?"), "Nobody came.") is None


def test_the_kind_cannot_be_told_for_people_in_a_script_without_capitals() -> None:
    assert holds_asked_kind(Question.of("谁揭牌？"), "总理伊姆兰·汗为项目揭牌。") is None
    assert holds_asked_kind(Question.of("Who unveiled it?"), "Imran Khan unveiled it.") is True
    assert holds_asked_kind(Question.of("Who unveiled it?"), "it was unveiled.") is False

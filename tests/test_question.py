"""What a question names, and what it asks for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.asked import Asked
from retrieval.contents import Contents, contents
from retrieval.datamodel import Span
from retrieval.evidence import Sought, contradicts, holds
from retrieval.question import Need, Query, Question, script


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
        # The earliest of several.
        ("Who said how many came?", "person"),
        ("How much did those who came pay?", "number"),
        ("Since when is the port open?", "time"),
        ("What happens when business underpays its workers?", "other"),
        ("几月开会？", "time"),
        # Urdu words of which a question word is but a part, and "which".
        ("اکبر نے کتنے منصوبے بنائے؟", "number"),
        ("کونسل کا اجلاس کب ہوگا؟", "time"),
        ("کون سی کمپنی آئی؟", "other"),
        ("پاکستان کا وزیر کون ہے؟", "person"),
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


@pytest.mark.parametrize(
    ("question", "names"),
    [
        ("کیا ڈسک نے دریاؤں کا ذکر کیا", []),
        ("کیا ڈسک نے گوادر اور SIFC کا ذکر کیا", ["گوادر", "SIFC"]),
        ("ما هي عاصمة فرنسا الكبيرة", []),
        ("भारत की राजधानी दिल्ली है", []),
        ("这条走廊与SIFC有多远", ["SIFC"]),
        ("Did Élodie meet Ørsted?", ["Élodie", "Ørsted"]),
    ],
)
def test_letters_without_capitals_show_no_names_but_known_ones(question: str, names: list[str]) -> None:
    assert [need.surface for need in Question.of(question).needs if need.kind == "name"] == names


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
    assert contradicts(phase_two, contents("CPEC Phase I added 8,000 megawatts").quantities) == 1
    assert contradicts(phase_two, contents("CPEC Phase I is done. In Phase II we build").quantities) == 0
    assert contradicts(phase_two, contents("The corridor added 8,000 megawatts").quantities) == 0.5
    assert contradicts(Question.of("What did it add?"), contents("CPEC Phase I added 8,000 megawatts").quantities) == 0


def test_a_question_of_two_phases_is_contradicted_by_neither() -> None:
    both = Question.of("What separates phase one from phase two?")
    assert contradicts(both, contents("CPEC Phase I is done").quantities) == 0
    assert contradicts(both, contents("CPEC Phase III begins").quantities) == 1


def test_numbers_are_compared_by_value() -> None:
    question = Question.of("Which firm got 350 million dollars in 2023?")
    sought = Sought(question, lambda _: 1.0)
    missing = [need.surface for need in sought.lacking(sought.look(found()))]
    assert [need.kind for need in question.needs] == ["word", "number", "year"]
    assert missing == ["firm", "2023"]


@pytest.mark.parametrize(
    ("question", "text", "is_held"),
    [
        ("What did Phase II build?", "Phase II built roads", True),
        ("What did Phase II build?", "CPEC Phase I is done; Section II of the report says more", False),
        ("What did the second phase build?", "In the next phase, the Second Secretary said", False),
        ("What did the second phase build?", "The first phase built roads, the second zones", True),
        ("دوسرے مرحلے میں کیا بنا؟", "第二阶段", True),
        ("二期建了什么？", "第十二期", False),
        ("第二阶段建了什么？", "第二天进入下一阶段", False),
        ("Who spoke at the 14th session?", "第14届会议", True),
        ("Who spoke at the second forum?", "the second Belt and Road Forum", True),
        ("What opened in 2005?", "in May 2005", True),
        ("What opened in 2005?", "2005年5月16日", True),
        ("What opened in 2005?", "at IDEAS-2005", True),
        ("What opened in 2005?", "for 2,005 workers", False),
        ("2005年开了什么？", "for 2,005 workers", False),
        ("2005 میں کیا کھلا؟", "۲۰۰۵ء میں", True),
        ("Who has 5 percent?", "a share of 5 to 7 percent", True),
        ("Who has 5 percent?", "百分之五到七", True),
        ("Who has 15 percent?", "百分之五到十五", True),
        ("Who has 5 percent?", "پانچ فیصد", True),
        ("Who has 5 percent?", "5 trucks, and some percent", False),
        ("Who has 5%?", "an F-5 jet", False),
        ("谁有百分之五？", "5％", True),
        ("谁有百分之五？", "5辆卡车", False),
        ("پانچ فیصد کس کے پاس ہے؟", "5 فیصد", True),
        ("پانچ فیصد کس کے پاس ہے؟", "5 ٹرک", False),
        ("Who got $350 million?", "US$350m", True),
        ("Who got $350 million?", "350 million", True),
        ("Who got 350 million?", "Rs 350 million", True),
        ("Who got $350 million?", "Rs 350 million, which is $1.2 million", False),
        ("Who got 350 million?", "350 trucks for 2 million people", False),
        ("Who paid $350?", "a CAT-350 truck", False),
        ("Who paid $2005?", "in May 2005", False),
        ("谁得到3.5亿美元？", "35 کروڑ روپے", False),
        ("谁得到3.5亿美元？", "35 کروڑ ڈالر", True),
    ],
)
def test_a_number_is_held_by_one_of_its_kind_only(question: str, text: str, *, is_held: bool) -> None:
    (need,) = [need for need in Question.of(question).needs if need.quantity is not None]
    assert holds(need, contents(text)) == is_held


def found() -> Contents:
    return contents("In 2024 it was worth $350m to the company")


def test_coverage_is_the_share_by_weight() -> None:
    question = Question.of("theme of the fair")
    weight = {"theme": 3.0, "fair": 1.0}

    def weigh(need: Need) -> float:
        return weight[need.surface]

    sought = Sought(question, weigh)
    covered = [sought.coverage(sought.look(contents(text))) for text in ("the theme was trade", "the fair closed")]
    assert covered == [3 / 4, 1 / 4]
    assert sought.coverage(sought.look(contents("主题"))) == 1.0  # only the known word can be compared


_ASKED = st.sampled_from(
    [
        "How many megawatts did phase two of CPEC add in 2024?",
        "Who paid $350 million for the second part, and who 5 percent?",
        "سی پیک کے دوسرے مرحلے پر کتنے ڈالر لگے؟",
        "2024年中巴经济走廊第二阶段花了3.5亿美元吗？",
        "Which firm opened the IDEAS-2024 fair?",
    ]
)
_SAID = st.lists(
    st.sampled_from(
        "phase two CPEC 2024 $350 million the first second part 5 percent فیصد سی پیک دوسرا مرحلہ 中巴经济走廊"
        " 第二阶段 3.5亿美元"
        " megawatts added IDEAS-2024 firm fair 350 Phase I II . ,".split()
    ),
    max_size=9,
).map(" ".join)


@given(_ASKED, _SAID, _SAID)
def test_needs_looked_for_together_are_those_looked_for_one_by_one(asked: str, text: str, other: str) -> None:
    """Also in two texts that are put together."""
    question = Question.of(asked)
    sought = Sought(question, lambda _: 1.0)
    both = sought.look(contents(text)) | sought.look(contents(other))
    joined = Contents.joined([contents(text), contents(other)])
    assert [sought.holds(need, both) for need in question.needs] == [holds(need, joined) for need in question.needs]


def marked(question: str, sentence: str) -> list[str]:
    return [span.of(sentence) for span in highlights(question, sentence)]


def highlights(question: str, sentence: str) -> tuple[Span, ...]:
    return Asked(Question.of(question)).highlights(sentence, Span(0, len(sentence)), contents(sentence))


def test_a_number_is_marked_with_its_limit_and_unit() -> None:
    sentence = "We were able to add over 8,000 megawatts of electricity to our grid in 2024."
    assert marked("How many megawatts were added?", sentence) == ["over 8,000 megawatts"]


def test_what_the_question_says_itself_is_not_marked() -> None:
    assert marked("Who is Khalil Hashmi?", "Khalil Hashmi met Mirek Dusek.") == ["Mirek Dusek"]


@pytest.mark.parametrize(
    ("question", "sentence", "expected"),
    [
        ("When in June 2015 was it opened?", "It was opened on 5 June 2015.", ["5 June 2015"]),
        ("When did the Mayor open it?", "It was opened in May.", ["May"]),
        ("When in June 2015 was it opened?", "It was opened in June 2015.", []),
        ("2024年底的峰会什么时候开幕？", "峰会在2024年12月5日开幕，是2024年的第一次。", ["2024年12月5日"]),
    ],
)
def test_what_the_question_says_is_told_by_words(question: str, sentence: str, expected: list[str]) -> None:
    assert marked(question, sentence) == expected


def test_nothing_is_marked_where_the_answer_cannot_be_told() -> None:
    assert marked("Why was the dam dropped?", "The dam was dropped over 3 debts in May 2018.") == []


@given(st.text(max_size=120), st.text(min_size=1, max_size=120))
def test_marks_lie_in_the_sentence_in_order(question: str, sentence: str) -> None:
    spans = highlights(question, sentence)
    assert list(spans) == sorted(spans)
    assert all(span.end <= len(sentence) for span in spans)


def holds_unit(question: str, sentence: str) -> bool:
    return Asked(Question.of(question)).holds_unit(sentence, contents(sentence))


def holds_word(question: str, sentence: str) -> bool | None:
    return Asked(Question.of(question)).holds_word(contents(sentence))


def holds_kind(question: str, sentence: str) -> bool | None:
    return Asked(Question.of(question)).holds_kind(sentence, contents(sentence))


def test_how_many_megawatts_asks_for_megawatts() -> None:
    question = "How many megawatts did it add?"
    assert holds_unit(question, "It added 8,000 megawatts.")
    assert not holds_unit(question, "It added 800 kilometers of transmission lines, and megawatts too.")


def test_the_theme_of_asks_for_a_theme() -> None:
    question = "What is the theme of the meeting?"
    assert holds_word(question, "under the theme “Collaboration”") is True
    assert holds_word(question, "The meeting began on Monday.") is False
    assert holds_word("Who came?", "Nobody came.") is None


def test_who_asks_for_the_role_that_is_named() -> None:
    question = "Who is the ambassador to Makran?"
    assert holds_word(question, "Khalil Hashmi heads the embassy.") is True
    assert holds_word(question, "Khalil Hashmi met Mirek Dusek.") is False
    assert holds_word("Did the ambassador see Makran?", "Khalil Hashmi met Mirek Dusek.") is None


def test_the_kind_cannot_be_told_for_people_in_a_script_without_capitals() -> None:
    assert holds_kind("谁揭牌？", "总理伊姆兰·汗为项目揭牌。") is None
    assert holds_kind("Who unveiled it?", "Imran Khan unveiled it.") is True
    assert holds_kind("Who unveiled it?", "it was unveiled.") is False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Why was the summit moved?", True),
        ("and how will the debt be repaid?", True),
        ("How does CPEC help Gwadar?", True),
        ("کوئٹہ میں کٹس کیوں بانٹی گئیں؟", True),
        ("قرض کیسے واپس ہوگا؟", True),
        ("为什么峰会改期？", True),
        ("两国如何合作？", True),
        ("How many megawatts did it add?", False),
        ("how long is CPEC", False),
        ("Who said why the summit was moved?", False),
        ("What shows how the money was spent?", False),
        ("کتنے میگاواٹ بجلی آئی؟", False),
        ("多少人参加？", False),
    ],
)
def test_a_question_that_asks_for_reasons_is_told_by_its_words(text: str, expected: bool) -> None:  # noqa: FBT001
    assert Question.of(text).asks_reasons is expected


def test_a_sentence_needs_hold_only_what_the_question_itself_names_where_it_names_another_thing() -> None:
    whole = "megawatts added grid And the highways?"
    named = Query.of("And the highways?", whole, "number").named
    assert [need.surface for need in named.needs] == ["highways"]
    asked_of_it = Query.of("How long is it?", "Karakoram Highway How long is it?").named
    assert "Karakoram Highway" in [need.surface for need in asked_of_it.needs]

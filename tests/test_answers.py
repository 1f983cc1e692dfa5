"""The seeds, asked as people ask: the real model, and what must be answered or must not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from retrieval.datamodel import Abstention, Answer, Reply
from retrieval.encode import OnnxEncoder
from retrieval.engine import Engine
from retrieval.models import prepare
from retrieval.reader import OnnxReader
from retrieval.settings import Settings

SEEDS = Path(__file__).parent.parent / "seeds"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["with the reader", "plain"])
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    settings, model = Settings(), prepare()
    made = Engine(
        tmp_path_factory.mktemp("library"),
        settings,
        lambda: OnnxEncoder(model, threads=settings.threads),
        None if request.param == "plain" else lambda: OnnxReader(model.unigram, threads=settings.threads),
    )
    made.ingest([str(SEEDS)])
    yield made
    made.close()


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("How many megawatts did CPEC phase one add?", ["over 8,000 megawatts"]),
        ("how long is CPEC", ["3,000-kilometer"]),
        ("Who leads Pakistan's embassy in China?", ["Khalil Hashmi"]),
        (
            "What did the 2024 trade in services fair have as its theme?",
            ["Global Services, Shared Prosperity"],
        ),
        ("value of the food MoU", ["350 million dollars"]),
        ("What is the focus of CPEC's second phase?", ["industrial cooperation", "business to business"]),
        ("Who spoke about two big forces?", ["Dusek"]),
        ("theme of the 2025 Davos meeting", ["Collaboration for the Intelligent Age"]),
        ("How much is IT export growth?", ["more than 30%"]),
        ("which chinese companies should come to Pakistan", ["Huawei"]),
        ("سی پیک فیز ون سے گرڈ میں کتنے میگاواٹ بجلی آئی؟", ["over 8,000 megawatts"]),
    ],
)
def test_the_first_excerpt_holds_the_answer(engine: Engine, question: str, words: list[str]) -> None:
    reply = engine.ask(question)
    assert isinstance(reply, Answer)
    assert any(word in reply.excerpts[0].text for word in words)


@pytest.mark.parametrize(
    ("question", "missing"),
    [
        ("How many megawatts did CPEC Phase II add?", ()),
        ("Who is the president of China?", ("president",)),
        ("What did the WEF official say about Pakistan?", ("Pakistan",)),
        ("What was the theme of the 2023 CIFTIS?", ("2023",)),
        ("What is the theme of the 2023 CIFTIS?", ("2023",)),  # a reader made it the only chance, and so vouched
        ("What was the theme of CIFTIS 2022?", ("2022",)),
        ("How many countries took part in CIFTIS 2022?", ("2022",)),
        ("How many participants came to Davos in 2019?", ("2019",)),
        ("best recipe for biryani", ("best", "recipe", "biryani")),
    ],
)
def test_what_the_documents_do_not_say_is_not_answered(engine: Engine, question: str, missing: tuple[str, ...]) -> None:
    reply = engine.ask(question)
    assert isinstance(reply, Abstention)
    assert set(missing) <= set(reply.missing_terms)


# Asked blind, by someone who had only read the articles; the last three are not answered there.
BLIND: list[tuple[str, list[str]]] = [
    (
        "How many deals did Chinese and Pakistani firms sign at the Beijing services expo in September 2024?",
        ["two memorandums of understanding", "Two MoUs were also signed"],
    ),
    (
        "Why did Pakistan's envoy think his team's visit to the 2024 fair went so well?",
        ["because we hosted an investment conference", "Two MoUs were also signed", "over 350 million dollars"],
    ),
    (
        "What length of motorway did Pakistan get out of the corridor's first stage?",
        ["over 800 kilometers of world-class highways"],
    ),
    ("Where does the China-Pakistan corridor end on the Chinese side?", ["Kashgar city"]),
    ("When did the 2024 Beijing services expo wrap up?", ["concluding on Monday in Beijing"]),
    ("Which old trade route is CPEC supposed to bring back to life?", ["revive the ancient Silk Road"]),
    ("How many people went to Davos in January 2025?", ["around 3,000 participants"]),
    ("Who told SCO states they could use Pakistan's market to grow online business?", ["Badar uz Zaman"]),
    ("What kind of cable scheme do Islamabad and Beijing already have together?", ["Optical Fiber Cable Project"]),
    (
        "why does the davos guy say it matters so much that countries keep talking to each other",
        ["bridging and dialogue could not be more important", "have mechanisms where we can have dialogue"],
    ),
    ("سی پیک کے پہلے مرحلے میں کل کتنے ارب ڈالر لگائے گئے؟", ["over 26 billion dollars investment"]),
    (
        "بیجنگ کے 2024 والے خدمات کے میلے میں کتنے ملکوں اور عالمی اداروں کے لوگ آئے؟",
        ["85 countries and international organizations"],
    ),
    ("2025 میں ڈیووس کا اجلاس ہفتے کے کس دن شروع ہوا تھا؟", ["commenced in Davos, Switzerland on Monday"]),
    ("پاکستان کو سیف سٹی منصوبوں کے لیے کس چیز کی زیادہ ضرورت ہے؟", ["set up data centers in Pakistan"]),
    ("巴基斯坦大使觉得两国在哪些新技术上还能多合作？", ["semiconductors, AI", "solar panels"]),
    (
        "世界经济论坛那位负责人是怎么评价中国在科技转型中的角色的？",
        ['"key actor"', "China plays a very important role"],
    ),
    ("巴方在2024年服贸会期间办的投资推介会来了多少人？", ["over 150 participants"]),
    ("What was the second agreement signed at the 2024 Beijing fair worth, the one that wasn't about food?", []),
    ("How many people attended the Davos meeting in 2024?", []),
    ("中巴经济走廊第二阶段总共投资了多少钱？", []),
]


def test_most_of_twenty_blind_questions_are_answered_rightly_or_declined(
    engine: Engine, request: pytest.FixtureRequest
) -> None:
    """As this is written, seven that the seeds answer are declined, two answered wrongly; with the reader 5, none."""
    most_wrong, most_declined = (2, 7) if request.node.callspec.params["engine"] == "plain" else (1, 6)
    declined, wrong = [], []
    for question, words in BLIND:
        reply = engine.ask(question)
        if isinstance(reply, Abstention):
            declined += [question] if words else []
        elif not any(word in reply.excerpts[0].text for word in words):
            wrong.append(question)
    assert len(wrong) <= most_wrong, wrong
    assert len(declined) <= most_declined, declined


def test_phase_one_is_a_near_miss_where_phase_two_was_asked(engine: Engine) -> None:
    reply = engine.ask("How many megawatts did CPEC Phase II add?")
    assert isinstance(reply, Abstention)
    assert reply.reason == "near_miss"


def test_the_answering_words_are_highlighted(engine: Engine) -> None:
    """A number with its unit, and what limits it ("over")."""
    reply = engine.ask("How many megawatts did CPEC phase one add?")
    assert isinstance(reply, Answer)
    first = reply.excerpts[0]
    assert [span.of(first.document.snapshot.text) for span in first.highlights] == ["over 8,000 megawatts"]


def test_an_excerpt_that_leans_on_the_sentence_before_takes_it_along(engine: Engine) -> None:
    """ "We were able to add …" does not tell of which phase it speaks."""
    reply = engine.ask("How many megawatts did CPEC phase one add?")
    assert isinstance(reply, Answer)
    assert reply.excerpts[0].text.startswith('"CPEC Phase I was primarily about infrastructure and energy.')


def test_a_follow_up_takes_its_subject_from_the_question_before(engine: Engine) -> None:
    reply = engine.ask("and how long is it?", history=["What is CPEC?"])
    assert "3,000-kilometer" in _shown(reply)


@pytest.mark.parametrize(
    ("before", "question"),
    [
        ("How many megawatts did CPEC phase one add?", "And the highways?"),
        ("سی پیک کے پہلے مرحلے میں کتنے میگاواٹ بجلی شامل ہوئی؟", "اور شاہراہیں؟"),
        ("中巴经济走廊第一期增加了多少兆瓦？", "那高速公路呢？"),
    ],
)
def test_what_a_bare_follow_up_names_is_found_with_what_was_asked_before(
    engine: Engine, before: str, question: str
) -> None:
    """The reader sees "and the highways?" alone, and takes any length of anything for its answer."""
    assert "over 800 kilometers" in _shown(engine.ask(question, history=[before]))


def test_every_excerpt_is_what_its_snapshot_says(engine: Engine) -> None:
    questions = ["CPEC", "What did Dusek say?", "ڈیجیٹل معیشت", "服务贸易", "Huawei and Tencent", "?!", "a" * 500]
    for question in questions:
        reply = engine.ask(question, top=10)
        excerpts = reply.excerpts if isinstance(reply, Answer) else reply.nearest
        for excerpt in excerpts:
            assert excerpt.document.snapshot.text[excerpt.span.start : excerpt.span.end] == excerpt.text
            assert excerpt.document.holds(excerpt.span)
            assert "Skip to Content" not in excerpt.text
            assert "descriptions off" not in excerpt.text


def test_the_same_question_gets_the_same_reply(engine: Engine) -> None:
    assert engine.ask("how long is CPEC") == engine.ask("how long is CPEC")


def test_a_story_that_stands_in_two_documents_is_told_as_one(engine: Engine, tmp_path: Path) -> None:
    text = "The Makran ferry carried 4,210 passengers in its first month, the port's director said."
    rows = [{"id": name, "text": text, "title": "Makran ferry"} for name in ("first-paper", "second-paper")]
    path = tmp_path / "ferry.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    engine.ingest([str(path)])
    reply = engine.ask("How many passengers did the Makran ferry carry?")
    assert isinstance(reply, Answer)
    assert reply.excerpts[0].document.id == "first-paper"
    assert reply.excerpts[0].also_in == ("second-paper",)
    assert [excerpt.text for excerpt in reply.excerpts].count(text) == 1
    for row in rows:
        engine.remove(row["id"])


def _shown(reply: Reply) -> str:
    excerpts = reply.excerpts if isinstance(reply, Answer) else reply.nearest
    return excerpts[0].text

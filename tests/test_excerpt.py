"""Which sentences are shown, and when Quoth says no."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import lines

from retrieval.candidate import Candidate
from retrieval.confidence import confidence, decide
from retrieval.datamodel import Abstention, Answer, Background, Document, Snapshot, Span
from retrieval.differing import mark_differing
from retrieval.engine import Engine
from retrieval.evidence import Choice, Signals
from retrieval.excerpt import choose, scored, weighed
from retrieval.findings import of_document, of_passage, said
from retrieval.fitted import Network, network, regression
from retrieval.passages import passages
from retrieval.question import Need, Query
from retrieval.repeated import quotable
from retrieval.sentences import split
from retrieval.timing import Timing

TEXT = (
    "The Makran ferry opened in May. It carried 4,210 passengers in its first month. Fares start at 300 rupees.\n"
    "The harbour master declined to comment."
)


def document(identifier: str, text: str, title: str | None = None) -> Document:
    snapshot = Snapshot.take(text, original=text.encode(), source="a.txt", media_type="text/plain", fetched_at="2026")
    body, start = [], 0
    for line in text.split("\n"):
        body.append(Span(start, start + len(line)))
        start += len(line) + 1
    return Document(identifier, snapshot, tuple(body), "en", title)


def candidates(found: Document, similarity: float = 0.87) -> list[Candidate]:
    usual = Background(passages=500, mean=0.74, spread=0.023)
    return [
        Candidate(
            document=found,
            about=of_document(found),
            passage=passage,
            findings=of_passage(found, passage),
            score=7.0,
            similarity=similarity,
            similarities=tuple(similarity for _ in passage.sentences),
            background=usual,
            share=0.4,
        )
        for passage in passages(found)
    ]


def weigh(need: Need) -> float:
    return 1.0


def chosen(question: str, found: list[Document], top: int = 3) -> list[Choice]:
    query = Query.of(question)
    sentences = weighed(query, [one for item in found for one in candidates(item)], weigh, Timing())
    return list(islice(choose(query, sentences, weigh), top))


def test_the_sentence_with_the_number_asked_for_comes_first_with_what_it_leans_on() -> None:
    """The vectors tell the sentences apart, as a model's do: one about fares is further from the question."""
    query = Query.of("How many passengers did the ferry carry?")
    (candidate, *others) = candidates(document("a", TEXT))
    assert not others
    near = replace(candidate, similarities=(0.85, 0.89, 0.8, 0.79))
    first = next(choose(query, weighed(query, [near], weigh), weigh)).excerpt
    assert first.text == "The Makran ferry opened in May. It carried 4,210 passengers in its first month."


def test_excerpts_of_one_document_do_not_overlap() -> None:
    spans = sorted(choice.excerpt.span for choice in chosen("ferry passengers fares", [document("a", TEXT)], top=9))
    assert all(before.end <= after.start for before, after in pairwise(spans))


def test_the_same_text_in_two_documents_is_one_excerpt() -> None:
    choices = chosen("How much are the fares?", [document("a", TEXT), document("b", TEXT)], top=1)
    assert choices[0].excerpt.document.id == "a"
    assert choices[0].excerpt.also_in == ("b",)


def test_a_sentence_that_stands_twice_is_shown_once() -> None:
    between = "The ferry opened. " * 30
    text = f"Fares start at 300 rupees.\n{between.strip()}\nFares start at 300 rupees."
    texts = [choice.excerpt.text for choice in chosen("How much are the fares?", [document("a", text)], top=9)]
    assert sum("Fares start at 300 rupees." in text for text in texts) == 1


def test_an_excerpt_does_not_reach_over_what_is_not_the_documents() -> None:
    """A caption stands between the sentence and the one that it leans on."""
    text = "The ferry opened in May.\nPhoto: AFP\nIt carried 4,210 passengers."
    whole = document("a", text)
    apart = replace(whole, body=(whole.body[0], whole.body[2]))
    first = chosen("How many passengers were carried?", [apart])[0].excerpt
    assert first.text == "It carried 4,210 passengers."


def test_an_excerpt_takes_no_more_than_four_hundred_characters() -> None:
    long = "The ferry " + "that everyone in the harbour had long waited for " * 8 + "opened."
    first = chosen("How many passengers were carried?", [document("a", f"{long} It carried 4,210 passengers.")])[0]
    assert first.excerpt.text == "It carried 4,210 passengers."


def test_phase_one_does_not_answer_for_phase_two() -> None:
    text = "Phase I of the dam added 900 megawatts. Phase II begins next year."
    one = chosen("How many megawatts did phase one of the dam add?", [document("a", text)])[0]
    two = chosen("How many megawatts did phase two of the dam add?", [document("a", text)])[0]
    assert not one.signals.contradicted
    assert two.signals.contradicted or "900" not in two.excerpt.text


def test_phase_one_is_not_quoted_beside_phase_two() -> None:
    """Though both sentences together had the best chance."""
    text = "Phase I of the dam added 900 megawatts. Phase II of the dam begins next year."
    query = Query.of("What did phase two of the dam add?")
    sentences = weighed(query, candidates(document("a", text)), weigh)
    assert [one.signals.contradicted for one in sentences] in ([0.0, 1.0], [1.0, 0.0])
    alike = [one._replace(score=1.0) for one in sentences]
    assert [len(split(one.excerpt.text)) for one in choose(query, alike, weigh)] == [1, 1]
    agreeing = [one._replace(signals=one.signals._replace(contradicted=0.0)) for one in alike]
    assert [one.excerpt.text for one in choose(query, agreeing, weigh)] == [text]


def test_a_long_sentence_is_quoted_up_to_a_comma() -> None:
    start = "The Makran ferry carried 4,210 passengers in its first month, as the harbour master of Ormara told a paper"
    text = start + ", and went on to tell of its boats and of the people who wait for them every day" * 5 + "."
    first = chosen("How many passengers did the Makran ferry carry?", [document("a", text)])[0].excerpt
    assert first.text == text[: text.rindex(",", 0, 401)]


def test_the_word_that_is_asked_for_raises_a_score() -> None:
    """Under weights that know nothing."""
    inputs = len(Signals._fields)
    none, unit = np.zeros(inputs), np.zeros(1)
    flat = Network(none, np.ones(inputs), none, np.zeros((1, inputs)), unit, unit)
    sentences = [choice().signals._replace(asked_word=asked_word) for asked_word in (1.0, 0.0, -1.0)]
    assert scored(sentences, flat) == [0.8, 0.0, -0.8]


def test_a_name_that_is_nowhere_is_lacking() -> None:
    first = chosen("What did Dusek say of the ferry?", [document("a", TEXT)])[0]
    assert first.lacking == ("Dusek",)
    assert first.signals.names_lacking == 1.0


def test_the_title_and_date_count_as_context() -> None:
    dated = replace(document("a", TEXT, "Makran ferry in figures"), published="2024-05-31")
    assert chosen("How many passengers did the Makran ferry carry in 2024?", [dated])[0].lacking == ()


def choice(**changed: float) -> Choice:
    """A good choice, but for what is changed."""
    base = dict.fromkeys(Signals._fields, 0.0)
    good = {"similarity": 0.92, "passage_similarity": 0.9, "standing": 6.0, "passage_standing": 5.0, "share": 0.5}
    full = {"coverage": 1.0, "telling_coverage": 1.0, "window_coverage": 1.0, "context_coverage": 1.0}
    found = chosen("How much are the fares?", [document("a", TEXT)])[0]
    return Choice(found.excerpt, found.contents, Signals(**{**base, **good, **full, **changed}), 0.8, 0.7, ())


@pytest.mark.parametrize(
    "worse",
    [
        {"contradicted": 1.0},
        {"names_lacking": 1.0},
        {"numbers_lacking": 1.0},
        {"similarity": 0.8, "standing": 1.0},
        {"context_coverage": 0.2},
    ],
)
def test_what_speaks_against_an_answer_lowers_the_confidence(worse: dict[str, float]) -> None:
    assert confidence(choice(**worse)) < confidence(choice())


def test_the_operating_point_decides() -> None:
    probability = round(confidence(choice()), 4)
    assert isinstance(decide("q", [choice()], operating_point=probability), Answer)
    assert isinstance(decide("q", [choice()], operating_point=probability + 0.0001), Abstention)


@pytest.mark.parametrize(
    ("given", "lacking", "reason"),
    [
        ({"contradicted": 1.0}, (), "near_miss"),
        ({}, ("president",), "terms_missing"),
        ({}, (), "low_confidence"),
    ],
)
def test_an_abstention_says_why(given: dict[str, float], lacking: tuple[str, ...], reason: str) -> None:
    reply = decide("q", [replace(choice(**given), lacking=lacking)], operating_point=0.9999)
    assert isinstance(reply, Abstention)
    assert (reply.reason, reply.missing_terms) == (reason, lacking)
    assert len(reply.nearest) == 1


@pytest.mark.parametrize(("lacking", "reason"), [((), "near_miss"), (("Dusek",), "terms_missing")])
def test_another_phase_among_the_rest_is_a_near_miss_where_nothing_lacks(lacking: tuple[str, ...], reason: str) -> None:
    choices = [replace(choice(), lacking=lacking), choice(contradicted=1.0)]
    reply = decide("q", choices, operating_point=0.9999)
    assert isinstance(reply, Abstention)
    assert reply.reason == reason


def test_nothing_found_is_an_abstention() -> None:
    assert decide("q", [], operating_point=0.5) == Abstention("q", "nothing_found")


def test_the_fitted_weights_are_for_these_signals() -> None:
    signals = list(Signals._fields)
    assert network().hidden.shape == (len(network().bias), len(signals))
    for found in (regression().same_script, regression().other_script):
        assert set(found) == {"bias", "chance", "lead", *signals} - {"other_script"}


def test_a_network_is_its_formula() -> None:
    """The oracle: the sum written out."""
    signals = [choice().signals._replace(standing=standing) for standing in (1.0, 4.0, 6.5)]
    fitted = network()
    for one, score in zip(signals, fitted.scores(signals), strict=True):
        given = list(one)
        scaled = [(x - mean) / spread for x, mean, spread in zip(given, fitted.mean, fitted.spread, strict=True)]
        total = sum(weight * x for weight, x in zip(fitted.direct, scaled, strict=True))
        for row, bias, output in zip(fitted.hidden, fitted.bias, fitted.output, strict=True):
            total += output * max(0.0, bias + sum(weight * x for weight, x in zip(row, scaled, strict=True)))
        assert score == pytest.approx(total, abs=1e-5)


def test_chance_and_lead_are_shares_of_all_sentences() -> None:
    for found in chosen("How much are the fares?", [document("a", TEXT)], top=9):
        assert 0 < found.chance <= 1
        assert -1 <= found.lead <= found.chance


def dated(identifier: str, sentence: str, published: str | None) -> Document:
    return replace(document(identifier, sentence), published=published)


def test_of_equal_answers_the_newer_comes_first() -> None:
    found = [dated("a", "The fare is 300 rupees.", "2023-05-01"), dated("b", "The fare is 450 rupees.", "2025-05-01")]
    assert [one.excerpt.document.id for one in chosen("How much is the fare?", found)] == ["b", "a"]


def test_no_excerpt_reaches_over_a_sentence_that_is_not_to_be_quoted() -> None:
    """It was a traceback, where the sentences on both sides of an outlet's boilerplate answered together."""
    text = "The Makran ferry carried 4,210 passengers. Follow us on all channels. The Makran ferry carried them in May."
    (candidate,) = candidates(document("a", text))
    left = quotable(candidate, {said("Follow us on all channels.")}.__contains__)
    assert left is not None
    query = Query.of("How many passengers did the Makran ferry carry in May?")
    alike = [one._replace(score=1.0) for one in weighed(query, [left], weigh)]
    found = [one.excerpt.text for one in choose(query, alike, weigh)]
    assert sorted(found) == ["The Makran ferry carried 4,210 passengers.", "The Makran ferry carried them in May."]


def test_an_excerpt_has_three_sentences_at_most_and_one_that_is_short_may_take_another() -> None:
    text = "Who runs the ferry? The Makran Shipping Company. It has four boats. They are old. Two are being mended."
    for found in chosen("Who runs the ferry?", [document("a", text)], top=9):
        assert 1 <= len(split(found.excerpt.text)) <= 3


def test_figures_of_other_dates_are_marked_as_differing() -> None:
    found = [
        dated("a", "The dam of Tarbela adds 900 megawatts.", "2023-05-01"),
        dated("b", "The dam of Tarbela adds 1,200 megawatts.", "2025-05-01"),
        dated("c", "The dam of Tarbela was praised by 12 ministers.", "2025-06-01"),
    ]
    question = "How many megawatts does the dam of Tarbela add?"
    marked = mark_differing(Query.of(question).asked, chosen(question, found))
    assert {one.excerpt.document.id: one.excerpt.differs for one in marked} == {"a": True, "b": True, "c": False}


@pytest.mark.parametrize("published", [None, "2025-05-01"])
def test_figures_of_one_date_or_of_none_are_not(published: str | None) -> None:
    found = [
        dated("a", "The dam adds 900 megawatts.", "2025-05-01"),
        dated("b", "The dam adds 1,200 megawatts.", published),
    ]
    question = "How many megawatts does the dam add?"
    assert not any(one.excerpt.differs for one in mark_differing(Query.of(question).asked, chosen(question, found)))


def test_the_same_figure_written_otherwise_does_not_differ() -> None:
    found = [
        dated("a", "The loan is worth $350 million.", "2023-05-01"),
        dated("b", "The loan is worth 0.35 billion dollars.", "2025-05-01"),
    ]
    question = "How much is the loan worth?"
    assert not any(one.excerpt.differs for one in mark_differing(Query.of(question).asked, chosen(question, found)))


@pytest.mark.parametrize(
    ("lead", "lacking"), [("The forum opened in Davos on Monday.", 0.0), ("It opened on Monday.", 1.0)]
)
def test_a_name_that_the_article_begins_with_is_not_lacking_further_down(
    engine: Engine, tmp_path: Path, lead: str, lacking: float
) -> None:
    filler = " ".join(f"Speaker number {number} talked of trade and of the weather there." for number in range(40))
    text = f"{lead}\n{filler}\nAround three thousand delegates came this time."
    engine.ingest([str(lines(tmp_path / "news.jsonl", forum=text))])
    weighed = engine.weigh(engine.query("How many delegates came to Davos?"))
    (found,) = [one for one in weighed if "three thousand" in one.span.of(text)]
    assert found.signals.names_lacking == lacking
    assert ("Davos" in found.lacking) == bool(lacking)


def test_only_the_best_excerpt_marks_a_number_of_something_else() -> None:
    """Bold says "this answers": kilometres do not, where passengers are counted."""
    text = "The Makran line is 3,000 kilometers long.\nThe Makran line carried 4,210 passengers in May."
    for question, marked in (
        ("How many passengers did the Makran line carry?", {"3,000": [], "4,210": ["4,210 passengers"]}),
        ("How many people did the Makran line carry?", {"4,210": ["4,210 passengers"]}),
    ):
        choices = chosen(question, [document("a", text)])
        for choice in choices:
            number = next(number for number in ("4,210", "3,000") if number in choice.excerpt.text)
            found = [span.of(text) for span in choice.excerpt.highlights]
            if choice is choices[0] or "passengers" in question:
                assert found == marked.get(number, found)


def test_where_another_phase_is_spoken_of_the_one_that_was_asked_for_is_missing() -> None:
    text = "Phase I of the Makran line added 4,210 seats. The second phase comes later."
    (first, *_) = chosen("How many seats did Phase II of the Makran line add?", [document("a", text)])
    assert first.signals.contradicted == 1
    assert first.lacking == ("Phase II",)

"""Which sentences are shown, and when Quoth says no."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise

import pytest

from retrieval.confidence import confidence, decide
from retrieval.datamodel import Abstention, Answer, Candidate, Document, Snapshot, Span
from retrieval.evidence import Choice, Signals
from retrieval.excerpt import choose, weighed
from retrieval.fitted import weights
from retrieval.passages import passages
from retrieval.question import Need, Question

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


def candidates(found: Document, similarity: float = 0.9) -> list[Candidate]:
    return [
        Candidate(found, passage, 1.0, similarity, 0.8, tuple(similarity for _ in passage.sentences))
        for passage in passages(found)
    ]


def weigh(need: Need) -> float:
    return 1.0


def chosen(question: str, found: list[Document], top: int = 3) -> list[Choice]:
    asked = Question.of(question)
    sentences = weighed(asked, [one for item in found for one in candidates(item)], weigh)
    return choose(asked, sentences, weigh, top=top)


def test_the_sentence_with_the_number_asked_for_comes_first_with_what_it_leans_on() -> None:
    first = chosen("How many passengers did the ferry carry?", [document("a", TEXT)])[0].excerpt
    assert first.text == "The Makran ferry opened in May. It carried 4,210 passengers in its first month."


def test_excerpts_of_one_document_do_not_overlap() -> None:
    spans = sorted(choice.excerpt.span for choice in chosen("ferry passengers fares", [document("a", TEXT)], top=9))
    assert all(before.end <= after.start for before, after in pairwise(spans))


def test_the_same_text_in_two_documents_is_one_excerpt() -> None:
    choices = chosen("How much are the fares?", [document("a", TEXT), document("b", TEXT)], top=1)
    assert choices[0].excerpt.document.id == "a"
    assert choices[0].excerpt.also_in == ("b",)


def test_a_sentence_that_stands_twice_is_shown_once() -> None:
    text = "Fares start at 300 rupees.\nThe ferry opened.\nFares start at 300 rupees."
    texts = [choice.excerpt.text for choice in chosen("How much are the fares?", [document("a", text)], top=9)]
    assert texts.count("Fares start at 300 rupees.") == 1


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


def test_a_name_that_is_nowhere_is_lacking() -> None:
    first = chosen("What did Dusek say of the ferry?", [document("a", TEXT)])[0]
    assert first.lacking == ("Dusek",)
    assert first.signals.names_lacking == 1.0


def test_the_title_and_date_count_as_context() -> None:
    dated = replace(document("a", TEXT, "Makran ferry in figures"), published="2024-05-31")
    assert chosen("How many passengers did the Makran ferry carry in 2024?", [dated])[0].lacking == ()


def choice(**changed: float) -> Choice:
    """A good choice, but for what is changed."""
    base = {field.name: 0.0 for field in fields(Signals)}
    good = {"similarity": 0.92, "passage_similarity": 0.9, "background": 0.78, "score": 1.0}
    full = {"coverage": 1.0, "telling_coverage": 1.0, "window_coverage": 1.0, "context_coverage": 1.0}
    found = chosen("How much are the fares?", [document("a", TEXT)])[0]
    return Choice(found.excerpt, Signals(**{**base, **good, **full, **changed}), ())


@pytest.mark.parametrize(
    "worse",
    [
        {"contradicted": 1.0},
        {"names_lacking": 1.0},
        {"numbers_lacking": 1.0},
        {"similarity": 0.8},
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


def test_nothing_found_is_an_abstention() -> None:
    assert decide("q", [], operating_point=0.5) == Abstention("q", "nothing_found")


def test_the_fitted_weights_are_for_these_signals() -> None:
    for name in ("sentence", "confidence"):
        for found in (weights(name).same_script, weights(name).other_script):
            assert set(found) == {"bias", *(field.name for field in fields(Signals))} - {"other_script"}

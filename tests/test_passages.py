"""Passages are slices: nothing lost, nothing twice, nothing foreign, nothing too long."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.datamodel import Document, Passage, Snapshot, Span
from retrieval.passages import PASSAGE_WEIGHT, passages

_SENTENCE = "The harbour opened on Monday. "  # 30 characters


def document(*paragraphs: str, between: str = "\n\n", title: str | None = None) -> Document:
    """A document of `paragraphs`; what stands `between` them belongs to nobody."""
    body: list[Span] = []
    text = "Menu\n"
    for paragraph in paragraphs:
        body.append(Span(len(text), len(text) + len(paragraph)))
        text += paragraph + between
    snapshot = Snapshot.take(text, original=text.encode(), source="a.txt", media_type="text/plain", fetched_at="2024")
    return Document("d", snapshot, tuple(body), "en", title=title)


def texts(of: Document) -> list[str]:
    return [passage.span.of(of.snapshot.text) for passage in passages(of)]


def weight(text: str) -> float:
    """The rule in one line: a Chinese character counts two and a half."""
    return sum(2.5 if "\u4e00" <= character <= "\u9fff" else 1.0 for character in text)


paragraphs = st.lists(
    st.tuples(st.text(st.sampled_from("ab.?。！ \n\u00a0中文س۔")), st.integers(1, 120))
    .map(lambda drawn: drawn[0] * drawn[1])
    .filter(bool),
    min_size=1,
    max_size=6,
)


@given(paragraphs, st.sampled_from(["\n\n", " ", "\nAdvert\n", ""]))
def test_every_character_of_the_body_stands_in_exactly_one_sentence(found: list[str], between: str) -> None:
    of = document(*found, between=between)
    text = of.snapshot.text
    body = [p for span in of.body for p in range(span.start, span.end) if not text[p].isspace()]
    sentences = [span for passage in passages(of) for span in passage.sentences]
    assert [p for span in sentences for p in range(span.start, span.end) if not text[p].isspace()] == body


@given(paragraphs, st.sampled_from(["\n\n", " ", "\nAdvert\n", ""]))
def test_a_passage_spans_its_sentences_within_the_body_and_the_limit(found: list[str], between: str) -> None:
    of = document(*found, between=between)
    text = of.snapshot.text
    for passage in passages(of):
        assert passage.span == Span(passage.sentences[0].start, passage.sentences[-1].end)
        assert passage.id == f"d#{passage.span.start}-{passage.span.end}"
        assert of.holds(passage.span)
        assert sum(weight(span.of(text)) for span in passage.sentences) <= PASSAGE_WEIGHT
        assert all(span.of(text) == span.of(text).strip() for span in passage.sentences)


def test_short_paragraphs_share_a_passage() -> None:
    assert texts(document("One.", "Two.", "Three.")) == ["One.\n\nTwo.\n\nThree."]


def test_a_passage_ends_where_something_else_stands_between_paragraphs() -> None:
    assert texts(document("One.", "Two.", between="\nAdvert\n")) == ["One.", "Two."]


def test_a_blank_paragraph_hides_nothing_foreign_before_it() -> None:
    text = "One.\nAdvert\n \nTwo."
    snapshot = Snapshot.take(text, original=text.encode(), source="a.txt", media_type="text/plain", fetched_at="2024")
    assert texts(Document("d", snapshot, (Span(0, 4), Span(12, 13), Span(14, 18)), "en")) == ["One.", "Two."]


def test_a_paragraph_that_fits_is_kept_whole() -> None:
    """Two of 600 do not fit one passage of 800: each has its own, and none is cut to fill the other."""
    paragraph = (_SENTENCE * 20).strip()
    assert texts(document(paragraph, paragraph)) == [paragraph, paragraph]


def test_a_paragraph_that_fits_is_kept_whole_after_one_that_does_not() -> None:
    """However full the passage is that the long one leaves open."""
    fits = (_SENTENCE * 10).strip()
    for sentences in range(27, 60):
        long = ("A" * 250 + ". ") * 3 + _SENTENCE * sentences
        assert any(fits in passage for passage in texts(document(long.strip(), fits)))


def test_the_rest_of_a_long_paragraph_is_joined_by_the_next_where_both_fit() -> None:
    long = (_SENTENCE * 30).strip()
    *_, last = texts(document(long, "Short."))
    assert last.endswith("Monday.\n\nShort.")


def test_a_huge_sentence_is_cut_at_white_space() -> None:
    words = " ".join(["harbour"] * 1000)
    found = texts(document(words))
    assert " ".join(found) == words
    assert len(found) == -(-len(words) // PASSAGE_WEIGHT)


def test_a_sentence_without_white_space_is_cut_anywhere() -> None:
    found = texts(document("x" * (2 * PASSAGE_WEIGHT + 1)))
    assert [len(text) for text in found] == [PASSAGE_WEIGHT, PASSAGE_WEIGHT, 1]


def test_chinese_weighs_what_it_says() -> None:
    """320 characters are as much as 800 letters."""
    found = texts(document("中" * 1000))
    assert [len(text) for text in found] == [320, 320, 320, 40]


def test_the_heading_is_the_title_or_nothing() -> None:
    assert [passage.heading for passage in passages(document("One.", title="Port"))] == ["Port"]
    assert [passage.heading for passage in passages(document("One."))] == [""]


def test_a_sentence_keeps_its_own_span() -> None:
    (passage,) = passages(document("One is here. Two is there."))
    assert passage == Passage("d", Span(5, 31), "", (Span(5, 17), Span(18, 31)))


@pytest.mark.parametrize("unit", ["x", "x ", "中", "中 ", ". ", "x. "])
def test_time_is_linear_in_hostile_text(unit: str) -> None:
    """A file of one line must not stop an ingest: 200,000 characters in well under ten seconds."""
    begun = time.process_time()
    passages(document(unit * (200_000 // len(unit))))
    assert time.process_time() - begun < 5

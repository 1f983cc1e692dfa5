"""Values that cannot be made wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.candidate import Candidate
from retrieval.datamodel import (
    Abstention,
    Answer,
    Background,
    Document,
    Excerpt,
    Hit,
    Passage,
    Ranking,
    Snapshot,
    Span,
)
from retrieval.findings import of_document, of_passage

_TEXT = "Menu. Eight thousand.\n\nAdvert. Over in 2024."
_FIRST, _SECOND = Span(6, 21), Span(31, 44)  # between them stands what is not the document's

hits = st.builds(Hit, st.text("ab#1", min_size=1, max_size=3), st.floats(allow_nan=False))


def snapshot(text: str = _TEXT) -> Snapshot:
    return Snapshot.take(text, original=text.encode(), source="a.txt", media_type="text/plain", fetched_at="2024")


def document(*body: Span, text: str = _TEXT) -> Document:
    return Document("d", snapshot(text), body or (_FIRST, _SECOND), "en")


def excerpt(span: Span = _FIRST, text: str | None = None, highlights: tuple[Span, ...] = ()) -> Excerpt:
    return Excerpt(document(), span, span.of(_TEXT) if text is None else text, highlights)


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (3, 3), (4, 3)])
def test_a_span_is_never_empty_nor_backwards(start: int, end: int) -> None:
    with pytest.raises(ValueError, match="start < end"):
        Span(start, end)


def test_a_span_counts_code_points() -> None:
    assert Span(1, 3).of("a𝟚سb") == "𝟚س"
    assert len(Span(1, 3)) == 2


def test_a_span_past_the_end_of_a_text_is_refused() -> None:
    """A slice would be silently short."""
    assert Span(0, 3).of("abc") == "abc"
    with pytest.raises(ValueError, match="3 characters"):
        Span(0, 4).of("abc")


def test_a_span_holds_itself_and_what_lies_inside() -> None:
    assert Span(2, 5).holds(Span(2, 5))
    assert Span(2, 5).holds(Span(3, 4))
    assert not Span(2, 5).holds(Span(1, 4))
    assert not Span(2, 5).holds(Span(4, 6))


def test_a_snapshot_knows_when_its_text_was_changed() -> None:
    taken = snapshot()
    changed = Snapshot(taken.sha256, taken.bytes_sha256, "a.txt", "text/plain", _TEXT.replace("8", "9"), "2024")
    assert taken.is_intact()
    assert changed.is_intact()  # there is no 8 in it
    assert not Snapshot(taken.sha256, taken.bytes_sha256, "a.txt", "text/plain", _TEXT + " ", "2024").is_intact()


@given(st.lists(hits), st.randoms())
def test_any_order_in_gives_the_same_ranking(found: list[Hit], random: object) -> None:
    shuffled = list(found)
    random.shuffle(shuffled)  # type: ignore[attr-defined] # hypothesis types it as an object
    assert Ranking(shuffled) == Ranking(found)


@given(st.lists(hits))
def test_a_ranking_is_best_first_ties_by_id_each_passage_once_at_its_best(found: list[Hit]) -> None:
    ranked = list(Ranking(found))
    assert [(-hit.score, hit.passage_id) for hit in ranked] == sorted((-hit.score, hit.passage_id) for hit in ranked)
    best = {hit.passage_id: max(one.score for one in found if one.passage_id == hit.passage_id) for hit in found}
    assert {hit.passage_id: hit.score for hit in ranked} == best


@given(st.lists(hits), st.integers(0, 5))
def test_the_top_of_a_ranking_is_its_beginning(found: list[Hit], depth: int) -> None:
    assert list(Ranking(found).top(depth)) == list(Ranking(found))[:depth]


@pytest.mark.parametrize("body", [(Span(3, 6), Span(0, 2)), (Span(0, 4), Span(3, 6)), (Span(0, len(_TEXT) + 1),)])
def test_a_body_is_in_order_apart_and_inside_its_snapshot(body: tuple[Span, ...]) -> None:
    with pytest.raises(ValueError, match="document 'd' has"):
        document(*body)


def test_a_document_without_a_body_is_refused() -> None:
    with pytest.raises(ValueError, match="no body"):
        Document("d", snapshot(), (), "en")


@pytest.mark.parametrize(
    ("span", "is_held"),
    [
        (_FIRST, True),
        (Span(8, 12), True),
        (Span(_FIRST.start, _FIRST.end + 2), True),  # the blank line after it
        (Span(_FIRST.end, _FIRST.end + 2), True),
        (Span(_FIRST.start - 1, _FIRST.end), True),  # the space before it
        (Span(_FIRST.start - 2, _FIRST.end), False),  # the menu's full stop
        (Span(_FIRST.start, _FIRST.end + 3), False),
        (Span(_FIRST.start, _SECOND.end), False),
        (Span(0, 5), False),
    ],
)
def test_a_document_holds_its_body_and_white_space_around_it(span: Span, *, is_held: bool) -> None:
    assert document().holds(span) is is_held


@given(st.text("a \n", min_size=1), st.data())
def test_a_document_holds_exactly_the_spans_without_foreign_characters(text: str, data: st.DataObject) -> None:
    """The oracle: paint the body, and look at every character of the span."""
    places = st.integers(0, len(text))
    edges = sorted(data.draw(st.sets(places, min_size=2, max_size=6)))
    body = tuple(Span(start, end) for start, end in zip(edges[::2], edges[1::2], strict=False))
    start, end = sorted(data.draw(st.sets(places, min_size=2, max_size=2)))
    inside = {position for span in body for position in range(span.start, span.end)}
    expected = all(position in inside or text[position].isspace() for position in range(start, end))
    assert document(*body, text=text).holds(Span(start, end)) is expected


def test_an_excerpt_that_is_not_verbatim_cannot_be_made() -> None:
    assert excerpt().text == "Eight thousand."
    with pytest.raises(ValueError, match="not what its snapshot says"):
        excerpt(text="Eight thousand!")
    with pytest.raises(ValueError, match="goes past"):
        excerpt(Span(40, 99), text="2024.")


def test_an_excerpt_outside_the_body_cannot_be_made() -> None:
    with pytest.raises(ValueError, match="leaves the document's body"):
        excerpt(Span(0, 21))
    with pytest.raises(ValueError, match="leaves the document's body"):
        excerpt(Span(_FIRST.start, _SECOND.end))


def test_highlights_lie_inside_their_excerpt_and_in_order() -> None:
    assert len(excerpt(highlights=(Span(6, 11), Span(12, 20))).highlights) == 2
    with pytest.raises(ValueError, match="outside"):
        excerpt(highlights=(Span(5, 11),))
    with pytest.raises(ValueError, match="out of order"):
        excerpt(highlights=(Span(12, 20), Span(6, 11)))


@pytest.mark.parametrize("confidence", [-0.01, 1.01, float("nan")])
def test_confidence_is_a_probability(confidence: float) -> None:
    with pytest.raises(ValueError, match="confidence"):
        Answer("?", (excerpt(),), confidence)
    with pytest.raises(ValueError, match="confidence"):
        Abstention("?", "nothing_found", confidence=confidence)


def test_an_answer_needs_an_excerpt() -> None:
    with pytest.raises(ValueError, match="excerpt"):
        Answer("?", (), 0.9)


USUAL = Background(passages=30, mean=0.7, spread=0.02)


def test_a_standing_is_in_spreads_above_the_mean() -> None:
    assert USUAL.standing(0.76) == pytest.approx(3.0)


def test_a_few_passages_do_not_tell_what_is_usual() -> None:
    """Steadied by as many others, the mean and the variance lie half way."""
    found = USUAL.steadied(Background(passages=30, mean=0.8, spread=0.04))
    assert found.passages == 60
    assert found.mean == pytest.approx(0.75)
    assert found.spread**2 == pytest.approx((0.02**2 + 0.04**2) / 2)


def test_a_candidate_has_a_similarity_for_each_sentence() -> None:
    passage = Passage("d", _FIRST, "", (_FIRST,))
    assert passage.id == "d#6-21"
    found = of_document(document()), passage, of_passage(document(), passage)
    assert Candidate(document(), *found, 1.0, 0.5, (0.5,), USUAL, 0.4).similarities == (0.5,)
    with pytest.raises(ValueError, match="each sentence"):
        Candidate(document(), *found, 1.0, 0.5, (), USUAL, 0.4)

"""What a reader is given of a question and sentences, and the edges of the words it points at."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from conftest import SCHOOL, lines
from hypothesis import given
from hypothesis import strategies as st

from retrieval.encode import Encoder
from retrieval.engine import Engine
from retrieval.reader import cut_to_stretches
from retrieval.reading import QUESTION_TOKENS, ROOM_TOKENS, TITLE_TOKENS, row, stretch, trimmed
from retrieval.settings import Settings
from retrieval.unigram import Token, Unigram


@given(lengths=st.lists(st.integers(0, 150), min_size=1, max_size=20), data=st.data())
def test_a_stretch_holds_its_sentence_and_what_there_is_room_for(lengths: list[int], data: st.DataObject) -> None:
    focus = data.draw(st.integers(0, len(lengths) - 1))
    first, end = stretch(lengths, focus)
    assert 0 <= first <= focus < end <= len(lengths)
    taken = sum(lengths[first:end])
    assert (
        taken <= ROOM_TOKENS
        or (first, end) == (focus, focus + 1)
        or not any(lengths[first:focus] + lengths[focus + 1 : end])
    )
    assert end == len(lengths) or taken + lengths[end] > ROOM_TOKENS
    assert first == 0 or taken + lengths[first - 1] > ROOM_TOKENS


class Words(Unigram):
    """Takes each word for a token."""

    def __init__(self) -> None:
        """No file is needed."""

    def tokens(self, text: str, *, begin: int = 0) -> list[Token]:
        return [Token(7, begin + word.start(), begin + word.end()) for word in re.finditer(r"\S+", text)]


def test_every_sentence_is_in_a_stretch_and_begins_one_only_where_none_before_it_holds_it(
    folder: Path, encoder: Encoder, tmp_path: Path
) -> None:
    text = " ".join(
        f"The harbour of Gwadar has berth {number} {'that ships use ' * (number % 9)}." for number in range(9)
    )
    source = lines(tmp_path / "a.jsonl", port=text, school=SCHOOL)
    engine = Engine(folder, Settings(), lambda: encoder)
    engine.ingest([str(source)])
    weighed = engine.weigh(engine.query("Which berth of the harbour of Gwadar do ships use?"))
    sentences = [(one.candidate, one.place) for one in weighed]
    found = list(cut_to_stretches(sentences, Words()))
    held = [
        {(one.candidate.passage.id, place) for place in range(one.first, one.first + len(one.tokens))} for one in found
    ]
    asked = [(candidate.passage.id, place) for candidate, place in sentences]
    assert set(asked) <= set[tuple[str, int]]().union(*held)
    assert len(found) < len(asked)
    for number, one in enumerate(found):
        left = [at for at in asked if not any(at in places for places in held[:number])]
        assert left[0] in held[number]  # the best that none before it holds
        of = one.candidate.document.snapshot.text
        spans = one.candidate.passage.sentences[one.first : one.first + len(one.tokens)]
        assert [token for tokens in one.tokens for token in tokens] == [
            token for span in spans for token in Words().tokens(span.of(of), begin=span.start)
        ]
        assert (one.span.start, one.span.end) == (spans[0].start, spans[-1].end)
    engine.close()


def test_a_row_has_the_form_that_the_reader_was_trained_on() -> None:
    laid = row([Token(11, 0, 3), Token(12, 4, 6)], [Token(21, 0, 5)], [Token(31, 0, 2), Token(32, 2, 4)])
    assert laid.ids == [0, 11, 12, 2, 21, 2, 31, 32, 2]
    assert laid.ids[laid.first] == 31


def test_a_row_is_never_longer_than_what_it_may_hold() -> None:
    many = [Token(number, number, number + 1) for number in range(500)]
    laid = row(many, many, many)
    assert laid.ids[1 : QUESTION_TOKENS + 1] == list(range(500 - QUESTION_TOKENS, 500))  # its end, which asks
    assert len(laid.ids) == 4 + QUESTION_TOKENS + TITLE_TOKENS + ROOM_TOKENS


@pytest.mark.parametrize(
    ("words", "is_end", "shown"),
    [
        (
            "International Fair for Trade in Services (CIFTIS),",
            False,
            "International Fair for Trade in Services (CIFTIS)",
        ),
        ("2013.", True, "2013"),
        ("the Corp.", False, "the Corp."),  # the sentence goes on
        ("in the U.S.", True, "in the U.S."),
        ("26 ارب ڈالر۔", True, "26 ارب ڈالر"),
        ("85个国家，", False, "85个国家"),
        ("14.5", True, "14.5"),
        ("۔", True, "۔"),  # an empty span is none
        (", ", False, ", "),
        ('Global Services, Shared Prosperity"', False, "Global Services, Shared Prosperity"),
        ('Global Services, Shared Prosperity."', True, "Global Services, Shared Prosperity"),
        ('"Global Services, Shared Prosperity"', False, '"Global Services, Shared Prosperity"'),
        ("“Global Services, Shared Prosperity", False, "Global Services, Shared Prosperity"),
        ("International Fair (CIFTIS", False, "International Fair (CIFTIS"),  # inside nothing is taken away
        ("CIFTIS),", False, "CIFTIS"),
        ("《区域全面经济伙伴关系协定》", False, "《区域全面经济伙伴关系协定》"),
        ("全球服务 互惠共享”", False, "全球服务 互惠共享"),
        ("”", False, "”"),
        ("“ Global Services", False, "Global Services"),
        ('"A" and "B', False, '"A" and "B'),  # nobody can tell which is the lone one
        ("(a) and (b", False, "(a) and (b"),
        ("a) and (b)", False, "a) and (b)"),
        ("(a), b)", False, "(a), b"),
        ("„abc“", False, "„abc“"),
        ("the Pakistanis’", False, "the Pakistanis’"),
    ],
)
def test_words_are_pointed_at_without_what_is_only_at_their_edge(
    words: str,
    *,
    is_end: bool,
    shown: str,
) -> None:
    text = f"He said {words} and went."
    span = trimmed(text, 8, 8 + len(words), is_end=is_end)
    assert span is not None
    assert span.of(text) == shown


def test_words_that_are_none_are_pointed_at_by_no_span() -> None:
    assert trimmed("He said so.", 3, 3, is_end=False) is None

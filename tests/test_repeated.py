"""What several documents say: an outlet's boilerplate is never quoted, a story of several outlets is told once."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from conftest import Quoth, ids
from hypothesis import given
from hypothesis import strategies as st

from retrieval.candidate import Candidate
from retrieval.datamodel import Abstention, Background, Document, Excerpt, Passage, Reply, Snapshot, Span
from retrieval.engine import Engine
from retrieval.findings import of_document, of_passage, said
from retrieval.repeated import outlet, quotable, same_words
from retrieval.sentences import split

_LETTER = "Our letter brings you the whole trade of Gwadar every morning."
_NEWS = {
    "a": "The harbour opened a cargo terminal on Monday.",
    "b": "A school in Lahore won the robotics cup.",
    "c": "Heavy rain closed the mountain road for days.",
    "d": "Farmers sold more rice to buyers abroad than last year.",
}
_STORY = (
    "Twelve ships came to Gwadar in March, the port said. The largest one carried wheat for Kabul. "
    "Workers unloaded it within two days. Nobody could say when the next one will come."
)


def _file(path: Path, *rows: dict[str, str]) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def _outlet(path: Path, publisher: str | None, names: str) -> str:
    rows = [{"id": name, "text": f"{_NEWS[name]} {_LETTER}"} for name in names]
    return _file(path, *({**row, "publisher": publisher} if publisher else row for row in rows))


def _excerpts(reply: Reply) -> tuple[Excerpt, ...]:
    return reply.nearest if isinstance(reply, Abstention) else reply.excerpts


def _quoted(engine: Engine, question: str) -> str:
    return "\n".join(excerpt.text for excerpt in _excerpts(engine.ask(question, top=20)))


def test_a_sentence_of_three_documents_of_an_outlet_is_not_quoted(engine: Engine, tmp_path: Path) -> None:
    engine.ingest([_outlet(tmp_path / "news.jsonl", "The Courier", "abc")])
    quoted = _quoted(engine, "What brings you the whole trade of Gwadar every morning?")
    assert "letter" not in quoted
    assert "Heavy rain closed the mountain road" in quoted  # the rest of its documents still is
    spans = [stored.passage.span for _, passages in engine.library.added() for stored in passages]
    assert [span.of(f"{text} {_LETTER}") for span, text in zip(spans, _NEWS.values(), strict=False)] == [
        f"{_NEWS[name]} {_LETTER}" for name in "abc"
    ]  # passages stay as they were


def test_two_documents_are_no_boilerplate_and_other_outlets_do_not_count(engine: Engine, tmp_path: Path) -> None:
    engine.ingest([_outlet(tmp_path / "one.jsonl", "The Courier", "ab")])
    engine.ingest([_outlet(tmp_path / "two.jsonl", "The Herald", "c")])
    assert _LETTER in _quoted(engine, "What brings you the whole trade of Gwadar every morning?")


def test_where_the_outlet_is_unknown_nothing_is_learned(engine: Engine, tmp_path: Path) -> None:
    engine.ingest([_outlet(tmp_path / "news.jsonl", None, "abcd")])
    assert _LETTER in _quoted(engine, "What brings you the whole trade of Gwadar every morning?")


def test_a_removed_document_and_former_versions_do_not_count(engine: Engine, tmp_path: Path) -> None:
    question = "What brings you the whole trade of Gwadar every morning?"
    engine.ingest([_outlet(tmp_path / "news.jsonl", "The Courier", "abc")])
    engine.remove("c")
    assert _LETTER in _quoted(engine, question)
    for version in range(4):
        row = {"id": "d", "publisher": "The Herald", "text": f"{_LETTER} It is edition number {version} of them."}
        engine.ingest([_file(tmp_path / "more.jsonl", row)])
    assert _LETTER in _quoted(engine, question)


def test_a_quote_does_not_take_boilerplate_along(engine: Engine, tmp_path: Path) -> None:
    rows = [
        {"id": name, "publisher": "The Courier", "text": f"{_NEWS[name]} {_LETTER} He said that {name}{name} is well."}
        for name in "abc"
    ]
    engine.ingest([_file(tmp_path / "news.jsonl", *rows)])
    texts = [excerpt.text for excerpt in _excerpts(engine.ask("Who said that bb is well?", top=20))]
    assert "He said that bb is well." in texts  # it leans on the sentence before, which may not be quoted


_TEXT = "One came. Two went. Three stayed.\nFour slept. Five ate."


@given(st.sets(st.sampled_from("One Two Three Four Five".split())), st.sampled_from([(0, 33), (0, 19), (34, 55)]))
def test_nothing_barred_is_left_and_nothing_else_is_lost(barred: set[str], bounds: tuple[int, int]) -> None:
    snapshot = Snapshot.take(_TEXT, original=b"", source="a", media_type="text/plain", fetched_at="2026")
    document = Document("a", snapshot, (Span(0, 33), Span(34, 55)), "en")
    span = Span(*bounds)
    sentences = tuple(sentence.shifted(span.start) for sentence in split(span.of(_TEXT)))
    passage = Passage("a", span, "", sentences)
    candidate = Candidate(
        document=document,
        about=of_document(document),
        passage=passage,
        findings=of_passage(document, passage),
        score=1.0,
        similarity=0.5,
        similarities=tuple(float(sentence.start) for sentence in sentences),
        background=Background(1, 0, 1),
        share=0.5,
    )
    keys = {said(sentence) for sentence in re.findall(r"\w+ \w+\.", _TEXT) if sentence.split()[0] in barred}
    left = quotable(candidate, keys.__contains__)
    expected = [sentence for sentence in sentences if sentence.of(_TEXT).split()[0] not in barred]
    if left is None:
        assert expected == []
        return
    assert list(left.passage.sentences) == expected
    assert list(left.similarities) == [float(sentence.start) for sentence in expected]
    assert left.passage.id == candidate.passage.id
    for sentence in (one.shifted(body.start) for body in document.body for one in split(body.of(_TEXT))):
        is_near = bounds != (0, 19) or sentence.end <= 33  # what lies further away is not looked at
        if is_near and sentence.of(_TEXT).split()[0] in barred and (bounds[0] == 0) == (sentence.end <= 33):
            assert not left.document.holds(sentence)
        elif sentence.of(_TEXT).split()[0] not in barred:
            assert left.document.holds(sentence)


@pytest.mark.parametrize(
    ("publisher", "url", "expected"),
    [
        ("The Courier", "https://a.example/1", "the courier"),
        (None, "https://www.a.example/1", "www.a.example"),
        (None, None, None),
        (None, "http://[x", None),  # as libraries hold that took any text for an address
    ],
)
def test_an_outlet_is_the_publisher_or_the_site(publisher: str | None, url: str | None, expected: str | None) -> None:
    assert outlet(publisher, url) == expected


def test_a_story_of_two_outlets_is_told_once(engine: Engine, tmp_path: Path) -> None:
    edited = _STORY.replace(
        "Twelve ships came to Gwadar in March, the port said.", "Twelve ships came to Gwadar in March."
    )
    other = {"id": "z", "publisher": "The Mirror", "text": "Three ships came to Karachi in May, the port said."}
    engine.ingest(
        [
            _file(
                tmp_path / "news.jsonl",
                {"id": "x", "publisher": "The Courier", "text": _STORY},
                {"id": "y", "publisher": "The Herald", "text": edited + " More follows."},
                other,
            )
        ]
    )
    assert sorted(ids(engine)) == ["x", "y", "z"]  # two documents they stay
    excerpts = _excerpts(engine.ask("How many ships came to Gwadar in March?", top=3))
    assert "Twelve ships came to Gwadar" in excerpts[0].text
    assert {excerpts[0].document.id, *excerpts[0].also_in} == {"x", "y"}
    assert not any("Twelve ships" in excerpt.text for excerpt in excerpts[1:])
    assert [excerpt.also_in for excerpt in excerpts if excerpt.document.id == "z"] in ([], [()])


@pytest.mark.parametrize(
    ("text", "other", "expected"),
    [
        ("Twelve ships came in March.", "Twelve ships came in March", True),
        ("Some 12 ships came to the port in March.", "Some 13 ships came to the port in March.", False),
        ("Some 12 ships came to the port in March 2024.", "Some 12 ships came to the port.", True),
        ("Some 12 ships came to the port.", "Some 12 ships came to the port in March 2024.", True),
        ("三月有十二艘船抵达港口。", "三月有十二艘船抵达了港口。", True),
        ("三月有十二艘船抵达港口。", "五月没有一艘船离开。", False),
    ],
)
def test_an_edited_text_says_the_same_only_with_the_same_figures(text: str, other: str, *, expected: bool) -> None:
    assert same_words(text, other) == expected


def test_sources_shows_which_documents_tell_one_story(quoth: Quoth, tmp_path: Path) -> None:
    path = _file(tmp_path / "news.jsonl", {"id": "x", "text": _STORY}, {"id": "y", "text": _STORY + " More follows."})
    assert quoth("ingest", path).code == 0
    out = quoth("sources").out
    assert "the same story as y" in out
    assert "the same story as x" in out

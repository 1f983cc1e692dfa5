"""What a reader's word changes in a reply: a stand-in points, the engine decides."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest
from conftest import PORT, RAIN, SCHOOL, lines

from retrieval.datamodel import Abstention, Answer, Span
from retrieval.encode import Encoder
from retrieval.engine import Engine
from retrieval.reader import Sentence
from retrieval.reading import Reading
from retrieval.settings import Settings


class Pointing:
    """A stand-in that takes the words `answer` for the answer wherever they stand, and is sure of it by `odds`."""

    def __init__(self, answer: str, odds: float = 6.0) -> None:
        self.answer = answer
        self.odds = odds
        self.asked: list[str] = []

    def read(self, question: str, sentences: Iterable[Sentence], *, stretches: int) -> list[tuple[Sentence, Reading]]:
        self.asked.append(question)
        found = []
        for candidate, place in sentences:
            span = candidate.passage.sentences[place]
            start = span.of(candidate.document.snapshot.text).find(self.answer)
            is_there = start >= 0
            words = Span(span.start + start, span.start + start + len(self.answer)) if is_there else span
            odds = self.odds if is_there else -self.odds
            found.append(((candidate, place), Reading(odds, odds, words, odds)))
        return found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return lines(tmp_path / "news.jsonl", port=PORT, school=SCHOOL, rain=RAIN)


def asking(folder: Path, encoder: Encoder, source: Path, reader: Pointing) -> Engine:
    engine = Engine(folder, Settings(), lambda: encoder, lambda: reader)
    engine.ingest([str(source)])
    return engine


@pytest.mark.parametrize("words", ["2019", "2021"])
def test_the_sentence_that_the_reader_points_at_comes_first_with_its_words(
    folder: Path, encoder: Encoder, tmp_path: Path, words: str
) -> None:
    text = "The harbour terminal opened for ships in 2019 at last. The harbour terminal opened for trucks in 2021 too."
    engine = asking(folder, encoder, lines(tmp_path / "a.jsonl", port=text), Pointing(words, 8.0))
    reply = engine.ask("In which year did the harbour terminal open?")
    first = (reply.excerpts if isinstance(reply, Answer) else reply.nearest)[0]
    assert words in first.text.split(". ")[0]
    assert [span.of(text) for span in first.highlights] == [words]
    engine.close()


@pytest.mark.parametrize("highest", ["trucks", "ferries"])
def test_between_what_is_read_apart_the_words_with_the_highest_logit_win(
    folder: Path, encoder: Encoder, tmp_path: Path, highest: str
) -> None:
    """Odds against "not here" are of one stretch; what it says there of "not here" says nothing of another."""

    class Logits:
        def read(
            self, question: str, sentences: Iterable[Sentence], *, stretches: int
        ) -> list[tuple[Sentence, Reading]]:
            found = []
            for candidate, place in sentences:
                span = candidate.passage.sentences[place]
                is_highest = highest in span.of(candidate.document.snapshot.text)
                says = Reading(2.0, 1.0, span, 9.0) if is_highest else Reading(6.0, 1.0, span, 3.0)
                found.append(((candidate, place), says))
            return found

    stories = {kind: f"The harbour terminal opened for {kind} this year." for kind in ("trucks", "ferries")}
    engine = Engine(folder, Settings(), lambda: encoder, Logits)
    engine.ingest([str(lines(tmp_path / "a.jsonl", **stories))])
    reply = engine.ask("For what did the harbour terminal open this year?")
    assert (reply.excerpts if isinstance(reply, Answer) else reply.nearest)[0].text == stories[highest]
    engine.close()


def test_an_answer_that_the_reader_does_not_see_is_less_sure(folder: Path, encoder: Encoder, source: Path) -> None:
    question = "Who won the robotics cup?"
    sure = asking(folder, encoder, source, Pointing("robotics", 8.0))
    unsure = Engine(folder, Settings(), lambda: encoder, lambda: Pointing("not in any of them", 8.0))
    plain = Engine(folder, Settings(), lambda: encoder)
    replies = [engine.ask(question) for engine in (sure, plain, unsure)]
    confidences = [reply.confidence for reply in replies]
    assert confidences == sorted(confidences, reverse=True)
    assert len(set(confidences)) == 3
    assert isinstance(replies[-1], Abstention)
    for engine in (sure, unsure, plain):
        engine.close()


def test_of_a_follow_up_the_reader_sees_the_own_words_and_does_not_decide(
    folder: Path, encoder: Encoder, source: Path
) -> None:
    """What stands before it, strung together, is no question; and without it nobody can tell whether it is answered."""
    history = ["Tell me about the robotics cup"]
    confidences = []
    for odds in (8.0, -8.0):
        reader = Pointing("robotics", odds)
        engine = asking(folder, encoder, source, reader)
        confidences.append(engine.ask("Who won it?", history=history).confidence)
        assert reader.asked[-1] == "Who won it?"
        engine.close()
    plain = Engine(folder, Settings(), lambda: encoder)
    assert confidences[0] == plain.ask("Who won it?", history=history).confidence
    plain.close()


def test_an_engine_for_another_thread_reads_with_the_same_reader(folder: Path, encoder: Encoder, source: Path) -> None:
    made: list[Pointing] = []

    def make() -> Pointing:
        made.append(Pointing("robotics"))
        return made[-1]

    engine = Engine(folder, Settings(), lambda: encoder, make)
    engine.ingest([str(source)])
    other = engine.another()
    for one in (engine, other):
        one.ask("Who won the robotics cup?")
    assert len(made) == 1
    other.close()
    engine.close()


def test_a_long_sentence_is_not_cut_before_the_words_that_the_reader_points_at(
    folder: Path, encoder: Encoder, tmp_path: Path
) -> None:
    text = (
        "The Karun bridge, whose paint the two halves of the old town have talked of, was begun in the spring of a"
        " dry year, when the water stood lower than anyone living could remember, by masons from the hills, by smiths"
        " from the plain and by sailors from the sea, who sang as they worked, and quarrelled as they rested, and left"
        " it bare for ten years, until the council, tired of the rust, resolved that what they were to put on it"
        " is a dark green."
    )
    engine = asking(folder, encoder, lines(tmp_path / "a.jsonl", bridge=text), Pointing("dark green"))
    reply = engine.ask("What is the paint on the Karun bridge?")
    first = (reply.excerpts if isinstance(reply, Answer) else reply.nearest)[0]
    assert first.text == text
    assert [span.of(text) for span in first.highlights] == ["dark green"]
    engine.close()


GRID = (
    "We were able to add over 8,000 megawatts to our grid. We built over 800 kilometers of world-class highways,"
    " transmission lines, and so on, in 2019 in Lahore, with 26 billion dollars, said Ahsan Iqbal."
)
MEGAWATTS = "How many megawatts were added to the grid?"


@pytest.mark.parametrize(
    ("before", "question", "words", "shown"),
    [
        (MEGAWATTS, "And the highways?", "transmission lines", ["over 800 kilometers"]),
        (MEGAWATTS, "And the highways?", "26 billion dollars", ["26 billion dollars"]),  # a number, it may be the one
        (MEGAWATTS, "And the highways?", "800", ["over 800 kilometers"]),
        (MEGAWATTS, "and in Lahore?", "transmission lines", []),  # that a number stands beside Lahore says nothing
        (MEGAWATTS, "Which lines were built?", "transmission lines", ["transmission lines"]),
        ("When were the megawatts added to the grid?", "And the highways?", "2019", ["2019"]),
        ("When were the megawatts added to the grid?", "And the highways?", "transmission lines", ["2019"]),
        ("Where were the megawatts added to the grid?", "And the highways?", "Lahore", ["Lahore"]),
        ("What did the grid gain?", "And the highways?", "transmission lines", []),
    ],
)
def test_what_only_names_another_thing_asks_for_what_was_asked_before(
    folder: Path, encoder: Encoder, tmp_path: Path, before: str, question: str, words: str, shown: list[str]
) -> None:
    """The reader sees no more of it than that."""
    engine = asking(folder, encoder, lines(tmp_path / "a.jsonl", port=GRID), Pointing(words))
    reply = engine.ask(question, history=[before])
    first = (reply.excerpts if isinstance(reply, Answer) else reply.nearest)[0]
    assert "highways" in first.text
    assert [span.of(GRID) for span in first.highlights] == shown
    engine.close()


def test_words_that_the_plain_signals_hold_together_stay_together(
    folder: Path, encoder: Encoder, tmp_path: Path
) -> None:
    """A reader says "8,000" where the text says "over 8,000 megawatts"."""
    text = "The first phase was about energy. We were able to add over 8,000 megawatts of electricity to our grid."
    engine = asking(folder, encoder, lines(tmp_path / "a.jsonl", port=text), Pointing("8,000"))
    reply = engine.ask("How many megawatts of electricity were added to the grid?")
    first = (reply.excerpts if isinstance(reply, Answer) else reply.nearest)[0]
    assert [span.of(text) for span in first.highlights] == ["over 8,000 megawatts"]
    engine.close()


def test_what_speaks_of_another_year_is_no_answer_though_it_be_the_only_sentence_that_a_reader_leaves(
    folder: Path, encoder: Encoder, tmp_path: Path
) -> None:
    """Its score lifts the sentence above the others, and the share of the chances is part of the plain confidence."""
    source = lines(
        tmp_path / "a.jsonl",
        fair="The theme of the harbour fair in 2024 was bridges.",
        other="The theme of the harbour fair in 2021 was tunnels.",
    )
    question = "What was the theme of the harbour fair in 2019?"
    reading = asking(folder, encoder, source, Pointing("bridges", 8.0))
    plain = Engine(folder, Settings(), lambda: encoder)
    replies = [engine.ask(question) for engine in (reading, plain)]
    firsts = [(reply.excerpts if isinstance(reply, Answer) else reply.nearest)[0].text for reply in replies]
    assert firsts[0] == firsts[1]
    for reply in replies:
        assert isinstance(reply, Abstention)
        assert (reply.reason, reply.missing_terms) == ("near_miss", ("2019",))
        assert reply.confidence < 0.1
    for engine in (reading, plain):
        engine.close()


def test_what_is_named_and_not_there_no_reader_vouches_for(folder: Path, encoder: Encoder, source: Path) -> None:
    question = "Who won the Olympic robotics cup in Berlin?"
    reading = asking(folder, encoder, source, Pointing("robotics", 8.0))
    plain = Engine(folder, Settings(), lambda: encoder)
    found, without = reading.ask(question), plain.ask(question)
    assert isinstance(found, Abstention)
    assert found.missing_terms
    assert found.confidence <= without.confidence + 0.02  # the excerpt chosen may be another
    for engine in (reading, plain):
        engine.close()


def test_of_a_reading_only_the_no_is_doubted() -> None:
    assert Reading(-2.0, -3.0, None).doubted(0.5) == Reading(-2.0, -1.5, None)
    assert Reading(-2.0, 3.0, None).doubted(0.5) == Reading(-2.0, 3.0, None)
    assert Reading(-2.0, -3.0, None, anywhere=-1.0).doubted(0.5) == Reading(-2.0, -1.5, None, anywhere=-0.5)
    assert Reading(-2.0, -3.0, None, anywhere=1.0).doubted(0.0) == Reading(-2.0, 0.0, None, anywhere=1.0)


@pytest.mark.parametrize(
    ("question", "less"),
    [
        ("Which team won the robotics cup in Lahore?", True),  # said in the school's own words: a near miss, perhaps
        ("How did pupils of a class take first place among machines?", False),  # reasons are asked, in other words
    ],
)
def test_a_readers_no_counts_where_the_words_of_the_question_are_there(
    folder: Path, encoder: Encoder, source: Path, question: str, *, less: bool
) -> None:
    confidences = []
    for odds in (0.5, 9.0):
        engine = asking(folder, encoder, source, Pointing("not in any of them", odds))
        confidences.append(engine.ask(question).confidence)
        engine.close()
    assert (confidences[1] < confidences[0] - 0.02) is less

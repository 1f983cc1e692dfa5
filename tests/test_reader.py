"""What a reader is given, what its word changes, and, slowly, what the one that comes with Quoth says."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from conftest import PORT, RAIN, SCHOOL, lines
from hypothesis import given
from hypothesis import strategies as st

from retrieval.datamodel import Abstention, Answer, Span
from retrieval.encode import Encoder
from retrieval.engine import Engine
from retrieval.errors import ModelUnavailable
from retrieval.models import prepare, unigram_alone
from retrieval.reader import OnnxReader, Sentence, cut_to_stretches
from retrieval.reading import QUESTION_TOKENS, ROOM_TOKENS, TITLE_TOKENS, Reading, row, stretch, trimmed
from retrieval.settings import Settings
from retrieval.unigram import Token, Unigram
from retrieval.weights import WordVectors, read_weights, weights_file

# What it is given


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


# What its word changes


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
            found.append(((candidate, place), Reading(odds, odds, words)))
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


# The one that comes with Quoth


@pytest.fixture(scope="module")
def reader() -> OnnxReader:
    return OnnxReader(prepare().unigram, threads=2)


_PORT = (
    "The port of Gwadar was leased to China Overseas Ports Holding in 2013. Its first commercial ship sailed in "
    "November 2016. Local fishermen had protested against the new road for weeks."
)
_PORT_UR = "گوادر کی بندرگاہ 2013 میں ایک چینی کمپنی کو لیز پر دی گئی۔ اس کا پہلا تجارتی جہاز نومبر 2016 میں روانہ ہوا۔"
_PORT_ZH = "瓜达尔港于2013年租给中国海外港口控股公司。第一艘商船于2016年11月启航。"


def pointed(reader: OnnxReader, tmp_path: Path, encoder: Encoder, question: str, text: str) -> tuple[str, Reading]:
    """The words that the reader is surest of in a document of that text, and what it says of them."""
    tmp_path.mkdir(exist_ok=True)
    source = lines(tmp_path / "one.jsonl", one=text)
    engine = Engine(tmp_path / "one", Settings(), lambda: encoder)
    engine.ingest([str(source)])
    sentences = [(one.candidate, one.place) for one in engine.weigh(engine.query(question))]
    reading = max((found for _, found in reader.read(question, sentences, stretches=4)), key=lambda found: found.words)
    engine.close()
    assert reading.span is not None
    return reading.span.of(text), reading


@pytest.mark.slow
@pytest.mark.parametrize(
    ("question", "text", "answer"),
    [
        ("When did the first commercial ship sail from Gwadar?", _PORT, "November 2016"),
        ("Who protested against the new road?", _PORT, "fishermen"),
        ("پہلا تجارتی جہاز کب روانہ ہوا؟", _PORT_UR, "نومبر 2016"),
        ("第一艘商船什么时候启航？", _PORT_ZH, "2016年11月"),
        ("پہلا تجارتی جہاز کب روانہ ہوا؟", _PORT, "November 2016"),
    ],
)
def test_the_reader_points_at_the_words_that_answer(
    reader: OnnxReader, tmp_path: Path, encoder: Encoder, question: str, text: str, answer: str
) -> None:
    words, _ = pointed(reader, tmp_path, encoder, question, text)
    assert answer in words
    assert len(words) <= 2 * len(answer)


@pytest.mark.slow
def test_the_reader_is_surer_of_what_is_there_than_of_what_only_looks_so(
    reader: OnnxReader, tmp_path: Path, encoder: Encoder
) -> None:
    asked = ("When did the first commercial ship sail?", "When did the first passenger train leave Gwadar?")
    there, near = (pointed(reader, tmp_path / str(place), encoder, one, _PORT)[1] for place, one in enumerate(asked))
    assert there.words > near.words
    assert there.answers > near.answers


@pytest.mark.slow
def test_what_is_read_does_not_hang_on_what_is_read_beside_it(
    reader: OnnxReader, tmp_path: Path, encoder: Encoder
) -> None:
    engine = Engine(tmp_path / "some", Settings(), lambda: encoder)
    engine.ingest([str(lines(tmp_path / "some.jsonl", port=_PORT, ur=_PORT_UR, school=SCHOOL, rain=RAIN))])
    question = "When did the first commercial ship sail from Gwadar?"
    sentences = [(one.candidate, one.place) for one in engine.weigh(engine.query(question))]
    together = reader.read(question, sentences, stretches=4)
    alone = reader.read(question, sentences[:1], stretches=1)
    assert alone == together[: len(alone)]
    engine.close()


@pytest.mark.slow
def test_the_mapped_vectors_of_words_are_those_of_the_model() -> None:
    words = read_weights(weights_file()).tensors["emb.word"].reshape(-1, 384)
    ids = [0, 1, 2, 5, 4711, 123_456, len(words) - 1]
    np.testing.assert_array_equal(WordVectors().of(ids), words[ids])


@pytest.mark.slow
def test_where_another_model_encodes_the_reader_has_its_tokenizer_alone(tmp_path: Path) -> None:
    path = unigram_alone(cache=tmp_path)
    assert path.read_bytes() == prepare().unigram.read_bytes()
    assert unigram_alone(cache=tmp_path) == path


def test_a_damaged_network_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "reader.onnx").write_bytes(b"cut")
    with pytest.raises(ModelUnavailable, match="install quoth again"):
        OnnxReader(tmp_path / "none.bin", threads=1, graph=tmp_path / "reader.onnx")


@pytest.mark.parametrize("content", [b"", b"cut", b"unigram1" + bytes(100), None])
def test_a_damaged_tokenizer_is_one_line_that_says_where_it_lies(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "unigram.bin"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ModelUnavailable, match=r"unigram\.bin.*remove it"):
        OnnxReader(path, threads=1)


@pytest.mark.parametrize("content", [b"", b"cut", None])
def test_damaged_weights_of_words_are_one_line(
    tmp_path: Path, content: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "weights.bin"
    if content is not None:
        path.write_bytes(content)
    monkeypatch.setattr("retrieval.weights.weights_file", lambda: path)
    with pytest.raises(ModelUnavailable, match="force-reinstall"):
        WordVectors()


@pytest.mark.slow
def test_a_tokenizer_that_was_left_half_made_stands_in_nobodys_way(tmp_path: Path) -> None:
    left = tmp_path / "models" / f"{unigram_alone(cache=tmp_path).name}.partial"
    left.write_bytes(b"half")
    path = unigram_alone(cache=tmp_path)
    path.unlink()
    assert unigram_alone(cache=tmp_path).read_bytes() == prepare().unigram.read_bytes()
    assert not left.exists()


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
    assert Reading(-2.0, -3.0, None, -1.0).doubted(0.5) == Reading(-2.0, -1.5, None, -0.5)
    assert Reading(-2.0, -3.0, None, 1.0).doubted(0.0) == Reading(-2.0, 0.0, None, 1.0)


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

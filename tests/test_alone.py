"""What a quote takes with it to stand alone, and where a long one ends."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrieval.alone import LONGEST_CHARACTERS, standing_alone, trimmed
from retrieval.candidate import Candidate
from retrieval.datamodel import Background, Document, Passage, Snapshot, Span
from retrieval.findings import of_document, of_passage
from retrieval.question import Question
from retrieval.sentences import split


def candidate(text: str) -> Candidate:
    snapshot = Snapshot.take(text, original=text.encode(), source="a.txt", media_type="text/plain", fetched_at="2026")
    body = tuple(Span(found, found + len(line)) for line in text.split("\n") if line for found in [text.index(line)])
    document = Document("a", snapshot, body, "en", title="A title")
    sentences = tuple(sentence.shifted(one.start) for one in body for sentence in split(one.of(text)))
    passage = Passage("a", Span(sentences[0].start, sentences[-1].end), "A title", sentences)
    return Candidate(
        document=document,
        about=of_document(document),
        passage=passage,
        findings=of_passage(document, passage),
        score=1.0,
        similarity=0.8,
        similarities=(0.8,) * len(sentences),
        background=Background(9, 0.7, 0.02),
        share=0.5,
    )


def quoted(text: str, chosen: str) -> str:
    start = text.index(chosen)
    return standing_alone(candidate(text), Span(start, start + len(chosen))).of(text)


NAMED = "Gwadar will open in May, Ahsan Iqbal said."
SPEECH = "The minister met reporters. “Phase one is done. Phase two adds ten zones,” Ahsan Iqbal said. Rain fell."
STRAIGHT = 'The minister met reporters. "Phase one is done. Phase two adds ten zones," Ahsan Iqbal said. Rain fell.'


@pytest.mark.parametrize("text", [SPEECH, STRAIGHT])
@pytest.mark.parametrize("chosen", ["Phase one is done.", "Phase two adds ten zones"])
def test_a_part_of_a_speech_keeps_all_of_it_and_who_speaks(text: str, chosen: str) -> None:
    (sentence,) = [one.of(text) for one in split(text) if chosen in one.of(text)]
    whole = text[text.index("Phase one") - 1 : text.index(" Rain")]
    assert quoted(text, sentence) == whole


def test_a_whole_quotation_takes_the_sentence_that_says_whose_it_is() -> None:
    text = "Ahsan Iqbal spoke to reporters and said this of the port. “Gwadar is open to all.” Rain fell in the night."
    assert quoted(text, "“Gwadar is open to all.”").startswith("Ahsan Iqbal spoke")


def test_the_beginning_of_a_long_speech_takes_who_was_asked_before_it() -> None:
    text = (
        "Asked about trade, Hashmi said he sees potential in many areas.\n"
        + "“To start with, the obvious one is technology. "
        + "When I say technology, I mean batteries, panels and all that belongs to them in the north. " * 5
        + "That is my answer,” he said."
    )
    assert quoted(text, "“To start with, the obvious one is technology.") == text[: text.index(" When I say")]


def test_he_said_takes_the_sentence_that_names_him() -> None:
    text = "Ahsan Iqbal spoke in Karachi. “Phase two adds ten zones,” he said. Rain fell."
    assert quoted(text, "“Phase two adds ten zones,” he said.") == text[: text.index(" Rain")]


@pytest.mark.parametrize(
    ("text", "leans"),
    [
        ("IT exports rose by a third in May.", False),
        ("It exports cement and rice to Oman.", True),
        ("“it exports cement and rice to Oman”.", True),
    ],
)
def test_the_pronoun_leans_and_the_trade_does_not(text: str, *, leans: bool) -> None:
    whole = f"Gwadar opened a cargo terminal. {text}"
    assert quoted(whole, text) == (whole if leans else text)


def test_what_nobody_speaks_and_leans_on_nothing_stays() -> None:
    assert quoted(f"Rain fell. {NAMED}", NAMED) == NAMED


def test_a_word_in_quotation_marks_is_no_speech() -> None:
    text = "The two sides met in Urumqi. China called Pakistan an “iron brother” in its statement. Rain fell."
    chosen = "China called Pakistan an “iron brother” in its statement."
    assert quoted(text, chosen) == chosen


def test_a_speech_longer_than_an_excerpt_ends_with_who_speaks() -> None:
    long = (
        "“"
        + "We built many roads in the north of the country for our people. " * 7
        + "Phase two adds ten zones,” Mr Iqbal said."
    )
    found = quoted(long, "Phase two adds ten zones,” Mr Iqbal said.")
    assert found.endswith("Phase two adds ten zones,” Mr Iqbal said.")
    assert len(found) <= LONGEST_CHARACTERS


LIST = (
    "The corridor adds 8,000 megawatts to the grid of Pakistan, as the ministry told parliament in a long statement on"
    " Monday, which went on to name the power plants at Sahiwal, Port Qasim, Hub and Thar, the wind farms of Jhimpir,"
    " the solar park at Bahawalpur, the hydropower stations at Karot and Suki Kinari, the transmission line from"
    " Matiari to Lahore, and the roads, ports, railways and cables of the same programme, all of which it hopes to"
    " finish soon"
)


def test_a_long_sentence_ends_at_the_last_comma_within_the_limit() -> None:
    found = trimmed(Question.of("How many megawatts does the corridor add?"), LIST, Span(0, len(LIST))).of(LIST)
    assert found == LIST[: LIST.rindex(",", 0, LONGEST_CHARACTERS + 1)]
    assert found.endswith("and the roads, ports")


@pytest.mark.parametrize(("left", "right"), ["()", "（）", "“”", "[]", '""'])
def test_a_cut_leaves_no_bracket_and_no_quotation_open(left: str, right: str) -> None:
    text = LIST.replace("the roads, ports, railways", f"the {left}roads, ports, railways{right}")
    found = trimmed(Question.of("How many megawatts does the corridor add?"), text, Span(0, len(text))).of(text)
    assert found.endswith("from Matiari to Lahore")


def test_a_cut_leaves_no_scrap() -> None:
    start = "The corridor adds 8,000 megawatts, "
    text = start + "as was told on Monday by those who build its many power plants in the north " * 6
    assert trimmed(Question.of("How many megawatts does it add?"), text, Span(0, len(text))) == Span(0, len(text))


def test_a_cut_leaves_the_number_that_is_asked_for() -> None:
    start = "The corridor adds to the grid of Pakistan, as the ministry told parliament in a statement on Monday,"
    text = start + " more and more of all that such plants can ever make" * 6 + " and 8,000 megawatts, it said"
    question = Question.of("How much does the corridor add to the grid?")
    assert trimmed(question, text, Span(0, len(text))) == Span(0, len(text))


def test_a_long_sentence_stays_whole_where_its_end_answers() -> None:
    question = Question.of("Does the ministry hope to finish the railways?")
    assert trimmed(question, LIST, Span(0, len(LIST))) == Span(0, len(LIST))


@given(st.text(alphabet=st.sampled_from('Az, .;“”"()\n'), max_size=900), st.integers(0, 10))
def test_whatever_the_text_a_quote_only_grows_and_stays_in_its_document(text: str, number: int) -> None:
    if not text.strip():
        return
    one = candidate("Words stand here. " + " ".join(text.split()))
    sentence = one.passage.sentences[number % len(one.passage.sentences)]
    assert standing_alone(one, sentence).holds(sentence)
    left = trimmed(Question.of("Az?"), one.document.snapshot.text, sentence)
    assert left.start == sentence.start
    assert left.end <= sentence.end

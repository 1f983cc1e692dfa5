"""What the reader is trained on, and that a shipped reader can be trained further."""

from __future__ import annotations

import random
from itertools import islice
from pathlib import Path

import pytest
from conftest import lines

from benchmarks.cases import OUR_QUESTIONS
from benchmarks.jsonl import read_rows
from retrieval.engine import Engine
from retrieval.models import unigram_alone
from retrieval.unigram import Unigram
from training.examples import QUESTIONS as WRITTEN
from training.examples import Example, _with_near_misses
from training.news import examples_over
from training.windows import batches, window

PORT = (
    "The port at Gwadar was leased in 2013. It has three berths. "
    "A fourth berth is to be added by 2027, and the channel is to be dredged to 14.5 metres."
)
AIRPORT = "The airport at Gwadar was opened in 2024. Its runway has 3,658 metres. It was paid for by a grant."
QUESTIONS = [
    Example("port", "When was the port at Gwadar leased?", "Gwadar", PORT, ("2013",), "gwadar"),
    Example("port", "How many berths does the port of Gwadar have?", "Gwadar", PORT, ("three",), "gwadar"),
    Example("port", "How deep is the channel to be in 2027?", "Gwadar", PORT, ("14.5 metres",), "gwadar"),
    Example("airport", "When was the airport at Gwadar opened?", "Gwadar", AIRPORT, ("2024",), "gwadar"),
    Example("airport", "How long is the runway?", "Gwadar", AIRPORT, ("3,658 metres",), "gwadar"),
]


@pytest.mark.parametrize("seed", range(40))
def test_a_made_near_miss_holds_no_answer_or_asks_something_else(seed: int) -> None:
    made = list(_with_near_misses(QUESTIONS, random.Random(seed)))
    assert len(made) == len(QUESTIONS)
    for before, after in zip(QUESTIONS, made, strict=True):
        if after.kind.endswith("elsewhere"):
            assert after.answers == ()
            assert after.question == before.question
            assert not any(answer in after.text for answer in before.answers)
        elif after.kind.endswith("exchanged"):
            assert after.answers == ()
            assert after.text == before.text
            assert after.question != before.question
        else:
            assert after == before


def test_near_misses_of_both_kinds_are_made() -> None:
    made = {
        one.kind.rpartition(", ")[2] for seed in range(100) for one in _with_near_misses(QUESTIONS, random.Random(seed))
    }
    assert made >= {"elsewhere", "exchanged"}


def test_what_was_written_to_learn_from_is_about_other_articles_than_what_is_fitted_on() -> None:
    asked = [row for name in ("news", "conversations") for row in read_rows(OUR_QUESTIONS / f"{name}.jsonl")]
    fitted = {document for row in asked for document in row["gold"]}
    assert len(fitted) > 200
    assert not fitted & {row["document"] for row in read_rows(WRITTEN / "news.jsonl")}


@pytest.mark.parametrize("name", ["news", "squad"])
def test_what_was_written_asks_nothing_twice_and_answers_in_few_words(name: str) -> None:
    rows = read_rows(WRITTEN / f"{name}.jsonl")
    asked = {(row["document"], row["question"].casefold()) for row in rows}
    assert len(asked) == len(rows) > 4000
    answers = [row["answer"] for row in rows if row["answer"] is not None]
    assert all(answer == answer.strip() and 0 < len(answer) <= 100 for answer in answers)
    assert 0.4 < len(answers) / len(rows) < 0.65


@pytest.fixture(scope="module")
def unigram() -> Unigram:
    return Unigram(unigram_alone())


@pytest.mark.slow
@pytest.mark.parametrize("one", QUESTIONS, ids=lambda one: one.question)
@pytest.mark.parametrize("seed", range(5))
def test_the_tokens_to_be_pointed_at_are_the_answer(one: Example, seed: int, unigram: Unigram) -> None:
    made = window(one, unigram, random.Random(seed))
    tokens = made.row.tokens[made.start - made.row.first : made.end + 1 - made.row.first]
    assert one.text[tokens[0].start : tokens[-1].end].strip(" .") in one.answers  # a token may end in a full stop


@pytest.mark.slow
def test_a_question_that_is_not_answered_points_at_the_first_token(unigram: Unigram) -> None:
    asked = Example("port", "Who paid for the port?", "Gwadar", PORT, (), "gwadar")
    made = window(asked, unigram, random.Random(1))
    assert (made.start, made.end) == (0, 0)


@pytest.mark.slow
@pytest.mark.parametrize("done", [0, 16, 48, 640, 656])
def test_training_goes_on_with_the_batch_at_which_it_was_stopped(done: int, unigram: Unigram) -> None:
    examples = QUESTIONS * 200
    whole = list(batches(examples, unigram, size=16, seed=3))
    after = list(batches(examples, unigram, size=16, seed=3, done=done))
    assert after == list(islice(whole, done // 16, None))


@pytest.mark.slow
def test_a_shipped_graph_is_read_back_as_the_network_it_was_made_of(tmp_path: Path) -> None:
    import torch

    from training import export
    from training.network import Reader, shipped

    torch.manual_seed(1)
    reader = Reader(layers=2).eval()
    for parameter in reader.parameters():  # as they come, many are the same and stored once
        parameter.data += 0.05 * torch.randn_like(parameter)
    export.write(reader, tmp_path / "reader.onnx")
    again = shipped(tmp_path / "reader.onnx").eval()
    state = again.state_dict()
    for name, parameter in reader.named_parameters():
        if name != "bert.embeddings.word_embeddings.weight":  # the encoder's stand for it
            assert float((parameter - state[name]).abs().max() / parameter.abs().max()) < 0.01, name  # seven bits


@pytest.mark.slow
def test_a_written_question_comes_with_what_the_plain_signals_have_read(
    engine: Engine, unigram: Unigram, tmp_path: Path
) -> None:
    rain = "Rain closed the road to the port for three days. Gwadar's port was leased, its mayor said."
    engine.ingest([str(lines(tmp_path / "news.jsonl", port=PORT, airport=AIRPORT, rain=rain))])

    def over(question: str, answer: str | None) -> list[tuple[bool, str, tuple[str, ...]]]:
        row = {"document": "port", "question": question, "answer": answer}
        return [(one.kind == "news", one.text, one.answers) for one in examples_over(engine, unigram, row)]

    # What is read of its own article answers, the article as a whole does, and what is read of another does not.
    answered = over("When was the port at Gwadar leased?", "2013")
    assert answered == [(True, PORT, ("2013",)), (True, PORT, ("2013",)), (False, rain, ())]
    # A near miss is one of what is read of its article; another might answer it.
    assert over("Who leased the port at Gwadar?", None) == [(False, PORT, ())]
    # "berth" stands there twice: which of them answers is told by the question, over the whole article.
    assert over("What is to be added to the port by 2027?", "berth")[:1] == [(True, PORT, ("berth",))]
    # Another article that holds the answer, or its number, may answer too: it is no near miss.
    others = [text for is_answer, text, _ in over("How long is the port's road closed?", "three") if not is_answer]
    assert rain not in others

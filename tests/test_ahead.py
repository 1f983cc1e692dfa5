"""An embedding that is begun ahead is the one that is asked for, or is not used."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import PORT, SCHOOL, BagOfWords, lines

from retrieval.ahead import Ahead
from retrieval.encode import Embeddings, Encoder, Prompt
from retrieval.engine import Engine
from retrieval.errors import ModelMismatch
from retrieval.settings import Settings


class Noting:
    """An encoder that notes what it encodes."""

    identity = "bag-of-words@1"

    def __init__(self) -> None:
        self.encoded: list[Sequence[str]] = []

    def encode(self, texts: Sequence[str], *, prompt: Prompt) -> Embeddings:
        self.encoded.append(tuple(texts))
        if "broken" in texts:
            raise ValueError("it is broken")
        return BagOfWords(self.identity, 64).encode(texts, prompt=prompt)


@pytest.fixture
def noting() -> Noting:
    return Noting()


@pytest.fixture
def ahead(noting: Noting) -> Iterator[Ahead]:
    made = Ahead(lambda: noting)
    yield made
    made.close()


def test_what_was_begun_is_encoded_once(ahead: Ahead, noting: Noting) -> None:
    ahead.begin("When did the port open?")
    vector = ahead.vector("When did the port open?")()
    assert noting.encoded == [("When did the port open?",)]
    assert vector == pytest.approx(noting.encode(["When did the port open?"], prompt="query")[0])


def test_what_turns_out_otherwise_is_encoded_as_it_turned_out(ahead: Ahead, noting: Noting) -> None:
    ahead.begin("When did the prot open?")
    vector = ahead.vector("When did the port open?", "And the school?")()
    both = noting.encode(["When did the port open?", "And the school?"], prompt="query").mean(axis=0)
    assert vector == pytest.approx(both / np.linalg.norm(both))
    assert float(np.linalg.norm(vector)) == pytest.approx(1)


def test_what_was_begun_is_taken_once_and_given_up_where_nothing_is_begun(ahead: Ahead, noting: Noting) -> None:
    ahead.begin("one")
    ahead.vector("one")()
    ahead.vector("one")()
    assert noting.encoded == [("one",)] * 2
    ahead.begin("two")
    ahead.begin()
    ahead.vector("two")()
    assert noting.encoded[2:] == [("two",)] * 2


def test_what_fails_is_told_and_not_kept(ahead: Ahead) -> None:
    ahead.begin("broken")
    with pytest.raises(ValueError, match="it is broken"):
        ahead.vector("broken")()
    ahead.begin("whole")
    assert ahead.vector("whole")().shape == (64,)


def test_a_library_that_another_model_made_meanwhile_is_not_asked(
    engine: Engine, other_encoder: Encoder, tmp_path: Path
) -> None:
    engine.ingest([str(lines(tmp_path / "a.jsonl", port=PORT, school=SCHOOL))])
    engine.ask("When did the harbour open?")
    other = Engine(engine.library.folder, Settings(), lambda: other_encoder)
    other.reindex()
    other.close()
    with pytest.raises(ModelMismatch, match="quoth reindex"):
        engine.ask("When did the harbour open?")

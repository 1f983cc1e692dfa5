"""Text to embeddings: the prepared graph, run by onnxruntime.

The way of a question loads neither torch nor sentence-transformers; the threads of every runtime are set here.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import ModelUnavailable
from retrieval.models import Model

__all__ = ["Embeddings", "Encoder", "OnnxEncoder", "Prompt"]

Embeddings: TypeAlias = NDArray[np.float32]
Prompt: TypeAlias = Literal["query", "passage"]

TOKENS_IN_A_BATCH = 512  # padded: larger batches fall out of the processor's caches, and take more memory


class Encoder(Protocol):
    """What turns texts into embeddings."""

    @property
    def identity(self) -> str:
        """The weights' name: embeddings of two identities cannot be compared."""
        ...

    def encode(self, texts: Sequence[str], *, prompt: Prompt) -> Embeddings:
        """Embeddings of `texts`: (texts, dimensions), float32, each of unit length, in the order of `texts`."""
        ...


class OnnxEncoder:
    """A prepared model in memory. Safe for several threads; `threads` is how many cores one call may use."""

    def __init__(self, model: Model, *, threads: int) -> None:
        os.environ["TOKENIZERS_PARALLELISM"] = "false"
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A thread that spins while it waits takes the core from the other one's work, and from the neighbours.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.log_severity_level = 4
        try:
            self._session = onnxruntime.InferenceSession(str(model.graph), options, providers=["CPUExecutionProvider"])
            self._tokenizer = Tokenizer.from_file(str(model.tokenizer))
        except Exception as error:  # both libraries raise their own kinds for a file that is cut or changed
            raise ModelUnavailable(
                f"expected a prepared model in {model.folder}, found it damaged: remove that folder, it is made again"
            ) from error
        self._tokenizer.no_padding()
        self._tokenizer.enable_truncation(model.max_tokens)
        self._tokenizer.encode_special_tokens = True  # a reader's "</s>" is text
        self._model = model
        self._prompts: dict[Prompt, str] = {"query": model.query_prompt, "passage": model.passage_prompt}

    @property
    def identity(self) -> str:
        """The weights' name."""
        return self._model.identity

    def encode(self, texts: Sequence[str], *, prompt: Prompt) -> Embeddings:
        """Embeddings of `texts`, in batches of texts of like length, as little padded as can be."""
        before = self._prompts[prompt]
        encodings = self._tokenizer.encode_batch([before + text for text in texts])
        token_ids: list[list[int]] = [encoding.ids for encoding in encodings]
        embeddings = np.empty((len(texts), self._model.dimensions), dtype=np.float32)
        for batch in _batches([len(ids) for ids in token_ids]):
            longest = len(token_ids[batch[-1]])
            input_ids = np.full((len(batch), longest), self._model.padding_id, dtype=np.int64)
            attention_mask = np.zeros((len(batch), longest), dtype=np.int64)
            for row, index in enumerate(batch):
                length = len(token_ids[index])
                input_ids[row, :length] = token_ids[index]
                attention_mask[row, :length] = 1
            (rows,) = self._session.run(["embedding"], {"input_ids": input_ids, "attention_mask": attention_mask})
            embeddings[batch] = rows
        return embeddings


def _batches(lengths: Sequence[int]) -> list[list[int]]:
    """Indexes in batches, shortest texts first, each batch's last the longest of it."""
    batches: list[list[int]] = []
    current: list[int] = []
    for index in sorted(range(len(lengths)), key=lambda index: (lengths[index], index)):
        if current and (len(current) + 1) * lengths[index] > TOKENS_IN_A_BATCH:
            batches.append(current)
            current = []
        current.append(index)
    if current:
        batches.append(current)
    return batches

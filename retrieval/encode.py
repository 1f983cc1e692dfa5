"""Text to embeddings: the prepared graph, run by onnxruntime.

Each text is encoded by itself. The graph scales activations to eight bits by what it is given in one call, so beside
other texts a text's embedding would be another; alone it needs no padding, and as many texts as there are threads go
through the graph side by side, which is faster than one call's work shared among them.

The way of a question loads neither torch nor sentence-transformers; the threads of every runtime are set here.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from retrieval.errors import ModelUnavailable
from retrieval.models import Model
from retrieval.session import session
from retrieval.unigram import Unigram

__all__ = ["Embeddings", "Encoder", "OnnxEncoder", "Prompt"]

Embeddings: TypeAlias = NDArray[np.float32]
Prompt: TypeAlias = Literal["query", "passage"]


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
    """A prepared model in memory. Safe for several threads; `threads` is how many texts are encoded at a time."""

    def __init__(self, model: Model, *, threads: int) -> None:
        try:
            self._session = session(model.graph)
            self._token_ids = _tokenizer(model)
        except Exception as error:  # both libraries raise their own kinds for a file that is cut or changed
            raise ModelUnavailable(
                f"expected a prepared model in {model.folder}, found it damaged: remove that folder, it is made again"
            ) from error
        self._model = model
        self._prompts: dict[Prompt, str] = {"query": model.query_prompt, "passage": model.passage_prompt}
        self._workers = ThreadPoolExecutor(threads, thread_name_prefix="encode")

    @property
    def identity(self) -> str:
        """The weights' name."""
        return self._model.identity

    def encode(self, texts: Sequence[str], *, prompt: Prompt) -> Embeddings:
        """Embeddings of `texts`; a text's is the same to the bit whatever is encoded with it."""
        before = self._prompts[prompt]
        encodings = [self._token_ids(before + text) for text in texts]
        embeddings = np.empty((len(texts), self._model.dimensions), dtype=np.float32)
        if len(encodings) == 1:
            embeddings[0] = self._embedding(encodings[0])
        else:
            for row, embedding in enumerate(self._workers.map(self._embedding, encodings)):
                embeddings[row] = embedding
        return embeddings

    def _embedding(self, token_ids: list[int]) -> NDArray[np.float32]:
        input_ids = np.array([token_ids], dtype=np.int64)
        inputs = {"input_ids": input_ids, "attention_mask": np.ones_like(input_ids)}
        embedding: NDArray[np.float32] = self._session.run(["embedding"], inputs)[0][0]
        return embedding


def _tokenizer(model: Model) -> Callable[[str], list[int]]:
    """What tells the ids of a text's tokens; a reader's "</s>" is text."""
    if model.unigram.exists():
        return partial(Unigram(model.unigram).encode, limit=model.max_tokens)
    os.environ["TOKENIZERS_PARALLELISM"] = "false"
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model.tokenizer))
    tokenizer.no_padding()
    tokenizer.enable_truncation(model.max_tokens)
    tokenizer.encode_special_tokens = True

    def token_ids(text: str) -> list[int]:
        ids: list[int] = tokenizer.encode(text).ids
        return ids

    return token_ids

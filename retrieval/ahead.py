"""A question's vector, begun before it is needed: the model has one core while the words are looked at on another."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import numpy as np

from retrieval.encode import Embeddings, Encoder

__all__ = ["Ahead"]


class Ahead:
    """The encoder that `get_encoder` gives, begun with what will probably be asked for. One thread at a time."""

    def __init__(self, get_encoder: Callable[[], Encoder]) -> None:
        self._get_encoder = get_encoder
        self._workers = ThreadPoolExecutor(2, thread_name_prefix="ahead")
        self._begun: tuple[tuple[str, ...], Future[Embeddings]] | None = None

    def close(self) -> None:
        """End the threads."""
        self._workers.shutdown(wait=False, cancel_futures=True)

    def begin(self, *texts: str) -> None:
        """Begin with these, and with none where there are none; what was begun before is given up."""
        self._begun = (texts, self._encoding(texts)) if texts else None

    def vector(self, *texts: str) -> Callable[[], Embeddings]:
        """What waits for the unit vector, (dimensions,), of these texts: of several it is their mean's."""
        begun = self._begun[1] if self._begun is not None and self._begun[0] == texts else self._encoding(texts)
        self._begun = None

        def wait() -> Embeddings:
            mean = begun.result().mean(axis=0)
            return np.asarray(mean / np.linalg.norm(mean), dtype=np.float32)

        return wait

    def _encoding(self, texts: tuple[str, ...]) -> Future[Embeddings]:
        encoder = self._get_encoder()
        is_running = Event()

        def encode() -> Embeddings:
            is_running.set()
            return encoder.encode(texts, prompt="query")

        encoding = self._workers.submit(encode)
        is_running.wait()  # else the interpreter lets the other thread in when this one rests, or after 5 ms
        return encoding

"""Libraries made from the evaluation data, their embeddings remembered by content in the user's cache folder.

Encoding 2,087 articles takes a quarter of an hour on two cores; changed code mostly leaves most texts as they were.
"""

from __future__ import annotations

import hashlib
import resource
import sqlite3
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from threading import Lock

import numpy as np
import platformdirs

from retrieval.encode import Embeddings, Encoder, OnnxEncoder, Prompt
from retrieval.engine import Engine
from retrieval.models import prepare
from retrieval.reader import OnnxReader, Reader
from retrieval.settings import Settings

__all__ = ["RememberingEncoder", "data_digest", "make_library", "real_encoder", "real_reader", "require"]


class RememberingEncoder:
    """An encoder that keeps each text's embedding in a file, under the model's identity, the prompt and the text."""

    def __init__(self, encoder: Encoder, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._encoder = encoder
        self._memory = sqlite3.connect(path, check_same_thread=False)
        self._lock = Lock()
        self._memory.execute("CREATE TABLE IF NOT EXISTS embeddings (key BLOB PRIMARY KEY, vector BLOB) WITHOUT ROWID")

    @property
    def identity(self) -> str:
        """The weights' name."""
        return self._encoder.identity

    def remembered(self) -> Embeddings:
        """Every embedding it keeps, (texts, dimensions), in the order of their keys."""
        rows = self._memory.execute("SELECT vector FROM embeddings ORDER BY key").fetchall()
        return np.frombuffer(b"".join(row[0] for row in rows), "<f4").reshape(len(rows), -1)

    def encode(self, texts: Sequence[str], *, prompt: Prompt) -> Embeddings:
        """Embeddings of `texts`, (texts, dimensions); only those never seen are computed."""
        with self._lock:  # a question's is begun in a thread of its own
            return self._encoded(texts, prompt)

    def _encoded(self, texts: Sequence[str], prompt: Prompt) -> Embeddings:
        keys = [hashlib.sha256(f"{self.identity}\0{prompt}\0{text}".encode()).digest() for text in texts]
        known: dict[bytes, Embeddings] = {}
        for key in keys:
            row = self._memory.execute("SELECT vector FROM embeddings WHERE key = ?", (key,)).fetchone()
            if row is not None:
                known[key] = np.frombuffer(row[0], "<f4")
        new = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        if new:
            computed = self._encoder.encode(list(new.values()), prompt=prompt)
            known.update(zip(new, computed, strict=True))
            rows = [(key, known[key].astype("<f4").tobytes()) for key in new]
            self._memory.executemany("INSERT OR REPLACE INTO embeddings VALUES (?, ?)", rows)
            self._memory.commit()
        return np.stack([known[key] for key in keys]) if keys else np.empty((0, 0), dtype=np.float32)


def real_encoder() -> RememberingEncoder:
    """The default model, with its memory in the user's cache folder."""
    encoder = OnnxEncoder(prepare(notice=tell), threads=Settings().threads)
    return RememberingEncoder(encoder, platformdirs.user_cache_path("quoth") / "benchmarks" / "embeddings.sqlite")


def real_reader(graph: Path | None = None) -> OnnxReader:
    """The reader that comes with Quoth, or the one in `graph`."""
    return OnnxReader(prepare(notice=tell).unigram, threads=Settings().threads, graph=graph)


def make_library(
    folder: Path, documents: Sequence[Path], encoder: Encoder, make_reader: Callable[[], Reader] | None = None
) -> Engine:
    """An engine over a library of `documents`, brought up to date; its progress goes to stderr."""
    engine = Engine(folder, Settings(), lambda: encoder, make_reader)
    told = [0]

    def progress(done: int, total: int) -> None:
        if total and 10 * done // total > told[0]:
            told[0] = 10 * done // total
            tell(f"{folder.name}: {100 * done // total} % ingested")

    begun = time.monotonic()
    report = engine.ingest([str(path) for path in documents], progress=progress)
    if report.refused:
        sys.exit(f"{folder.name}: {report.refused[0]}")
    peak_megabytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    seconds = time.monotonic() - begun
    tell(f"{folder.name}: {report.passages} passages in {seconds:.0f} s, at most {peak_megabytes} MB resident")
    return engine


def require(data: Path) -> Path:
    """The folder of the evaluation data; one line and exit 2 where it is absent."""
    if not (data / "news" / "documents.jsonl").is_file():
        tell(f"expected the evaluation data in {data}, found none: name its folder by --data (make: DATA=…)")
        sys.exit(2)
    return data


def data_digest(paths: Iterable[Path], more: str = "") -> str:
    """SHA-256 over the files and the text, in hexadecimal: which data a figure was measured on."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.read_bytes())
    digest.update(more.encode())
    return digest.hexdigest()


def tell(line: str) -> None:
    """A notice on stderr."""
    print(line, file=sys.stderr, flush=True)

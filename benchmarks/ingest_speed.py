"""How fast articles are taken in, against the encoder alone on the same texts.

    python -m benchmarks.ingest_speed --data ../shared/data [--documents 60 | --documents all] [--pages]

The articles are lines of JSON, with --pages saved web pages. `quoth ingest` runs in a fresh process into a fresh
library; then another process encodes, batch by batch, the texts that the ingest must have encoded. Prints a Markdown
table.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from benchmarks.libraries import require
from benchmarks.machine import heading
from benchmarks.page_speed import is_article
from benchmarks.timing import run_python, timed
from retrieval.datamodel import Document
from retrieval.encode import Embeddings, OnnxEncoder, Prompt
from retrieval.ingest import BATCH_CHARACTERS, encode_documents
from retrieval.library import Library
from retrieval.models import prepare
from retrieval.settings import Settings

_T = TypeVar("_T")


def main() -> int:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--documents", default="60", metavar="N", help="how many articles, or all (60)")
    parser.add_argument("--pages", action="store_true", help="saved web pages instead of lines of JSON")
    parser.add_argument("--alone", metavar="LIBRARY", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.alone:
        print(json.dumps(encode_alone(options.alone)))
        return 0
    data = require(options.data)
    prepare()  # a model that is still to be made is not the ingest's to pay for
    with tempfile.TemporaryDirectory() as scratch:
        source, library = Path(scratch) / "sources", Path(scratch) / "library"
        source.mkdir()
        if options.pages:
            pages = [page for page in sorted((data / "html_news" / "pages").iterdir()) if is_article(page)]
            for page in spread(pages, options.documents):
                shutil.copy(page, source)
        else:
            lines = (data / "news" / "documents.jsonl").read_text(encoding="utf-8").strip().split("\n")
            articles = "\n".join(spread(lines, options.documents)) + "\n"
            (source / "news.jsonl").write_text(articles, encoding="utf-8")
        surroundings = {**os.environ, "QUOTH_REMEMBERED_MEGABYTES": "0"}  # all is encoded anew
        ingest = run_python(["-m", "bot", "--library", str(library), "ingest", str(source)], surroundings=surroundings)
        alone_run = run_python(["-m", "benchmarks.ingest_speed", "--alone", str(library)])
    alone = json.loads(alone_run.stdout)
    took = ingest.timing
    print(heading("onnxruntime"))
    print(
        f"\n{alone['documents']} {'pages' if options.pages else 'articles'}, {alone['passages']} passages with"
        f" {alone['sentences']} sentences, each of both encoded; {Settings().threads} threads.\n"
    )
    print("| | wall, s | processor, s | passages a second, wall | peak resident, MB |")
    print("| --- | --- | --- | --- | --- |")
    rows = [
        ("`quoth ingest`, the whole process", took.wall_s, took.processor_s, f"{ingest.peak_bytes / 1e6:.0f}"),
        (
            "the encoder alone, loaded and warm",
            alone["wall_s"],
            alone["processor_s"],
            f"{alone_run.peak_bytes / 1e6:.0f}",
        ),
    ]
    for name, wall_s, processor_s, peak in rows:
        print(f"| {name} | {wall_s:.1f} | {processor_s:.1f} | {alone['passages'] / wall_s:.1f} | {peak} |")
    shares = [alone["wall_s"] / took.wall_s, alone["processor_s"] / took.processor_s]
    print(f"| the encoder's share | {100 * shares[0]:.0f} % | {100 * shares[1]:.0f} % | | |")
    return 0


def spread(lines: Sequence[_T], wanted: str) -> list[_T]:
    """As many of the lines or files as wanted, evenly spread over all."""
    count = len(lines) if wanted == "all" else min(int(wanted), len(lines))
    return [lines[position] for position in np.linspace(0, len(lines) - 1, count).astype(int)]


def encode_alone(folder: Path) -> dict[str, Any]:
    """Encode the texts of the library in `folder` in the batches of its ingest. Runs in a process of its own."""
    recorder = _Recorder()
    documents = passages = sentences = 0
    with closing(Library.open(folder)) as library:
        for batch in _batches(library.documents()):
            found = encode_documents(recorder, batch)
            documents += len(batch)
            passages += sum(len(encoded) for encoded in found.values())
            sentences += sum(len(one.passage.sentences) for encoded in found.values() for one in encoded)
    encoder = OnnxEncoder(prepare(), threads=Settings().threads)
    encoder.encode(["a first text warms up"], prompt="passage")
    _, timing = timed(lambda: [encoder.encode(texts, prompt="passage") for texts in recorder.calls])
    return {"documents": documents, "passages": passages, "sentences": sentences, **asdict(timing)}


def _batches(documents: Iterator[Document]) -> Iterator[list[Document]]:
    """The documents as the ingest of one line a document commits them."""
    batch: list[Document] = []
    waiting = 0
    for document in documents:
        batch.append(document)
        waiting += len(document.snapshot.text)
        if waiting >= BATCH_CHARACTERS:
            yield batch
            batch, waiting = [], 0
    if batch:
        yield batch


class _Recorder:
    """An encoder that only notes what it is asked to encode."""

    identity = "recorder"

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def encode(self, texts: Sequence[str], *, prompt: Prompt) -> Embeddings:
        """Zeros in the right shape."""
        self.calls.append(list(texts))
        return np.zeros((len(texts), 1), dtype=np.float32)


if __name__ == "__main__":
    sys.exit(main())

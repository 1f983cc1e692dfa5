"""A library of a million passages on two cores: a question, opening, memory, adding while it answers.

    python -m benchmarks.million --data ../shared/data --library FOLDER [--passages 1000000]

The library is made once, in FOLDER, and used again after that. It is made of real text: the articles of the news, of
SQuAD and XQuAD, reviews and forum posts stand in it as they are, with the real model's vectors, and each of their
sentences once more as a passage of its own; the rest are sentences put together of the first half of one and the
second half of another, three a passage and eight passages an article. Such a sentence has the vector of its first
half's sentence, such a passage that of its first sentence with noise (a cosine of about 0.97). What a sentence holds is
looked up by its halves: looking is what takes an ingest so long.
"""

from __future__ import annotations

import argparse
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil  # type: ignore[import-untyped]
from numpy.typing import NDArray

from benchmarks.cases import mixed_questions
from benchmarks.jsonl import read_rows, write_rows
from benchmarks.libraries import RememberingEncoder, real_encoder, require, tell
from benchmarks.machine import heading
from bot.collector import calm_collector
from retrieval import articles, contents, findings, read, rows
from retrieval.contents import Contents
from retrieval.datamodel import Document, Passage, Reading, Snapshot, Span
from retrieval.encode import OnnxEncoder
from retrieval.engine import Engine
from retrieval.findings import DocumentFindings, PassageFindings, said
from retrieval.ingest import encode_documents
from retrieval.library import Library
from retrieval.models import prepare
from retrieval.rows import EncodedPassage, Entry
from retrieval.settings import Settings
from retrieval.writer import writing

SOURCES = (
    "news/documents.jsonl",
    "news_raw/documents.jsonl",
    "squad/documents.jsonl",
    *(f"xquad/documents.{one}.jsonl" for one in ("en", "zh", "ar", "hi")),
    "amazon_reviews/documents.jsonl",
    "reddit/documents.jsonl",
)
SENTENCES, PASSAGES = 3, 8  # of a passage, of an article
NOISE = 0.25
QUESTIONS = 300
ADDED = 100
BATCH = 500  # articles a transaction


@dataclass(frozen=True, slots=True)
class Half:
    """Half of a real sentence, and what it holds."""

    text: str
    found: Contents


@dataclass(frozen=True, slots=True)
class Sentence:
    """A real sentence, cut in two, with its vector."""

    halves: tuple[Half, Half]
    vector: NDArray[np.float16]
    language: str


def main() -> int:
    """Make the library where it is missing, and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--library", type=Path, required=True)
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--add", type=Path, metavar="FILE", help="only read these articles into it")
    options = parser.parse_args()
    if options.add:
        add(options.library, options.add)
        return 0
    data, encoder = require(options.data), real_encoder()
    if not Library.is_in(options.library):
        make(options.library, data, encoder, options.passages)
    print(heading("faiss-cpu", "tantivy", "numpy"))
    print(measured(options.library, data, encoder))
    return 0


# Making it


def make(folder: Path, data: Path, encoder: RememberingEncoder, wanted: int) -> None:
    """Fill a library and index it."""
    begun = time.monotonic()
    engine = Engine(folder, Settings(), lambda: encoder)
    sentences: list[Sentence] = []
    count = 0
    with writing(engine.library) as writer:
        for path in SOURCES:
            for entries in real(data / path, encoder, sentences):
                writer.put(entries, identity=encoder.identity, at="2026-01-01T00:00:00+00:00")
                count += sum(len(passages) for _, documents in entries for _, passages in documents)
            tell(f"{path}: {count} passages, {len(sentences)} sentences, {time.monotonic() - begun:.0f} s")
        prepared = Prepared()
        rows.of_passage, rows.of_document = prepared.of_passage, prepared.of_document  # type: ignore[attr-defined]
        chance = random.Random(20261122)  # noqa: S311 - a seed, so that it is the same library
        alone = iter(range(len(sentences)))
        number = 0
        while count < wanted:
            entries = []
            for _ in range(BATCH):
                chosen = [next(alone, None) for _ in range(PASSAGES)]
                entries.append(prepared.article(number, chosen, sentences, chance))
                number += 1
            writer.put(entries, identity=encoder.identity, at="2026-01-01T00:00:00+00:00")
            prepared.found.clear()
            count += BATCH * PASSAGES
            if number % 10_000 == 0:
                tell(f"{count} passages, {time.monotonic() - begun:.0f} s")
        rows.of_passage, rows.of_document = findings.of_passage, findings.of_document  # type: ignore[attr-defined]
    tell(f"{count} passages stored in {time.monotonic() - begun:.0f} s; indexing")
    begun = time.monotonic()
    engine.warm_up()
    tell(f"indexed in {time.monotonic() - begun:.0f} s, at most {psutil.Process().memory_info().rss >> 20} MB resident")
    engine.close()


def real(path: Path, encoder: RememberingEncoder, sentences: list[Sentence]) -> Iterator[list[Entry]]:
    """The articles of a file, a batch at a time; their sentences are noted on the way."""
    (source,) = read.sources([str(path)], fetched_at="2026-01-01T00:00:00+00:00")
    assert not isinstance(source, Exception)
    entries: list[Entry] = []
    for reading in read.readings(source):
        assert isinstance(reading, Reading)
        documents = articles.documents(reading)
        encoded = encode_documents(encoder, documents)
        entries.append((reading, [(document, encoded[document.id]) for document in documents]))
        for document in documents:
            for one in encoded[document.id]:
                for span, vector in zip(one.passage.sentences, one.sentence_embeddings, strict=True):
                    sentences.append(cut(span.of(document.snapshot.text), vector, document.language))
        if len(entries) == BATCH:
            yield entries
            entries = []
    yield entries


def cut(text: str, vector: NDArray[np.float32], language: str) -> Sentence:
    """A sentence in two, at the white space nearest to its middle, else at the middle."""
    middle = len(text) // 2
    at = text.rfind(" ", 0, middle + 1)
    at = at if at > 0 else max(middle, 1)
    first, second = text[:at], text[at:].strip() or "."
    return Sentence(
        (Half(first, contents.contents(first)), Half(second, contents.contents(second))),
        vector.astype(np.float16),
        language,
    )


class Prepared:
    """What is found in made articles, known without looking."""

    def __init__(self) -> None:
        self.found: dict[str, PassageFindings | DocumentFindings] = {}

    def of_passage(self, document: Document, passage: Passage) -> PassageFindings:
        """What was prepared of it."""
        found = self.found[passage.id]
        assert isinstance(found, PassageFindings)
        return found

    def of_document(self, document: Document) -> DocumentFindings:
        """What was prepared of it."""
        found = self.found[document.id]
        assert isinstance(found, DocumentFindings)
        return found

    def article(
        self, number: int, alone: Sequence[int | None], sentences: Sequence[Sentence], chance: random.Random
    ) -> Entry:
        """An article: a passage for each of `alone`, a real sentence, or one that is put together."""
        key = f"made-{number}"
        language = sentences[alone[0] if alone[0] is not None else chance.randrange(len(sentences))].language
        pieces: list[str] = []
        position = 0
        made: list[tuple[Passage, PassageFindings, NDArray[np.float32], NDArray[np.float16]]] = []
        before: tuple[Span, str] | None = None
        for one in alone:
            chosen = [sentences[one]] if one is not None else chance.choices(sentences, k=SENTENCES)
            spans, held, texts = [], [], []
            for sentence in chosen:
                first = sentence.halves[0]
                second = (sentence if one is not None else chance.choice(sentences)).halves[1]
                text = f"{first.text} {second.text}"
                spans.append(Span(position, position + len(text)))
                texts.append(text)
                held.append(Contents.joined([first.found, second.found.shifted(len(first.text) + 1)]))
                position += len(text) + 1
            pieces.append(" ".join(texts))
            vectors = np.stack([sentence.vector for sentence in chosen])
            whole = vectors[0].astype(np.float32)
            if one is None:
                noise = np.random.default_rng(position + number).standard_normal(len(whole), dtype=np.float32)
                whole += NOISE / np.sqrt(len(whole)) * noise
            keys = tuple(said(text) for text in texts)
            around = (before,) if before is not None else ()
            passage = Passage(key, Span(spans[0].start, spans[-1].end), "", tuple(spans))
            made.append((passage, PassageFindings(tuple(held), keys, around), whole / np.linalg.norm(whole), vectors))
            before = (spans[-1], keys[-1])
        text = "\n".join(pieces)
        snapshot = Snapshot.take(
            text, original=b"", source="made.jsonl", media_type="application/jsonl", fetched_at="2026"
        )
        body = tuple(passage.span for passage, _, _, _ in made)
        document = Document(key, snapshot, body, language)
        lead = Contents.joined(made[0][1].sentences)
        story = sorted({one for _, found, _, _ in made for one in found.keys})
        nothing = contents.to_json(contents.contents(""))
        self.found[key] = DocumentFindings([nothing, contents.to_json(lead), [], story])
        self.found.update({passage.id: found for passage, found, _, _ in made})
        encoded = [EncodedPassage(passage, whole, vectors.astype(np.float32)) for passage, _, whole, vectors in made]
        return Reading(key, snapshot, document_id=key), [(document, encoded)]


# Measuring it


def measured(folder: Path, data: Path, encoder: RememberingEncoder) -> str:
    """The table."""
    process = psutil.Process()
    questions = mixed_questions(data, QUESTIONS)
    lines = ["| what | seen |", "| --- | --- |"]
    begun, busy = time.perf_counter(), time.process_time()
    engine = Engine(folder, Settings(), lambda: OnnxEncoder(prepare(), threads=1))
    engine.search(engine.query("How long is it?"))
    lines.append(
        f"| the library opened, every byte of its indexes checked, the model loaded, to the first search | "
        f"{time.perf_counter() - begun:.1f} s, {time.process_time() - busy:.1f} s of the processor |"
    )
    engine.warm_up()
    calm_collector()  # as the bot does
    times = [timed(engine, question) for question in questions]
    lines.append(f"| a question, encoding included, {len(questions)} for the first time | {told(times)} |")
    again = [timed(engine, question) for question in questions]
    lines.append(f"| the same again | {told(again)} |")
    share = recall(engine, encoder, questions)
    lines.append(f"| recall of the nearest ten by the dense index, of the same questions | {share:.3f} |")
    memory = process.memory_full_info()
    lines.append(f"| memory | {memory.rss >> 20} MB resident, {memory.uss >> 20} MB of them its own |")
    lines.append(f"| the library's file, its indexes | {size(folder / 'library.sqlite')}, {size(folder / 'indexes')} |")
    lines += adding(engine, data, questions)
    return "\n".join(lines)


def timed(engine: Engine, question: str) -> tuple[float, float]:
    """The milliseconds that an answer takes, and those of the processor."""
    begun, busy = time.perf_counter(), time.process_time()
    engine.ask(question)
    return 1000 * (time.perf_counter() - begun), 1000 * (time.process_time() - busy)


def told(times: Sequence[tuple[float, float]]) -> str:
    """Median and 95 % of both."""
    found = []
    for column in zip(*times, strict=True):
        ordered = sorted(column)
        found.append(f"{statistics.median(ordered):.1f} / {ordered[int(0.95 * len(ordered))]:.1f} ms")
    return f"median / p95 {found[0]}, of the processor {found[1]}"


def recall(engine: Engine, encoder: RememberingEncoder, questions: Sequence[str]) -> float:
    """The share of the nearest ten passages that the dense index finds; as near as the tenth is one of them."""
    vectors = encoder.encode(list(questions), prompt="query")
    highest = np.full((len(questions), 10), -1, dtype=np.float32)
    statement = "SELECT sentences, vectors FROM passages ORDER BY number"
    part: list[NDArray[np.float32]] = []

    def take() -> None:
        nonlocal highest
        both = np.concatenate([highest, vectors @ np.stack(part).T], axis=1)
        highest = -np.sort(-np.partition(both, -10, axis=1)[:, -10:], axis=1)
        part.clear()

    for sentences, stored in engine.library.connection.execute(statement):
        part.append(np.frombuffer(stored, "<f4", len(stored) // (4 + 2 * (len(sentences) // rows.SPAN_BYTES))))
        if len(part) == 50_000:
            take()
    if part:
        take()
    index = engine._current_indexes().dense
    found = []
    for vector, wanted in zip(vectors, highest, strict=True):
        ids = [hit.passage_id for hit in index.search(vector, 10)]
        stored = {one.id: one for one in engine.library.vectors(ids)}
        counts = {one.id: one.count_sentences for one in engine.library.passages(ids)}
        cosines = np.array([stored[one].embedding(counts[one]) @ vector for one in ids])
        found.append(float(np.mean(cosines >= wanted[-1] - 1e-5)))
    return statistics.mean(found)


def adding(engine: Engine, data: Path, questions: Sequence[str]) -> list[str]:
    """Let another process add a hundred articles while this one answers without pause."""
    chance = random.Random(1)  # noqa: S311
    times: list[tuple[float, float]] = []
    shown: list[tuple[float, int]] = []  # after each answer: when, and of which generation
    with tempfile.TemporaryDirectory() as scratch, Watching(engine.library.folder) as watching:
        path = Path(scratch) / "more.jsonl"
        stamp = int(time.time())
        some = read_rows(data / "news" / "documents.jsonl")[:ADDED]
        write_rows(path, [{**row, "id": f"again-{stamp}-{row['id']}"} for row in some])
        before, begun = len(engine._current_indexes().dense), time.monotonic()
        folder = str(engine.library.folder)
        command = [sys.executable, "-m", "benchmarks.million", "--library", folder, "--add", str(path)]
        adder = subprocess.Popen(command)
        while adder.poll() is None:
            times.append(timed(engine, chance.choice(questions)))
            shown.append((time.monotonic(), answered_from(engine)))
        seconds = time.monotonic() - begun
        if adder.returncode:
            sys.exit(f"expected exit 0 of {' '.join(command)}, found {adder.returncode}")
        engine.ask(questions[0])
        shown.append((time.monotonic(), answered_from(engine)))
    waits = [
        next(when for when, generation in shown if generation >= committed) - at for at, committed in watching.commits
    ]
    return [
        f"| {ADDED} articles added by another process (known embeddings), "
        f"{len(engine._current_indexes().dense) - before} passages | {seconds:.1f} s in all, its start included |",
        f"| from each of its {len(waits)} commits to the first answer from indexes that hold it | "
        f"{max(waits):.1f} s at the longest |",
        f"| {len(times)} questions meanwhile, without pause | {told(times)} |",
    ]


def answered_from(engine: Engine) -> int:
    """The generation of the indexes that the last answer came from."""
    assert engine._indexes is not None
    return engine._indexes.generation


class Watching:
    """When the library in a folder is seen to be changed, by a thread that looks every ten milliseconds."""

    def __init__(self, folder: Path) -> None:
        self.commits: list[tuple[float, int]] = []  # when, and to which generation
        self._folder = folder
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watching:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _watch(self) -> None:
        library = Library.open(self._folder)
        last = library.generation
        while not self._ended.wait(0.01):
            generation = library.generation
            if generation != last:
                last = generation
                self.commits.append((time.monotonic(), generation))
        library.close()


def add(folder: Path, path: Path) -> None:
    """Read the articles of a file into the library."""
    encoder = real_encoder()
    engine = Engine(folder, Settings(), lambda: encoder)
    report = engine.ingest([str(path)])
    assert report.added == ADDED, report
    engine.close()


def size(path: Path) -> str:
    """The megabytes of a file or a folder."""
    files = [path] if path.is_file() else [one for one in path.rglob("*") if one.is_file()]
    return f"{sum(one.stat().st_size for one in files) / 1e6:,.0f} MB"


if __name__ == "__main__":
    raise SystemExit(main())

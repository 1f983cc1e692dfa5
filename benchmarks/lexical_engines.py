"""Lexical engines side by side on the same short passages: `python -m benchmarks.lexical_engines`.

Every engine is fed the terms of `retrieval.analyze`, joined by spaces, so that only the engines differ. Each one
builds, searches and adds in a fresh process of its own. Prints a Markdown table.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import os
import random
import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from benchmarks.jsonl import read_rows
from benchmarks.machine import heading
from retrieval.analyze import terms

__all__ = ["main"]

DEPTH = 100
TERMS_IN_PASSAGE = 60
QUESTIONS = 200
TERMS_IN_QUESTION = 8
ADDED = 100
COLLECTIONS = ("news", "squad", "amazon_reviews", "reddit")


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured of one engine; seconds of wall-clock time and of processor time, bytes."""

    build_s: float
    size_bytes: int
    start_s: float
    memory_bytes: int
    wall_s: tuple[float, ...]
    processor_s: tuple[float, ...]
    add_s: float | None


class Engine(Protocol):
    """What an engine must do to be measured. A passage is its terms; its row number is its id."""

    def build(self, folder: Path, passages: Iterator[list[str]]) -> None:
        """Write an index to `folder`."""

    def open(self, folder: Path) -> Callable[[list[str]], list[int]]:
        """A function from the terms of a question to the rows of its best passages."""

    def add(self, folder: Path, passages: list[list[str]]) -> bool:
        """Add to the index in `folder` without building it again; False where the engine cannot."""


class Tantivy:
    """One field without positions, one writer thread."""

    def build(self, folder: Path, passages: Iterator[list[str]]) -> None:
        import tantivy

        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field("row", stored=True)
        builder.add_text_field("body", tokenizer_name="whitespace", index_option="freq")
        index = tantivy.Index(builder.build(), path=str(folder))
        self._write(index, passages)

    def open(self, folder: Path) -> Callable[[list[str]], list[int]]:
        import tantivy

        index = tantivy.Index.open(str(folder))
        searcher, schema = index.searcher(), index.schema

        def search(question: list[str]) -> list[int]:
            query = tantivy.Query.boolean_query(
                [
                    (tantivy.Occur.Should, tantivy.Query.term_query(schema, "body", term, index_option="freq"))
                    for term in set(question)
                ]
            )
            hits = searcher.search(query, DEPTH, count=False).hits
            return [searcher.doc(address)["row"][0] for _, address in hits]

        return search

    def add(self, folder: Path, passages: list[list[str]]) -> bool:
        import tantivy

        self._write(tantivy.Index.open(str(folder)), iter(passages))
        return True

    def _write(self, index: Any, passages: Iterator[list[str]]) -> None:
        import tantivy

        writer = index.writer(heap_size=64_000_000, num_threads=1)
        for row, passage in enumerate(passages):
            document = tantivy.Document()
            document.add_unsigned("row", row)
            document.add_text("body", " ".join(passage))
            writer.add_document(document)
        writer.commit()
        writer.wait_merging_threads()


@dataclass(frozen=True, slots=True)
class Bm25s:
    """Scores computed while indexing, in a sparse matrix; it cannot add, so that is False."""

    mapped: bool

    def build(self, folder: Path, passages: Iterator[list[str]]) -> None:
        import bm25s

        index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
        index.index(list(passages), show_progress=False)
        index.save(str(folder), show_progress=False)

    def open(self, folder: Path) -> Callable[[list[str]], list[int]]:
        import bm25s

        index = bm25s.BM25.load(str(folder), mmap=self.mapped, show_progress=False)

        def search(question: list[str]) -> list[int]:
            rows, scores = index.retrieve([list(set(question))], k=DEPTH, show_progress=False)
            return [int(row) for row, score in zip(rows[0], scores[0], strict=True) if score > 0]

        return search

    def add(self, folder: Path, passages: list[list[str]]) -> bool:
        return False


class Fts5:
    """A contentless table of SQLite, whose tokenizer takes every character of a term."""

    def build(self, folder: Path, passages: Iterator[list[str]]) -> None:
        tokenizer = "unicode61 remove_diacritics 0 categories 'L* M* N* Co' tokenchars '.'''"
        with self._connected(folder) as database:
            escaped = tokenizer.replace('"', '""')
            database.execute(f'CREATE VIRTUAL TABLE passages USING fts5(body, content="", tokenize="{escaped}")')
            self._insert(database, passages)

    def open(self, folder: Path) -> Callable[[list[str]], list[int]]:
        database = self._connected(folder)

        def search(question: list[str]) -> list[int]:
            query = " OR ".join(f'"{term}"' for term in set(question))
            found = database.execute(
                "SELECT rowid FROM passages WHERE passages MATCH ? ORDER BY rank LIMIT ?", (query, DEPTH)
            )
            return [row for (row,) in found]

        return search

    def add(self, folder: Path, passages: list[list[str]]) -> bool:
        with self._connected(folder) as database:
            self._insert(database, iter(passages))
        return True

    def _connected(self, folder: Path) -> sqlite3.Connection:
        return sqlite3.connect(folder / "passages.sqlite")

    def _insert(self, database: sqlite3.Connection, passages: Iterator[list[str]]) -> None:
        database.executemany("INSERT INTO passages (body) VALUES (?)", ((" ".join(passage),) for passage in passages))


ENGINES: dict[str, Engine] = {
    "tantivy": Tantivy(),
    "bm25s": Bm25s(mapped=False),
    "bm25s, mapped": Bm25s(mapped=True),
    "SQLite FTS5": Fts5(),
}
PACKAGES = {"tantivy": "tantivy", "bm25s": "bm25s", "bm25s, mapped": "bm25s"}


def main() -> int:
    """Measure the engines that are installed and print what was found."""
    parser = argparse.ArgumentParser(description="Compare lexical engines.")
    parser.add_argument("--data", type=Path, default=Path(__file__).parents[2] / "shared" / "data")
    parser.add_argument("--passages", type=int, default=100_000)
    parser.add_argument("--engine", action="append", choices=list(ENGINES), help="only this one (may be repeated)")
    parser.add_argument("--step", nargs=3, metavar=("STEP", "ENGINE", "FOLDER"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.step:
        step, name, folder = options.step
        print(json.dumps(STEPS[step](ENGINES[name], Path(folder))))
        return 0
    if not options.data.is_dir():
        print(f"{options.data} is absent: this benchmark needs the evaluation data, or --data FOLDER", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        questions = write_cases(options.data, folder, options.passages)
        figures = {name: measured(name, folder) for name in options.engine or ENGINES}
    print(table(figures, options.passages, questions))
    return 0


def write_cases(data: Path, folder: Path, count: int) -> list[list[str]]:
    """Write `count` passages and the questions, as terms, into `folder`; return the questions."""
    texts = [line["text"] for name in COLLECTIONS for line in read_rows(data / name / "documents.jsonl")]
    analysed = [terms(text) for text in texts]
    real = [
        found[start : start + TERMS_IN_PASSAGE]
        for found in analysed
        for start in range(0, len(found), TERMS_IN_PASSAGE)
    ]
    draw = random.Random(0)  # noqa: S311 - the same passages in every run, no secret
    with (folder / "passages").open("w", encoding="utf-8") as file:
        for row in range(count):
            if row < len(real):
                passage = real[row]
            else:  # the head of one passage and the tail of another: natural frequencies, no copy
                head, tail, cut = draw.choice(real), draw.choice(real), draw.randrange(10, 50)
                passage = head[:cut] + tail[cut:]
            file.write(" ".join(passage) + "\n")
    news = [terms(line["question"]) for line in read_rows(data / "news" / "questions.jsonl")]
    squad = [terms(line["question"]) for line in read_rows(data / "squad" / "questions.jsonl")]
    draw.shuffle(squad)
    squad.sort(key=lambda question: abs(len(question) - TERMS_IN_QUESTION) > 2)  # stable: a draw of the natural ones
    questions = [*news, *squad][:QUESTIONS]
    (folder / "questions").write_text(json.dumps(questions), encoding="utf-8")
    return questions


def measured(name: str, folder: Path) -> Figures | None:
    """The figures of one engine, each step in a fresh process; None where it is not installed."""
    if name in PACKAGES and importlib.util.find_spec(PACKAGES[name]) is None:
        return None
    index = folder / name.replace(" ", "-")
    index.mkdir()
    found: dict[str, Any] = {}
    for step in STEPS:
        print(f"{name}: {step}", file=sys.stderr)
        command = [sys.executable, "-m", "benchmarks.lexical_engines", "--step", step, name, str(index)]
        found |= json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return Figures(**found)


def build_step(engine: Engine, folder: Path) -> dict[str, Any]:
    """Seconds from passages as terms to an index on disk, and its size."""
    with (folder.parent / "passages").open(encoding="utf-8") as file:
        started = time.perf_counter()
        engine.build(folder, (line.split(" ") for line in map(str.rstrip, file)))
        seconds = time.perf_counter() - started
    return {"build_s": seconds, "size_bytes": sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())}


def search_step(engine: Engine, folder: Path) -> dict[str, Any]:
    """Start-up (import, open, first question), then every question three times, the fastest of which counts."""
    questions: list[list[str]] = json.loads((folder.parent / "questions").read_text(encoding="utf-8"))
    before = resident_bytes()
    started = time.perf_counter()
    search = engine.open(folder)
    search(questions[0])
    start_s = time.perf_counter() - started
    wall_s, processor_s = [], []
    for question in questions:
        runs = []
        for _ in range(3):
            wall, processor = time.perf_counter(), time.process_time()
            search(question)
            runs.append((time.perf_counter() - wall, time.process_time() - processor))
        wall_s.append(min(wall for wall, _ in runs))
        processor_s.append(min(processor for _, processor in runs))
    return {
        "start_s": start_s,
        "memory_bytes": resident_bytes() - before,
        "wall_s": wall_s,
        "processor_s": processor_s,
    }


def add_step(engine: Engine, folder: Path) -> dict[str, Any]:
    """Seconds to add passages to the index on disk, committed; None where the engine cannot."""
    passages = [["added", "passage", str(number)] * (TERMS_IN_PASSAGE // 3) for number in range(ADDED)]
    started = time.perf_counter()
    can_add = engine.add(folder, passages)
    return {"add_s": time.perf_counter() - started if can_add else None}


STEPS: dict[str, Callable[[Engine, Path], dict[str, Any]]] = {
    "build": build_step,
    "search": search_step,
    "add": add_step,
}


def resident_bytes() -> int:
    """Resident memory of this process, mapped files included; its peak where the system tells no more."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def table(figures: dict[str, Figures | None], count: int, questions: list[list[str]]) -> str:
    """The figures as Markdown, with the machine, the date, the cases, and what the timing includes."""
    lengths = statistics.median(len(question) for question in questions)
    rows = [
        f"{count:,} passages of about {TERMS_IN_PASSAGE} terms (English, Urdu, Chinese); {len(questions)} questions, "
        f"median {lengths:g} terms; top {DEPTH}. {heading()}. Questions arrive as terms; latency includes building the "
        "query and returning the ids, the fastest of three; start-up is import, open and first question in a fresh "
        f"process (files in the system's cache); memory is what those and all questions add; {ADDED} passages are "
        "added in a fresh process, committed.",
        "",
        "| engine | median / p95, ms | processor, ms | start-up, ms | memory, MB | build, s | add 100, ms | disk, MB |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*rows, *(row(name, found) for name, found in figures.items())])


def row(name: str, found: Figures | None) -> str:
    """One engine's line of the table."""
    if found is None:
        return f"| {name} | not installed | | | | | | |"
    version = sqlite3.sqlite_version if name not in PACKAGES else importlib.metadata.version(PACKAGES[name])
    cells = [
        f"{name} ({version})",
        f"{percentile(found.wall_s, 50) * 1e3:.1f} / {percentile(found.wall_s, 95) * 1e3:.1f}",
        f"{percentile(found.processor_s, 50) * 1e3:.1f} / {percentile(found.processor_s, 95) * 1e3:.1f}",
        f"{found.start_s * 1e3:.0f}",
        f"{found.memory_bytes / 1e6:.0f}",
        f"{found.build_s:.1f}",
        "cannot" if found.add_s is None else f"{found.add_s * 1e3:.0f}",
        f"{found.size_bytes / 1e6:.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def percentile(values: tuple[float, ...], percent: int) -> float:
    """The smallest value that `percent` of all do not exceed."""
    return sorted(values)[max(0, -(-len(values) * percent // 100) - 1)]


if __name__ == "__main__":
    sys.exit(main())

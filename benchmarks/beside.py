"""Quoth beside other systems: the same news articles, the same questions, the same scorer, in one run.

    python -m benchmarks.beside --data ../shared/data [--only NAME] [--every N] [--work FOLDER] [--threads 2]

Every system indexes in one process and answers in another, timed by the same lines (`beside_step.py`). The others run
by scripts that import nothing of ours, in environments of their own, which are made under `--work` at the first run
(gigabytes; the package registry is needed then). An environment that holds the pinned versions already is used as it
is, a link to one too. To add a system: an entry of `SYSTEMS`, and a script of two functions.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import platformdirs

from benchmarks.beside_systems import SYSTEMS, System, environment
from benchmarks.jsonl import Row, read_rows, write_rows
from benchmarks.libraries import require, tell
from benchmarks.machine import ROOT, heading
from benchmarks.timing import Run, Timing, run_python
from retrieval.models import prepare
from retrieval.settings import Settings

DEPTH = 3  # excerpts of a reply: the scorer looks at no more
SHOWN = ("right@1", "right@3", "found@1", "abstained", "selective accuracy", "mean excerpt characters")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a system came to: the scorer's figures by kind of question, and what it took."""

    figures: dict[str, Row]
    indexing: Timing  # without loading the model
    start_s: float  # from the start of a process to its first answer
    processor_ms: float  # the median of all questions
    peak_bytes: int  # of the process that answers


@dataclass(frozen=True, slots=True)
class Collection:
    """The news articles that are read, of how many, and their questions."""

    documents: Path
    of: int
    questions: Path
    score: Path

    @classmethod
    def read(cls, data: Path, scratch: Path, every: int) -> Collection:
        """Those that a question is about, and every so many of the others, with the scorer beside the data."""
        news = data.resolve() / "news"
        rows = read_rows(news / "documents.jsonl")
        asked = {gold["document"] for question in read_rows(news / "questions.jsonl") for gold in question["gold"]}
        documents = scratch / "documents.jsonl"
        write_rows(documents, [row for place, row in enumerate(rows) if row["id"] in asked or place % every == 0])
        return cls(documents, len(rows), news / "questions.jsonl", data.resolve().parent / "score.py")


def main() -> int:
    """Run every system and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", default="", metavar="NAME", help="systems whose name begins so")
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="read each Nth of the articles not asked about"
    )
    parser.add_argument("--work", type=Path, default=platformdirs.user_cache_path("quoth") / "beside")
    parser.add_argument("--threads", type=int, default=Settings().threads, help="of each system")
    options = parser.parse_args()
    data = require(options.data)
    chosen = [system for system in SYSTEMS if system.name.startswith(options.only)]
    if not chosen:
        parser.error(f"expected the beginning of a system's name, found {options.only!r}")
    pythons = {system.name: environment(options.work, system) for system in chosen}
    outcomes: dict[str, Outcome] = {}
    with tempfile.TemporaryDirectory() as scratch:
        collection = Collection.read(data, Path(scratch), options.every)
        for system in chosen:
            with tempfile.TemporaryDirectory(dir=scratch) as own:
                outcomes[system.name] = outcome(system, pythons[system.name], collection, Path(own), options.threads)
        print(report(outcomes, chosen, collection, options.threads))
    return 0


# The systems


def outcome(system: System, python: Path, collection: Collection, scratch: Path, threads: int) -> Outcome:
    """Let the system index, and then answer, each in a process of its own environment."""
    model = prepare(notice=tell)
    task = {
        "way": system.way,
        "split": dict(system.split),
        "documents": str(collection.documents),
        "questions": str(collection.questions),
        "model": str(model.folder / "sentence-transformers"),
        "query_prompt": model.query_prompt,
        "passage_prompt": model.passage_prompt,
        "depth": DEPTH,
        "threads": threads,
        "index": str(scratch / "index"),
        "measured": str(scratch / "measured.json"),
    }
    (scratch / "index").mkdir()
    tell(f"{system.name}: indexing")
    _, indexed = _step(system, python, "index", task, scratch)
    tell(f"{system.name}: {indexed['wall_s']:.0f} s to index")
    begun = time.time()
    run, asked = _step(system, python, "ask", task, scratch)
    replies = asked["replies"]
    if system.is_ours:
        told = [{**reply["reply"], "elapsed_ms": reply["elapsed_ms"]} for reply in replies]
    else:
        told = records(replies, collection)
    figures = scored(collection, told, scratch)
    tell(f"{system.name}: right@1 {figures['all']['right@1']}")
    return Outcome(
        figures,
        Timing(**indexed),
        asked["first_answer"] - begun,
        statistics.median(reply["processor_ms"] for reply in replies),
        run.peak_bytes,
    )


def _step(system: System, python: Path, step: str, task: Row, scratch: Path) -> tuple[Run, Row]:
    """One step in a process of its own, and what it measured."""
    (scratch / "task.json").write_text(json.dumps(task), encoding="utf-8")
    here = Path(__file__)
    # Without -P, Python would look for the other system's modules among ours first.
    arguments = ["-P", str(here.with_name("beside_step.py")), str(here.with_name(system.script)), step]
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    surroundings |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": str(task["threads"])}
    if system.is_ours:
        surroundings["PYTHONPATH"] = str(ROOT)
    run = run_python([*arguments, str(scratch / "task.json")], python=python, surroundings=surroundings)
    measured: Row = json.loads(Path(task["measured"]).read_text(encoding="utf-8"))
    return run, measured


# Their replies, judged


def records(replies: list[Row], collection: Collection) -> list[Row]:
    """The records of a system that always answers where it finds anything: its best passages as they stand."""
    texts = {row["id"]: row["text"] for row in read_rows(collection.documents)}
    found = []
    for reply in replies:
        excerpts = []
        for passage in reply["reply"]:
            text = texts[passage["document"]]
            start, end = located(text, passage["text"], passage["start"])
            document = {"id": passage["document"]}
            excerpts.append({"document": document, "start": start, "end": end, "text": text[start:end]})
        found.append(
            {
                "id": reply["id"],
                "answered": bool(excerpts),
                "confidence": reply["reply"][0]["score"] if excerpts else 0.0,
                "elapsed_ms": reply["elapsed_ms"],
                "excerpts": excerpts,
                "nearest": [],
            }
        )
    return found


def located(text: str, passage: str, start: int) -> tuple[int, int]:
    """Where `passage` stands in `text`: at `start`, or elsewhere, or with other white space; exit where it does not."""
    if not text.startswith(passage, start):
        start = text.find(passage)
    if start >= 0:
        return start, start + len(passage)
    found = re.search(r"\s+".join(map(re.escape, passage.split())), text)
    if found is None or not passage.strip():
        sys.exit(f"expected a passage in its document's words, found {passage[:80]!r}")
    return found.span()


def scored(collection: Collection, replies: list[Row], scratch: Path) -> dict[str, Row]:
    """The scorer's figures, of all questions and of each kind; exit where an excerpt is not the document's text."""
    path = scratch / "replies.jsonl"
    write_rows(path, replies)
    files = ["--documents", str(collection.documents), "--questions", str(collection.questions)]
    command = [sys.executable, str(collection.score), *files, "--replies", str(path), "--json"]
    figures: dict[str, Row] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if figures["all"]["faults"] or figures["all"]["no reply"]:
        sys.exit(f"expected no faults and every reply, found {figures['all']}")
    return figures


# The tables


def report(outcomes: dict[str, Outcome], systems: list[System], collection: Collection, threads: int) -> str:
    """Heading, caption and the tables, as Markdown."""
    caption = _caption(systems, collection, threads)
    return "\n".join([*caption, "", *_answers(outcomes), "", *_costs(outcomes, threads), "", *_kinds(outcomes)])


def _caption(systems: list[System], collection: Collection, threads: int) -> list[str]:
    requirements = dict.fromkeys(requirement for system in systems for requirement in system.requirements)
    questions = read_rows(collection.questions)
    answerable = sum(question["answerable"] for question in questions)
    follow_ups = sum(bool(question.get("history")) for question in questions)
    return [
        heading("onnxruntime"),
        "",
        f"{len(read_rows(collection.documents))} of {collection.of} articles, all that are asked about among them; "
        f"{len(questions)} questions, {answerable} of them answered there; `{collection.score.name}` judges. "
        "The other systems show their best passage as the excerpt and always answer where they find anything, so their "
        "found@1 is their right@1. A longer excerpt holds the answer more easily: see its length. A text without "
        "blanks, as Chinese is written, stays one passage where passages are cut at blanks. "
        f"{follow_ups} questions are follow-ups: Quoth gets what was asked before, the others the question alone. "
        "All but BM25 alone use Quoth's model and its prompts, the others in float32; only Quoth reads the titles.",
        "",
        *(f"- {system.name}: {system.settings}" for system in systems),
        f"- {', '.join(requirements)}" if requirements else "- no other system",
    ]


def _answers(outcomes: dict[str, Outcome]) -> list[str]:
    lines = [f"| system | {' | '.join(SHOWN)} |", f"| --- |{' --- |' * len(SHOWN)}"]
    for name, found in outcomes.items():
        cells = [_cell(found.figures["all"][key]) for key in SHOWN]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _costs(outcomes: dict[str, Outcome], threads: int) -> list[str]:
    """What indexing and answering took."""
    lines = [
        f"{threads} thread{'s' if threads > 1 else ''} each. Index: from loaded model to the index on disk. Start: "
        "from the start of a process that opens it to the first answer, imports and loading included, files in the "
        "system's cache. Then each question once, in that process; its memory at the highest.",
        "",
        "| system | index, s | of processors, s | start, s | a question, median ms | p95 ms | of processors, median ms "
        "| peak resident MB |",
        f"| --- |{' --- |' * 7}",
    ]
    for name, found in outcomes.items():
        figures = found.figures["all"]
        lines.append(
            f"| {name} | {found.indexing.wall_s:.0f} | {found.indexing.processor_s:.0f} | {found.start_s:.1f} "
            f"| {figures['median ms']} | {figures['p95 ms']} | {found.processor_ms:.1f} "
            f"| {found.peak_bytes / 1e6:.0f} |"
        )
    return lines


def _kinds(outcomes: dict[str, Outcome]) -> list[str]:
    """right@1 by kind, of the kinds that can be answered."""
    first = next(iter(outcomes.values())).figures
    kinds = {kind: of["questions"] for kind, of in first.items() if kind != "all" and of["right@1"] is not None}
    lines = [
        "right@1 by kind of question, with how many there are (en_zh: asked in English, answered in Chinese):",
        "",
        f"| system | {' | '.join(f'{kind} ({count})' for kind, count in kinds.items())} |",
        f"| --- |{' --- |' * len(kinds)}",
    ]
    for name, found in outcomes.items():
        cells = [_cell(found.figures[kind]["right@1"]) for kind in kinds]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _cell(value: Any) -> str:
    return "–" if value is None else f"{value}"


if __name__ == "__main__":
    sys.exit(main())

"""Quoth beside other systems: the same news articles, the same questions, the same scorer, in one run.

    python -m benchmarks.beside --data ../shared/data [--only NAME] [--work FOLDER] [--threads 2]

Every other system runs by a script that imports nothing of ours, in an environment of its own, which is made under
`--work` at the first run (gigabytes; the package registry is needed then). An environment that holds the pinned
versions already is used as it is, a link to one too. To add a system: an entry of `SYSTEMS`, and a script that takes
such a task and leaves such an answer as `beside_haystack.py` tells.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import platformdirs

from benchmarks.libraries import make_library, real_encoder, require, tell
from benchmarks.machine import heading
from bot.records import reply_record
from retrieval.models import prepare
from retrieval.settings import Settings

Row: TypeAlias = dict[str, Any]

DEPTH = 3  # excerpts of a reply: the scorer looks at no more
SHOWN = ("questions", "right@1", "right@3", "found@1", "abstained", "selective accuracy", "mean excerpt characters")
QUOTH = "Quoth"


@dataclass(frozen=True, slots=True)
class System:
    """A system to set beside Quoth; systems of one `environment` have the same requirements, each pinned by `==`."""

    name: str
    environment: str  # its folder's name
    requirements: tuple[str, ...]
    script: str  # beside this file
    way: str  # which of the script's systems
    settings: str  # for the caption
    split: tuple[tuple[str, str | int], ...] = ()  # what its splitter is told, beyond its defaults


HAYSTACK = (
    "haystack-ai==3.4.0",
    "sentence-transformers==6.2.0",
    "sentence-transformers-haystack==2.0.0",  # the embedders, which Haystack 3 ships apart
    "torch==2.13.0",  # the release with a CPU build
)
SPLIT = 'DocumentSplitter() as it is: split_by="word" (at blanks), split_length=200, split_overlap=0'
THREE_SENTENCES = (("split_by", "period"), ("split_length", 3))
SHORTER = 'DocumentSplitter(split_by="period", split_length=3), for passages nearer to ours in length'
SYSTEMS = (
    System(
        "Haystack BM25",
        "haystack",
        HAYSTACK,
        "beside_haystack.py",
        "bm25",
        f"{SPLIT}; InMemoryDocumentStore (BM25L), InMemoryBM25Retriever (top_k=10)",
    ),
    System(
        "Haystack hybrid, this model",
        "haystack",
        HAYSTACK,
        "beside_haystack.py",
        "hybrid",
        "the same, and InMemoryEmbeddingRetriever (top_k=10, dot product) with Quoth's model, float32, its prompts as "
        'prefix, no title embedded; DocumentJoiner(join_mode="reciprocal_rank_fusion")',
    ),
    System(
        "Haystack BM25, three sentences",
        "haystack",
        HAYSTACK,
        "beside_haystack.py",
        "bm25",
        f"as above, {SHORTER}",
        THREE_SENTENCES,
    ),
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a system came to: the scorer's figures by kind of question, and what indexing took."""

    figures: dict[str, Row]
    index_s: float


@dataclass(frozen=True, slots=True)
class Collection:
    """The news articles and their questions."""

    documents: Path
    questions: Path
    score: Path

    @classmethod
    def of(cls, data: Path) -> Collection:
        """Those of the evaluation data, with the scorer that lies beside them."""
        news = data.resolve() / "news"
        return cls(news / "documents.jsonl", news / "questions.jsonl", data.resolve().parent / "score.py")


def main() -> int:
    """Run every system and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", default="", metavar="NAME", help="systems whose name begins so")
    parser.add_argument("--work", type=Path, default=platformdirs.user_cache_path("quoth") / "beside")
    parser.add_argument("--threads", type=int, default=Settings().threads, help="of each other system")
    options = parser.parse_args()
    collection = Collection.of(require(options.data))
    chosen = [system for system in SYSTEMS if system.name.startswith(options.only)]
    pythons = {system.name: environment(options.work, system) for system in chosen}
    outcomes: dict[str, Outcome] = {}
    with tempfile.TemporaryDirectory() as scratch:
        if QUOTH.startswith(options.only):
            outcomes[QUOTH] = quoth(collection, Path(scratch))
        for system in chosen:
            tell(f"{system.name}: begun")
            outcomes[system.name] = other(system, pythons[system.name], collection, Path(scratch), options.threads)
    if not outcomes:
        parser.error(f"expected the beginning of a system's name, found {options.only!r}")
    print(report(outcomes, chosen, collection, options.threads))
    return 0


# The systems


def quoth(collection: Collection, scratch: Path) -> Outcome:
    """Quoth as it stands, asked with each question's history."""
    encoder = real_encoder()
    begun = time.perf_counter()
    engine = make_library(scratch / "library", (collection.documents,), encoder)
    index_s = time.perf_counter() - begun
    replies = []
    for question in _rows(collection.questions):
        begun = time.perf_counter()
        reply = engine.ask(question["question"], history=question.get("history", []))
        elapsed_ms = 1000 * (time.perf_counter() - begun)
        replies.append(reply_record(reply, identifier=question["id"], elapsed_ms=elapsed_ms))
    return Outcome(scored(collection, replies, scratch), index_s)


def other(system: System, python: Path, collection: Collection, scratch: Path, threads: int) -> Outcome:
    """Another system, asked each question alone, in a process of its own environment."""
    model = prepare(notice=tell)
    found = scratch / "found.json"
    task = {
        "way": system.way,
        "split": dict(system.split),
        "documents": str(collection.documents),
        "questions": str(collection.questions),
        "model": str(model.folder / "sentence-transformers"),
        "query_prompt": model.query_prompt,
        "passage_prompt": model.passage_prompt,
        "depth": DEPTH,
        "found": str(found),
    }
    (scratch / "task.json").write_text(json.dumps(task), encoding="utf-8")
    # Without -P, Python would look for the other system's modules among ours first.
    command = [str(python), "-P", str(Path(__file__).with_name(system.script)), str(scratch / "task.json")]
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    surroundings |= {"HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": str(threads)}
    subprocess.run(command, check=True, env=surroundings, stdout=sys.stderr)
    answer: Row = json.loads(found.read_text(encoding="utf-8"))
    texts = {row["id"]: row["text"] for row in _rows(collection.documents)}
    questions = {row["id"]: row["question"] for row in _rows(collection.questions)}
    replies = [_reply(reply, questions[reply["id"]], texts) for reply in answer["replies"]]
    return Outcome(scored(collection, replies, scratch), answer["index_s"])


def environment(work: Path, system: System) -> Path:
    """The interpreter of the system's environment, which is made unless it holds the pinned versions."""
    folder = work.resolve() / system.environment
    python = folder / "bin" / "python"
    if _has(python, system.requirements):
        return python
    if folder.is_symlink():
        sys.exit(f"expected {', '.join(system.requirements)} in {folder}, a link, found others: install them there")
    tell(f"{system.name}: installing {', '.join(system.requirements)} into {folder}, once")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    pip = [str(python), "-m", "pip", "--quiet", "--disable-pip-version-check", "install", *system.requirements]
    subprocess.run(pip, check=True, stdout=sys.stderr)
    return python


def _has(python: Path, requirements: Iterable[str]) -> bool:
    """Whether the interpreter is there and finds exactly these versions; a build's label, as in 1.0+cpu, aside."""
    if not python.exists():
        return False
    pins = [requirement.split("==") for requirement in requirements]
    look = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    command = [str(python), "-c", look, *(name for name, _ in pins)]
    found = subprocess.run(command, capture_output=True, text=True)
    versions = [version.partition("+")[0] for version in found.stdout.split()]
    return found.returncode == 0 and versions == [version for _, version in pins]


# Their replies, judged


def _reply(reply: Row, question: str, texts: dict[str, str]) -> Row:
    """The record of a system that always answers where it finds anything: its best passages as they stand."""
    excerpts = []
    for passage in reply["passages"]:
        text = texts[passage["document"]]
        start, end = located(text, passage["text"], passage["start"])
        excerpts.append({"document": {"id": passage["document"]}, "start": start, "end": end, "text": text[start:end]})
    return {
        "id": reply["id"],
        "question": question,
        "answered": bool(excerpts),
        "confidence": reply["passages"][0]["score"] if excerpts else 0.0,
        "elapsed_ms": reply["elapsed_ms"],
        "excerpts": excerpts,
        "nearest": [],
    }


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
    path.write_text("".join(json.dumps(reply, ensure_ascii=False) + "\n" for reply in replies), encoding="utf-8")
    files = ["--documents", str(collection.documents), "--questions", str(collection.questions)]
    command = [sys.executable, str(collection.score), *files, "--replies", str(path), "--json"]
    figures: dict[str, Row] = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    if figures["all"]["faults"] or figures["all"]["no reply"]:
        sys.exit(f"expected no faults and every reply, found {figures['all']}")
    return figures


# The tables


def report(outcomes: dict[str, Outcome], systems: list[System], collection: Collection, threads: int) -> str:
    """Heading, caption and both tables, as Markdown."""
    return "\n".join([*_caption(systems, collection, threads), "", *_table(outcomes), "", *_kinds(outcomes)])


def _caption(systems: list[System], collection: Collection, threads: int) -> list[str]:
    requirements = dict.fromkeys(requirement for system in systems for requirement in system.requirements)
    questions = _rows(collection.questions)
    follow_ups = sum(bool(question.get("history")) for question in questions)
    return [
        heading("onnxruntime"),
        "",
        f"{len(_rows(collection.documents))} articles, {len(questions)} questions, `{collection.score.name}` judges. "
        "The other systems show their best passage as the excerpt and always answer where they find anything, so their "
        "found@1 is their right@1; their confidence is the score. A longer excerpt holds the answer more easily: see "
        "its length. A text without blanks, as Chinese is written, stays one passage where passages are cut at blanks. "
        f"{follow_ups} questions are follow-ups: Quoth gets what was asked before, the others the question alone.",
        "",
        *(f"- {system.name}: {system.settings}" for system in systems),
        f"- {', '.join(requirements)}; torch on {threads} thread(s)" if requirements else "- no other system",
        "",
        "Seconds are from loaded model to the last passage stored, milliseconds a question's without loading. "
        "**Quoth's cannot be compared** with the others': embeddings of texts and questions seen before are remembered "
        "in the user's cache folder, not computed.",
    ]


def _table(outcomes: dict[str, Outcome]) -> list[str]:
    lines = [
        f"| system | {' | '.join(SHOWN)} | seconds to index | median ms a question |",
        f"| --- |{' --- |' * (len(SHOWN) + 2)}",
    ]
    for name, outcome in outcomes.items():
        figures = outcome.figures["all"]
        cells = [_cell(figures[key]) for key in SHOWN]
        lines.append(f"| {name} | {' | '.join(cells)} | {outcome.index_s:.0f} | {figures['median ms']} |")
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
    for name, outcome in outcomes.items():
        cells = [_cell(outcome.figures[kind]["right@1"]) for kind in kinds]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _cell(value: Any) -> str:
    return "–" if value is None else f"{value}"


def _rows(path: Path) -> list[Row]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


if __name__ == "__main__":
    sys.exit(main())

"""Where the milliseconds of a question go: the 2,087 news articles, in one process, each question for the first time.

    python -m benchmarks.question_speed --data ../shared/data [--library FOLDER] [--threads 1]

The time is taken around the functions in `STAGES`; what one of them spends in another is the other's. The model runs
beside the rest on another core: its own time is in the first table, of the processor; what is waited for in the second.
The library is made anew, which takes minutes unless its embeddings are remembered; `--library` names a folder where it
lies, or is made and stays.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from benchmarks.cases import news_questions
from benchmarks.libraries import make_library, real_encoder, require
from benchmarks.machine import heading
from bot.collector import calm_collector
from retrieval import dense, excerpt, lexical, repeated
from retrieval.ahead import Ahead
from retrieval.encode import OnnxEncoder
from retrieval.engine import Engine
from retrieval.library import Library
from retrieval.models import prepare
from retrieval.recent import Recent
from retrieval.retold import Retold
from retrieval.settings import Settings

# What is timed: the stage that it belongs to, where it stands, its name.
STAGES: tuple[tuple[str, Any, str], ...] = (
    ("the model begun", Ahead, "begin"),
    ("the model waited for", Future, "result"),
    ("the question taken apart, slips and other forms", Engine, "query"),
    ("dense search", dense.DenseIndex, "search"),
    ("dense search", dense.DenseIndex, "backgrounds"),
    ("lexical search", lexical.LexicalIndex, "search_terms"),
    ("lexical search", lexical.LexicalIndex, "ceiling"),
    ("vectors of passages and sentences read, and compared", Recent, "nearness"),
    ("passages and documents read", Recent, "passages"),
    ("vectors of the lexical hits read ahead", Recent, "read_ahead"),
    ("boilerplate told", repeated, "quotable"),
    ("sentences weighed", excerpt, "weighed"),
    ("excerpts chosen, made to stand alone", excerpt, "standing_alone"),
    ("other tellers of the story", Retold, "also_in"),
    ("snapshots' digests", Engine, "_prove"),
)
REST = "fusion, excerpts chosen, decision, and all else"


def main() -> int:
    """Ask, and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--library", type=Path)
    parser.add_argument("--threads", type=int, default=1, help="that encode")
    options = parser.parse_args()
    data = require(options.data)
    questions = news_questions(data)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.library or Path(scratch) / "library"
        if not Library.is_in(folder):
            make_library(folder, (data / "news" / "documents.jsonl",), real_encoder()).close()
        settings = Settings(threads=options.threads)
        asking = Engine(folder, settings, lambda: OnnxEncoder(prepare(), threads=settings.threads))
        asking.warm_up()
        calm_collector()  # as the bot does
        whole = [timed(asking, question) for question in questions]
        again = [timed(asking, question) for question in questions]
        stages = spent(asking, questions)
    print(heading("onnxruntime", "faiss-cpu", "tantivy"))
    print("\n| a question, ms | median | p95 |\n| --- | --- | --- |")
    for name, times in ((f"{len(questions)} questions, each for the first time", whole), ("the same again", again)):
        for kind, column in zip(("by the clock", "of the processor"), zip(*times, strict=True), strict=True):
            ordered = sorted(column)
            late = ordered[int(0.95 * len(ordered))]
            print(f"| {name}, {kind} | {statistics.median(ordered):.1f} | {late:.1f} |")
    print("\n| stage | mean ms |\n| --- | --- |")
    for name, seconds in sorted(stages.items(), key=lambda pair: -pair[1]):
        print(f"| {name} | {1000 * seconds / len(questions):.1f} |")
    return 0


def timed(asking: Engine, question: str) -> tuple[float, float]:
    """The milliseconds of an answer by the clock and of the processor."""
    begun, busy = time.perf_counter(), time.process_time()
    asking.ask(question)
    return 1000 * (time.perf_counter() - begun), 1000 * (time.process_time() - busy)


def spent(asking: Engine, questions: Sequence[str]) -> dict[str, float]:
    """The seconds that all questions take in each stage."""
    seconds: defaultdict[str, float] = defaultdict(float)
    inner: list[float] = []  # of those under way, what they spent in others

    def around(stage: str, function: Callable[..., object]) -> Callable[..., object]:
        def timing(*values: object, **named: object) -> object:
            begun = time.perf_counter()
            inner.append(0.0)
            try:
                return function(*values, **named)
            finally:
                whole = time.perf_counter() - begun
                seconds[stage] += whole - inner.pop()
                if inner:
                    inner[-1] += whole

        return timing

    for stage, place, name in (*STAGES, (REST, Engine, "ask")):
        setattr(place, name, around(stage, getattr(place, name)))
    for question in questions:
        asking.ask(question)
    return dict(seconds)


if __name__ == "__main__":
    raise SystemExit(main())

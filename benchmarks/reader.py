"""The same questions asked with the reader and without, of articles that it was not trained on, and of the news.

    python -m benchmarks.reader --data ../shared/data [--changed 20]

Each collection is whole; each question is asked of both in turn. `caught` is the share of the near misses below the
confidence under which 10 % of the answerable lie. The words that are highlighted in the first excerpt are held against
the gold answers where that excerpt is of the gold document: exact match, and F1 of their words (of their characters in
Chinese), each articles and punctuation aside, as SQuAD does. What is won may be spent on answers or on honest noes: a
third row decides at the point where the reader declines as many of the unanswerable as are declined without it.
`--changed` prints questions whose outcome changed.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import string
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any, TypeAlias

import numpy as np
import psutil  # type: ignore[import-untyped]

from benchmarks.jsonl import read_rows
from benchmarks.libraries import make_library, real_encoder, real_reader, require, tell
from benchmarks.machine import heading
from benchmarks.quality import asked, scored
from bot.collector import calm_collector
from retrieval.engine import Engine
from training.examples import is_held

Row: TypeAlias = dict[str, Any]
FIGURES = ("questions", "right@1", "right@3", "found@1", "abstained", "selective accuracy", "AUROC", "AUROC absent")
LOSS = 0.1


@dataclass(frozen=True, slots=True)
class Set:
    """Questions of one collection; `language` is that of the texts that answer."""

    name: str
    documents: tuple[Path, ...]
    questions: Callable[[], list[Row]]
    language: str


def sets(data: Path) -> list[Set]:
    """The sets, those of one collection together."""
    squad = data / "squad"
    paragraphs, chinese = (squad / "documents.jsonl",), (data / "xquad" / "documents.zh.jsonl",)
    return [
        Set(
            "squad",
            paragraphs,
            lambda: [*_held(squad / "questions.jsonl"), *_held(squad / "unanswerable.jsonl")],
            "en",
        ),
        Set(
            "squad, asked in Urdu",
            paragraphs,
            lambda: [
                *_sample(_held(squad / "questions.ur.jsonl"), 500),
                *_sample(_held(squad / "unanswerable.ur.jsonl"), 500),
            ],
            "en",
        ),
        Set("xquad in Chinese", chinese, lambda: _held(data / "xquad" / "questions.zh.jsonl"), "zh"),
        Set("news", (data / "news" / "documents.jsonl",), lambda: read_rows(data / "news" / "questions.jsonl"), "en"),
    ]


def _held(path: Path) -> list[Row]:
    return [row for row in read_rows(path) if is_held(_article((row["gold"] or row["near"])[0]))]


def _article(document: str) -> str:
    parts = document.split("/")
    return parts[1] if parts[0] == "x" else parts[0]


def _sample(questions: list[Row], count: int) -> list[Row]:
    return random.Random(1).sample(questions, min(count, len(questions)))  # noqa: S311 - not a secret


def main() -> None:
    """Ask, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", default="", help="sets whose name begins so")
    parser.add_argument("--changed", type=int, default=0, metavar="N", help="show N questions with another outcome")
    options = parser.parse_args()
    data = require(options.data)
    encoder = real_encoder()
    print(f"{heading()}\n\n{_loading()}\n")
    print(f"| set | {' | '.join(FIGURES)} | caught | exact | F1 | median ms | p95 ms |")
    print(f"| --- |{' --- |' * (len(FIGURES) + 5)}")
    reader = real_reader()
    with tempfile.TemporaryDirectory() as scratch:
        libraries: dict[tuple[Path, ...], Path] = {}
        for one in sets(data):
            if not one.name.startswith(options.only):
                continue
            if one.documents not in libraries:
                libraries[one.documents] = Path(scratch) / f"library-{len(libraries)}"
                make_library(libraries[one.documents], one.documents, encoder).close()
            plain = make_library(libraries[one.documents], (), encoder)
            reading = make_library(libraries[one.documents], (), encoder, lambda: reader)
            for line in _compared(one, (plain, reading), data.parent / "score.py", Path(scratch), options.changed):
                print(line, flush=True)
            plain.close()
            reading.close()


def _loading() -> str:
    """What it takes to have the reader."""
    process = psutil.Process(os.getpid())
    before, begun = process.memory_info().rss, time.process_time()
    reader = real_reader()
    reader.logits([0, *range(100, 220), 2])
    spent, held = time.process_time() - begun, process.memory_info().rss - before
    return f"reader loaded and first used: {1000 * spent:.0f} ms of the processor, {held / 1e6:.0f} MB"


def _compared(one: Set, engines: tuple[Engine, Engine], score: Path, scratch: Path, changed: int) -> Iterator[str]:
    questions = one.questions()
    tell(f"{one.name}: {len(questions)} questions, twice each")
    replies: tuple[list[Row], list[Row]] = ([], [])
    for engine in engines:
        engine.warm_up()
    calm_collector()  # as the bot does
    for question in questions:
        for place, engine in enumerate(engines):
            replies[place].append(asked(engine, question))
    rows = {"without": replies[0], "with": replies[1]}
    if not all(question["answerable"] for question in questions):
        rows["with, declining as many"] = _declining_as_many(questions, *replies)
    for name, given in rows.items():
        table = scored(one.documents, questions, given, scratch, score)
        times = [reply["elapsed_ms"] for reply in given]
        exact, overlap = _highlights(one, questions, given)
        last = [_caught(questions, given), exact, overlap, median(times), float(np.quantile(times, 0.95))]
        for kind, figures in table.items():
            cells = [str(figures.get(key, "–")) for key in FIGURES]
            ends = [f"{value:.1f}" for value in last] if kind == "all" else ["–"] * 5
            label = f"{one.name}, {name}" + ("" if kind == "all" else f": {kind}")
            yield f"| {label} | {' | '.join([*cells, *ends])} |"
    added = [after["elapsed_ms"] - before["elapsed_ms"] for before, after in zip(*replies, strict=True)]
    yield f"\n{one.name}: the reader adds {median(added):.0f} ms in the median, {max(added):.0f} at most\n"
    yield from _changed(questions, replies, changed)


def _declining_as_many(questions: Sequence[Row], before: Sequence[Row], after: Sequence[Row]) -> list[Row]:
    """The replies `after`, decided at the point where they decline as many of the unanswerable as those `before`.

    It is the confidence of the next of these, or just above all of them.
    """
    unanswerable = [place for place, question in enumerate(questions) if not question["answerable"]]
    declined = sum(not before[place]["answered"] for place in unanswerable)
    told = sorted(after[place]["confidence"] for place in unanswerable)
    point = [*told, np.nextafter(told[-1], np.inf)][declined]
    decided = []
    for reply in after:
        shown, is_answered = reply["excerpts"] or reply["nearest"], reply["confidence"] >= point
        excerpts, nearest = (shown, []) if is_answered else ([], shown)
        decided.append({**reply, "answered": is_answered, "excerpts": excerpts, "nearest": nearest})
    return decided


def _first(reply: Row) -> Row | None:
    shown = reply["excerpts"] or reply["nearest"]
    return shown[0] if shown else None


def _caught(questions: Sequence[Row], replies: Sequence[Row]) -> float:
    """The share, in percent, of the unanswerable below the confidence under which a tenth of the answerable lie."""
    told = [(question["answerable"], reply["confidence"]) for question, reply in zip(questions, replies, strict=True)]
    below = float(np.quantile([confidence for answerable, confidence in told if answerable], LOSS))
    near = [confidence < below for answerable, confidence in told if not answerable]
    return 100 * mean(near) if near else float("nan")


def _highlights(one: Set, questions: Sequence[Row], replies: Sequence[Row]) -> tuple[float, float]:
    """Exact match and F1, in percent, of what is highlighted in the first excerpt where it is of the gold document."""
    exact, overlap = [0.0], [0.0]
    for question, reply in zip(questions, replies, strict=True):
        first = _first(reply)
        answers = question.get("answers") or ([question["answer"]] if question.get("answer") else [])
        gold = [known if isinstance(known, str) else known["document"] for known in question["gold"]]
        if first is None or not answers or first["document"]["id"] not in gold:
            continue
        start = first["start"]
        said = " ".join(first["text"][begin - start : end - start] for begin, end in first["highlights"])
        exact.append(max(float(_plain(said) == _plain(answer)) for answer in answers))
        overlap.append(max(_f1(_parts(said, one.language), _parts(answer, one.language)) for answer in answers))
    return 100 * mean(exact[1:] or exact), 100 * mean(overlap[1:] or overlap)


def _plain(text: str) -> str:
    kept = "".join(character for character in text.casefold() if character not in string.punctuation)
    return " ".join(re.sub(r"\b(a|an|the)\b", " ", kept).split())


def _parts(text: str, language: str) -> Counter[str]:
    return Counter(_plain(text).replace(" ", "") if language == "zh" else _plain(text).split())


def _f1(said: Counter[str], answer: Counter[str]) -> float:
    both = (said & answer).total()
    return 2 * both / (said.total() + answer.total()) if both else 0.0


def _changed(questions: Sequence[Row], replies: tuple[list[Row], list[Row]], count: int) -> Iterator[str]:
    """Questions whose first excerpt, or whether it is an answer, changed; a random sample."""
    found = []
    for question, before, after in zip(questions, *replies, strict=True):
        was, now = _first(before), _first(after)
        if was and now and (before["answered"] != after["answered"] or was["start"] != now["start"]):
            found.append((question, before, after))
    yield f"{len(found)} of {len(questions)} changed\n" if count else ""
    for question, before, after in random.Random(3).sample(found, min(count, len(found))):  # noqa: S311 - not a secret
        yield f"Q: {question['question']}  (gold: {question.get('answers') or question.get('answer') or 'none'})"
        for label, reply in (("without", before), ("with", after)):
            first = _first(reply)
            assert first is not None
            start = first["start"]
            words = [first["text"][begin - start : end - start] for begin, end in first["highlights"]]
            told = f"{'answers' if reply['answered'] else 'declines'} {reply['confidence']:.2f}"
            yield f"   {label}: {told} [{first['document']['id']}] {first['text']!r} {words}"


if __name__ == "__main__":
    main()

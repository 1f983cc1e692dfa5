"""Ask the questions whose answers are known, and print how many were answered rightly.

    python -m benchmarks.quality --data ../shared/data [--hold | --set-floors] [--only news] [--all]

Each collection becomes a library of its own and is asked as a bot would ask it; `score.py`, beside the data, judges the
replies. Of the large sets a fixed sample is asked, and of the news articles that answer nothing every sixth is read;
with --all every question is asked, of every article. `--hold` ends with exit 1 where a figure
is below its floor in `floors.json`; `--set-floors` writes them, a little below what was measured, with the digest of
the data.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmarks.cases import OUR_QUESTIONS
from benchmarks.jsonl import Row, read_rows, write_rows
from benchmarks.libraries import data_digest, make_library, real_encoder, real_reader, require, tell
from benchmarks.machine import heading
from bot.records import reply_record
from retrieval import analyze
from retrieval.engine import Engine
from retrieval.followup import resolve

FLOORS = Path(__file__).with_name("floors.json")
HELD = ("right@1", "right@3", "found@1", "abstained", "selective accuracy", "AUROC", "AUROC absent")
SHOWN = ("questions", *HELD, "coverage", "faults", "no reply", "over 400", "mean excerpt characters", "median ms")
# A text's vector is the same to the bit in every run on one kind of processor; on another kind the last digits differ.
SLACK_QUESTIONS = 1.5  # so many may turn there, or one in a hundred
SLACK_AUROC = 0.015
KEPT_OF = 6
LANGUAGES = ("en", "zh", "hi", "ar")  # of XQuAD


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """Questions asked of one collection; a question may name documents to leave out, under `without`."""

    name: str
    documents: tuple[Path, ...]
    questions: Callable[[], list[Row]]
    sample: int | None = None  # how many are asked unless all are
    is_thinned: bool = False  # whether only some documents that answer no question are read, unless all are


def sets(data: Path) -> list[QuestionSet]:
    """The sets, those of one collection together."""
    squad, xquad, news = data / "squad", data / "xquad", data / "news"
    paragraphs, articles = (squad / "documents.jsonl",), (news / "documents.jsonl",)
    mixed = tuple(xquad / f"documents.{language}.jsonl" for language in LANGUAGES)
    return [
        QuestionSet("squad", paragraphs, lambda: read_rows(squad / "questions.jsonl"), 1000),
        QuestionSet("squad near misses", paragraphs, lambda: _near_misses(squad), 1000),
        QuestionSet("squad absent topic", paragraphs, lambda: _absent(squad), 300),
        QuestionSet("squad in Urdu", paragraphs, lambda: read_rows(squad / "questions.ur.jsonl"), 300),
        *(
            QuestionSet(
                f"xquad {language}",
                (xquad / f"documents.{language}.jsonl",),
                lambda language=language: read_rows(xquad / f"questions.{language}.jsonl"),  # type: ignore[misc]
                150,
            )
            for language in LANGUAGES[1:]
        ),
        QuestionSet("xquad mixed", mixed, lambda: _mixed(xquad), 240),
        QuestionSet("news", articles, lambda: read_rows(news / "questions.jsonl"), is_thinned=True),
        QuestionSet("news, something else asked", articles, lambda: _something_else(squad, xquad), is_thinned=True),
        QuestionSet("conversations", articles, _conversations, is_thinned=True),
        QuestionSet("conversations, asked in full", articles, _asked_in_full, is_thinned=True),
    ]


# The questions


def _near_misses(squad: Path) -> list[Row]:
    """As many answerable questions as near misses, in turn."""
    answerable, near = read_rows(squad / "questions.jsonl"), read_rows(squad / "unanswerable.jsonl")
    chosen = random.Random(2).sample(answerable, len(near))  # noqa: S311 - not a secret
    return [row for pair in zip(chosen, near, strict=True) for row in pair]


def _absent(squad: Path) -> list[Row]:
    """Each question twice: as it is, and with its article left out."""
    articles: defaultdict[str, list[str]] = defaultdict(list)
    for row in read_rows(squad / "documents.jsonl"):
        articles[row["id"].rpartition("/")[0]].append(row["id"])
    found = []
    for row in read_rows(squad / "questions.jsonl"):
        without = articles[row["gold"][0].rpartition("/")[0]]
        gone = {"id": f"{row['id']}/absent", "answerable": False, "gold": [], "answers": [], "without": without}
        found += [row, row | gone]
    return found


def _mixed(xquad: Path) -> list[Row]:
    """Each question without the paragraph in its own language: any other language's counts, with that one's answers."""
    asked = {name: {row["id"][:-3]: row for row in read_rows(xquad / f"questions.{name}.jsonl")} for name in LANGUAGES}
    found = []
    for key, row in asked["en"].items():
        for language in LANGUAGES:
            paragraph = row["gold"][0].rpartition("/")[0]
            others = [other for other in LANGUAGES if other != language]
            found.append(
                asked[language][key]
                | {
                    "kind": f"from {language}",
                    "gold": [f"{paragraph}/{other}" for other in others],
                    "answers": [answer for other in others for answer in asked[other][key]["answers"]],
                    "without": [f"{paragraph}/{language}"],
                }
            )
    return found


def _something_else(squad: Path, xquad: Path) -> list[Row]:
    """What encyclopaedia articles answer, a hundred in each language: asked of the news, all to be declined."""
    sources = {
        "en": squad / "questions.jsonl",
        "ur": squad / "questions.ur.jsonl",
        "zh": xquad / "questions.zh.jsonl",
    }
    return [
        row | {"kind": f"from {language}", "answerable": False, "gold": [], "answers": []}
        for language, path in sources.items()
        for row in random.Random(5).sample(read_rows(path), 100)  # noqa: S311 - not a secret
    ]


def _conversations() -> list[Row]:
    return read_rows(OUR_QUESTIONS / "conversations.jsonl")


def _asked_in_full() -> list[Row]:
    return [row | {"question": row["full"], "history": []} for row in _conversations()]


# Asking


def main() -> int:
    """Measure, print, hold or set the floors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", help="sets whose name begins so")
    parser.add_argument("--all", action="store_true", help="ask every question of the large sets too")
    parser.add_argument("--wrong", type=int, default=0, metavar="N", help="show N questions that were not found")
    purpose = parser.add_mutually_exclusive_group()
    purpose.add_argument("--hold", action="store_true")
    purpose.add_argument("--set-floors", action="store_true")
    options = parser.parse_args()
    data = require(options.data)
    chosen = [one for one in sets(data) if one.name.startswith(options.only or "")]
    thinned_for = [one.questions() for one in sets(data) if one.is_thinned]
    measured = dict(_measured(chosen, thinned_for, data.parent / "score.py", options.wrong, every=options.all))
    floors = json.loads(FLOORS.read_text(encoding="utf-8")) if FLOORS.exists() else {}
    _print(measured, floors)
    if options.only is None:
        print(f"\nfollow-ups (CANARD), the words that the person's rewrite adds:\n\n{_rewrites(data / 'followup')}")
    if options.set_floors:
        floors.update({name: _floors(found) for name, found in measured.items()})
        FLOORS.write_text(json.dumps(floors, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return _hold(measured, floors) if options.hold else 0


def _measured(
    chosen: list[QuestionSet], thinned_for: list[list[Row]], score: Path, wrong: int, *, every: bool
) -> Iterator[tuple[str, Row]]:
    encoder, reader = real_encoder(), real_reader()
    with tempfile.TemporaryDirectory() as scratch:
        libraries: dict[tuple[Path, ...], Engine] = {}
        for one in chosen:
            read = one
            if one.is_thinned and not every:
                thinned = Path(scratch) / "thinned.jsonl"
                _thin(one.documents, thinned_for, thinned)
                read = replace(one, documents=(thinned,))
            if read.documents not in libraries:
                folder = Path(scratch) / f"library-{len(libraries)}"
                libraries[read.documents] = make_library(folder, read.documents, encoder, lambda: reader)
            questions = one.questions()
            if one.sample is not None and not every:
                places = sorted(random.Random(1).sample(range(len(questions)), one.sample))  # noqa: S311 - not a secret
                questions = [questions[place] for place in places]
            tell(f"{one.name}: {len(questions)} questions")
            replies = [asked(libraries[read.documents], question) for question in questions]
            table = scored(read.documents, questions, replies, Path(scratch), score, wrong)
            answerable = sum(question["answerable"] for question in questions)
            counts = {"answerable": answerable, "unanswerable": len(questions) - answerable}
            yield one.name, {"digest": _digest(read.documents, questions), "table": table, **counts}


def _thin(documents: Iterable[Path], asked: Iterable[list[Row]], path: Path) -> None:
    """Write the documents that answer a question, and every sixth of the others: encoding takes most of a run."""
    answering = {_id(gold) for questions in asked for question in questions for gold in question["gold"]}
    rows = [row for document in documents for row in read_rows(document)]
    write_rows(path, [row for place, row in enumerate(rows) if row["id"] in answering or place % KEPT_OF == 0])


def _id(gold: str | Row) -> str:
    return gold if isinstance(gold, str) else str(gold["document"])


def asked(engine: Engine, question: Row) -> Row:
    """The reply as `quoth ask --json` would give it."""
    begun = time.perf_counter()
    reply = engine.ask(question["question"], history=question.get("history", []), without=question.get("without", ()))
    elapsed_ms = 1000 * (time.perf_counter() - begun)
    return reply_record(reply, identifier=question["id"], elapsed_ms=elapsed_ms)


def scored(
    documents: Iterable[Path], questions: list[Row], replies: list[Row], scratch: Path, score: Path, wrong: int = 0
) -> Row:
    """The figures that `score.py` gives these replies, by kind."""
    write_rows(scratch / "questions.jsonl", questions)
    write_rows(scratch / "replies.jsonl", replies)
    files = [argument for path in documents for argument in ("--documents", str(path))]
    asked = ["--questions", str(scratch / "questions.jsonl"), "--replies", str(scratch / "replies.jsonl")]
    command = [sys.executable, str(score), *files, *asked]
    if wrong:
        subprocess.run([*command, "--wrong", str(wrong)], check=True)
    scored = subprocess.run([*command, "--json"], check=True, capture_output=True, text=True)
    table: Row = json.loads(scored.stdout)
    return table


def _digest(documents: Iterable[Path], questions: Iterable[Row]) -> str:
    return data_digest(documents, json.dumps(list(questions), sort_keys=True))


# Follow-ups without documents


def _rewrites(folder: Path) -> str:
    """Precision, recall and F1 of the words that a resolved follow-up adds, of those that the person's rewrite adds.

    CANARD's history is a title, a section's heading, then questions and answers in turn. A reader of Quoth has typed
    the title and the questions.
    """
    rows = read_rows(folder / "canard.jsonl")
    ways: dict[str, Callable[[str, list[str]], str]] = {
        "no history": lambda question, history: question,
        "the first question in front": lambda question, history: " ".join([*history[1:2], question]),
        "the last question in front": lambda question, history: " ".join([*history[1:][-1:], question]),
        "the title in front of every question": lambda question, history: f"{history[0]} {question}",
        "resolved": resolve,
    }
    lines = ["| way | precision | recall | F1 |", "| --- | --- | --- | --- |"]
    for name, way in ways.items():
        both = added = wanted = 0
        for row in rows:
            history = [row["history"][0], *row["history"][2::2]]
            before = _words(row["question"])
            rewritten, found = _words(row["rewrite"]) - before, _words(way(row["question"], history)) - before
            both, added, wanted = both + (rewritten & found).total(), added + found.total(), wanted + rewritten.total()
        figures = (both / max(added, 1), both / wanted, 2 * both / max(added + wanted, 1))
        lines.append(f"| {name} | {' | '.join(f'{figure:.3f}' for figure in figures)} |")
    return "\n".join(lines)


def _words(text: str) -> Counter[str]:
    return Counter(word.span.of(text).casefold() for word in analyze.words(text))


# Floors


def _print(measured: dict[str, Row], floors: Row) -> None:
    print(f"{heading()}\n")
    print(f"| set | {' | '.join(SHOWN)} |")
    print(f"| --- |{' --- |' * len(SHOWN)}")
    for name, found in measured.items():
        for kind, figures in found["table"].items():
            label = name if kind == "all" else f"{name}: {kind}"
            before = floors.get(name, {}).get("figures", {}) if kind == "all" else {}
            cells = [_cell(figures.get(key), before.get(key)) for key in SHOWN]
            print(f"| {label} | {' | '.join(cells)} |")


def _cell(value: Any, floor: Any) -> str:
    if value is None:
        return "–"
    return f"{value}" if floor is None else f"{value} ({value - floor:+.3g})"


def _floors(found: Row) -> Row:
    figures = {key: found["table"]["all"][key] for key in HELD if found["table"]["all"][key] is not None}
    floors = {}
    for key, figure in figures.items():
        of = found["unanswerable"] if key == "abstained" else found["answerable"]
        if not of:
            continue
        slack = SLACK_AUROC if key.startswith("AUROC") else 100 * max(0.01, SLACK_QUESTIONS / of)
        floors[key] = round(figure - slack, 3)
    return {"digest": found["digest"], "figures": floors}


def _hold(measured: dict[str, Row], floors: Row) -> int:
    """0 where every figure stands at or above its floor, and no excerpt is at fault."""
    broken = 0
    for name, found in measured.items():
        figures = found["table"]["all"]
        if name not in floors or floors[name]["digest"] != found["digest"]:
            tell(f"{name}: expected the data that the floors were set on, found other: set them anew by --set-floors")
            broken += 1
            continue
        for key, floor in floors[name]["figures"].items():
            if figures[key] is None or figures[key] < floor:
                tell(f"{name}: {key} must be at least {floor}, found {figures[key]}")
                broken += 1
        for key in ("faults", "no reply"):
            if figures[key]:
                tell(f"{name}: {key} must be 0, found {figures[key]}")
                broken += 1
    tell("quality: all floors hold" if not broken else f"quality: {broken} floors broken")
    return min(broken, 1)


if __name__ == "__main__":
    sys.exit(main())

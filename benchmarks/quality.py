"""Ask the questions whose answers are known, and print how many were answered rightly.

    python -m benchmarks.quality --data ../shared/data [--hold | --set-floors] [--only news]

Each set becomes a library of its own; its questions go through `quoth ask --batch --json`, and `score.py`, beside the
data, judges the replies. `--hold` ends with exit 1 where a figure is below its floor in `floors.json`; `--set-floors`
writes them, two points below what was measured, with the digest of the data.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.libraries import data_digest, make_library, real_encoder, require, tell
from benchmarks.machine import heading

FLOORS = Path(__file__).with_name("floors.json")
HELD = ("right@1", "right@3", "found@1", "abstained", "selective accuracy", "AUROC", "AUROC absent")
SHOWN = ("questions", *HELD, "coverage", "faults", "no reply", "over 400", "median ms", "p95 ms")
SLACK = {"AUROC": 0.02, "AUROC absent": 0.02}  # else two points of a hundred


@dataclass(frozen=True, slots=True)
class QuestionSet:
    """A collection and the questions asked of it."""

    name: str
    documents: tuple[Path, ...]
    questions: tuple[Path, ...]
    sampled: tuple[int, ...] = ()  # how many of each file; all where it is empty


def sets(data: Path) -> list[QuestionSet]:
    """The sets, as issue and README name them."""
    squad = data / "squad"
    asked = (squad / "questions.jsonl", squad / "unanswerable.jsonl")
    return [
        QuestionSet("squad", (squad / "documents.jsonl",), asked, (1000, 500)),
        QuestionSet("news", (data / "news" / "documents.jsonl",), (data / "news" / "questions.jsonl",)),
    ]


def main() -> int:
    """Measure, print, hold or set the floors."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--only", help="the name of one set")
    parser.add_argument("--wrong", type=int, default=0, metavar="N", help="show N questions that were not found")
    purpose = parser.add_mutually_exclusive_group()
    purpose.add_argument("--hold", action="store_true")
    purpose.add_argument("--set-floors", action="store_true")
    options = parser.parse_args()
    data = require(options.data)
    chosen = [one for one in sets(data) if options.only in {None, one.name}]
    measured = {one.name: _measure(one, data.parent / "score.py", options.wrong) for one in chosen}
    floors = json.loads(FLOORS.read_text(encoding="utf-8")) if FLOORS.exists() else {}
    _print(measured, floors)
    if options.set_floors:
        floors.update({name: _floors(found) for name, found in measured.items()})
        FLOORS.write_text(json.dumps(floors, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return _hold(measured, floors) if options.hold else 0


def _measure(one: QuestionSet, score: Path, wrong: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        make_library(folder / one.name, one.documents, real_encoder()).close()
        questions = _sampled(one, folder / "questions.jsonl")
        replies = folder / "replies.jsonl"
        environment = {**os.environ, "QUOTH_LIBRARY": str(folder / one.name)}
        with replies.open("wb") as out:
            command = [sys.executable, "-m", "bot", "ask", "--json", "--batch", str(questions)]
            subprocess.run(command, stdout=out, check=True, env=environment)
        files = [argument for path in one.documents for argument in ("--documents", str(path))]
        command = [sys.executable, str(score), *files, "--questions", str(questions), "--replies", str(replies)]
        if wrong:
            subprocess.run([*command, "--wrong", str(wrong)], check=True)
        scored = subprocess.run([*command, "--json"], check=True, capture_output=True, text=True)
    table: dict[str, dict[str, Any]] = json.loads(scored.stdout)
    return {"digest": data_digest([*one.documents, *one.questions]), "table": table}


def _sampled(one: QuestionSet, path: Path) -> Path:
    """The set's questions in one file, the sampled ones the same in every run."""
    lines: list[str] = []
    for position, file in enumerate(one.questions):
        rows = file.read_text(encoding="utf-8").splitlines()
        if one.sampled:
            rows = random.Random(1).sample(rows, min(one.sampled[position], len(rows)))  # noqa: S311 - not a secret
        lines += rows
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _print(measured: dict[str, dict[str, Any]], floors: dict[str, Any]) -> None:
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


def _floors(found: dict[str, Any]) -> dict[str, Any]:
    figures = found["table"]["all"]
    return {
        "digest": found["digest"],
        "figures": {key: round(figures[key] - SLACK.get(key, 2.0), 3) for key in HELD if figures[key] is not None},
    }


def _hold(measured: dict[str, dict[str, Any]], floors: dict[str, Any]) -> int:
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

"""Fit the weights of `retrieval/fitted.json` on the evaluation data: which sentence answers, and whether it does.

    python -m benchmarks.fit --data ../shared/data [--write]

Articles of even rank (by a digest of their title) are fitted on, the others judge; the news questions are not looked
at. Without --write only the judgement is printed.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import tempfile
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from benchmarks.libraries import make_library, real_encoder, require, tell
from retrieval.engine import Engine
from retrieval.evidence import Signals
from retrieval.question import Question

NAMES = [field.name for field in fields(Signals) if field.name != "other_script"]
FITTED = Path(__file__).resolve().parent.parent / "retrieval" / "fitted.json"


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a set, its answers, and the articles that hold them; none where it has no answer there."""

    question: str
    answers: tuple[str, ...]
    gold: tuple[str, ...]
    article: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A sentence that was weighed for a question: its signals, and whether it states the answer."""

    asked: int
    held_aside: bool
    signals: tuple[float, ...]
    other_script: bool
    is_right: bool


def main() -> None:
    """Gather, fit, judge, perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--write", action="store_true", help="write retrieval/fitted.json")
    options = parser.parse_args()
    data = require(options.data)
    encoder = real_encoder()
    judged: list[list[Judged]] = []  # of each question, its sentences, best first
    with tempfile.TemporaryDirectory() as scratch:
        for name, documents, asked in _sets(data):
            engine = make_library(Path(scratch) / name, documents, encoder)
            judged += [_judged(engine, one, len(judged) + rank) for rank, one in enumerate(asked)]
            tell(f"{name}: {len(asked)} questions asked")
            engine.close()
    fitted: dict[str, Any] = {"sentence": {}, "confidence": {}}
    for script, other in (("same_script", False), ("other_script", True)):
        questions = [rows for rows in judged if rows and rows[0].other_script is other]
        sentence = _fit([row for rows in questions if any(row.is_right for row in rows) for row in rows])
        best = [max(rows, key=lambda row: _score(sentence, row)) for rows in questions]
        confidence = _fit(best)
        fitted["sentence"][script], fitted["confidence"][script] = sentence, confidence
        _judge(script, questions, best, confidence)
    if options.write:
        FITTED.write_text(json.dumps(fitted, indent=2) + "\n", encoding="utf-8")
        tell(f"written: {FITTED.name}")


def _sets(data: Path) -> list[tuple[str, list[Path], list[Asked]]]:
    random.seed(7)
    sets = []
    squad = data / "squad"
    asked = _sample(squad / "questions.jsonl", 1500) + _sample(squad / "unanswerable.jsonl", 1200)
    asked += _sample(squad / "questions.ur.jsonl", 900) + _sample(squad / "unanswerable.ur.jsonl", 700)
    for other in ("reddit", "amazon_reviews"):  # no paragraph of this collection speaks of these
        asked += [Asked(one.question, (), (), one.question) for one in _sample(data / other / "questions.jsonl", 200)]
    sets.append(("squad", [squad / "documents.jsonl"], asked))
    for language in ("zh", "ar"):
        documents = [data / "xquad" / f"documents.{language}.jsonl"]
        sets.append((f"xquad-{language}", documents, _sample(data / "xquad" / f"questions.{language}.jsonl", 500)))
    return sets


def _sample(path: Path, count: int) -> list[Asked]:
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    chosen = random.sample(rows, min(count, len(rows)))
    found = []
    for row in chosen:
        article = (row["gold"] or row.get("near") or [row["id"]])[0].rpartition("/")[0]
        found.append(Asked(row["question"], tuple(row["answers"]), tuple(row["gold"]), article))
    return found


def _judged(engine: Engine, asked: Asked, number: int) -> list[Judged]:
    held_aside = bool(hashlib.sha256(asked.article.encode()).digest()[0] % 2)
    rows = []
    for found in engine.weigh(Question.of(asked.question)):
        text = found.span.of(found.candidate.document.snapshot.text).casefold()
        is_right = found.candidate.document.id in asked.gold and any(
            answer.casefold() in text for answer in asked.answers
        )
        signals = tuple(float(getattr(found.signals, name)) for name in NAMES)
        rows.append(Judged(number, held_aside, signals, bool(found.signals.other_script), is_right))
    return rows


def _fit(rows: list[Judged]) -> dict[str, float]:
    fitted_on = [row for row in rows if not row.held_aside]
    table, right = _arrays(fitted_on)
    spread = table.std(axis=0) + 1e-9
    model = LogisticRegression(C=1.0, max_iter=2000).fit(table / spread, right)
    weights = dict(zip(NAMES, (model.coef_[0] / spread).round(4).tolist(), strict=True))
    return {"bias": round(float(model.intercept_[0]), 4), **weights}


def _arrays(rows: list[Judged]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return np.array([row.signals for row in rows]), np.array([row.is_right for row in rows])


def _score(weights: dict[str, float], row: Judged) -> float:
    total = weights["bias"] + sum(weights[name] * value for name, value in zip(NAMES, row.signals, strict=True))
    return float(1 / (1 + np.exp(-total)))


def _judge(script: str, questions: list[list[Judged]], best: list[Judged], confidence: dict[str, float]) -> None:
    aside = [row for row in best if row.held_aside]
    probability = np.array([_score(confidence, row) for row in aside])
    right = np.array([row.is_right for row in aside])
    reachable = sum(any(row.is_right for row in rows) for rows in questions if rows[0].held_aside)
    bins = np.clip((probability * 10).astype(int), 0, 9)
    error = sum(
        abs(probability[bins == one].mean() - right[bins == one].mean()) * (bins == one).mean()
        for one in range(10)
        if (bins == one).any()
    )
    print(f"{script}: {len(aside)} questions held aside, right first {right.sum()} of {reachable} reachable")
    print(f"  AUROC {roc_auc_score(right, probability):.3f}, expected calibration error {error:.3f}")
    for point in (0.3, 0.4, 0.5, 0.6, 0.7):
        answered = probability >= point
        accuracy = right[answered].mean() if answered.any() else float("nan")
        print(f"  at {point}: answered {answered.mean():.3f}, right among them {accuracy:.3f}")


if __name__ == "__main__":
    main()

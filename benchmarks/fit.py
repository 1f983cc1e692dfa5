"""Fit the weights of `retrieval/fitted.json` on the evaluation data: which sentence answers, and whether it does.

    python -m benchmarks.fit --data ../shared/data [--write]

The sentence's weights are a conditional logit (which of this question's sentences answers?), the confidence's a
logistic regression (does the best one?). Half of the articles, by a digest of their title, are fitted on, the others
judge; the news questions are not looked at. Without --write only the judgement is printed. The excerpts judged
are those of the weights that stand: after a large change, fit twice.
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
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score

from benchmarks.libraries import make_library, real_encoder, require, tell
from retrieval.engine import Engine
from retrieval.evidence import Signals
from retrieval.question import Question

NAMES = [field.name for field in fields(Signals) if field.name != "other_script"]
FITTED = Path(__file__).resolve().parent.parent / "retrieval" / "fitted.json"

# What a signal can mean for the confidence. The data hold next to no contradictions, few questions that name another
# person or year than their passage: there the bound decides, and a wrong answer is worse than none.
BOUNDS: dict[str, tuple[float | None, float | None]] = {
    "similarity": (0, None),
    "passage_similarity": (0, None),
    "background": (None, 0),
    "score": (0, None),
    "coverage": (0, None),
    "telling_coverage": (0, None),
    "window_coverage": (0, None),
    "context_coverage": (1.5, None),
    "names_lacking": (None, -2.5),
    "numbers_lacking": (None, -1.5),
    "asked_kind": (0, None),
    "asked_word": (0, None),
    "asked_unit": (0, None),
    "contradicted": (None, -4),
}


@dataclass(frozen=True, slots=True)
class Asked:
    """A question of a set, its answers, and the articles that hold them; none where it has no answer there."""

    question: str
    answers: tuple[str, ...]
    gold: tuple[str, ...]
    article: str


@dataclass(frozen=True, slots=True)
class Judged:
    """A sentence or an excerpt as the answer to a question: its signals, and whether it states the answer."""

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
    judged: list[tuple[list[Judged], Judged]] = []  # of each question, its sentences, and the excerpt chosen today
    with tempfile.TemporaryDirectory() as scratch:
        for name, documents, asked in _sets(data):
            engine = make_library(Path(scratch) / name, documents, encoder)
            judged += [found for one in asked if (found := _judged(engine, one)) is not None]
            tell(f"{name}: {len(asked)} questions asked")
            engine.close()
    fitted = fit(judged)
    if options.write:
        FITTED.write_text(json.dumps(fitted, indent=2) + "\n", encoding="utf-8")
        tell(f"written: {FITTED.name}")


def fit(judged: list[tuple[list[Judged], Judged]]) -> dict[str, Any]:
    """Both kinds of weights, for both cases of script, and what the articles held aside say of them."""
    fitted: dict[str, Any] = {"sentence": {}, "confidence": {}}
    for script, other in (("same_script", False), ("other_script", True)):
        found = [(rows, chosen) for rows, chosen in judged if chosen.other_script is other]
        sentence = _fit_choice([rows for rows, _ in found if any(row.is_right for row in rows)])
        confidence = _fit([chosen for _, chosen in found])
        fitted["sentence"][script], fitted["confidence"][script] = sentence, confidence
        aside = [(rows, chosen) for rows, chosen in found if chosen.held_aside]
        best = [max(rows, key=lambda row: _total(sentence, row)) for rows, _ in aside]
        print(f"{script}: {len(aside)} questions held aside, the first sentence is right for", end=" ")
        print(f"{sum(row.is_right for row in best)} of {sum(any(row.is_right for row in rows) for rows, _ in aside)}")
        _judge([chosen for _, chosen in aside], confidence)
    return fitted


def _sets(data: Path) -> list[tuple[str, list[Path], list[Asked]]]:
    random.seed(7)
    sets = []
    squad = data / "squad"
    asked = _sample(squad / "questions.jsonl", 1600) + _sample(squad / "unanswerable.jsonl", 600)
    asked += _sample(squad / "questions.ur.jsonl", 900) + _sample(squad / "unanswerable.ur.jsonl", 300)
    for other in ("reddit", "amazon_reviews"):  # no paragraph of this collection speaks of these
        asked += [Asked(one.question, (), (), one.question) for one in _sample(data / other / "questions.jsonl", 300)]
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


def _judged(engine: Engine, asked: Asked) -> tuple[list[Judged], Judged] | None:
    query = Question.of(asked.question)
    held_aside = bool(hashlib.sha256(asked.article.encode()).digest()[0] % 2)

    def judge(signals: Signals, document_id: str, text: str) -> Judged:
        folded = text.casefold()
        is_right = document_id in asked.gold and any(answer.casefold() in folded for answer in asked.answers)
        values = tuple(float(getattr(signals, name)) for name in NAMES)
        return Judged(held_aside, values, bool(signals.other_script), is_right)

    choices = engine.choose(query, top=1)
    if not choices:
        return None
    excerpt = choices[0].excerpt
    rows = []
    for one in engine.weigh(query):
        document = one.candidate.document
        rows.append(judge(one.signals, document.id, one.span.of(document.snapshot.text)))
    return rows, judge(choices[0].signals, excerpt.document.id, excerpt.text)


def _fit_choice(questions: list[list[Judged]]) -> dict[str, float]:
    """Conditional logit (McFadden 1974): the probability that the chosen sentence is one of those that answer.

    The word that is asked for ("the theme of …") has a least weight: the data's questions name it less often than
    people who look for a figure or a theme do.
    """
    fitted_on = [rows for rows in questions if not rows[0].held_aside]
    table, right = _arrays([row for rows in fitted_on for row in rows])
    starts = np.cumsum([0, *(len(rows) for rows in fitted_on[:-1])])
    lengths = [len(rows) for rows in fitted_on]
    spread = table.std(axis=0) + 1e-9
    scaled = table / spread

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        totals = scaled @ weights
        totals -= np.repeat(np.maximum.reduceat(totals, starts), lengths)
        chances = np.exp(totals)
        all_of, right_of = np.add.reduceat(chances, starts), np.add.reduceat(chances * right, starts)
        difference = chances / np.repeat(all_of, lengths) - chances * right / np.repeat(right_of, lengths)
        penalty = 1e-3 * float(weights @ weights)
        value = float(np.mean(np.log(all_of) - np.log(right_of))) + penalty
        return value, scaled.T @ difference / len(lengths) + 2e-3 * weights

    limits = [(1.2 * width if name == "asked_word" else None, None) for name, width in zip(NAMES, spread, strict=True)]
    found = minimize(loss, np.zeros(len(NAMES)), jac=True, method="L-BFGS-B", bounds=limits)
    return {"bias": 0.0, **dict(zip(NAMES, (found.x / spread).round(4).tolist(), strict=True))}


def _fit(rows: list[Judged]) -> dict[str, float]:
    """Logistic regression, each weight within what its signal can mean (`BOUNDS`)."""
    table, right = _arrays([row for row in rows if not row.held_aside])
    spread = table.std(axis=0) + 1e-9
    scaled = np.column_stack([np.ones(len(table)), table / spread])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        totals = scaled @ weights
        penalty = 1e-3 * float(weights[1:] @ weights[1:])
        value = float(np.mean(np.logaddexp(0, totals) - right * totals)) + penalty
        chances = 1 / (1 + np.exp(-totals))
        return value, scaled.T @ (chances - right) / len(totals) + 2e-3 * np.array([0, *weights[1:]])

    limits = [(None, None)]
    for name, width in zip(NAMES, spread, strict=True):
        low, high = BOUNDS.get(name, (None, None))
        limits.append((None if low is None else low * width, None if high is None else high * width))
    found = minimize(loss, np.zeros(len(limits)), jac=True, method="L-BFGS-B", bounds=limits)
    weights = (found.x[1:] / spread).round(4).tolist()
    return {"bias": round(float(found.x[0]), 4), **dict(zip(NAMES, weights, strict=True))}


def _arrays(rows: list[Judged]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    return np.array([row.signals for row in rows]), np.array([row.is_right for row in rows])


def _total(weights: dict[str, float], row: Judged) -> float:
    return weights["bias"] + sum(weights[name] * value for name, value in zip(NAMES, row.signals, strict=True))


def _probability(weights: dict[str, float], row: Judged) -> float:
    return float(1 / (1 + np.exp(-_total(weights, row))))


def _judge(aside: list[Judged], confidence: dict[str, float]) -> None:
    probability = np.array([_probability(confidence, row) for row in aside])
    right = np.array([row.is_right for row in aside])
    bins = np.clip((probability * 10).astype(int), 0, 9)
    error = sum(
        abs(probability[bins == one].mean() - right[bins == one].mean()) * (bins == one).mean()
        for one in range(10)
        if (bins == one).any()
    )
    print(f"  AUROC {roc_auc_score(right, probability):.3f}, expected calibration error {error:.3f}")
    for point in (0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7):
        answered = probability >= point
        accuracy = right[answered].mean() if answered.any() else float("nan")
        print(f"  at {point}: answered {answered.mean():.3f}, right among them {accuracy:.3f}")


if __name__ == "__main__":
    main()

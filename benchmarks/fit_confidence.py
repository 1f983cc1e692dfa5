"""Fit the confidence of `retrieval/fitted.py`, whether the first excerpt answers, and print how well it tells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score

from benchmarks.fit_questions import Asked
from benchmarks.fit_sentences import Judged, states
from retrieval.excerpt import scored
from retrieval.fitted import Network, Regression, confidence_values

# What a signal can mean for the confidence. The data hold next to no contradictions, few questions that name another
# person or year than their passage: there the bound decides, and a wrong answer is worse than none.
BOUNDS: dict[str, tuple[float | None, float | None]] = {
    "similarity": (0, None),
    "passage_similarity": (0, None),
    "standing": (0, None),
    "passage_standing": (0, None),
    "share": (0, None),
    "coverage": (0, None),
    "telling_coverage": (0, None),
    "window_coverage": (0, None),
    "context_coverage": (1.5, None),
    "names_lacking": (None, -2.0),
    "numbers_lacking": (None, -1.5),
    "asked_kind": (0, None),
    "asked_word": (0, None),
    "asked_unit": (0, None),
    "contradicted": (None, -4),
    "chance": (0, None),
    "lead": (0, None),
}


@dataclass(frozen=True, slots=True)
class Shown:
    """The first excerpt for a question: what its confidence is told by, and whether it states the answer."""

    asked: Asked
    values: dict[str, float]
    is_right: bool
    length: int

    @property
    def other_script(self) -> bool:
        """Whether question and text are in different scripts."""
        return bool(self.values["other_script"])


def fit_confidence(shown: Sequence[Shown]) -> Regression:
    """One regression for each case of script, and how both do."""
    _print_found(shown)
    parts = {False: [one for one in shown if not one.other_script], True: [one for one in shown if one.other_script]}
    regression = Regression(same_script=_fit(parts[False]), other_script=_fit(parts[True]))
    _judge("same script", parts[False], regression)
    _judge("other script", parts[True], regression)
    _judge("news", [one for one in shown if one.asked.kind.startswith("news")], regression)
    return regression


def first_shown(one: Judged, network: Network) -> Shown:
    """What is shown first when the network scores the question's sentences."""
    scores = scored([sentence.signals for sentence in one.sentences], network)
    rescored = [sentence._replace(score=score) for sentence, score in zip(one.sentences, scores, strict=True)]
    choice = one.choose(rescored)[0]
    homes = (choice.excerpt.document.id, *choice.excerpt.also_in)
    answers = [answer for home in homes for answer in one.asked.answers.get(home, ())]
    is_right = states(choice.excerpt.text, answers)
    return Shown(one.asked, confidence_values(choice), is_right, len(choice.excerpt.text))


def _fit(rows: Sequence[Shown]) -> dict[str, float]:
    """Logistic regression, each weight within what its signal can mean (`BOUNDS`)."""
    names = [name for name in rows[0].values if name != "other_script"]
    table = np.array([[row.values[name] for name in names] for row in rows])
    right = np.array([row.is_right for row in rows])
    spread = table.std(axis=0) + 1e-9
    scaled = np.column_stack([np.ones(len(table)), table / spread])
    counts = np.array([3.0 if row.asked.kind.startswith("news") else 1.0 for row in rows])

    def loss(weights: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        totals = scaled @ weights
        penalty = 1e-3 * float(weights[1:] @ weights[1:])
        value = float(np.average(np.logaddexp(0, totals) - right * totals, weights=counts)) + penalty
        chances = 1 / (1 + np.exp(-totals))
        slope = scaled.T @ (counts * (chances - right)) / counts.sum()
        return value, slope + 2e-3 * np.array([0, *weights[1:]])

    limits: list[tuple[float | None, float | None]] = [(None, None)]
    for name, width in zip(names, spread, strict=True):
        low, high = BOUNDS.get(name, (None, None))
        limits.append((None if low is None else low * width, None if high is None else high * width))
    found = minimize(loss, np.zeros(len(limits)), jac=True, method="L-BFGS-B", bounds=limits)
    weights = (found.x[1:] / spread).round(4).tolist()
    return {"bias": round(float(found.x[0]), 4), **dict(zip(names, weights, strict=True))}


def _print_found(shown: Sequence[Shown]) -> None:
    """How often the first excerpt states the answer, of the questions that have one."""
    kinds: defaultdict[str, list[Shown]] = defaultdict(list)
    for one in shown:
        if one.asked.answers:
            kinds[one.asked.kind].append(one)
            if one.asked.kind.startswith("news"):
                kinds["news"].append(one)
    for kind, rows in sorted(kinds.items()):
        right, length = np.mean([row.is_right for row in rows]), np.mean([row.length for row in rows])
        print(f"{kind}: found@1 {100 * right:.1f} of {len(rows)}, {length:.0f} characters")


def _judge(name: str, rows: Sequence[Shown], regression: Regression) -> None:
    chances = np.array([regression.probability(row.values, other_script=row.other_script) for row in rows])
    right = np.array([row.is_right for row in rows])
    answerable = np.array([bool(row.asked.answers) for row in rows])
    bins = np.clip((chances * 10).astype(int), 0, 9)
    error = sum(
        abs(chances[bins == one].mean() - right[bins == one].mean()) * (bins == one).mean()
        for one in range(10)
        if (bins == one).any()
    )
    print(f"{name}: {len(rows)} questions, AUROC {roc_auc_score(right, chances):.3f}, ", end="")
    print(f"absent {roc_auc_score(answerable, chances):.3f}, expected calibration error {error:.3f}")
    for low in range(10):
        inside = bins == low
        if inside.any():
            told, true = chances[inside].mean(), right[inside].mean()
            print(f"  {low / 10:.1f}: {inside.sum()} told {told:.2f}, right {true:.2f}")
    for point in (0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5):
        answered = chances >= point
        accuracy = right[answered].mean() if answered.any() else float("nan")
        kept_out = (~answered[~answerable]).mean()
        print(f"  at {point}: right@1 {(answered & right).sum() / answerable.sum():.3f}, ", end="")
        print(f"right among the answered {accuracy:.3f}, unanswerable declined {kept_out:.3f}")

"""Fit how much the reader's word counts beside the plain signals, by articles that it was not trained on.

    python -m benchmarks.fit_reader --data ../shared/data [--write]

The sentence's score is fitted as a conditional logit (which of the question's sentences answers?), the confidence as a
logistic regression (does the first excerpt?); for each fifth of the articles on the others, and by these what is
printed is judged: `found@1`, whether confidence tells the answerable from the near misses, and how many near misses
are caught where 10 % of the answerable are lost. What is written is fitted on all. The 73 news questions are not
looked at.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq, minimize
from sklearn.metrics import roc_auc_score

from benchmarks.fit import FITTED
from benchmarks.fit_questions import PARTS, Asked, answers_of, question_sets
from benchmarks.fit_sentences import Judged, judge, states
from benchmarks.jsonl import read_rows
from benchmarks.libraries import make_library, real_encoder, real_reader, require, tell
from retrieval.excerpt import Weighed, plain_more, reread
from retrieval.fitted import Reread, confidence_values, regression, told
from retrieval.reader import Sentence
from retrieval.reading import UNREAD, Reading
from retrieval.settings import Settings
from training.examples import QUESTIONS, is_held

LOSS = 0.1
WRITTEN = "written, kept aside"
# What else is told adds nothing there.
SENTENCE = ("plain", "beside", "answers", "no answers", "unread")
CONFIDENCE = ("bias", "plain", "words", "no answers", "unread", "anywhere")


@dataclass(frozen=True, slots=True)
class Read:
    """A question's sentences, and what the reader says of some."""

    judged: Judged
    readings: list[tuple[Sentence, Reading]]
    more: float  # of the plain score, added beside the reader

    @property
    def asked(self) -> Asked:
        """The question."""
        return self.judged.asked

    @property
    def part(self) -> int:
        """In which part of the articles it belongs; another parting than the one that the reader was trained by."""
        return hashlib.sha256(self.asked.article.encode()).digest()[1] % PARTS


@dataclass(frozen=True, slots=True)
class Shown:
    """The first excerpt: its confidence by the plain signals, what the reader says of it, whether it answers.

    `reading` is None where the reader has no say: of a follow-up.
    """

    asked: Asked
    plain: float
    reading: Reading | None
    is_right: bool


def main() -> None:
    """Gather, fit, judge, perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--graph", type=Path, help="another reader than the one that comes with Quoth")
    parser.add_argument("--write", action="store_true", help="write the reader's part of retrieval/fitted.json")
    options = parser.parse_args()
    read = gather(require(options.data), options.graph)
    shown = []
    for part in range(PARTS):
        sentence = fit_sentence([one for one in read if one.part != part])
        shown += [first_shown(one, sentence) for one in read if one.part == part and one.judged.sentences]
    confidence = fit_confidence(shown)
    print_judgement(read, shown)
    fitted = Reread(fit_sentence(read), confidence)
    print(asdict(fitted))
    if options.write:
        weights = json.loads(FITTED.read_text(encoding="utf-8")) | {"reader": asdict(fitted)}
        FITTED.write_text(json.dumps(weights, separators=(",", ":")).replace('],"', '],\n"') + "\n", encoding="utf-8")
        tell(f"written: {FITTED.name}")


# Gathering


def gather(data: Path, graph: Path | None) -> list[Read]:
    """Ask every question of the articles that were kept aside, and our own over the news."""
    encoder, reader = real_encoder(), real_reader(graph)
    found: list[Read] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, documents, questions in question_sets(data, Path(scratch)):
            if name in {"uqa", "cmrc"}:
                continue  # all their articles were trained on
            asked = list(_held_squad(data)) if name == "squad" else questions
            if name == "news":
                asked = [*asked, *_held_news()]
            if name == "xquad":
                asked = [one for one in asked if is_held(one.article.split("/")[1])]
            engine = make_library(Path(scratch) / name, documents, encoder)
            for one in asked:
                judged = judge(engine, one)
                query = engine.query(one.question, one.history)
                sentences = ((sentence.candidate, sentence.place) for sentence in judged.sentences)
                readings = reader.read(query.asked.text, sentences, stretches=Settings().read_stretches)
                found.append(Read(judged, readings, plain_more(query)))
            engine.close()
            tell(f"{name}: {len(asked)} questions read")
    return found


def _held_squad(data: Path) -> Iterator[Asked]:
    for name, count in {"questions": 1300, "unanswerable": 1300, "questions.ur": 500, "unanswerable.ur": 500}.items():
        held = [
            Asked(f"squad {name}", row["question"], answers_of(row), article)
            for row in read_rows(data / "squad" / f"{name}.jsonl")
            for article in [(row["gold"] or row["near"])[0].rpartition("/")[0]]
            if is_held(article)
        ]
        yield from random.Random(1).sample(held, min(count, len(held)))  # noqa: S311 - not a secret


def _held_news() -> Iterator[Asked]:
    """What was written for the reader to learn from, of the articles that it did not."""
    for row in read_rows(QUESTIONS / "news.jsonl"):
        if is_held(row["document"]):
            answers: dict[str, tuple[str, ...]] = {row["document"]: (row["answer"],)} if row["answer"] else {}
            yield Asked(WRITTEN, row["question"], answers, row["document"])


# Fitting


def _place(sentence: Weighed) -> tuple[str, int]:
    return sentence.candidate.passage.id, sentence.place


def _values(plain: float, reading: Reading) -> tuple[float, ...]:
    values = told(plain, reading)
    return tuple(values[name] for name in SENTENCE)


def fit_sentence(read: Sequence[Read]) -> dict[str, float]:
    """The weights under which a sentence that answers has the best chance among the question's sentences."""
    tables, rights, counts = [], [], []
    for one in read:
        if one.judged.right.any() and not one.judged.right.all():
            seen = reread(one.judged.sentences, one.readings)
            known = {_place(sentence): sentence.reading or UNREAD for sentence in seen}
            table = [_values(sentence.score, known[_place(sentence)]) for sentence in one.judged.sentences]
            tables.append(np.array(table))
            rights.append(one.judged.right)
            counts.append(_count(one.asked))

    def loss(weights: NDArray[np.float64]) -> float:
        total = 0.0
        for table, right, count in zip(tables, rights, counts, strict=True):
            scores = table @ weights
            scores -= scores.max()
            chances = np.exp(scores)
            total -= count * float(np.log(chances[right].sum() / chances.sum()))
        return total / sum(counts) + 1e-3 * float(weights @ weights)

    limits = [(0.1, 2.0), *[(0.0, 2.0)] * 3, (-8.0, 8.0)]
    found = minimize(loss, np.array([0.8, *[0.1] * 3, -0.5]), method="L-BFGS-B", bounds=limits)
    return dict(zip(SENTENCE, np.round(found.x, 4).tolist(), strict=True))


def _count(asked: Asked) -> float:
    """How often the question counts: those over the news are what Quoth is for.

    Those written to learn from judge alone: each names one article, and another may say the same.
    """
    if asked.kind == WRITTEN:
        return 0.0
    return 3.0 if asked.kind.startswith("news") else 1.0


def first_shown(one: Read, sentence: dict[str, float] | None) -> Shown:
    """What is shown first where the reader counts so much; by the plain signals alone without."""
    sentences = one.judged.sentences
    if sentence is not None:
        sentences = reread(sentences, one.readings, Reread(sentence, {}), more=one.more)
    choice = one.judged.choose(sentences)[0]
    homes = (choice.excerpt.document.id, *choice.excerpt.also_in)
    answers = [answer for home in homes for answer in one.asked.answers.get(home, ())]
    is_right = states(choice.excerpt.text, answers)
    plain = regression().probability(confidence_values(choice), other_script=bool(choice.signals.other_script))
    return Shown(one.asked, plain, choice.reading, is_right)


def fit_confidence(shown: Sequence[Shown]) -> dict[str, float]:
    """Logistic regression of whether the first excerpt answers; its bias is that of the news.

    Half of what is asked of the SQuAD articles is a near miss, far more than readers ask.
    """
    said = [(one, one.reading) for one in shown if one.reading is not None]
    shown = [one for one, _ in said]
    known = [{"bias": 1.0} | told(_logit(one.plain), reading) for one, reading in said]
    table = np.array([[values[name] for name in CONFIDENCE] for values in known])
    right = np.array([one.is_right for one in shown])
    counts = np.array([_count(one.asked) for one in shown])

    def loss(weights: NDArray[np.float64]) -> float:
        totals = table @ weights
        value = float(np.average(np.logaddexp(0, totals) - right * totals, weights=counts))
        return value + 1e-3 * float(weights[1:] @ weights[1:])

    limits = [(None, None), (0.1, None), (0.0, None), (0.0, None), (None, None), (0.0, None)]
    weights = minimize(loss, np.array([0.0, 0.8, 0.1, 0.1, -0.5, 0.1]), method="L-BFGS-B", bounds=limits).x
    news = np.array([one.asked.kind.startswith("news") for one in shown])
    without_bias = table[news, 1:] @ weights[1:]
    weights[0] = brentq(lambda bias: float((1 / (1 + np.exp(-bias - without_bias)) - right[news]).mean()), -9.0, 9.0)
    return dict(zip(CONFIDENCE, np.round(weights, 4).tolist(), strict=True))


def _logit(chance: float) -> float:
    chance = min(max(chance, 1e-9), 1 - 1e-9)
    return float(np.log(chance / (1 - chance)))


# Judging


def print_judgement(read: Sequence[Read], shown: Sequence[Shown]) -> None:
    """Each figure without the reader and with it; the confidence of each fifth is fitted on the others."""
    before = [first_shown(one, None) for one in read if one.judged.sentences]
    parts = {id(one.asked): one.part for one in read}
    chances: dict[int, float] = {}
    for part in range(PARTS):
        fitted = Reread({}, fit_confidence([one for one in shown if parts[id(one.asked)] != part]))
        for one in shown:
            if parts[id(one.asked)] == part:
                says = one.reading
                chances[id(one.asked)] = one.plain if says is None else fitted.probability(one.plain, says)
    plain = {id(one.asked): one.plain for one in before}
    kinds: defaultdict[str, list[int]] = defaultdict(list)
    for place, one in enumerate(shown):
        kinds["news" if one.asked.kind.startswith("news") else one.asked.kind].append(place)
    rights = {id(one.asked): one.is_right for one in before}
    for kind, places in sorted(kinds.items()):
        answerable = [shown[place] for place in places if shown[place].asked.answers]
        if answerable:
            was = np.mean([rights[id(one.asked)] for one in answerable])
            now = np.mean([one.is_right for one in answerable])
            print(f"{kind}: {len(answerable)} answerable, found@1 {100 * was:.1f} -> {100 * now:.1f}")
    _print_points("plain", before, plain)
    _print_points("with the reader", shown, chances)
    for name, groups in (
        ("squad", ("squad questions", "squad unanswerable")),
        ("squad in Urdu", ("squad questions.ur", "squad unanswerable.ur")),
        ("news", ("news",)),
        (WRITTEN, (WRITTEN,)),
    ):
        asked = [shown[place].asked for group in groups for place in kinds[group]]
        for label, chance_of in (("plain", plain), ("with the reader", chances)):
            yes = np.array([chance_of[id(one)] for one in asked if one.answers])
            no = np.array([chance_of[id(one)] for one in asked if not one.answers])
            absent = roc_auc_score([1] * len(yes) + [0] * len(no), [*yes, *no])
            caught = float((no < np.quantile(yes, LOSS)).mean())
            print(f"{name}, {label}: {len(yes)} + {len(no)}, AUROC absent {absent:.3f}, caught {100 * caught:.1f} %")
    fitted_on = [one for one in shown if one.asked.kind != WRITTEN]
    all_told = np.array([chances[id(one.asked)] for one in fitted_on])
    right = np.array([one.is_right for one in fitted_on])
    for low in range(10):
        inside = np.clip((all_told * 10).astype(int), 0, 9) == low
        if inside.any():
            print(
                f"  {low / 10:.1f}: {inside.sum()} told {all_told[inside].mean():.2f}, right {right[inside].mean():.2f}"
            )


def _print_points(label: str, shown: Sequence[Shown], chances: dict[int, float]) -> None:
    """What an operating point gives on our news questions."""
    news = [one for one in shown if one.asked.kind.startswith("news")]
    right = np.array([one.is_right for one in news])
    answerable = np.array([bool(one.asked.answers) for one in news])
    sure = np.array([chances[id(one.asked)] for one in news])
    for point in (0.38, 0.4, 0.42, 0.43, 0.45, 0.5):
        given = sure >= point
        print(
            f"news at {point}, {label}: right@1 {100 * (given & right)[answerable].mean():.1f}, declined "
            f"{100 * (~given)[~answerable].mean():.1f}, right among the answered {100 * right[given].mean():.1f}"
        )


if __name__ == "__main__":
    main()

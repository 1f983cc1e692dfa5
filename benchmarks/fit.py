"""Fit the weights of `retrieval/fitted.json`: which sentence answers, and whether the excerpt made of it does.

    python -m benchmarks.fit --data ../shared/data [--write]

The sentence's network is fitted as a conditional logit (which of this question's sentences answers?), the confidence
as a logistic regression (does the first excerpt?). The articles are parted in five: for each fifth, a network fitted on
the others chooses the excerpts; by these the confidence is fitted, and all that is printed is judged. The network that
is kept is fitted on all. The 73 news questions are not looked at, but those of our own over the same articles are
(`benchmarks/questions/`). Without --write only the judgement is printed.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import random
import re
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.metrics import roc_auc_score

from benchmarks.libraries import make_library, real_encoder, require, tell
from retrieval.engine import Engine
from retrieval.evidence import Choice, Signals
from retrieval.excerpt import Weighed, choose, scored
from retrieval.fitted import Network, Regression, confidence_values

_T = TypeVar("_T")
SIGNALS = [field.name for field in fields(Signals)]
FITTED = Path(__file__).resolve().parent.parent / "retrieval" / "fitted.json"
OUR_QUESTIONS = Path(__file__).resolve().parent / "questions"
UNITS = 48
EPOCHS = 14
PARTS = 5
LANGUAGES = ("en", "zh", "hi", "ar")  # of XQuAD

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
# What a sentence's score can only gain by, all else equal: fitted freely, noise would find cases where it loses.
GAINING = (
    "similarity",
    "standing",
    "coverage",
    "telling_coverage",
    "window_coverage",
    "asked_kind",
    "asked_word",
    "asked_unit",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with those before it, and the documents that answer it, each with its answers: none, if none does."""

    kind: str
    question: str
    answers: dict[str, tuple[str, ...]]
    article: str  # by which the questions that are fitted on and those that judge are kept apart
    without: frozenset[str] = frozenset()
    history: tuple[str, ...] = ()

    @property
    def part(self) -> int:
        """In which part of the articles it belongs."""
        return hashlib.sha256(self.article.encode()).digest()[0] % PARTS


@dataclass(frozen=True, slots=True)
class Judged:
    """A question's sentences with their signals, and which of them answer."""

    asked: Asked
    sentences: list[Weighed]
    right: NDArray[np.bool_]
    choose: Callable[[list[Weighed]], list[Choice]]


def main() -> None:
    """Gather, fit, judge, perhaps write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--write", action="store_true", help="write retrieval/fitted.json")
    options = parser.parse_args()
    judged = gather(require(options.data))
    shown = []
    for part in range(PARTS):
        apart = fit_network([one for one in judged if one.asked.part != part])
        shown += [_shown(one, apart) for one in judged if one.asked.part == part and one.sentences]
    regression = fit_confidence(shown)
    network = fit_network(judged)
    if options.write:
        written = {"sentence": _written(network), "confidence": asdict(regression)}
        FITTED.write_text(json.dumps(written, separators=(",", ":")).replace('],"', '],\n"') + "\n", encoding="utf-8")
        tell(f"written: {FITTED.name}")


# The questions


def gather(data: Path) -> list[Judged]:
    """Ask every question of the sets, and look at each sentence that was read."""
    encoder = real_encoder()
    judged: list[Judged] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, documents, questions in _sets(data, Path(scratch)):
            engine = make_library(Path(scratch) / name, documents, encoder)
            judged += [_judged(engine, asked) for asked in questions]
            engine.close()
            tell(f"{name}: {len(questions)} questions asked")
    return judged


def _sets(data: Path, scratch: Path) -> Iterator[tuple[str, list[Path], list[Asked]]]:
    squad = data / "squad"
    yield "squad", [squad / "documents.jsonl"], list(_squad(squad))
    xquad = data / "xquad"
    yield "xquad", [xquad / f"documents.{language}.jsonl" for language in LANGUAGES], list(_mixed(xquad))
    yield "uqa", [scratch / "uqa.jsonl"], list(_uqa(data / "uqa_train" / "train.jsonl.gz", scratch / "uqa.jsonl"))
    yield "cmrc", [scratch / "cmrc.jsonl"], list(_cmrc(data / "cmrc2018" / "cmrc2018_dev.json", scratch / "cmrc.jsonl"))
    yield "news", [data / "news" / "documents.jsonl"], list(_news())


def _squad(folder: Path) -> Iterator[Asked]:
    """Answerable questions and near misses, in English and Urdu, and questions whose article is left out."""
    parts = [("questions", 1200), ("unanswerable", 500), ("questions.ur", 700), ("unanswerable.ur", 200)]
    for name, count in parts:
        for row in _sample(_rows(folder / f"{name}.jsonl"), count):
            article = (row["gold"] or row["near"])[0].rpartition("/")[0]
            yield Asked(f"squad {name}", row["question"], _answers(row), article)
    articles: defaultdict[str, set[str]] = defaultdict(set)
    for row in _rows(folder / "documents.jsonl"):
        articles[row["id"].rpartition("/")[0]].add(row["id"])
    for row in _sample(_rows(folder / "questions.jsonl"), 400, seed=9):
        article = row["gold"][0].rpartition("/")[0]
        yield Asked("squad absent", row["question"], {}, article, frozenset(articles[article]))


def _mixed(folder: Path) -> Iterator[Asked]:
    """Questions over paragraphs in four languages, with and without the one in the question's own."""
    asked = {
        name: {row["id"].partition("/")[0]: row for row in _rows(folder / f"questions.{name}.jsonl")}
        for name in LANGUAGES
    }
    for seed, language in enumerate(LANGUAGES):
        keys = _sample(sorted(asked[language]), 360, seed=seed)
        for place, key in enumerate(keys):
            row = asked[language][key]
            paragraph = row["gold"][0].rpartition("/")[0]
            own = place >= 260
            answers = {
                f"{paragraph}/{other}": tuple(asked[other][key]["answers"])
                for other in LANGUAGES
                if own or other != language
            }
            without = frozenset() if own else frozenset({f"{paragraph}/{language}"})
            kind = f"mixed {'own' if own else 'other'}"
            yield Asked(kind, row["question"], answers, paragraph.rpartition("/")[0], without)


def _uqa(path: Path, documents: Path) -> Iterator[Asked]:
    """Urdu questions over Urdu paragraphs; the paragraphs are written to `documents`."""
    paragraphs: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            paragraphs[f"uqa/{row['article']}/{row['paragraph']}"].append(row)
    chosen = _sample(sorted(paragraphs), 600)
    texts = [
        {"id": key, "title": rows[0]["title"], "text": rows[0]["context"], "language": "ur"}
        for key in chosen
        for rows in [paragraphs[key]]
    ]
    _write_rows(documents, texts)
    for key in chosen:
        for row in _sample(paragraphs[key], 2):
            answers = tuple(
                answer["text"] for answer in row["answers"] if answer["text"] in paragraphs[key][0]["context"]
            )
            if row["is_impossible"] or answers:
                found = {} if row["is_impossible"] else {key: answers}
                yield Asked("uqa", row["question"], found, key.rpartition("/")[0])


def _cmrc(path: Path, documents: Path) -> Iterator[Asked]:
    """Chinese questions over Chinese paragraphs; the paragraphs are written to `documents`."""
    articles = json.loads(path.read_text(encoding="utf-8"))["data"]
    paragraphs = _sample([paragraph for article in articles for paragraph in article["paragraphs"]], 400)
    _write_rows(documents, [{"id": one["id"], "text": one["context"], "language": "zh"} for one in paragraphs])
    for one in paragraphs:
        for row in _sample(one["qas"], 2):
            answers = tuple({answer["text"] for answer in row["answers"]})
            yield Asked("cmrc", row["question"], {one["id"]: answers}, one["id"])


def _news() -> Iterator[Asked]:
    """Our own questions over the news articles, those of conversations with what was asked before."""
    for name in ("news", "conversations"):
        for row in _rows(OUR_QUESTIONS / f"{name}.jsonl"):
            article = (row["gold"] or [row["id"]])[0]
            history = tuple(row.get("history", []))
            yield Asked(f"news {row['kind']}", row["question"], _answers(row), article, history=history)


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


def _write_rows(path: Path, rows: Sequence[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def _sample(rows: Sequence[_T], count: int, *, seed: int = 1) -> list[_T]:
    return random.Random(seed).sample(rows, min(count, len(rows)))  # noqa: S311 - not a secret


def _answers(row: dict[str, Any]) -> dict[str, tuple[str, ...]]:
    return {document: tuple(row["answers"]) for document in row["gold"]}


def _judged(engine: Engine, asked: Asked) -> Judged:
    within = {one.id for one in engine.documents()} - asked.without if asked.without else None
    query = engine.query(asked.question, asked.history)
    sentences = engine.weigh(query, within=within)
    weight = engine.weight()

    def chosen(rescored: list[Weighed]) -> list[Choice]:
        return choose(query, rescored, weight, top=1)

    texts = [one.span.of(one.candidate.document.snapshot.text) for one in sentences]
    homes = [one.candidate.document.id for one in sentences]
    right = [_states(text, asked.answers.get(home, ())) for text, home in zip(texts, homes, strict=True)]
    return Judged(asked, sentences, np.array(right, dtype=bool), chosen)


def _states(text: str, answers: Sequence[str]) -> bool:
    """Whether one of the answers stands in the text as whole words, white space and case aside."""
    folded = " ".join(text.split()).casefold()
    for answer in answers:
        wanted = " ".join(answer.split()).casefold()
        before = r"(?<!\w)" if wanted[0].isascii() and wanted[0].isalnum() else ""
        after = r"(?!\w)" if wanted[-1].isascii() and wanted[-1].isalnum() else ""
        if re.search(before + re.escape(wanted) + after, folded):
            return True
    return False


# Which sentence answers


def fit_network(judged: Sequence[Judged]) -> Network:
    """A conditional logit (McFadden 1974): the probability that the chosen sentence is one of those that answer.

    Half of the units add to a score and half take from it; the signals of `GAINING` raise the first and lower the
    others, so that none of them can lower a score (the thought of Sill 1998, "Monotonic networks"). News questions
    count five times: they are what Quoth is for, and few.
    """
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    found = [one for one in judged if one.right.any()]
    tables = [_table(one.sentences) for one in found]
    stacked = np.concatenate(tables)
    mean, spread = stacked.mean(axis=0), stacked.std(axis=0) + 1e-6
    inputs = [torch.tensor((table - mean) / spread, dtype=torch.float32) for table in tables]
    targets = [torch.tensor(one.right) for one in found]
    weights = torch.tensor([5.0 if one.asked.kind.startswith("news") else 1.0 for one in found])
    hidden = torch.nn.Linear(len(SIGNALS), UNITS)
    output = torch.nn.Linear(UNITS, 1, bias=False)
    direct = torch.nn.Linear(len(SIGNALS), 1, bias=False)
    parameters = [*hidden.parameters(), *output.parameters(), *direct.parameters()]
    gaining = torch.tensor([name in GAINING for name in SIGNALS])
    signs = torch.tensor([1.0, -1.0]).repeat(UNITS // 2)

    def weights_within() -> tuple[Any, Any, Any]:
        """The weights of direct, hidden and output layer, none of them against what its signal can do."""
        return (
            torch.where(gaining, direct.weight.abs(), direct.weight),
            torch.where(gaining, hidden.weight.abs() * signs[:, None], hidden.weight),
            output.weight.abs() * signs,
        )

    optimizer = torch.optim.AdamW(parameters, lr=3e-3, weight_decay=1e-2)
    batches = -(-len(found) // 32)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=EPOCHS * batches)
    for epoch in range(EPOCHS):
        order = np.random.default_rng(epoch).permutation(len(found))
        for batch in np.array_split(order, batches):
            rows = torch.cat([inputs[index] for index in batch])
            straight, inner, outer = weights_within()
            units = torch.nn.functional.dropout(torch.relu(rows @ inner.T + hidden.bias), 0.1)
            scores = (units @ outer.T + rows @ straight.T)[:, 0].split([len(inputs[index]) for index in batch])
            losses = [
                weights[index] * (torch.logsumexp(part, 0) - torch.logsumexp(part[targets[index]], 0))
                for index, part in zip(batch, scores, strict=True)
            ]
            optimizer.zero_grad()
            (torch.stack(losses).sum() / weights[batch].sum()).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            schedule.step()

    straight, inner, outer = weights_within()

    def plain(tensor: Any) -> NDArray[np.float64]:
        return np.asarray(tensor.detach().numpy(), dtype=np.float64).round(4)

    return Network(
        mean=mean.round(6),
        spread=spread.round(6),
        direct=plain(straight[0]),
        hidden=plain(inner),
        bias=plain(hidden.bias),
        output=plain(outer[0]),
    )


def _table(sentences: Sequence[Weighed]) -> NDArray[np.float64]:
    return np.array([[getattr(one.signals, name) for name in SIGNALS] for one in sentences], dtype=np.float64)


def _written(network: Network) -> dict[str, Any]:
    arrays = {field.name: getattr(network, field.name).tolist() for field in fields(Network)}
    return {"signals": SIGNALS, **arrays}


# Whether the excerpt does


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


def _shown(one: Judged, network: Network) -> Shown:
    scores = scored([sentence.signals for sentence in one.sentences], network)
    rescored = [replace(sentence, score=score) for sentence, score in zip(one.sentences, scores, strict=True)]
    choice = one.choose(rescored)[0]
    homes = (choice.excerpt.document.id, *choice.excerpt.also_in)
    answers = [answer for home in homes for answer in one.asked.answers.get(home, ())]
    is_right = _states(choice.excerpt.text, answers)
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


if __name__ == "__main__":
    main()

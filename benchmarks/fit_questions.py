"""The questions that are fitted on, of the evaluation sets and our own over the news, each with what answers it."""

from __future__ import annotations

import gzip
import hashlib
import json
import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from benchmarks.cases import OUR_QUESTIONS
from benchmarks.jsonl import Row, read_rows, write_rows

_T = TypeVar("_T")
PARTS = 5
LANGUAGES = ("en", "zh", "hi", "ar")  # of XQuAD


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


def question_sets(data: Path, scratch: Path) -> Iterator[tuple[str, list[Path], list[Asked]]]:
    """Each set by name, its files of documents (written into `scratch` where a sample is taken), its questions."""
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
        for row in _sample(read_rows(folder / f"{name}.jsonl"), count):
            article = (row["gold"] or row["near"])[0].rpartition("/")[0]
            yield Asked(f"squad {name}", row["question"], answers_of(row), article)
    articles: defaultdict[str, set[str]] = defaultdict(set)
    for row in read_rows(folder / "documents.jsonl"):
        articles[row["id"].rpartition("/")[0]].add(row["id"])
    for row in _sample(read_rows(folder / "questions.jsonl"), 400, seed=9):
        article = row["gold"][0].rpartition("/")[0]
        yield Asked("squad absent", row["question"], {}, article, frozenset(articles[article]))


def _mixed(folder: Path) -> Iterator[Asked]:
    """Questions over paragraphs in four languages, with and without the one in the question's own."""
    asked = {
        name: {row["id"].partition("/")[0]: row for row in read_rows(folder / f"questions.{name}.jsonl")}
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
    paragraphs: defaultdict[str, list[Row]] = defaultdict(list)
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
    write_rows(documents, texts)
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
    write_rows(documents, [{"id": one["id"], "text": one["context"], "language": "zh"} for one in paragraphs])
    for one in paragraphs:
        for row in _sample(one["qas"], 2):
            answers = tuple({answer["text"] for answer in row["answers"]})
            yield Asked("cmrc", row["question"], {one["id"]: answers}, one["id"])


def _news() -> Iterator[Asked]:
    """Our own questions over the news articles, those of conversations with what was asked before."""
    for name in ("news", "conversations"):
        for row in read_rows(OUR_QUESTIONS / f"{name}.jsonl"):
            article = (row["gold"] or [row["id"]])[0]
            history = tuple(row.get("history", []))
            yield Asked(f"news {row['kind']}", row["question"], answers_of(row), article, history=history)


def _sample(rows: Sequence[_T], count: int, *, seed: int = 1) -> list[_T]:
    return random.Random(seed).sample(rows, min(count, len(rows)))  # noqa: S311 - not a secret


def answers_of(row: Row) -> dict[str, tuple[str, ...]]:
    """The answers of each document that answers the question in `row`."""
    return {document: tuple(row["answers"]) for document in row["gold"]}

"""What the reader learns from: questions with a text and the words of it that answer, or none.

The articles of `squad/` and `xquad/` whose part is `HELD_PART` are kept aside, for choosing and for judging; the news
questions are not looked at. Of the answerable questions some are asked of another text of the same article, or with a
number or a name exchanged: they are near misses that nobody had to write.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.jsonl import read_rows

__all__ = ["HELD_PART", "QUESTIONS", "Example", "broad_examples", "held_examples", "is_held", "training_examples"]

QUESTIONS = Path(__file__).with_name("questions")

PARTS = 5
HELD_PART = 0
OTHER_TEXT_SHARE = 0.2
EXCHANGED_SHARE = 0.08
LANGUAGES = ("en", "zh", "hi", "ar")  # of XQuAD
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"(?<![\w.,])\d[\d,.]*\d|(?<![\w.,])\d(?![\w.,])")
_NAME = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+(?: [A-Z][a-z]+)*")


@dataclass(frozen=True, slots=True)
class Example:
    """A question, a text with its title, and the answers: strings of the text, none where it does not answer."""

    kind: str
    question: str
    title: str
    text: str
    answers: tuple[str, ...]
    article: str


def is_held(article: str) -> bool:
    """Whether the article is kept aside."""
    return hashlib.sha256(article.encode()).digest()[0] % PARTS == HELD_PART


def broad_examples(data: Path, seed: int) -> list[Example]:
    """What is learnt first, in a random order: of the large sets much, each once, and none of the small ones."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    found = [
        *_with_near_misses(chance.sample(list(_shifts(data, "amazon_reviews")), 5000), chance),
        *_with_near_misses(chance.sample(list(_shifts(data, "reddit")), 5000), chance),
        *_with_near_misses(chance.sample(list(_uqa(data)), 75_000), chance),
    ]
    chance.shuffle(found)
    return found


def training_examples(data: Path, seed: int, news: Path | None = None) -> list[Example]:
    """The examples to learn from, in a random order: those in `news` (of `training.news`), and of every set some."""
    chance = random.Random(seed)  # noqa: S311 - not a secret
    kinds = defaultdict(list)
    for one in _squad(data):
        if not is_held(one.article):
            kinds[one.kind].append(one)
    found = [
        *(_written(news) if news else []),
        *_own_squad(data),
        *_with_near_misses(kinds["squad"], chance),
        *(kinds["squad none"] * 3)[: 3 * len(kinds["squad none"]) // 2],
        *_with_near_misses(chance.sample(kinds["squad ur"], 2000), chance),
        *chance.sample(kinds["squad ur none"], 2000),
        *_with_near_misses(chance.sample(list(_shifts(data, "amazon_reviews")), 2000), chance),
        *_with_near_misses(chance.sample(list(_shifts(data, "reddit")), 2000), chance),
        *_with_near_misses(chance.sample(list(_uqa(data)), 15_000), chance),
        *_with_near_misses(list(_cmrc(data)), chance),
        *_with_near_misses([one for one in _xquad(data, chance, 2500) if not is_held(one.article)], chance),
    ]
    chance.shuffle(found)
    return found


def held_examples(data: Path) -> list[Example]:
    """The questions of the articles that are kept aside, each with its own text."""
    return [one for one in _squad(data) if is_held(one.article)]


def _with_near_misses(examples: Sequence[Example], chance: random.Random) -> Iterator[Example]:
    """The examples, some of them made near misses."""
    texts: defaultdict[str, dict[str, Example]] = defaultdict(dict)
    for one in examples:
        texts[one.article][one.text] = one
    everywhere = {text: example for same in texts.values() for text, example in same.items()}
    for one in examples:
        drawn = chance.random()
        if not one.answers or drawn > OTHER_TEXT_SHARE + EXCHANGED_SHARE:
            yield one
        elif drawn < OTHER_TEXT_SHARE:
            same = texts[one.article]
            yield _elsewhere(one, same if len(same) > 3 else everywhere, chance)
        else:
            yield _exchanged(one, texts[one.article], chance)


def _elsewhere(one: Example, texts: dict[str, Example], chance: random.Random) -> Example:
    """The question asked of another text: of one that shares many words with it, and holds none of the answers."""
    asked = _words(one.question)
    others = list(texts.values())
    if len(others) > 200:
        others = chance.sample(others, 200)
    others = [other for other in others if not any(answer in other.text for answer in one.answers)]
    if not others:
        return one
    nearest = sorted(others, key=lambda other: -len(asked & _words(other.text)))[:3]
    other = chance.choice(nearest)
    return replace(one, kind=f"{one.kind}, elsewhere", title=other.title, text=other.text, answers=())


def _exchanged(one: Example, texts: dict[str, Example], chance: random.Random) -> Example:
    """The question with a number or a name of it exchanged for another of the same article."""
    for pattern in (_NUMBER, _NAME):
        found = [match for match in pattern.finditer(one.question) if match[0] in one.text]
        if not found:
            continue
        match = chance.choice(found)
        others = {other for text in texts for other in pattern.findall(text)} - {match[0], *one.answers}
        if pattern is _NUMBER:
            others = {other for other in others if len(other) == len(match[0])}
        if others:
            other = chance.choice(sorted(others))
            question = one.question[: match.start()] + other + one.question[match.end() :]
            return replace(one, kind=f"{one.kind}, exchanged", question=question, answers=())
    return one


def _words(text: str) -> frozenset[str]:
    return frozenset(word.casefold() for word in _WORD.findall(text))


# The sets


def _squad(data: Path) -> Iterator[Example]:
    folder = data / "squad"
    texts = {row["id"]: row for row in read_rows(folder / "documents.jsonl")}
    files = {"questions": "squad", "unanswerable": "squad none", "questions.ur": "squad ur"}
    for name, kind in {**files, "unanswerable.ur": "squad ur none"}.items():
        for row in read_rows(folder / f"{name}.jsonl"):
            text = texts[(row["gold"] or row["near"])[0]]
            answers = tuple(answer for answer in row["answers"] if answer in text["text"])
            if bool(answers) == row["answerable"]:
                article = text["id"].rpartition("/")[0]
                yield Example(kind, row["question"], text["title"], text["text"], answers, article)


def _own_squad(data: Path) -> Iterator[Example]:
    """Our own questions over SQuAD's paragraphs."""
    texts = {row["id"]: row for row in read_rows(data / "squad" / "documents.jsonl")}
    for row in read_rows(QUESTIONS / "squad.jsonl"):
        text, answers = texts[row["document"]], (row["answer"],) if row["answer"] else ()
        article = text["id"].rpartition("/")[0]
        if not is_held(article):
            yield Example("squad own", row["question"], text["title"], text["text"], answers, article)


def _written(path: Path) -> Iterator[Example]:
    for row in read_rows(path):
        yield Example(**row | {"answers": tuple(row["answers"])})


def _shifts(data: Path, name: str) -> Iterator[Example]:
    texts = {row["id"]: row for row in read_rows(data / name / "documents.jsonl")}
    for row in read_rows(data / name / "questions.jsonl"):
        text = texts[row["gold"][0]]
        answers = tuple(answer for answer in row["answers"] if answer in text["text"])
        if answers:
            yield Example(name, row["question"], text.get("title") or "", text["text"], answers, text["id"])


def _uqa(data: Path) -> Iterator[Example]:
    with gzip.open(data / "uqa_train" / "train.jsonl.gz", "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            answers = tuple(
                answer["text"]
                for answer in row["answers"]
                if row["context"][answer["answer_start"] :].startswith(answer["text"]) and answer["text"]
            )
            if not row["review"] and bool(answers) != row["is_impossible"]:
                article = f"uqa/{row['article']}"
                yield Example("uqa", row["question"], row["title"], row["context"], answers, article)


def _cmrc(data: Path) -> Iterator[Example]:
    for name in ("cmrc2018_dev", "cmrc2018_trial"):
        articles = json.loads((data / "cmrc2018" / f"{name}.json").read_text(encoding="utf-8"))["data"]
        for place, article in enumerate(articles):
            for paragraph in article["paragraphs"]:
                text = paragraph["context"]
                for question in paragraph["qas"]:
                    answers = tuple({answer["text"] for answer in question["answers"] if answer["text"] in text})
                    if answers:
                        yield Example("cmrc", question["question"], "", text, answers, f"cmrc/{name}/{place // 40}")


def _xquad(data: Path, chance: random.Random, count: int) -> list[Example]:
    """Questions in one language over texts in another; of English and Chinese more than of the others."""
    texts = {
        row["id"]: row for language in LANGUAGES for row in read_rows(data / "xquad" / f"documents.{language}.jsonl")
    }
    asked = {
        language: {
            row["id"].rpartition("/")[0]: row for row in read_rows(data / "xquad" / f"questions.{language}.jsonl")
        }
        for language in LANGUAGES
    }
    found = []
    keys = sorted(asked["en"])
    for _ in range(count):
        of, over = chance.choices(LANGUAGES, (3, 4, 1, 1), k=2)
        key = chance.choice(keys)
        if key in asked[of] and key in asked[over]:
            row = asked[over][key]
            text = texts[row["gold"][0]]
            answers = tuple(answer for answer in row["answers"] if answer in text["text"])
            if answers:
                article = text["id"].split("/")[1]
                title = text.get("title") or ""
                found.append(Example(f"xquad {of}", asked[of][key]["question"], title, text["text"], answers, article))
    return found


def main() -> None:
    """Count the examples by kind."""
    counts: Counter[tuple[str, bool]] = Counter(_kinds(training_examples(Path("../shared/data"), 1)))
    for (kind, answerable), count in sorted(counts.items()):
        print(kind, "answerable" if answerable else "none", count)


def _kinds(examples: Iterable[Example]) -> Iterator[tuple[str, bool]]:
    for one in examples:
        yield one.kind, bool(one.answers)


if __name__ == "__main__":
    main()

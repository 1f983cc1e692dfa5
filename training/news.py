"""Our own questions over the news, each with the stretches of sentences that the plain signals choose for the reader.

    python -m training.news --write FILE [--data ../shared/data]

`questions/news.jsonl` names for each question an article and the words of it that answer, or null: a near miss, which
sounds as if it did. None is about an article that our other questions or those that judge are about. What is written
are examples, for `training.train --news FILE`.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path

from benchmarks.jsonl import Row, read_rows, write_rows
from benchmarks.libraries import make_library, real_encoder, require, tell
from retrieval.datamodel import Document
from retrieval.engine import Engine
from retrieval.excerpt import Weighed
from retrieval.models import prepare
from retrieval.reader import cut_to_stretches
from retrieval.unigram import Unigram
from training.examples import QUESTIONS, Example, is_held

__all__ = ["examples_over"]

OWN_STRETCHES = 2
_NUMBER = re.compile(r"\d[\d,.]*\d|\d")


def main() -> None:
    """Ask, and write what would be read."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--write", type=Path, required=True)
    options = parser.parse_args()
    documents = require(options.data) / "news" / "documents.jsonl"
    with tempfile.TemporaryDirectory() as scratch:
        engine = make_library(Path(scratch) / "news", [documents], real_encoder())
        unigram = Unigram(prepare().unigram)
        rows = [row for row in read_rows(QUESTIONS / "news.jsonl") if not is_held(row["document"])]
        found = [one for row in rows for one in examples_over(engine, unigram, row)]
        engine.close()
    write_rows(options.write, [asdict(one) for one in found])
    tell(f"written: {options.write}, {len(found)} examples")


def examples_over(engine: Engine, unigram: Unigram, row: Row) -> Iterator[Example]:
    """The question over what is read of its own article; where that answers, over what is read of another too."""
    own, asked, answer = row["document"], row["question"], row["answer"]
    query = engine.query(asked)
    document = engine.document(own)
    title, whole = document.title or "", document.snapshot.text
    is_told_once = bool(answer) and whole.count(answer) == 1
    for _, text in islice(_read(engine.weigh(query, within={own}), unigram), OWN_STRETCHES):
        inside = (answer,) if answer and answer in text else ()
        if not inside or is_told_once:  # of words that stand there several times not all need answer
            yield Example("news" if inside else "news none", asked, title, text, inside, own)
    if answer:
        yield Example("news", asked, title, whole, (answer,), own)
        others = [one for one in engine.weigh(query) if not _may_answer(one.candidate.document, document, answer)]
        for other, text in islice(_read(others, unigram), 1):
            yield Example("news none", asked, other.title or "", text, (), own)


def _read(sentences: Iterable[Weighed], unigram: Unigram) -> Iterator[tuple[Document, str]]:
    """What a reader is given of them, best first."""
    for one in cut_to_stretches(((sentence.candidate, sentence.place) for sentence in sentences), unigram):
        document = one.candidate.document
        yield document, one.span.of(document.snapshot.text)


def _may_answer(other: Document, own: Document, answer: str) -> bool:
    """Whether the other document holds the answer or a number of it, or could hold it in another language's words."""
    text = other.snapshot.text.casefold()
    numbers = _NUMBER.findall(answer)
    is_told = all(number in text for number in numbers) if numbers else answer.casefold() in text
    return other.language != own.language or is_told


if __name__ == "__main__":
    main()

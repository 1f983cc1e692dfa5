"""Each question of the sets asked, and every sentence that was read for it: its signals, and whether it answers."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.fit_questions import Asked, question_sets
from benchmarks.libraries import make_library, real_encoder, tell
from retrieval.engine import Engine
from retrieval.evidence import Choice
from retrieval.excerpt import Weighed, choose


@dataclass(frozen=True, slots=True)
class Judged:
    """A question's sentences with their signals, and which of them answer."""

    asked: Asked
    sentences: list[Weighed]
    right: NDArray[np.bool_]
    choose: Callable[[list[Weighed]], list[Choice]]


def gather(data: Path) -> list[Judged]:
    """Ask every question of the sets, and look at each sentence that was read."""
    encoder = real_encoder()
    judged: list[Judged] = []
    with tempfile.TemporaryDirectory() as scratch:
        for name, documents, questions in question_sets(data, Path(scratch)):
            engine = make_library(Path(scratch) / name, documents, encoder)
            judged += [judge(engine, asked) for asked in questions]
            engine.close()
            tell(f"{name}: {len(questions)} questions asked")
    return judged


def judge(engine: Engine, asked: Asked) -> Judged:
    """The sentences that are read for a question, without a reader."""
    within = {one.id for one in engine.documents()} - asked.without if asked.without else None
    query = engine.query(asked.question, asked.history)
    sentences = engine.weigh(query, within=within)
    weight = engine.weight()

    def chosen(rescored: list[Weighed]) -> list[Choice]:
        return list(islice(choose(query, rescored, weight), 1))

    texts = [one.span.of(one.candidate.document.snapshot.text) for one in sentences]
    homes = [one.candidate.document.id for one in sentences]
    right = [states(text, asked.answers.get(home, ())) for text, home in zip(texts, homes, strict=True)]
    return Judged(asked, sentences, np.array(right, dtype=bool), chosen)


def states(text: str, answers: Sequence[str]) -> bool:
    """Whether one of the answers stands in the text as whole words, white space and case aside."""
    folded = " ".join(text.split()).casefold()
    for answer in answers:
        wanted = " ".join(answer.split()).casefold()
        before = r"(?<!\w)" if wanted[0].isascii() and wanted[0].isalnum() else ""
        after = r"(?!\w)" if wanted[-1].isascii() and wanted[-1].isalnum() else ""
        if re.search(before + re.escape(wanted) + after, folded):
            return True
    return False

"""txtai, for `beside_step.py`; it imports nothing of ours.

All is left at the defaults but the model, its prompts, BM25 beside it ("hybrid"), and the texts kept with it
("content"). Documents are split only where `split` tells its `Segmentation` how.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeAlias

from txtai import Embeddings  # type: ignore[import-not-found]
from txtai.pipeline import Segmentation  # type: ignore[import-not-found]

Row: TypeAlias = dict[str, Any]


def index(task: Row) -> Callable[[], None]:
    """Encode, count the words, keep both with the texts."""
    prompts = {"query": task["query_prompt"], "data": task["passage_prompt"]}
    embeddings = Embeddings(path=task["model"], instructions=prompts, hybrid=True, content=True)

    def keep() -> None:
        embeddings.index(_passages(task))
        embeddings.save(task["index"])

    return keep


def opened(task: Row) -> Callable[[Row], list[Row]]:
    """The best passages by BM25 and the embeddings, weighted alike."""
    embeddings = Embeddings()
    embeddings.load(task["index"])

    def ask(question: Row) -> list[Row]:
        found = embeddings.search(question["question"], task["depth"])
        return [
            {"document": row["id"].rpartition(" ")[0], "text": row["text"], "start": 0, "score": row["score"]}
            for row in found
        ]

    return ask


def _passages(task: Row) -> Iterator[tuple[str, str]]:
    segment = Segmentation(**task["split"])
    lines = Path(task["documents"]).read_text(encoding="utf-8").split("\n")
    for row in [json.loads(line) for line in lines if line]:
        texts = segment(row["text"]) if task["split"] else [row["text"]]
        yield from ((f"{row['id']} {number}", text) for number, text in enumerate(texts))

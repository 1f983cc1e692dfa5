"""Haystack, for `beside_step.py`; it imports nothing of ours.

All is left at Haystack's defaults but the model, its prompts, the way of joining, and what `split` tells the splitter.
`way` is "bm25" or "hybrid".
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "false"  # read when haystack is imported

from haystack import Document, Pipeline  # type: ignore[import-not-found]
from haystack.components.joiners import DocumentJoiner  # type: ignore[import-not-found]
from haystack.components.preprocessors import DocumentSplitter  # type: ignore[import-not-found]
from haystack.components.retrievers.in_memory import (  # type: ignore[import-not-found]
    InMemoryBM25Retriever,
    InMemoryEmbeddingRetriever,
)
from haystack.components.writers import DocumentWriter  # type: ignore[import-not-found]
from haystack.document_stores.in_memory import InMemoryDocumentStore  # type: ignore[import-not-found]

Row: TypeAlias = dict[str, Any]

FILE = "store.json"


def index(task: Row) -> Callable[[], None]:
    """Split, encode for the hybrid, store the documents, write the store."""
    store = InMemoryDocumentStore()
    embedder = _embedders(task)[0] if task["way"] == "hybrid" else None
    steps = {"splitter": DocumentSplitter(**task["split"]), "embedder": embedder, "writer": DocumentWriter(store)}
    indexing = Pipeline()
    names = [name for name, step in steps.items() if step is not None]
    for name in names:
        indexing.add_component(name, steps[name])
    for before, after in itertools.pairwise(names):
        indexing.connect(f"{before}.documents", f"{after}.documents")
    indexing.warm_up()

    def keep() -> None:
        lines = Path(task["documents"]).read_text(encoding="utf-8").split("\n")
        rows = [json.loads(line) for line in lines if line]
        documents = [Document(id=row["id"], content=row["text"], meta={"title": row["title"]}) for row in rows]
        indexing.run({"splitter": {"documents": documents}})
        store.save_to_disk(str(Path(task["index"]) / FILE))

    return keep


def opened(task: Row) -> Callable[[Row], list[Row]]:
    """BM25 alone, or with the model's embeddings, joined by their ranks."""
    store = InMemoryDocumentStore.load_from_disk(str(Path(task["index"]) / FILE))
    asking = Pipeline()
    asking.add_component("bm25", InMemoryBM25Retriever(store))
    last = "bm25"
    if task["way"] == "hybrid":
        last = "joiner"
        asking.add_component("embedder", _embedders(task)[1])
        asking.add_component("dense", InMemoryEmbeddingRetriever(store))
        asking.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion"))
        asking.connect("embedder.embedding", "dense.query_embedding")
        asking.connect("dense", "joiner")
        asking.connect("bm25", "joiner")
    asking.warm_up()

    def ask(question: Row) -> list[Row]:
        asked = {"bm25": {"query": question["question"]}}
        if task["way"] == "hybrid":
            asked["embedder"] = {"text": question["question"]}
        return [_passage(passage) for passage in asking.run(asked)[last]["documents"][: task["depth"]]]

    return ask


def _embedders(task: Row) -> tuple[Any, Any]:
    """Of passages, and of questions."""
    from haystack_integrations.components.embedders.sentence_transformers import (  # type: ignore[import-not-found]
        SentenceTransformersDocumentEmbedder,
        SentenceTransformersTextEmbedder,
    )

    return (
        SentenceTransformersDocumentEmbedder(model=task["model"], prefix=task["passage_prompt"]),
        SentenceTransformersTextEmbedder(model=task["model"], prefix=task["query_prompt"], progress_bar=False),
    )


def _passage(passage: Any) -> Row:
    return {
        "document": passage.meta["source_id"],
        "text": passage.content,
        "start": passage.meta["split_idx_start"],
        "score": float(passage.score),
    }

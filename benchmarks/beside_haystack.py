"""Haystack, set beside Quoth: `benchmarks.beside` runs this in Haystack's own environment; it imports nothing of ours.

    python -P benchmarks/beside_haystack.py TASK.json

All is left at Haystack's defaults but the model, its prompts, the way of joining, and what `split` says. The task
names `way` ("bm25" or "hybrid"), `split` (what the splitter is told), `documents` and `questions` (`.jsonl` files),
`model` (a sentence-transformers folder), `query_prompt`, `passage_prompt`, `depth` (how many passages are wanted), and
`found`, the file to write: a JSON object of `index_s` and `replies`, each with `id`, `elapsed_ms` and its `passages`,
best first: `document`, `text`, `start` (a code point of the document's text) and `score`.
"""

from __future__ import annotations

import itertools
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

Row: TypeAlias = dict[str, Any]


def main() -> int:
    """Index, ask, write what was found."""
    os.environ["HAYSTACK_TELEMETRY_ENABLED"] = "false"  # read when haystack is imported
    task: Row = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    found = WAYS[task["way"]](task)
    Path(task["found"]).write_text(json.dumps(found, ensure_ascii=False), encoding="utf-8")
    return 0


def bm25(task: Row) -> Row:
    """BM25 alone."""
    from haystack import Pipeline  # type: ignore[import-not-found]
    from haystack.components.retrievers.in_memory import InMemoryBM25Retriever  # type: ignore[import-not-found]
    from haystack.document_stores.in_memory import InMemoryDocumentStore  # type: ignore[import-not-found]

    store = InMemoryDocumentStore()
    index_s = _indexed(task, store, None)
    asking = Pipeline()
    asking.add_component("bm25", InMemoryBM25Retriever(store))
    replies = _replies(task, lambda question: asking.run({"bm25": {"query": question}})["bm25"])
    return {"index_s": index_s, "replies": replies}


def hybrid(task: Row) -> Row:
    """BM25 and the model's embeddings, joined by their ranks."""
    from haystack import Pipeline
    from haystack.components.joiners import DocumentJoiner  # type: ignore[import-not-found]
    from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack_integrations.components.embedders.sentence_transformers import (  # type: ignore[import-not-found]
        SentenceTransformersDocumentEmbedder,
        SentenceTransformersTextEmbedder,
    )

    store = InMemoryDocumentStore()
    passages = SentenceTransformersDocumentEmbedder(model=task["model"], prefix=task["passage_prompt"])
    questions = SentenceTransformersTextEmbedder(model=task["model"], prefix=task["query_prompt"], progress_bar=False)
    index_s = _indexed(task, store, passages)
    asking = Pipeline()
    asking.add_component("embedder", questions)
    asking.add_component("dense", InMemoryEmbeddingRetriever(store))
    asking.add_component("bm25", InMemoryBM25Retriever(store))
    asking.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion"))
    asking.connect("embedder.embedding", "dense.query_embedding")
    asking.connect("dense", "joiner")
    asking.connect("bm25", "joiner")
    asking.warm_up()
    replies = _replies(
        task, lambda question: asking.run({"embedder": {"text": question}, "bm25": {"query": question}})["joiner"]
    )
    return {"index_s": index_s, "replies": replies}


WAYS: dict[str, Callable[[Row], Row]] = {"bm25": bm25, "hybrid": hybrid}


def _indexed(task: Row, store: Any, embedder: Any) -> float:
    """Split, embed unless `embedder` is None, and store the documents; the seconds, without loading the model."""
    from haystack import Document, Pipeline
    from haystack.components.preprocessors import DocumentSplitter  # type: ignore[import-not-found]
    from haystack.components.writers import DocumentWriter  # type: ignore[import-not-found]

    documents = [
        Document(id=row["id"], content=row["text"], meta={"title": row["title"]}) for row in _rows(task["documents"])
    ]
    steps = {"splitter": DocumentSplitter(**task["split"]), "embedder": embedder, "writer": DocumentWriter(store)}
    indexing = Pipeline()
    names = [name for name, step in steps.items() if step is not None]
    for name in names:
        indexing.add_component(name, steps[name])
    for before, after in itertools.pairwise(names):
        indexing.connect(f"{before}.documents", f"{after}.documents")
    indexing.warm_up()
    begun = time.perf_counter()
    indexing.run({"splitter": {"documents": documents}})
    return time.perf_counter() - begun


def _replies(task: Row, ask: Callable[[str], Row]) -> list[Row]:
    replies = []
    for question in _rows(task["questions"]):
        begun = time.perf_counter()
        passages = ask(question["question"])["documents"]
        elapsed_ms = 1000 * (time.perf_counter() - begun)
        best = [_passage(passage) for passage in passages[: task["depth"]]]
        replies.append({"id": question["id"], "elapsed_ms": elapsed_ms, "passages": best})
    return replies


def _passage(passage: Any) -> Row:
    return {
        "document": passage.meta["source_id"],
        "text": passage.content,
        "start": passage.meta["split_idx_start"],
        "score": float(passage.score),
    }


def _rows(path: str) -> list[Row]:
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").split("\n") if line]


if __name__ == "__main__":
    sys.exit(main())

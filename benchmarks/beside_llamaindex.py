"""LlamaIndex with FAISS, for `beside_step.py`; it imports nothing of ours.

All is left at the defaults but the model, its prompts, how many passages are wanted, and what `split` tells the
splitter.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

import faiss
from llama_index.core import (  # type: ignore[import-not-found]
    Document,
    StorageContext,
    VectorStoreIndex,
    load_index_from_storage,
)
from llama_index.core.node_parser import SentenceSplitter  # type: ignore[import-not-found]
from llama_index.embeddings.huggingface import HuggingFaceEmbedding  # type: ignore[import-not-found]
from llama_index.vector_stores.faiss import FaissVectorStore  # type: ignore[import-not-found]

Row: TypeAlias = dict[str, Any]


def index(task: Row) -> Callable[[], None]:
    """Split, encode, keep the vectors and the passages."""
    model = _model(task)
    splitter = SentenceSplitter(**task["split"])
    dimensions = len(model.get_text_embedding("one"))

    def keep() -> None:
        lines = Path(task["documents"]).read_text(encoding="utf-8").split("\n")
        rows = [json.loads(line) for line in lines if line]
        documents = [Document(id_=row["id"], text=row["text"]) for row in rows]
        storage = StorageContext.from_defaults(vector_store=FaissVectorStore(faiss.IndexFlatL2(dimensions)))
        VectorStoreIndex.from_documents(documents, storage, transformations=[splitter], embed_model=model)
        storage.persist(task["index"])

    return keep


def opened(task: Row) -> Callable[[Row], list[Row]]:
    """The nearest passages."""
    vectors = FaissVectorStore.from_persist_dir(task["index"])
    storage = StorageContext.from_defaults(vector_store=vectors, persist_dir=task["index"])
    retriever = load_index_from_storage(storage, embed_model=_model(task)).as_retriever(similarity_top_k=task["depth"])

    def ask(question: Row) -> list[Row]:
        return [
            {
                "document": found.node.ref_doc_id,
                "text": found.node.text,
                "start": found.node.start_char_idx or 0,
                "score": -float(found.score),
            }
            for found in retriever.retrieve(question["question"])
        ]

    return ask


def _model(task: Row) -> Any:
    prompts = {"query_instruction": task["query_prompt"], "text_instruction": task["passage_prompt"]}
    return HuggingFaceEmbedding(task["model"], **prompts)

"""LangChain with FAISS, for `beside_step.py`; it imports nothing of ours.

All is left at the defaults but the model, its prompts, and what `split` tells the splitter.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from langchain_community.vectorstores import FAISS  # type: ignore[import-not-found]
from langchain_core.documents import Document  # type: ignore[import-not-found]
from langchain_huggingface import HuggingFaceEmbeddings  # type: ignore[import-not-found]
from langchain_text_splitters import RecursiveCharacterTextSplitter  # type: ignore[import-not-found]

Row: TypeAlias = dict[str, Any]


def index(task: Row) -> Callable[[], None]:
    """Split, encode, keep the vectors and the passages."""
    embeddings = _embeddings(task)
    splitter = RecursiveCharacterTextSplitter(**task["split"], add_start_index=True)

    def keep() -> None:
        lines = Path(task["documents"]).read_text(encoding="utf-8").split("\n")
        rows = [json.loads(line) for line in lines if line]
        documents = [Document(row["text"], metadata={"document": row["id"]}) for row in rows]
        FAISS.from_documents(splitter.split_documents(documents), embeddings).save_local(task["index"])

    return keep


def opened(task: Row) -> Callable[[Row], list[Row]]:
    """The nearest passages."""
    store = FAISS.load_local(task["index"], _embeddings(task), allow_dangerous_deserialization=True)

    def ask(question: Row) -> list[Row]:
        found = store.similarity_search_with_score(question["question"])
        return [
            {
                "document": passage.metadata["document"],
                "text": passage.page_content,
                "start": passage.metadata["start_index"],
                "score": -float(distance),
            }
            for passage, distance in found[: task["depth"]]
        ]

    return ask


def _embeddings(task: Row) -> Any:
    return HuggingFaceEmbeddings(
        model_name=task["model"],
        encode_kwargs={"prompt": task["passage_prompt"]},
        query_encode_kwargs={"prompt": task["query_prompt"]},
    )

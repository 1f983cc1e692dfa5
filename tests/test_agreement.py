"""The compiled model against the weights it was made from, over the evaluation data: run by `make quality`."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import numpy as np
import pytest

from retrieval.encode import Embeddings, OnnxEncoder
from retrieval.models import prepare

DATA = Path(os.environ.get("DATA", "../shared/data")) / "squad"
NEAREST = 5  # the float model ranks what the compiled one puts first: the rest of 1,251 would take five minutes


@pytest.mark.data
def test_the_compiled_model_puts_the_same_passage_first() -> None:
    """For at least 95 % of 200 questions over the SQuAD half's 1,251 paragraphs."""
    paragraphs = [row["text"] for row in _rows("documents.jsonl")]
    questions = [row["question"] for row in random.Random(3).sample(_rows("questions.jsonl"), 200)]
    model = prepare()
    compiled = OnnxEncoder(model, threads=2)
    asked = compiled.encode(questions, prompt="query")
    nearest = np.argsort(-(asked @ compiled.encode(paragraphs, prompt="passage").T), axis=1)[:, :NEAREST]
    looked_at = sorted(set(nearest.ravel().tolist()))
    float_asked = _float(model.folder, [f"{model.query_prompt}{text}" for text in questions])
    float_found = _float(model.folder, [f"{model.passage_prompt}{paragraphs[row]}" for row in looked_at])
    position = {row: place for place, row in enumerate(looked_at)}
    same = 0
    for question, rows in zip(float_asked, nearest.tolist(), strict=True):
        scores = [float(question @ float_found[position[row]]) for row in rows]
        same += scores[0] == max(scores)
    print(f"the same first passage for {same} of {len(questions)} questions")
    assert same >= 0.95 * len(questions)


def _float(folder: Path, texts: list[str]) -> Embeddings:
    from sentence_transformers import SentenceTransformer

    network = SentenceTransformer(str(folder / "sentence-transformers"), device="cpu")
    found: Embeddings = network.encode(texts, batch_size=16, normalize_embeddings=True, show_progress_bar=False)
    return found


def _rows(name: str) -> list[dict[str, str]]:
    return [json.loads(line) for line in (DATA / name).read_text(encoding="utf-8").splitlines()]

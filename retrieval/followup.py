"""A question and what was asked before become one query that stands alone. No words are made up: only those typed."""

from __future__ import annotations

import re
from collections.abc import Sequence

from retrieval.question import Question

__all__ = ["resolve"]

_LEANS = re.compile(
    r"^\W*(?:and|also|then|so|but|what about|how about)\b|\b(?:he|she|it|they|him|her|them|his|hers|its|their|there|"
    r"that|those|this|these|one|ones)\b|^\W*(?:اور|وہ|اس|ان)\b|^(?:那|它|他|她|这)|呢[？?]?\s*$",
    re.IGNORECASE,
)
FEWEST_NEEDS = 2  # a question that names less than this says little by itself


def resolve(question: str, history: Sequence[str]) -> str:
    """The question, with what the last one named before it where it leans on that; `history` is oldest first."""
    if not history:
        return question
    asked = Question.of(question)
    if not _LEANS.search(question) and len(asked.needs) >= FEWEST_NEEDS:
        return question
    said = {need.surface.casefold() for need in asked.needs}
    before = [need.surface for need in Question.of(history[-1]).needs if need.surface.casefold() not in said]
    return " ".join([*before, question])
